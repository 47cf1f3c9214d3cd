"""Files of lines: JSON lines and plain text, cut into blocks of whole lines.

A block begins with a line and ends with the first line end at or behind BLOCK bytes, wherever the file is read from and
however it is compressed. A block is read at once by pyarrow where that gives what Python would give line by line, which
is checked; else line by line, which also finds what is wrong with a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, BinaryIO

import numpy as np

from pipeline.core.system.reading import BLANKS, line_of, not_utf8
from pipeline.sources.corpus.reading.choosing import Chosen, Reading, nested
from pipeline.sources.corpus.reading.faults import NOT_JSON, NOT_UTF8, TOO_LONG, Fault

BLOCK = 2**20  # bytes of a block, and then to the end of the line
MOST_LINE = 2**29  # bytes of a line: a document of half a gigabyte
MOST_DIGITS = 4000  # of an integer
MARK = b"\xef\xbb\xbf"  # a byte order mark, which a file may begin with
NEWLINE, RETURN, OPEN, CLOSE = b"\n\r{}"


@dataclass(frozen=True)
class Lines:
    """Some whole lines of a file. offset: of the first byte in the (unpacked) file. first: number of the first line.

    data: None for a line that is too long, which is not kept.
    """

    offset: int
    size: int
    first: int
    data: bytes | None


def blocks(file: BinaryIO, begun: bytes) -> Iterator[Lines]:
    """The blocks of a file from its beginning. begun: its first BLOCK bytes, or all, which were read before."""
    offset, first = 0, 1
    for data in chain([begun] if begun else [], iter(partial(read_all, file, BLOCK), b"")):
        rest = b"" if data.endswith(b"\n") else file.readline(MOST_LINE + 1)
        if len(rest) > MOST_LINE:
            begins = data.rfind(b"\n") + 1
            if begins:
                yield Lines(offset, begins, first, data[:begins])
                first += data.count(b"\n")
            size = len(data) - begins + len(rest) + _passed(file, rest)
            yield Lines(offset + begins, size, first, None)
            offset, first = offset + begins + size, first + 1
            continue
        whole = data + rest
        yield Lines(offset, len(whole), first, whole)
        offset, first = offset + len(whole), first + whole.count(b"\n")


def read_all(file: BinaryIO, size: int) -> bytes:
    """So many bytes, or all that are left; streams that unpack may give fewer at once."""
    data = file.read(size)
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def _passed(file: BinaryIO, rest: bytes) -> int:
    """Pass what is left of a line behind `rest`: the number of its bytes."""
    size = 0
    while rest and not rest.endswith(b"\n"):
        rest = file.readline(BLOCK)
        size += len(rest)
    return size


def chosen_of(lines: Lines, reading: Reading, kind: str) -> Chosen:
    """The documents of a block. kind: `json` or `text`."""
    if lines.data is None:
        return reading.of_rows([(lines.first, Fault(lines.first, TOO_LONG, f"{MOST_LINE:,}"))])
    data = lines.data.removeprefix(MARK) if not lines.offset else lines.data
    fast = len(data) <= MOST_LINE and (_of_objects(data, reading) if kind == "json" else _of_texts(data, reading))
    return fast or reading.of_rows(list(_slowly(lines.data, lines.first, kind)))


# ── at once ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_texts(data: bytes, reading: Reading) -> Chosen | None:
    """The documents of lines of text; None where one is not UTF-8, or where only Python renders them."""
    import pyarrow as pa

    if not data or reading.where or reading.template:
        return None
    begins, ends = _places(data)
    between = np.column_stack([begins, ends]).reshape(-1)  # text, line end, text, line end, …
    everything = pa.Array.from_buffers(
        pa.large_string(), len(between) - 1, [None, pa.py_buffer(between), pa.py_buffer(data)]
    )
    try:
        everything.validate(full=True)
    except pa.ArrowInvalid:
        return None
    wanted = 2 * np.flatnonzero(~_blank(data, begins, ends))
    return Chosen(everything.take(pa.array(wanted)))


def _places(data: bytes) -> tuple[Any, Any]:
    """(first byte, end) of each line without its line end, int64 (n,) both."""
    letters = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(letters == NEWLINE)
    ends = newlines if not len(data) or letters[-1] == NEWLINE else np.append(newlines, len(data))
    begins = np.concatenate([[0], newlines + 1])[: len(ends)]
    closed = np.arange(len(ends)) < len(newlines)  # the last line may have no end, and keeps a carriage return
    returns = closed & (ends > begins) & (letters[np.maximum(ends, 1) - 1] == RETURN)
    return begins, ends - returns


def _blank(data: bytes, begins: Any, ends: Any) -> Any:
    """Whether each line is empty, or of blanks and tabs alone: bool (n,)."""
    letters = np.frombuffer(data, np.uint8)
    blank = begins == ends
    first = letters[np.minimum(begins, max(len(data) - 1, 0))] if len(data) else np.empty(0, np.uint8)
    for line in np.flatnonzero(~blank & np.isin(first, list(BLANKS.encode()))):
        blank[line] = not data[begins[line] : ends[line]].strip(BLANKS.encode())
    return blank


def _of_objects(data: bytes, reading: Reading) -> Chosen | None:
    """The documents of JSON lines as pyarrow reads them; None where Python might read them otherwise.

    pyarrow takes objects wherever they stand: over two lines, or two in a line. It also takes `Inf` and `-NaN`, and
    does not say whether a value is null or missing. All else that Python refuses it refuses too, and so repeated keys
    and halves of characters, which Python takes.
    """
    import pyarrow as pa
    from pyarrow import json as arrow_json

    schema = _schema(reading)
    if schema is None or not data or _has_odd_numbers(data):
        return None
    begins, ends = _places(data)
    letters = np.frombuffer(data, np.uint8)
    if (ends <= begins).any() or (letters[begins] != OPEN).any() or (letters[ends - 1] != CLOSE).any():
        return None
    try:
        pa.Array.from_buffers(
            pa.large_string(), 1, [None, pa.py_buffer(np.array([0, len(data)])), pa.py_buffer(data)]
        ).validate(full=True)
        table = arrow_json.read_json(
            pa.BufferReader(data),
            read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if table.num_rows != len(begins):
        return None
    columns = _columns(table, reading)
    chosen = columns and reading.of_columns(columns, 0, sure=True)
    return None if not chosen or chosen.faults else chosen


def _columns(table: Any, reading: Reading) -> dict[str, Any] | None:
    """The columns that a reading looks at, by name; None where a text is null, or a row has `meta.text` as a name."""
    columns = {name: column.combine_chunks() for name, column in zip(table.column_names, table.columns, strict=True)}
    found = {}
    for name in reading.columns:
        outer, dot, inner = name.partition(".")
        if dot and columns[name].null_count < len(columns[name]):
            return None
        found[name] = nested(columns[outer], (inner,)) if dot else columns[name]
    if reading.template is None and not reading.where and found[reading.column].null_count:
        return None
    return found


def _schema(reading: Reading) -> Any:
    """The types of the columns that a reading looks at; None where they are not known, or deeply nested.

    A nested one is there twice, as a field of an object and as a column whose name has a point.
    """
    import pyarrow as pa

    text = pa.string()
    types: dict[tuple[str, ...], Any] = {}
    if reading.template is None:
        types[tuple(reading.column.split("."))] = text
    elif reading.template.parts is None:
        return None
    else:
        types |= {part: text for part in reading.template.parts if isinstance(part, tuple)}
    known = {str: text, bool: pa.bool_(), float: pa.float64()}
    for name, condition in reading.where:
        kind = known[condition.kinds.pop()] if len(condition.kinds) == 1 else None
        if kind is None or types.setdefault(tuple(name.split(".")), kind) != kind:
            return None
    outer: dict[str, Any] = {path[0]: kind for path, kind in types.items() if len(path) == 1}
    for name in {path[0] for path in types if len(path) == 2}:
        if name in outer:
            return None
        outer[name] = pa.struct({path[1]: kind for path, kind in types.items() if len(path) == 2 and path[0] == name})
    if any(len(path) > 2 for path in types):
        return None
    return pa.schema({**outer, **{name: text for name in reading.columns if "." in name}})


def _has_odd_numbers(data: bytes) -> bool:
    """Whether `Inf` or `NaN` stand where a value stands, or in a line that Python refuses."""
    letters, fine = np.frombuffer(data, np.uint8), set[int]()
    for word in (b"Inf", b"NaN"):
        places = np.flatnonzero(letters[:-2] == word[0])
        places = places[(letters[places + 1] == word[1]) & (letters[places + 2] == word[2])]
        for place in places.tolist():
            before = data[max(place - 64, 0) : place].rstrip(b" \t\r\n-")
            if before and before[-1:] not in b":,[":
                continue
            begins, ends = data.rfind(b"\n", 0, place) + 1, data.find(b"\n", place)
            if begins not in fine and _is_odd(data[begins : ends if ends >= 0 else len(data)]):
                return True
            fine.add(begins)  # the word stands in a text
    return False


def _is_odd(line: bytes) -> bool:
    """Whether a line is no JSON to Python, or holds a number that is none."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(line, parse_constant=refuse, parse_int=integer)
    except (ValueError, RecursionError):
        return True
    return False


# ── line by line ────────────────────────────────────────────────────────────────────────────────────────────────────


def _slowly(data: bytes, first: int, kind: str) -> Iterator[tuple[int, dict[str, Any] | Fault]]:
    """(number, row or what is wrong with it) of each line that is not blank."""
    begins, number = 0, first
    while begins < len(data):
        end = data.find(b"\n", begins) + 1 or len(data)
        raw, begins = data[begins:end], end
        row = _row(raw, number, kind)
        if row is not None:
            yield number, row
        number += 1


def integer(digits: str) -> int | float:
    """An integer; as a float where Python refuses to read that many digits, which pyarrow does not."""
    return int(digits) if len(digits) < MOST_DIGITS else float(digits)


def _row(raw: bytes, number: int, kind: str) -> dict[str, Any] | Fault | None:
    """The row of a line; None for a blank line."""
    if len(raw) > MOST_LINE:
        return Fault(number, TOO_LONG, f"{MOST_LINE:,}")
    try:
        line = line_of(raw, first=number == 1)
    except UnicodeDecodeError as error:
        return Fault(number, NOT_UTF8, not_utf8(raw, error)[1])
    if not line.strip(BLANKS):
        return None
    if kind == "text":
        return {"text": line}
    try:
        row = json.loads(line, parse_int=integer)
    except (ValueError, RecursionError):
        row = None
    return row if isinstance(row, dict) else Fault(number, NOT_JSON)
