"""The fast path: documents gathered from a table of fragments, which are pieces tokenized at compile time.

program    (base 0, slot 1) … (base 1800, slot 0: a literal) (base 1801, slot 7)      a pair is an operation
fragment   number base + row, where the slot holds that row for this item
document   the tokens of its fragments, one after the other, and the end token
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Documents, Ragged, with_room
from pipeline.core.draws import I32, I64
from pipeline.core.slack import VECTOR
from pipeline.text.outline import U8, Choose, Outline, parts_of
from pipeline.text.pieces import Joint, probability_of_rows
from pipeline.text.seams.beginnings import Begun

SLACK = [0] * 64  # appended to every table, as kernels read ahead
CHUNK = 8192  # documents gathered at once: their rows stay in the second-level cache


@dataclass(frozen=True)
class Fragments:
    """Compiled programs over a table of fragments: all that is needed to make documents, a few hundred kilobytes.

    tokens (T,) uint16 or int32, start (f + 1,): fragment i is tokens[start[i] : start[i + 1]]. lead, trail (f,): how
    many of its first and last tokens are words around the value. program_start (p + 1,): program j consists of the
    operations program_start[j] … program_start[j + 1] - 1. base, rows, slot, label: one entry for each operation, then
    SLACK. prefix: the tokens that every document begins with. slots: columns of an outline's rows. joints: the slots
    numbered from `slots` on, whose rows follow from the others.
    """

    tokens: NDArray[Any]
    start: I32
    lead: I32
    trail: I32
    program_start: I32
    base: I32
    rows: I32
    slot: I32
    label: U8
    eos: int
    prefix: NDArray[Any]
    joints: tuple[Joint, ...] = ()
    slots: int = 1
    begun: Begun | None = None

    def documents(
        self, count: int, longest: int | None, choose: Choose, *, spans: bool, parts: bool = False, wrong: int = 0
    ) -> Documents:
        """`count` documents, each with the end token. longest: an upper bound of their tokens; None if unknown.

        choose(chunk) returns the outline of a slice of the documents; it is called chunk by chunk, so that only tokens
        are held for all. spans, parts: whether to return them too. wrong: the label for the span of a false value.
        """
        from pipeline.core.kernels import rendering

        out = np.empty(count * longest + VECTOR if longest is not None else 0, self.tokens.dtype)
        offsets = np.zeros(count + 1, np.int64)
        eos = self.tokens.dtype.type(self.eos)
        provenance = _Provenance(self, wrong)
        end = 0
        for first in range(0, count, CHUNK):
            chunk = slice(first, min(first + CHUNK, count))
            outline = choose(chunk)
            programs_of = self._arguments(outline)
            if longest is None:
                needed = end + self._most(outline) + VECTOR
                out = with_room(out, end, needed, needed * count // chunk.stop)
            within = offsets[chunk.start : chunk.stop + 1]
            end = rendering.gather(*programs_of, self.tokens, self.prefix, eos, out, end, within)  # type: ignore[call-arg]
            if spans:
                provenance.add_spans(outline, programs_of)
            if parts:
                provenance.add_parts(outline, programs_of)
        return Documents(Ragged(out[:end], offsets, room=out), *provenance.ragged(spans, parts))

    def lengths(self, count: int, choose: Choose) -> I64:
        """The number of tokens of each document that `documents` would return: int64 (count,), without making them."""
        from pipeline.core.kernels import rendering

        lengths = np.empty(count, np.int64)
        for first in range(0, count, CHUNK):
            chunk = slice(first, min(first + CHUNK, count))
            rendering.measure(*self._arguments(choose(chunk)), len(self.prefix) + 1, lengths[chunk])  # type: ignore[call-arg]
        return lengths

    def _arguments(self, outline: Outline) -> tuple[Any, ...]:
        """The first arguments of every kernel about documents. ValueError for rows of another number of slots."""
        rows = outline.rows
        if rows.shape[1] != self.slots:  # a kernel would read beside them, as joint slots are numbered behind these
            raise ValueError(f"rows of {rows.shape[1]} slots for programs that were compiled for {self.slots}")
        if self.joints:
            rows = np.column_stack([rows, *(joint.rows(rows) for joint in self.joints)])
        of_programs = (self.program_start, self.base, self.slot, self.start)
        programs = self.begun.placed(outline.programs, outline.first) if self.begun else outline.programs
        return programs, outline.facts, outline.first, np.ascontiguousarray(rows, np.int32), *of_programs

    def _most(self, outline: Outline) -> int:
        """An upper bound of the tokens of all documents together."""
        return int(self.longest[outline.programs].sum()) + len(outline) * (len(self.prefix) + 1)

    @cached_property
    def longest(self) -> I64:
        """The most tokens that each program can have: int64 (p,)."""
        sizes = np.diff(self.start)
        most = [int(sizes[base : base + rows].max()) for base, rows, _ in self._operations()]
        lengths = np.add.reduceat(np.array(most, np.int64), self.program_start[:-1])
        return self.begun.longest(lengths) if self.begun else lengths

    @property
    def around(self) -> int | None:
        """The tokens that a document has beside those of its programs elsewhere; None if that depends on them."""
        more = self.begun.every if self.begun else 0
        return None if more is None else len(self.prefix) + 1 + more

    def mean_lengths(self, probability: Callable[[int], Sequence[Fraction]]) -> list[Fraction]:
        """The exact expected tokens of each program, where it is not at a beginning.

        probability(slot): the probability of each row of a slot.
        """
        lengths = np.diff(self.start)
        known: dict[tuple[int, int], Fraction] = {}
        for base, rows, slot in self._operations():
            if (base, slot) not in known:
                of_rows = lengths[base : base + rows].tolist()
                likely = self._likely(slot, probability)
                known[base, slot] = _expectation(of_rows, likely)
        means = [known[base, slot] for base, _, slot in self._operations()]
        ends = self.program_start.tolist()
        of_programs = [sum(means[first:last], Fraction(0)) for first, last in pairwise(ends)]
        return of_programs[: len(self.begun.forms)] if self.begun else of_programs

    def only(self, token: int) -> Fragments:
        """The same programs with only this token kept, so that the length of a document counts its occurrences."""
        kept = np.flatnonzero(self.tokens[: self.start[-1]] == token)
        start = np.searchsorted(kept, self.start).astype(np.int32)
        tokens = np.full(len(kept) + len(SLACK), token, self.tokens.dtype)
        begun = replace(self.begun, more=None) if self.begun else None
        return replace(self, tokens=tokens, start=start, prefix=self.prefix[self.prefix == token], begun=begun)

    def token_ids(self) -> I64:
        """The ids that documents can have, ascending: those of the table, of the prefix and the end: int64 (n,)."""
        return np.unique(np.concatenate([self.tokens[: self.start[-1]], self.prefix, [self.eos]])).astype(np.int64)

    def _likely(self, slot: int, probability: Callable[[int], Sequence[Fraction]]) -> Sequence[Fraction]:
        """The probability of each row of a slot, also of a joint slot."""
        if slot < self.slots:
            return probability(slot) if slot else (Fraction(1),)
        return probability_of_rows(self.joints[slot - self.slots], probability)

    def _operations(self) -> list[tuple[int, int, int]]:
        """(base, rows, slot) of each operation."""
        columns = [column[: self.program_start[-1]].tolist() for column in (self.base, self.rows, self.slot)]
        return list(zip(*columns, strict=True))


@dataclass
class _Provenance:
    """Spans and parts of documents, collected chunk by chunk."""

    fragments: Fragments
    wrong: int
    spans: list[Ragged] = field(default_factory=list)
    parts: list[Ragged] = field(default_factory=list)
    _room: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 3), np.int32))

    def add_spans(self, outline: Outline, programs_of: tuple[Any, ...]) -> None:
        from pipeline.core.kernels import rendering

        table = self.fragments
        most = len(outline.programs) * int(np.diff(table.program_start).max())
        if len(self._room) < most:
            self._room = np.empty((most, 3), np.int32)
        false = np.zeros(len(outline.programs), np.uint8) if outline.false is None else outline.false
        ends = np.zeros(len(outline) + 1, np.int64)
        about = (table.label, table.lead, table.trail, len(table.prefix), false, self.wrong)
        used = rendering.find_spans(*programs_of, *about, self._room, ends)  # type: ignore[call-arg]
        self.spans.append(Ragged(self._room[:used].copy(), ends))

    def add_parts(self, outline: Outline, programs_of: tuple[Any, ...]) -> None:
        from pipeline.core.kernels import rendering

        prefix = len(self.fragments.prefix)
        places = np.empty((len(outline.programs), 2), np.int32)
        rendering.find_sentences(*programs_of, prefix, places)  # type: ignore[call-arg]
        prefixes = np.full(len(outline), prefix, np.int32) if prefix else None
        self.parts.append(parts_of(outline, places, prefixes))

    def ragged(self, spans: bool, parts: bool) -> tuple[Ragged | None, Ragged | None]:
        """The spans and the parts of all chunks; None for what was not requested."""
        empty = Ragged(np.empty((0, 3), np.int32), np.zeros(1, np.int64))
        return (
            Ragged.concat(self.spans or [empty]) if spans else None,
            Ragged.concat(self.parts or [empty]) if parts else None,
        )


def _expectation(values: Sequence[int], probability: Sequence[Fraction]) -> Fraction:
    if probability.count(probability[0]) == len(probability):
        return Fraction(sum(values), len(values))
    return sum((value * likely for value, likely in zip(values, probability, strict=True)), Fraction(0))
