"""Documents of a source at keyed places of a split. Where all of them fit into the sample, it is all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.core.documents import Documents
from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.plan.plan import Plan
from pipeline.plan.splits import SplitPlan

DOCUMENTS = 4096  # drawn of each source in each split
CHUNK = 512  # told at once


@dataclass(frozen=True)
class Drawn:
    """m of the `of` documents that a split has of a source: position, item, exposure, int64 (m,), in a keyed order."""

    split: str
    source: str
    of: int
    position: I64
    item: I64
    exposure: I64

    def __len__(self) -> int:
        return len(self.position)

    @property
    def whole(self) -> bool:
        """Whether these are all of them."""
        return len(self) == self.of

    def first(self, count: int) -> Drawn:
        """The first few."""
        taken = slice(count)
        return Drawn(self.split, self.source, self.of, self.position[taken], self.item[taken], self.exposure[taken])

    def told(self, plan: Plan) -> Iterator[Documents]:
        """The documents with spans and parts, a chunk at a time."""
        for first in range(0, len(self), CHUNK):
            chunk = slice(first, first + CHUNK)
            yield plan.sources[self.source].documents(self.item[chunk], self.exposure[chunk], spans=True, parts=True)


def draw(plan: Plan, split: str, source: str, most: int = DOCUMENTS) -> Drawn:
    """At most so many documents of a source. The same ones for the same plan."""
    order = plan.splits[split]
    rows = _rows_of(order, source)
    of = order.documents_of(source)
    chosen = np.arange(0, dtype=np.int64)
    if of:
        keyed = Permutation(of, Key.root(plan.recipe.seed).child("report", split, source))
        chosen = keyed(np.arange(min(most, of), dtype=np.int64))
    first = np.array([begin for begin, _ in rows] or [0], np.int64)
    counts = np.array([count for _, count in rows] or [0], np.int64)
    before = np.cumsum(counts) - counts
    block = np.searchsorted(before, chosen, side="right") - 1
    position = order.order.inverse(first[block] + chosen - before[block])
    located = order.locate(position)
    return Drawn(split, source, of, position, located.item, located.exposure)


def _rows_of(order: SplitPlan, source: str) -> list[tuple[int, int]]:
    """(first row, rows) of each block of a source."""
    return [(block.first_row, block.rows) for block in order.blocks if order.sources[block.source] == source]
