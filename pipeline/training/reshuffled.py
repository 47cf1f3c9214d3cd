"""Views of the shards of a split: one phase of it, and every epoch in an order of its own.

Reshuffled, epoch 0 is the split as it stands. In each later one the shards of a phase are in another order, and so are
the rows of each shard; a phase still comes before the next. Rows are the same sequences in every epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import PlanError, suggest
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.core.table import Columns, length_of, take
from pipeline.training.row_sources import FEW, Shards

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class PhaseOfShards:
    """A phase of a split as its readers see it. keeps_order: whether its rows have an order."""

    name: str
    shards: int
    keeps_order: bool


def phase_named(split: str, phases: Sequence[PhaseOfShards], name: object) -> int:
    """The number of a phase. PlanError for an unknown one."""
    names = [phase.name for phase in phases]
    if name not in names or not name:
        remedy = suggest(str(name), names) if names[0] else "It is one mixture: leave `phase` out."
        raise PlanError(f"the split '{split}' has no phase {name!r}", remedy)
    return names.index(str(name))


def check_shuffled(split: str, phases: Sequence[PhaseOfShards]) -> None:
    """PlanError where a phase has an order of its own, which reshuffled epochs would not keep."""
    for phase in phases:
        if phase.keeps_order:
            of = f"the phase '{phase.name}' of '{split}'" if phase.name else f"the split '{split}'"
            raise PlanError(f"{of} has an order, which reshuffled epochs would not keep", "Leave `reshuffle` out.")


class _View:
    """Shards that are those of others, in other places."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    def of_epoch(self, _: int, /) -> Shards:
        """The shards as they are read in an epoch, from 0."""
        return self

    def _shard_at(self, k: int) -> int:
        """The number of shard k among the others."""
        return k

    def __call__(self, k: int) -> Columns:
        return self._shards(self._shard_at(k))

    def count(self, k: int) -> int:
        return self._shards.count(self._shard_at(k))

    def known_count(self, k: int) -> int | None:
        return self._shards.known_count(self._shard_at(k))

    def rows(self, k: int, rows: I64) -> Columns:
        return self._shards.rows(self._shard_at(k), rows)

    def every(self, k: int, first: int, step: int) -> tuple[int, Columns | None]:
        return self._shards.every(self._shard_at(k), first, step)


class Reshuffled(_View):
    """Shards whose order changes with the epoch; asked without one, those of the first.

    phases: the number of shards of each phase. key: of the split.
    """

    def __init__(self, shards: Shards, phases: Sequence[int], key: Key) -> None:
        super().__init__(shards)
        self._phases, self._key = tuple(phases), key
        self._latest: tuple[int, _Epoch] | None = None  # as its order is that of all shards

    def of_epoch(self, epoch: int, /) -> Shards:
        if epoch == 0:
            return self._shards
        if self._latest is None or self._latest[0] != epoch:
            self._latest = epoch, _Epoch(self._shards, self._phases, self._key.child("epoch", epoch))
        return self._latest[1]


class _Epoch(_View):
    """The shards of a later epoch: place in the epoch → shard, and place in the shard → row."""

    def __init__(self, shards: Shards, phases: tuple[int, ...], key: Key) -> None:
        super().__init__(shards)
        self._phases, self._key = phases, key

    def _shard_at(self, k: int) -> int:
        return self._order[k]

    def __call__(self, k: int) -> Columns:
        shard = self._order[k]
        columns = self._shards(shard)
        return take(columns, self._rows_at(shard, np.arange(length_of(columns), dtype=np.int64), length_of(columns)))

    def rows(self, k: int, rows: I64) -> Columns:
        shard = self._order[k]
        chosen = self._rows_at(shard, rows, self._shards.count(shard))
        return take(self._shards.rows(shard, np.sort(chosen)), np.argsort(np.argsort(chosen)))

    def every(self, k: int, first: int, step: int) -> tuple[int, Columns | None]:
        if step < FEW:
            columns = self(k)
            count = length_of(columns)
            return count, take(columns, np.arange(first, count, step)) if first < count else None
        count = self.count(k)
        return count, self.rows(k, np.arange(first, count, step)) if first < count else None

    def _rows_at(self, shard: int, places: I64, count: int) -> I64:
        return Permutation(count, self._key.child("rows", shard))(places)

    @cached_property
    def _order(self) -> list[int]:
        """The shard at each place of the epoch."""
        order: list[int] = []
        for number, shards in enumerate(self._phases):
            shuffle = Permutation(shards, self._key.child("shards", number))
            order += (shuffle(np.arange(shards, dtype=np.int64)) + len(order)).tolist()
        return order


class OnePhase(_View):
    """Some consecutive shards, numbered from 0. first: the first of them."""

    def __init__(self, shards: Shards, first: int) -> None:
        super().__init__(shards)
        self._first = first

    def of_epoch(self, epoch: int, /) -> Shards:
        shards = self._shards.of_epoch(epoch)
        return self if shards is self._shards else OnePhase(shards, self._first)

    def _shard_at(self, k: int) -> int:
        return self._first + k
