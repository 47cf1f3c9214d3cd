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
from numpy.typing import NDArray

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
    from pipeline.core.kernels.characters import find_marked

    _, places, data = texts.buffers()
    offsets = np.frombuffer(places, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
    found = np.empty(len(texts), np.int64)
    return found[: find_marked(letters, offsets, _marked(), found)]


def is_unassigned(number: int) -> bool:
    """Whether the character with this number has no meaning."""
    return unicodedata.category(chr(number)) == "Cn"


@cache
def _pattern() -> re.Pattern[str]:
    """Finds one of these characters."""
    return re.compile("[" + "".join(rf"\U{first:08x}-\U{end - 1:08x}" for first, end in _ranges().tolist()) + "]")


@cache
def _marked() -> NDArray[np.uint8]:
    """1 for each of these characters: uint8, by its number."""
    marked = np.zeros(sys.maxunicode + 1, np.uint8)
    for first, end in _ranges().tolist():
        marked[first:end] = 1
    return marked


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
