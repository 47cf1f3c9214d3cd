"""Sequences without a disk: the rows of a split, made as they are asked for, the same ones in the same order.

C consumers (the loader workers of all ranks) share the rows in one of two ways:

    rows     consumer c has the rows c, c + C, c + 2C, … of the split, and makes every shard for them. Whatever C is,
             each round of C rows is the next C rows of the split, so a run may go on with other ranks than before.
    shards   consumer c makes the shards c, c + C, … of the split, and has all of their rows. For sources that are slow
             to tell. Consumers may get different numbers of rows.

Either way every row is read once. A state is a few numbers; nothing is kept but the shard that is being read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.core.columns import Columns, Lists, Strings
from pipeline.core.errors import PlanError, suggest

if TYPE_CHECKING:
    from datasets import IterableDataset

    from pipeline.dataset import Dataset
    from pipeline.plan import Plan
    from pipeline.torch import SequenceDataset

Row = dict[str, Any]
"""One row: an array (L,) of each dense column, a number, a text, or a dict of arrays of a column of lists."""
Deal = Literal["rows", "shards"]


@dataclass
class Stream:
    """The rows of a split as an iterable that knows where it is.

    shards: how many there are; load(k): the columns of one. epochs: how often all rows come (None:
    for ever). consumer, consumers, deal: which rows are ours.

    Iterating begins at the beginning, or where `load_state_dict` has set it, and `state_dict` tells at any time how far
    it has come: the rows that were given before do not come again. Consumers that share by rows and keep step have
    equal states, and any of them may be loaded by all, also by another number of consumers.
    """

    shards: int
    load: Callable[[int], Columns] = field(repr=False)
    epochs: int | None = 1
    consumer: int = 0
    consumers: int = 1
    deal: Deal = "rows"
    _state: dict[str, int] = field(default_factory=dict)
    _resumed: bool = False

    def shared(self, consumer: int, consumers: int) -> Stream:
        """The part of one of several consumers, from where this stream is."""
        if self.consumers != 1:
            raise PlanError("this is already a part of a stream", "Share the whole one.")
        mine = Stream(self.shards, self.load, self.epochs, consumer, consumers, self.deal)
        if self._resumed:
            mine.load_state_dict(self._state)
        return mine

    def __iter__(self) -> Iterator[Row]:
        start = dict(self._state) if self._resumed else {}
        self._resumed = False
        return self._by_rows(**start) if self.deal == "rows" else self._by_shards(**start)

    def _by_rows(self, turn: int = 0, before: int = 0, next: int = 0, consumers: int = 0) -> Iterator[Row]:
        """turn: the shard, counted on over epochs. before: rows ahead of it. next: the row that the next round begins
        with, counted in the same way."""
        mine = next + self.consumer
        self._state = {"turn": turn, "before": before, "next": next, "consumers": self.consumers}
        while self._goes_on(turn):
            columns = self.load(turn % self.shards)
            rows = _length(columns)
            while mine < before + rows:
                next += self.consumers
                self._state = {"turn": turn, "before": before, "next": next, "consumers": self.consumers}
                yield _row(columns, mine - before)
                mine += self.consumers
            turn, before = turn + 1, before + rows

    def _by_shards(self, turn: int | None = None, row: int = 0, consumers: int = 0) -> Iterator[Row]:
        """turn: as above; always one of ours. row: the next one in its shard."""
        if consumers and consumers != self.consumers:
            raise PlanError(
                f"the state is that of {consumers} consumers, not of {self.consumers}",
                "Shared by shards, a stream goes on with as many as before; share it by rows.",
            )
        turn = self.consumer if turn is None else turn
        while self._goes_on(turn):
            columns = self.load(turn % self.shards)
            for at in range(row, _length(columns)):
                self._state = {"turn": turn, "row": at + 1, "consumers": self.consumers}
                yield _row(columns, at)
            turn, row = turn + self.consumers, 0

    def _goes_on(self, turn: int) -> bool:
        return self.epochs is None or turn < self.epochs * self.shards

    def state_dict(self) -> dict[str, int]:
        """How far it has come."""
        return dict(self._state)

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there at the next `iter`. PlanError for what is no state of such a stream."""
        known = {"turn", "before", "next", "consumers"} if self.deal == "rows" else {"turn", "row", "consumers"}
        if state and set(state) != known:
            raise PlanError(f"this is no state of a stream that is shared by {self.deal}", "Load one of the same kind.")
        self._state, self._resumed = dict(state), bool(state)

    def torch(self, columns: tuple[str, ...] | None = None) -> SequenceDataset:
        """As a torch.utils.data.IterableDataset of dicts of tensors; ranks and loader workers share the rows.

        columns: which ones; by default those that tensors can hold.
        """
        from pipeline.torch import SequenceDataset

        return SequenceDataset(self, columns)

    def datasets(self) -> IterableDataset:
        """As a datasets.IterableDataset, which shares shards among nodes and workers and keeps states of its own."""
        from datasets import Features, IterableDataset

        from pipeline.sinks.arrow import record_batch

        features = Features.from_arrow_schema(record_batch(self.load(0)).schema)
        told = {"load": self.load, "shards": list(range(self.shards))}
        made: IterableDataset = IterableDataset.from_generator(_rows_of, gen_kwargs=told, features=features)
        return made


def of_plan(plan: Plan, split: str, **options: Any) -> Stream:
    """The rows of a plan's split, made here. PlanError where there is no such split."""
    if split not in plan.splits:
        raise PlanError(f"no split '{split}'", suggest(split, plan.splits))
    its = plan.splits[split]
    return Stream(its.shards, partial(_made, plan, split), **options)


def of_dataset(dataset: Dataset, split: str, **options: Any) -> Stream:
    """The rows of a built split, read from its shards. StorageError where there is no such split."""
    return Stream(len(dataset.split(split)["shards"]), partial(_read, dataset, split), **options)


def _made(plan: Plan, split: str, k: int) -> Columns:
    from pipeline.shard import make_shard

    return make_shard(plan, split, k).columns


def _read(dataset: Dataset, split: str, k: int) -> Columns:
    return dataset.columns(dataset.manifest.shards_of(split)[k])


def _rows_of(load: Callable[[int], Columns], shards: list[int]) -> Iterator[Row]:
    for k in shards:
        columns = load(k)
        for at in range(_length(columns)):
            row = _row(columns, at)
            yield {name: _records(value) if isinstance(value, dict) else value for name, value in row.items()}


def _records(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A list of records from arrays of their fields."""
    return [
        dict(zip(fields, values, strict=True)) for values in zip(*map(np.ndarray.tolist, fields.values()), strict=True)
    ]


def _length(columns: Columns) -> int:
    ids = columns["input_ids"]
    assert isinstance(ids, np.ndarray)
    return len(ids)


def _row(columns: Columns, at: int) -> Row:
    return {name: _value(column, at) for name, column in columns.items()}


def _value(column: Any, at: int) -> Any:
    if isinstance(column, np.ndarray):
        return column[at]
    within = slice(int(column.offsets[at]), int(column.offsets[at + 1]))
    if isinstance(column, Strings):
        return column.bytes[within].tobytes().decode()
    assert isinstance(column, Lists)
    return {name: values[within] for name, values in column.fields.items()}
