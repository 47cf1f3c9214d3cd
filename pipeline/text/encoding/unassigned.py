"""Characters that releases of Unicode may differ about: those that have no meaning yet in the one that Python has.

Libraries bring tables of their own. Where one of them is newer, a character that was added since is a letter to it and
nothing to the other, and words are cut in other places. (Differences of gigatoken 0.10 and tokenizers 0.23: the
ideographs of Unicode 17.) No sample would show that, so texts with such characters are always encoded by `tokenizers`.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from typing import Any

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.system import kept_arrays

RANGES = "unassigned"  # what is kept


def with_unassigned(texts: Any) -> I64:
    """The places of those texts (d,) that have a character without a meaning, ascending int64.

    texts: a list of str, or a `pyarrow.LargeStringArray` without nulls.

    >>> with_unassigned(["a", "é", "b\\u0378"]).tolist()
    [2]
    """
    if isinstance(texts, list):
        search = _pattern().search
        return np.array([i for i, text in enumerate(texts) if not text.isascii() and search(text)], np.int64)
    import pyarrow as pa
    import pyarrow.compute as pc

    places = np.flatnonzero(~pc.string_is_ascii(texts).to_numpy(zero_copy_only=False))
    if not places.size:
        return places
    if 2 * len(places) > len(texts):
        places = np.arange(len(texts))  # to take most of them costs more than to look at all
    rest = texts if len(places) == len(texts) else texts.take(pa.array(places))
    found = pc.match_substring_regex(rest, _class(r"\x{%x}")).to_numpy(zero_copy_only=False)
    return places[np.flatnonzero(found)]


def is_unassigned(number: int) -> bool:
    """Whether the character with this number has no meaning."""
    return unicodedata.category(chr(number)) == "Cn"


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(_class(r"\U%08x"))


@cache
def _class(written: str) -> str:
    """All these characters as a class of a regular expression, each written in this way."""
    return "[" + "".join(f"{written % first}-{written % (end - 1)}" for first, end in _ranges().tolist()) + "]"


@cache
def _ranges() -> I64:
    """(first, end) of each range of such characters, int64 (r, 2); kept in the user's cache: they are many to ask."""
    name = unicodedata.unidata_version
    if found := kept_arrays.kept(RANGES, name):
        return found.arrays[RANGES]
    which = np.array([False, *map(is_unassigned, range(sys.maxunicode + 1)), False])
    edges = np.flatnonzero(which[1:] != which[:-1]).reshape(-1, 2)
    kept_arrays.keep(RANGES, name, None, {RANGES: edges})
    return edges
