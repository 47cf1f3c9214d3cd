"""Documents to sequences: how token ids of different lengths become rows of one length.

    concat   documents one after the other, cut every L tokens; the last row is padded
             |doc 0 eos|doc 1 e| |os|doc 2 eos|doc 3| |…    (three sequences)
    rows     one document a row, padded
             |doc 0 eos . . . .| |doc 1 eos . . . . .| |…

Letters: S sequences, L tokens in each, d documents, m spans.
"""

from __future__ import annotations

from dataclasses import dataclass
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

    input_ids (S, L), padded with the end token. filled (S,): tokens of each row that are not padding.
    pieces: per sequence rows (start, length, document, offset), int64 (…, 4): the documents in it, in order; offset is
    how many tokens of the document came before, so a document begins where it is 0. spans: per sequence rows
    (start, length, label), int32; None where the documents have none. A span over a cut has a row on either side.
    """

    input_ids: NDArray[Any]
    filled: I64
    pieces: Ragged
    spans: Ragged | None

    def __len__(self) -> int:
        return len(self.input_ids)

    def segment_ids(self) -> NDArray[np.uint16]:
        """(S, L): 1 for the tokens of a sequence's first document, 2 for the second, …; 0 for padding."""
        counts = self.pieces.lengths
        number = np.arange(len(self.pieces.values)) - np.repeat(self.pieces.offsets[:-1], counts) + 1
        return self._painted(np.repeat(number, self.pieces.values[:, 1]).astype(np.uint16))

    def loss_mask(self) -> NDArray[np.uint8]:
        """(S, L): 1 for every token, 0 for padding."""
        return (np.arange(self.input_ids.shape[1]) < self.filled[:, None]).astype(np.uint8)

    def _painted(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of all tokens that are not padding, in order, as (S, L) with 0 on padding."""
        out = np.zeros(self.input_ids.shape, values.dtype)
        out[self.loss_mask().astype(bool)] = values
        return out


def pack(documents: Documents, spec: PackingSpec, eos: int) -> Sequences:
    """The documents as sequences, in their order. RunError where a document is longer than its row."""
    if spec.method == "rows":
        return _rows(documents, spec.length, eos)
    return _concat(documents, spec.length, eos)


def _concat(documents: Documents, length: int, eos: int) -> Sequences:
    tokens = documents.tokens
    total = int(tokens.offsets[-1])
    count = -(-total // length)
    ids = tokens.values
    if total < count * length:
        ids = np.concatenate([ids, np.full(count * length - total, eos, ids.dtype)])
    filled = np.full(count, length, np.int64)
    if count:
        filled[-1] = total - (count - 1) * length
    pieces, owner, offset = _cut(tokens.offsets[:-1], tokens.lengths, length)
    rows = np.column_stack([pieces.values, owner, offset])
    spans = None
    if documents.spans is not None:
        spans = _cut_spans(documents.spans, tokens.offsets[:-1], length, count)
    return Sequences(ids.reshape(count, length), filled, Ragged(rows, pieces.offsets), spans)


def _cut(starts: I64, lengths: I64, length: int) -> tuple[Ragged, I64, I64]:
    """Intervals of one line of tokens, cut every `length`: by sequence, rows (start, length); which interval each piece
    is of, and how much of the interval came before it. The intervals are in order and do not overlap."""
    first, last = starts // length, (starts + np.maximum(lengths, 1) - 1) // length
    parts = last - first + 1
    owner = np.repeat(np.arange(len(starts)), parts)
    sequence = first[owner] + np.arange(len(owner)) - np.repeat(offsets_of(parts)[:-1], parts)
    begin = np.maximum(starts[owner], sequence * length)
    end = np.minimum(starts[owner] + lengths[owner], (sequence + 1) * length)
    counts = np.bincount(sequence, minlength=int(last[-1]) + 1 if len(last) else 0)
    rows = np.column_stack([begin - sequence * length, end - begin])
    return Ragged(rows, offsets_of(counts)), owner, begin - starts[owner]


def _cut_spans(spans: Ragged, starts: I64, length: int, count: int) -> Ragged:
    rows = spans.values
    absolute = rows[:, 0].astype(np.int64) + np.repeat(starts, spans.lengths)
    pieces, owner, _ = _cut(absolute, rows[:, 1].astype(np.int64), length)
    values = np.column_stack([pieces.values, rows[owner, 2]]).astype(np.int32)
    per_sequence = np.zeros(count, np.int64)
    per_sequence[: len(pieces)] = pieces.lengths
    return Ragged(values, offsets_of(per_sequence))


def _rows(documents: Documents, length: int, eos: int) -> Sequences:
    tokens = documents.tokens
    lengths = tokens.lengths
    if lengths.size and lengths.max() > length:
        raise RunError(
            f"a document has {lengths.max()} tokens, its row {length}",
            f"Set packing.length to {lengths.max()} or more.",
        )
    count = len(documents)
    ids = np.full((count, length), eos, tokens.values.dtype)
    ids[np.arange(length) < lengths[:, None]] = tokens.values
    pieces = np.column_stack([np.zeros(count, np.int64), lengths, np.arange(count), np.zeros(count, np.int64)])
    return Sequences(ids, lengths, Ragged(pieces, np.arange(count + 1)), documents.spans)
