"""A bijection of [0, n) computed at a point: the global shuffle and the choice of names, without moving data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from pipeline.core.key import Key

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Permutation:
    """`Permutation(n, key)(x)` is a keyed bijection of [0, n); `.inverse(y)` undoes it. n < 2⁶².

    A Feistel network over the grid a × b with a = ⌈√n⌉ and b = ⌈n / a⌉: the grid has fewer than a cells more than n,
    so a walk that lands outside is rare (at a power of two it would be half of all). Sizes are integers throughout.
    """

    n: int
    key: Key

    def __call__(self, x: I64) -> I64:
        """Where the rows x, int64 (k,) in [0, n), go: int64 (k,)."""
        from pipeline.core import kernels

        return self._apply(kernels.permute, x)

    def inverse(self, y: I64) -> I64:
        """The rows that go to y: `p.inverse(p(x)) == x`."""
        from pipeline.core import kernels

        return self._apply(kernels.unpermute, y)

    def _apply(self, kernel: Callable[..., None], x: I64) -> I64:
        x = np.ascontiguousarray(x, np.int64)
        if x.size and not (x.min() >= 0 and x.max() < self.n):
            raise IndexError(f"rows {x.min()} to {x.max()} do not lie in [0, {self.n})")
        out = np.empty(x.size, np.int64)
        a, b, round_keys = self._grid
        kernel(x, np.uint64(self.n), a, b, round_keys, out)
        return out

    @cached_property
    def _grid(self) -> tuple[np.uint64, np.uint64, NDArray[np.uint64]]:
        from pipeline.core import kernels

        a = isqrt(self.n - 1) + 1
        b = -(-self.n // a)
        return np.uint64(a), np.uint64(b), np.array(self.key.words(kernels.ROUNDS), np.uint64)
