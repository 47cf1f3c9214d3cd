"""Sequences, and what stands in them: segments of documents, values, parts.

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
    """Rows for a model, and what stands in them.

    input_ids (S, L), padded with the end token. filled (S,): tokens of each row that are not padding. documents: those
    in the rows, in order. starts (d,): where each would begin if the rows were one line of tokens. order (S,): None, or
    which sequence of that line each row is. cells: how many sequences the line has; None: as many as there are rows.
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
        """The same in another order (S,)."""
        return replace(self, input_ids=self.input_ids[order], filled=self.filled[order], order=order)

    @cached_property
    def segments(self) -> Ragged:
        """Per sequence rows (start, length, document, offset), int64 (…, 4): the segments of documents in it, in order.

        offset is how many tokens of the document came before: a document begins where it is 0.
        """
        return self._cut(self.starts, self.documents.tokens.lengths)

    def spans(self) -> Ragged:
        """Per sequence rows (start, length, label), int32. A span over a cut has a row on either side."""
        assert self.documents.spans is not None, "the source was asked for them"
        return self._cut_marked(self.documents.spans)

    def parts(self) -> Ragged:
        """Per sequence rows (start, length, role), int32, cut as spans are."""
        assert self.documents.parts is not None, "the source was asked for them"
        return self._cut_marked(self.documents.parts)

    def _cut_marked(self, marked: Ragged) -> Ragged:
        """Rows (start, length, number) of documents as rows of sequences."""
        cut = self._cut(on_the_line(marked, self.starts), marked.values[:, 1].astype(np.int64))
        start, length, number = cut.values[:, :3].T
        rows = np.column_stack([start, length, marked.values[number, 2]])
        return Ragged(narrowed(rows, np.int32, "token of a sequence"), cut.offsets)

    def segment_ids(self) -> NDArray[Any]:
        """(S, L): 1 for the tokens of a sequence's first document, 2 for the second, …; 0 for padding.

        uint16, or int32 where a sequence has more than 65,535 tokens.
        """
        from pipeline.core import kernels

        ids = np.zeros(self.input_ids.shape, segment_type(self.input_ids.shape[1]))
        kernels.paint(self.segments.values, self.segments.offsets, ids)
        return ids

    def loss_mask(self, masked: Ragged | None = None) -> NDArray[np.uint8]:
        """(S, L): 1 for every token, 0 for padding and for the `masked` rows (start, length, …) of the documents."""
        from pipeline.core import kernels

        mask = (np.arange(self.input_ids.shape[1]) < self.filled[:, None]).view(np.uint8)
        if masked is None or not len(masked.values):
            return mask
        cut = self._cut(on_the_line(masked, self.starts), masked.values[:, 1].astype(np.int64))
        kernels.blot(self.in_the_rows(cut), cut.values[:, 1].copy(), mask.reshape(-1))
        return mask

    def in_the_rows(self, cut: Ragged) -> I64:
        """Where entries (start, …) of the rows begin, counted from the beginning of the first row."""
        row = np.repeat(np.arange(len(self)), cut.lengths)
        return np.asarray(row * self.input_ids.shape[1] + cut.values[:, 0], np.int64)

    def _cut(self, starts: I64, lengths: I64) -> Ragged:
        """Intervals of the line of tokens, cut where sequences end; they are in order and do not overlap.

        Per sequence rows (start, length, interval, how much of the interval came before), int64 (…, 4).
        """
        from pipeline.core import kernels

        cells = len(self) if self.cells is None else self.cells
        rows = np.empty((len(starts) + cells, 4), np.int64)  # a cut adds one, and there is one a sequence
        counts = np.zeros(cells, np.int64)
        used = kernels.cut(starts, lengths, self.input_ids.shape[1], rows, counts)
        cut = Ragged(rows[:used], offsets_of(counts))
        return cut if self.order is None else cut.take(self.order)


def on_the_line(marked: Ragged, starts: I64) -> I64:
    """Where the rows (start, …) of documents begin on the line of tokens."""
    return np.asarray(marked.values[:, 0] + np.repeat(starts, marked.lengths), np.int64)
