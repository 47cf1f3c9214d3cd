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
    lengths = documents.tokens.lengths
    counts = {}
    for s, name in enumerate(order.sources):
        mine = located.source == s
        counts[name] = Counts(int(mine.sum()), int(lengths[mine].sum()))
    padding = sequences.input_ids.size - int(documents.tokens.offsets[-1])
    return Shard(_columns(sequences, located, order), counts, len(sequences), padding)


def _documents(plan: Plan, split: SplitPlan, located: Located) -> Documents:
    """Every source asked once for all its documents, which are then put back into the order of the positions."""
    asked: list[NDArray[np.int64]] = []
    told: list[Documents] = []
    for s, name in enumerate(split.sources):
        rows = np.flatnonzero(located.source == s)
        if rows.size:
            source = plan.sources[name]
            documents = source.documents(located.item[rows], located.exposure[rows], spans="spans" in split.columns)
            labels = np.array([split.attributes.index(label) for label in source.labels], np.int32)
            told.append(documents.relabelled(labels))
            asked.append(rows)
    if len(told) == 1:  # of one source: they are in order
        return told[0]
    return Documents.concat(told).take(np.argsort(np.concatenate(asked), kind="stable"))


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
    if sequences.spans is not None:
        start, length, label = sequences.spans.values.T
        fields = {"start": start.copy(), "length": length.copy(), "attribute": label.astype(np.uint8)}
        columns["spans"] = Lists(sequences.spans.offsets, fields)
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
