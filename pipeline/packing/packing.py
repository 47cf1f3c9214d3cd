"""Documents to sequences: how token ids of different lengths become rows of one length.

    concat   documents one after the other, cut every L tokens; the last row is padded
             |doc 0 eos|doc 1 e| |os|doc 2 eos|doc 3| |…    (three sequences)
    rows     one document a row, padded
             |doc 0 eos . . . .| |doc 1 eos . . . . .| |…
    aligned  every sequence begins with a document that is not cut (left-aligned windows, Part 4.1)
             |bos doc 0 bos doc| |bos doc 2 bos do| |…    last: cut, what does not fit is dropped, and counted
             |bos doc 0 . . . .| |bos doc 1 . . . | |…    last: pad, what does not fit begins the next sequence

With pure windows, the documents of each source are packed separately, and then the sequences are shuffled.

The *line* is all sequences in packing order (before they are shuffled), one after the other. Lengths alone decide where
documents lie on it (`Line`), so some of the sequences can be made without the others (`picked`).

Letters: S sequences, L tokens in each, d documents, m spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from pipeline.core.documents import Documents, offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import RunError
from pipeline.packing.sequences import Sequences
from pipeline.packing.spec import PackingSpec


def pack(documents: Documents, spec: PackingSpec, eos: int) -> Sequences:
    """The documents, none of them empty, packed in order. RunError if one must fit into a sequence and does not."""
    _check_fitting(documents.tokens.lengths, spec)
    if spec.method == "rows":
        return _rows(documents, spec.length, eos)
    if spec.method == "aligned":
        return _aligned(documents, spec, eos)
    return _concat(documents, spec.length, eos)


def pack_pure(documents: Documents, groups: Sequence[int], spec: PackingSpec, eos: int) -> Sequences:
    """As `pack`, with each group of documents packed separately. groups: the number of documents in each.

    An empty group has no sequences.
    """
    ends = np.cumsum([0, *groups])
    packed = [pack(documents.slice(first, last), spec, eos) for first, last in pairwise(ends.tolist())]
    lines = np.cumsum([0, *(group.input_ids.size for group in packed)])
    starts = [group.starts + line for group, line in zip(packed, lines.tolist(), strict=False)]
    if spec.method == "aligned":  # some documents may have been cut
        documents = Documents.concat([group.documents for group in packed])
    ids, filled = (np.concatenate([getattr(group, name) for group in packed]) for name in ("input_ids", "filled"))
    return Sequences(ids, filled, documents, np.concatenate(starts))


@dataclass(frozen=True)
class Line:
    """Where documents lie on the line.

    starts (d,): the token at which each document begins. count: the number of sequences, of L tokens each.
    """

    starts: I64
    count: int

    @classmethod
    def of(cls, lengths: I64, groups: Sequence[int], spec: PackingSpec) -> Line:
        """The line on which `pack_pure` (for one group: `pack`) lays documents of these lengths (d,).

        RunError if a document must fit into a sequence and does not.
        """
        _check_fitting(lengths, spec)
        ends = np.cumsum([0, *groups])
        starts, count = [np.empty(0, np.int64)], 0
        for first, last in pairwise(ends.tolist()):
            begins, cells = _begins(lengths[first:last], spec)
            starts.append(begins + count * spec.length)
            count += cells
        return cls(np.concatenate(starts), count)

    def touching(self, cells: I64, length: int) -> I64:
        """The documents with a token in one of the sequences `cells` (r,), ascending, each once. length: L."""
        first = np.searchsorted(self.starts, cells * length, side="right") - 1  # the sequence begins with or inside it
        last = np.searchsorted(self.starts, (cells + 1) * length, side="left")
        counts = last - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.unique(np.repeat(first, counts) + within)


def picked(documents: Documents, starts: I64, rows: I64, cells: int, spec: PackingSpec, eos: int) -> Sequences:
    """The sequences `rows` (r,) of a line of `cells` sequences. documents: all d with a token in one of them.

    starts (d,): where each of these begins on the line. RunError if one must fit into a sequence and does not.
    """
    from pipeline.core.kernels import packing

    lengths = documents.tokens.lengths
    _check_fitting(lengths, spec)
    if spec.method == "aligned":  # a document is cut where its sequence ends
        documents = documents.clipped(np.minimum(lengths, spec.length - starts % spec.length))
    ids = np.full((len(rows), spec.length), eos, documents.tokens.values.dtype)
    sequences = Sequences(ids, np.zeros(len(rows), np.int64), documents, starts, rows, cells)
    _, length, document, offset = sequences.segments.values.T
    origin = documents.tokens.offsets[document] + offset
    target = sequences.in_the_rows(sequences.segments)
    packing.lay(documents.tokens.values, origin, length.copy(), target, ids.reshape(-1))
    return replace(sequences, filled=_sums(length, sequences.segments.offsets))


def _sums(values: I64, offsets: I64) -> I64:
    """The sum of values[offsets[i] : offsets[i + 1]], for each i."""
    return np.asarray(np.diff(offsets_of(values)[offsets]), np.int64)


def _check_fitting(lengths: I64, spec: PackingSpec) -> None:
    """RunError if a document must fit into a sequence and does not."""
    if spec.method != "concat" and lengths.size and lengths.max() > spec.length:
        raise RunError(
            f"a document has {lengths.max()} tokens, a sequence {spec.length}",
            f"Set packing.length to {lengths.max()} or more, or packing.longer to drop.",
        )


def _begins(lengths: I64, spec: PackingSpec) -> tuple[I64, int]:
    """Where documents begin on a line of one group, (d,), and its number of sequences."""
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
    from pipeline.core.kernels import packing

    starts, kept, count = _laid(documents.tokens.lengths, spec)
    left = documents.clipped(kept)
    ids = np.full(count * spec.length, eos, left.tokens.values.dtype)
    packing.lay(left.tokens.values, left.tokens.offsets[:-1], kept, starts, ids)
    filled = np.zeros(count, np.int64)
    np.maximum.at(filled, starts // spec.length, starts % spec.length + kept)
    return Sequences(ids.reshape(count, spec.length), filled, left, starts)


def _laid(lengths: I64, spec: PackingSpec) -> tuple[I64, I64, int]:
    """Aligned packing: where each document begins on the line, tokens kept of it, (d,) both; number of sequences."""
    from pipeline.core.kernels import packing

    starts, kept = np.empty((2, lengths.size), np.int64)
    return starts, kept, packing.align(lengths, spec.length, spec.last == "cut", starts, kept)


def fill(lengths: I64, spec: PackingSpec) -> tuple[Fraction, Fraction]:
    """Aligned packing of documents of these lengths (d,): the share of their tokens kept, and how full sequences are.

    The last sequence, which may be incomplete, counts only if it is the only one.
    """
    fitting = lengths[lengths <= spec.length]
    starts, kept, count = _laid(fitting, spec)
    closed = max(count - 1, 1)
    inside = int(np.searchsorted(starts, closed * spec.length))
    tokens = int(kept[:inside].sum())
    share = Fraction(tokens, int(fitting[:inside].sum())) * Fraction(int(fitting.sum()), int(lengths.sum()))
    return share, Fraction(tokens, closed * spec.length)
