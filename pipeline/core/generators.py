"""Randomness for functions of a user's own: drawn by key, so that item 17 is the same anywhere.

    generators(key)       numpy.random.Generator, one item after another: what users know
    Draws(key, item, …)   the same for many items at once: arrays with a row for each item

Both take their bits from a hash of the key, the item and its variant, and a counter: no state is carried from one item
to the next, and a row of `Draws` does not depend on the other rows.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64, U64, bits, scaled, threshold, thresholds
from pipeline.core.key import Key

Size = int | tuple[int, ...]
Rate = Fraction | float | str


class _Interface(ctypes.Structure):
    """numpy's `bitgen_t`: a state, and the functions that take bits from it."""

    _fields_ = (("state", ctypes.c_void_p), *((name, ctypes.c_void_p) for name in ("raw64", "raw32", "double", "raw")))


class CountedBits:
    """A bit generator for `numpy.random.Generator`; whoever holds its `stream` decides what it draws next.

    stream: uint64 (3,), see core/bitstreams.py. It has what `Generator` needs, and neither seed nor jumps.
    """

    def __init__(self) -> None:
        self.stream = np.zeros(3, np.uint64)
        self.lock = RLock()
        self._interface = _Interface(self.stream.ctypes.data, *_addresses())
        make = ctypes.pythonapi.PyCapsule_New
        make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        self.capsule = make(ctypes.addressof(self._interface), b"BitGenerator", None)


@lru_cache(1)
def _addresses() -> tuple[int, int, int, int]:
    """The addresses of the functions of `bitgen_t`."""
    from pipeline.core.kernels import generator

    words, halves, doubles = generator.next_uint64, generator.next_uint32, generator.next_double
    return words.address, halves.address, doubles.address, words.address  # type: ignore[return-value]  # none is None


def generators(key: Key, item: I64, variant: I64) -> tuple[np.random.Generator, Callable[[int], None]]:
    """(generator, begin): after begin(i) the generator draws for the i-th row of item and variant, int64 (d,) both.

    >>> rng, begin = generators(Key.root(0), np.array([17, 17]), np.array([0, 0]))
    >>> begin(0); first = rng.integers(0, 100, 3).tolist(); begin(1); first == rng.integers(0, 100, 3).tolist()
    True
    """
    source = CountedBits()
    states = bits(key, item, variant)
    stream, low = source.stream, np.uint64(key.child("stream").low)

    def begin(row: int) -> None:
        stream[0], stream[1], stream[2] = states[row], low, 0

    return np.random.Generator(source), begin  # type: ignore[arg-type]  # it has all that a Generator uses


class Draws:
    """Draws for d items at once. Each method returns an array whose first axis is the items: (d, *size).

    Row i depends on the item (and its variant) of that row, on how many methods were called before, and on nothing
    else: neither on the other items, nor on d. Of one call the first places of a row do not depend on `size`, if it is
    one number, so a size such as `lengths.max()` is safe. No float decides an index.

    >>> both, one = (Draws(Key.root(0), np.array(items), np.zeros(len(items), np.int64)) for items in ([3, 8], [8]))
    >>> bool((both.integers(0, 100, 5)[1] == one.integers(0, 100, 5)[0]).all())
    True
    """

    def __init__(self, key: Key, item: I64, variant: I64) -> None:
        self._key, self._states, self._calls = key.child("draws"), bits(key, item, variant), 0

    def __len__(self) -> int:
        return int(self._states.size)

    def words(self, size: Size = ()) -> U64:
        """64 uniform bits each, uint64."""
        from pipeline.core.kernels import generator

        shape = (size,) if isinstance(size, int | np.integer) else tuple(size)
        out = np.empty((len(self), math.prod(shape)), np.uint64)
        self._calls += 1
        generator.words(self._states, np.uint64(self._calls), np.uint64(self._key.low), out)
        return out.reshape(len(self), *shape)

    def integers(self, low: int | I64, high: int | I64 | None = None, size: Size = ()) -> I64:
        """Uniform integers from low to high - 1, or from 0 to low - 1 where `high` is left out; int64.

        low, high: numbers, or arrays that broadcast with the result, such as (d, 1) for bounds of each item. ValueError
        where there is no integer between them.
        """
        first, end = (0, low) if high is None else (low, high)
        width = np.asarray(end, np.int64) - np.asarray(first, np.int64)
        if (width <= 0).any():
            raise ValueError(f"no integers from {first} to {end}, the second left out")
        return scaled(self.words(size), width) + np.asarray(first, np.int64)

    def random(self, size: Size = ()) -> NDArray[np.float64]:
        """Uniform numbers in [0, 1), on a grid of 2⁵³."""
        return (self.words(size) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def chance(self, rate: Rate, size: Size = ()) -> NDArray[np.bool_]:
        """True at this rate, from 0 to 1 (or ValueError), which is read as it is written: 0.1 is one tenth."""
        exact = _exact(rate)
        if not 0 <= exact <= 1:
            raise ValueError(f"a rate is from 0 to 1, not {rate}")
        if exact == 1:
            self._calls += 1
            return np.ones((len(self), *np.empty(size, bool).shape), bool)
        return np.asarray(self.words(size) < threshold(exact))

    def weighted(self, weights: Sequence[Rate], size: Size = ()) -> I64:
        """Indices from 0 to len(weights) - 1, in proportion to the weights, exact to 2⁻⁶⁴; int64.

        ValueError for weights below zero, and where all are zero.
        """
        exact = [_exact(weight) for weight in weights]
        if min(exact, default=Fraction(-1)) < 0 or not sum(exact):
            raise ValueError(f"weights are zero or more, and not all zero: {weights}")
        table = thresholds(exact)
        return np.searchsorted(table, self.words(size), side="right").astype(np.int64)

    def permutation(self, n: int) -> I64:
        """A uniform order of 0 … n - 1 for each item: int64 (d, n). Its first k are a sample without repetition."""
        return np.argsort(self.words(n), axis=1, kind="stable").astype(np.int64)

    def choice(self, values: Sequence[Any] | NDArray[Any], size: Size = ()) -> NDArray[Any]:
        """Uniform draws from the values, with repetition."""
        return np.asarray(values)[self.integers(len(values), size=size)]


def _exact(rate: Rate) -> Fraction:
    """A rate as it is written: 0.1 is one tenth."""
    return Fraction(str(rate)) if isinstance(rate, float) else Fraction(rate)
