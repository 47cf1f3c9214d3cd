"""Sample: documents of a source at keyed positions of a split; all of them where they are few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.core.documents import Documents
from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.plan.plan import Plan

DOCUMENTS = 4096  # sampled of each source in each split
CHUNK = 512  # made at once


@dataclass(frozen=True)
class Sample:
    """m of a source's documents in a split: position, item, exposure, int64 (m,), in a keyed order. of: all of them."""

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

    def first(self, count: int) -> Sample:
        """The first `count` of them."""
        few = slice(count)
        return Sample(self.split, self.source, self.of, self.position[few], self.item[few], self.exposure[few])

    def documents(self, plan: Plan) -> Iterator[Documents]:
        """The documents, with spans and parts, in chunks. They are made again, equal to those on the disk."""
        for first in range(0, len(self), CHUNK):
            chunk = slice(first, first + CHUNK)
            yield plan.sources[self.source].documents(self.item[chunk], self.exposure[chunk], spans=True, parts=True)


def sample(plan: Plan, split: str, source: str, most: int = DOCUMENTS) -> Sample:
    """At most `most` documents of a source in a split; the same for the same plan."""
    order = plan.splits[split]
    of = order.documents_of(source)
    chosen = np.arange(0, dtype=np.int64)  # indices of the source's documents
    if of:
        keyed = Permutation(of, Key.root(plan.recipe.seed).child("report", split, source))
        chosen = keyed(np.arange(min(most, of), dtype=np.int64))
    blocks = order.blocks_of(source)
    first_row = np.array([block.first_row for block in blocks] or [0], np.int64)
    rows = np.array([block.rows for block in blocks] or [0], np.int64)
    before = np.cumsum(rows) - rows
    block = np.searchsorted(before, chosen, side="right") - 1
    position = order.order.inverse(first_row[block] + chosen - before[block])
    located = order.locate(position)
    return Sample(split, source, of, position, located.item, located.exposure)
