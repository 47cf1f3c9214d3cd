"""A shard: the pure function (plan, split, k) → columns. It needs no other shard, no clock and no worker's number.

positions of shard k ─► order ─► source, item, exposure ─► documents, by source ─► back in order ─► sequences
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.columns import Columns, Lists
from pipeline.core.documents import Documents
from pipeline.packing import Sequences, pack
from pipeline.plan import Located, Plan, SplitPlan


@dataclass(frozen=True)
class Counts:
    """Exact documents and tokens (end tokens included, padding not) of one source."""

    documents: int
    tokens: int


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
    documents = _documents(plan, order, located)
    sequences = pack(documents, order.packing, plan.tokenizer.eos)
    padding = sequences.input_ids.size - len(documents.tokens.values)
    return Shard(_columns(sequences, located, order), _counts(documents, located, order), len(sequences), padding)


def _documents(plan: Plan, split: SplitPlan, located: Located) -> Documents:
    """Every source asked once for all its documents, which are then put back into the order of the positions."""

    def tell(name: str, item: NDArray[np.int64], exposure: NDArray[np.int64]) -> Documents:
        source = plan.sources[name]
        labels = np.array([split.attributes.index(label) for label in source.labels], np.int32)
        return source.documents(item, exposure, spans="spans" in split.columns).relabelled(labels)

    if len(split.sources) == 1:
        return tell(split.sources[0], located.item, located.exposure)
    asked = [np.flatnonzero(located.source == s) for s in range(len(split.sources))]
    told = [
        tell(name, located.item[rows], located.exposure[rows]) for name, rows in zip(split.sources, asked, strict=True)
    ]
    return Documents.concat(told).take(np.argsort(np.concatenate(asked), kind="stable"))


def _counts(documents: Documents, located: Located, split: SplitPlan) -> dict[str, Counts]:
    if len(split.sources) == 1:
        return {split.sources[0]: Counts(len(documents), len(documents.tokens.values))}
    lengths = documents.tokens.lengths
    mine = {name: located.source == s for s, name in enumerate(split.sources)}
    return {name: Counts(int(rows.sum()), int(lengths[rows].sum())) for name, rows in mine.items()}


def _columns(sequences: Sequences, located: Located, split: SplitPlan) -> Columns:
    """input_ids, and the columns that the recipe asks for."""
    columns: dict[str, NDArray[np.generic] | Lists] = {"input_ids": sequences.input_ids}
    if split.packing.method == "rows":
        columns["length"] = sequences.filled.astype(np.int32)
    if "loss_mask" in split.columns:
        columns["loss_mask"] = sequences.loss_mask()
    if "segment_ids" in split.columns:
        columns["segment_ids"] = sequences.segment_ids()
    if "documents" in split.columns:
        start, length, document, offset = sequences.pieces.values.T
        fields = {
            "start": start.astype(np.int32),
            "length": length.astype(np.int32),
            "offset": offset.astype(np.int32),
            "source": located.source[document],
            "item": located.item[document],
            "exposure": located.exposure[document].astype(np.int32),
        }
        columns["documents"] = Lists(sequences.pieces.offsets, fields)
    if "spans" in split.columns:
        spans = sequences.spans()
        start, length, label = spans.values.T
        fields = {"start": start.copy(), "length": length.copy(), "attribute": label.astype(np.uint8)}
        columns["spans"] = Lists(spans.offsets, fields)
    return columns


def find_document(plan: Plan, split: str, k: int, position: int) -> list[tuple[int, int, NDArray[np.generic]]]:
    """Where the document at a position of shard k stands: (sequence, first token, ids) of each of its pieces."""
    order = plan.splits[split]
    positions = order.positions(k)
    documents = _documents(plan, order, order.locate(positions))
    sequences = pack(documents, order.packing, plan.tokenizer.eos)
    found = []
    for piece in np.flatnonzero(sequences.pieces.values[:, 2] == position - positions[0]):
        start, length, _, _ = sequences.pieces.values[piece].tolist()
        sequence = int(np.searchsorted(sequences.pieces.offsets, piece, side="right")) - 1
        found.append((sequence, start, sequences.input_ids[sequence, start : start + length]))
    return found
