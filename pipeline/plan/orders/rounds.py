"""Rounds: every item's exposure e comes before any item's exposure e + 1, as in epochs over a dataset.

3 items, exposures 2.33       round 0: 2 0 1       round 1: 0 2 1       partial round 2: 1
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.permutation import Bijection, Permutation
from pipeline.plan.blocks import EachRound
from pipeline.plan.orders.groups import within_groups


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
        if self.chunk == 1:
            return places

        def order(number: int) -> Permutation:
            return Permutation(min(self.chunk, self.n - number * self.chunk), self.key.child(number))

        return within_groups(places, places // self.chunk, lambda number: number * self.chunk, order, back=back)


@dataclass(frozen=True)
class InOrder:
    """Each round in the order of the items: of a corpus, that of its files."""

    items: int

    def round(self, _: int) -> Unchanged:
        """The order of the items in a round."""
        return Unchanged(self.items)


@dataclass(frozen=True)
class Unchanged:
    """The bijection that leaves everything as it is."""

    n: int

    def __call__(self, places: I64) -> I64:
        """The places themselves."""
        return places

    def inverse(self, items: I64) -> I64:
        """The items themselves."""
        return items


@dataclass(frozen=True)
class Rounds:
    """A bijection of [0, n): place → row, where rows are the documents of a source round by round, as blocks are.

    Each round is read through before the next. begun: how many rows are the rest of a round that was begun before, in
    the order `rest`; None where they are in their order already, as those of a last, partial round are
    (`Block.subset`). number: of the first whole round.
    """

    n: int
    items: int
    orders: EachRound
    begun: int = 0
    number: int = 0
    rest: Bijection | None = None

    def __call__(self, places: I64) -> I64:
        """The row at each place, int64 (k,) both."""
        return self._by_rounds(places, back=False)

    def inverse(self, rows: I64) -> I64:
        """The place of each row, int64 (k,) both."""
        return self._by_rounds(rows, back=True)

    def _by_rounds(self, numbers: I64, *, back: bool) -> I64:
        moved = numbers.copy()
        end = self.begun + (self.n - self.begun) // self.items * self.items
        whole = np.flatnonzero((numbers >= self.begun) & (numbers < end))
        rounds = (numbers[whole] - self.begun) // self.items

        def order(number: int) -> Bijection:
            return self.orders.round(self.number + number)

        def first(number: int) -> int:
            return self.begun + number * self.items

        moved[whole] = within_groups(numbers[whole], rounds, first, order, back=back)
        if self.rest is not None:
            before = np.flatnonzero(numbers < self.begun)
            moved[before] = (self.rest.inverse if back else self.rest)(numbers[before])
        return moved
