"""One split: which document stands at a position, and at which position a document stands.

    position ──Permutation──► row ──blocks──► source, item, exposure          locate
    position ◄──its inverse── row ◄──────────  source, item, exposure          find

A split has n documents. Position p of the shuffled split shows row `order(p)`; the rows are laid out source by source,
in blocks of equal exposures, so a row is one `divmod`. A shard is a range of positions.

Where sources have orders of their own (orders/), they take turns instead; a source that has none is shuffled by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.narrow_integers import narrowed
from pipeline.core.notices import Notice
from pipeline.core.permutation import Bijection, Permutation
from pipeline.packing.spec import PackingSpec
from pipeline.plan.blocks import Block, Exposures
from pipeline.plan.orders.turns import InTurns


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

    attributes: names of attributes by their number in the column spans; number 0 is not used. document_tokens: source →
    expected tokens of a document, those that sequences keep. document_room: the same on disk, padding included.
    ordered: in which order the documents of each source stand, in words. own_orders: source that has an order of its
    own → place in that order → row among its rows.
    """

    name: str
    sources: tuple[str, ...]
    attributes: tuple[str, ...]
    blocks: tuple[Block, ...]
    key: Key
    document_tokens: Mapping[str, Fraction]
    document_room: Mapping[str, Fraction]
    packing: PackingSpec
    columns: tuple[str, ...]
    shards: int
    notices: tuple[Notice, ...] = ()
    ordered: str = "shuffled"
    own_orders: Mapping[str, Bijection] = field(default_factory=dict)

    @property
    def documents(self) -> int:
        """Documents of the split."""
        return sum(block.rows for block in self.blocks)

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

    def documents_of(self, source: str) -> int:
        """Documents of one source."""
        return sum(block.rows for block in self.blocks_of(source))

    def exposures_of(self, source: str, items: int) -> Exposures:
        """How many exposures the items of a source, `items` in number, have."""
        return Exposures.of(self.blocks_of(source), items)

    def blocks_of(self, source: str) -> list[Block]:
        """The blocks of a source."""
        return [block for block in self.blocks if self.sources[block.source] == source]

    @cached_property
    def order(self) -> Bijection:
        """Position → row: the global shuffle, or sources in turns."""
        if not self.own_orders:
            return Permutation(self.documents, self.key)
        return InTurns(tuple(self._order_of(source) for source in self.sources), self.key)

    def _order_of(self, source: str) -> Bijection:
        """Place in a source's order → row among its rows."""
        own = self.own_orders.get(source)
        return own if own is not None else Permutation(self.documents_of(source), self.key.child(source))

    def positions(self, shard: int) -> I64:
        """The positions of a shard, int64 (d,): shards differ in size by at most one document."""
        first, last = (k * self.documents // self.shards for k in (shard, shard + 1))
        return np.arange(first, last, dtype=np.int64)

    def shard_of(self, position: int) -> int:
        """The shard that holds a position."""
        return ((position + 1) * self.shards - 1) // self.documents

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
        for number, subset in self._subsets.items():
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
            place = item - block.first_item
            if block.subset and 0 <= item < block.subset.n:
                place = int(block.subset.inverse(np.array([item]))[0])
            if 0 <= round_ < block.exposures and 0 <= place < block.items:
                row = block.first_row + round_ * block.items + place
                return int(self.order.inverse(np.array([row]))[0])
        return None
