"""The rows of one reader in order. Before each row, `note` gets the state that continues after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pipeline.core.table import length_of
from pipeline.training.assignment import Assignment
from pipeline.training.row_sources import Shards
from pipeline.training.rows import Row, row_of
from pipeline.training.state import RowsState, ShardsState, State

Note = Callable[[State], None]


def by_rows(reader: Assignment, shards: Shards, start: RowsState, note: Note) -> Iterator[Row]:
    """The rows of a reader from a state on, where rows are assigned."""
    visit = start.epoch * reader.shards + start.shard
    before, next_row = start.rows_before, start.next_row
    held: tuple[Row, int] | None = None  # a row whose round may be incomplete, and the end of that round
    total, empty = 0, 0  # rows of all epochs, 0 until counted; consecutive empty shards

    def state() -> RowsState:
        epoch, shard = divmod(visit, reader.shards)
        return RowsState(epoch, shard, before, next_row, reader.readers)

    while reader.has_visit(visit) or (reader.uneven == "pad" and next_row + reader.lead < total):
        first = next_row + reader.number - before
        epoch, shard = divmod(visit, reader.shards)
        count, columns = shards.of_epoch(epoch).every(shard, first, reader.readers)
        end = before + count
        if held and held[1] <= end:
            note(state())
            yield held[0]
            held = None
        for at in range(0 if columns is None else length_of(columns)):
            assert columns is not None
            begins = next_row + reader.lead  # first row of the round of ranks with this row
            if not reader.has_visit(visit) and begins >= total:
                return
            next_row += reader.readers
            if reader.uneven == "drop" and begins + reader.world_size > end:
                held = row_of(columns, at), begins + reader.world_size
                break
            note(state())
            yield row_of(columns, at)
        visit, before, empty = visit + 1, end, 0 if count else empty + 1
        if empty == reader.shards:
            return
        if not reader.has_visit(visit) and not total:
            total = end


def by_shards(reader: Assignment, shards: Shards, start: ShardsState, note: Note) -> Iterator[Row]:
    """The rows of a reader from its own state on, where shards are assigned."""
    visit, row, empty = start.epoch * reader.shards + start.shard, start.row, 0
    while reader.has_visit(visit) and empty < reader.shards:
        epoch, shard = divmod(visit, reader.shards)
        of_epoch = shards.of_epoch(epoch)
        columns = None if of_epoch.known_count(shard) == 0 else of_epoch(shard)
        count = 0 if columns is None else length_of(columns)
        for at in range(row, count):
            assert columns is not None
            note(ShardsState(epoch, shard, at + 1, reader.readers))
            yield row_of(columns, at)
        visit, row, empty = visit + reader.readers, 0, 0 if count else empty + 1


def of_visits(reader: Assignment, shards: Shards, visits: Iterable[int]) -> Iterator[Row]:
    """All rows of the shards at some visits."""
    for visit in visits:
        epoch, shard = divmod(visit, reader.shards)
        if shards.of_epoch(epoch).known_count(shard) != 0:
            columns = shards.of_epoch(epoch)(shard)
            yield from (row_of(columns, at) for at in range(length_of(columns)))
