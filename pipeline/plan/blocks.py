"""The rows of a split as blocks: runs of items of a source with equally many exposures.

exposures 2.5 of four items     items 0 1 2 3 · 0 1 2 3 · two of them       rounds 0, 1 and a partial round 2
{count: 2.5, from: 7}           the same, at the exposures 7, 8 and 9
1.5 more in a later phase       the other two · 0 1 2 3                     the rest of round 2, and round 3
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from pipeline.core.errors import SpecError
from pipeline.core.permutation import Bijection
from pipeline.plan.zipf import zipf_runs
from pipeline.recipe.amount_spec import MOST_EXPOSURES, ZipfExposuresSpec


class EachRound(Protocol):
    """An order of all items for every round; those of a partial round are the first in it."""

    def round(self, number: int, /) -> Bijection: ...


@dataclass(frozen=True)
class SameRound:
    """One order for every round."""

    order: Bijection

    def round(self, _: int) -> Bijection:
        """The order of the items."""
        return self.order


@dataclass(frozen=True)
class Block:
    """`exposures` rounds over `items` items of a source, from `first_item` on, as rows from `first_row` on.

    source: the index of the source in the split. Round e is exposure `first_exposure + e`. subset: for a partial round,
    an order of all items of the source: those of the round stand in it at first_item … first_item + items - 1; None
    where the items themselves are these numbers.
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
        """One more than its last item, or the last place in its subset."""
        return self.first_item + self.items

    @property
    def end_exposure(self) -> int:
        """One more than its last exposure."""
        return self.first_exposure + self.exposures


@dataclass(frozen=True)
class Reached:
    """How far the exposures of a source have come, by the phases and splits before.

    Every item has had the exposures before `exposure`. items: how many have had that one too, the first of `order`;
    None where items differ, because of a long tail. numbered_from: the exposure whose round has the number 0.
    """

    exposure: int = 0
    items: int | None = 0
    order: Bijection | None = None
    numbered_from: int = 0

    @classmethod
    def at(cls, exposure: int, numbered_from: int | None = None) -> Reached:
        """All items have had the exposures before this one. numbered_from: None for this one."""
        return cls(exposure, 0, None, exposure if numbered_from is None else numbered_from)

    @property
    def next_round(self) -> int:
        """The number of the round of `exposure`."""
        return self.exposure - self.numbered_from


def rounds_from(
    reached: Reached, count: int, length: int, orders: EachRound, source: int, first_row: int
) -> tuple[list[Block], Reached]:
    """The next `count` documents of a source of `length` items, as rows from `first_row` on, and how far they reach.

    The rest of a round that was begun, whole rounds, and the beginning of another; none is empty. orders: by the number
    of a round, which items a partial one begins with. SpecError for exposures above MOST_EXPOSURES.
    """
    assert reached.items is not None
    blocks = []
    if reached.items:
        rest = min(count, length - reached.items)
        blocks.append(Block(source, first_row, rest, 1, reached.exposure, reached.items, reached.order))
        done = reached.items + rest
        reached = (
            replace(reached, items=done) if done < length else Reached.at(reached.exposure + 1, reached.numbered_from)
        )
        first_row, count = first_row + rest, count - rest
    if count:
        rounds, rest = divmod(count, length)
        blocks.append(Block(source, first_row, length, rounds, reached.exposure))
        reached = replace(reached, exposure=reached.exposure + rounds)
        if rest:
            order = orders.round(reached.next_round)
            blocks.append(Block(source, first_row + length * rounds, rest, 1, reached.exposure, subset=order))
            reached = replace(reached, items=rest, order=order)
    return _counted([block for block in blocks if block.rows]), reached


def tail_from(
    exposure: int, tail: ZipfExposuresSpec, length: int, source: int, first_row: int
) -> tuple[list[Block], Reached]:
    """The blocks of a long tail that begins at an exposure, otherwise as `rounds_from`."""

    def blocks() -> Iterator[Block]:
        row = first_row
        for first_item, items, exposures in zipf_runs(tail, length):
            yield Block(source, row, items, exposures, exposure, first_item)
            row += items * exposures

    listed = _counted([block for block in blocks() if block.rows])
    return listed, Reached(max((block.end_exposure for block in listed), default=exposure), None)


def _counted(blocks: list[Block]) -> list[Block]:
    """The blocks. SpecError for exposures above MOST_EXPOSURES."""
    last = max((block.end_exposure for block in blocks), default=0)
    if last > MOST_EXPOSURES:
        raise SpecError(
            f"exposure {last - 1:,} is beyond the last that can be counted, {MOST_EXPOSURES - 1:,}",
            "Lower the amount, or begin at an earlier exposure (`from`).",
        )
    return blocks
