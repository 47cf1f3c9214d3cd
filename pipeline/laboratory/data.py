"""Batches: rows of a stream as tensors, and the state of the stream behind each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.training.streams import Stream

COLUMNS = ("input_ids", "loss_mask", "segment_ids")
"""The columns that training reads, where rows have them."""


def batches(stream: Stream, size: int) -> Iterator[tuple[dict[str, Tensor], Mapping[str, int]]]:
    """Batches of `size` rows, without end where the stream has none; each with the stream's state behind it.

    A batch has the columns of COLUMNS that the rows have: int64 and, of a loss_mask, bool (size, L). What is left at
    the end of a stream and fills no batch is not given.
    """
    rows: list[Mapping[str, Any]] = []
    for row in stream:
        rows.append(row)
        if len(rows) == size:
            yield batch_of(rows), stream.state_dict()
            rows = []


def batch_of(rows: list[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Rows of one length, as a batch."""
    return {name: _stacked([row[name] for row in rows]) for name in COLUMNS if name in rows[0]}


def _stacked(arrays: list[Any]) -> Tensor:
    stacked = np.stack(arrays)
    return torch.from_numpy(stacked if stacked.dtype == np.bool_ else stacked.astype(np.int64))
