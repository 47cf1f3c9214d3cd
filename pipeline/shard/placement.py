"""How the documents of a shard lie in its sequences, computed from their lengths before any document is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.permutation import Permutation
from pipeline.packing.packing import Line
from pipeline.plan.order import Located, SplitPlan
from pipeline.plan.plan import Plan
from pipeline.sources.lengths import is_measured, lengths_of


@dataclass(frozen=True)
class Layout:
    """Where the documents of a shard lie.

    line: where they begin, in packing order (packing/packing.py). documents: the position in the shard of each, int64
    (d,); None if that is 0, 1, 2, …, so none is dropped or moved. cells: which sequence of the line each row of the
    shard is, (S,); None if that is 0, 1, 2, …
    """

    line: Line
    documents: I64 | None = None
    cells: I64 | None = None

    def __len__(self) -> int:
        """The number of sequences in the shard."""
        return self.line.count


def is_laid_out_quickly(plan: Plan, split: str) -> bool:
    """Whether `layout_of` makes no documents, which makes it quicker than `make_shard`."""
    order = plan.splits[split]
    if order.packing.method == "rows" and order.packing.longer == "keep":
        return True
    return all(is_measured(plan.sources[name]) for name in order.sources)


def layout_of(plan: Plan, split: str, k: int) -> Layout:
    """The layout of shard k of a split. Makes documents only if their lengths cannot be computed otherwise."""
    order = plan.splits[split]
    positions = order.positions(k)
    if order.packing.method == "rows" and order.packing.longer == "keep":  # a row for each document of any length
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
        documents, groups = np.concatenate(by_source), [rows.size for rows in by_source]
    line = Line.of(lengths if documents is None else lengths[documents], groups, order.packing)
    return Layout(line, documents, order_of_windows(order, k, line.count) if order.pure else None)


def order_of_windows(split: SplitPlan, k: int, windows: int) -> I64:
    """For each row of a shard of pure windows, the sequence (in packing order) that it holds: int64 (windows,)."""
    order = Permutation(windows, split.key.child("windows", k))
    return order(np.arange(windows, dtype=np.int64))


def _lengths(plan: Plan, split: SplitPlan, located: Located) -> I64:
    """The number of tokens of each document, int64 (d,)."""
    lengths = np.empty(len(located.item), np.int64)
    for number, name in enumerate(split.sources):
        rows = np.flatnonzero(located.source == number)
        lengths[rows] = lengths_of(plan.sources[name], located.item[rows], located.exposure[rows])
    return lengths
