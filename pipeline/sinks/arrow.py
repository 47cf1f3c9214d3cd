"""Arrow IPC stream files, the form that `datasets` memory-maps and the Hub shows, and the way back from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from blake3 import blake3
from numpy.typing import NDArray

from pipeline.core.columns import Column, Columns, Lists, Strings
from pipeline.core.narrow import narrowed

ROWS = 1024  # sequences of one record batch: a megabyte at 512 tokens, few enough to skip through


class HashingFile:
    """A binary file that is only written, and knows the BLAKE3 and size of what went through it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._state = file, blake3()
        self.size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """All of the data, or an exception."""
        view = memoryview(data)
        self._state.update(view)
        written = 0
        while written < view.nbytes:  # an unbuffered file may take less than it is given
            written += self._file.write(view[written:])
        self.size += written
        return written

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """The file itself is closed by whoever opened it."""
        self.closed = True

    @property
    def hash(self) -> str:
        """Of everything written so far."""
        return f"blake3:{self._state.hexdigest()}"


def write(columns: Columns, file: HashingFile) -> None:
    """The columns as one stream, of at least one record batch. OSError where the file cannot take it.

    No rows are a batch without rows: `datasets` 5.0 stumbles over a file without any.
    """
    batch = record_batch(columns)
    with pa.PythonFile(file, mode="w") as stream, pa.ipc.new_stream(stream, batch.schema) as writer:
        for first in range(0, max(batch.num_rows, 1), ROWS):
            writer.write_batch(batch.slice(first, ROWS))


def record_batch(columns: Columns) -> pa.RecordBatch:
    """The columns as Arrow arrays over the same memory: fixed-size lists (of such), and lists of structs.

    RunError where a column of lists or texts has more entries, or bytes, than Arrow's offsets count.
    """
    return pa.record_batch({name: _array(name, column) for name, column in columns.items()})


def read(path: Path) -> Iterator[pa.RecordBatch]:
    """The record batches of a file, memory-mapped. pyarrow.ArrowInvalid where it is not a whole stream."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
        yield from reader


def columns_of(path: Path) -> Columns:
    """The columns of a file, as they were written: `content_hash(columns_of(path))` is that of the shard."""
    return columns_from(list(read(path)))


def columns_from(batches: Sequence[pa.RecordBatch]) -> Columns:
    """The columns of record batches that follow each other, at least one."""
    table = pa.Table.from_batches(batches)
    return {name: _column(table.column(name).combine_chunks()) for name in table.column_names}


def rows_from(batches: Sequence[pa.RecordBatch], rows: NDArray[np.int64]) -> Columns:
    """Some rows of record batches that follow each other, at least one: int64 (r,), ascending. They are copied."""
    ends = np.cumsum([batch.num_rows for batch in batches])
    owner = np.searchsorted(ends, rows, side="right")
    within = rows - (ends - [batch.num_rows for batch in batches])[owner]
    return columns_from([batches[number].take(pa.array(within[owner == number])) for number in np.unique(owner)])


def _array(name: str, column: Column) -> pa.Array:
    if isinstance(column, Strings):
        buffers = [None, pa.py_buffer(_offsets(name, column)), pa.py_buffer(column.bytes)]
        return pa.Array.from_buffers(pa.string(), len(column.offsets) - 1, buffers)
    if isinstance(column, Lists):
        structs = pa.StructArray.from_arrays(list(map(_flat, column.fields.values())), names=list(column.fields))
        return pa.ListArray.from_arrays(_flat(_offsets(name, column)), structs)
    if column.ndim == 1:
        return _flat(column)
    lists = _flat(column.reshape(-1))
    for size in column.shape[:0:-1]:
        lists = pa.FixedSizeListArray.from_arrays(lists, size)
    return lists


def _offsets(name: str, column: Lists | Strings) -> NDArray[Any]:
    return np.ascontiguousarray(narrowed(column.offsets, np.int32, f"offset in the column '{name}'"))


def _flat(values: NDArray[Any]) -> pa.Array:
    values = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def _column(array: Any) -> Column:
    if pa.types.is_string(array.type):
        return Strings.of(array.to_pylist())
    if pa.types.is_fixed_size_list(array.type):
        shape = [len(array)]
        while pa.types.is_fixed_size_list(array.type):
            shape.append(array.type.list_size)
            array = array.flatten()
        flat: NDArray[Any] = array.to_numpy()
        return flat.reshape(shape)
    if pa.types.is_list(array.type):
        offsets = array.offsets.to_numpy().astype(np.int64)
        entries = array.values.slice(offsets[0], offsets[-1] - offsets[0])  # of a slice of rows, not all of them
        fields = {field.name: entries.field(field.name).to_numpy() for field in array.type.value_type}
        return Lists(offsets - offsets[0], fields)
    dense: NDArray[Any] = array.to_numpy()
    return dense
