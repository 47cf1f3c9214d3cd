"""Streams of bits for compiled code that draws one thing after another, each of them depending on those before.

A stream is uint64 (3,): a state, which is a hash of a key's upper half, an item and an exposure; the key's lower half;
a counter. What is drawn from one stream does not change what is drawn from another.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.hashing import fold, scaled
from pipeline.core.jit import njit

_0 = np.uint64(0)
_1 = np.uint64(1)
_HALF = np.uint64(1 << 63)


@njit()
def begin(stream: Any, keys: Any, row: Any, item: Any, exposure: Any) -> None:
    """From here on the stream is that of a key, keys[row] of uint64 (·, 2), an item and an exposure."""
    stream[0] = fold(fold(keys[row, 0], np.uint64(item)), np.uint64(exposure))
    stream[1] = keys[row, 1]
    stream[2] = _0


@njit()
def next_bits(stream: Any) -> Any:
    """The next 64 bits of a stream."""
    stream[2] += _1
    return fold(fold(stream[0], stream[2]), stream[1])


@njit()
def below(stream: Any, n: Any) -> Any:
    """A uniform index below n, int64."""
    return np.int64(scaled(next_bits(stream), np.uint64(n)))


@njit()
def coin(stream: Any) -> Any:
    """True in half of all cases."""
    return next_bits(stream) < _HALF


@njit()
def by_thresholds(stream: Any, thresholds: Any) -> Any:
    """One of n outcomes with uint64 thresholds (n - 1,), as `draws.thresholds` makes them: its number."""
    h = next_bits(stream)
    for k in range(thresholds.size):
        if h < thresholds[k]:
            return k
    return np.int64(thresholds.size)
