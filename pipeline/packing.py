"""Documents to sequences: how token ids of different lengths become rows of one length.

    concat   documents one after the other, cut every L tokens; the last row is padded
             |doc 0 eos|doc 1 e| |os|doc 2 eos|doc 3| |…    (three sequences)
    rows     one document a row, padded
             |doc 0 eos . . . .| |doc 1 eos . . . . .| |…

Letters: S sequences, L tokens in each, d documents, m spans.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.errors import RunError
from pipeline.core.spec import Spec

I64 = NDArray[np.int64]


class PackingSpec(Spec):
    """How a split's documents become sequences. Part 3.1, appendix C: concatenated, 512 tokens."""

    method: Literal["concat", "rows"] = "concat"
    length: int = Field(512, ge=2, le=65_535, description="Tokens of a sequence.")


@dataclass(frozen=True)
class Sequences:
    """Rows for a model, and what stands in them.

    input_ids (S, L), padded with the end token. filled (S,): tokens of each row that are not padding. documents: those
    in the rows, in order. starts (d,): where each would begin if the rows were one line of tokens.
    """

    input_ids: NDArray[Any]
    filled: I64
    documents: Documents
    starts: I64

    def __len__(self) -> int:
        return len(self.input_ids)

    @cached_property
    def pieces(self) -> Ragged:
        """Per sequence rows (start, length, document, offset), int64 (…, 4): the documents in it, in order.

        offset is how many tokens of the document came before: a document begins where it is 0.
        """
        return self._cut(self.starts, self.documents.tokens.lengths)

    def spans(self) -> Ragged:
        """Per sequence rows (start, length, label), int32. A span over a cut has a row on either side."""
        spans = self.documents.spans
        assert spans is not None, "the source was asked for them"
        starts = spans.values[:, 0] + np.repeat(self.starts, spans.lengths)
        cut = self._cut(starts, spans.values[:, 1].astype(np.int64))
        rows = cut.values[:, :3].astype(np.int32)
        rows[:, 2] = spans.values[cut.values[:, 2], 2]
        return Ragged(rows, cut.offsets)

    def segment_ids(self) -> NDArray[np.uint16]:
        """(S, L): 1 for the tokens of a sequence's first document, 2 for the second, …; 0 for padding."""
        from pipeline.core import kernels

        segments = np.zeros(self.input_ids.shape, np.uint16)
        kernels.paint(self.pieces.values, self.pieces.offsets, segments)
        return segments

    def loss_mask(self) -> NDArray[np.uint8]:
        """(S, L): 1 for every token, 0 for padding."""
        return (np.arange(self.input_ids.shape[1]) < self.filled[:, None]).view(np.uint8)

    def _cut(self, starts: I64, lengths: I64) -> Ragged:
        """Intervals of the line of tokens, cut where sequences end; they are in order and do not overlap.

        Per sequence rows (start, length, interval, how much of the interval came before), int64 (…, 4).
        """
        from pipeline.core import kernels

        rows = np.empty((len(starts) + len(self), 4), np.int64)  # a cut adds one piece, and there is one a sequence
        counts = np.zeros(len(self), np.int64)
        used = kernels.cut(starts, lengths, self.input_ids.shape[1], rows, counts)
        return Ragged(rows[:used], offsets_of(counts))


def pack(documents: Documents, spec: PackingSpec, eos: int) -> Sequences:
    """The documents, none of them empty, as sequences in their order. RunError where one is longer than its row."""
    if spec.method == "rows":
        return _rows(documents, spec.length, eos)
    return _concat(documents, spec.length, eos)


def _concat(documents: Documents, length: int, eos: int) -> Sequences:
    tokens = documents.tokens
    total = len(tokens.values)
    count = -(-total // length)
    ids = tokens.padded(count * length, eos)
    filled = np.full(count, length, np.int64)
    filled[count - 1 :] -= count * length - total
    return Sequences(ids.reshape(count, length), filled, documents, tokens.offsets[:-1])


def _rows(documents: Documents, length: int, eos: int) -> Sequences:
    tokens = documents.tokens
    lengths = tokens.lengths
    if lengths.size and lengths.max() > length:
        raise RunError(
            f"a document has {lengths.max()} tokens, its row {length}",
            f"Set packing.length to {lengths.max()} or more.",
        )
    ids = np.full((len(documents), length), eos, tokens.values.dtype)
    ids[np.arange(length) < lengths[:, None]] = tokens.values
    return Sequences(ids, lengths, documents, np.arange(len(documents)) * length)
