"""A keyed bijection of [0, n), computed point by point: shuffles and gives out names without moving data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.core.key import Key

I64 = NDArray[np.int64]

SMALL = 512
"""Up to here an order is drawn and kept: the rounds of the network have too few cells there to be near uniform."""


class Bijection(Protocol):
    """A one-to-one map of [0, n) onto itself that is computed point by point, as `Permutation` is."""

    @property
    def n(self) -> int: ...

    def __call__(self, x: I64, /) -> I64: ...

    def inverse(self, y: I64, /) -> I64: ...


@dataclass(frozen=True)
class Permutation:
    """`Permutation(n, key)(x)` is a keyed bijection of [0, n); `.inverse(y)` undoes it. n < 2⁶².

    n ≤ SMALL: a table; over the keys every order is equally likely (up to 2⁻⁶⁴).

    Larger n: a Feistel network over a grid of a × 2^k cells, 2^k ≈ √n and a = ⌈n / 2^k⌉; a result ≥ n is permuted
    again. That is rare, as fewer than 2^k cells lie past n (with two powers of two it could be half of all), and no
    division is needed. All sizes are integers.
    """

    n: int
    key: Key

    def __call__(self, x: I64) -> I64:
        """The image of each x, int64 (k,): int64 (k,). IndexError for an x outside of [0, n)."""
        return self._apply(x, back=False)

    def inverse(self, y: I64) -> I64:
        """The x whose image is y, int64 (k,) both: `p.inverse(p(x)) == x`."""
        return self._apply(y, back=True)

    def _apply(self, x: I64, *, back: bool) -> I64:
        from pipeline.core.kernels import draws

        x = np.ascontiguousarray(x, np.int64)
        if x.size and not (x.min() >= 0 and x.max() < self.n):
            raise IndexError(f"rows {x.min()} to {x.max()} do not lie in [0, {self.n})")
        if self.n <= SMALL:
            return self._table[back][x]
        out = np.empty(x.size, np.int64)
        (draws.unpermute if back else draws.permute)(x, np.uint64(self.n), *self._grid, out)
        return out

    @cached_property
    def _table(self) -> tuple[I64, I64]:
        """The bijection and its inverse, int64 (n,) each: the order that sorts n independent 64-bit draws."""
        from pipeline.core.draws import bits

        images = np.argsort(bits(self.key.child("small"), np.arange(self.n)), kind="stable")
        return images, np.argsort(images)

    @cached_property
    def _grid(self) -> tuple[np.uint64, np.uint64, NDArray[np.uint64]]:
        """a, k and the keys of the rounds, as kernels take them."""
        from pipeline.core.kernels import draws

        shift = self.n.bit_length() // 2
        a = -(-self.n >> shift)  # rounded up
        return np.uint64(a), np.uint64(shift), np.array(self.key.words(draws.ROUNDS), np.uint64)
