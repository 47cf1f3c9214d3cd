"""What a tokenizer does to a text before it looks for words, and whether pieces may be normalized one by one.

NFC composes "e" and a combining accent, also if they stand in two pieces; so a piece may begin with no character that
joins, or changes places with, what stands before it (`begins`). Lower case and the like act on each character alone.
Two normalizers look at the beginning of a whole text: `Prepend` and Metaspace write a "▁" there. What they make of
pieces there and elsewhere is different, so each has two encodings (`beginnings.py`).
"""

from __future__ import annotations

import copy
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

Prefixing = Literal["", "first", "always"]
"""Where a tokenizer writes a blank of its own: nowhere, before a whole text, or behind each special token too."""

_ALONE = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "BertNormalizer"}
_BLANKS = (" ", "▁")


def unprovable_step(described: dict[str, Any]) -> str:
    """The type of a normalizer of which it is not known that it acts on pieces one by one; "" if there is none.

    described: a tokenizer without what it writes at a beginning (`inside`).
    """
    return next((step["type"] for step in _steps(described["normalizer"], "normalizers") if not _alone(step)), "")


def changes_letters(described: dict[str, Any]) -> bool:
    """Whether a normalizer changes more than how a blank is written."""
    return any(step["type"] != "Replace" for step in _steps(described["normalizer"], "normalizers"))


def _alone(step: dict[str, Any]) -> bool:
    match step:
        case {"type": "Replace", "pattern": {"String": pattern}, "content": content}:
            return pattern in _BLANKS and content in _BLANKS
        case {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}:
            return (pattern, content) == (r"\s+", " ")  # no piece ends in a blank
    return step["type"] in _ALONE


def begins(text: str) -> bool:
    """Whether the first character of a text joins with nothing before it, in any Unicode normalization.

    >>> begins("é"), begins(" a"), begins("\u0301"), begins("\u1161")
    (True, True, False, False)
    """
    if not text or text[0].isascii():
        return bool(text)
    first = unicodedata.normalize("NFKD", text[0])[0]
    known = "Cn" not in (unicodedata.category(text[0]), unicodedata.category(first))
    return known and not unicodedata.combining(first) and first not in _second_characters()


_LAST_COMPOSED = 0x20000  # no character from here on has a decomposition of two
"""In Unicode 15; what later versions add is unassigned here."""


@cache
def _second_characters() -> frozenset[str]:
    """The characters that a composition joins to the one before."""
    hangul = {chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    parts = (unicodedata.decomposition(chr(code)).split() for code in range(_LAST_COMPOSED))
    canonical = (codes[1:] for codes in parts if codes and not codes[0].startswith("<"))
    return frozenset(hangul | {chr(int(code, 16)) for codes in canonical for code in codes})


def prefixing(described: dict[str, Any]) -> Prefixing:
    """Where a tokenizer, described as in tokenizer.json, writes a blank of its own."""
    if any(step["type"] == "Prepend" for step in _steps(described["normalizer"], "normalizers")):
        return "always"
    schemes = {step["prepend_scheme"] for step in _metaspaces(described["pre_tokenizer"])}
    return "always" if "always" in schemes else "first" if "first" in schemes else ""


def inside(described: dict[str, Any]) -> dict[str, Any]:
    """The tokenizer.json that encodes text as the one that is `described` encodes it behind other text."""
    steps = [step for step in _steps(described["normalizer"], "normalizers") if step["type"] != "Prepend"]
    normalizer = {"type": "Sequence", "normalizers": steps} if steps else None
    pre_tokenizer = copy.deepcopy(described["pre_tokenizer"])
    for step in _metaspaces(pre_tokenizer):
        step["prepend_scheme"] = "never"
    return {**described, "normalizer": normalizer, "pre_tokenizer": pre_tokenizer}


def _metaspaces(pre_tokenizer: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    return (step for step in _steps(pre_tokenizer, "pretokenizers") if step["type"] == "Metaspace")


def _steps(part: dict[str, Any] | None, key: str) -> Iterator[dict[str, Any]]:
    """The steps of a normalizer or a pre-tokenizer, each by itself."""
    if part is None:
        return
    if part["type"] != "Sequence":
        yield part
    for step in part.get(key, ()):
        yield from _steps(step, key)
