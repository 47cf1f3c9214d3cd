"""The rows of one reader by index: index → (shard, row in the shard), and the number of rows.

A built dataset knows how many rows its shards have; for a plan they follow from the lengths of all documents.
"""

from __future__ import annotations

from bisect import bisect_right

from pipeline.training.assignment import Assignment
from pipeline.training.row_sources import Shards


class Ends:
    """Cumulative row counts of a split's shards, counted as far as needed."""

    def __init__(self, shards: Shards, number: int) -> None:
        self._shards, self._number = shards, number
        self._ends: list[int] = []

    def beyond(self, row: int) -> list[int]:
        """Rows up to the end of each shard: from the first shard to the one with `row`, or of all where none has it."""
        while len(self._ends) < self._number and (not self._ends or self._ends[-1] <= row):
            self._count_one()
        return self._ends

    def total(self) -> int:
        """Rows of the split."""
        while len(self._ends) < self._number:
            self._count_one()
        return self._ends[-1]

    def _count_one(self) -> None:
        k = len(self._ends)
        self._ends.append((self._ends[-1] if k else 0) + self._shards.count(k))


def place_of(reader: Assignment, shards: Shards, ends: Ends, index: int) -> tuple[int, int]:
    """(shard, row in the shard) of a reader's row at an index ≥ 0. IndexError where there is none."""
    place = None
    if index >= 0:
        place = _of_shards(reader, shards, index) if reader.assign == "shards" else _of_rows(reader, ends, index)
    if place is None:
        raise IndexError(f"row {index}, and there are fewer")
    return place


def _of_rows(reader: Assignment, ends: Ends, index: int) -> tuple[int, int] | None:
    begins = (reader.worker + index * reader.workers) * reader.world_size  # first row of the round of ranks
    row = begins + reader.rank
    needed = {"keep": row, "drop": begins + reader.world_size - 1, "pad": begins}[reader.uneven]
    rows = ends.beyond(needed)[-1]  # rows of an epoch, or more than needed
    if needed >= rows and (not rows or (reader.epochs is not None and needed >= reader.epochs * rows)):
        return None
    counted = ends.beyond(row)
    row %= counted[-1]
    shard = bisect_right(counted, row)
    return shard, row - (counted[shard - 1] if shard else 0)


def _of_shards(reader: Assignment, shards: Shards, index: int) -> tuple[int, int] | None:
    visit, empty = reader.number, 0
    while reader.has_visit(visit) and empty < reader.shards:
        count = shards.count(visit % reader.shards)
        if index < count:
            return visit % reader.shards, index
        index, visit, empty = index - count, visit + reader.readers, 0 if count else empty + 1
    return None


def rows_of(reader: Assignment, shards: Shards, ends: Ends) -> int:
    """How many rows a reader has. TypeError where epochs are endless."""
    if reader.epochs is None:
        raise TypeError("a stream without end has no length: give epochs")
    if reader.assign == "shards":
        return sum(shards.count(visit % reader.shards) for visit in reader.visits)
    rounds, rest = divmod(reader.epochs * ends.total(), reader.world_size)
    rows = rounds + {"keep": reader.rank < rest, "drop": False, "pad": rest > 0}[reader.uneven]
    return len(range(reader.worker, rows, reader.workers))
