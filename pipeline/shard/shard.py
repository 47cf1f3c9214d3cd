"""A shard: the pure function (plan, split, k) → columns. It needs no other shard, no clock and no worker's number.

positions of shard k ─► order ─► source, item, exposure ─► documents, by source ─► back in order ─► sequences

Some of its sequences are made in the same way from the documents that touch them, which `layout_of` knows: lengths
first, then nothing but what is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import ROLES, Documents, Ragged, offsets_of
from pipeline.core.narrow import narrowed
from pipeline.core.permutation import Permutation
from pipeline.core.table import Column, Columns, Lists
from pipeline.packing.packing import Line, Sequences, pack, pack_pure, picked
from pipeline.plan.plan import Located, Plan, SplitPlan
from pipeline.shard import evaluation
from pipeline.sources.source import is_measured, lengths_of


@dataclass(frozen=True)
class Counts:
    """Exact documents and tokens (end tokens included, padding not) of one source.

    dropped: documents that were longer than a sequence; None where such ones are kept. cut: tokens that are not there,
    because their sequence was full; None where none are cut off.
    """

    documents: int
    tokens: int
    dropped: int | None = None
    cut: int | None = None

    def record(self) -> dict[str, int]:
        """As it stands in the manifest."""
        return {name: count for name, count in vars(self).items() if count is not None}


@dataclass(frozen=True)
class Shard:
    """The columns of a shard, S rows each, and what is in them."""

    columns: Columns
    sources: dict[str, Counts]
    sequences: int
    padding: int


def make_shard(plan: Plan, split: str, k: int) -> Shard:
    """Shard k of a split. The same for the same arguments, anywhere."""
    order = plan.splits[split]
    located = order.locate(order.positions(k))
    documents, located = _documents(plan, order, located)
    documents, located, dropped = _fitting(documents, located, order)
    sequences = _packed(plan, order, documents, located, k)
    padding = sequences.input_ids.size - len(sequences.documents.tokens.values)
    columns = _columns(plan, sequences, located, order)
    counts = _counts(documents, sequences.documents, located, order, dropped)
    return Shard(columns, counts, len(sequences), padding)


def _documents(plan: Plan, split: SplitPlan, located: Located) -> tuple[Documents, Located]:
    """Every source asked once for all its documents, which are then put back into the order of the positions.

    For pure windows they stay with those of their source, and `located` follows them.
    """

    def tell(name: str, item: NDArray[np.int64], exposure: NDArray[np.int64]) -> Documents:
        source = plan.sources[name]
        labels = np.array([split.attributes.index(label) for label in source.labels], np.int32)
        spans = "spans" in split.columns or "probes" in split.columns
        told = source.documents(item, exposure, spans=spans, parts=_needs_parts(plan, split))
        return told.relabelled(labels)

    if len(split.sources) == 1:
        return tell(split.sources[0], located.item, located.exposure), located
    asked = [np.flatnonzero(located.source == s) for s in range(len(split.sources))]
    told = [
        tell(name, located.item[rows], located.exposure[rows]) for name, rows in zip(split.sources, asked, strict=True)
    ]
    grouped = np.concatenate(asked)
    if split.pure:
        return Documents.concat(told), located.take(grouped)
    return Documents.concat(told).take(np.argsort(grouped, kind="stable")), located


def _fitting(
    documents: Documents, located: Located, split: SplitPlan
) -> tuple[Documents, Located, NDArray[np.int64] | None]:
    """The documents that are to be kept, and how many are not, by source; None where all are."""
    if split.packing.longer == "keep":
        return documents, located, None
    fits = documents.tokens.lengths <= split.packing.length
    dropped = np.bincount(located.source[~fits], minlength=len(split.sources))
    rows = np.flatnonzero(fits)
    return (documents, located, dropped) if fits.all() else (documents.take(rows), located.take(rows), dropped)


def _needs_parts(plan: Plan, split: SplitPlan) -> bool:
    masked = any(plan.sources[name].mask for name in split.sources)
    return "parts" in split.columns or "answers" in split.columns or ("loss_mask" in split.columns and masked)


def _packed(plan: Plan, split: SplitPlan, documents: Documents, located: Located, k: int) -> Sequences:
    if not split.pure:
        return pack(documents, split.packing, plan.tokenizer.eos)
    groups = np.bincount(located.source, minlength=len(split.sources)).tolist()
    sequences = pack_pure(documents, groups, split.packing, plan.tokenizer.eos)
    return sequences.shuffled(_shuffle(split, k, len(sequences)))


def _shuffle(split: SplitPlan, k: int, windows: int) -> NDArray[np.int64]:
    """The order of a shard's pure windows: which of them each sequence is, int64 (S,)."""
    order = Permutation(windows, split.key.child("windows", k))
    return order(np.arange(windows, dtype=np.int64))


def _counts(
    told: Documents, kept: Documents, located: Located, split: SplitPlan, dropped: NDArray[np.int64] | None
) -> dict[str, Counts]:
    """told: the documents as sources made them; kept: as far as the sequences hold them."""
    aligned = split.packing.method == "aligned" and split.packing.last == "cut"
    found = {}
    for s, name in enumerate(split.sources):
        mine = located.source == s if len(split.sources) > 1 else slice(None)
        documents, tokens = kept.tokens.lengths[mine].size, int(kept.tokens.lengths[mine].sum())
        cut = int(told.tokens.lengths[mine].sum()) - tokens if aligned else None
        found[name] = Counts(documents, tokens, None if dropped is None else int(dropped[s]), cut)
    return found


def _columns(plan: Plan, sequences: Sequences, located: Located, split: SplitPlan) -> Columns:
    """input_ids, and the columns that the recipe asks for."""
    columns: dict[str, Column] = {"input_ids": sequences.input_ids}
    if split.packing.method == "rows":
        columns["length"] = narrowed(sequences.filled, np.int32, "tokens of a row")
    if "loss_mask" in split.columns:
        columns["loss_mask"] = sequences.loss_mask(_masked(plan, split, sequences.documents, located))
    if "segment_ids" in split.columns:
        columns["segment_ids"] = sequences.segment_ids()
    if "documents" in split.columns:
        start, length, document, offset = sequences.pieces.values.T
        fields = {
            "start": narrowed(start, np.int32, "token of a sequence"),
            "length": narrowed(length, np.int32, "tokens of a piece"),
            "offset": narrowed(offset, np.int32, "token of a document"),
            "source": located.source[document],
            "item": located.item[document],
            "exposure": narrowed(located.exposure[document], np.int32, "exposure"),
        }
        columns["documents"] = Lists(sequences.pieces.offsets, fields)
    if "spans" in split.columns:
        columns["spans"] = _marked(sequences.spans(), "attribute")
    if "parts" in split.columns:
        columns["parts"] = _marked(sequences.parts(), "role")
    if {"answers", "probes", "steps"} & set(split.columns):
        columns |= evaluation.columns(plan, split, sequences.documents, located)
    if "tree" in split.columns:
        columns |= evaluation.trees(plan, split, sequences, located)
    return columns


def _marked(rows: Ragged, what: str) -> Lists:
    start, length, number = rows.values.T
    return Lists(rows.offsets, {"start": start.copy(), "length": length.copy(), what: narrowed(number, np.uint8, what)})


def _masked(plan: Plan, split: SplitPlan, documents: Documents, located: Located) -> Ragged | None:
    """The parts of the documents without loss."""
    if documents.parts is None:
        return None
    masks = np.zeros((len(split.sources), len(ROLES)), bool)
    for s, name in enumerate(split.sources):
        masks[s, [ROLES.index(role) for role in plan.sources[name].mask]] = True
    parts = documents.parts
    document = np.repeat(np.arange(len(documents)), parts.lengths)
    masked = masks[located.source[document], parts.values[:, 2]]
    return Ragged(parts.values[masked], offsets_of(np.bincount(document[masked], minlength=len(documents))))


@dataclass(frozen=True)
class Layout:
    """How the documents of a shard lie in its sequences; it follows from their lengths, before any is made.

    line: where they begin. documents: None, or which of the shard's positions each of them is, int64 (d,), where some
    are left out or they lie in another order. cells: None, or which sequence of the line each of the shard's is, (S,).
    """

    line: Line
    documents: NDArray[np.int64] | None = None
    cells: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Sequences of the shard."""
        return self.line.count


def is_laid_out_quickly(plan: Plan, split: str) -> bool:
    """Whether `layout_of` is quicker than `make_shard`: no document has to be made for it."""
    order = plan.splits[split]
    if order.packing.method == "rows" and order.packing.longer == "keep":
        return True
    return all(is_measured(plan.sources[name]) for name in order.sources)


def layout_of(plan: Plan, split: str, k: int) -> Layout:
    """How shard k of a split is laid out."""
    order = plan.splits[split]
    positions = order.positions(k)
    if order.packing.method == "rows" and order.packing.longer == "keep":  # a row a document, whatever their lengths
        return Layout(Line.of(np.zeros(positions.size, np.int64), [positions.size], order.packing))
    located = order.locate(positions)
    lengths = _lengths(plan, order, located)
    documents = None
    if order.packing.longer == "drop" and (lengths > order.packing.length).any():
        documents = np.flatnonzero(lengths <= order.packing.length)
    groups = [lengths.size if documents is None else documents.size]
    if order.pure:
        kept = np.arange(lengths.size) if documents is None else documents
        by_source = [kept[located.source[kept] == s] for s in range(len(order.sources))]
        documents, groups = np.concatenate(by_source), [one.size for one in by_source]
    line = Line.of(lengths if documents is None else lengths[documents], groups, order.packing)
    return Layout(line, documents, _shuffle(order, k, line.count) if order.pure else None)


def make_rows(plan: Plan, split: str, k: int, rows: NDArray[np.int64], layout: Layout | None = None) -> Columns:
    """Some sequences of shard k: what `make_shard(plan, split, k).columns` has at `rows`, int64 (r,), which ascend.

    layout: that of the shard, where it is at hand.
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


def _lengths(plan: Plan, split: SplitPlan, located: Located) -> NDArray[np.int64]:
    """Tokens of each document, int64 (d,)."""
    found = np.empty(len(located.item), np.int64)
    for s, name in enumerate(split.sources):
        mine = np.flatnonzero(located.source == s)
        found[mine] = lengths_of(plan.sources[name], located.item[mine], located.exposure[mine])
    return found


def find_document(plan: Plan, split: str, k: int, position: int) -> list[tuple[int, int, NDArray[np.generic]]]:
    """Where the document at a position of shard k stands: (sequence, first token, ids) of each of its pieces.

    None, where it was dropped.
    """
    order = plan.splits[split]
    positions = order.positions(k)
    located = order.locate(positions)
    wanted = located.take(np.array([position - positions[0]]))
    documents, located = _documents(plan, order, located)
    documents, located, _ = _fitting(documents, located, order)
    sequences = _packed(plan, order, documents, located, k)
    found: list[tuple[int, int, NDArray[np.generic]]] = []
    if not located.same(wanted).any():  # it was longer than a sequence
        return found
    document = int(np.flatnonzero(located.same(wanted))[0])
    mine = np.flatnonzero(sequences.pieces.values[:, 2] == document)
    for piece in mine[np.argsort(sequences.pieces.values[mine, 3])]:  # as it is read, wherever its windows went
        start, length, _, _ = sequences.pieces.values[piece].tolist()
        sequence = int(np.searchsorted(sequences.pieces.offsets, piece, side="right")) - 1
        found.append((sequence, start, sequences.input_ids[sequence, start : start + length]))
    return found
