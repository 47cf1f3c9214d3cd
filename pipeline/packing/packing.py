"""Documents to sequences: how token ids of different lengths become rows of one length.

    concat   documents one after the other, cut every L tokens; the last row is padded
             |doc 0 eos|doc 1 e| |os|doc 2 eos|doc 3| |…    (three sequences)
    rows     one document a row, padded
             |doc 0 eos . . . .| |doc 1 eos . . . . .| |…
    aligned  a sequence begins with a document, which is never cut (left-aligned windows, Part 4.1)
             |bos doc 0 bos doc| |bos doc 2 bos do| |…    last: cut, what does not fit is lost, and counted
             |bos doc 0 . . . .| |bos doc 1 . . . | |…    last: pad, it begins the next sequence

With pure windows the documents of each source are packed for themselves, and the sequences then shuffled.

Where documents lie follows from their lengths alone (`Line`), so that some of the sequences can be made without the
others (`picked`).

Letters: S sequences, L tokens in each, d documents, m spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.errors import RunError
from pipeline.core.narrow import narrowed
from pipeline.core.spec import Spec, refused

I64 = NDArray[np.int64]

MOST_LENGTH = 2**24  # tokens of a sequence: sixteen times the longest contexts of today


class PackingSpec(Spec):
    """How a split's documents become sequences. Part 3.1, appendix C: concatenated, 512 tokens."""

    method: Literal["concat", "rows", "aligned"] = "concat"
    windows: Literal["mixed", "pure"] = Field(
        "mixed", description="pure: a sequence holds documents of one source only."
    )
    length: int = Field(512, ge=2, le=MOST_LENGTH, description="Tokens of a sequence.")
    longer: Literal["keep", "drop"] = Field(
        "keep", description="drop: a document with more tokens than a sequence is left out, and counted."
    )
    last: Literal["cut", "pad"] = Field(
        "cut", description="aligned: a sequence's last document is cut off, or begins the next one and leaves padding."
    )

    @model_validator(mode="after")
    def _with_effect(self) -> Self:
        if self.last == "pad" and self.method != "aligned":
            raise refused(
                f"`last: pad` is for `method: aligned`, not for {self.method}",
                "Remove the one, or change the other.",
                ("last",),
                among=[("last",), ("method",)],
            )
        return self

    @property
    def whole(self) -> bool:
        """Whether a document has to fit into a sequence."""
        return self.method != "concat" and self.longer == "keep"

    @property
    def segment_type(self) -> np.dtype[Any]:
        """The type of `segment_ids`."""
        return segment_type(self.length)

    def pure(self, sources: int) -> bool:
        """Whether sequences hold documents of one source only, there being so many."""
        return self.windows == "pure" and sources > 1 and self.method != "rows"

    @property
    def uncut(self) -> bool:
        """Whether all of a document is there, in one sequence or several."""
        return self.method != "aligned" or self.last == "pad"


def segment_type(length: int) -> np.dtype[Any]:
    """What numbers the documents of a sequence of so many tokens, of which each may be one: uint16, or int32."""
    return np.dtype(np.uint16 if length <= 65_535 else np.int32)


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
    def pieces(self) -> Ragged:
        """Per sequence rows (start, length, document, offset), int64 (…, 4): the documents in it, in order.

        offset is how many tokens of the document came before: a document begins where it is 0.
        """
        return self._cut(self.starts, self.documents.tokens.lengths)

    def spans(self) -> Ragged:
        """Per sequence rows (start, length, label), int32. A span over a cut has a row on either side."""
        assert self.documents.spans is not None, "the source was asked for them"
        return self._marked(self.documents.spans)

    def parts(self) -> Ragged:
        """Per sequence rows (start, length, role), int32, cut as spans are."""
        assert self.documents.parts is not None, "the source was asked for them"
        return self._marked(self.documents.parts)

    def _marked(self, marked: Ragged) -> Ragged:
        """Rows (start, length, what) of documents as rows of sequences."""
        cut = self._cut(_on_the_line(marked, self.starts), marked.values[:, 1].astype(np.int64))
        start, length, number = cut.values[:, :3].T
        rows = np.column_stack([start, length, marked.values[number, 2]])
        return Ragged(narrowed(rows, np.int32, "token of a sequence"), cut.offsets)

    def segment_ids(self) -> NDArray[Any]:
        """(S, L): 1 for the tokens of a sequence's first document, 2 for the second, …; 0 for padding.

        uint16, or int32 where a sequence has more than 65,535 tokens.
        """
        from pipeline.core import kernels

        segments = np.zeros(self.input_ids.shape, segment_type(self.input_ids.shape[1]))
        kernels.paint(self.pieces.values, self.pieces.offsets, segments)
        return segments

    def loss_mask(self, masked: Ragged | None = None) -> NDArray[np.uint8]:
        """(S, L): 1 for every token, 0 for padding and for the `masked` rows (start, length, …) of the documents."""
        from pipeline.core import kernels

        mask = (np.arange(self.input_ids.shape[1]) < self.filled[:, None]).view(np.uint8)
        if masked is None or not len(masked.values):
            return mask
        cut = self._cut(_on_the_line(masked, self.starts), masked.values[:, 1].astype(np.int64))
        kernels.blot(self._in_the_rows(cut), cut.values[:, 1].copy(), mask.reshape(-1))
        return mask

    def _in_the_rows(self, cut: Ragged) -> I64:
        """Where pieces (start, …) of the rows begin, counted from the beginning of the first row."""
        row = np.repeat(np.arange(len(self)), cut.lengths)
        return np.asarray(row * self.input_ids.shape[1] + cut.values[:, 0], np.int64)

    def _cut(self, starts: I64, lengths: I64) -> Ragged:
        """Intervals of the line of tokens, cut where sequences end; they are in order and do not overlap.

        Per sequence rows (start, length, interval, how much of the interval came before), int64 (…, 4).
        """
        from pipeline.core import kernels

        cells = len(self) if self.cells is None else self.cells
        rows = np.empty((len(starts) + cells, 4), np.int64)  # a cut adds one piece, and there is one a sequence
        counts = np.zeros(cells, np.int64)
        used = kernels.cut(starts, lengths, self.input_ids.shape[1], rows, counts)
        found = Ragged(rows[:used], offsets_of(counts))
        return found if self.order is None else found.take(self.order)


def _on_the_line(marked: Ragged, starts: I64) -> I64:
    """Where the rows (start, …) of documents begin on the line of tokens."""
    return np.asarray(marked.values[:, 0] + np.repeat(starts, marked.lengths), np.int64)


def pack(documents: Documents, spec: PackingSpec, eos: int) -> Sequences:
    """The documents, none of them empty, as sequences in their order. RunError where one is longer than its row."""
    _check_fitting(documents.tokens.lengths, spec)
    if spec.method == "rows":
        return _rows(documents, spec.length, eos)
    if spec.method == "aligned":
        return _aligned(documents, spec, eos)
    return _concat(documents, spec.length, eos)


def pack_pure(documents: Documents, groups: Sequence[int], spec: PackingSpec, eos: int) -> Sequences:
    """As `pack`, the documents being groups of so many each: every group begins with a sequence of its own.

    A group without documents has no sequences.
    """
    ends = np.cumsum([0, *groups])
    told = [pack(documents.slice(first, last), spec, eos) for first, last in pairwise(ends.tolist())]
    lines = np.cumsum([0, *(one.input_ids.size for one in told)])
    starts = [one.starts + line for one, line in zip(told, lines.tolist(), strict=False)]
    if spec.method == "aligned":  # which may have cut some of them
        documents = Documents.concat([one.documents for one in told])
    ids, filled = (np.concatenate([getattr(one, name) for one in told]) for name in ("input_ids", "filled"))
    return Sequences(ids, filled, documents, np.concatenate(starts))


@dataclass(frozen=True)
class Line:
    """Where documents lie, if their sequences were one line of tokens.

    starts (d,): where each document begins. count: how many sequences there are, one after every L tokens.
    """

    starts: I64
    count: int

    @classmethod
    def of(cls, lengths: I64, groups: Sequence[int], spec: PackingSpec) -> Line:
        """That of documents of such lengths (d,), where every group of so many begins with a sequence of its own: as
        `pack` and `pack_pure` lay them. RunError where one is longer than its row."""
        _check_fitting(lengths, spec)
        ends = np.cumsum([0, *groups])
        starts, count = [np.empty(0, np.int64)], 0
        for first, last in pairwise(ends.tolist()):
            begins, cells = _begins(lengths[first:last], spec)
            starts.append(begins + count * spec.length)
            count += cells
        return cls(np.concatenate(starts), count)

    def touching(self, cells: I64, length: int) -> I64:
        """The documents that have a token in one of these sequences (r,) of `length` tokens: ascending, each once."""
        first = np.searchsorted(self.starts, cells * length, side="right") - 1  # the sequence begins with or inside it
        last = np.searchsorted(self.starts, (cells + 1) * length, side="left")
        counts = last - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.unique(np.repeat(first, counts) + within)


def picked(documents: Documents, starts: I64, rows: I64, cells: int, spec: PackingSpec, eos: int) -> Sequences:
    """The sequences `rows` (r,) of a line of `cells`, from the documents that have a token in them (d,).

    starts (d,): where each of these documents begins on the line. RunError where one is longer than its row.
    """
    from pipeline.core import kernels

    lengths = documents.tokens.lengths
    _check_fitting(lengths, spec)
    if spec.method == "aligned":  # a document ends where its sequence does
        documents = documents.clipped(np.minimum(lengths, spec.length - starts % spec.length))
    ids = np.full((len(rows), spec.length), eos, documents.tokens.values.dtype)
    made = Sequences(ids, np.zeros(len(rows), np.int64), documents, starts, rows, cells)
    _, length, document, offset = made.pieces.values.T
    origin = documents.tokens.offsets[document] + offset
    kernels.lay(documents.tokens.values, origin, length.copy(), made._in_the_rows(made.pieces), ids.reshape(-1))
    return replace(made, filled=_sums(length, made.pieces.offsets))


def _sums(values: I64, offsets: I64) -> I64:
    """The sum of each run of values, from offsets[i] to offsets[i + 1]."""
    return np.asarray(np.diff(offsets_of(values)[offsets]), np.int64)


def _check_fitting(lengths: I64, spec: PackingSpec) -> None:
    """RunError where a document has to fit into a sequence and does not."""
    if spec.method != "concat" and lengths.size and lengths.max() > spec.length:
        raise RunError(
            f"a document has {lengths.max()} tokens, a sequence {spec.length}",
            f"Set packing.length to {lengths.max()} or more, or packing.longer to drop.",
        )


def _begins(lengths: I64, spec: PackingSpec) -> tuple[I64, int]:
    """Where documents (d,) begin on a line of their own, and how many sequences it has."""
    if spec.method == "rows":
        return np.arange(lengths.size) * spec.length, lengths.size
    if spec.method == "aligned":
        starts, _, count = _laid(lengths, spec)
        return starts, count
    offsets = offsets_of(lengths)
    return offsets[:-1], -(-int(offsets[-1]) // spec.length)


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
    ids = np.full((len(documents), length), eos, tokens.values.dtype)
    ids[np.arange(length) < lengths[:, None]] = tokens.values
    return Sequences(ids, lengths, documents, np.arange(len(documents)) * length)


def _aligned(documents: Documents, spec: PackingSpec, eos: int) -> Sequences:
    from pipeline.core import kernels

    starts, kept, count = _laid(documents.tokens.lengths, spec)
    left = documents.clipped(kept)
    ids = np.full(count * spec.length, eos, left.tokens.values.dtype)
    kernels.lay(left.tokens.values, left.tokens.offsets[:-1], kept, starts, ids)
    filled = np.zeros(count, np.int64)
    np.maximum.at(filled, starts // spec.length, starts % spec.length + kept)
    return Sequences(ids.reshape(count, spec.length), filled, left, starts)


def _laid(lengths: I64, spec: PackingSpec) -> tuple[I64, I64, int]:
    """Where documents begin on the line of tokens, how much of each is kept, (d,) both; and how many sequences."""
    from pipeline.core import kernels

    starts, kept = np.empty((2, lengths.size), np.int64)
    return starts, kept, kernels.align(lengths, spec.length, spec.last == "cut", starts, kept)


def fill(lengths: I64, spec: PackingSpec) -> tuple[Fraction, Fraction]:
    """What aligned packing makes of documents of such lengths (d,): how much of them it keeps, how full sequences are.

    The last sequence, which stays open, counts only where it is the only one.
    """
    fitting = lengths[lengths <= spec.length]
    starts, kept, count = _laid(fitting, spec)
    closed = max(count - 1, 1)
    inside = int(np.searchsorted(starts, closed * spec.length))
    tokens = int(kept[:inside].sum())
    share = Fraction(tokens, int(fitting[:inside].sum())) * Fraction(int(fitting.sum()), int(lengths.sum()))
    return share, Fraction(tokens, closed * spec.length)
