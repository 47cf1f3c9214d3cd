"""Massed: all exposures of an item within a number of documents.

4 items, exposures 2.5, within 6:     items 2 0 | 3 1 in groups of two, whose exposures are shuffled together
                                      2 0 0 2 2 0 | 1 3 3 1
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.plan.orders.groups import within_groups


@dataclass(frozen=True)
class Massed:
    """A bijection of [0, n): place → row, where rows 0 … items - 1 are the first exposures of all items, and so on.

    group: items whose documents are shuffled together, a group behind the other. The rows of a partial round are those
    of the first items in the order of groups (`Block.subset`), which have one exposure more.
    """

    n: int
    items: int
    group: int
    key: Key

    def round(self, _: int) -> Permutation:
        """The order of the items, the same in every round."""
        return Permutation(self.items, self.key.child("items"))

    def __call__(self, places: I64) -> I64:
        """The row at each place, int64 (k,) both."""
        group = self._group_at(places)
        slots = self._shuffled(group, places - self._before(group), back=False)
        width = self._width(group)
        exposure = np.minimum(slots // width, self._rounds)
        turn = group * self.group + slots - exposure * width
        whole = exposure < self._rounds
        return np.asarray(np.where(whole, exposure * self.items + self._item(turn, whole), self._extra + turn))

    def inverse(self, rows: I64) -> I64:
        """The place of each row, int64 (k,) both."""
        exposure = np.minimum(rows // self.items, self._rounds)
        turn = rows - exposure * self.items
        whole = exposure < self._rounds
        turn[whole] = self.round(0).inverse(turn[whole])
        group = turn // self.group
        slots = exposure * self._width(group) + turn - group * self.group
        return self._before(group) + self._shuffled(group, slots, back=True)

    @property
    def _rounds(self) -> int:
        """How many exposures every item has."""
        return self.n // self.items

    @property
    def _extra(self) -> int:
        """The first row of the partial round."""
        return self._rounds * self.items

    def _item(self, turn: I64, whole: NDArray[np.bool_]) -> I64:
        """The item in each turn of a whole round; 0 for turns of the partial round, which are rows already."""
        item = np.zeros(turn.size, np.int64)
        item[whole] = self.round(0)(turn[whole])
        return item

    def _width(self, group: I64) -> I64:
        """How many items each group has: the last may have fewer."""
        return np.minimum(self.group, self.items - group * self.group)

    def _before(self, group: I64) -> I64:
        """How many documents stand before each group."""
        turns = np.minimum(group * self.group, self.items)
        return turns * self._rounds + np.minimum(turns, self.n - self._extra)

    def _group_at(self, places: I64) -> I64:
        """The group at each place: the first ones have an exposure more, as far as the partial round goes."""
        partial, last = self.n - self._extra, -(-self.items // self.group) - 1
        more = places // (self.group * (self._rounds + 1))
        fewer = np.maximum(places - partial, 0) // (self.group * max(self._rounds, 1))
        group = np.minimum(np.where((more + 1) * self.group <= partial, more, fewer), last)
        while (later := (group < last) & (self._before(group + 1) <= places)).any():
            group = group + later
        while (earlier := self._before(group) > places).any():
            group = group - earlier
        return group

    def _shuffled(self, group: I64, slots: I64, *, back: bool) -> I64:
        """The documents of each group shuffled; back: the other way."""

        def order(number: int) -> Permutation:
            first, end = (min(turn * self.group, self.items) for turn in (number, number + 1))
            partial = self.n - self._extra
            documents = (end - first) * self._rounds + min(end, partial) - min(first, partial)
            return Permutation(documents, self.key.child("group", number))

        return within_groups(slots, group, lambda number: 0, order, back=back)
