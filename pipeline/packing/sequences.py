"""Sequences, and what they contain: segments of documents, spans of values, parts.

Letters: S sequences, L tokens in each, d documents, m entries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I64
from pipeline.core.narrow_integers import narrowed
from pipeline.packing.spec import segment_type


@dataclass(frozen=True)
class Sequences:
    """Rows of token ids for a model, and the documents in them. The line: all sequences in packing order, end to end.

    input_ids (S, L), padded with the end token. filled (S,): tokens of each row that are not padding. documents: those
    in the rows, in packing order. starts (d,): where each begins on the line. order (S,): the number, on the line, of
    the sequence in each row; None if that is the row's number. cells: sequences of the line; None if that is S.
    """

    input_ids: NDArray[Any]
    filled: I64
    documents: Documents
    starts: I64
    order: I64 | None = None
    cells: int | None = None

    def __len__(self) -> int:
        return len(self.input_ids)

    def shuffled(self, order: I64) -> Sequences:
        """The same sequences, with sequence order[i] in row i; order (S,)."""
        return replace(self, input_ids=self.input_ids[order], filled=self.filled[order], order=order)

    @cached_property
    def segments(self) -> Ragged:
        """The segments of documents in each sequence, in order: rows (start, length, document, offset), int64 (…, 4).

        offset: tokens of the document in earlier segments; 0 in its first segment.
        """
        return self._cut(self.starts, self.documents.tokens.lengths)

    def spans(self) -> Ragged:
        """The spans in each sequence: rows (start, length, label), int32. A span across a cut becomes two rows."""
        assert self.documents.spans is not None, "the source was asked for them"
        return self._cut_marked(self.documents.spans)

    def parts(self) -> Ragged:
        """The parts in each sequence: rows (start, length, role), int32, cut as spans are."""
        assert self.documents.parts is not None, "the source was asked for them"
        return self._cut_marked(self.documents.parts)

    def _cut_marked(self, marked: Ragged) -> Ragged:
        """Rows (start, length, number) of each document, as rows of each sequence."""
        cut = self._cut(on_the_line(marked, self.starts), marked.values[:, 1].astype(np.int64))
        start, length, number = cut.values[:, :3].T
        rows = np.column_stack([start, length, marked.values[number, 2]])
        return Ragged(narrowed(rows, np.int32, "token of a sequence"), cut.offsets)

    def segment_ids(self) -> NDArray[Any]:
        """(S, L): 1 for the tokens of a sequence's first document, 2 for the second, …; 0 for padding.

        uint16, or int32 if a sequence has more than 65,535 tokens.
        """
        from pipeline.core.kernels import packing

        ids = np.zeros(self.input_ids.shape, segment_type(self.input_ids.shape[1]))
        packing.paint(self.segments.values, self.segments.offsets, ids)
        return ids

    def loss_mask(self, masked: Ragged | None = None) -> NDArray[np.uint8]:
        """(S, L): 1 for a token with loss; 0 for padding and for `masked`, rows (start, length, …) per document."""
        from pipeline.core.kernels import packing

        mask = (np.arange(self.input_ids.shape[1]) < self.filled[:, None]).view(np.uint8)
        if masked is None or not len(masked.values):
            return mask
        cut = self._cut(on_the_line(masked, self.starts), masked.values[:, 1].astype(np.int64))
        packing.blot(self.in_the_rows(cut), cut.values[:, 1].copy(), mask.reshape(-1))
        return mask

    def in_the_rows(self, cut: Ragged) -> I64:
        """Where entries (start, …) of each row begin in the flattened input_ids: int64."""
        row = np.repeat(np.arange(len(self)), cut.lengths)
        return np.asarray(row * self.input_ids.shape[1] + cut.values[:, 0], np.int64)

    def _cut(self, starts: I64, lengths: I64) -> Ragged:
        """Intervals of the line, ordered and disjoint, cut where sequences end.

        Per sequence rows (start, length, interval, tokens of the interval in earlier sequences), int64 (…, 4).
        """
        from pipeline.core.kernels import packing

        cells = len(self) if self.cells is None else self.cells
        rows = np.empty((len(starts) + cells, 4), np.int64)  # each sequence end adds at most one
        counts = np.zeros(cells, np.int64)
        used = packing.cut(starts, lengths, self.input_ids.shape[1], rows, counts)
        cut = Ragged(rows[:used], offsets_of(counts))
        return cut if self.order is None else cut.take(self.order)


def on_the_line(marked: Ragged, starts: I64) -> I64:
    """Where rows (start, …) of each document begin on the line: int64."""
    return np.asarray(marked.values[:, 0] + np.repeat(starts, marked.lengths), np.int64)
