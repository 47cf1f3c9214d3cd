"""Sets of parameters as the bits of a word, for the compiled parts."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from pipeline.core.streams import below
from pipeline.sources.reasoning.igsm.layout import ABSTRACT

_1 = np.uint64(1)


@njit(cache=True)
def bit(p: Any) -> Any:
    """The set of one parameter."""
    return _1 << np.uint64(p)


@njit(cache=True)
def size(members: Any) -> Any:
    """How many are in a set."""
    x = members - ((members >> _1) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True)
def lowest(members: Any) -> Any:
    """The first of a set that is not empty."""
    return size((members & (~members + _1)) - _1)


@njit(cache=True)
def member(members: Any, k: Any) -> Any:
    """The k-th of a set."""
    for _ in range(k):
        members &= members - _1
    return lowest(members)


@njit(cache=True)
def pick(stream: Any, members: Any) -> Any:
    """A uniform one of a set that is not empty."""
    return member(members, below(stream, size(members)))


@njit(cache=True)
def abstract(i: Any, j: Any, k: Any) -> Any:
    """The parameter of all things of layer k in item (i, j)."""
    return ABSTRACT + 4 * (i * (7 - i) // 2 + k - i - 1) + j
