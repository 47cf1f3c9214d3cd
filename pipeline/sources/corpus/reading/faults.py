"""What may be wrong with a row, in which words it is refused, and how such rows are counted."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.errors import SpecError, suggest

SKIP = "or leave such rows out: `broken: skip`."


@dataclass(frozen=True)
class Fault:
    """A broken row. place: its line from 1 on, or its row from 0 on. reason: one of the words below.

    detail: what is wrong in it. names: the columns that the row has instead.
    """

    place: int
    reason: str
    detail: str = ""
    names: tuple[str, ...] = ()


NOT_JSON = "not JSON"
NO_COLUMN = "no such column"
NULL = "null"
NO_TEXT = "no text"
NOT_UTF8 = "not UTF-8"
HALF = "half a character"
TOO_LONG = "too long"
NO_RECORD = "not CSV"
TEMPLATE = "not rendered"
REASONS = (NOT_JSON, NO_COLUMN, NULL, NO_TEXT, NOT_UTF8, HALF, TOO_LONG, NO_RECORD, TEMPLATE)


def refusal(fault: Fault, file: str, column: str, *, by_line: bool) -> SpecError:
    """The error for a broken row of a file. by_line: whether places are lines of the file, not rows."""
    place = f"{file}:{fault.place}" if by_line else f"row {fault.place:,} of {file}"
    match fault.reason:
        case "not JSON":
            return SpecError(f"{place} is not a JSON object", f"Write one object a line, {SKIP}", ("files",))
        case "no such column":
            problem = f"{place} has no column '{fault.detail}'"
            return SpecError(problem, suggest(fault.detail, fault.names), ("column",))
        case "not UTF-8":
            return SpecError(f"{place}: {fault.detail}", f"Convert the file, {SKIP}", ("files",))
        case "too long":
            return SpecError(f"{place} has more than {fault.detail} bytes", f"Cut the document, {SKIP}", ("files",))
        case "not CSV":
            return SpecError(f"{place} is no record: {fault.detail}", f"Mend it, {SKIP}", ("files",))
        case "not rendered":
            return SpecError(f"{place} cannot be rendered: {fault.detail}", f"Mend it, {SKIP}", ("template",))
    what = "half a character" if fault.reason == HALF else "no text"
    return SpecError(f"{place} has {what} in '{column}'", f'Write a text or "", {SKIP}', ("column",))
