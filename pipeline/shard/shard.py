"""A shard: the pure function (plan, split, k) → columns. It needs no other shard, no clock and no worker's number.

positions of shard k ─► order ─► source, item, exposure ─► documents, by source ─► back in order ─► sequences

Single rows are made in the same way, from only the documents that touch them; `layout_of` finds these by lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.columns import COLUMNS
from pipeline.columns.column import PackedDocuments
from pipeline.core.documents import Documents
from pipeline.core.draws import I64
from pipeline.core.errors import TokenizerError
from pipeline.core.narrow_integers import narrowed
from pipeline.core.table import Column, Columns
from pipeline.packing.packing import pack, pack_pure, picked
from pipeline.packing.sequences import Sequences
from pipeline.plan.order import Located, SplitPlan
from pipeline.plan.plan import Plan
from pipeline.shard.placement import Layout, layout_of, order_of_windows
from pipeline.sources import Source


@dataclass(frozen=True)
class Counts:
    """How many documents and tokens (with end tokens, without padding) of one source a shard holds.

    dropped: documents left out because they are longer than a sequence; None if the packing keeps these. cut: tokens
    left out because their sequence was full; None if the packing cuts none.
    """

    documents: int
    tokens: int
    dropped: int | None = None
    cut: int | None = None

    def record(self) -> dict[str, int]:
        """The counts as the manifest has them, without those that are None."""
        return {name: count for name, count in vars(self).items() if count is not None}


@dataclass(frozen=True)
class Shard:
    """The columns of a shard, S rows each, with counts. sources: source name → counts. padding: padding tokens."""

    columns: Columns
    sources: dict[str, Counts]
    sequences: int
    padding: int


def make_shard(plan: Plan, split: str, k: int) -> Shard:
    """Shard k of a split: equal arguments give equal bytes, on any machine."""
    order = plan.splits[split]
    located = order.locate(order.positions(k))
    documents, located = _documents(plan, order, located)
    documents, located, dropped = _fitting(documents, located, order)
    sequences = _packed(plan, order, documents, located, k)
    padding = sequences.input_ids.size - len(sequences.documents.tokens.values)
    columns = _columns(plan, sequences, located, order)
    counts = _counts(documents, sequences.documents, located, order, dropped)
    return Shard(columns, counts, len(sequences), padding)


def make_rows(plan: Plan, split: str, k: int, rows: I64, layout: Layout | None = None) -> Columns:
    """Some rows of shard k: `make_shard(plan, split, k).columns` at `rows`, int64 (r,), which must ascend.

    layout: the shard's layout, if the caller has it already.
    """
    order = plan.splits[split]
    layout = layout or layout_of(plan, split, k)
    cells = rows if layout.cells is None else layout.cells[rows]
    touching = layout.line.touching(cells, order.packing.length)
    positions = touching if layout.documents is None else layout.documents[touching]
    located = order.locate(order.positions(k)[0] + positions)
    documents, located = _documents(plan, order, located)
    line = layout.line.starts[touching], cells, layout.line.count
    return _columns(plan, picked(documents, *line, order.packing, plan.tokenizer.eos), located, order)


def find_document(plan: Plan, split: str, k: int, position: int) -> list[tuple[int, int, NDArray[np.generic]]]:
    """The segments of the document at a position of the split, in shard k: (row, first token, ids) of each, in order.

    Empty if the document was dropped because it is longer than a sequence.
    """
    order = plan.splits[split]
    positions = order.positions(k)
    located = order.locate(positions)
    wanted = located.take(np.array([position - positions[0]]))
    documents, located = _documents(plan, order, located)
    documents, located, _ = _fitting(documents, located, order)
    sequences = _packed(plan, order, documents, located, k)
    segments = sequences.segments
    if not located.same(wanted).any():
        return []
    document = int(np.flatnonzero(located.same(wanted))[0])
    rows = np.flatnonzero(segments.values[:, 2] == document)
    places: list[tuple[int, int, NDArray[np.generic]]] = []
    for row in rows[np.argsort(segments.values[rows, 3])]:  # in reading order, as pure windows are shuffled
        start, length, _, _ = segments.values[row].tolist()
        sequence = int(np.searchsorted(segments.offsets, row, side="right")) - 1
        places.append((sequence, start, sequences.input_ids[sequence, start : start + length]))
    return places


def _documents(plan: Plan, split: SplitPlan, located: Located) -> tuple[Documents, Located]:
    """The documents of all positions, in order; each source is called once. Also returns `located` in the same order.

    For pure windows, documents of one source stay together, and `located` is reordered too.
    """
    kinds = [COLUMNS[name] for name in split.columns]
    sources = [plan.sources[name] for name in split.sources]
    spans = any(kind.needs_spans for kind in kinds)
    parts = any(kind.needs_parts(sources) for kind in kinds)

    def rendered(number: int, rows: I64 | slice) -> Documents:
        source = sources[number]
        labels = np.array([split.attributes.index(label) for label in source.labels], np.int32)
        item, exposure = located.item[rows], located.exposure[rows]
        try:
            return source.documents(item, exposure, spans=spans, parts=parts).relabelled(labels)
        except TokenizerError as error:
            raise _at_document(split.sources[number], source, item, exposure, error) from None

    if len(sources) == 1:
        return rendered(0, slice(None)), located
    by_source = [np.flatnonzero(located.source == number) for number in range(len(sources))]
    documents = Documents.concat([rendered(number, rows) for number, rows in enumerate(by_source)])
    grouped = np.concatenate(by_source)
    if split.pure:
        return documents, located.take(grouped)
    return documents.take(np.argsort(grouped, kind="stable")), located


def _at_document(name: str, source: Source, item: I64, exposure: I64, error: TokenizerError) -> TokenizerError:
    """The error about the first of these documents that cannot be encoded, with its place. error: about any of them."""
    first, end = 0, item.size
    while end - first > 1:
        middle = (first + end) // 2
        try:
            source.documents(item[first:middle], exposure[first:middle], spans=False)
            first = middle
        except TokenizerError as earlier:
            error, end = earlier, middle
    place = f"source '{name}', item {item[first]}, exposure {exposure[first]}"
    return TokenizerError(error.problem, error.remedy, place)


def _fitting(documents: Documents, located: Located, split: SplitPlan) -> tuple[Documents, Located, I64 | None]:
    """The documents that packing keeps, and the number dropped from each source; None if packing drops none."""
    if split.packing.longer == "keep":
        return documents, located, None
    fits = documents.tokens.lengths <= split.packing.length
    dropped = np.bincount(located.source[~fits], minlength=len(split.sources))
    rows = np.flatnonzero(fits)
    return (documents, located, dropped) if fits.all() else (documents.take(rows), located.take(rows), dropped)


def _packed(plan: Plan, split: SplitPlan, documents: Documents, located: Located, k: int) -> Sequences:
    if not split.pure:
        return pack(documents, split.packing, plan.tokenizer.eos)
    groups = np.bincount(located.source, minlength=len(split.sources)).tolist()
    sequences = pack_pure(documents, groups, split.packing, plan.tokenizer.eos)
    return sequences.shuffled(order_of_windows(split, k, len(sequences)))


def _counts(
    rendered: Documents, kept: Documents, located: Located, split: SplitPlan, dropped: I64 | None
) -> dict[str, Counts]:
    """Source name → counts. rendered: whole documents, after dropping; kept: the same as cut by the packing."""
    aligned = split.packing.method == "aligned" and split.packing.last == "cut"
    counts = {}
    for number, name in enumerate(split.sources):
        rows = located.source == number if len(split.sources) > 1 else slice(None)
        documents, tokens = kept.tokens.lengths[rows].size, int(kept.tokens.lengths[rows].sum())
        cut = int(rendered.tokens.lengths[rows].sum()) - tokens if aligned else None
        counts[name] = Counts(documents, tokens, None if dropped is None else int(dropped[number]), cut)
    return counts


def _columns(plan: Plan, sequences: Sequences, located: Located, split: SplitPlan) -> Columns:
    """input_ids and the columns that the recipe requests, by name."""
    columns: dict[str, Column] = {"input_ids": sequences.input_ids}
    if split.packing.method == "rows":
        columns["length"] = narrowed(sequences.filled, np.int32, "tokens of a row")
    sources = [plan.sources[name] for name in split.sources]
    documents = located.source, located.item, located.exposure
    packed = PackedDocuments(sources, split.attributes, plan.tokenizer, sequences, *documents)
    for name, kind in COLUMNS.items():
        if name in split.columns:
            columns |= kind.make(packed)
    return columns
