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


def with_unassigned(texts: Any) -> I64:
    """The places of those texts (d,) that have a character without a meaning, ascending int64.

    texts: a list of str, or a `pyarrow.LargeStringArray` without nulls.

    >>> with_unassigned(["a", "é", "b\\u0378"]).tolist()
    [2]
    """
    if isinstance(texts, list):
        search = _pattern().search
        return np.array([i for i, text in enumerate(texts) if not text.isascii() and search(text)], np.int64)
    import pyarrow.compute as pc

    found = pc.match_substring_regex(texts, _class(r"\x{%x}"))
    return np.flatnonzero(found.to_numpy(zero_copy_only=False))


def is_unassigned(number: int) -> bool:
    """Whether the character with this number has no meaning."""
    return unicodedata.category(chr(number)) == "Cn"


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(_class(r"\U%08x"))


@cache
def _class(written: str) -> str:
    """All these characters as a class of a regular expression, each written in this way."""
    which = np.array([False, *map(is_unassigned, range(sys.maxunicode + 1)), False])
    edges = np.flatnonzero(which[1:] != which[:-1]).reshape(-1, 2)
    return "[" + "".join(f"{written % first}-{written % (end - 1)}" for first, end in edges.tolist()) + "]"
