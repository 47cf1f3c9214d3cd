"""Stream: the rows of a split for a training job, in order or by index; always the same rows in the same order.

Rows are made on demand, without a disk, or read from a built dataset. Only the current shard and counts are in memory.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.core.errors import PlanError, suggest
from pipeline.core.key import Key
from pipeline.core.table import Columns
from pipeline.training.assignment import Assign, Assignment, Uneven, checked_options
from pipeline.training.iteration import by_rows, by_shards
from pipeline.training.positions import Ends, place_of, rows_of
from pipeline.training.reshuffled import OnePhase, PhaseOfShards, Reshuffled, check_shuffled, phase_named
from pipeline.training.row_sources import BuiltShards, LoadedShards, PlannedShards, Shards
from pipeline.training.rows import Row, row_of
from pipeline.training.state import Order, RowsState, ShardsState, State, check_reader, read_state, saved_state

if TYPE_CHECKING:
    from datasets import IterableDataset

    from pipeline.dataset import Dataset
    from pipeline.plan.plan import Plan
    from pipeline.training.torch import SequenceDataset, SequenceTable


class Stream:
    """The rows of a split, as an iterable whose position can be saved, and as a sequence. A row is a dict of columns.

    shards: their number; load(k): the columns of shard k. epochs: how often all rows are given (None: endless). rank,
    world_size, assign ("rows" or "shards"), uneven ("keep", "drop" or "pad"): which rows this stream has; see
    assignment.py. PlanError for invalid options.

    Iteration begins at the first row, or at the state given to `load_state_dict`. `state_dict` returns the state after
    the last row that was given. With assigned rows, the state of any rank can be loaded by all ranks that kept step
    with it, also by another number of ranks; with assigned shards, each rank loads its own.

    `len` is the number of rows from the beginning (TypeError where epochs are endless). `stream[i]` is row i, made
    without the others (IndexError past the end); `stream[[3, 1, 2]]` is a list of rows. Map-style samplers of PyTorch
    and grain need these. For a plan, the first `len` or index makes the lengths of all documents before it, which takes
    more than half as long as making the rows. (`list(stream)` calls `len` too; `list(iter(stream))` does not.)

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
        self.order: Order | None = None
        """Which rows of which split it gives in which order; None where shards are those of no split."""
        self._ends = Ends(self.shards, self.assignment.shards)
        self._start: State | None = None  # where the next iteration begins
        self._state: State | None = None

    def __repr__(self) -> str:
        return f"Stream({', '.join(f'{name}={value!r}' for name, value in asdict(self.assignment).items())})"

    # ── parts ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def shared(self, rank: int, world_size: int) -> Stream:
        """The stream of one rank of several, from the beginning or from a loaded state that was not used yet.

        PlanError where this stream is already that of one rank.
        """
        if self.has_rank:
            raise PlanError("this is already a part of a stream", "Share the whole one.")
        part = self.copy()
        part.assignment = replace(self.assignment, rank=rank, world_size=world_size)
        part.has_rank = True
        return part

    def of_worker(self, worker: int, workers: int) -> Stream:
        """The stream of one loader worker of several: every `workers`-th row (or shard) of this rank."""
        part = self.copy()
        part.assignment = replace(self.assignment, worker=worker, workers=workers)
        return part

    def copy(self) -> Stream:
        """An independent copy, positioned where the next iteration of this stream would begin."""
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

    def state_dict(self) -> dict[str, Any]:
        """The position (see state.py) after the last row that was given; {} where nothing was read or loaded.

        A stream with the same options can load it; where rows are assigned, also one of another rank and world size.
        """
        return {} if self._state is None else saved_state(self._state, self.order)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Begin the next iteration (only that one) at a state; {} is the beginning.

        PlanError for an invalid one, and for that of a stream which gives the rows in another order.
        """
        self._start = read_state(state, self.assignment, self.shards, self.order) if state else None
        self._state = self._start

    @property
    def goes_on(self) -> bool:
        """Whether the next iteration begins at a loaded state."""
        return self._start is not None

    # ── at any place ──────────────────────────────────────────────────────────────────────────────────────────────

    def __len__(self) -> int:
        return rows_of(self.assignment, self.shards, self._ends)

    def __bool__(self) -> bool:
        """True; without it, Python would call `len`, which counts."""
        return True

    def __getitem__(self, index: Any) -> Any:
        """The row at an index, or a list of those at several."""
        if isinstance(index, slice):
            raise TypeError("a stream is not sliced: ask for stream[[3, 4, 5]], or use itertools.islice")
        if isinstance(index, Iterable) and not isinstance(index, str | bytes) and np.ndim(index) > 0:  # type: ignore[arg-type]
            return self.__getitems__(index)
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Iterable[Any]) -> list[Row]:
        """The rows at several indices, in that order; each shard is asked once. PyTorch's fetcher calls this."""
        places = [place_of(self.assignment, self.shards, self._ends, self._index(index)) for index in indices]
        rows: dict[tuple[int, int, int], Row] = {}
        for epoch, k in {(epoch, k): None for epoch, k, _ in places}:
            of_shard = sorted({row for *shard, row in places if shard == [epoch, k]})
            columns = self.shards.of_epoch(epoch).rows(k, np.array(of_shard, np.int64))
            rows |= {(epoch, k, row): row_of(columns, at) for at, row in enumerate(of_shard)}
        return [rows[place] for place in places]

    def _index(self, index: Any) -> int:
        """An index as an int ≥ 0; negative ones count from the end. TypeError where it is no index."""
        if isinstance(index, bool | np.bool_):
            raise TypeError(f"an index is a whole number, not {index}")
        number = operator.index(index)
        if number < 0 and self.assignment.epochs is None:
            raise IndexError(f"row {number} of a stream without end")
        return number + len(self) if number < 0 else number

    # ── for others ────────────────────────────────────────────────────────────────────────────────────────────────

    def torch(self, columns: tuple[str, ...] | None = None) -> SequenceDataset:
        """As a torch.utils.data.IterableDataset of dicts of tensors; ranks and loader workers share the rows.

        The rank is that of torch.distributed or torchrun, unless this stream was given one (by `shared`, or by rank and
        world_size as options); then only loader workers share its rows.

        columns: by default all that tensors can hold.
        """
        from pipeline.training.torch import SequenceDataset

        return SequenceDataset(self, columns)

    def table(self, columns: tuple[str, ...] | None = None) -> SequenceTable:
        """As a map-style torch.utils.data.Dataset of the same dicts of tensors, for samplers that choose the rows.

        It has all rows of this stream; ranks share them by a DistributedSampler.
        """
        from pipeline.training.torch import SequenceTable

        return SequenceTable(self, columns)

    def datasets(self) -> IterableDataset:
        """As a datasets.IterableDataset of the rows from this stream's current position on; each pass gives the same.

        It keeps its own state. A whole stream from the beginning, or one with assigned shards, has a shard for each of
        ours in each epoch; `split_dataset_by_node`, loader workers and `shuffle` divide and reorder these. A rank's
        stream with assigned rows, one from a loaded state and an endless one are a single shard, of which each node
        skips the others' rows. So divide rows among ranks either here, by `shared`, or there.
        """
        from pipeline.training.huggingface import iterable_dataset

        return iterable_dataset(self)


def of_plan(plan: Plan, split: str, **options: Any) -> Stream:
    """The stream of a plan's split, made in this process. options: see `_stream`. PlanError for an unknown split."""
    if split not in plan.splits:
        raise PlanError(f"no split '{split}'", suggest(split, plan.splits))
    phases = [PhaseOfShards(phase.name, phase.shards, phase.keeps_order) for phase in plan.splits[split].phases]
    return _stream(PlannedShards(plan, split), split, phases, plan.recipe.seed, options)


def of_dataset(dataset: Dataset, split: str, **options: Any) -> Stream:
    """The stream of a built split. options: see `_stream`. StorageError for an unknown split."""
    dataset.split(split)
    entries = dataset.manifest.phases_of(split)
    phases = [PhaseOfShards(entry["name"], entry["shards"], entry["keeps_order"]) for entry in entries]
    return _stream(BuiltShards(dataset, split), split, phases, dataset.manifest.recipe.get("seed", 0), options)


def _stream(shards: Shards, split: str, phases: list[PhaseOfShards], seed: int, options: dict[str, Any]) -> Stream:
    """The stream of the shards of a split.

    options: of Stream; phase: the name of the only phase that is read; reshuffle: whether every epoch but the first is
    in another order, phase by phase. PlanError for an unknown option or phase, and for reshuffling what has an order.
    """
    given = {**checked_options(options)}
    phase, reshuffle = given.pop("phase", None), given.pop("reshuffle", False)
    if not isinstance(reshuffle, bool):
        raise PlanError(f"reshuffle is {reshuffle!r}", "Give True or False.")
    number = None if phase is None else phase_named(split, phases, phase)
    read = phases if number is None else [phases[number]]
    if reshuffle:
        check_shuffled(split, read)
        shards = Reshuffled(shards, [of.shards for of in phases], Key.root(seed).child("splits", split))
    if number is not None:
        shards = OnePhase(shards, sum(of.shards for of in phases[:number]))
    stream = Stream(sum(of.shards for of in read), shards, **given)
    stream.order = Order(split, seed, phase or "", reshuffle, stream.assignment.shards)
    return stream
