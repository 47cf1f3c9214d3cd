"""What of a text decides whether its first or its last word goes on, if other text stands beside it.

In most patterns a letter always goes on with a letter, so one letter stands for all of its run. Where a word of letters
may end at a change of case (o200k, Tekken), the run decides; neighbours in it of the same case count as one. In such
patterns a contraction belongs to the word before it, so what may be a part of one is not known.
"""

from __future__ import annotations

import unicodedata
from itertools import groupby


def certain(head: str) -> bool:
    """Whether a text may be cut before this one whatever its end is: before a space and a visible character."""
    return head[:1] == " " and head[1:2].strip() != ""


def end_of(text: str, *, cased: bool = False) -> tuple[str, str] | None:
    """(the last characters that decide whether a word goes on, the last word or more); None if that is not known.

    cased: whether a word of letters may end at a change of case.

    >>> end_of("Oslo."), end_of("他出生于"), end_of("10月2")
    (('o.', '.'), ('于', '他出生于'), ('2', '10月2'))
    >>> end_of("(USAtoday", cased=True)
    ('(Ut', '(USAtoday')
    """
    if not text or text[-1].isspace() or (cased and _marked(text)):
        return None
    run = _run(text[::-1])[::-1]
    before = text[: -len(run)][-1:]
    if cased and before == "'":
        return None
    if "'" in text[-3:]:  # perhaps a contraction, or the beginning of one: 's, 'l
        return None if cased else (text[-4:], text)
    if _kind(text[-1]) == "other":
        return before + run, (before if before == " " else "") + run
    if _kind(text[-1]) == "letter":
        return (before + _changes(run) if cased else text[-1]), text
    return run, text


def head_of(text: str, *, cased: bool = False) -> tuple[str, str] | None:
    """(the first characters that decide whether they go on with a word, the first word or more); None if not known.

    >>> head_of("他出生于1986年"), head_of("“王伟”"), head_of("1986年")
    (('他出', '他出生于'), ('“王伟', '“王伟”'), ('1986年', '1986年'))
    """
    if not text or text[0].isspace() or (cased and (_marked(text) or text[0] == "'")):
        return None
    run = _run(text)
    rest = text[len(run) :]
    if cased and _kind(text[0]) == "letter":
        return _changes(run) + rest[:4], run
    if cased and _kind(text[0]) == "other" and rest and _kind(rest[0]) == "letter":
        letters = _run(rest)
        return run + _changes(letters) + rest[len(letters) :][:4], text
    if _kind(text[0]) == "letter":
        return text[:2], run
    return text[: len(run) + 2], text


def _changes(run: str) -> str:
    """The letters of a run in which its case changes, the first included; those without case are a case of their own.

    >>> _changes("USAtodayのA")
    'UtのA'
    """
    return "".join(next(letters) for _, letters in groupby(run, _case))


def _case(letter: str) -> str:
    return {"Lu": "upper", "Lt": "upper", "Ll": "lower"}.get(unicodedata.category(letter), "")


def _marked(text: str) -> bool:
    """Whether a text has marks, such as accents of their own, which the patterns take for letters and for others."""
    return any(unicodedata.category(character)[0] == "M" for character in text)


def _run(text: str) -> str:
    """The first characters of a text that are of one kind."""
    return text[: next((i for i, letter in enumerate(text) if _kind(letter) != _kind(text[0])), len(text))]


def _kind(character: str) -> str:
    """What the patterns of pre-tokenizers tell apart: letter, number, space and all others."""
    if character.isspace():
        return "space"
    return {"L": "letter", "N": "number"}.get(unicodedata.category(character)[0], "other")
