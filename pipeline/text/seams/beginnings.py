"""Programs at a beginning: Llama 2's tokenizer writes a blank of its own before a text, and behind each special token.

    text      " Anya was born."   "<tag> Anya was born."
    tokens     ▁ ▁Any a ▁was …    <tag> ▁ ▁Any a ▁was …       and ▁Any a ▁was … anywhere else

So a program has a second form, with the same pieces, whose first one is tokenized as it is there. Which of both a
document shows depends on what stands before it, and is seen from the numbers of the programs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I32, I64


@dataclass(frozen=True)
class Begun:
    """The second forms of p programs.

    forms int32 (p,): the number of each one's second form; its own, if it has none. opens: whether the first program of
    a document stands at a beginning. resets bool (p,): whether what stands behind a program does. more: by how many
    tokens the second form is longer, if that is so for all programs and rows; else None.
    """

    forms: I32
    opens: bool
    resets: NDArray[np.bool_]
    more: int | None

    def placed(self, programs: I32, first: I64) -> I32:
        """The programs (m,) of documents in the form in which they stand there. first: as in `Outline`."""
        begun = np.zeros(len(programs) + 1, bool)
        begun[1:] = self.resets[programs]
        begun[first] = self.opens
        return np.where(begun[:-1], self.forms[programs], programs).astype(np.int32)

    def longest(self, lengths: I64) -> I64:
        """The greater length of both forms (p,). lengths: of all programs, the second forms included."""
        longest: I64 = np.maximum(lengths[: len(self.forms)], lengths[self.forms])
        return longest

    @property
    def every(self) -> int | None:
        """By how many tokens a document is longer than its programs are elsewhere; None if that depends on them."""
        return None if self.resets.any() else self.more if self.opens else 0
