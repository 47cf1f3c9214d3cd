"""Writing and reading Arrow IPC stream files, the form that `datasets` memory-maps and the Hub shows."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from blake3 import blake3
from numpy.typing import NDArray

from pipeline.core.narrow_integers import narrowed
from pipeline.core.table import Column, Columns, Lists, Strings
from pipeline.storage.shard_layout import ShardLayout

ROWS = 1024  # sequences in a record batch: a megabyte at 512 tokens, small enough for random access
LONG = 65_535  # tokens: of longer sequences, a batch has as many as make up TOKENS
TOKENS = 2**22


class HashingFile:
    """A write-only binary file that keeps the BLAKE3 hash and the size of what was written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._state = file, blake3()
        self.size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Write all of the data and return its size in bytes; an exception where not all could be written."""
        view = memoryview(data)
        self._state.update(view)
        written = 0
        while written < view.nbytes:  # an unbuffered file may take less than it is given
            written += self._file.write(view[written:])
        self.size += written
        return written

    def flush(self) -> None:
        """Does nothing: `write` does not buffer."""

    def close(self) -> None:
        """Does nothing: whoever opened the file closes it."""
        self.closed = True

    @property
    def hash(self) -> str:
        """BLAKE3 of everything written so far, in hex."""
        return f"blake3:{self._state.hexdigest()}"


def write(columns: Columns, file: HashingFile) -> None:
    """Write the columns as one stream of at least one record batch. OSError where the file cannot be written.

    Columns without rows become one empty batch, since `datasets` 5.0 cannot read a file without batches.
    """
    batch = record_batch(columns)
    with pa.PythonFile(file, mode="w") as stream, pa.ipc.new_stream(stream, batch.schema) as writer:
        rows = _rows_at_once(columns)
        for first in range(0, max(batch.num_rows, 1), rows):
            writer.write_batch(batch.slice(first, rows))


def _rows_at_once(columns: Columns) -> int:
    """Rows in a record batch: ROWS, or fewer of long sequences."""
    dense = [column for column in columns.values() if isinstance(column, np.ndarray) and column.ndim > 1]
    length = max((column.shape[1] for column in dense), default=1)
    return ROWS if length <= LONG else max(1, TOKENS // length)


def record_batch(columns: Columns) -> pa.RecordBatch:
    """The columns as Arrow arrays, not copied: fixed-size lists (nested for more dimensions), lists of structs, texts.

    RunError where a column of lists or texts has more entries, or bytes, than Arrow's offsets count.
    """
    return pa.record_batch({name: _array(name, column) for name, column in columns.items()})


def read(path: Path, layout: ShardLayout | None = None) -> Iterator[pa.RecordBatch]:
    """The record batches of a file, memory-mapped; offsets, texts and sizes are checked, and that there are no nulls.

    OSError or ValueError for an incomplete stream, for one that `write` would not write, and for another layout than
    the given one. Compressed data is refused, so no more memory is taken than the file has bytes.
    """
    try:
        with pa.memory_map(os.fsencode(path)) as source:
            messages = iter(pa.ipc.MessageReader.open_stream(source))
            schema = _schema(next(messages, None), layout)
            count = 0
            for message in messages:
                count += 1
                batch = _batch(message, schema)
                if layout:
                    layout.check_rows({"input_ids": _column(batch.column("input_ids"))})
                yield batch
    except pa.ArrowException as error:
        raise ValueError(f"no shard of ours: {' '.join(str(error).split())[:200]}") from None
    if not count:
        raise ValueError("it has no record batch")


def _schema(message: Any, layout: ShardLayout | None) -> pa.Schema:
    """The schema in a stream's first message. ValueError where there is none, or one that is not the layout's."""
    if message is None or message.type != "schema":
        raise ValueError("it does not begin with a schema")
    schema = pa.ipc.read_schema(message)
    if layout:
        layout.check_types({field.name: str(field.type) for field in schema}, len(schema))
    return schema


def _batch(message: Any, schema: pa.Schema) -> pa.RecordBatch:
    """The record batch in a message. ValueError for anything that `write` does not write."""
    if message.type != "record batch":
        raise ValueError(f"it holds a {message.type}")
    if _is_compressed(message.metadata):
        raise ValueError("it is compressed")
    batch = pa.ipc.read_record_batch(message, schema)
    batch.validate(full=True)
    if any(map(_has_nulls, batch.columns)):
        raise ValueError("it has nulls")
    return batch


def _is_compressed(metadata: Any) -> bool:
    """Whether the body of a record batch message is compressed. pyarrow has verified its flatbuffer before.

    pyarrow does not expose this, and would unpack whatever the file asks for. A flatbuffer table begins with the offset
    of its vtable, which holds: u16 its own size, u16 the table's size, then the u16 offset of each field.
    """

    def place(table: int, field: int) -> int:
        """The offset of a field from its table; 0 where it is absent."""
        (back,) = struct.unpack_from("<i", metadata, table)
        (size,) = struct.unpack_from("<H", metadata, table - back)
        at = 4 + 2 * field
        return int(struct.unpack_from("<H", metadata, table - back + at)[0]) if at < size else 0

    (message,) = struct.unpack_from("<I", metadata, 0)
    header = message + place(message, 2)  # version, type of the header, header, …
    (onwards,) = struct.unpack_from("<I", metadata, header)
    return place(header + onwards, 3) != 0  # length, nodes, buffers, compression


def _has_nulls(array: Any) -> bool:
    if array.null_count:
        return True
    if pa.types.is_struct(array.type):
        return any(_has_nulls(array.field(i)) for i in range(array.type.num_fields))
    nested = pa.types.is_list(array.type) or pa.types.is_fixed_size_list(array.type)
    return nested and _has_nulls(array.values)


def columns_of(path: Path, layout: ShardLayout | None = None) -> Columns:
    """The columns of a file, as they were written; `content_hash` of them is the recorded one. Errors as for `read`."""
    return columns_from(list(read(path, layout)))


def columns_from(batches: Sequence[pa.RecordBatch]) -> Columns:
    """The columns of one or more consecutive record batches."""
    table = pa.Table.from_batches(batches)
    return {name: _column(table.column(name).combine_chunks()) for name in table.column_names}


def rows_from(batches: Sequence[pa.RecordBatch], rows: NDArray[np.int64]) -> Columns:
    """A copy of some rows of consecutive record batches. rows: ascending indices, int64 (r,), at least one."""
    ends = np.cumsum([batch.num_rows for batch in batches])
    owner = np.searchsorted(ends, rows, side="right")
    within = rows - (ends - [batch.num_rows for batch in batches])[owner]
    return columns_from([batches[number].take(pa.array(within[owner == number])) for number in np.unique(owner)])


def _array(name: str, column: Column) -> pa.Array:
    if isinstance(column, Strings):
        buffers = [None, pa.py_buffer(_offsets(name, column)), pa.py_buffer(column.bytes)]
        return pa.Array.from_buffers(pa.string(), len(column.offsets) - 1, buffers)
    if isinstance(column, Lists):
        entries = {field: _array(name, values) for field, values in column.fields.items()}
        alone = entries.get("")
        if alone is None:
            alone = pa.StructArray.from_arrays(list(entries.values()), names=list(entries))
        return pa.ListArray.from_arrays(_flat(_offsets(name, column)), alone)
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
        entries = array.values.slice(offsets[0], offsets[-1] - offsets[0])  # only the entries of this slice
        if not pa.types.is_struct(array.type.value_type):
            return Lists(offsets - offsets[0], {"": _column(entries)})
        fields = {field.name: _column(entries.field(field.name)) for field in array.type.value_type}
        return Lists(offsets - offsets[0], fields)
    dense: NDArray[Any] = array.to_numpy()
    return dense
