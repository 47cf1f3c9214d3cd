"""Shards of a split for a stream: all rows, some rows, or their number.

    PlannedShards  of a plan. The lengths of documents are made first; they decide which documents a row needs, and only
                   these are made.
    BuiltShards    of a built dataset. Counts are in the manifest; rows are read from memory-mapped batches.
    LoadedShards   of any function that returns whole shards.

Counts and layouts are cached, within bounds, for later epochs and random access.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline.core.table import Columns, length_of, take

if TYPE_CHECKING:
    from pipeline.dataset import Dataset
    from pipeline.dataset.shard_record import ShardRecord
    from pipeline.plan.plan import Plan
    from pipeline.shard.placement import Layout

I64 = NDArray[np.int64]
FEW = 8  # readers: with fewer, making all rows is quicker than making lengths and then one's rows
LAID_OUT = 2**23  # documents whose layout is cached, 8 bytes each
OPEN = 16  # shards of a dataset that are kept mapped


@runtime_checkable
class Shards(Protocol):
    """The shards of a split. A first count may cost as much as making the lengths of a shard's documents."""

    def of_epoch(self, epoch: int, /) -> Shards:
        """The shards in the order in which an epoch reads them, from 0."""
        ...

    def __call__(self, k: int) -> Columns:
        """All rows of shard k."""
        ...

    def count(self, k: int) -> int:
        """How many rows shard k has."""
        ...

    def known_count(self, k: int) -> int | None:
        """How many rows shard k has, if that is known without making anything; else None."""
        ...

    def rows(self, k: int, rows: I64) -> Columns:
        """Some rows of shard k. rows: ascending indices, int64 (r,), at least one."""
        ...

    def every(self, k: int, first: int, step: int) -> tuple[int, Columns | None]:
        """(number of rows of shard k, its rows first, first + step, …); None where it has none of these."""
        ...


class SameShards:
    """Shards that every epoch reads in the same order."""

    def of_epoch(self, _: int) -> Self:
        """Itself."""
        return self


class LoadedShards(SameShards):
    """Shards from a function; nothing is known of a shard before it is loaded."""

    def __init__(self, load: Callable[[int], Columns]) -> None:
        self._load = load
        self._counts: dict[int, int] = {}
        self._latest: tuple[int, Columns] | None = None

    def __call__(self, k: int) -> Columns:
        columns = self._load(k)
        self._counts[k] = length_of(columns)
        return columns

    def count(self, k: int) -> int:
        return self._counts[k] if k in self._counts else length_of(self._kept(k))

    def known_count(self, k: int) -> int | None:
        return self._counts.get(k)

    def rows(self, k: int, rows: I64) -> Columns:
        return take(self._kept(k), rows)

    def every(self, k: int, first: int, step: int) -> tuple[int, Columns | None]:
        return _every(self(k), first, step)

    def _kept(self, k: int) -> Columns:
        """The shard, cached until another one is asked for."""
        if self._latest is None or self._latest[0] != k:
            self._latest = k, self(k)
        return self._latest[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_latest": None}


class PlannedShards(SameShards):
    """The shards of a plan's split, made in this process."""

    def __init__(self, plan: Plan, split: str) -> None:
        self._plan, self._split = plan, split
        self._counts: dict[int, int] = {}
        self._layouts: dict[int, Layout] = {}
        self._latest: tuple[int, Layout] | None = None

    def __call__(self, k: int) -> Columns:
        from pipeline.shard.shard import make_shard

        shard = make_shard(self._plan, self._split, k)
        self._counts[k] = shard.sequences
        return shard.columns

    def count(self, k: int) -> int:
        count = self.known_count(k)
        return len(self._layout(k)) if count is None else count

    def known_count(self, k: int) -> int | None:
        split = self._plan.splits[self._split]
        if split.packing.method == "rows" and split.packing.longer == "keep":
            return split.positions(k).size
        return self._counts.get(k)

    def rows(self, k: int, rows: I64) -> Columns:
        from pipeline.shard.shard import make_rows

        return make_rows(self._plan, self._split, k, rows, self._layout(k))

    def every(self, k: int, first: int, step: int) -> tuple[int, Columns | None]:
        if step < FEW or not (self._quick or k in self._layouts):
            return _every(self(k), first, step)
        count = self.count(k)
        return count, self.rows(k, np.arange(first, count, step)) if first < count else None

    def _layout(self, k: int) -> Layout:
        """The layout of shard k. Cached: the latest, and the first ones, up to LAID_OUT documents."""
        from pipeline.shard.placement import layout_of

        if k in self._layouts:
            return self._layouts[k]
        if self._latest is None or self._latest[0] != k:
            layout = layout_of(self._plan, self._split, k)
            self._latest, self._counts[k] = (k, layout), len(layout)
            if sum(map(_documents, self._layouts.values())) + _documents(layout) <= LAID_OUT:
                self._layouts[k] = layout
        return self._latest[1]

    @cached_property
    def _quick(self) -> bool:
        from pipeline.shard.placement import is_laid_out_quickly

        return is_laid_out_quickly(self._plan, self._split)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_layouts": {}, "_latest": None}


class BuiltShards(SameShards):
    """The shards of a built split, read from its files."""

    def __init__(self, dataset: Dataset, split: str) -> None:
        self._dataset = dataset
        self._records: list[ShardRecord] = dataset.manifest.shards_of(split)
        self._open: dict[int, list[Any]] = {}

    def __call__(self, k: int) -> Columns:
        return self._dataset.columns(self._records[k])

    def count(self, k: int) -> int:
        return self._records[k].sequences

    def known_count(self, k: int) -> int:
        return self._records[k].sequences

    def rows(self, k: int, rows: I64) -> Columns:
        from pipeline.storage.arrow import rows_from

        return rows_from(self._opened(k), rows)

    def _opened(self, k: int) -> list[Any]:
        """The record batches of a shard. StorageError where its number of rows is not the recorded one."""
        if k not in self._open:
            while len(self._open) >= OPEN:
                del self._open[next(iter(self._open))]
            self._open[k] = list(self._dataset.shard(self._records[k]))
        return self._open[k]

    def every(self, k: int, first: int, step: int) -> tuple[int, Columns | None]:
        count = self.count(k)
        if first >= count:
            return count, None
        if step < FEW:
            return _every(self(k), first, step)
        self._opened(k)  # checks the recorded count before it is used
        return count, self.rows(k, np.arange(first, count, step))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": {}}


def _every(columns: Columns, first: int, step: int) -> tuple[int, Columns | None]:
    count = length_of(columns)
    if first >= count:
        return count, None
    return count, columns if (first, step) == (0, 1) else take(columns, np.arange(first, count, step))


def _documents(layout: Layout) -> int:
    return layout.line.starts.size
