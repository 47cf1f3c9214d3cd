"""The texts of files, row by row: checked once, copied to the user's cache, and memory-mapped from there.

    files ──read row by row, once──► <cache>/<content>.arrow ──memory map──► rows

The copy's name is a hash of the files' content, so rows never come from another version of the files. Its last bytes
are a seal: BLAKE3 of everything before, keyed by that content. Every process checks the seal when it opens the copy; a
copy that was changed, truncated or exchanged is made again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from blake3 import blake3

from pipeline.core.draws import I64
from pipeline.core.errors import SpecError, holds_surrogate, suggest
from pipeline.core.system.caches import say_if_temporary, user_cache
from pipeline.core.system.open_files import opened
from pipeline.core.system.reading import BLANKS, MOST_LINE, line_of, not_utf8, raw_lines

READING = 2  # version of this reader: increase it when the same files would give other rows
SEAL = 32  # bytes at the end of a copy
BATCH = 1000  # rows of a record batch: row r is in batch r // BATCH
FILE_KINDS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".txt": "text"}
"""Suffix of a file → how its rows are read."""


def content_of(paths: tuple[Path, ...]) -> str:
    """BLAKE3 of the types and contents of the files, in order, without their paths. SpecError for unreadable files."""
    state = blake3()
    for path in paths:
        try:
            opened(path).close()  # refuses pipes and devices
            content = blake3(max_threads=blake3.AUTO).update_mmap(path)
        except OSError as error:
            raise SpecError(
                f"cannot read '{path}': {error.strerror or error}", "Look at its rights.", ("files",)
            ) from None
        state.update(FILE_KINDS[path.suffix].encode() + content.digest())
    return f"blake3:{state.hexdigest()}"


@dataclass(frozen=True)
class Rows:
    """The rows of several files, one file after the other. Pickles as paths; the copy is opened at the first use."""

    paths: tuple[Path, ...]
    column: str
    content: str

    def __len__(self) -> int:
        batches: int = self._mapped.num_record_batches
        return (batches - 1) * BATCH + self._mapped.get_batch(batches - 1).num_rows if batches else 0

    def texts(self, rows: I64) -> list[str]:
        """The texts of the rows with these numbers, int64 (d,)."""
        return [self._mapped.get_batch(row // BATCH).column(0)[row % BATCH].as_py() for row in rows.tolist()]

    def array(self, rows: I64) -> Any:
        """The same texts as a `pyarrow.LargeStringArray` (d,), without nulls."""
        import pyarrow

        return pyarrow.array(self.texts(rows), pyarrow.large_string())

    @cached_property
    def _mapped(self) -> Any:
        """The memory-mapped copy of the rows, written first unless a valid one exists. SpecError if that fails."""
        name = blake3(self._named).hexdigest(16)
        copy = user_cache() / "pretraining-recipes" / f"{name}.arrow"
        say_if_temporary(copy)
        try:
            return self._opened(copy) or self._written(copy)
        except (OSError, ValueError) as error:  # ValueError: pyarrow's
            raise SpecError(
                f"cannot copy the rows to {copy}: {' '.join(str(error).split())}",
                "Remove it if it is there; XDG_CACHE_HOME can name another place.",
                ("files",),
            ) from None

    @property
    def _named(self) -> bytes:
        """Everything that the rows depend on, as the copy's key."""
        return f"{READING} {self.content} {self.column}".encode()

    def _seal(self, copy: Any) -> bytes:
        """The seal of a copy of these rows."""
        key = blake3(self._named, derive_key_context="pretraining-recipes: a copy of rows").digest()
        return blake3(copy, key=key, max_threads=blake3.AUTO).digest()

    def _opened(self, copy: Path) -> Any:
        """The opened copy, if its seal is right; None if it is not, or if there is no copy."""
        import pyarrow

        try:
            mapped = pyarrow.memory_map(os.fsencode(copy)).read_buffer()
        except FileNotFoundError:
            return None
        end = max(mapped.size - SEAL, 0)
        rows = mapped.slice(0, end)
        return pyarrow.ipc.open_file(rows) if self._seal(rows) == mapped.slice(end).to_pybytes() else None

    def _written(self, copy: Path) -> Any:
        """Write the copy and open it. It gets its name when complete; one process a machine writes, the others wait."""
        copy.parent.mkdir(parents=True, exist_ok=True)
        with open(copy.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if reader := self._opened(copy):  # another process has written it meanwhile
                return reader
            if content_of(self.paths) != self.content:
                raise SpecError("the files have changed since the plan was made", "Run the same command.", ("files",))
            partial = copy.with_suffix(".partial")
            try:
                _write(chain.from_iterable(_texts(path, self.column) for path in self.paths), partial)
                with open(partial, "r+b") as file:
                    seal = self._seal(mmap(file.fileno(), 0, access=ACCESS_READ))
                    file.seek(0, os.SEEK_END)
                    file.write(seal)
                partial.rename(copy)
            finally:
                partial.unlink(missing_ok=True)
            if reader := self._opened(copy):
                return reader
            raise OSError("what was written is not what is read")

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_mapped"}


def _write(texts: Iterator[str], path: Path) -> None:
    """Write an Arrow file with one column, and BATCH rows in each record batch but the last."""
    import pyarrow

    schema = pyarrow.schema({"text": pyarrow.large_string()})
    with open(path, "wb") as raw, pyarrow.ipc.new_file(raw, schema) as writer:
        while batch := list(islice(texts, BATCH)):
            writer.write_batch(pyarrow.record_batch({"text": pyarrow.array(batch, pyarrow.large_string())}))


def _texts(path: Path, column: str) -> Iterator[str]:
    """The texts of a file, row by row. SpecError, with the place, for a row without text."""
    match FILE_KINDS[path.suffix]:
        case "json":
            return _of_json(path, column)
        case "parquet":
            return _of_parquet(path, column)
        case _:
            return (line for _, line in _lines(path))


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """(`file:line`, text) of each non-blank line of a file."""
    with opened(path) as file:
        for number, raw in raw_lines(file, MOST_LINE):
            place = f"{path}:{number}"
            if len(raw) > MOST_LINE:
                raise SpecError(f"{place} has more than {MOST_LINE:,} bytes", "Cut the document.", ("files",))
            try:
                line = line_of(raw, first=number == 1)
            except UnicodeDecodeError as error:
                raise SpecError(f"{place}: {not_utf8(raw, error)[1]}", "Convert the file.", ("files",)) from None
            if line.strip(BLANKS):
                yield place, line


def _of_json(path: Path, column: str) -> Iterator[str]:
    for place, line in _lines(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise SpecError(f"{place} is not a JSON object", "Write one object a line.", ("files",))
        if column not in row:
            raise SpecError(f"{place} has no column '{column}'", suggest(column, row), ("column",))
        text = row[column]
        if not isinstance(text, str) or holds_surrogate(text):
            raise SpecError(f"{place} has no text in '{column}'", 'Remove the row, or write "".', ("column",))
        yield text


def _of_parquet(path: Path, column: str) -> Iterator[str]:
    from pyarrow import parquet, types

    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            if column not in schema.names:
                raise SpecError(f"{path} has no column '{column}'", suggest(column, schema.names), ("column",))
            kind = schema.field(column).type
            if not (types.is_string(kind) or types.is_large_string(kind)):
                raise SpecError(f"the column '{column}' of {path} is of {kind}", "Name one of texts.", ("column",))
            batches = file.iter_batches(BATCH, columns=[column])
            for row, text in enumerate(chain.from_iterable(batch.column(0).to_pylist() for batch in batches)):
                if text is None:
                    raise SpecError(f"row {row} of {path} has no text in '{column}'", "Remove it.", ("column",))
                yield text
    except (OSError, ValueError) as error:  # pyarrow's own are of these
        raise SpecError(
            f"cannot read {path}: {' '.join(str(error).split())}", "It must be Parquet.", ("files",)
        ) from None
