"""Documents that two sets of blocks have in common: two splits, or two phases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product

from pipeline.plan.blocks import Block


def shared_documents(left: Sequence[Block], right: Sequence[Block], length: int) -> Fraction:
    """How many documents two splits share, from their blocks of one source of `length` items.

    Exact, except where both have partial rounds in different orders: then it is the expected number.
    """
    total = Fraction(0)
    for a, b in _meeting(left, right):
        rounds = min(a.end_exposure, b.end_exposure) - max(a.first_exposure, b.first_exposure)
        total += max(rounds, 0) * _shared_items(a, b, length)
    return total


def _meeting(left: Sequence[Block], right: Sequence[Block]) -> Iterator[tuple[Block, Block]]:
    """The pairs of blocks of two splits that may have items in common."""
    yield from product((block for block in left if block.subset), right)
    whole_left, whole_right = ([block for block in blocks if not block.subset] for blocks in (left, right))
    yield from product(whole_left, (block for block in right if block.subset))
    for of_left, of_right in product(_chains(whole_left), _chains(whole_right)):
        i = j = 0
        while i < len(of_left) and j < len(of_right):
            yield of_left[i], of_right[j]
            if of_left[i].end_item <= of_right[j].end_item:
                i += 1
            else:
                j += 1


def _chains(blocks: Sequence[Block]) -> list[list[Block]]:
    """The blocks in runs whose items ascend without overlap: long tails have tens of thousands of blocks in one."""
    chains: list[list[Block]] = []
    for block in blocks:
        if not chains or block.first_item < chains[-1][-1].end_item:
            chains.append([])
        chains[-1].append(block)
    return chains


def _shared_items(a: Block, b: Block, length: int) -> Fraction:
    """How many of a source's `length` items are in both blocks; the expected number where their orders differ."""
    if a.subset == b.subset:
        return Fraction(max(0, min(a.end_item, b.end_item) - max(a.first_item, b.first_item)))
    return Fraction(a.items * b.items, length)
