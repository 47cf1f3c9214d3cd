"""Arrow and Parquet files with a column of ids, and folders that `datasets` saved, which hold such Arrow files.

The ids of an Arrow file are used where they are. Those of a Parquet file, and of a compressed Arrow file, are copied to
the user's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError, suggest
from pipeline.core.system.kept_arrays import Out, mapped
from pipeline.sources.tokens.cutting import Cutter, Found, Reading, cut_all_rows, cut_rows, cut_stream

ARROW_FILE = b"ARROW1"
BATCH = 10_000  # rows of a Parquet file that are read together


@dataclass(frozen=True)
class Column:
    """How the column is read. stream: whether each row goes on where the one before it ends."""

    name: str
    stream: bool


def find(path: Path, reading: Reading, column: Column, out: Out) -> None:
    """Write where the documents of a file are. SpecError if its column is none of ids."""
    found = Found(str(path), out)
    try:
        if path.suffix == ".parquet":
            _copy(_of_parquet(path, column.name), reading, column, found)
        else:
            _find_in_arrow(path, reading, column, found)
    except (OSError, ValueError) as error:  # pyarrow's own are of these
        problem = f"cannot read '{path}': {' '.join(str(error).split())[:200]}"
        raise SpecError(problem, "It must be Arrow or Parquet.", ("files",)) from None
    found.end()


@dataclass(frozen=True)
class Rows:
    """Some rows: ids (n,), and where each row begins and ends in them, offsets (r + 1,)."""

    ids: NDArray[Any]
    offsets: I64


@dataclass
class Shape:
    """What rows look like, which tells packed rows. least, most: tokens of a row. open: rows without end token."""

    end: int
    least: int = 2**62
    most: int = 0
    count: int = 0
    open: int = 0

    def add(self, rows: Rows) -> None:
        """Some more rows."""
        lengths = np.diff(rows.offsets)
        if not lengths.size:
            return
        self.least, self.most = min(self.least, int(lengths.min())), max(self.most, int(lengths.max()))
        self.count += lengths.size
        last = rows.offsets[1:][lengths > 0] - 1
        self.open += lengths.size - int((rows.ids[last] == self.end).sum())

    @property
    def packed(self) -> bool:
        """Whether the rows seem to be one stream, cut every so many tokens."""
        return self.count > 1 and self.least == self.most > 1 and 2 * self.open > self.count


def _find_in_arrow(path: Path, reading: Reading, column: Column, found: Found) -> None:
    data = mapped(path)
    base, end = data.ctypes.data, data.ctypes.data + data.size
    cutter, shape, place = Cutter(reading, found), Shape(reading.end), 0
    for rows in _of_arrow(data, path, column.name):
        width, at = rows.ids.dtype.itemsize, rows.ids.ctypes.data
        if rows.ids.size and not (base <= at and at + rows.ids.nbytes <= end and (at - base) % width == 0):
            if place:
                raise ValueError("a part of it is compressed, and another is not")
            _copy(_of_arrow(data, path, column.name), reading, column, found)
            return
        found.out.facts["type"] = rows.ids.dtype.str
        found.look_at(rows.ids, place)
        begin = (at - base) // width if rows.ids.size else 0
        if column.stream:
            cutter.add(rows.ids, begin)
        else:
            found.write(*cut_rows(rows.ids, begin, rows.offsets, reading))
        shape.add(rows)
        place += rows.ids.size
    cutter.end()
    found.out.facts["packed"] = shape.packed


def _copy(batches: Iterator[Rows], reading: Reading, column: Column, found: Found) -> None:
    """Copy ids to the cache as int32, and find the documents there."""
    lengths, shape, place = [np.empty(0, np.int64)], Shape(reading.end), 0
    for rows in batches:
        found.look_at(rows.ids, place)
        found.out.add("tokens", rows.ids.astype("<i4"))
        lengths.append(np.diff(rows.offsets))
        shape.add(rows)
        place += rows.ids.size
    found.out.facts["packed"] = shape.packed
    if not place:
        return
    ids = found.out.read("tokens")
    if column.stream:
        cut_stream(ids, 0, found, Cutter(reading, found))
    else:
        cut_all_rows(ids, offsets_of(np.concatenate(lengths)), reading, found)


def _of_arrow(data: NDArray[np.uint8], path: Path, column: str) -> Iterator[Rows]:
    import pyarrow as pa

    is_file = data[: len(ARROW_FILE)].tobytes() == ARROW_FILE
    source = pa.BufferReader(pa.py_buffer(data))
    reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
    batches = map(reader.get_batch, range(reader.num_record_batches)) if is_file else iter(reader)
    _check_schema(reader.schema, path, column)
    yield from _rows(batches, path, column)


def _of_parquet(path: Path, column: str) -> Iterator[Rows]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        _check_schema(file.schema_arrow, path, column)
        yield from _rows(file.iter_batches(BATCH, columns=[column]), path, column)


def _check_schema(schema: Any, path: Path, column: str) -> None:
    from pyarrow import types

    if column not in schema.names:
        raise SpecError(f"'{path}' has no column '{column}'", suggest(column, schema.names), ("column",))
    kind = schema.field(column).type
    lists = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not (lists and types.is_integer(kind.value_type)):
        raise SpecError(f"the column '{column}' of '{path}' is of {kind}", "Name one of lists of ids.", ("column",))


def _rows(batches: Iterator[Any], path: Path, column: str) -> Iterator[Rows]:
    """The rows of record batches. SpecError, with the row, where there is nothing."""
    first = 0
    for batch in batches:
        array = batch.column(column)
        array.validate(full=True)
        if array.null_count:
            row = first + int(np.argmax(array.is_null().to_numpy(zero_copy_only=False)))
            raise SpecError(f"'{path}': row {row:,} has no '{column}'", "Leave it out.", ("files",))
        values, offsets = _flat(array)
        if values.null_count:
            at = int(np.argmax(values.is_null().to_numpy(zero_copy_only=False)))
            row = first + int(np.searchsorted(offsets, at, "right")) - 1
            raise SpecError(f"'{path}': row {row:,} has an id that is null", "Leave it out.", ("files",))
        yield Rows(values.to_numpy(), offsets)
        first += len(array)


def _flat(array: Any) -> tuple[Any, I64]:
    """All values of an Arrow array of lists, without copying them, and where each list begins and ends in them."""
    from pyarrow import types

    if types.is_fixed_size_list(array.type):
        size = array.type.list_size
        return array.values.slice(array.offset * size, len(array) * size), np.arange(len(array) + 1) * size
    offsets = array.offsets.to_numpy().astype(np.int64)
    return array.values.slice(offsets[0], offsets[-1] - offsets[0]), offsets - offsets[0]
