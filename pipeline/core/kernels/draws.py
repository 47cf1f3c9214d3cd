"""Indices and orders drawn by keys, and the bijection that shuffles: for arrays of counters."""

# mypy: disable-error-code="no-untyped-call, untyped-decorator, call-arg"
from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.hashing import fold, mixed, scaled, scaled_half
from pipeline.core.jit import njit

ROUNDS = 8  # of the bijection; four are proved enough for ideal round functions (Luby and Rackoff 1988)
BLOCK = 256  # indices drawn before they are put in their places


@njit("void(u8, u8, u8[::1], u8[::1])")
def bits1(high: Any, low: Any, a: Any, out: Any) -> None:
    """64 bits from a key and one counter."""
    for i in range(a.size):
        out[i] = fold(fold(high, a[i]), low)


@njit("void(u8, u8, u8[::1], u8[::1], u8[::1])")
def bits2(high: Any, low: Any, a: Any, b: Any, out: Any) -> None:
    """64 bits from a key and two counters, hashed one after the other."""
    for i in range(a.size):
        out[i] = fold(fold(fold(high, a[i]), b[i]), low)


@njit("void(u8, u8, u8, u8[::1], i4[:])")
def below(high: Any, low: Any, bound: Any, a: Any, out: Any) -> None:
    """Uniform indices below `bound` from a key and one counter.

    In blocks, because only a loop that writes to neighbouring places is compiled to vector instructions.
    """
    block = np.empty(BLOCK, np.int32)
    for first in range(0, a.size, BLOCK):
        size = min(BLOCK, a.size - first)
        for i in range(size):
            block[i] = np.int32(scaled(fold(fold(high, a[first + i]), low), bound))
        for i in range(size):
            out[first + i] = block[i]


@njit("void(u8[::1], u8[::1], u8[::1], i4[:,::1])")
def below_each(h: Any, words: Any, bounds: Any, out: Any) -> None:
    """For each row and column a uniform index below bounds[column], from the row's bits and the column's word."""
    block = np.empty(BLOCK, np.int32)
    for first in range(0, h.size, BLOCK):
        size = min(BLOCK, h.size - first)
        for c in range(words.size):
            for i in range(size):
                block[i] = np.int32(scaled(fold(h[first + i], words[c]), bounds[c]))
            for i in range(size):
                out[first + i, c] = block[i]


@njit("void(u8[::1], u8[::1], u8[:,::1])")
def bits_each(h: Any, words: Any, out: Any) -> None:
    """For each row and column 64 bits, from the row's bits and the column's word."""
    for i in range(h.size):
        for c in range(words.size):
            out[i, c] = fold(h[i], words[c])


@njit("void(u8[::1], u8[::1], i4[::1], i4[:])")
def alias(h: Any, threshold: Any, alias_of: Any, out: Any) -> None:
    """Weighted indices by an integer alias table (Walker 1977): one hash chooses a cell and a side of it."""
    n = np.uint64(threshold.size)
    for i in range(h.size):
        cell = scaled(h[i], n)
        inside = h[i] * n < threshold[cell]  # the product wraps: its low 64 bits are the place inside the cell
        out[i] = np.int32(cell) if inside else alias_of[cell]


@njit(inline="always")
def _step(half: Any, round_key: Any, width: Any) -> Any:
    """The round function of the bijection: a hash of the other half, scaled to [0, width)."""
    return scaled_half(mixed(half + round_key), width)


@njit(inline="always")
def _rounds(y: Any, a: Any, shift: Any, round_keys: Any) -> Any:
    b = np.uint64(1) << shift
    left, right = y >> shift, y & (b - np.uint64(1))
    for r in range(0, ROUNDS, 2):
        left += _step(right, round_keys[r], a)
        left = left - a if left >= a else left
        right = (right + _step(left, round_keys[r + 1], b)) & (b - np.uint64(1))
    return (left << shift) | right


@njit(inline="always")
def _rounds_back(y: Any, a: Any, shift: Any, round_keys: Any) -> Any:
    b = np.uint64(1) << shift
    left, right = y >> shift, y & (b - np.uint64(1))
    for r in range(ROUNDS - 2, -1, -2):
        right = (right - _step(left, round_keys[r + 1], b)) & (b - np.uint64(1))
        left += a - _step(right, round_keys[r], a)
        left = left - a if left >= a else left
    return (left << shift) | right


@njit("void(i8[::1], u8, u8, u8, u8[::1], i8[::1])")
def permute(x: Any, n: Any, a: Any, shift: Any, round_keys: Any, out: Any) -> None:
    """The bijection of [0, n): a Feistel network over a grid of a × 2^shift ≥ n cells, walking on from those past n.

    Two loops: the first has no branch, so it is compiled to vector instructions; the second has hardly anything to do.
    """
    for i in range(x.size):
        out[i] = np.int64(_rounds(np.uint64(x[i]), a, shift, round_keys))
    for i in range(x.size):
        while np.uint64(out[i]) >= n:
            out[i] = np.int64(_rounds(np.uint64(out[i]), a, shift, round_keys))


@njit("void(i8[::1], u8, u8, u8, u8[::1], i8[::1])")
def unpermute(x: Any, n: Any, a: Any, shift: Any, round_keys: Any, out: Any) -> None:
    """The inverse of `permute`: the same rounds backwards."""
    for i in range(x.size):
        out[i] = np.int64(_rounds_back(np.uint64(x[i]), a, shift, round_keys))
    for i in range(x.size):
        while np.uint64(out[i]) >= n:
            out[i] = np.int64(_rounds_back(np.uint64(out[i]), a, shift, round_keys))


@njit("void(u8, u8, u8[::1], u8[::1], i4[:,::1])")
def shuffled(high: Any, low: Any, item: Any, exposure: Any, out: Any) -> None:
    """For each (item, exposure) a uniform order of [0, s) by Fisher and Yates: out (d, s)."""
    d, s = out.shape
    for i in range(d):
        state = fold(fold(high, item[i]), exposure[i])
        for j in range(s):
            out[i, j] = j
        for j in range(s - 1, 0, -1):
            k = np.int64(scaled(fold(fold(state, np.uint64(j)), low), np.uint64(j + 1)))
            out[i, j], out[i, k] = out[i, k], out[i, j]
