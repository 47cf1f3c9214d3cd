"""Streams as PyTorch datasets, in which ranks and loader workers share the rows by themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from pipeline.core.errors import PlanError, suggest

MOST_WORKERS = 4096  # of one loader


class Rows(Protocol):
    """The part of `pipeline.training.streams.Stream` that is used here."""

    has_rank: bool

    def __iter__(self) -> Iterator[dict[str, Any]]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> Any: ...

    def __getitems__(self, indices: Sequence[Any]) -> list[dict[str, Any]]: ...

    def copy(self) -> Rows: ...

    def shared(self, rank: int, world_size: int) -> Rows: ...

    def of_worker(self, worker: int, workers: int) -> Rows: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class SequenceDataset(IterableDataset[dict[str, Any]]):
    """One dict of tensors per sequence: integers as int64, so that ids index embeddings; loss_mask as bool.

    Loader workers of all ranks share the rows. The rank is that of torch.distributed where it is initialised, else that
    of torchrun (RANK, WORLD_SIZE). A stream that was given a rank (`shared`, or rank and world_size as options) is
    shared by the workers of this process alone. A rank gets the same rows for any number of workers, in another order.
    `len` is the number of rows of this rank.

    A loaded state is used by the next pass only: in this process, or in all workers, forked or spawned, of the next
    loader. This process does not know how far workers are, so `state_dict` then raises PlanError; torchdata's
    StatefulDataLoader asks each worker. With several workers, `len(loader)` may be too small by up to one batch for all
    but one of them, since each ends with an incomplete batch.

        loader = DataLoader(pipeline.stream("tiny", "train").torch(), batch_size=8)
    """

    def __init__(self, stream: Rows, columns: tuple[str, ...] | None = None) -> None:
        self._whole, self._columns = stream.copy(), columns
        self._part: Rows | None = None
        self._reader: tuple[int, ...] = ()
        self._passes = _Passes()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 0)
        reader = (*_rank(), number, workers)
        first = self._passes.begin(number, workers)
        if self._part is None or self._reader != reader:  # a forked worker inherits its parent's
            self._part, self._reader = self._of_rank().of_worker(number, max(workers, 1)), reader
            if not first:
                self._part.load_state_dict({})
        return (_tensors(row, self._columns) for row in iter(self._part))

    def __len__(self) -> int:
        return len(self._of_rank())

    def _of_rank(self) -> Rows:
        return self._whole if self._whole.has_rank else self._whole.shared(*_rank())

    def state_dict(self) -> dict[str, Any]:
        """The state after the last row given in this process. PlanError where loader workers gave the rows."""
        if get_worker_info() is None and self._passes.by_workers:
            raise PlanError(
                "the rows were read by loader workers, and this process does not know how far they are",
                "Take torchdata's StatefulDataLoader, and its state_dict.",
            )
        return (self._whole if self._part is None else self._part).state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Begin the next pass at a state. PlanError for an impossible state."""
        self._whole.load_state_dict(state)
        self._part, self._passes = None, _Passes()


class SequenceTable(Dataset[dict[str, Any]]):
    """The rows of a stream by index, as the same dicts of tensors, for samplers.

    `table[i]` makes or reads one row; `table.__getitems__([…])`, which loaders call for a batch, opens each shard once.
    All loader workers and ranks see the same rows; a sampler divides them.

        DataLoader(table, batch_size=8, sampler=DistributedSampler(table))
    """

    def __init__(self, stream: Rows, columns: tuple[str, ...] | None = None) -> None:
        self._stream, self._columns = stream.copy(), columns

    def __len__(self) -> int:
        return len(self._stream)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any]]:
        return [_tensors(row, self._columns) for row in self._stream.__getitems__(indices)]


class _Passes:
    """Notes which passes over the rows were made, in memory that is shared with loader workers.

    A loader starts new workers for every epoch, each with a copy of the parent's loaded state. Only the workers of the
    first epoch may use it, and they can only know by a note that all workers share.
    """

    def __init__(self) -> None:
        self._notes = torch.zeros(2 + MOST_WORKERS, dtype=torch.int64).share_memory_()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._notes.share_memory_()  # already shared where a loader sent it, but not in a plain copy

    def begin(self, worker: int, workers: int) -> bool:
        """Note a pass by one of `workers` workers (0: this process). Returns whether it belongs to the first pass."""
        if workers > MOST_WORKERS:
            raise PlanError(f"{workers} loader workers", f"Take {MOST_WORKERS} at most.")
        notes, kind = self._notes, workers + 1
        if not notes[0]:
            notes[0] = kind  # all workers of a loader write the same value
        first = bool(notes[0] == kind and not notes[2 + worker])
        notes[1], notes[2 + worker] = kind, 1
        return first

    @property
    def by_workers(self) -> bool:
        """Whether the latest pass was by loader workers."""
        return bool(self._notes[1] > 1)


def _rank() -> tuple[int, int]:
    """(rank, world size) of this process. PlanError for invalid variables of torchrun."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    values = {name: os.environ.get(name, default) for name, default in (("RANK", "0"), ("WORLD_SIZE", "1"))}
    for name, value in values.items():
        if not (value.isascii() and value.isdecimal()):
            raise PlanError(f"the environment has {name}={value!r}", "It is a whole number, or not set.")
    return int(values["RANK"]), int(values["WORLD_SIZE"])


def _tensors(row: dict[str, Any], columns: Sequence[str] | None) -> dict[str, Any]:
    names = columns or [name for name, value in row.items() if isinstance(value, np.ndarray | np.number)]
    if unknown := set(names) - set(row):
        raise PlanError(f"no column '{min(unknown)}'", suggest(min(unknown), row))
    return {name: _tensor(name, row[name]) for name in names}


def _tensor(name: str, value: Any) -> Any:
    if name == "loss_mask":
        return torch.from_numpy(value.astype(np.bool_))
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.astype(np.int64))
    return torch.tensor(int(value)) if isinstance(value, np.number) else value
