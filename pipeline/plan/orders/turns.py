"""Sources that take turns, each in an order of its own: position ⇄ (source, place in the source's order).

A split is cut into windows of about WINDOW documents. In each, every source has its share of documents, to within one,
and they stand in shuffled turns; the documents of one source keep their order:

    source a: 0 1 2 3 4 5       window 0: b a a      window 1: a b a      window 2: a a b
    source b: 0 1 2             shows     0 0 1                2 1 3                4 5 2
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.permutation import Bijection, Permutation
from pipeline.plan.orders.groups import each_group

WINDOW = 1024  # documents of a window, about
_LARGEST_PRODUCT = 2**62
MOST = 2**42  # documents: with more, a window would have millions of them


class Turns(Protocol):
    """A bijection between positions and pairs (source s, place 0 … counts[s] - 1); places ascend with positions."""

    def locate(self, positions: I64, /) -> tuple[I64, I64]: ...

    def find(self, source: int, places: I64, /) -> I64: ...


@dataclass(frozen=True)
class Interleaving:
    """A bijection between the positions 0 … n - 1 and the pairs (source s, place 0 … counts[s] - 1); n = Σ counts.

    Places of a source ascend with the positions. Of the first w windows, source s has ⌊w · counts[s] / windows⌋.
    """

    counts: tuple[int, ...]
    key: Key

    @property
    def n(self) -> int:
        """How many positions there are."""
        return sum(self.counts)

    @cached_property
    def windows(self) -> int:
        """How many windows there are: one for WINDOW documents, or as many as products of the two can be counted."""
        return max(1, min(-(-self.n // WINDOW), _LARGEST_PRODUCT // max(self.n, 1)))

    def locate(self, positions: I64) -> tuple[I64, I64]:
        """The source and the place in its order at each position, int64 (k,) all three."""
        windows = self._window_at(positions)
        source, place = np.empty(positions.size, np.int64), np.empty(positions.size, np.int64)
        for window, here in each_group(windows):
            turns, places, before = self._turns(window)
            inside = positions[here] - before.sum()
            source[here], place[here] = turns[inside], places[inside]
        return source, place

    def find(self, source: int, places: I64) -> I64:
        """The positions of a source's documents at these places of its order, int64 (k,) both."""
        windows = self._window_of(source, places)
        position = np.empty(places.size, np.int64)
        for window, here in each_group(windows):
            turns, _, before = self._turns(window)
            position[here] = np.flatnonzero(turns == source)[places[here] - before[source]] + before.sum()
        return position

    def _before(self, windows: I64) -> I64:
        """How many documents of each source stand before a window: int64 (…, sources)."""
        whole, rest = np.divmod(np.array(self.counts, np.int64), self.windows)
        at = np.asarray(windows, np.int64)[..., None]
        return np.asarray(at * whole + at * rest // self.windows)

    def _window_at(self, positions: I64) -> I64:
        """The window of each position."""
        window = positions * self.windows // self.n  # this one, or one of the next few, as counts are rounded down
        while (later := self._before(window + 1).sum(-1) <= positions).any():
            window = window + later
        return window

    def _window_of(self, source: int, places: I64) -> I64:
        """The window of each place of a source: the last with no more than that many of its documents before it."""
        count = self.counts[source]
        window = (places * self.windows + self.windows - 1) // count
        while (earlier := self._before(window)[..., source] > places).any():
            window = window - earlier
        while (later := self._before(window + 1)[..., source] <= places).any():
            window = window + later
        return window

    def _turns(self, window: int) -> tuple[I64, I64, I64]:
        """The source at each position of a window, the place that it shows, int64 (m,) both, and `_before`."""
        before, end = self._before(np.array([window, window + 1]))
        sources = np.repeat(np.arange(len(self.counts)), end - before)
        shuffle = Permutation(sources.size, self.key.child("window", window))
        turns = sources[shuffle(np.arange(sources.size, dtype=np.int64))]
        places = np.empty(turns.size, np.int64)
        for source, first in enumerate(before.tolist()):
            shown = np.flatnonzero(turns == source)
            places[shown] = first + np.arange(shown.size)
        return turns, places, before


@dataclass(frozen=True)
class InTurns:
    """A bijection of [0, n), position → row: sources take turns, and each has an order of its own.

    orders: for each source, place in its order → row among its rows. Those of the first source come first. turns: whose
    turn it is at each position.
    """

    orders: tuple[Bijection, ...]
    turns: Turns

    @property
    def n(self) -> int:
        """How many positions there are."""
        return sum(order.n for order in self.orders)

    def __call__(self, positions: I64) -> I64:
        """The row at each position, int64 (k,) both. IndexError for a position outside of [0, n)."""
        if positions.size and not (positions.min() >= 0 and positions.max() < self.n):
            raise IndexError(f"positions {positions.min()} to {positions.max()} do not lie in [0, {self.n})")
        source, place = self.turns.locate(positions)
        row = np.empty(positions.size, np.int64)
        for number, order in enumerate(self.orders):
            here = np.flatnonzero(source == number)
            row[here] = order(place[here]) + self._first[number]
        return row

    def inverse(self, rows: I64) -> I64:
        """The position of each row, int64 (k,) both."""
        source = np.searchsorted(self._first, rows, side="right") - 1
        position = np.empty(rows.size, np.int64)
        for number, order in enumerate(self.orders):
            here = np.flatnonzero(source == number)
            if here.size:
                position[here] = self.turns.find(number, order.inverse(rows[here] - self._first[number]))
        return position

    @cached_property
    def _first(self) -> I64:
        """The first row of each source."""
        counts = [order.n for order in self.orders]
        return np.cumsum([0, *counts[:-1]], dtype=np.int64)
