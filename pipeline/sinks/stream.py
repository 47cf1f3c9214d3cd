"""Sequences back to documents, for the formats that hold one long line of tokens.

A document ends with the end token, and so does a shard's last one; padding repeats it. No document is empty, so an end
token right after another one is padding, or the first token of a document that begins with it. Which of the two is
never guessed: tokens and documents are counted, and a shard with other numbers than the manifest's is refused.

With pure windows the padding stands in several sequences, and the sequences in an order of their own: the two halves of
a document that a window cuts are then far apart, and are two pieces here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key_

from pipeline.core.columns import Columns
from pipeline.core.documents import Ragged, offsets_of
from pipeline.core.errors import SpecError
from pipeline.core.spec import Size
from pipeline.sinks.sink import ExportSpec, Part, Rows, Shard, Split

Bools = NDArray[np.bool_]
READS = ("input_ids", "length")


class StreamSpec(ExportSpec):
    """The options of formats whose files are long lines of tokens."""

    tokens: Size | None = Key_(None, description="About how many tokens a file has, in whole shards; default: all.")


def has_place(split: Split, column: str) -> bool:
    """A line of tokens holds nothing but tokens; `length` tells them from padding."""
    return column in READS


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
    for shard in split.shards:
        if groups[-1] and tokens is not None and held + shard.tokens > tokens:
            groups.append([])
            held = 0
        groups[-1].append(shard)
        held += shard.tokens
    return [Part(split, i, len(groups), tuple(group)) for i, group in enumerate(groups)]


def stem(part: Part, tokens: int | None) -> str:
    """What the files of a part are called: `train`, or `train_000000` where there may be several."""
    return part.split.name if tokens is None else f"{part.split.name}_{part.number:06d}"


def documents(part: Part, rows: Rows) -> Iterator[Ragged]:
    """The documents of a part in order, some at a time, each with the end token that closes it.

    SpecError where they are not as many, or as long, as the manifest says.
    """
    for shard in part.shards:
        yield from _checked(part.split, shard, rows.of(shard))


def of_rows(columns: Columns) -> Ragged:
    """The documents of some rows that hold one each."""
    ids, length = _dense(columns, "input_ids"), _dense(columns, "length").astype(np.int64)
    return Ragged(ids[np.arange(ids.shape[1]) < length[:, None]], offsets_of(length))


def told_first(told: Ragged, end: int) -> Ragged:
    """The same with the end token before each document instead of behind it; before a piece without one, too.

    A piece that is nothing but the end token, which a cut has left over, is no document and goes.
    """
    if (alone := (told.lengths == 1) & (told.values[told.offsets[:-1]] == end)).any():
        told = told.take(np.flatnonzero(~alone))
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


def _checked(split: Split, shard: Shard, batches: Iterable[Columns]) -> Iterator[Ragged]:
    tokens = ended = 0
    told = _of_rows if split.rows else _of_windows if split.pure else _of_line
    for found in told(split, shard, batches):
        tokens += len(found.values)
        ended += len(found) if split.rows else int((found.values[found.offsets[1:] - 1] == split.end).sum())
        yield found
    if (tokens, ended) != (shard.tokens, shard.documents):
        raise SpecError(
            f"split '{split.name}', shard {shard.number}: {ended:,} documents of {tokens:,} tokens are found where"
            f" {shard.documents:,} of {shard.tokens:,} were counted: some begin with the end token",
            "Pack them with windows: mixed or method: rows, or export to a format of rows (parquet, mds).",
        )


def _of_rows(split: Split, shard: Shard, batches: Iterable[Columns]) -> Iterator[Ragged]:
    yield from map(of_rows, batches)


def _of_line(split: Split, shard: Shard, batches: Iterable[Columns]) -> Iterator[Ragged]:
    """Documents go on from sequence to sequence; whatever comes after the shard's last token is padding."""
    rest = np.empty(0, split.ids)
    room = shard.tokens
    for columns in batches:
        line = _dense(columns, "input_ids").reshape(-1)[:room]
        room -= len(line)
        line = np.concatenate([rest, line])
        ends = np.flatnonzero(_closing(line[None], split.end, begins=True)[0]) + 1
        last = int(ends[-1]) if ends.size else 0
        rest = line[last:]
        yield Ragged(line[:last], np.concatenate([[0], ends]).astype(np.int64))


def _of_windows(split: Split, shard: Shard, batches: Iterable[Columns]) -> Iterator[Ragged]:
    """Every sequence stands for itself; all but one of the end tokens that it ends with are padding."""
    for columns in batches:
        ids = _dense(columns, "input_ids")
        other = ids[:, ::-1] != split.end
        run = np.where(other.any(1), other.argmax(1), ids.shape[1])
        filled = ids.shape[1] - np.maximum(run - 1, 0)
        real = np.arange(ids.shape[1]) < filled[:, None]
        cut = _closing(ids, split.end, begins=False)
        cut[np.arange(len(ids)), filled - 1] = True
        ends = np.flatnonzero(cut[real]) + 1
        yield Ragged(ids[real], np.concatenate([[0], ends]).astype(np.int64))


def _closing(ids: NDArray[np.generic], end: int, *, begins: bool) -> Bools:
    """Which tokens (S, L) close a document: end tokens, but for those that begin one.

    begins: whether each row begins with a document's first token.
    """
    is_end: Bools = np.equal(ids, end)
    closing = is_end.copy()
    closing[:, 1:] &= ~is_end[:, :-1]
    if begins and closing.size:
        closing[:, 0] = False
    return closing


def _dense(columns: Columns, name: str) -> NDArray[np.generic]:
    column = columns[name]
    assert isinstance(column, np.ndarray)
    return column
