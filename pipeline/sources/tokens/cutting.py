"""Ids cut into documents: where each begins in its file, and how many tokens it has. No end token is part of one.

`documents` (d, 3): begin, length, and 0 or the number, from 1 on, of the row of `more` (m, 3) where it goes on, which
is the same. Nearly every document lies in one piece; another piece is needed where a file puts something else between.

Letters: n ids of a file, d documents, r rows, k pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.system.kept_arrays import Out
from pipeline.text.tokenizer_json import MOST_IDS

AT_ONCE = 2**22  # ids that are looked at together


@dataclass(frozen=True)
class Reading:
    """What a recipe says about ids. end: of the token between documents. begin: of one that begins them, or -1."""

    end: int
    begin: int = -1


@dataclass
class Found:
    """What is found in a file called `name`: its documents, which are written to `out`, and its ids."""

    name: str
    out: Out
    count: int = 0
    tokens: int = 0
    longest: int = 0
    _more: list[I64] = field(default_factory=lambda: [np.empty((0, 3), np.int64)])
    _more_count: int = 0
    _seen: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(2**16, bool))

    def look_at(self, ids: NDArray[Any], place: int) -> None:
        """Note ids (n,), the first of which is token `place` of the file. SpecError for one that no tokenizer has."""
        if not ids.size:
            return
        if (ids.dtype.kind == "i" and ids.min() < 0) or ids.max() >= MOST_IDS:
            wrong = int(np.flatnonzero((ids < 0) | (ids >= MOST_IDS))[0])
            raise SpecError(
                f"'{self.name}': token {place + wrong:,} is {ids[wrong]}, and ids are from 0 to {MOST_IDS - 1:,}",
                "Look at the layout of the file, and at the type of its ids.",
                ("files",),
            )
        most = int(ids.max())
        if most >= self._seen.size:
            self._seen = np.concatenate([self._seen, np.zeros(most + 1 - self._seen.size, bool)])
        self._seen[ids] = True

    def write(self, begins: I64, lengths: I64) -> None:
        """The next documents (d,), each in one piece."""
        if lengths.size:
            self.out.add("documents", np.column_stack([begins, lengths, np.zeros_like(begins)]))
            self._tally(lengths.size, int(lengths.sum()), int(lengths.max()))

    def write_pieces(self, begins: I64, lengths: I64, documents: I64) -> None:
        """The next documents, given by all their pieces (k,) in order; documents (k,): 0 for those of the first, …"""
        first = np.append(True, documents[1:] != documents[:-1])
        follows = np.append(~first[1:], False)  # the next piece is of the same document
        number = self._more_count + np.cumsum(~first)  # of the rows of `more`
        rows = np.column_stack([begins, lengths, np.where(follows, np.append(number[1:], 0), 0)])
        self.out.add("documents", rows[first])
        self._more.append(rows[~first])
        self._more_count += len(self._more[-1])
        totals = np.add.reduceat(lengths, np.flatnonzero(first))
        self._tally(len(totals), int(totals.sum()), int(totals.max()))

    def end(self) -> None:
        """Write what is left, and the facts."""
        if not self.count:
            raise SpecError(f"'{self.name}' holds no tokens", "Leave it out.", ("files",))
        self.out.add("more", np.concatenate(self._more))
        self.out.add("seen", np.flatnonzero(self._seen))
        self.out.facts |= {"tokens": self.tokens, "longest": self.longest}

    def _tally(self, documents: int, tokens: int, longest: int) -> None:
        self.count, self.tokens, self.longest = self.count + documents, self.tokens + tokens, max(self.longest, longest)


class Cutter:
    """Cuts a stream of ids at its end tokens, some ids at a time.

    leading: whether the end token stands before each document, not behind it. What stands before the first one, or
    behind the last one, is a document too, unless it is nothing and the end tokens are on its other side.
    """

    def __init__(self, reading: Reading, found: Found, *, leading: bool = False) -> None:
        self._reading, self._found, self._leading = reading, found, leading
        self._open: list[tuple[int, int]] = []  # begin and length of each piece of the document that is not complete
        self._fresh = True  # that document has no id yet
        self._ended = False  # an end token has been met

    def add(self, ids: NDArray[Any], begin: int) -> None:
        """The next ids (n,) of the stream; the first lies at `begin` of the file."""
        ends = np.flatnonzero(ids == self._reading.end)
        edges = np.concatenate([[-1], ends, [len(ids)]])
        begins, lengths = edges[:-1] + 1, np.diff(edges) - 1
        led = _led(ids, begins, lengths, self._reading)
        led[0] &= self._fresh
        begins, lengths = begin + begins + led, lengths - led
        self._go_on(int(begins[0]), int(lengths[0]))
        if ends.size:
            self._close(said=self._ended or not self._leading)
            self._ended = True
            self._found.write(begins[1:-1], lengths[1:-1])
            self._fresh = not lengths[-1] and not led[-1]
            self._go_on(int(begins[-1]), int(lengths[-1]))
        elif len(ids):
            self._fresh = False

    def end(self) -> None:
        """No ids follow."""
        self._close(said=self._ended and self._leading)

    def _go_on(self, begin: int, length: int) -> None:
        """The document that is not complete goes on with this piece."""
        if self._open and sum(self._open[-1]) == begin:
            self._open[-1] = (self._open[-1][0], self._open[-1][1] + length)
        else:
            self._open.append((begin, length))

    def _close(self, *, said: bool) -> None:
        """The document is complete. said: whether it is one even if it has no tokens."""
        pieces = [piece for piece in self._open if piece[1]] or self._open[:1]
        self._open = []
        if said or any(length for _, length in pieces):
            begins, lengths = np.array(pieces, np.int64).T
            self._found.write_pieces(begins, lengths, np.zeros_like(begins))


def cut_rows(ids: NDArray[Any], begin: int, offsets: I64, reading: Reading) -> tuple[I64, I64]:
    """Rows of ids, each of which is a document, cut at end tokens too: begins and lengths of documents, int64 (d,).

    ids (n,), the first of which lies at `begin` of the file; row i is ids[offsets[i] : offsets[i + 1]], where the
    offsets (r + 1,) go from 0 to n. What stands between end tokens of a row is a document; a row with nothing else is
    an empty one. So more end tokens at the end of a row are padding.

    >>> cut_rows(np.array([1, 2, 9, 9, 3, 4]), 0, np.array([0, 4, 6]), Reading(end=9))
    (array([0, 4]), array([2, 2]))
    """
    ends = np.flatnonzero(ids == reading.end)
    counts = np.diff(np.searchsorted(ends, offsets)) + 1  # pieces of each row
    firsts = offsets_of(counts)
    begins, stops = np.empty((2, int(firsts[-1])), np.int64)
    first, last = np.zeros((2, begins.size), bool)
    first[firsts[:-1]] = last[firsts[1:] - 1] = True
    begins[first], begins[~first] = offsets[:-1], ends + 1
    stops[last], stops[~last] = offsets[1:], ends
    led = _led(ids, begins, stops - begins, reading)
    held = stops > begins
    empty = np.bincount(np.repeat(np.arange(len(counts)), counts)[held], minlength=len(counts)) == 0
    held[firsts[:-1][empty]] = True
    begins, stops = (begins + led)[held], stops[held]
    return begin + begins, stops - begins


def cut_all_rows(ids: NDArray[Any], offsets: I64, reading: Reading, found: Found) -> None:
    """All documents of a file whose ids (n,) are rows, one behind the other; offsets (r + 1,): see `cut_rows`."""
    first = 0
    while first < len(offsets) - 1:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + AT_ONCE, "right")) - 1)
        begin = int(offsets[first])
        piece = ids[begin : offsets[last]]
        found.look_at(piece, begin)
        found.write(*cut_rows(piece, begin, offsets[first : last + 1] - begin, reading))
        first = last


def cut_stream(ids: NDArray[Any], begin: int, found: Found, cutter: Cutter) -> None:
    """All documents of a file whose ids, from place `begin` on, are one stream."""
    for first in range(begin, len(ids), AT_ONCE):
        piece = ids[first : first + AT_ONCE]
        found.look_at(piece, first - begin)
        cutter.add(piece, first)
    cutter.end()


def _led(ids: NDArray[Any], begins: I64, lengths: I64, reading: Reading) -> NDArray[np.bool_]:
    """Which pieces of ids, (k,), begin with the token that begins documents."""
    if reading.begin < 0 or not ids.size:
        return np.zeros(len(begins), bool)
    led: NDArray[np.bool_] = (lengths > 0) & (ids[np.minimum(begins, len(ids) - 1)] == reading.begin)
    return led
