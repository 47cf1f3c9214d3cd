"""Streams of bits for compiled code that draws one thing after another, each of them depending on those before.

A stream is uint64 (3,): a state, which is a hash of a key, an item and a turn; the other half of the key; a counter.
What is drawn from one stream does not change what is drawn from another.
"""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg, misc"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.compiled import njit
from pipeline.core.kernels import _fold, _scale

_0 = np.uint64(0)
_1 = np.uint64(1)
_HALF = np.uint64(1 << 63)


@njit()
def begin(stream: Any, keys: Any, name: Any, item: Any, turn: Any) -> None:
    """From here on the stream is that of a key, an item and a turn."""
    stream[0] = _fold(_fold(keys[name, 0], np.uint64(item)), np.uint64(turn))
    stream[1] = keys[name, 1]
    stream[2] = _0


@njit()
def next_bits(stream: Any) -> Any:
    """The next 64 bits of a stream."""
    stream[2] += _1
    return _fold(_fold(stream[0], stream[2]), stream[1])


@njit()
def below(stream: Any, n: Any) -> Any:
    """A uniform index below n."""
    return np.int64(_scale(next_bits(stream), np.uint64(n)))


@njit()
def coin(stream: Any) -> Any:
    """Heads or tails."""
    return next_bits(stream) < _HALF


@njit()
def by_thresholds(stream: Any, thresholds: Any) -> Any:
    """The first k whose threshold the bits are below; the last where there is none."""
    h = next_bits(stream)
    for k in range(thresholds.size):
        if h < thresholds[k]:
            return k
    return np.int64(thresholds.size)
