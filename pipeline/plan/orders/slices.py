"""Turns whose shares change: consecutive slices, in each of which the sources take turns evenly.

source a: 3 1 documents, b: 1 3      slice 0: a b a a      slice 1: b a b b
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipeline.core.draws import I64
from pipeline.plan.orders.groups import each_group
from pipeline.plan.orders.turns import Interleaving


@dataclass(frozen=True)
class Slices:
    """A bijection between positions and pairs (source, place), as an `Interleaving` is; the slices one after another.

    slices: with equally many sources each; none is empty.
    """

    slices: tuple[Interleaving, ...]

    def locate(self, positions: I64) -> tuple[I64, I64]:
        """The source and the place in its order at each position, int64 (k,) all three."""
        of = np.searchsorted(self._first, positions, side="right") - 1
        source, place = np.empty(positions.size, np.int64), np.empty(positions.size, np.int64)
        for number, here in each_group(of):
            source[here], place[here] = self.slices[number].locate(positions[here] - self._first[number])
            place[here] += self._before[number, source[here]]
        return source, place

    def find(self, source: int, places: I64) -> I64:
        """The positions of a source's documents at these places of its order, int64 (k,) both."""
        before = self._before[:, source]
        of = np.searchsorted(before, places, side="right") - 1  # the last of slices without documents of the source
        position = np.empty(places.size, np.int64)
        for number, here in each_group(of):
            inside = self.slices[number].find(source, places[here] - before[number])
            position[here] = inside + self._first[number]
        return position

    @cached_property
    def _before(self) -> I64:
        """Documents of each source before each slice: int64 (slices, sources)."""
        counts = np.array([part.counts for part in self.slices], np.int64)
        return np.asarray(np.cumsum(counts, 0) - counts)

    @cached_property
    def _first(self) -> I64:
        """The first position of each slice."""
        return np.asarray(self._before.sum(1))
