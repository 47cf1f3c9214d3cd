"""The rows of a split as blocks: runs of items of a source with equally many exposures.

exposures 2.5 of four items     items 0 1 2 3 · 0 1 2 3 · two of them       rounds 0, 1 and a partial round 2
{count: 2.5, from: 7}           the same, at the exposures 7, 8 and 9
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Protocol

from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.permutation import Bijection, Permutation
from pipeline.plan.zipf import zipf_runs
from pipeline.recipe.model import MOST_EXPOSURES, AmountSpec


class OwnOrder(Bijection, Protocol):
    """Place of a document of a source → its row among those of the source."""

    def round(self, number: int, /) -> Bijection:
        """An order of the items; those of a partial round are the first in it."""
        ...


@dataclass(frozen=True)
class Block:
    """`exposures` rounds over `items` items of a source, from `first_item` on, as rows from `first_row` on.

    source: the index of the source in the split. Round e is exposure `first_exposure + e`. subset: for a partial round,
    a bijection of all items of the source, whose values at 0 … items - 1 are the items of the round; else None.
    """

    source: int
    first_row: int
    items: int
    exposures: int
    first_exposure: int = 0
    first_item: int = 0
    subset: Bijection | None = None

    @property
    def rows(self) -> int:
        """How many documents the block has."""
        return self.items * self.exposures

    @property
    def end_item(self) -> int:
        """One more than its last item. Only for a block without a subset."""
        return self.first_item + self.items

    @property
    def end_exposure(self) -> int:
        """One more than its last exposure."""
        return self.first_exposure + self.exposures


def blocks_of(
    amount: AmountSpec, source: int, first_row: int, count: int, length: int, key: Key, own: OwnOrder | None = None
) -> list[Block]:
    """The blocks of a source of `length` items with `count` documents, as rows from `first_row` on; none is empty.

    key: decides which items are in a partial round; own: of a source with an order of its own, which does so instead.
    SpecError for exposures above MOST_EXPOSURES.
    """
    blocks = [block for block in _rounds(amount, source, first_row, count, length, key, own) if block.rows]
    last = max((block.end_exposure for block in blocks), default=0)
    if last > MOST_EXPOSURES:
        raise SpecError(
            f"exposure {last - 1:,} is beyond the last that can be counted, {MOST_EXPOSURES - 1:,}",
            "Lower the amount, or begin at an earlier exposure (`from`).",
        )
    return blocks


def _rounds(
    amount: AmountSpec, source: int, first_row: int, count: int, length: int, key: Key, own: OwnOrder | None
) -> Iterator[Block]:
    """As `blocks_of`, empty blocks included."""
    if amount.tail:
        for first_item, items, exposures in zipf_runs(amount.tail, length):
            yield Block(source, first_row, items, exposures, amount.first, first_item)
            first_row += items * exposures
        return
    rounds, rest = divmod(count, length)
    yield Block(source, first_row, length, rounds, amount.first)
    first_row += length * rounds
    subset = own.round(rounds) if own else Permutation(length, key)
    yield Block(source, first_row, rest, 1, amount.first + rounds, subset=subset)


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

        >>> Exposures.of([Block(0, 0, 4, 2), Block(0, 8, 1, 1, 2, subset=Permutation(4, Key.root(0)))], 4)
        Exposures(items={2: 3, 3: 1}, first=0)
        """
        counts: Counter[int] = Counter()
        for block in blocks:
            if block.subset is None:
                counts[block.exposures] += block.items
        counts[0] += items - counts.total()
        for block in blocks:
            if block.subset is not None:  # a partial round: all items have equally many exposures so far
                (rounds,) = (exposures for exposures, count in counts.items() if count)
                counts[rounds] -= block.items
                counts[rounds + block.exposures] += block.items
        first = min((block.first_exposure for block in blocks), default=0)
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


def shared_documents(left: Sequence[Block], right: Sequence[Block], length: int) -> Fraction:
    """How many documents two splits share, from their blocks of one source of `length` items.

    Exact, except where both have partial rounds: then it is the expected number.
    """
    total = Fraction(0)
    for a, b in _meeting(left, right):
        rounds = min(a.end_exposure, b.end_exposure) - max(a.first_exposure, b.first_exposure)
        total += max(rounds, 0) * _shared_items(a, b, length)
    return total


def _meeting(left: Sequence[Block], right: Sequence[Block]) -> Iterator[tuple[Block, Block]]:
    """The pairs of blocks of two splits that may have items in common.

    Long tails have tens of thousands of blocks, one behind the other, and a block meets few of the other split's.
    """
    yield from product((block for block in left if block.subset), right)
    whole_left, whole_right = ([block for block in blocks if not block.subset] for blocks in (left, right))
    yield from product(whole_left, (block for block in right if block.subset))
    i = j = 0
    while i < len(whole_left) and j < len(whole_right):
        yield whole_left[i], whole_right[j]
        if whole_left[i].end_item <= whole_right[j].end_item:
            i += 1
        else:
            j += 1


def _shared_items(a: Block, b: Block, length: int) -> Fraction:
    """How many of a source's `length` items are in both blocks; the expected number where both are partial."""
    if a.subset is None and b.subset is None:
        return Fraction(max(0, min(a.end_item, b.end_item) - max(a.first_item, b.first_item)))
    if a.subset == b.subset:
        return Fraction(min(a.items, b.items))
    return Fraction(a.items * b.items, length)
