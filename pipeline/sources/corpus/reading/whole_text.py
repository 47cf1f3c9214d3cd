"""Files of text whose rows may run over several lines: tables of CSV, and one JSON array of objects.

Records are read as Python's `csv` reads them, with a header; a cell in quotes may contain anything. A block is some
whole records, BLOCK bytes and then to the end of the record. A JSON array is one block, of at most MOST_BYTES.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import SpecError, suggest
from pipeline.core.system.reading import MOST_BYTES, not_utf8, table_of
from pipeline.sources.corpus.reading.choosing import Chosen, Reading
from pipeline.sources.corpus.reading.faults import NO_RECORD, NOT_UTF8, Fault
from pipeline.sources.corpus.reading.lines import BLOCK, MARK, MOST_LINE, integer

Row = tuple[int, dict[str, Any] | Fault]


@dataclass(frozen=True)
class Records:
    """Some whole records of a table. offset: of the first byte in the (unpacked) file. rows: (line, record)."""

    offset: int
    size: int
    first: int
    rows: tuple[Row, ...]


class Table:
    """A table, read from where a file stands. header: the names of its columns.

    header: given where the file stands behind it; `first` is the number of the line there. SpecError without a header,
    and for a name that stands twice.
    """

    def __init__(self, file: Any, name: str, header: list[str] | None = None, first: int = 1) -> None:
        self._lines = _Decoded(file, first)
        self._reader = table_of(self._lines)
        self.header = self._first(name) if header is None else header
        self._lines.mark()

    def _first(self, name: str) -> list[str]:
        try:
            header = next(self._reader, [])
        except csv.Error:
            header = []
        if self._lines.bad or (self._lines.read and not header):
            raise SpecError(f"{name}:1 is no header of a table", "Write the names of the columns.", ("files",))
        if twice := next((one for one in header if header.count(one) > 1), None):
            raise SpecError(f"the column '{twice}' stands twice in {name}", "Rename one.", ("files",))
        return header

    def blocks(self) -> Iterator[Records]:
        """The records, BLOCK bytes at once and then to the end of the record."""
        rows: list[Row] = []
        while (row := self._next()) is not None:
            rows += row
            if self._lines.read >= BLOCK:
                yield self._block(rows)
                rows = []
        if self._lines.read:
            yield self._block(rows)

    def _block(self, rows: list[Row]) -> Records:
        records = Records(self._lines.offset, self._lines.read, self._lines.first, tuple(rows))
        self._lines.mark()
        return records

    def _next(self) -> list[Row] | None:
        """The next record, or what is wrong with it; [] for an empty line, None at the end.

        An open quote takes in all lines up to the next quote, so the records behind it may be broken too.
        """
        place = self._lines.number
        try:
            cells = next(self._reader, None)
        except csv.Error as error:
            return [(place, Fault(place, NO_RECORD, str(error)))]
        if cells is None:
            return None
        bad, self._lines.bad = self._lines.bad, None
        return [(place, bad or _record(place, self.header, cells))] if cells or bad else []


def _record(place: int, header: list[str], cells: list[str]) -> dict[str, Any] | Fault:
    if len(cells) != len(header):
        return Fault(place, NO_RECORD, f"it has {len(cells)} cells, and the header {len(header)}")
    return dict(zip(header, cells, strict=True))


class _Decoded:
    """The lines of a file as texts. read: bytes since `mark`. bad: what is wrong with a line since it was None."""

    def __init__(self, file: Any, first: int) -> None:
        self._file, self.number = file, first
        self.bad: Fault | None = None
        self.offset, self.read, self.first = 0, 0, first

    def mark(self) -> None:
        """A block begins here."""
        self.offset, self.read, self.first = self.offset + self.read, 0, self.number

    def __iter__(self) -> _Decoded:
        return self

    def __next__(self) -> str:
        raw: bytes = self._file.readline(MOST_LINE + 1)
        if not raw:
            raise StopIteration
        self.read += len(raw)
        number, self.number = self.number, self.number + 1
        try:
            if len(raw) > MOST_LINE:
                raise csv.Error(f"it has more than {MOST_LINE:,} bytes")
            return raw.removeprefix(MARK).decode() if number == 1 else raw.decode()
        except UnicodeDecodeError as error:
            self.bad = Fault(number, NOT_UTF8, not_utf8(raw, error)[1])
            return raw.decode("utf-8", "replace")


def check_columns(header: list[str], reading: Reading, name: str) -> None:
    """SpecError for a column that a table does not have."""
    for column in reading.columns:
        if column not in header:
            key = "template" if reading.template and column in reading.template.columns else "column"
            key = "where" if column in [one for one, _ in reading.where] else key
            raise SpecError(f"{name} has no column '{column}'", suggest(column, header), (key,))


def is_array(data: bytes) -> bool:
    """Whether a file of JSON that begins with a block of such bytes is one array, and not an object a line."""
    return data.removeprefix(MARK).lstrip(b" \t\r\n").startswith(b"[")


def of_array(data: bytes, reading: Reading, name: str) -> Chosen:
    """The documents of a JSON array of objects. SpecError where the file is none."""
    remedy = "Write an array of objects, or an object a line."
    if len(data) > MOST_BYTES:
        raise SpecError(f"{name} is one array of {len(data):,} bytes", "Write an object a line.", ("files",))
    try:
        rows = json.loads(data.removeprefix(MARK).decode(), parse_int=integer)
    except (ValueError, RecursionError):
        raise SpecError(f"{name} is neither JSON lines nor a JSON array", remedy, ("files",)) from None
    faults = [(i, row if isinstance(row, dict) else Fault(i, "not JSON")) for i, row in enumerate(rows)]
    return reading.of_rows(faults)
