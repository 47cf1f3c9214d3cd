"""Spans and parts of the documents of a shard of ours: from rows to documents, those that a row cuts joined again.

Letters: m entries of a column, d documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.documents import Ragged, offsets_of
from pipeline.core.draws import I64
from pipeline.core.system.kept_arrays import Out
from pipeline.core.table import Lists, check_entries
from pipeline.sources.tokens.line import Line, Segments

NUMBERED = {"spans": "attribute", "parts": "role"}
"""Column → the field of its entries that says what they mean."""


@dataclass(frozen=True)
class Marks:
    """Rows (start, length, number) of each document, int32."""

    rows: Ragged

    @classmethod
    def of(cls, line: Line, segments: Segments, column: str, numbers: Sequence[int]) -> Marks:
        """Those of a column. numbers: what each of its numbers is here, -1 for one that is unknown.

        ValueError for entries that lie in no document, or whose number is unknown.
        """
        field = NUMBERED[column]
        row, (start, length, number) = line.entries(column, "start", "length", field)
        lists = Lists(_offsets(row, line), {"start": start, "length": length, field: number})
        check_entries(lists, line.length, **{field: len(numbers)})
        if (number := np.array([*numbers, -1])[number]).size and number.min() < 0:
            raise ValueError(f"an entry of '{column}' has a {field} that is not known here")
        document, at = _in_documents(row * line.length + start, length, segments)
        cut = np.column_stack([document, at, length, number, start == 0, start + length == line.length])
        document, at, length, number = _joined(cut).T
        rows = np.column_stack([at, length, number]).astype(np.int32)
        return cls(Ragged(rows, offsets_of(np.bincount(document, minlength=segments.count))))

    def write(self, column: str, out: Out) -> None:
        """Put them into the cache: as two arrays, and which numbers there are."""
        out.facts[column] = np.unique(self.rows.values[:, 2]).tolist()
        out.add(column, self.rows.values)
        out.add(f"{column} of documents", self.rows.offsets)


def _offsets(row: I64, line: Line) -> I64:
    """Where the entries of each row of the line begin and end."""
    return offsets_of(np.bincount(row, minlength=int(line.firsts[-1]) // line.length))


def _in_documents(place: I64, length: I64, segments: Segments) -> tuple[I64, I64]:
    """The document of each entry at a place of the line, (m,), and its first token in that document."""
    before = offsets_of(segments.length)[:-1]
    new = np.append(True, segments.document[1:] != segments.document[:-1])
    before -= before[new][segments.document]  # tokens of the document in earlier segments
    order = np.argsort(segments.begin, kind="stable")
    found = order[np.maximum(np.searchsorted(segments.begin[order], place, "right") - 1, 0)]
    within = place - segments.begin[found]
    if place.size and (within.min() < 0 or (within + length > segments.length[found]).any()):
        raise ValueError("an entry of a column lies in no document")
    return segments.document[found], before[found] + within


def _joined(entries: I64) -> I64:
    """Entries (m, 6) of document, start, length, number, whether it begins its row, whether it ends its row, joined
    where a row cuts them: (…, 4), in the order of documents and of starts."""
    document, start, length, number, begins, ends = entries[np.lexsort([entries[:, 1], entries[:, 3], entries[:, 0]])].T
    goes_on = (document[1:] == document[:-1]) & (number[1:] == number[:-1]) & (start[1:] == start[:-1] + length[:-1])
    goes_on &= (begins[1:] > 0) & (ends[:-1] > 0)
    first = np.append(True, ~goes_on)[: len(document)]
    if len(document):
        length = np.add.reduceat(length, np.flatnonzero(first))
    whole = np.column_stack([document[first], start[first], length, number[first]])
    return whole[np.lexsort([whole[:, 1], whole[:, 0]])]
