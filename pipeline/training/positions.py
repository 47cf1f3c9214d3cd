"""The rows of one reader by index: index → (epoch, shard, row in the shard), and the number of rows.

A built dataset knows how many rows its shards have; for a plan they follow from the lengths of all documents.
"""

from __future__ import annotations

from bisect import bisect_right

from pipeline.training.assignment import Assignment
from pipeline.training.row_sources import Shards

KEPT = 4  # epochs whose counts are kept, beside the first


class Ends:
    """Cumulative row counts of the shards of each epoch, counted as far as needed.

    Epochs that read the shards in the same order share them.
    """

    def __init__(self, shards: Shards, number: int) -> None:
        self._shards, self._number = shards, number
        self._ends: dict[int, list[int]] = {}
        self.changing = shards.of_epoch(1) is not shards.of_epoch(0)
        """Whether epochs read the shards in different orders."""

    def beyond(self, row: int, epoch: int = 0) -> list[int]:
        """Rows up to the end of each shard of an epoch: up to the one with `row`, or of all where none has it."""
        epoch = epoch if self.changing else 0
        if epoch not in self._ends and len(self._ends) > KEPT:
            self._ends = {number: ends for number, ends in self._ends.items() if number == 0}
        ends = self._ends.setdefault(epoch, [])
        while len(ends) < self._number and (not ends or ends[-1] <= row):
            ends.append((ends[-1] if ends else 0) + self._shards.of_epoch(epoch).count(len(ends)))
        return ends

    def total(self) -> int:
        """Rows of an epoch."""
        ends = self.beyond(0)
        while len(ends) < self._number:
            ends = self.beyond(ends[-1])
        return ends[-1]


def place_of(reader: Assignment, shards: Shards, ends: Ends, index: int) -> tuple[int, int, int]:
    """(epoch, shard, row in the shard) of a reader's row at an index ≥ 0; epoch 0 where all are the same.

    IndexError where there is none.
    """
    place = None
    if index >= 0:
        place = _of_shards(reader, shards, index) if reader.assign == "shards" else _of_rows(reader, ends, index)
    if place is None:
        raise IndexError(f"row {index}, and there are fewer")
    return place if ends.changing else (0, *place[1:])


def _of_rows(reader: Assignment, ends: Ends, index: int) -> tuple[int, int, int] | None:
    begins = (reader.worker + index * reader.workers) * reader.world_size  # first row of the round of ranks
    row = begins + reader.rank
    needed = {"keep": row, "drop": begins + reader.world_size - 1, "pad": begins}[reader.uneven]
    rows = ends.beyond(needed)[-1]  # rows of an epoch, or more than needed
    if needed >= rows and (not rows or (reader.epochs is not None and needed >= reader.epochs * rows)):
        return None
    epoch, row = divmod(row, ends.beyond(row)[-1])
    counted = ends.beyond(row, epoch)
    shard = bisect_right(counted, row)
    return epoch, shard, row - (counted[shard - 1] if shard else 0)


def _of_shards(reader: Assignment, shards: Shards, index: int) -> tuple[int, int, int] | None:
    visit, empty = reader.number, 0
    while reader.has_visit(visit) and empty < reader.shards:
        epoch, shard = divmod(visit, reader.shards)
        count = shards.of_epoch(epoch).count(shard)
        if index < count:
            return epoch, shard, index
        index, visit, empty = index - count, visit + reader.readers, 0 if count else empty + 1
    return None


def rows_of(reader: Assignment, shards: Shards, ends: Ends) -> int:
    """How many rows a reader has. TypeError where epochs are endless."""
    if reader.epochs is None:
        raise TypeError("a stream without end has no length: give epochs")
    if reader.assign == "shards":
        visits = (divmod(visit, reader.shards) for visit in reader.visits)
        return sum(shards.of_epoch(epoch).count(shard) for epoch, shard in visits)
    rounds, rest = divmod(reader.epochs * ends.total(), reader.world_size)
    rows = rounds + {"keep": reader.rank < rest, "drop": False, "pad": rest > 0}[reader.uneven]
    return len(range(reader.worker, rows, reader.workers))
