"""What varied text consists of: for each kind of document, the forms of its rows and the urns that they draw from.

Words come from the lists that Faker ships, shortest first, with endings; then names, blends of their halves, numbers,
dates, addresses, emoji. The first slot of a form stands between a row and the one before it.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import product

ZIPF = 10_000
RANKED = {"word", "Word", "head", "Head", "tail", "half", "latin", "name", "Name"}
"""In these urns the r-th piece lies ZIPF / r times, at least once; in the others as often as it is named."""


@dataclass(frozen=True)
class Kind:
    """A kind of documents. share: how many of the documents, in parts. forms: each with its share of the rows."""

    name: str
    share: int
    forms: Mapping[str, int]
    urns: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class _Script:
    """How a language is written. words: attributes of Faker's providers. gap: between words."""

    share: int
    words: Sequence[str]
    endings: Sequence[str] = ()
    gap: str = " "
    comma: str = ","
    stops: Sequence[str] = (". ",) * 8 + ("? ", "! ")


FIRST = "the of and to in a is that for it was on with as by at from his be an or are this not".split()
CJK = ("。",) * 8 + ("?", "!")
SCRIPTS = {
    "english": _Script(700, ["lorem.en_US.word_list"], ("s", "ed", "ing", "er", "ly", "ness", "able", "'s", "-like")),
    "french": _Script(40, ["lorem.fr_FR.word_list"], ("s", "ment", "es", "er", "ait")),
    "german": _Script(40, ["lorem.de_DE.word_list"], ("en", "er", "ung", "heit", "lich")),
    "spanish": _Script(40, ["lorem.es_ES.word_list"], ("s", "mente", "ando", "ción")),
    "polish": _Script(20, ["lorem.pl_PL.word_list"], ("a", "ów", "em", "ość")),
    "russian": _Script(60, ["lorem.ru_RU.word_list"], ("а", "ов", "ами", "ость", "ский")),
    "greek": _Script(20, ["lorem.el_GR.word_list"], ("ς", "ος", "ων"), stops=(". ",) * 8 + ("; ", "! ")),
    "arabic": _Script(30, ["lorem.ar_AA.word_list"], ("ات", "ين", "ها"), comma="،", stops=(". ",) * 8 + ("؟ ", "! ")),
    "chinese": _Script(40, ["lorem.zh_CN.word_list"], ("的", "了", "们"), "", ",", CJK),
    "japanese": _Script(30, ["lorem.ja_JP.word_list"], ("は", "を", "です", "する"), "", "、", CJK),
    "korean": _Script(20, ["job.ko_KR.jobs", "company.ko_KR.company_name_words"], ("은", "이", "에서", "하다")),
    "hindi": _Script(
        20,
        ["person.hi_IN.first_names", "person.hi_IN.last_names", "address.hi_IN.cities"],
        ("ों", "का", "में"),
        stops=("। ",) * 8 + ("? ", "! "),
    ),
}

PROSE = {
    "{gap}{word}": 700,
    "{gap}{word}{comma}{gap}{word}": 60,
    "{gap}{word}{stop}{Word}": 60,
    "{gap}{word}.\n\n{Word}": 8,
    "{gap}{head}{tail}": 10,
    "{gap}{head}{half}{tail}": 3,
    "{gap}{Head}{tail}": 12,
    "{gap}“{Word}{gap}{word}”": 6,
    "{gap}({word}{gap}{word})": 5,
    "{gap}{word}-{word}": 3,
    "{gap}{number}": 15,
    "{gap}{number}.{two} %": 4,
    "{gap}{day} {month} {year}": 5,
    "{gap}{date}": 3,
    "{gap}{site}/{latin}/{number}": 3,
    "{gap}{latin}@{latin}.org": 1,
    "{gap}{emoji}": 5,
}
CODE = {
    "{line}{name} = {name}({number})": 14,
    "{line}{name} = {name}": 10,
    "{line}{name}.{name}({name})": 12,
    "{line}{name} += {number};": 5,
    "{line}if {name} {operator} {number}:": 8,
    "{line}for {letter} in range({number}):": 4,
    "{line}return {name}": 8,
    "{line}return {name} {operator} {name}": 3,
    "{line}# {word} {word} {word}": 6,
    '{line}{name}("{word}: %d\\n", {name});': 4,
    "{line}{brace}": 12,
    "{line}else:": 2,
    "{block}def {name}({name}, {name}):": 4,
    "{block}class {Name}({Name}):": 1,
    "{block}import {name}": 2,
    "{block}int {name}(const char *{name}) {brace}": 2,
    "{line}0x{two}{two}{two}{two},": 1,
    '{line}"{name}": {{"{name}": {number}}},': 3,
}
RECORDS = {
    "{next}{date}T{time}Z {level} {name}: {word} {word}": 3,
    "{next}{date},{number}.{two},{Word},{letter}": 3,
    "{next}| {Word} | {number}.{two} |": 2,
    "{next}- {Word} {word} {word}": 2,
    "{next}## {Word} {word}": 1,
    '{next}<a href="{site}/{latin}">{Word}</a>': 1,
}

COMMON = {
    "number": [*map(str, range(100))] * 3 + [str(i * i) for i in range(10, 1000)] + [f"{i},000" for i in range(99)],
    "two": [f"{i:02}" for i in range(60)],
    "day": [str(i) for i in range(1, 32)],
    "date": [f"{2026 - i % 40}-{i % 12 + 1:02}-{i % 28 + 1:02}" for i in range(0, 5000, 3)],
    "time": [f"{i % 24:02}:{i % 60:02}:{i % 59:02}" for i in range(0, 5000, 3)],
    "year": [str(i) for i in range(1900, 2030)],
    "month": "January February March April May June July August September October November December".split(),
    "emoji": "😀 😂 🤣 ❤️ 🔥 👍 👍🏽 🙏 🎉 😭 🚀 ✨ ✅ 👩‍💻 🇫🇷 🏳️‍🌈 🤷‍♀️ ☕".split(),
    "letter": list("ijkxyn"),
    "operator": "== != < > <= >= + - * / % and or".split(),
    "brace": ["}", "{", "});", "},", ")", "]"],
    "level": "INFO INFO INFO DEBUG WARN ERROR".split(),
    "line": ["\n"] * 2 + ["\n    "] * 6 + ["\n        "] * 6 + ["\n            "] * 3 + ["\n\t"] * 2 + ["\n\t\t"],
    "block": ["\n\n", "\n\n\n"],
    "next": ["\n"],
}  # fmt: skip


def _listed(script: _Script) -> list[str]:
    """The words of Faker's lists, shortest first, without repetitions."""
    found: list[str] = []
    for place in script.words:
        provider, language, attribute = place.split(".")
        words = getattr(import_module(f"faker.providers.{provider}.{language}").Provider, attribute)
        found += [part for word in words for part in word.split()]
    return sorted(dict.fromkeys(found), key=len)


def _words(script: _Script, first: Sequence[str]) -> dict[str, list[str]]:
    """Urns of a language: words and their halves, capitalised too."""
    listed = list(dict.fromkeys([*first, *_listed(script)]))
    forms = [word + ending for ending, word in product(["", *script.endings], listed)]
    halves = [(word[: (len(word) + 1) // 2], word[(len(word) + 1) // 2 :]) for word in listed]
    heads, tails = (list(dict.fromkeys(filter(None, half))) for half in zip(*halves, strict=True))
    urns = {"word": forms, "head": heads, "tail": tails, "half": [*heads, *tails]}
    return urns | {name.capitalize(): [word.capitalize() for word in urns[name]] for name in ("word", "head")}


def _kinds() -> list[Kind]:
    english = _words(SCRIPTS["english"], FIRST)
    sites = [f"https://www.{word}.{end}" for word, end in product(english["head"], ("com", "org", "io", "co.uk", "de"))]
    plain = [word for word in english["word"] if set(word) <= set(string.ascii_lowercase)]
    names = [*plain[::2], *(f"{a}_{b}" for a, b in zip(plain[1::7], plain[::7], strict=False))]
    names += [a + b.capitalize() for a, b in zip(plain[3::11], plain[::11], strict=False)]
    common = COMMON | {
        "latin": plain,
        "site": sites,
        "name": names,
        "Name": [name.title().replace("_", "") for name in names],
    }
    prose = []
    for name, script in SCRIPTS.items():
        words = english if name == "english" else _words(script, ())
        marks = {"gap": [script.gap], "comma": [script.comma], "stop": script.stops}
        prose.append(Kind(name, script.share, PROSE, common | words | marks))
    code = Kind("code", 140, CODE, common | english)
    return [*prose, code, Kind("records", 20, RECORDS, common | english)]


KINDS = _kinds()
