"""How long the documents of a source are: computed where it can say so, else of documents that are made for it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from pipeline.core.draws import I64
from pipeline.sources.abilities import Measured
from pipeline.sources.source import Source

MEASURED = 8192  # documents made at once when only their lengths are needed
SAMPLE = 2000  # documents from which a mean length is estimated if it cannot be computed


def lengths_of(source: Source, item: I64, exposure: I64) -> I64:
    """The number of tokens of each document, int64 (d,): computed if the source can, otherwise by making them."""
    computed = source.lengths(item, exposure) if isinstance(source, Measured) else None
    if computed is not None:
        return computed
    lengths = np.empty(item.size, np.int64)
    for first in range(0, item.size, MEASURED):
        chunk = slice(first, first + MEASURED)
        lengths[chunk] = source.documents(item[chunk], exposure[chunk], spans=False).tokens.lengths
    return lengths


def is_measured(source: Source) -> bool:
    """Whether the source knows the lengths of its documents without making them."""
    nothing = np.empty(0, np.int64)
    return isinstance(source, Measured) and source.lengths(nothing, nothing) is not None


def sample_lengths(source: Source, sample: int = SAMPLE, *, spread: bool = False) -> I64:
    """The number of tokens of the first `sample` items (all, if there are fewer) at exposure 0: int64 (n,).

    spread: take as many items with even gaps, for a source whose later items differ from the first.
    """
    count = min(sample, len(source))
    item = np.arange(count, dtype=np.int64)
    if spread:
        item = np.array([number * len(source) // count for number in range(count)], np.int64)
    return source.documents(item, np.zeros_like(item), spans=False).tokens.lengths


def sample_mean(source: Source, sample: int = SAMPLE, *, spread: bool = False) -> Fraction:
    """The mean of `sample_lengths`, for a source whose mean cannot be computed."""
    lengths = sample_lengths(source, sample, spread=spread)
    return Fraction(int(lengths.sum()), len(lengths))
