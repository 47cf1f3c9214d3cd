"""Rounds: every item's exposure e comes before any item's exposure e + 1, as in epochs over a dataset.

3 items, exposures 2.33       round 0: 2 0 1       round 1: 0 2 1       partial round 2: 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.permutation import Bijection, Permutation
from pipeline.plan.orders.groups import within_groups


class EachRound(Protocol):
    """An order of all items for every round."""

    def round(self, number: int, /) -> Bijection: ...


@dataclass(frozen=True)
class Shuffled:
    """Each round shuffled by a key of its own."""

    items: int
    key: Key

    def round(self, number: int) -> Permutation:
        """The order of the items in a round."""
        return Permutation(self.items, self.key.child(number))


@dataclass(frozen=True)
class Spaced:
    """Each round shuffled, but so that two exposures of an item are at least `apart` documents of the source apart.

    The items are cut into chunks of items - apart + 1, once for all rounds. Each round shows the chunks in the same
    order, and shuffles within them.
    """

    items: int
    apart: int
    key: Key

    def round(self, number: int) -> WithinChunks:
        """The order of the items in a round."""
        chunk = self.items - self.apart + 1
        return WithinChunks(Permutation(self.items, self.key.child("items")), chunk, self.key.child(number))


@dataclass(frozen=True)
class WithinChunks:
    """A bijection: `order` with each run of `chunk` places shuffled."""

    order: Permutation
    chunk: int
    key: Key

    @property
    def n(self) -> int:
        """How many items there are."""
        return self.order.n

    def __call__(self, places: I64) -> I64:
        """The item at each place, int64 (k,) both."""
        return self.order(self._moved(places, back=False))

    def inverse(self, items: I64) -> I64:
        """The place of each item, int64 (k,) both."""
        return self._moved(self.order.inverse(items), back=True)

    def _moved(self, places: I64, *, back: bool) -> I64:
        def order(number: int) -> Permutation:
            return Permutation(min(self.chunk, self.n - number * self.chunk), self.key.child(number))

        return within_groups(places, places // self.chunk, lambda number: number * self.chunk, order, back=back)


@dataclass(frozen=True)
class Rounds:
    """A bijection of [0, n): place → row, where rows 0 … items - 1 are the first exposures of all items, and so on.

    Each round is read through before the next. The rows of a last, partial round are in its order already
    (`Block.subset`).
    """

    n: int
    items: int
    orders: EachRound

    def round(self, number: int) -> Bijection:
        """The order of the items in a round."""
        return self.orders.round(number)

    def __call__(self, places: I64) -> I64:
        """The row at each place, int64 (k,) both."""
        return self._by_rounds(places, back=False)

    def inverse(self, rows: I64) -> I64:
        """The place of each row, int64 (k,) both."""
        return self._by_rounds(rows, back=True)

    def _by_rounds(self, numbers: I64, *, back: bool) -> I64:
        moved = numbers.copy()
        whole = np.flatnonzero(numbers < self.n // self.items * self.items)
        rounds = numbers[whole] // self.items
        moved[whole] = within_groups(numbers[whole], rounds, lambda number: number * self.items, self.round, back=back)
        return moved
