"""Reads text files that others wrote, without altering a value.

Files are UTF-8, with or without a byte order mark. Lines end at `\\n` or `\\r\\n` and nowhere else: U+2028, U+0085 and
form feeds belong to a line. Callers may strip blanks and tabs from the ends of a line, and nothing else.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pipeline.core.errors import SpecError
from pipeline.core.system.escaping import CONTROLS
from pipeline.core.system.open_files import contents

if TYPE_CHECKING:
    from _csv import Reader

BLANKS = " \t"
MOST_BYTES = 2**28  # of a file that is read at once
MOST_LINE = 2**26  # bytes of a line, where files are read line by line
MOST_CELL = 2**29  # characters of a cell of a table
_LONE_RETURN = re.compile(r"\r(?!\n)")


def control_in(text: str) -> str:
    """The first control character of a text, or "".

    >>> control_in("big north"), control_in("big\\u2028north")
    ('', '\\u2028')
    """
    control = CONTROLS.search(text)
    return control[0] if control else ""


def raw_lines(file: BinaryIO, most: int) -> Iterator[tuple[int, bytes]]:
    """(number from 1 on, bytes) of each line of a file; of a line longer than `most`, only most + 1 bytes."""
    return enumerate(iter(partial(file.readline, most + 1), b""), 1)


def line_of(raw: bytes, *, first: bool) -> str:
    """The text of a line from `raw_lines`, without its line end. UnicodeDecodeError if it is not UTF-8.

    first: whether it is the first line of the file, which may begin with a byte order mark.
    """
    text = raw.decode("utf-8-sig" if first else "utf-8")
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def decoded(raw: bytes) -> tuple[str, int, str]:
    """(text without byte order mark, 0, "") or, for bytes that are not UTF-8, ("", line, what is wrong there).

    >>> decoded(b"towns\\nUlm \\xff\\n")
    ('', 2, 'byte 5 of the line (0xff) is not UTF-8')
    """
    try:
        return raw.decode("utf-8-sig"), 0, ""
    except UnicodeDecodeError as error:
        return "", *not_utf8(raw, error)


def not_utf8(raw: bytes, error: UnicodeDecodeError) -> tuple[int, str]:
    """(line from 1 on, what is wrong there) of the first bytes that are not UTF-8."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return 1, "it is UTF-16, not UTF-8"
    wrong = error.start + len(raw) - len(error.object)  # a decoder may have left out a byte order mark
    byte = wrong - raw.rfind(b"\n", 0, wrong)
    return raw.count(b"\n", 0, wrong) + 1, f"byte {byte:,} of the line (0x{raw[wrong]:02x}) is not UTF-8"


def read(path: Path, shown: str = "") -> str:
    """The text of a file, without its byte order mark. SpecError, naming the file as `shown`, if it is no text."""
    try:
        raw = contents(path, MOST_BYTES)
    except OSError as error:
        raise SpecError(f"cannot read {shown or path}: {error.strerror}", "It must be a UTF-8 text file.") from None
    text, line, problem = decoded(raw)
    if problem:
        raise SpecError(f"cannot read {shown or path}:{line}: {problem}", "It must be a UTF-8 text file.")
    return text


def lines(path: Path, shown: str = "") -> Iterator[tuple[str, str]]:
    """(`file:line`, text) of each line of a file. SpecError if it is no text, or has other line ends."""
    text, begins, number = read(path, shown), 0, 0
    if lone := _LONE_RETURN.search(text):
        number = text.count("\n", 0, lone.start()) + 1
        raise SpecError(
            f"{shown or path}:{number} holds a carriage return (U+000D) inside the line",
            "Remove it: lines end at \\n or \\r\\n.",
        )
    while begins <= len(text):  # a list of all lines could take a hundred times as much
        end = text.find("\n", begins)
        end = len(text) if end < 0 else end
        number += 1
        yield f"{shown or path}:{number}", text[begins:end].removesuffix("\r")
        begins = end + 1


def table_of(lines: Iterable[str], delimiter: str = ",") -> Reader:
    """Python's `csv.reader` of a table's lines, which refuses what is not quoted rightly, and cells over MOST_CELL.

    `csv` has one limit for the whole process. So all tables are read by way of this function, with the same one: what
    a file holds must not depend on what was read before.
    """
    csv.field_size_limit(MOST_CELL)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def records(path: Path, delimiter: str, shown: str = "") -> Iterator[tuple[str, list[str]]]:
    """(`file:line`, cells) of each record of a table. A cell in quotes may contain anything, also line breaks.

    The line is the record's first. SpecError if the file is no table.
    """
    table = table_of(io.StringIO(read(path, shown), newline="\n"), delimiter)
    begins = 1
    try:
        for cells in table:
            yield f"{shown or path}:{begins}", cells
            begins = table.line_num + 1
    except csv.Error as error:
        raise SpecError(
            f"cannot read {shown or path}:{begins}: {error}",
            'Put a cell with the delimiter, quotes or line breaks into quotes, and write a quote in it as "".',
        ) from None
