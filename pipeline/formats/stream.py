"""Sequences back to documents, for the formats that hold one long line of tokens.

Where the shards have the column `documents`, it says where each begins. Else the end tokens do:

    as many of them as documents      each of them ends one, whatever it stands beside: a document may be empty
    more                              documents begin with them, as those of `names` do: one right after another one
                                      is padding, or begins a document, so that of a run the first one ends one

Which of the two it is, and how much is padding, is never guessed: tokens and documents are counted, and a shard with
other numbers than the manifest's is refused. So is the second case where documents may be empty, since one of them and
one that holds an end token would even out.

With pure windows the padding stands in several sequences, and the sequences in an order of their own: the two halves of
a document that a window cuts are then far apart, and are two pieces here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key_

from pipeline.core.documents import Ragged, offsets_of
from pipeline.core.errors import SpecError
from pipeline.core.spec import Size
from pipeline.core.table import Columns, Lists, check_entries
from pipeline.formats.format import ExportSpec, Part, Rows, Shard, Split

Bools = NDArray[np.bool_]
READS = ("input_ids", "length", "documents")
AT_ONCE = 4096  # documents
MARKED = "Build it with `documents` among its columns, which says where each begins; or export to parquet or mds."
FOREIGN = "the manifest is not that of these shards", "Run build, which mends it."


class StreamSpec(ExportSpec):
    """The options of formats whose files are long lines of tokens."""

    tokens: Size | None = Key_(None, description="About how many tokens a file has, in whole shards; default: all.")


def has_place(split: Split, column: str) -> bool:
    """A line of tokens holds nothing but tokens; `length` tells them from padding."""
    return column in ("input_ids", "length")


def check(split: Split) -> None:
    """SpecError where documents cannot be told from each other."""
    if not (split.rows or split.closed):
        raise SpecError(
            f"split '{split.name}': not every document ends with the end token, by which this format knows them",
            "Export to parquet, mds or litdata; or build with method: rows, or concat and `eos: true` in its sources.",
        )


def parts_of(split: Split, tokens: int | None) -> list[Part]:
    """Whole shards in turn, as many in a part as have `tokens`, or one; all of them in one part where it is None."""
    groups: list[list[Shard]] = [[]]
    held = 0
    for shard in split.filled:
        if groups[-1] and tokens is not None and held + shard.tokens > tokens:
            groups.append([])
            held = 0
        groups[-1].append(shard)
        held += shard.tokens
    return [Part(split, i, len(groups), tuple(group)) for i, group in enumerate(groups)]


def stem(part: Part, tokens: int | None) -> str:
    """What the files of a part are called: `train`, or `train_000000` where there may be several."""
    return part.split.name if tokens is None else f"{part.split.name}_{part.number:06d}"


def documents(part: Part, rows: Rows, *, rests: bool = True) -> Iterator[Ragged]:
    """The documents of a part in order, some at a time, each with the end token that closes it.

    rests: also the end token that a cut leaves alone in its window; no document, but one of the line's tokens. Where it
    cannot be told from an empty document, it is there in any case.
    SpecError where the documents are not as many, or as long, as the manifest says, or cannot be told apart.
    """
    split = part.split
    for shard in part.shards:
        if split.rows:
            yield from _of_rows(split, shard, rows.of(shard))
            continue
        cut = (_as_marked if "documents" in split.columns else _by_ends)(split, shard, rows.of(shard))
        pieces = cut.pieces if rests else cut.without_rests()
        for first in range(0, len(pieces), AT_ONCE):
            yield pieces.slice(first, min(first + AT_ONCE, len(pieces)))


def of_rows(columns: Columns) -> Ragged:
    """The documents of some rows that hold one each."""
    ids, length = _dense(columns, "input_ids"), _dense(columns, "length").astype(np.int64)
    if length.size and not (length.min() >= 1 and length.max() <= ids.shape[1]):
        raise SpecError(f"a row of {ids.shape[1]} tokens has a length of {length.min()} to {length.max()}", FOREIGN[1])
    return Ragged(ids[np.arange(ids.shape[1]) < length[:, None]], offsets_of(length))


def told_first(told: Ragged, end: int) -> Ragged:
    """The same with the end token before each document instead of behind it; before a piece without one, too."""
    last = told.offsets[1:] - 1
    closed = told.values[last] == end
    offsets = offsets_of(told.lengths - closed + 1)
    values = np.full(offsets[-1], end, told.values.dtype)
    kept = np.ones(len(told.values), bool)
    kept[last] = ~closed
    inside = np.ones(len(values), bool)
    inside[offsets[:-1]] = False
    values[inside] = told.values[kept]
    return Ragged(values, offsets)


@dataclass(frozen=True)
class _Pieces:
    """A shard's line of tokens, cut where documents, or windows, end.

    rest (d,): which of the pieces are an end token that a cut has left alone, and not an empty document.
    """

    pieces: Ragged
    rest: Bools

    def without_rests(self) -> Ragged:
        """All that are documents, or have words of one."""
        return self.pieces.take(np.flatnonzero(~self.rest)) if self.rest.any() else self.pieces


def _of_rows(split: Split, shard: Shard, batches: Iterable[Columns]) -> Iterator[Ragged]:
    tokens = documents = 0
    for told in map(of_rows, batches):
        tokens, documents = tokens + len(told.values), documents + len(told)
        yield told
    _compare(split, shard, tokens, documents, *FOREIGN)


def _as_marked(split: Split, shard: Shard, batches: Iterable[Columns]) -> _Pieces:
    """Cut as the column `documents` says."""
    lines, parts = [], []
    for columns in batches:
        ids, marked = _dense(columns, "input_ids"), columns["documents"]
        assert isinstance(marked, Lists)
        _check_pieces(split, shard, marked)
        start, length, before = (marked.fields[name].astype(np.int64) for name in ("start", "length", "offset"))
        first = np.repeat(np.arange(len(ids)), np.diff(marked.offsets)) * ids.shape[1] + start
        within = np.arange(length.sum()) - np.repeat(offsets_of(length)[:-1], length)
        lines.append(ids.reshape(-1)[np.repeat(first, length) + within])
        parts.append((length, before))
    line = np.concatenate(lines)
    length, before = (np.concatenate(column) for column in zip(*parts, strict=True))
    begins = np.flatnonzero(before == 0)
    _compare(split, shard, len(line), len(begins), *FOREIGN)
    if not split.pure:  # what a sequence's end has cut goes on with the next one
        return _Pieces(Ragged(line, offsets_of(np.add.reduceat(length, begins))), np.zeros(len(begins), bool))
    offsets = offsets_of(length)
    return _Pieces(Ragged(line, offsets), (before > 0) & (length == 1) & (line[offsets[:-1]] == split.end))


def _check_pieces(split: Split, shard: Shard, marked: Lists) -> None:
    """SpecError where the column `documents` cannot be followed."""
    try:
        check_entries(marked, split.length, offset=2**31)
    except ValueError as error:
        raise _refusal(split, shard, f"column 'documents': {error}", FOREIGN[1]) from None
    if (marked.fields["length"] < 1).any():
        raise _refusal(split, shard, "column 'documents': an entry has no tokens", FOREIGN[1])


def _by_ends(split: Split, shard: Shard, batches: Iterable[Columns]) -> _Pieces:
    """Cut behind end tokens: documents go on from sequence to sequence, or every sequence stands for itself."""
    ids = np.concatenate([_dense(columns, "input_ids") for columns in batches])
    if split.pure:
        filled = _filled(ids, split.end)
    else:
        ids, filled = ids.reshape(1, -1), np.array([min(shard.tokens, ids.size)])
    real = np.arange(ids.shape[1]) < filled[:, None]
    closing: Bools = np.equal(ids, split.end)
    each = int(closing[real].sum()) == shard.documents
    if not each:
        closing = _first_of_runs(closing, begins=not split.pure)
    reason = "some begin with the end token, or are nothing else"
    _compare(split, shard, int(filled.sum()), int(closing[real].sum()), reason)
    if split.empties and not each:
        raise _refusal(split, shard, "some documents hold more end tokens than one, and others may be empty")
    closing[np.arange(len(ids)), filled - 1] = True
    pieces = Ragged(ids[real], np.append(0, np.flatnonzero(closing[real]) + 1))
    if split.empties or not split.pure:  # whatever stands alone is kept: it may be a document
        return _Pieces(pieces, np.zeros(len(pieces), bool))
    return _Pieces(pieces, (pieces.lengths == 1) & (pieces.values[pieces.offsets[:-1]] == split.end))


def _filled(ids: NDArray[np.generic], end: int) -> NDArray[np.int64]:
    """How many tokens of each window (S,) are no padding, which is all but one of the end tokens that it ends with."""
    other = ids[:, ::-1] != end
    run = np.where(other.any(1), other.argmax(1), ids.shape[1])
    return np.asarray(ids.shape[1] - np.maximum(run - 1, 0), np.int64)


def _first_of_runs(ends: Bools, *, begins: bool) -> Bools:
    """Of end tokens beside each other in rows (S, L) the first. begins: a row begins with a document's first token."""
    first = ends.copy()
    first[:, 1:] &= ~ends[:, :-1]
    if begins:
        first[:, :1] = False
    return first


def _compare(split: Split, shard: Shard, tokens: int, documents: int, reason: str, remedy: str = MARKED) -> None:
    """SpecError where what is found is not what was counted."""
    if (tokens, documents) != (shard.tokens, shard.documents):
        found = f"{documents:,} documents of {tokens:,} tokens are found"
        counted = f"where {shard.documents:,} of {shard.tokens:,} were counted"
        raise _refusal(split, shard, f"{found} {counted}: {reason}", remedy)


def _refusal(split: Split, shard: Shard, problem: str, remedy: str = MARKED) -> SpecError:
    return SpecError(f"split '{split.name}', shard {shard.number}: {problem}", remedy)


def _dense(columns: Columns, name: str) -> NDArray[np.generic]:
    column = columns[name]
    assert isinstance(column, np.ndarray)
    return column
