"""Integers from keys: the only randomness in the package. Pure, row by row, and the same on every machine.

No float decides an index; weights and rates are integers or fractions before they come here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from pipeline.core.key import Key

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

_32 = np.uint64(32)
_LOW = np.uint64(2**32 - 1)


def bits(key: Key, *counters: I64) -> U64:
    """64 uniform bits for each row: uint64 (d,). counters: one or two arrays (d,), hashed in this order with the key.

    Another key, counter or order of counters gives unrelated bits.
    """
    from pipeline.core.kernels import draws

    high, low, words = _words(key, counters)
    out = np.empty(words[0].shape, np.uint64)
    (draws.bits1 if len(words) == 1 else draws.bits2)(high, low, *words, out)  # type: ignore[call-arg]
    return out


def below(key: Key, bound: int, counter: I64, out: I32 | None = None) -> I32:
    """A uniform int32 in [0, bound), bound ≤ 2³¹, for each row of the counter: (d,), written into `out` if given.

    Its bias is at most bound / 2⁶⁴.
    """
    from pipeline.core.kernels import draws

    _fit([bound])
    high, low, words = _words(key, [counter])
    out = np.empty(counter.size, np.int32) if out is None else out
    draws.below(high, low, np.uint64(bound), words[0], out)
    return out


def below_each(keys: Sequence[Key], bounds: Sequence[int], key: Key, *counters: I64) -> I32:
    """Independent uniform integers, int32 (d, c): for each row of the counters, column j is in [0, bounds[j]).

    keys, bounds: one for each of the c columns, bounds ≤ 2³¹. The counters are hashed once, with `key`; then each
    column mixes in the key of that column.
    """
    from pipeline.core.kernels import draws

    _fit(bounds)
    out = np.empty((counters[0].size, len(keys)), np.int32)
    words = np.array([column.low for column in keys], np.uint64)
    draws.below_each(bits(key, *counters), words, np.array(bounds, np.uint64), out)
    return out


def bits_each(keys: Sequence[Key], key: Key, *counters: I64) -> U64:
    """64 uniform bits for each row of the counters and each of the c keys: uint64 (d, c). `below_each` scales these."""
    from pipeline.core.kernels import draws

    out = np.empty((counters[0].size, len(keys)), np.uint64)
    draws.bits_each(bits(key, *counters), np.array([column.low for column in keys], np.uint64), out)
    return out


def scaled(h: U64, bounds: int | I64) -> I64:
    """Indices in [0, bound) from 64 uniform bits each: floor(h · bound / 2⁶⁴), exactly, int64. Arrays broadcast.

    bound < 2⁶³. Up to 2³¹ the same indices as `below_each` makes of the same bits, which returns int32.

    >>> scaled(np.array([0, 2**63, 2**64 - 1], np.uint64), 10)
    array([0, 5, 9])
    """
    n = np.asarray(bounds, np.int64).astype(np.uint64)
    middle = (h >> _32) * (n & _LOW) + ((h & _LOW) * (n & _LOW) >> _32)
    crossed = (h & _LOW) * (n >> _32) + (middle & _LOW)
    index: I64 = ((h >> _32) * (n >> _32) + (middle >> _32) + (crossed >> _32)).astype(np.int64)
    return index


def scaled_half(h: U64, bounds: int | I64) -> I64:
    """As `scaled`, from the upper 32 bits of h alone; bound ≤ 2³². The bias of an index is at most bound / 2³²."""
    index: I64 = ((h >> _32) * np.asarray(bounds, np.int64).astype(np.uint64) >> _32).astype(np.int64)
    return index


def _fit(bounds: Sequence[int]) -> None:
    """ValueError unless an int32 can hold every index below the bounds; otherwise indices would wrap around."""
    if any(not 0 < bound <= 2**31 for bound in bounds):
        raise ValueError(f"bounds of {min(bounds)} to {max(bounds)}; from 1 to {2**31} can be drawn below as int32")


def threshold(rate: Fraction) -> np.uint64:
    """The t for which `bits < t` has the probability `rate`, in [0, 1]; exact to 2⁻⁶⁴."""
    return np.uint64(min(rate.numerator * 2**64 // rate.denominator, 2**64 - 1))


def thresholds(weights: Sequence[Fraction]) -> U64:
    """Cumulative probabilities of n outcomes with these weights, in units of 2⁻⁶⁴: uint64 (n - 1,).

    The outcome is the first k with `bits < t[k]`, or n - 1 if there is no such k.

    >>> (thresholds([Fraction(1), Fraction(1), Fraction(2)]) / 2.0**64).tolist()
    [0.25, 0.5]
    """
    total, most = sum(weights, Fraction(0)), 2**64 - 1
    sums = accumulate(weight / total for weight in weights[:-1])
    return np.array([min(int(s * 2**64), most) for s in sums], np.uint64)


def orders(key: Key, length: int, item: I64, exposure: I64) -> I32:
    """A uniform permutation of 0 … length - 1 for each row of item and exposure, both (d,): int32 (d, length)."""
    from pipeline.core.kernels import draws

    high, low, words = _words(key, (item, exposure))
    out = np.empty((item.size, length), np.int32)
    draws.shuffled(high, low, words[0], words[1], out)
    return out


def _words(key: Key, counters: Sequence[I64]) -> tuple[np.uint64, np.uint64, list[U64]]:
    """A key and counters as unsigned words, over the same memory."""
    assert len({counter.shape for counter in counters}) == 1, "counters are (d,), of one length"
    words = [np.ascontiguousarray(counter, np.int64).view(np.uint64) for counter in counters]
    return np.uint64(key.high), np.uint64(key.low), words


@dataclass(frozen=True)
class Weighted:
    """Draws from [0, n) with given weights, exactly to 2⁻⁶⁴ (Walker's alias method, Vose's construction, in integers).

    `weighted(key, *counters)` returns int32 (d,); the arguments are those of `bits`.

    threshold (n,) uint64: which share of cell i, in units of 2⁻⁶⁴, gives i. alias (n,) int32: what the rest gives.
    """

    threshold: U64
    alias: I32

    @classmethod
    def from_weights(cls, weights: Sequence[int | Fraction]) -> Weighted:
        """The table for non-negative weights, not all zero. Probabilities are exact to 2⁻⁶⁴."""
        n, total = len(weights), sum(weights)
        share = [weight * n / Fraction(total) for weight in weights]  # 1 is a full cell
        small = [i for i in range(n) if share[i] < 1]
        large = [i for i in range(n) if share[i] >= 1]
        threshold, alias = [2**64 - 1] * n, list(range(n))
        while small and large:
            poor, rich = small.pop(), large[-1]
            threshold[poor], alias[poor] = int(share[poor] * 2**64), rich
            share[rich] -= 1 - share[poor]
            if share[rich] < 1:
                small.append(large.pop())
        return cls(np.array(threshold, np.uint64), np.array(alias, np.int32))

    def __call__(self, key: Key, *counters: I64, out: I32 | None = None) -> I32:
        from pipeline.core.kernels import draws

        h = bits(key, *counters)
        out = np.empty(h.size, np.int32) if out is None else out
        draws.alias(h, self.threshold, self.alias, out)
        return out
