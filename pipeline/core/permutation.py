"""A bijection of [0, n) computed at a point: the global shuffle and the choice of names, without moving data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.core.key import Key

I64 = NDArray[np.int64]

SMALL = 512
"""Up to here an order is drawn and kept: the rounds of the network have too few cells there to be near uniform."""


@dataclass(frozen=True)
class Permutation:
    """`Permutation(n, key)(x)` is a keyed bijection of [0, n); `.inverse(y)` undoes it. n < 2⁶².

    n ≤ SMALL: a table, in which every order is equally likely (up to 2⁻⁶⁴) over the keys.

    Larger n: a Feistel network over a grid of a × 2^k cells with 2^k ≈ √n and a = ⌈n / 2^k⌉: fewer than 2^k cells lie
    past n, so a walk that lands outside is rare (with both sides powers of two it could be half of all), and nothing is
    divided. Sizes are integers throughout.
    """

    n: int
    key: Key

    def __call__(self, x: I64) -> I64:
        """Where the rows x, int64 (k,) in [0, n), go: int64 (k,)."""
        return self._apply(x, back=False)

    def inverse(self, y: I64) -> I64:
        """The rows that go to y: `p.inverse(p(x)) == x`."""
        return self._apply(y, back=True)

    def _apply(self, x: I64, *, back: bool) -> I64:
        from pipeline.core import kernels

        x = np.ascontiguousarray(x, np.int64)
        if x.size and not (x.min() >= 0 and x.max() < self.n):
            raise IndexError(f"rows {x.min()} to {x.max()} do not lie in [0, {self.n})")
        if self.n <= SMALL:
            return self._table[back][x]
        out = np.empty(x.size, np.int64)
        (kernels.unpermute if back else kernels.permute)(x, np.uint64(self.n), *self._grid, out)
        return out

    @cached_property
    def _table(self) -> tuple[I64, I64]:
        """Where each row goes, and where it comes from: the order in which independent 64-bit draws are sorted."""
        from pipeline.core.draws import bits

        images = np.argsort(bits(self.key.child("small"), np.arange(self.n)), kind="stable")
        return images, np.argsort(images)

    @cached_property
    def _grid(self) -> tuple[np.uint64, np.uint64, NDArray[np.uint64]]:
        """a, k and the keys of the rounds, as kernels take them."""
        from pipeline.core import kernels

        shift = self.n.bit_length() // 2
        a = -(-self.n >> shift)  # rounded up
        return np.uint64(a), np.uint64(shift), np.array(self.key.words(kernels.ROUNDS), np.uint64)
