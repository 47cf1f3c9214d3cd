"""Documents out of packed sequences, for the formats that hold documents: the inverse of `packing/`.

The column `documents` states where each document begins. Without it, end tokens show it:

    as many end tokens as documents   each ends a document; two in a row enclose an empty document
    more                              documents also begin with one, as those of `names` do: in a run of end tokens
                                      the first ends a document, the others begin one or are padding

Nothing is guessed: the tokens and documents found are counted, and a shard whose numbers differ from the manifest's is
refused. The second case is also refused where documents may be empty: in the counts, an empty document and one that
contains an end token would cancel out.

With pure windows, padding is in several sequences, and sequences are reordered. The two segments of a document that a
window cuts are then far apart, and count as two documents here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Ragged, offsets_of
from pipeline.core.errors import SpecError
from pipeline.core.table import Columns, Lists, check_entries
from pipeline.formats.format import Part, Rows, Shard, Split

Bools = NDArray[np.bool_]
READS = ("input_ids", "length", "documents")
AT_ONCE = 4096  # documents
AS_SEQUENCES = "export to a format that keeps sequences as they are (`pipeline export --help` names them)"
MARKED = f"Build it with `documents` among its columns, which says where each begins; or {AS_SEQUENCES}."
FOREIGN = "the manifest is not that of these shards", "Run build, which mends it."


def check_ends(split: Split) -> None:
    """SpecError where the documents of a split cannot be separated."""
    if not (split.rows or split.closed):
        raise SpecError(
            f"split '{split.name}': not every document ends with the end token, by which this format knows them",
            f"{AS_SEQUENCES.capitalize()}; or build with method: rows, or concat and `eos: true` in its sources.",
        )


def documents_of(part: Part, rows: Rows, *, leftovers: bool = True) -> Iterator[Ragged]:
    """The documents of a part in order, in batches, each with its end token.

    leftovers: whether to include an end token that a cut left alone in its window: a token of the split, but not a
    document. It is always included where it could also be an empty document.
    SpecError where documents cannot be separated, or where their number or tokens differ from the manifest.
    """
    split = part.split
    for shard in part.shards:
        if split.rows:
            yield from _documents_of_rows(split, shard, rows.of(shard))
            continue
        unpack = _by_column if "documents" in split.columns else _by_end_tokens
        unpacked = unpack(split, shard, rows.of(shard))
        documents = unpacked.documents if leftovers else unpacked.without_leftovers()
        for first in range(0, len(documents), AT_ONCE):
            yield documents.slice(first, min(first + AT_ONCE, len(documents)))


def of_rows(columns: Columns) -> Ragged:
    """The documents of rows of one document each, padding removed. SpecError for an impossible `length`."""
    ids, length = _dense(columns, "input_ids"), _dense(columns, "length").astype(np.int64)
    if length.size and not (length.min() >= 1 and length.max() <= ids.shape[1]):
        raise SpecError(f"a row of {ids.shape[1]} tokens has a length of {length.min()} to {length.max()}", FOREIGN[1])
    return Ragged(ids[np.arange(ids.shape[1]) < length[:, None]], offsets_of(length))


def without_end(documents: Ragged, end: int) -> Ragged:
    """The documents without their end tokens, where they have one.

    [1 2 9] [3] [9], end 9  ->  [1 2] [3] []
    """
    inner, closed = _inner(documents, end)
    return Ragged(documents.values[inner], offsets_of(documents.lengths - closed))


def end_first(documents: Ragged, end: int) -> Ragged:
    """The documents with the end token first instead of last; also those that did not end with one.

    [1 2 9] [3] [9], end 9  ->  [9 1 2] [9 3] [9]
    """
    inner, closed = _inner(documents, end)
    offsets = offsets_of(documents.lengths - closed + 1)
    values = np.full(offsets[-1], end, documents.values.dtype)
    inside = np.ones(len(values), bool)
    inside[offsets[:-1]] = False
    values[inside] = documents.values[inner]
    return Ragged(values, offsets)


def _inner(documents: Ragged, end: int) -> tuple[Bools, Bools]:
    """Which tokens, bool (t,), are not closing end tokens; which documents, bool (d,), have a closing end token."""
    last = documents.offsets[1:] - 1
    closed: Bools = np.equal(documents.values[last], end)
    inner = np.ones(len(documents.values), bool)
    inner[last] = ~closed
    return inner, closed


@dataclass(frozen=True)
class _Unpacked:
    """The tokens of a shard, cut where documents end; with pure windows, also where windows do.

    leftover, bool (d,): which documents are only an end token that a cut left alone, not an empty document.
    """

    documents: Ragged
    leftover: Bools

    def without_leftovers(self) -> Ragged:
        """The documents that are not leftovers."""
        return self.documents.take(np.flatnonzero(~self.leftover)) if self.leftover.any() else self.documents


def _documents_of_rows(split: Split, shard: Shard, batches: Iterable[Columns]) -> Iterator[Ragged]:
    """The documents of a shard of rows, batch by batch; counted at the end."""
    tokens = count = 0
    for documents in map(of_rows, batches):
        tokens, count = tokens + len(documents.values), count + len(documents)
        yield documents
    _check_counts(split, shard, tokens, count, *FOREIGN)


def _by_column(split: Split, shard: Shard, batches: Iterable[Columns]) -> _Unpacked:
    """The shard cut where the column `documents` states."""
    lines, entries = [], []
    for columns in batches:
        ids, segments = _dense(columns, "input_ids"), columns["documents"]
        assert isinstance(segments, Lists)
        _check_segments(split, shard, segments)
        start, length, before = (segments.fields[name].astype(np.int64) for name in ("start", "length", "offset"))
        first = segments.rows * ids.shape[1] + start
        within = np.arange(length.sum()) - np.repeat(offsets_of(length)[:-1], length)
        lines.append(ids.reshape(-1)[np.repeat(first, length) + within])
        entries.append((length, before))
    line = np.concatenate(lines)
    length, before = (np.concatenate(column) for column in zip(*entries, strict=True))
    begins = np.flatnonzero(before == 0)
    _check_counts(split, shard, len(line), len(begins), *FOREIGN)
    if not split.pure:  # the next sequence continues a document that the end of one cuts
        return _Unpacked(Ragged(line, offsets_of(np.add.reduceat(length, begins))), np.zeros(len(begins), bool))
    offsets = offsets_of(length)
    return _Unpacked(Ragged(line, offsets), (before > 0) & (length == 1) & (line[offsets[:-1]] == split.end))


def _check_segments(split: Split, shard: Shard, segments: Lists) -> None:
    """SpecError where the column `documents` is inconsistent."""
    try:
        check_entries(segments, split.length, offset=2**31)
    except ValueError as error:
        raise _refusal(split, shard, f"column 'documents': {error}", FOREIGN[1]) from None
    if (segments.fields["length"] < 1).any():
        raise _refusal(split, shard, "column 'documents': an entry has no tokens", FOREIGN[1])


def _by_end_tokens(split: Split, shard: Shard, batches: Iterable[Columns]) -> _Unpacked:
    """The shard cut after end tokens; with pure windows, also at the end of every sequence."""
    ids = np.concatenate([_dense(columns, "input_ids") for columns in batches])
    if split.pure:
        filled = _filled(ids, split.end)
    else:
        ids, filled = ids.reshape(1, -1), np.array([min(shard.tokens, ids.size)])
    real = np.arange(ids.shape[1]) < filled[:, None]
    closing: Bools = np.equal(ids, split.end)
    each_closes = int(closing[real].sum()) == shard.documents
    if not each_closes:
        closing = _first_of_runs(closing, begins=not split.pure)
    reason = "some begin with the end token, or are nothing else"
    _check_counts(split, shard, int(filled.sum()), int(closing[real].sum()), reason)
    if split.empties and not each_closes:
        raise _refusal(split, shard, "some documents hold more end tokens than one, and others may be empty")
    closing[np.arange(len(ids)), filled - 1] = True
    documents = Ragged(ids[real], np.append(0, np.flatnonzero(closing[real]) + 1))
    if split.empties or not split.pure:  # an end token alone may be a document
        return _Unpacked(documents, np.zeros(len(documents), bool))
    return _Unpacked(documents, (documents.lengths == 1) & (documents.values[documents.offsets[:-1]] == split.end))


def _filled(ids: NDArray[np.generic], end: int) -> NDArray[np.int64]:
    """Tokens of each window of ids (S, L) that are not padding: all up to the first of the end tokens at its end."""
    inner = ids[:, ::-1] != end
    run = np.where(inner.any(1), inner.argmax(1), ids.shape[1])
    return np.asarray(ids.shape[1] - np.maximum(run - 1, 0), np.int64)


def _first_of_runs(ends: Bools, *, begins: bool) -> Bools:
    """The first of each run of end tokens in rows (S, L). begins: whether each row begins with a new document."""
    first = ends.copy()
    first[:, 1:] &= ~ends[:, :-1]
    if begins:
        first[:, :1] = False
    return first


def _check_counts(split: Split, shard: Shard, tokens: int, documents: int, reason: str, remedy: str = MARKED) -> None:
    """SpecError where the numbers found differ from the manifest."""
    if (tokens, documents) != (shard.tokens, shard.documents):
        problem = f"{documents:,} documents of {tokens:,} tokens are found"
        counted = f"where {shard.documents:,} of {shard.tokens:,} were counted"
        raise _refusal(split, shard, f"{problem} {counted}: {reason}", remedy)


def _refusal(split: Split, shard: Shard, problem: str, remedy: str = MARKED) -> SpecError:
    return SpecError(f"split '{split.name}', shard {shard.number}: {problem}", remedy)


def _dense(columns: Columns, name: str) -> NDArray[np.generic]:
    column = columns[name]
    assert isinstance(column, np.ndarray)
    return column
