"""What documents are to say, before it is words or tokens: programs in order, and whose facts each of them tells.

    document 0   tag · sentence 3 about row 0 · sentence 1 about row 0 · …
    document 1   sentence 5 about row 1 · sentence 5 about row 7, told falsely · [BACK] · …

Letters: d documents, m sentences in all of them, r rows of facts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import offsets_of
from pipeline.core.draws import I32, I64

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Outline:
    """The sentences of d documents.

    programs int32 (m,): which program tells each sentence. facts int32 (m,): which row of `rows`, int32 (r, slots), it
    tells of: what each slot shows. first int64 (d + 1,): document i has the sentences from first[i] to first[i + 1].
    roles uint8 (m,): what each is for, None where all just tell. false uint8 (m,): the label of the attribute that a
    sentence tells wrongly, 0 for none; None where there is none at all.
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
        shown = None if roles is None else np.tile(roles, d)
        return cls(programs.reshape(-1), facts, np.arange(d + 1, dtype=np.int64) * s, rows, shown)

    @classmethod
    def ragged(cls, programs: I32, facts: I32, counts: I64, rows: I32, roles: U8, false: U8) -> Outline:
        """Documents of counts (d,) sentences each."""
        return cls(programs, facts, offsets_of(counts), rows, roles, false)


Choose = Callable[[slice], Outline]
"""For a slice of the documents that are wanted, what they say."""
