"""A biography as anybody would make it: render every sentence with Jinja2, join them, encode the whole text.

From the package it takes only the facts (values of attributes, wrong ones included) and the choices (which language,
wordings, order and mistakes). How they become words is its own, and so are the spans and parts: while Jinja2 renders a
sentence every value is put between marks, and where these stood, the value stands in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from pipeline.core.documents import ROLES, Ragged
from pipeline.plan.plan import Plan
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.knowledge.biography_variants import Choices
from pipeline.text.outline import Outline
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds.world import World
from tests.plans import plan_of

FIRST_CODE = 0xF0000  # a character from here on stands for a token id that is given
Place = tuple[int, int, str]  # first, end, what stands there

# ── values: texts and numbers that remember whose value they show ───────────────────────────────────────────────────


class Shown:
    """What an expression in a template shows. value: where in it the value stands, label: whose value that is."""

    label: str
    value: tuple[int, int]


class Words(Shown, str):
    """A text."""


class Number(Shown, int):
    """A number."""


def value(of: object, label: str, before: str = "", after: str = "") -> Any:
    """A value with words around it."""
    made: Any = Number(of) if isinstance(of, int) else Words(f"{before}{of}{after}")
    made.label, made.value = label, (len(before), len(str(made)) - len(after))
    return made


def beside(shown: Any, before: str = "", after: str = "", *, without: int = 0) -> Any:
    """What an expression shows with words around it, less its first characters; the value in it stays the value."""
    made = Words(f"{before}{str(shown)[without:]}{after}")
    first, end = getattr(shown, "value", (0, len(str(shown))))
    made.label, made.value = getattr(shown, "label", ""), tuple(at + len(before) - without for at in (first, end))
    return made


def _marked(shown: Any) -> Any:
    if not isinstance(shown, Shown):
        return shown
    text, (first, end) = str(shown), shown.value
    return f"{text[:first]}\ue000{shown.label}\ue001{text[first:end]}\ue002{text[end:]}"


# ── words that depend on their neighbours ───────────────────────────────────────────────────────────────────────────

_LETTERS = "에이 비 씨 디 이 에프 지 에이치 아이 제이 케이 엘 엠 엔 오 피 큐 알 에스 티 유 브이 더블유 엑스 와이 제트"
_READ = dict(zip("0123456789", "영일이삼사오육칠팔구", strict=True))
_READ |= dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", _LETTERS.split(), strict=True))
_LATIN = (("le?$", "ᆯ"), ("(m|n|ng|me|ne)$", "ᆫ"), ("[aeiouc][kptc]$", "ᆨ"))


def final(text: str) -> str:
    """The consonant at the end of a text that is read in Korean, "" for a vowel: syllables taken apart by Unicode."""
    word = re.sub(r"[^\w]+$", "", text)
    read = re.search(r"[가-힣]$", word) or re.search(r"\d$|(?<![a-zà-ÿ])[A-Z]$", word)
    if read:
        syllable = unicodedata.normalize("NFD", _READ.get(read[0], read[0])[-1])
        return syllable[2:]
    bare = unicodedata.normalize("NFD", word.lower())
    return next((sound for ending, sound in _LATIN if re.search(ending, bare)), "")


def josa(shown: Any, consonant: str, vowel: str) -> Any:
    """수학을, 경제를; 서울로, because (으로, 로) takes ㄹ for a vowel."""
    sound = final(str(shown))
    open_ = not sound or (sound == "ᆯ" and consonant[:2] == "으로")
    return beside(shown, after=vowel if open_ else consonant)


def elide(shown: Any, full: str, elided: str) -> Any:
    """d'informatique, de chimie; de Harvard, de University of X."""
    silent = re.match("(?!Uni|Eu)[aeiouhœæAEIOUŒÆ]", unicodedata.normalize("NFD", str(shown)))
    return beside(shown, before=elided if silent else full)


def contract(shown: Any, preposition: str) -> Any:
    """du MIT, aux Galeries, de la Sorbonne, d'Oregon; chez Boeing, but à la Mayo Clinic. am MIT, del MIT."""
    article = re.match("(die|das|der|el) ", str(shown))
    if preposition in ("del", "al"):
        joined = bool(article) and article[1] == "el"
        return beside(
            shown, before=f"{preposition} " if joined else {"del": "de ", "al": "a "}[preposition], without=3 * joined
        )
    if preposition in ("an der", "bei der", "von der", "mit der", "Genitiv", "Dativ"):
        feminine = {"Genitiv": "der", "Dativ": "der"}.get(preposition, preposition)
        neuter = {
            "an der": "am",
            "bei der": "beim",
            "von der": "vom",
            "mit der": "mit dem",
            "Genitiv": "des",
            "Dativ": "dem",
        }
        alone = {"Genitiv": "von ", "Dativ": ""}.get(preposition, preposition.split()[0] + " ")
        if not article:
            return beside(shown, before=alone)
        return beside(shown, before=f"{feminine if article[1] == 'die' else neuter[preposition]} ", without=4)
    if article := re.match("les? ", str(shown)):
        joined = {"de": "du des", "à": "au aux", "chez": "au aux"}[preposition].split()[article[0] == "les "]
        return beside(shown, before=f"{joined} ", without=article.end())
    if re.match("la |l['’]", str(shown)):
        return beside(shown, before="de " if preposition == "de" else "à ")
    return elide(shown, "de ", "d'") if preposition == "de" else beside(shown, before=f"{preposition} ")


def cased(change: Any) -> Any:
    """A filter that changes letters, one for one."""

    def changed(shown: Any) -> Any:
        made = Words(change(str(shown)))
        made.label, made.value = getattr(shown, "label", ""), getattr(shown, "value", (0, len(made)))
        return made

    return changed


_ENVIRONMENT = jinja2.Environment(undefined=jinja2.StrictUndefined, finalize=_marked)
_ENVIRONMENT.filters |= {"josa": josa, "elide": elide, "contract": contract}
_ENVIRONMENT.filters |= {"lower": cased(str.lower), "upper": cased(str.upper)}
_template = cache(_ENVIRONMENT.from_string)

# ── one sentence ────────────────────────────────────────────────────────────────────────────────────────────────────

NAME, PRONOUN, NOBODY = "name", "pronoun", "nobody"  # how a sentence calls its subject
_SUBJECT = {
    "en": {"he": "He", "she": "She", "they": "They", "it": "It", NOBODY: "The person"},
    "fr": {"he": "Il", "she": "Elle", "they": "Iel", "it": "Il", NOBODY: "Cette personne"},
    "ko": {"he": "그", "she": "그녀", "they": "그들", "it": "그것", NOBODY: "이 사람"},
    "de": {"he": "Er", "she": "Sie", "they": "Sie", "it": "Es", NOBODY: "Die Person"},
    "es": {"he": "Él", "she": "Ella", "they": "Elle", "it": "Ello", NOBODY: "Esta persona"},
    "zh": {"he": "他", "she": "她", "they": "TA", "it": "它", NOBODY: "此人"},
    "ja": {"he": "彼", "she": "彼女", "they": "その人", "it": "それ", NOBODY: "この人"},
}
UNSPACED = ("zh", "ja")
_MONTHS = {
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
_DATES = {"de": "{day}. {month} {year}", "es": "{day} de {month} de {year}"}
_DATES |= dict.fromkeys(UNSPACED, "{year}年{month_number}月{day}日")
_HIM = {"he": "him", "she": "her", "they": "them", "it": "it"}
_HIS = {"he": "his", "she": "her", "they": "their", "it": "its"}


def words(language: str, called: str, name: Any, pronoun: str | None) -> dict[str, Any]:
    """What a template of a language has to call somebody."""
    subject: Any = name
    if called != NAME:
        shown = _SUBJECT[language][pronoun or "" if called == PRONOUN else NOBODY]
        subject = value(shown, "pronoun") if called == PRONOUN else shown
    if language in ("fr", *UNSPACED):
        return {"subject": subject}
    if language == "de":
        return {"subject": subject, "verb": lambda one, more: more if called == PRONOUN and pronoun == "they" else one}
    if language == "es":
        number = 1 if called == NOBODY else {"she": 1, "they": 2}.get(pronoun or "", 0)
        return {"subject": subject, "gender": lambda *words: words[number]}
    if language == "ko":
        ending = final(str(subject))
        return {"subject": subject, "particle": lambda consonant, vowel: consonant if ending else vowel}
    many = called == PRONOUN and pronoun == "they"
    found = {"subject": subject, "verb": lambda one, more: more if many else one}
    found["subject_possessive"] = value(name, "name", after="'s") if called == NAME else f"{subject}'s"
    if pronoun:
        found |= {"object": value(_HIM[pronoun], "pronoun"), "possessive": value(_HIS[pronoun], "pronoun")}
    if pronoun and called == PRONOUN:
        found["subject_possessive"] = value(_HIS[pronoun].capitalize(), "pronoun")
    return found


def in_language(attribute: Any, of: Any, language: str) -> Any:
    """What a value of an attribute, as its spec declares it, is called in a language."""
    spec = getattr(attribute, "translations", {}).get(language)
    if spec is None and attribute.kind == "date" and language in _DATES:
        names = _MONTHS.get(language, " ").split()
        month = names[int(of.month_number) - 1] if names else ""
        return _DATES[language].format(month=month, month_number=of.month_number, day=of.day, year=of.year)
    if spec is None or (attribute.kind != "date" and spec.values is None):
        return of
    if attribute.kind != "date":
        return spec.values[attribute.values.index(str(of))]
    number, day = int(of.month_number), int(of.day)
    names = {"month": (spec.months or attribute.months)[number - 1], "month_number": number, "year": int(of.year)}
    return spec.format.format(**names, day=spec.first_day if day == 1 else day)


def forms(attribute: Any, of: Any, language: str, label: str) -> dict[str, Words]:
    """Form → how it says a value of an attribute in a language, the words around it being none of the value."""
    spec = getattr(attribute, "translations", {}).get(language, attribute)
    found: dict[str, Words] = {}
    for name, form in getattr(spec, "forms", {}).items():
        row = (int(of) - attribute.first) // attribute.step if isinstance(of, int) else attribute.values.index(str(of))
        shown = str(in_language(attribute, of, language))
        text = (form.values or [""] * (row + 1))[row] or shown
        found[name] = made = Words(text)
        made.label, made.value = label, (0, len(text))
        if shown in text:
            before, after = text.rsplit(shown, 1)
            made.value = len(before), len(text) - len(after)
    return found


def other(plan: Plan, world: World, name: str, number: int, language: str) -> Any:
    """The individual to whom a relation leads: its name, which has no article, with all that is true of it."""
    of, target = world.other(name), int(world.relations[name](np.array([number]))[0])
    if target < 0:
        return None
    true = facts(plan.recipe.worlds[of.name].attributes, of.values(target), language)
    shown = value(str(true["name"]), name)
    for attribute, inner in true.items():
        for part in (inner, *vars(inner).values()):
            if isinstance(part, Shown):
                part.label = name if attribute == "name" else f"{name}.{attribute}"
    vars(shown).update(true, the=shown, The=shown)
    return shown


def facts(attributes: Mapping[str, Any], true: Mapping[str, Any], language: str, wrong: str = "") -> dict[str, Any]:
    """Attribute → value, as templates of a language see it. wrong: the attribute that is told falsely, if any."""
    found: dict[str, Any] = {}
    for name, of in true.items():
        label = "(wrong)" if name == wrong else name
        attribute = attributes.get(name) or attributes[name.rpartition("_")[0]]
        if attribute.kind == "codes" and attribute.symbols == "ids":
            of = re.sub(r"\d+", lambda id_: chr(FIRST_CODE + int(id_[0])), of).replace(" ", "")
        if attribute.kind == "individual":
            continue
        found[name] = value(in_language(attribute, of, language), label)
        vars(found[name]).update({part: value(shown, label) for part, shown in getattr(of, "__dict__", {}).items()})
        vars(found[name]).update(forms(attribute, of, language, label))
    return found


def sentence(template: str, variables: Mapping[str, Any], *, spaced: bool = True) -> tuple[str, list[Place]]:
    """A sentence, a space before it where the language has one, and where the values in it stand."""
    text, values = " " if spaced else "", []
    marked = _template(template).render(variables)
    for plain, label, shown in re.findall("([^\ue000]*)(?:\ue000(.*?)\ue001(.*?)\ue002)?", marked):
        text += plain + shown
        if shown:
            values.append((len(text) - len(shown), len(text), label))
    return text, values


# ── one document ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Told:
    """A document: its text, and where values (sentence by sentence) and parts stand in it, in characters."""

    text: str = ""
    values: list[list[Place]] = field(default_factory=list)
    parts: list[Place] = field(default_factory=list)

    def add(self, text: str, values: Sequence[Place] = (), role: str = "") -> None:
        """One more sentence, which is there for some role."""
        at = len(self.text)
        self.text += text
        self.values.append([(first + at, end + at, label) for first, end, label in values])
        self.parts += [(at, len(self.text), role)] * bool(role)

    def tokens(self, tokenizer: Tokenizer) -> tuple[list[int], list[Place], list[Place]]:
        """Its ids, and its values and parts counted in tokens: (first, how many, what)."""
        ids, offsets = _encoded(tokenizer, self.text)
        values = [value for of_sentence in self.values for value in _joined(_inside(of_sentence, offsets))]
        return [*ids, tokenizer.eos], values, self._owned(offsets)

    def _owned(self, offsets: Sequence[tuple[int, int]]) -> list[Place]:
        """Of each part the tokens whose last visible character is in it, where there are any."""
        found = []
        for first, end, role in self.parts:
            seen = [[i for i in range(*token) if not self.text[i].isspace()] or [token[1] - 1] for token in offsets]
            owned = [t for t, characters in enumerate(seen) if first <= characters[-1] < end]
            found += [(owned[0], len(owned), role)] * bool(owned)
        return found


def _encoded(tokenizer: Tokenizer, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    ids: list[int] = []
    offsets: list[tuple[int, int]] = []
    codes = f"{chr(FIRST_CODE)}-{chr(0x10FFFF)}"
    for run in re.finditer(f"[^{codes}]+|[{codes}]", text):
        if ord(run[0][0]) >= FIRST_CODE:
            ids.append(ord(run[0]) - FIRST_CODE)
            offsets.append(run.span())
        else:
            (encoding,) = tokenizer.encodings([run[0]])
            ids += encoding.ids
            offsets += [(begin + run.start(), end + run.start()) for begin, end in encoding.offsets]
    return ids, offsets


def _inside(places: Sequence[Place], offsets: Sequence[tuple[int, int]]) -> list[Place]:
    """The tokens that show a character of each place: (first, how many, what)."""
    begins, ends = np.array(offsets).T
    found = []
    for first, end, what in places:
        inside = np.flatnonzero((begins < end) & (ends > first))
        found.append((int(inside[0]), len(inside), what))
    return found


def _joined(places: Sequence[Place]) -> list[Place]:
    """Neighbours of one attribute, in one sentence, are one value."""
    found: list[Place] = []
    for first, count, what in places:
        if found and found[-1][2] == what and sum(found[-1][:2]) == first:
            first, count = found[-1][0], found.pop()[1] + count
        found.append((first, count, what))
    return found


def biographies(plan: Plan, name: str, item: Sequence[int], exposure: Sequence[int]) -> Iterator[Told]:
    """The documents of a source."""
    source, spec = plan.sources[name], plan.recipe.sources[name]
    assert isinstance(source, Biographies)
    attributes = plan.recipe.worlds[spec.world].attributes
    person, turn = source.individuals(np.array(item, np.int64)), np.array(exposure, np.int64)
    choices = source.choices(person, turn)
    outline = source.outline(np.array(item, np.int64), turn) if spec.mistakes else None
    languages = [spec.language, *spec.translations]
    for i in range(len(person)):
        told, language = Told(), languages[choices.language[i]]
        templates = spec.templates if language == spec.language else spec.translations[language].templates
        if spec.tag:
            told.add(*_mark(spec.tag), role="tag")
        true = facts(attributes, source.world.values(int(person[i])), language)
        others = {name: other(plan, source.world, name, int(person[i]), language) for name in source.world.relations}
        for role, place, s, rows in _steps(source, spec, choices, outline, i):
            if role == "back":
                told.add(*_mark(spec.mistakes.back), role=role)
                continue
            about = [*source.sentences, NAME][s]
            known = others | (facts(attributes, _read(source.world, rows), language, about) if rows else true)
            called = _called(spec.full_name, place, len(source.sentences))
            lines, number = _lines(templates, about)
            own = {"value": known.get(about), "number": number}
            variables = known | words(language, called, known["name"], known.get("pronoun")) | own
            spaced = language not in UNSPACED
            told.add(*sentence(lines[choices.wordings[i, s]], variables, spaced=spaced), role=role)
        yield told


def _read(world: World, rows: Mapping[int, int]) -> dict[str, Any]:
    """Attribute → value, where slot s holds rows[s]."""
    return {name: known.value(rows) for name, known in world.fields.items()}


def _mark(mark: Any) -> tuple[str]:
    return (mark.token or f" {mark.text}",)


def _lines(templates: Mapping[str, list[str]], about: str) -> tuple[list[str], str]:
    """The wordings of a sentence; those of `id_3` are those of `id`, and its number is 3."""
    name, _, number = about.rpartition("_")
    return (templates[about], "") if about in templates else (templates[name], number)


def _called(full_name: Any, place: int, sentences: int) -> str:
    """How the sentence at a place calls its subject."""
    after = 0 if full_name == "first" else place if full_name == "all" else full_name.after
    if place == after < sentences:
        return NAME
    return NOBODY if place in (0, sentences) else PRONOUN


def _steps(
    source: Biographies, spec: Any, choices: Choices, outline: Outline | None, i: int
) -> Iterator[tuple[str, int, int, dict[int, int] | None]]:
    """(role, place, sentence, rows of the facts where they are wrong): what document i says, in order."""
    count = choices.wordings.shape[1]
    order = list(range(count))
    if choices.order is not None:
        order[: len(source.sentences)] = choices.order[i].tolist()
    if outline is None:
        told = count if choices.told is None else int(choices.told[i])
        there = [place for place in range(count) if place < told or place >= len(source.sentences)]
        yield from (("", place, order[place], None) for place in there)
        return
    assert outline.roles is not None
    place = 0
    for j in range(outline.first[i], outline.first[i + 1]):
        role, s = ROLES[outline.roles[j]], order[place]
        if role == "weak":  # which of those that come later, only the coins know
            mode = (NAME, PRONOUN, NOBODY).index(_called(spec.full_name, place, len(source.sentences)))
            first = outline.programs[j] - source._base[choices.language[i], mode]
            s = next(s for s in order[place + 1 :] if first[s] == choices.wordings[i, s])
        wrong = role in ("mistake", "silent")
        yield role, place, s, dict(enumerate(outline.rows[outline.facts[j]].tolist())) if wrong else None
        place += role in ("", "silent")
    assert place == count, "everything is told in the end"


# ── what a source says, beside what it should ───────────────────────────────────────────────────────────────────────

ASPECTS = ("tokens", "spans", "parts")
STORY = str(Path(__file__).with_name("story.yaml"))


def stories(variants: Mapping[str, str]) -> Plan:
    """The small world of story.yaml, told by sources of these names; a value is their keys: "extends: en, tag: x"."""
    return plan_of(STORY, *(f"sources.{name}={{{keys}}}" for name, keys in variants.items()))


def differences(plan: Plan, name: str, count: int = 50) -> dict[str, list[tuple[Any, ...]]]:
    """Aspect → (text, got, expected) of each of `count` documents in which a source and this reference differ."""
    source = plan.sources[name]
    rng = np.random.default_rng(0)
    item, exposure = rng.integers(0, len(source), count), rng.integers(0, 20, count)
    got = source.documents(item, exposure, spans=True, parts=True)
    assert got.spans is not None
    assert got.parts is not None
    found: dict[str, list[tuple[Any, ...]]] = {aspect: [] for aspect in ASPECTS}
    for i, told in enumerate(biographies(plan, name, item.tolist(), exposure.tolist())):
        said = (
            row(got.tokens, i),
            [(first, n, source.labels[label]) for first, n, label in row(got.spans, i)],
            [(first, n, ROLES[role]) for first, n, role in row(got.parts, i)],
        )
        for aspect, one, other in zip(ASPECTS, said, told.tokens(plan.tokenizer), strict=True):
            found[aspect] += [(told.text, one, other)] * (one != other)
    return found


def row(ragged: Ragged, i: int) -> list[Any]:
    """One row, as plain Python."""
    shown: list[Any] = ragged.values[ragged.offsets[i] : ragged.offsets[i + 1]].tolist()
    return [tuple(one) if isinstance(one, list) else one for one in shown]
