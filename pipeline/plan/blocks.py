"""The rows of a split: runs of items of a source that are told equally often, at which exposures.

exposures 2.5 of four items     items 0 1 2 3 · 0 1 2 3 · two of them       rounds 0, 1 and a partial round 2
{count: 2.5, from: 7}           the same, at the exposures 7, 8 and 9
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.plan.amounts import zipf_runs
from pipeline.recipe.recipe import MOST_EXPOSURES, AmountSpec


@dataclass(frozen=True)
class Block:
    """`exposures` rounds over `items` items of a source, from item `start` and row `first` on.

    Round e is exposure `exposure + e`. subset: None, or the bijection of all items of which the last, incomplete round
    tells the first `items`.
    """

    source: int
    first: int
    items: int
    exposures: int
    exposure: int = 0
    start: int = 0
    subset: Permutation | None = None

    @property
    def rows(self) -> int:
        """Documents in it."""
        return self.items * self.exposures

    @property
    def end(self) -> int:
        """The exposure after its last."""
        return self.exposure + self.exposures


def blocks_of(amount: AmountSpec, source: int, first: int, count: int, length: int, key: Key) -> list[Block]:
    """The blocks of a source, of `length` items, with `count` documents, from row `first` on.

    key: of the order whose first items a partial round tells. SpecError for exposures beyond what can be counted.
    """
    blocks: list[Block] = []
    for items, exposures, exposure, start, subset in _rounds(amount, count, length, key):
        if items * exposures:
            blocks.append(Block(source, first, items, exposures, exposure, start, subset))
            first += items * exposures
    last = max((block.end for block in blocks), default=0)
    if last > MOST_EXPOSURES:
        raise SpecError(
            f"exposure {last - 1:,} is beyond the last that can be counted, {MOST_EXPOSURES - 1:,}",
            "Lower the amount, or begin at an earlier exposure (`from`).",
        )
    return blocks


def _rounds(
    amount: AmountSpec, count: int, length: int, key: Key
) -> Iterator[tuple[int, int, int, int, Permutation | None]]:
    """(items, exposures, first exposure, first item, subset) of each block."""
    if amount.tail:
        runs = zipf_runs(amount.tail, length)
        yield from ((items, exposures, amount.first, start, None) for start, items, exposures in runs)
        return
    rounds, rest = divmod(count, length)
    yield length, rounds, amount.first, 0, None
    yield rest, 1, amount.first + rounds, 0, Permutation(length, key)


@dataclass(frozen=True)
class Exposures:
    """How often the items of a source are told: fewest, mean and most; first: the earliest exposure."""

    least: int
    mean: Fraction
    most: int
    first: int = 0

    @classmethod
    def of(cls, blocks: Sequence[Block], items: int) -> Exposures:
        """Of the blocks of a source of so many items."""
        whole = [block for block in blocks if block.subset is None]
        everybody = sum(block.items for block in whole) == items
        extra = len(blocks) > len(whole)
        return cls(
            min((block.exposures for block in whole), default=0) if everybody else 0,
            Fraction(sum(block.rows for block in blocks), items),
            max((block.exposures for block in whole), default=0) + extra,
            min((block.exposure for block in blocks), default=0),
        )


def repeated(one: Sequence[Block], other: Sequence[Block], length: int) -> Fraction:
    """How many documents of a source, of `length` items, two splits share: expected, where both have partial rounds."""
    total = Fraction(0)
    for mine, theirs in _meeting(one, other):
        rounds = min(mine.end, theirs.end) - max(mine.exposure, theirs.exposure)
        total += max(rounds, 0) * _shared_items(mine, theirs, length)
    return total


def _meeting(one: Sequence[Block], other: Sequence[Block]) -> Iterator[tuple[Block, Block]]:
    """The pairs of blocks of two splits that may have items in common.

    Long tails have tens of thousands of blocks, one behind the other, and a block meets few of another's.
    """
    whole, whole_ = ([block for block in blocks if not block.subset] for blocks in (one, other))
    yield from product((block for block in one if block.subset), other)
    yield from product(whole, (block for block in other if block.subset))
    i = j = 0
    while i < len(whole) and j < len(whole_):
        yield whole[i], whole_[j]
        if whole[i].start + whole[i].items <= whole_[j].start + whole_[j].items:
            i += 1
        else:
            j += 1


def _shared_items(one: Block, other: Block, length: int) -> Fraction:
    partial = [block for block in (one, other) if block.subset]
    if len(partial) == 2 and one.subset is not None and other.subset is not None:
        if one.subset == other.subset:
            return Fraction(min(one.items, other.items))
        return Fraction(one.items * other.items, length)
    if partial:
        (whole,) = (block for block in (one, other) if not block.subset)
        return Fraction(partial[0].items * whole.items, length)
    return Fraction(max(0, min(one.start + one.items, other.start + other.items) - max(one.start, other.start)))
