"""Documents as arrays: ragged token ids and the spans in them.

Letters: d documents, T tokens in all of them, m spans.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]

ROLES = (
    "", "tag", "prompt", "hint", "answer", "mistake", "weak", "silent", "back", "attempt", "system", "template", "end",
)  # fmt: skip
"""What a part of a document is for, where it does not just state what is true: its number is its place here.

tag: whose words follow. prompt, hint, answer: of a question. mistake: a sentence with a wrong value that is taken back.
weak: a true sentence that comes too early, and is taken back. silent: a wrong value that is never taken back. back:
what takes back. attempt: the words around a mistake, where that is no more than a name. Of chats: system: what
instructs the assistant. template: what the chat template writes around contents. end: what ends the assistant's turn.
"""


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths: row i is values[offsets[i] : offsets[i + 1]].

    values (T, …) of any dtype; offsets int64 (d + 1,), starting with 0. room: a longer array that begins with the
    values, or None; `padded` writes behind them, so a whole shard need not be copied.

    >>> Ragged(np.array([1, 2, 3]), np.array([0, 1, 3])).take(np.array([1, 0])).values.tolist()
    [2, 3, 1]
    """

    values: NDArray[Any]
    offsets: I64
    room: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> I64:
        """Length of each row, int64 (d,)."""
        return np.diff(self.offsets)

    def take(self, rows: I64) -> Ragged:
        """The rows with these numbers, int64 (r,), in this order, copied; numbers may repeat."""
        from pipeline.core.kernels import packing

        offsets = offsets_of(self.lengths[rows])
        taken = np.empty((offsets[-1], *self.values.shape[1:]), self.values.dtype)
        width = math.prod(self.values.shape[1:])  # numbers in each value: the kernel takes flat arrays
        flat = np.ascontiguousarray(self.values).reshape(-1)
        packing.take(flat, self.offsets * width, rows, offsets * width, taken.reshape(-1))
        return Ragged(taken, offsets)

    def slice(self, first: int, last: int) -> Ragged:
        """Rows first … last - 1, over the same memory."""
        offsets = self.offsets[first : last + 1]
        return Ragged(self.values[offsets[0] : offsets[-1]], offsets - offsets[0])

    def clipped(self, lengths: I64) -> Ragged:
        """The first lengths[i] values of row i. lengths (d,): none longer than its row."""
        from pipeline.core.kernels import packing

        offsets = offsets_of(lengths)
        kept = np.empty(offsets[-1], self.values.dtype)
        packing.take(self.values, self.offsets, np.arange(len(self), dtype=np.int64), offsets, kept)
        return Ragged(kept, offsets)

    def surrounded(self, lead: NDArray[Any], trail: NDArray[Any]) -> Ragged:
        """Every row between the same values: lead (a,), trail (b,), of the dtype of the values; copied.

        >>> Ragged(np.array([1, 2, 3], np.int32), np.array([0, 1, 3])).surrounded(
        ...     np.array([], np.int32), np.array([9], np.int32)
        ... ).values.tolist()
        [1, 9, 2, 3, 9]
        """
        return self.excerpts(np.arange(len(self)), np.zeros(len(self), np.int64), self.lengths, lead, trail)

    def excerpts(self, rows: I64, firsts: I64, lengths: I64, lead: NDArray[Any], trail: NDArray[Any]) -> Ragged:
        """Values firsts[i] … firsts[i] + lengths[i] - 1 of row rows[i], between the same values; copied.

        rows, firsts, lengths int64 (r,); lead (a,), trail (b,), of the dtype of the values.
        """
        from pipeline.core.kernels import packing

        offsets = offsets_of(lengths + (len(lead) + len(trail)))
        out = np.empty(offsets[-1], self.values.dtype)
        packing.surround(self.values, self.offsets[rows] + firsts, offsets, lead, trail, out)
        return Ragged(out, offsets)

    def padded(self, size: int, fill: int) -> NDArray[Any]:
        """The values (T,) followed by `fill`, `size` entries in all; uses `room` instead of a copy if it is enough."""
        used = len(self.values)
        room = self.room
        if room is None or len(room) < size:
            room = np.concatenate([self.values, np.empty(size - used, self.values.dtype)])
        room[used:size] = fill
        return room[:size]

    @classmethod
    def concat(cls, parts: Sequence[Ragged]) -> Ragged:
        """All rows of the parts, one part after the other. A single part is returned uncopied."""
        if len(parts) == 1:
            return parts[0]
        values = np.concatenate([part.values for part in parts])
        return cls(values, offsets_of(np.concatenate([part.lengths for part in parts])))


class Collected:
    """`count` rows of one dtype, added part by part, in one array with room for more: small parts stay in the
    processor's caches, and no memory is taken for all of them twice."""

    def __init__(self, count: int, dtype: np.dtype[Any]) -> None:
        self._room, self._offsets, self._added = np.empty(0, dtype), np.zeros(count + 1, np.int64), 0

    def add(self, part: Ragged) -> None:
        """The next rows, copied."""
        first, added = int(self._offsets[self._added]), self._added + len(part)
        end = first + len(part.values)
        self._room = with_room(self._room, first, end, end * len(self._offsets) // max(added, 1))
        self._room[first:end] = part.values
        self._offsets[self._added + 1 : added + 1] = first + part.offsets[1:]
        self._added = added

    @property
    def rows(self) -> Ragged:
        """All that were added."""
        offsets = self._offsets[: self._added + 1]
        return Ragged(self._room[: offsets[-1]], offsets, room=self._room)


MOST_ROOM = 4
"""Times as much as is needed: so much room is taken at once, whatever the first rows promise."""


def with_room(room: NDArray[Any], used: int, needed: int, expected: int) -> NDArray[Any]:
    """The array if `needed` entries fit, else a larger copy of its first `used`. expected: how many there may be."""
    if needed <= len(room):
        return room
    grown = np.empty(min(expected + expected // 32, MOST_ROOM * needed), room.dtype)
    grown[:used] = room[:used]
    return grown


def offsets_of(lengths: NDArray[Any]) -> I64:
    """Where rows of these lengths (d,) begin and end: [0, l0, l0 + l1, …], int64 (d + 1,)."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


@dataclass(frozen=True)
class Documents:
    """d documents: what a source returns, in the order in which items and exposures were given.

    tokens: ids of each document, its end-of-text token included, uint16 or int32.
    spans: per document rows (start, length, label), int32 (m, 3). start is counted from the document's first token,
    label is an index into the source's `labels`. None if spans were not requested.
    parts: rows (start, length, role), role an index into ROLES. None if parts were not requested.
    """

    tokens: Ragged
    spans: Ragged | None = None
    parts: Ragged | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: I64) -> Documents:
        """The documents with these numbers, int64 (r,), in this order, copied."""
        return Documents(
            self.tokens.take(rows),
            self.spans.take(rows) if self.spans is not None else None,
            self.parts.take(rows) if self.parts is not None else None,
        )

    def slice(self, first: int, last: int) -> Documents:
        """Documents first … last - 1."""
        return Documents(
            self.tokens.slice(first, last),
            self.spans.slice(first, last) if self.spans is not None else None,
            self.parts.slice(first, last) if self.parts is not None else None,
        )

    def clipped(self, lengths: I64) -> Documents:
        """The first lengths[i] tokens of document i, lengths (d,); spans and parts are cut there too."""
        if (lengths == self.tokens.lengths).all():
            return self
        spans, parts = (_clipped(marked, lengths) for marked in (self.spans, self.parts))
        return Documents(self.tokens.clipped(lengths), spans, parts)

    @classmethod
    def concat(cls, parts: Sequence[Documents]) -> Documents:
        """All documents of `parts`, one after the other; with spans, or parts, only if all of `parts` have them."""
        spans = [documents.spans for documents in parts if documents.spans is not None]
        roles = [documents.parts for documents in parts if documents.parts is not None]
        return cls(
            Ragged.concat([documents.tokens for documents in parts]),
            Ragged.concat(spans) if len(spans) == len(parts) else None,
            Ragged.concat(roles) if len(roles) == len(parts) else None,
        )

    def relabelled(self, labels: NDArray[np.int32]) -> Documents:
        """The same documents, with the label l of each span replaced by labels[l]; labels int32 (labels,)."""
        if self.spans is None:
            return self
        values = self.spans.values.copy()
        values[:, 2] = labels[values[:, 2]]
        return Documents(self.tokens, Ragged(values, self.spans.offsets), self.parts)


def _clipped(marked: Ragged | None, lengths: I64) -> Ragged | None:
    """Rows (start, length, label or role) cut at the documents' `lengths` (d,); rows left empty are dropped."""
    if marked is None:
        return None
    document = np.repeat(np.arange(len(marked)), marked.lengths)
    rows = marked.values.copy()
    rows[:, 1] = np.minimum(rows[:, 0] + rows[:, 1], lengths[document]) - rows[:, 0]
    left = rows[:, 1] > 0
    return Ragged(rows[left], offsets_of(np.bincount(document[left], minlength=len(marked))))
