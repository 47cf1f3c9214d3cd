"""What documents contain, before it is words or tokens: programs in order, and whose facts each of them renders.

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

    programs int32 (m,): which program renders each sentence. facts int32 (m,): which row of `rows`, int32 (r, slots),
    it is about: what each slot shows. first int64 (d + 1,): document i has the sentences from first[i] to first[i + 1].
    roles uint8 (m,): what each is for, 0 for nothing in particular; None where all are 0. false uint8 (m,): the label
    of the attribute of which a sentence has a false value, 0 for none; None where there is none at all.
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
        """Documents of equally many sentences, programs (d, s), document i about row i; roles (s,) of the columns."""
        d, s = programs.shape
        facts = np.repeat(np.arange(d, dtype=np.int32), s)
        of_sentences = None if roles is None else np.tile(roles, d)
        return cls(programs.reshape(-1), facts, np.arange(d + 1, dtype=np.int64) * s, rows, of_sentences)

    @classmethod
    def ragged(cls, programs: I32, facts: I32, counts: I64, rows: I32, roles: U8, false: U8) -> Outline:
        """Documents of counts (d,) sentences each."""
        return cls(programs, facts, offsets_of(counts), rows, roles, false)


Choose = Callable[[slice], Outline]
"""For a slice of the documents that are wanted, their outline."""


def parts_of(outline: Outline, places: I32, prefixes: I32 | None) -> Ragged:
    """Rows (start, length, role) of the sentences that have a role and of the prefix, a tag, per document.

    places int32 (m, 2): start and length of every sentence. prefixes int32 (d,): the length of each document's prefix;
    None where they have none. A part all of whose text lies in a neighbour's tokens has the length 0.
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
