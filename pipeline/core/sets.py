"""Sets of the numbers 0 … 63 as the bits of a uint64, for compiled code: {0, 3} is 0b1001."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.jit import njit

_1 = np.uint64(1)


@njit()
def bit(k: Any) -> Any:
    """The set {k}."""
    return _1 << np.uint64(k)


@njit()
def size(members: Any) -> Any:
    """How many numbers are in a set, int64."""
    x = members - ((members >> _1) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit()
def lowest(members: Any) -> Any:
    """The least number of a set that is not empty."""
    return size((members & (~members + _1)) - _1)


@njit()
def member(members: Any, k: Any) -> Any:
    """The k-th number of a set, in rising order, k from 0."""
    for _ in range(k):
        members &= members - _1
    return lowest(members)
