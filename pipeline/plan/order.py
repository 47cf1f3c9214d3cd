"""One split: which document stands at a position, and at which position a document stands.

    position ──Permutation──► row ──blocks──► source, item, exposure          locate
    position ◄──its inverse── row ◄──────────  source, item, exposure          find

A split has n documents. Position p of the shuffled split shows row `order(p)`; the rows are laid out source by source,
in blocks of equal exposures, so a row is one `divmod`. A shard is a range of positions.

Where sources have orders of their own (orders/), they take turns instead; a source that has none is shuffled by itself.
A split with phases is one line of positions too: each phase has its own order over its own rows (phase.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.narrow_integers import narrowed
from pipeline.core.notices import Notice
from pipeline.core.permutation import Bijection
from pipeline.packing.spec import PackingSpec
from pipeline.plan.blocks import Block
from pipeline.plan.exposures import Exposures
from pipeline.plan.orders.consecutive import Consecutive
from pipeline.plan.phase import Phase


@dataclass(frozen=True)
class Located:
    """The documents at k positions: index of the source in the split, item, exposure; each (k,)."""

    source: NDArray[np.uint16]
    item: I64
    exposure: I64

    def take(self, rows: I64) -> Located:
        """The documents at indices `rows` (r,) of this array."""
        return Located(self.source[rows], self.item[rows], self.exposure[rows])

    def same(self, document: Located) -> NDArray[np.bool_]:
        """Which of the documents equal `document`, a single one: bool (k,)."""
        equal: NDArray[np.bool_] = (
            (self.source == document.source) & (self.item == document.item) & (self.exposure == document.exposure)
        )
        return equal


@dataclass(frozen=True)
class SplitPlan:
    """One split: which documents, in which order, in how many shards.

    phases: at least one; those of a split that has several are read one after another, and begin with a shard.
    attributes: names of attributes by their number in the column spans; number 0 is not used. document_tokens: source →
    expected tokens of a document, those that sequences keep. document_room: the same on disk, padding included.
    """

    name: str
    sources: tuple[str, ...]
    attributes: tuple[str, ...]
    phases: tuple[Phase, ...]
    key: Key
    document_tokens: Mapping[str, Fraction]
    document_room: Mapping[str, Fraction]
    packing: PackingSpec
    columns: tuple[str, ...]
    notices: tuple[Notice, ...] = ()

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks of all phases."""
        return tuple(block for phase in self.phases for block in phase.blocks)

    @property
    def documents(self) -> int:
        """Documents of the split."""
        return sum(phase.documents for phase in self.phases)

    @property
    def shards(self) -> int:
        """Shards of the split."""
        return sum(phase.shards for phase in self.phases)

    @property
    def pure(self) -> bool:
        """Whether a sequence holds documents of one source only, and there are several."""
        return self.packing.pure(len(self.sources))

    @cached_property
    def expected(self) -> dict[str, Fraction]:
        """Expected tokens of each source, padding not included."""
        return {source: self.documents_of(source) * tokens for source, tokens in self.document_tokens.items()}

    @property
    def tokens(self) -> Fraction:
        """Expected tokens on disk, padding included."""
        return sum((self.documents_of(source) * room for source, room in self.document_room.items()), Fraction(0))

    def tokens_of(self, phase: Phase) -> Fraction:
        """Expected tokens of one phase on disk, padding included."""
        return sum((count * self.document_room[source] for source, count in phase.counts.items()), Fraction(0))

    def documents_of(self, source: str) -> int:
        """Documents of one source."""
        return sum(block.rows for block in self.blocks_of(source))

    def exposures_of(self, source: str, items: int, phase: Phase | None = None) -> Exposures:
        """How many exposures the items of a source, `items` in number, have; in one phase, or in all."""
        return Exposures.of(self.blocks_of(source, phase), items)

    def blocks_of(self, source: str, phase: Phase | None = None) -> list[Block]:
        """The blocks of a source, of one phase or of all."""
        return [block for block in (phase or self).blocks if self.sources[block.source] == source]

    @cached_property
    def order(self) -> Bijection:
        """Position → row: the orders of the phases, one after another."""
        orders = tuple(phase.order for phase in self.phases)
        return orders[0] if len(orders) == 1 else Consecutive(orders)

    def positions(self, shard: int) -> I64:
        """The positions of a shard, int64 (d,): shards of a phase differ in size by at most one document."""
        number, (first_shard, first_position) = self._phase_at(shard, 0)
        phase, k = self.phases[number], shard - first_shard
        first, last = (first_position + i * phase.documents // phase.shards for i in (k, k + 1))
        return np.arange(first, last, dtype=np.int64)

    def shard_of(self, position: int) -> int:
        """The shard that holds a position."""
        number, (first_shard, first_position) = self._phase_at(position, 1)
        phase = self.phases[number]
        return first_shard + ((position - first_position + 1) * phase.shards - 1) // phase.documents

    def phase_of(self, position: int) -> Phase:
        """The phase that holds a position."""
        return self.phases[self._phase_at(position, 1)[0]]

    def shards_of(self, phase: str) -> range:
        """The shards of a phase. StopIteration for an unknown one."""
        number = next(number for number, of in enumerate(self.phases) if of.name == phase)
        first = self._begins[number][0]
        return range(first, first + self.phases[number].shards)

    def _phase_at(self, place: int, column: int) -> tuple[int, tuple[int, int]]:
        """The number of the phase that holds a shard (column 0) or position (1), and where it begins in both."""
        number = bisect_right(self._begins, place, key=lambda begins: begins[column]) - 1
        return number, self._begins[number]

    @cached_property
    def _begins(self) -> list[tuple[int, int]]:
        """The first shard and the first position of each phase."""
        shards = accumulate((phase.shards for phase in self.phases), initial=0)
        positions = accumulate((phase.documents for phase in self.phases), initial=0)
        return list(zip(shards, positions, strict=True))[:-1]

    def locate(self, positions: I64) -> Located:
        """The document at each position, int64 (k,)."""
        rows = self.order(positions)
        table = self._table
        block = np.zeros(1, np.int64)
        if len(self.blocks) > 1:
            block = np.searchsorted(table["first_row"], rows, side="right") - 1
        row = rows - table["first_row"][block]
        exposure = row // table["items"][block]
        item = row - exposure * table["items"][block] + table["first_item"][block]
        for number in np.unique(block).tolist() if self._subsets else ():
            if subset := self._subsets.get(number):
                partial = np.flatnonzero(np.broadcast_to(block == number, rows.shape))
                item[partial] = subset(item[partial])
        sources = narrowed(table["source"], np.uint16, "source of a split")
        source = np.broadcast_to(sources[block], rows.shape)
        return Located(source, item, exposure + table["first_exposure"][block])

    @cached_property
    def _table(self) -> dict[str, I64]:
        """The blocks as columns."""
        names = ("source", "first_row", "items", "first_exposure", "first_item")
        return {name: np.array([getattr(block, name) for block in self.blocks], np.int64) for name in names}

    @cached_property
    def _subsets(self) -> dict[int, Bijection]:
        """Index of each block with a subset → its subset."""
        return {number: block.subset for number, block in enumerate(self.blocks) if block.subset}

    def find(self, source: str, item: int, exposure: int) -> int | None:
        """The position of a document; None where the split does not hold it."""
        for block in self.blocks_of(source):
            round_ = exposure - block.first_exposure
            place = item
            if block.subset and 0 <= item < block.subset.n:
                place = int(block.subset.inverse(np.array([item]))[0])
            place -= block.first_item
            if 0 <= round_ < block.exposures and 0 <= place < block.items:
                row = block.first_row + round_ * block.items + place
                return int(self.order.inverse(np.array([row]))[0])
        return None
