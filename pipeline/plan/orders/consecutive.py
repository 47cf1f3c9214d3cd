"""Orders one after another: of the phases of a split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.permutation import Bijection
from pipeline.plan.orders.groups import within_groups


@dataclass(frozen=True)
class Consecutive:
    """A bijection of [0, n), position → row: each order maps its own positions to the rows of the same numbers.

    orders of 2 and 3     0 1 | 2 3 4   →   1 0 | 4 2 3
    """

    orders: tuple[Bijection, ...]

    @property
    def n(self) -> int:
        """How many positions there are."""
        return int(self._first[-1])

    def __call__(self, positions: I64) -> I64:
        """The row at each position, int64 (k,) both."""
        return self._moved(positions, back=False)

    def inverse(self, rows: I64) -> I64:
        """The position of each row, int64 (k,) both."""
        return self._moved(rows, back=True)

    def _moved(self, numbers: I64, *, back: bool) -> I64:
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < self.n):
            raise IndexError(f"{numbers.min()} to {numbers.max()} do not lie in [0, {self.n})")
        of = np.searchsorted(self._first, numbers, side="right") - 1
        first = self._first.tolist().__getitem__
        return within_groups(numbers, of, first, self.orders.__getitem__, back=back)

    @cached_property
    def _first(self) -> I64:
        """The first position of each order, then n."""
        return np.cumsum([0, *[order.n for order in self.orders]], dtype=np.int64)
