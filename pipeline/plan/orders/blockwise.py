"""The items of a source shuffled block by block, so that neighbours in the order lie near each other in a file.

Blocks are what a file is read in: a row group of Parquet, a megabyte of lines. First the blocks are shuffled, then the
items within each group of blocks that follow one another in that order:

    blocks of 2, 3, 1, 2 items, in the order 2 0 3 1 and groups of ≥ 3:    5 0 1 | 6 7 2 3 4    →    1 5 0 | 3 7 4 2 6
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.plan.orders.groups import within_groups

GROUP = 16_384  # items of a group, at least, if the source has so many


@dataclass(frozen=True)
class BlockShuffle:
    """A keyed bijection of [0, n): place in the order → item. starts: first item of each block, then n, (b + 1,)."""

    starts: I64 = field(compare=False)  # the same for all shuffles of a source
    key: Key
    group: int = GROUP

    @property
    def n(self) -> int:
        """How many items there are."""
        return int(self.starts[-1])

    def __call__(self, places: I64) -> I64:
        """The item at each place, int64 (k,): int64 (k,)."""
        lined_up = self._within_groups(places, back=False)
        turn = np.searchsorted(self._ends, lined_up, side="right") - 1
        return np.asarray(self.starts[self._blocks[turn]] + lined_up - self._ends[turn])

    def inverse(self, items: I64) -> I64:
        """The place of each item, int64 (k,) both."""
        block = np.searchsorted(self.starts, items, side="right") - 1
        lined_up = self._ends[self._turn_of[block]] + items - self.starts[block]
        return self._within_groups(lined_up, back=True)

    def _within_groups(self, places: I64, *, back: bool) -> I64:
        """Places before and after the items of each group are shuffled; back: the other way."""
        groups = np.searchsorted(self._groups, places, side="right") - 1
        begins = self._groups.tolist()

        def order(group: int) -> Permutation:
            return Permutation(begins[group + 1] - begins[group], self.key.child("group", group))

        return within_groups(places, groups, begins.__getitem__, order, back=back)

    @cached_property
    def _blocks(self) -> I64:
        """The blocks that have items, in their order."""
        sizes = np.diff(self.starts)
        shuffle = Permutation(sizes.size, self.key.child("blocks"))
        order = shuffle(np.arange(sizes.size, dtype=np.int64))
        return order[sizes[order] > 0]

    @cached_property
    def _turn_of(self) -> I64:
        """For each block its place among `_blocks`."""
        turns = np.zeros(self.starts.size - 1, np.int64)
        turns[self._blocks] = np.arange(self._blocks.size)
        return turns

    @cached_property
    def _ends(self) -> I64:
        """How many items stand before each of `_blocks`, then n."""
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.diff(self.starts)[self._blocks])])

    @cached_property
    def _groups(self) -> I64:
        """The first place of each group, then n. A group begins with the first block behind each `group` items."""
        begins = np.diff(self._ends[:-1] // self.group, prepend=-1) > 0
        return np.append(self._ends[:-1][begins], self.n)


@dataclass(frozen=True)
class Blockwise:
    """A block shuffle for each round. starts: as of `BlockShuffle`."""

    starts: I64 = field(compare=False)
    key: Key

    def round(self, number: int) -> BlockShuffle:
        """The order of the items in a round."""
        return BlockShuffle(self.starts, self.key.child(number))
