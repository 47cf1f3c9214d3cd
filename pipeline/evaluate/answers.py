"""The texts of a split's rows with answers, from memory-mapped files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from pipeline.core.errors import StorageError
from pipeline.dataset import Dataset


class AnswerRows:
    """The stored texts of a split with the column `answers`, as a sequence: a tuple for each row, read on demand.

    columns: which of question, prompt, hint and answer, and other columns of the rows, in this order. StorageError for
    an unknown split or column.
    """

    def __init__(self, data: Dataset, split: str, columns: Sequence[str]) -> None:
        if "answers" not in data.split(split)["columns"]:
            raise StorageError(
                f"the rows of the split '{split}' have no answers",
                "Give it `packing: {method: rows}` and `columns: [answers]` in the recipe, and build that.",
                data.folder.url,
            )
        self._batches = [tuple(map(batch.column, columns)) for batch in data.batches(split)]
        self._starts = list(accumulate((len(batch[0]) for batch in self._batches), initial=0))

    def __len__(self) -> int:
        return self._starts[-1]

    def __getitem__(self, row: int) -> tuple[Any, ...]:
        batch = bisect_right(self._starts, row) - 1
        return tuple(column[row - self._starts[batch]].as_py() for column in self._batches[batch])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        for batch in self._batches:
            yield from zip(*(column.to_pylist() for column in batch), strict=True)
