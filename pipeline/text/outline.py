"""What documents contain, before it is words or tokens: their programs in order, and about which facts each is.

    document 0   tag · sentence 3 about row 0 · sentence 1 about row 0 · …
    document 1   sentence 5 about row 1 · sentence 5 about row 7, which is false · [BACK] · …

Letters: d documents, m sentences in all of them, r rows of facts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import ROLES, Ragged, offsets_of
from pipeline.core.draws import I32, I64

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Outline:
    """The sentences of d documents.

    programs int32 (m,): the program that renders each sentence. rows int32 (r, slots): rows of facts, what each slot
    holds. facts int32 (m,): the row of `rows` that each sentence is about. first int64 (d + 1,): document i has the
    sentences first[i] … first[i + 1] - 1. roles uint8 (m,): an index into ROLES, 0 for no role; None if all are 0.
    false uint8 (m,): the label of the attribute whose value is false in a sentence, 0 for none; None if all are 0.
    """

    programs: I32
    facts: I32
    first: I64
    rows: I32
    roles: U8 | None = None
    false: U8 | None = None

    def __len__(self) -> int:
        return len(self.first) - 1

    @classmethod
    def table(cls, programs: I32, rows: I32, roles: U8 | None = None) -> Outline:
        """d documents of s sentences each: programs (d, s), roles (s,). Document i is about row i of `rows`."""
        d, s = programs.shape
        facts = np.repeat(np.arange(d, dtype=np.int32), s)
        of_sentences = None if roles is None else np.tile(roles, d)
        return cls(programs.reshape(-1), facts, np.arange(d + 1, dtype=np.int64) * s, rows, of_sentences)

    def slice(self, documents: slice) -> Outline:
        """A slice of the documents: `Choose`, for an outline that is there."""
        return self.take(np.arange(len(self))[documents])

    def take(self, documents: I64) -> Outline:
        """The documents with these numbers, int64 (k,), in this order; numbers may repeat."""
        counts = np.diff(self.first)[documents]
        first = offsets_of(counts)
        at = np.arange(first[-1]) + np.repeat(self.first[documents] - first[:-1], counts)
        roles, false = (None if column is None else column[at] for column in (self.roles, self.false))
        return Outline(self.programs[at], self.facts[at], first, self.rows, roles, false)

    def followed_by(self, other: Outline) -> Outline:
        """The documents of this outline, and then those of another one."""
        sizes = len(self.programs), len(other.programs)
        columns = []
        for here, there in ((self.roles, other.roles), (self.false, other.false)):
            both = [np.zeros(n, np.uint8) if c is None else c for c, n in zip((here, there), sizes, strict=True)]
            columns.append(None if here is None and there is None else np.concatenate(both))
        return Outline(
            np.concatenate([self.programs, other.programs]),
            np.concatenate([self.facts, other.facts + np.int32(len(self.rows))]),
            np.concatenate([self.first, other.first[1:] + self.first[-1]]),
            np.concatenate([self.rows, other.rows]),
            columns[0],
            columns[1],
        )

    @classmethod
    def ragged(cls, programs: I32, facts: I32, counts: I64, rows: I32, roles: U8, false: U8) -> Outline:
        """Documents with counts[i] sentences each, counts (d,); the other arguments are those of the class."""
        return cls(programs, facts, offsets_of(counts), rows, roles, false)


Choose = Callable[[slice], Outline]
"""Returns the outline of a slice of the requested documents."""


def parts_of(outline: Outline, places: I32, prefixes: I32 | None) -> Ragged:
    """The parts of each document, rows (start, length, role) int32: its prefix, a tag, and its sentences with a role.

    places int32 (m, 2): start and length of every sentence, in tokens. prefixes int32 (d,): the length of each prefix;
    None if there are none. A part whose text lies wholly in a neighbour's tokens has the length 0.
    """
    roles = np.zeros(len(places), np.uint8) if outline.roles is None else outline.roles
    document = np.repeat(np.arange(len(outline)), np.diff(outline.first))
    with_role = np.flatnonzero(roles)
    rows = np.column_stack([places[with_role], roles[with_role].astype(np.int32)])
    owner = document[with_role]
    if prefixes is not None:
        tag = np.column_stack([np.zeros_like(prefixes), prefixes, np.full_like(prefixes, ROLES.index("tag"))])
        rows, owner = np.concatenate([tag, rows]), np.concatenate([np.arange(len(outline)), owner])
        order = np.argsort(owner, kind="stable")
        rows, owner = rows[order], owner[order]
    return Ragged(rows.astype(np.int32), offsets_of(np.bincount(owner, minlength=len(outline))))
