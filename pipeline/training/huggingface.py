"""A stream as a `datasets.IterableDataset`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipeline.training.assignment import Assignment
from pipeline.training.iteration import of_visits
from pipeline.training.row_sources import Shards
from pipeline.training.rows import Row

if TYPE_CHECKING:
    from datasets import IterableDataset


class Rows(Protocol):
    """The part of `pipeline.training.streams.Stream` that is used here."""

    assignment: Assignment
    shards: Shards

    @property
    def goes_on(self) -> bool: ...

    def copy(self) -> Rows: ...

    def __iter__(self) -> Iterator[Row]: ...


def iterable_dataset(stream: Rows) -> IterableDataset:
    """The remaining rows of a stream, the same at each pass; see `Stream.datasets`."""
    from datasets import Features, IterableDataset

    from pipeline.storage.arrow import record_batch

    features = Features.from_arrow_schema(record_batch(stream.shards(0)).schema)
    options: dict[str, Any] = {"stream": stream.copy()}
    reader = stream.assignment
    if reader.epochs is not None and not stream.goes_on and (reader.readers == 1 or reader.assign == "shards"):
        options |= {"visits": list(reader.visits)} if reader.visits else {}
    dataset: IterableDataset = IterableDataset.from_generator(_records_of, gen_kwargs=options, features=features)
    return dataset


def _records_of(stream: Rows, visits: list[int] | None = None) -> Iterator[Row]:
    """Rows of some visits, or of the whole stream, with list columns as lists of dicts."""
    rows = iter(stream.copy()) if visits is None else of_visits(stream.assignment, stream.shards, visits)
    for row in rows:
        yield {name: _records(value) if isinstance(value, dict) else value for name, value in row.items()}


def _records(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A list of dicts from a dict of arrays.

    >>> _records({"start": np.array([0, 4]), "length": np.array([4, 2])})
    [{'start': 0, 'length': 4}, {'start': 4, 'length': 2}]
    """
    return [
        dict(zip(fields, values, strict=True)) for values in zip(*map(np.ndarray.tolist, fields.values()), strict=True)
    ]
