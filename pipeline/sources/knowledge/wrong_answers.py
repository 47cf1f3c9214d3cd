"""Wrong answers to questions: the same sentences, about facts that are not true.

    value        another value of the same attribute, drawn from its table      "Boston."  → "Chicago."
    individual   the value that is true of somebody else                        "Boston."  → "Oslo.", where Bo was born

Only what the answer shows and the question does not is changed. An answer that is drawn may be right by chance; whoever
asks for wrong ones compares them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.core.draws import I32, I64, U64, bits_each, scaled
from pipeline.core.key import Key
from pipeline.sources.source import number_of
from pipeline.text.expressions import Program
from pipeline.text.outline import Outline
from pipeline.text.pieces import Piece
from pipeline.text.shown_facts import slots_read


class WrongAnswers:
    """Changes the facts of answers. programs: of the source. sizes: rows of each slot."""

    def __init__(self, programs: Sequence[Program], sizes: Sequence[int]) -> None:
        self._sizes = sizes
        self._read = np.zeros((len(programs), len(sizes)), bool)
        self._labelled = np.zeros((len(programs), len(sizes)), bool)
        for number, program in enumerate(programs):
            for part in program:
                slots = sorted(slots_read(part) - {0})
                self._read[number, slots] = True
                self._labelled[number, slots] |= bool(part.label) or not isinstance(part, Piece)

    def values(self, right: Outline, item: I64, exposure: I64, key: Key) -> Outline:
        """The documents (d,) with other values in their answers."""
        keys = [key.child(slot) for slot in range(len(self._sizes))]
        drawn = scaled(bits_each(keys, key.child("value"), item, exposure), np.array(self._sizes, np.int64))
        return self._with(right, drawn.astype(np.int32))

    def of_others(self, right: Outline, others: I32) -> Outline:
        """The documents (d,) with the values of others in their answers: rows of facts, int32 (d, slots)."""
        return self._with(right, others)

    def _with(self, right: Outline, other: I32) -> Outline:
        """The documents with the facts `other` (d, slots) where their answers show what their prompts do not."""
        assert right.roles is not None, "questions have roles"
        owner = np.repeat(np.arange(len(right)), np.diff(right.first))
        answering = np.isin(right.roles, [number_of("answer"), number_of("hint")])
        shown = _any_of(self._read[right.programs], owner, answering, len(right))
        valued = _any_of(self._labelled[right.programs], owner, answering, len(right))
        asked = _any_of(self._read[right.programs], owner, ~answering, len(right))
        changed = shown & ~asked
        changed = np.where((changed & valued).any(axis=1)[:, None], changed & valued, changed)
        changed = np.where(changed.any(axis=1)[:, None], changed, shown)
        first = np.zeros(len(right), np.int64)
        places = np.flatnonzero(answering)[::-1]
        first[owner[places]] = right.facts[places]  # reversed, so that a document's first answer is written last
        rows = np.where(changed, other, right.rows[first]).astype(np.int32)
        facts = np.where(answering, len(right.rows) + owner, right.facts).astype(np.int32)
        return Outline(right.programs, facts, right.first, np.concatenate([right.rows, rows]), right.roles, right.false)


def other_than(first: I64, people: range, drawn: U64) -> I64:
    """An individual of the group for each of `first` (d,) who is somebody else, by 64 uniform bits each: int64 (d,)."""
    count = len(people)
    return (first - people.start + 1 + scaled(drawn, count - 1)) % count + people.start


def _any_of(read: np.ndarray, owner: I64, sentences: np.ndarray, documents: int) -> np.ndarray:
    """Whether some of the chosen sentences (m,) of each document reads each slot: bool (documents, slots)."""
    out = np.zeros((documents, read.shape[1]), bool)
    np.logical_or.at(out, owner[sentences], read[sentences])
    return out
