"""Sequences at keyed positions, read from the shards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.errors import StorageError
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import MEND

SHARDS = 16  # opened for each split; one in a bucket is downloaded whole
TOKENS = 1_000_000  # read for each split


def check_files(dataset: Dataset) -> None:
    """StorageError where a shard of the manifest is missing, or has another size."""
    for split in dataset.manifest.splits:
        sizes = {f"{split}/{name}": size for name, size in dataset.folder.sizes(split).items()}
        for record in dataset.manifest.shards_of(split):
            if sizes.get(record.file) != record.bytes:
                place = f"{dataset.folder.url}/{record.file}"
                try:
                    size = dataset.folder.size(record.file)  # raises for what is no file of the folder
                except FileNotFoundError:
                    raise StorageError("the shard is missing", MEND, place) from None
                raise StorageError(f"{size} bytes instead of {record.bytes}", MEND, place)


def sampled(dataset: Dataset, split: str, key: Key, most: int) -> Iterator[Any]:
    """At most `most` sequences of a split, as pyarrow.RecordBatches; those of one shard in their order.

    StorageError where a shard is damaged.
    """
    records = dataset.manifest.shards_of(split)
    opened = sorted(_keyed(key.child("shards"), len(records), SHARDS).tolist())
    starts = np.cumsum([0, *(records[k].sequences for k in opened)])
    rows = np.sort(_keyed(key.child("rows"), int(starts[-1]), most))
    for k, start, end in zip(opened, starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        wanted = rows[(rows >= start) & (rows < end)] - start
        yield from _of_shard(dataset.shard(records[k]), wanted)


def _keyed(key: Key, n: int, most: int) -> I64:
    return Permutation(n, key)(np.arange(min(n, most), dtype=np.int64)) if n else np.arange(0, dtype=np.int64)


def _of_shard(batches: Iterator[Any], wanted: I64) -> Iterator[Any]:
    """Rows of a shard, by ascending indices (k,). It is read to its end, which reveals a truncated one."""
    first = 0
    for batch in batches:
        inside = wanted[(wanted >= first) & (wanted < first + batch.num_rows)] - first
        if inside.size:
            yield batch.take(inside)
        first += batch.num_rows
