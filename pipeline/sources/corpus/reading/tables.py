"""Parquet and Arrow files: a block is a row group, or a record batch.

Only the columns that are looked at are read. Nothing that a file says is believed: texts are validated, and errors of
pyarrow are refusals.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from pipeline.core.errors import SpecError
from pipeline.sources.corpus.reading.choosing import Chosen, Reading, column_of, is_text

BATCH = 1000  # rows of a row group that are read at once, where all of it is read

MAGIC = b"ARROW1"


@contextmanager
def refusing(name: str, kind: str) -> Iterator[None]:
    """Turns pyarrow's errors in the block into a SpecError about the file `name`."""
    import pyarrow as pa

    try:
        yield
    except SpecError:
        raise
    except (OSError, ValueError, EOFError, pa.ArrowException, MemoryError) as error:
        problem = f"cannot read {name}: {' '.join(str(error).split())}"
        raise SpecError(problem, f"It must be {kind}.", ("files",)) from None


def chosen_of(batch: Any, reading: Reading, name: str, first: int) -> Chosen:
    """The documents of a record batch. first: the row of its first. SpecError for columns that it does not have."""
    from pyarrow import types

    columns = {}
    for column in reading.columns:
        key = "where" if column in [one for one, _ in reading.where] else "column"
        if reading.template and column in reading.template.columns:
            key = "template"
        columns[column] = array = column_of(batch, column, name, key)
        kind = array.type.value_type if types.is_dictionary(array.type) else array.type
        known = is_text(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
        if (key == "column" and not is_text(kind)) or (key == "where" and not known):
            remedy = "Name one of texts, numbers or truth values." if key == "where" else "Name one of texts."
            raise SpecError(f"the column '{column}' of {name} is of {array.type}", remedy, (key,))
    return reading.of_columns(columns, first)


# ── Parquet ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Parquet:
    """A Parquet file, open. name: for messages."""

    kind = "Parquet"

    def __init__(self, file: Any, name: str) -> None:
        from pyarrow import parquet

        with refusing(name, self.kind):
            self._file, self._name = parquet.ParquetFile(file), name
            meta = self._file.metadata
            self.rows = [meta.row_group(group).num_rows for group in range(meta.num_row_groups)]

    def _read(self, reading: Reading) -> list[str]:
        """The columns to read: the outermost of nested ones."""
        names = self._file.schema_arrow.names
        return [name if name in names else name.partition(".")[0] for name in reading.columns]

    def block(self, group: int, reading: Reading, first: int) -> Chosen:
        """The documents of a row group. first: its first row."""
        with refusing(self._name, self.kind):
            table = self._file.read_row_group(group, columns=self._read(reading), use_threads=False)
            return chosen_of(_one_batch(table), reading, self._name, first)

    def parts(self, group: int, reading: Reading, first: int) -> Iterator[Chosen]:
        """The documents of a row group, some rows at once."""
        with refusing(self._name, self.kind):
            columns = self._read(reading)
            for batch in self._file.iter_batches(BATCH, row_groups=[group], columns=columns, use_threads=False):
                yield chosen_of(batch, reading, self._name, first)
                first += batch.num_rows

    def check(self, reading: Reading) -> None:
        """SpecError for columns that the file does not have, or has of another type."""
        with refusing(self._name, self.kind):
            chosen_of(_one_batch(self._file.schema_arrow.empty_table()), reading, self._name, 0)

    def without_nulls(self, column: str) -> bool:
        """Whether the footer says that a column, not nested, has no nulls."""
        meta = self._file.metadata
        names = [meta.schema.column(i).path for i in range(len(meta.schema))]
        if names.count(column) != 1:
            return False
        at = names.index(column)
        statistics = [meta.row_group(group).column(at).statistics for group in range(meta.num_row_groups)]
        return all(one is not None and one.has_null_count and one.null_count == 0 for one in statistics)


def _one_batch(table: Any) -> Any:
    """A table as one record batch."""
    import pyarrow as pa

    arrays = [column.combine_chunks() for column in table.columns]
    arrays = [pa.concat_arrays(one.chunks) if isinstance(one, pa.ChunkedArray) else one for one in arrays]
    return pa.record_batch(arrays, schema=table.schema) if arrays else pa.record_batch({})


# ── Arrow ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Arrow:
    """An Arrow file, in the form of a file or of a stream, open.

    places: where the batches of a stream begin, if it has been looked through before; None of a file, which says it.
    """

    kind = "an Arrow file"

    def __init__(self, file: BinaryIO, name: str, places: list[int] | None = None) -> None:
        import pyarrow as pa

        self._name = name
        with refusing(name, self.kind):
            beginning = file.read(len(MAGIC))
            file.seek(0)
            raw = pa.PythonFile(file, mode="r")
            self._batches: Any = pa.ipc.open_file(raw) if beginning == MAGIC else _Stream(raw, places)
            self.places: list[int] | None = getattr(self._batches, "places", None)

    @property
    def batches(self) -> int:
        """The number of record batches."""
        return int(self._batches.num_record_batches)

    def check(self, reading: Reading) -> None:
        """SpecError for columns that the file does not have, or has of another type."""
        with refusing(self._name, self.kind):
            chosen_of(_one_batch(self._batches.schema.empty_table()), reading, self._name, 0)

    def block(self, number: int, reading: Reading, first: int) -> tuple[Chosen, int]:
        """The documents of a record batch, and how many rows it has. first: its first row."""
        with refusing(self._name, self.kind):
            batch = self._batches.get_batch(number)
            return chosen_of(batch, reading, self._name, first), batch.num_rows


class _Stream:
    """The record batches of a stream by number. Dictionaries, which change on the way, are refused."""

    def __init__(self, file: Any, places: list[int] | None) -> None:
        import pyarrow as pa

        message = pa.ipc.read_message(file)
        if message.type != "schema":
            raise ValueError("it does not begin with a schema")
        self._file, self.schema = file, pa.ipc.read_schema(message)
        self.places = self._found() if places is None else places

    def _found(self) -> list[int]:
        """Where each message behind the schema begins; all of them must be record batches."""
        places = []
        while True:
            places.append(self._file.tell())
            message = self._next()
            if message is None:
                return places[:-1]
            if message.type != "record batch":
                raise ValueError(f"it holds a {message.type}, not only record batches")

    def _next(self) -> Any:
        import pyarrow as pa

        try:
            return pa.ipc.read_message(self._file)
        except EOFError:
            return None

    @property
    def num_record_batches(self) -> int:
        """The number of record batches, as pyarrow's reader of files calls it."""
        return len(self.places)

    def get_batch(self, number: int) -> Any:
        """A record batch."""
        import pyarrow as pa

        self._file.seek(self.places[number])
        return pa.ipc.read_record_batch(pa.ipc.read_message(self._file), self.schema)
