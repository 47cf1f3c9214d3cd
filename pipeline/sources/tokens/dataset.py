"""A shard of a dataset of ours: where its documents are, which one sequence or several hold.

The *line* is all rows of the shard, one behind the other. Where documents begin on it is known from

    length          of rows with a document each
    documents       the column, whose entries have the document's source, item and exposure
    segment_ids     the column, in which a document has a number; one that its row cuts goes on in the next row
    end tokens      of concatenated documents, where each has one, at its end

and what is found is compared with the counts of the manifest: nothing is guessed. A document that ends with the end
token is written without it, as all layouts do; other end tokens in it stay.

Letters: S rows, L tokens in each, s segments, d documents, b record batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.system.kept_arrays import Out
from pipeline.sources.tokens.cutting import Found
from pipeline.sources.tokens.line import Line, Segments
from pipeline.sources.tokens.manifest import MEND
from pipeline.sources.tokens.marks import Marks

NEEDED = "Build it with `documents` among its columns, which says where each begins."
IDENTITY = ("source", "item", "exposure")


@dataclass(frozen=True)
class Layout:
    """What the manifest says about a shard.

    end: the id of its end token. labels: how many there are. roles: for each number of a role there the number of that
    role here, -1 for none.
    """

    end: int
    length: int
    packing: str
    pure: bool
    columns: tuple[str, ...]
    documents: int
    tokens: int
    labels: int
    roles: tuple[int, ...]

    @property
    def marks(self) -> dict[str, Sequence[int]]:
        """Column of marks that the shard has → the label, or the role, that each of its numbers stands for here."""
        known: dict[str, Sequence[int]] = {"spans": range(self.labels), "parts": self.roles}
        return {column: numbers for column, numbers in known.items() if column in self.columns}


def find(path: Path, layout: Layout, out: Out) -> None:
    """Write where the documents of a shard are, and what is marked in them. SpecError where it contradicts itself."""
    try:
        line = Line.of(path, layout.length)
        segments = _segments(line, layout)
        tokens = int(segments.length.sum())
        if (segments.count, tokens) != (layout.documents, layout.tokens):
            counted = f"{segments.count:,} documents of {tokens:,} tokens are found"
            said = f"{layout.documents:,} of {layout.tokens:,}"
            raise SpecError(f"'{path}': {counted}, where the manifest says {said}", NEEDED, ("files",))
        found = Found(str(path), out)
        for ids, place in zip(line.ids, line.firsts.tolist(), strict=False):
            found.look_at(ids, place)
        _write(line, _without_end(line, segments, layout.end), found)
        for column, numbers in layout.marks.items():
            Marks.of(line, segments, column, numbers).write(column, out)
    except (OSError, ValueError, KeyError) as error:  # pyarrow's own are of these
        problem = f"'{path}' is no shard of ours: {' '.join(str(error).split())[:200]}"
        raise SpecError(problem, MEND, ("files",)) from None
    out.facts["type"] = line.ids[0].dtype.str
    found.end()


def _segments(line: Line, layout: Layout) -> Segments:
    rows = int(line.firsts[-1]) // layout.length
    if layout.packing == "rows":
        length = line.column("length", rows).astype(np.int64)
        _check_within(np.zeros_like(length), length, layout.length)
        return Segments(np.arange(rows) * layout.length, length, np.arange(rows))
    if "documents" in layout.columns:
        return _by_documents(line, layout)
    if layout.packing == "concat" and not layout.pure and "segment_ids" not in layout.columns:
        return _by_end_tokens(line, layout)
    if "segment_ids" in layout.columns and not layout.pure:
        return _by_segment_ids(line, layout)
    named = ", ".join(layout.columns)
    raise SpecError(f"with the columns {named} it is not known where its documents begin", NEEDED, ("files",))


def _by_end_tokens(line: Line, layout: Layout) -> Segments:
    ends = [first + np.flatnonzero(ids == layout.end) for first, ids in zip(line.firsts, line.ids, strict=False)]
    edges = np.concatenate([[0], *(end + 1 for end in ends), [layout.tokens]])
    edges = np.unique(edges[edges <= layout.tokens])
    cut = np.union1d(edges, line.firsts[line.firsts < layout.tokens])  # no segment lies in two record batches
    return Segments(cut[:-1], np.diff(cut), np.searchsorted(edges, cut[:-1], "right") - 1)


def _by_documents(line: Line, layout: Layout) -> Segments:
    row, (start, length, before, *identity) = line.entries("documents", "start", "length", "offset", *IDENTITY)
    _check_within(start, length, layout.length)
    order = np.lexsort([before, *identity[::-1]])
    begin, length, before = (values[order] for values in (row * layout.length + start, length, before))
    whole = before == 0
    same = np.ones(len(order), bool)
    for values in identity:
        same[1:] &= values[order][1:] == values[order][:-1]
    follows = np.zeros(len(order), bool)
    follows[1:] = same[1:] & (before[1:] == before[:-1] + length[:-1])
    if not (whole | follows).all():
        raise ValueError("its column 'documents' has a document without its beginning")
    number = np.cumsum(whole) - 1
    rank = np.empty(int(whole.sum()), np.int64)
    rank[np.argsort(begin[whole], kind="stable")] = np.arange(rank.size)  # documents in the order of their beginnings
    final = np.lexsort([before, rank[number]])
    return Segments(begin[final], length[final], rank[number][final])


def _by_segment_ids(line: Line, layout: Layout) -> Segments:
    numbers = line.column("segment_ids", int(line.firsts[-1]))
    fresh = np.ones(len(numbers), bool)
    fresh[1:] = numbers[1:] != numbers[:-1]
    fresh[:: layout.length] = True
    begin = np.flatnonzero(fresh)
    length = np.diff(np.append(begin, len(numbers)))
    begin, length = (values[numbers[begin] > 0] for values in (begin, length))
    new = np.ones(len(begin), bool)
    if layout.packing == "concat":
        cut = (begin[1:] % layout.length == 0) & (begin[:-1] + length[:-1] == begin[1:])
        new[1:] = ~cut | (line.at(begin[1:] - 1) == layout.end)
    return Segments(begin, length, np.cumsum(new) - 1)


def _check_within(start: I64, length: I64, most: int) -> None:
    if start.size and (start.min() < 0 or length.min() < 1 or (start + length).max() > most):
        raise ValueError(f"a document reaches beyond its row of {most} tokens")


def _without_end(line: Line, segments: Segments, end: int) -> Segments:
    """The segments without the end token at the end of each document."""
    last = np.append(segments.document[1:] != segments.document[:-1], True)
    closing = np.zeros(len(last), bool)
    closing[last] = line.at((segments.begin + segments.length - 1)[last]) == end
    return Segments(segments.begin, segments.length - closing, segments.document)


def _write(line: Line, segments: Segments, found: Found) -> None:
    """Write the documents as pieces of the file; what lies side by side there is one piece."""
    batch = np.searchsorted(line.firsts, segments.begin, "right") - 1
    begin = segments.begin - line.firsts[batch] + line.places[batch]
    stop, document = begin + segments.length, segments.document
    first = np.append(True, (begin[1:] != stop[:-1]) | (document[1:] != document[:-1]))
    last = np.append(first[1:], True)
    found.write_pieces(begin[first], stop[last] - begin[first], document[first])
