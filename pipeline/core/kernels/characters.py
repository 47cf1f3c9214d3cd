"""Texts looked through character by character, in UTF-8."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.jit import njit, signature


@njit(signature("i8", "const u1[::1]", "const i8[::1]", "u1[::1]", "i8[::1]"))
def find_marked(letters: Any, offsets: Any, marked: Any, out: Any) -> Any:
    """The numbers of the texts that have a marked character, ascending, written to out (d,); returns how many.

    Text i is the bytes offsets[i] … offsets[i + 1] - 1 of valid UTF-8. marked (0x110000,): 1 for each of these
    characters, none of them ASCII.
    """
    count = 0
    for i in range(offsets.size - 1):
        at, end = np.uint64(offsets[i]), np.uint64(offsets[i + 1])  # unsigned, or each index might count from the end
        while at < end:
            first = letters[at]
            if first < 0x80:
                at += np.uint64(1)
                continue
            more = np.uint64(1 + (first >= 0xE0) + (first >= 0xF0))
            if at + more >= end:
                break
            number = np.uint32(first) & np.uint32(0x3F >> more)
            for k in range(1, more + np.uint64(1)):
                number = number << np.uint32(6) | np.uint32(letters[at + np.uint64(k)]) & np.uint32(0x3F)
            if marked[number]:
                out[count] = i
                count += 1
                break
            at += more + np.uint64(1)
    return count
