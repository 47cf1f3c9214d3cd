"""Sequences for PyTorch: a stream whose ranks and loader workers find out which rows are theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from pipeline.core.errors import PlanError, suggest


class Rows(Protocol):
    """What is asked of a stream: see `pipeline.streaming.Stream`."""

    consumer: int
    consumers: int

    def __iter__(self) -> Iterator[dict[str, Any]]: ...

    def shared(self, consumer: int, consumers: int) -> Rows: ...

    def state_dict(self) -> dict[str, int]: ...

    def load_state_dict(self, state: dict[str, int]) -> None: ...


class SequenceDataset(IterableDataset[dict[str, Any]]):
    """Dicts of tensors, one a sequence: int64 for integers, so that ids index embeddings; bool for loss_mask.

    Every loader worker of every rank has rows of its own. The rank is that of torch.distributed where it is
    initialised, else that of torchrun (RANK, WORLD_SIZE). With a plain DataLoader state_dict tells where the process
    itself is; with workers use torchdata's StatefulDataLoader, which asks each of them.

        loader = DataLoader(pipeline.stream("tiny", "train").torch(), batch_size=8)
    """

    def __init__(self, stream: Rows, columns: tuple[str, ...] | None = None) -> None:
        self._whole, self._columns = stream, columns
        self._mine: Rows | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self._tensors, iter(self._ours()))

    def _ours(self) -> Rows:
        """The part of this process; a loader worker inherits that of the process it was forked from."""
        consumer, consumers = self._place()
        if self._mine is None or (self._mine.consumer, self._mine.consumers) != (consumer, consumers):
            self._mine = self._whole.shared(consumer, consumers)
        return self._mine

    def _place(self) -> tuple[int, int]:
        """Which consumer this process is, of how many."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, ranks = torch.distributed.get_rank(), torch.distributed.get_world_size()
        else:
            rank, ranks = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
        worker = get_worker_info()
        if worker is None:
            return rank, ranks
        return rank * worker.num_workers + worker.id, ranks * worker.num_workers

    def _tensors(self, row: dict[str, Any]) -> dict[str, Any]:
        names = self._columns or [name for name, value in row.items() if isinstance(value, np.ndarray | np.number)]
        if unknown := set(names) - set(row):
            raise PlanError(f"no column '{min(unknown)}'", suggest(min(unknown), row))
        return {name: _tensor(name, row[name]) for name in names}

    def state_dict(self) -> dict[str, int]:
        """How far this process has come."""
        return (self._mine or self._whole).state_dict()

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there at the next `iter`."""
        self._ours().load_state_dict(state)


def _tensor(name: str, value: Any) -> Any:
    if name == "loss_mask":
        return torch.from_numpy(value.astype(np.bool_))
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.astype(np.int64))
    return torch.tensor(int(value)) if isinstance(value, np.number) else value
