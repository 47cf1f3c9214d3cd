"""What the compiled parts share: streams of bits, and sets of parameters as the bits of a word.

A stream is uint64 (3,): a state, which is a hash of a key, an item and a turn; the other half of the key; a counter.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from pipeline.core.kernels import _fold, _scale
from pipeline.sources.reasoning.igsm.layout import ABSTRACT

_1 = np.uint64(1)
_0 = np.uint64(0)
_HALF = np.uint64(1 << 63)


@njit(cache=True)
def begin(stream: Any, keys: Any, name: Any, item: Any, turn: Any) -> None:
    """From here on the stream is that of a key, an item and a turn."""
    stream[0] = _fold(_fold(keys[name, 0], np.uint64(item)), np.uint64(turn))
    stream[1] = keys[name, 1]
    stream[2] = _0


@njit(cache=True)
def next_bits(stream: Any) -> Any:
    """The next 64 bits of a stream."""
    stream[2] += _1
    return _fold(_fold(stream[0], stream[2]), stream[1])


@njit(cache=True)
def below(stream: Any, n: Any) -> Any:
    """A uniform index below n."""
    return np.int64(_scale(next_bits(stream), np.uint64(n)))


@njit(cache=True)
def coin(stream: Any) -> Any:
    """Heads or tails."""
    return next_bits(stream) < _HALF


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
def by_thresholds(stream: Any, thresholds: Any) -> Any:
    """The first k whose threshold the bits are below; the last where there is none."""
    h = next_bits(stream)
    for k in range(thresholds.size):
        if h < thresholds[k]:
            return k
    return np.int64(thresholds.size)


@njit(cache=True)
def abstract(i: Any, j: Any, k: Any) -> Any:
    """The parameter of all things of layer k in item (i, j)."""
    return ABSTRACT + 4 * (i * (7 - i) // 2 + k - i - 1) + j
