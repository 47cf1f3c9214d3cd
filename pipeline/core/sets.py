"""Sets of up to 64 things as the bits of a word, for compiled code."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.compiled import njit

_1 = np.uint64(1)


@njit()
def bit(p: Any) -> Any:
    """The set of one of them."""
    return _1 << np.uint64(p)


@njit()
def size(members: Any) -> Any:
    """How many are in a set."""
    x = members - ((members >> _1) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit()
def lowest(members: Any) -> Any:
    """The first of a set that is not empty."""
    return size((members & (~members + _1)) - _1)


@njit()
def member(members: Any, k: Any) -> Any:
    """The k-th of a set."""
    for _ in range(k):
        members &= members - _1
    return lowest(members)
