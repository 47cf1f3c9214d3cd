"""Sequences for a training job: the rows of a split, in order or at any place, the same ones in the same order.

They are made as they are asked for, without a disk, or read from a built dataset. Nothing is kept but the shard that is
being read and what has been counted.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.core.errors import PlanError, suggest
from pipeline.core.table import Columns
from pipeline.training.assignment import Assign, Assignment, Uneven, checked_options
from pipeline.training.iteration import by_rows, by_shards
from pipeline.training.positions import Ends, place_of, rows_of
from pipeline.training.row_sources import BuiltShards, LoadedShards, PlannedShards, Shards
from pipeline.training.rows import Row, row_of
from pipeline.training.state import RowsState, ShardsState, State, check_reader, read_state

if TYPE_CHECKING:
    from datasets import IterableDataset

    from pipeline.dataset import Dataset
    from pipeline.plan.plan import Plan
    from pipeline.training.torch import SequenceDataset, SequenceTable


class Stream:
    """The rows of a split as an iterable that knows where it is, and as a table that is read at any place.

    shards: how many there are; load(k): the columns of one. epochs: how often all rows come (None: for ever). rank,
    world_size, assign ("rows" or "shards"), uneven ("keep", "drop" or "pad"): which rows this stream has; see
    assignment.py. PlanError for options that cannot be.

    Iterating begins at the beginning, or where `load_state_dict` has set it, and `state_dict` says at any time how far
    it has come: the rows that were given before do not come again. The state of any rank may be loaded by all that have
    kept step with it and, where rows are assigned, also by another number of ranks.

    `len` is how many rows iterating from the beginning gives (TypeError where they do not end), and `stream[i]` is the
    i-th of them, made without the others; `stream[[3, 1, 2]]` is a list of rows. That is what map-style samplers of
    PyTorch and grain want. A built dataset knows its numbers of rows; of a plan they follow from the lengths of all
    documents before them, which takes more than half as long as making them, once (`list(stream)` asks for it too;
    `list(iter(stream))` does not). IndexError past the end.

        >>> stream = Stream(2, lambda k: {"input_ids": np.arange(4 * k, 4 * k + 4)}).shared(1, 3)
        >>> [int(row["input_ids"]) for row in stream], len(stream), int(stream[-1]["input_ids"])
        ([1, 4, 7], 3, 7)
    """

    def __init__(
        self,
        shards: int,
        load: Callable[[int], Columns],
        epochs: int | None = 1,
        rank: int = 0,
        world_size: int = 1,
        assign: Assign = "rows",
        uneven: Uneven = "keep",
    ) -> None:
        self.assignment = Assignment(shards, epochs, rank, world_size, assign, uneven)
        self.has_rank = self.assignment.world_size > 1
        """Whether a caller has given it a rank, so that nobody need ask for one."""
        self.shards: Shards = load if isinstance(load, Shards) else LoadedShards(load)
        self._ends = Ends(self.shards, self.assignment.shards)
        self._start: State | None = None  # where the next `iter` begins
        self._state: State | None = None

    def __repr__(self) -> str:
        return f"Stream({', '.join(f'{name}={value!r}' for name, value in asdict(self.assignment).items())})"

    # ── parts ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def shared(self, rank: int, world_size: int) -> Stream:
        """The part of one of several ranks: from the beginning, or from a state that was loaded and not yet used.

        PlanError where this is already a part.
        """
        if self.has_rank:
            raise PlanError("this is already a part of a stream", "Share the whole one.")
        part = self.copy()
        part.assignment = replace(self.assignment, rank=rank, world_size=world_size)
        part.has_rank = True
        return part

    def of_worker(self, worker: int, workers: int) -> Stream:
        """What one of several loader workers gives of this rank's rows (or shards): every `workers`-th of them."""
        part = self.copy()
        part.assignment = replace(self.assignment, worker=worker, workers=workers)
        return part

    def copy(self) -> Stream:
        """The same with a position of its own: that where the next `iter` begins."""
        part = copy(self)
        part._state = part._start
        return part

    # ── in order ──────────────────────────────────────────────────────────────────────────────────────────────────

    def __iter__(self) -> Iterator[Row]:
        reader, start = self.assignment, self._start
        if start is None:
            epoch, shard = divmod(reader.number, reader.shards)
            of_shards = ShardsState(epoch, shard, row=0, readers=reader.readers)
            start = of_shards if reader.assign == "shards" else RowsState(0, 0, 0, 0, reader.readers)
        self._start, self._state = None, start
        if isinstance(start, RowsState):
            return by_rows(reader, self.shards, start, self._note)
        check_reader(start, reader)
        return by_shards(reader, self.shards, start, self._note)

    def _note(self, state: State) -> None:
        self._state = state

    # ── states ────────────────────────────────────────────────────────────────────────────────────────────────────

    def state_dict(self) -> dict[str, int]:
        """How far it has come, as in state.py; {} where nothing was read or loaded.

        To be loaded by a stream with the same options; where rows are assigned also with another rank and world size.
        """
        return {} if self._state is None else asdict(self._state)

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from there at the next `iter`, once; {} is the beginning. PlanError for what is no state of it."""
        self._start = read_state(state, self.assignment, self.shards) if state else None
        self._state = self._start

    @property
    def goes_on(self) -> bool:
        """Whether the next `iter` begins at a state that was loaded."""
        return self._start is not None

    # ── at any place ──────────────────────────────────────────────────────────────────────────────────────────────

    def __len__(self) -> int:
        return rows_of(self.assignment, self.shards, self._ends)

    def __bool__(self) -> bool:
        """True, without counting."""
        return True

    def __getitem__(self, index: Any) -> Any:
        """The row at an index, or a list of those at several."""
        if isinstance(index, slice):
            raise TypeError("a stream is not sliced: ask for stream[[3, 4, 5]], or use itertools.islice")
        if isinstance(index, Iterable) and not isinstance(index, str | bytes) and np.ndim(index) > 0:  # type: ignore[arg-type]
            return self.__getitems__(index)
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Iterable[Any]) -> list[Row]:
        """The rows at several indices, in their order, each shard asked once: what PyTorch's fetcher calls."""
        places = [place_of(self.assignment, self.shards, self._ends, self._index(index)) for index in indices]
        rows: dict[tuple[int, int], Row] = {}
        for k in {k: None for k, _ in places}:
            of_shard = sorted({row for shard, row in places if shard == k})
            columns = self.shards.rows(k, np.array(of_shard, np.int64))
            rows |= {(k, row): row_of(columns, at) for at, row in enumerate(of_shard)}
        return [rows[place] for place in places]

    def _index(self, index: Any) -> int:
        """An index counted from the beginning. TypeError for what is none."""
        if isinstance(index, bool | np.bool_):
            raise TypeError(f"an index is a whole number, not {index}")
        number = operator.index(index)
        if number < 0 and self.assignment.epochs is None:
            raise IndexError(f"row {number} of a stream without end")
        return number + len(self) if number < 0 else number

    # ── for others ────────────────────────────────────────────────────────────────────────────────────────────────

    def torch(self, columns: tuple[str, ...] | None = None) -> SequenceDataset:
        """As a torch.utils.data.IterableDataset of dicts of tensors; ranks and loader workers share the rows.

        The rank is that of torch.distributed or torchrun, unless this stream has one by hand (`shared`, or rank and
        world_size as options): of that, the workers share the rows, and nobody is asked for a rank again.

        columns: which ones; by default those that tensors can hold.
        """
        from pipeline.training.torch import SequenceDataset

        return SequenceDataset(self, columns)

    def table(self, columns: tuple[str, ...] | None = None) -> SequenceTable:
        """As a map-style torch.utils.data.Dataset of the same dicts of tensors, for samplers that choose the rows.

        It has all rows of this stream: a DistributedSampler, not this, divides them among ranks.
        """
        from pipeline.training.torch import SequenceTable

        return SequenceTable(self, columns)

    def datasets(self) -> IterableDataset:
        """As a datasets.IterableDataset: the rows that iterating this stream would give now, each time that it is read.

        It keeps states of its own. Of a whole stream from the beginning, or of one whose shards are assigned, it has a
        shard for each of them in each epoch, which `split_dataset_by_node`, loader workers and `shuffle` divide and
        reorder. A part with rows assigned, a stream that goes on from a state, and one without end are one shard: nodes
        then skip each other's rows. So share either here, by `shared`, or there.
        """
        from pipeline.training.huggingface import iterable_dataset

        return iterable_dataset(self)


def of_plan(plan: Plan, split: str, **options: Any) -> Stream:
    """The rows of a plan's split, made here. PlanError where there is no such split, or no such option."""
    if split not in plan.splits:
        raise PlanError(f"no split '{split}'", suggest(split, plan.splits))
    return Stream(plan.splits[split].shards, PlannedShards(plan, split), **checked_options(options))


def of_dataset(dataset: Dataset, split: str, **options: Any) -> Stream:
    """The rows of a built split, read from its shards. StorageError where there is no such split."""
    return Stream(len(dataset.split(split)["shards"]), BuiltShards(dataset, split), **checked_options(options))
