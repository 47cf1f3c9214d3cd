"""How often the items of a source are seen in a split, counted from its blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

import numpy as np

from pipeline.core.permutation import Bijection
from pipeline.plan.blocks import Block

_CHUNK = 2**20  # items that are looked at together

Runs = list[tuple[int, int, int]]
"""(first, end, exposures): runs of numbers with equally many exposures, from 0 to the last, none empty."""


@dataclass(frozen=True)
class Exposures:
    """How many exposures the items of a source have in a split.

    items: number of exposures (ascending, 0 included) → how many items have that number. first: the first exposure.
    """

    items: Mapping[int, int]
    first: int = 0

    @classmethod
    def of(cls, blocks: Sequence[Block], items: int) -> Exposures:
        """Counted from the blocks of a source that has `items` items.

        >>> from pipeline.core.key import Key
        >>> from pipeline.core.permutation import Permutation
        >>> Exposures.of([Block(0, 0, 4, 2), Block(0, 8, 1, 1, 2, subset=Permutation(4, Key.root(0)))], 4)
        Exposures(items={2: 3, 3: 1}, first=0)
        """
        by_order = runs_by_order(blocks, items)
        first = min((block.first_exposure for block in blocks), default=0)
        counts: Counter[int] = Counter()
        if len(by_order) == 1:
            ((_, runs),) = by_order
            for start, end, exposures in runs:
                counts[exposures] += end - start
        else:  # which items meet is up to the orders
            for start in range(0, items, _CHUNK):
                seen = _seen(by_order, np.arange(start, min(start + _CHUNK, items), dtype=np.int64))
                numbers, times = np.unique(seen, return_counts=True)
                counts.update(dict(zip(numbers.tolist(), times.tolist(), strict=True)))
        return cls({exposures: count for exposures, count in sorted(counts.items()) if count}, first)

    @property
    def least(self) -> int:
        """The fewest exposures of an item."""
        return min(self.items)

    @property
    def most(self) -> int:
        """The most exposures of an item."""
        return max(self.items)

    @property
    def mean(self) -> Fraction:
        """Mean exposures of an item, exact."""
        return Fraction(sum(exposures * count for exposures, count in self.items.items()), sum(self.items.values()))


def runs_by_order(blocks: Iterable[Block], items: int) -> list[tuple[Bijection | None, Runs]]:
    """The exposures that blocks of one source of `items` items give, by the order in which partial rounds are counted.

    (order, runs of its places), or (None, runs of items); at least one. An order with equally many exposures
    everywhere is none: two phases share a round between them. Where orders are left, the first has the others' equal
    exposures in its runs.
    """
    by_order: dict[Bijection | None, list[Block]] = {None: []}
    for block in blocks:
        by_order.setdefault(block.subset, []).append(block)
    runs = [(order, _runs(listed, items)) for order, listed in by_order.items()]
    equal = sum(of_order[0][2] for _, of_order in runs if len(of_order) == 1)
    uneven = [(order, of_order) for order, of_order in runs if len(of_order) > 1]
    if not uneven:
        return [(None, [(0, items, equal)])]
    order, first = uneven[0]
    return [(order, [(start, end, exposures + equal) for start, end, exposures in first]), *uneven[1:]]


def _runs(blocks: Iterable[Block], items: int) -> Runs:
    """The exposures that the blocks of one order give its places."""
    changes: Counter[int] = Counter({0: 0})
    for block in blocks:
        changes[block.first_item] += block.exposures
        changes[block.end_item] -= block.exposures
    changes[items] += 0
    ends = sorted(changes)
    exposures = accumulate(changes[end] for end in ends)
    runs: Runs = []
    for (start, end), count in zip(pairwise(ends), exposures, strict=False):
        if runs and runs[-1][2] == count:
            start = runs.pop()[0]
        runs.append((start, end, count))
    return runs


def _seen(by_order: Sequence[tuple[Bijection | None, Runs]], item: np.ndarray) -> np.ndarray:
    """The exposures of each item, int64 (k,) both."""
    total = np.zeros(item.size, np.int64)
    for order, runs in by_order:
        place = item if order is None else order.inverse(item)
        starts, exposures = (np.array([run[column] for run in runs], np.int64) for column in (0, 2))
        total += exposures[np.searchsorted(starts, place, side="right") - 1]
    return total
