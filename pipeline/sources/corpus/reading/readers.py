"""How the files of each kind are read: once from the beginning, for the index, and later block by block.

block   a row group of Parquet; a record batch of Arrow; about a megabyte of whole lines or records of text; all of
        a JSON array
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from pipeline.core.system.reading import MOST_BYTES
from pipeline.sources.corpus.reading import lines, whole_text
from pipeline.sources.corpus.reading.choosing import Chosen, Reading
from pipeline.sources.corpus.reading.tables import Arrow, Parquet, refusing
from pipeline.sources.files.file import File
from pipeline.sources.files.opening import unpacked


@dataclass(frozen=True)
class Part:
    """Some documents of a block. place: (offset, size, first) of the block: its bytes in a file of text, its number and
    rows in a table, and the line or row of its first. read: about how many bytes of the file were read by now.
    """

    place: tuple[int, int, int]
    chosen: Chosen
    read: int


class Reader(Protocol):
    """Reads one file. by_line: whether the places of its faults are lines. facts: what `block` needs beside the place.

    SpecError where the file cannot be read as what its name says, or lacks a column.
    """

    by_line: bool
    facts: dict[str, Any]

    def parts(self, path: Path) -> Iterator[Part]:
        """The documents from the beginning, in order; those of a block may come in several parts."""
        ...

    def block(self, file: BinaryIO, place: tuple[int, int, int]) -> Chosen:
        """The documents of one block of an open file, which is not compressed."""
        ...


def reader_of(file: File, reading: Reading, facts: dict[str, Any] | None = None) -> Reader:
    """The reader of a file. facts: those of a reader that has gone through it, where blocks are read."""
    kind: type[Any] = {"json": _Lines, "text": _Lines, "csv": _Csv, "parquet": _Parquet, "arrow": _Arrow}[file.kind]
    reader: Reader = kind(file, reading)
    reader.facts |= facts or {}
    return reader


class _Lines:
    """JSON lines, a JSON array, or plain text. facts: `array`, whether the file is one JSON array."""

    def __init__(self, file: File, reading: Reading) -> None:
        self._file, self._reading = file, reading
        self.by_line, self.facts = True, dict[str, Any]()

    def parts(self, path: Path) -> Iterator[Part]:
        with unpacked(path, self._file.compression, self._file.url) as (raw, file):
            begun = lines.read_all(file, lines.BLOCK)
            if self._file.kind == "json":
                self.facts["array"] = whole_text.is_array(begun)
            if self.facts.get("array"):
                self.by_line = False
                yield Part((0, 0, 0), self._array(file, begun), self._file.size)
                return
            for block in lines.blocks(file, begun):
                place = (block.offset, block.size, block.first)
                yield Part(place, lines.chosen_of(block, self._reading, self._file.kind), raw.tell())

    def _array(self, file: BinaryIO, begun: bytes = b"") -> Chosen:
        data = begun + lines.read_all(file, MOST_BYTES + 1 - len(begun))
        return whole_text.of_array(data, self._reading, self._file.url)

    def block(self, file: BinaryIO, place: tuple[int, int, int]) -> Chosen:
        offset, size, first = place
        if self.facts.get("array"):
            file.seek(0)
            return self._array(file)
        too_long = size > lines.BLOCK + lines.MOST_LINE  # a line that is not kept
        data = None if too_long else _at(file, offset, size)
        if not too_long and data is None:
            raise self._file.changed()
        return lines.chosen_of(lines.Lines(offset, size, first, data), self._reading, self._file.kind)


class _Csv:
    """A table with a header. facts: `header`, the names of its columns."""

    by_line = True

    def __init__(self, file: File, reading: Reading) -> None:
        self._file, self._reading = file, reading
        self.facts: dict[str, Any] = {}

    def parts(self, path: Path) -> Iterator[Part]:
        with unpacked(path, self._file.compression, self._file.url) as (raw, file):
            table = whole_text.Table(file, self._file.url)
            self.facts["header"] = table.header
            whole_text.check_columns(table.header, self._reading, self._file.url)
            for block in table.blocks():
                place = (block.offset, block.size, block.first)
                yield Part(place, self._reading.of_rows(block.rows), raw.tell())

    def block(self, file: BinaryIO, place: tuple[int, int, int]) -> Chosen:
        offset, size, first = place
        data = _at(file, offset, size)
        if data is None:
            raise self._file.changed()
        table = whole_text.Table(io.BytesIO(data), self._file.url, self.facts["header"], first)
        return self._reading.of_rows([row for block in table.blocks() for row in block.rows])


class _Parquet:
    by_line = False

    def __init__(self, file: File, reading: Reading) -> None:
        self._file, self._reading = file, reading
        self.facts: dict[str, Any] = {}
        self._open: tuple[Any, Parquet] | None = None

    def parts(self, path: Path) -> Iterator[Part]:
        with open(path, "rb") as raw:
            parquet, first = Parquet(raw, self._file.url), 0
            parquet.check(self._reading)
            for group, rows in enumerate(parquet.rows):
                place, read = (group, 0, first), self._file.size * group // len(parquet.rows)
                yield Part(place, self._reading.nothing, read)
                for chosen in parquet.parts(group, self._reading, first):
                    yield Part(place, chosen, read)
                first += rows

    def block(self, file: BinaryIO, place: tuple[int, int, int]) -> Chosen:
        if self._open is None or self._open[0] is not file:
            self._open = file, Parquet(file, self._file.url)
        return self._open[1].block(place[0], self._reading, place[2])


class _Arrow:
    by_line = False

    def __init__(self, file: File, reading: Reading) -> None:
        self._file, self._reading = file, reading
        self.facts: dict[str, Any] = {}
        self._open: tuple[Any, Arrow] | None = None

    def parts(self, path: Path) -> Iterator[Part]:
        with open(path, "rb") as raw:
            arrow, first = Arrow(raw, self._file.url), 0
            self.facts["places"] = arrow.places
            arrow.check(self._reading)
            for number in range(arrow.batches):
                chosen, rows = arrow.block(number, self._reading, first)
                yield Part((number, 0, first), chosen, self._file.size * (number + 1) // arrow.batches)
                first += rows

    def block(self, file: BinaryIO, place: tuple[int, int, int]) -> Chosen:
        if self._open is None or self._open[0] is not file:
            self._open = file, Arrow(file, self._file.url, self.facts["places"])
        return self._open[1].block(place[0], self._reading, place[2])[0]


def _at(file: BinaryIO, offset: int, size: int) -> bytes | None:
    """The bytes of a block of a file of text; None where they are not there, or no line begins there."""
    file.seek(max(offset - 1, 0))
    if offset and file.read(1) != b"\n":
        return None
    data = lines.read_all(file, size)
    return data if len(data) == size else None


def rows_of_footer(file: BinaryIO, name: str, reading: Reading) -> list[int] | None:
    """The rows of each row group of a Parquet file, where its footer says that all of them are documents; else None."""
    if reading.template or reading.where:
        return None
    with refusing(name, "Parquet"):
        parquet = Parquet(file, name)
        parquet.check(reading)
        return parquet.rows if parquet.without_nulls(reading.column) else None
