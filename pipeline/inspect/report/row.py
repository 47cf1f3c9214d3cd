"""One sequence of a shard, highlighted by its columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import ROLES
from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.dataset import Dataset
from pipeline.inspect.highlight import numbers_by_token, runs
from pipeline.inspect.report import sequences
from pipeline.inspect.report.content import Row
from pipeline.plan.plan import Plan


def row_of(dataset: Dataset, plan: Plan, split: str, key: Key, most: int) -> Row | None:
    """A sequence of a split at a keyed position, its first `most` tokens highlighted; None where there are none."""
    batch = next(sequences.sampled(dataset, split, key, 1), None)
    if batch is None:
        return None
    ids = batch.column("input_ids").flatten().to_numpy()
    length = len(ids)
    filled = _filled(batch, length)
    shown = min(length if filled is None else filled, most)
    attributes = plan.splits[split].attributes
    role = _entries(dataset, batch, "parts", length, role=len(ROLES))
    label = _entries(dataset, batch, "spans", length, attribute=len(attributes))
    masked = np.zeros(length, bool)
    if "loss_mask" in batch.schema.names:
        masked = batch.column("loss_mask").flatten().to_numpy() == 0
    cut = slice(shown)
    highlighted = runs(plan.tokenizer, ids[cut], role[cut], label[cut], masked[cut], attributes)
    return Row(tuple(highlighted), shown, length, None if filled is None else length - filled)


def _entries(dataset: Dataset, batch: Any, column: str, length: int, **below: int) -> I64:
    """For each token of a batch's only row, int64 (length,): the number of the list entry that covers it; 0 for none.

    below: the field of the entry that has this number, and its bound.
    """
    if column not in batch.schema.names:
        return np.zeros(length, np.int64)
    _, entries = dataset.entries(batch, column, length, **below)
    (field,) = below
    return numbers_by_token(length, zip(entries["start"], entries["length"], entries[field], strict=True))


def _filled(batch: Any, length: int) -> int | None:
    """How many tokens of a batch's only row are not padding; None where no column states it."""
    if "length" in batch.schema.names:
        return min(max(int(batch.column("length")[0].as_py()), 0), length)
    if "segment_ids" in batch.schema.names:
        segments: NDArray[Any] = batch.column("segment_ids").flatten().to_numpy()
        return int((segments > 0).sum())
    return None
