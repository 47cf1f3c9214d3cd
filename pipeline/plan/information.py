"""How many bits of a world the documents of a split state: the formulas of Part 3.3, applied to what is stated.

    N · log₂(N0 / N)     N individuals whose names are stated, out of N0 names
    + Σ bits of a slot   over individuals and the slots (columns of values) that documents about them show
    + K D log₂(T^L / D)  of codes that are stated

Individuals fall into a few ranges, within which the same is stated of all. Of a partial round only the size is used, so
its overlap with another one is the expected overlap. Who is related to whom counts as a slot, with an even share of the
relation's bits for each individual (`World.slots_of`). Documents also state what they show of those whom they name at
the end of a path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise, product
from math import log2, prod

import numpy as np
from numpy.typing import NDArray

from pipeline.plan.blocks import Block
from pipeline.plan.exposures import runs_by_order
from pipeline.plan.plan import Plan
from pipeline.sources.abilities import Informative, Relating
from pipeline.text.shown_facts import Shown
from pipeline.worlds.knowledge import bits_of_sets, bits_of_slot, entropy
from pipeline.worlds.world import World

MOST_GROUPS = 200  # of individuals at the ends of paths; of more, the mean is taken
MOST_PARTIAL = 8  # partial coverages of a range; all their combinations are enumerated


@dataclass(frozen=True)
class Information:
    """How many bits a split states of a world.

    individuals: how many have documents, or are named in those of others. names: bits of one name. values: mean bits of
    one individual's values. bits: the total of all individuals.
    """

    individuals: float
    names: float
    values: float
    bits: float


NOTHING = Information(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class _Coverage:
    """One source's documents about a range of individuals, or about a share of it, and which slots they show."""

    individuals: range
    share: float
    shown: Shown
    shares: NDArray[np.float64] | None = None
    """Of each individual of the world its own share, where they are known: those at the ends of a path."""


def information_in(plan: Plan, split: str, world: World) -> Information:
    """How many bits the documents of a split state of a world; NOTHING where they are not about it."""
    coverages = list(_coverages(plan, split, world))
    name = world.of_kind("name")
    name_slots = world.slots_of(name) if name else range(0)
    value_slots = [slot for slot in range(1, world.slots + len(world.relations)) if slot not in name_slots]
    individuals = named = bits = 0.0
    everything = Shown()
    ends = sorted({end for coverage in coverages for end in (coverage.individuals.start, coverage.individuals.stop)})
    for first, last in pairwise(ends):
        of_range = [c for c in coverages if c.individuals.start <= first < c.individuals.stop]
        everything = reduce(Shown.joined, (coverage.shown for coverage in of_range), everything)
        for size, of_alike in _alike(of_range, first, last):
            with_name = [coverage for coverage in of_alike if name_slots and coverage.shown.whole(name_slots)]
            individuals += size * (1 - prod(1 - coverage.share for coverage in of_alike))
            named += size * (1 - prod(1 - coverage.share for coverage in with_name))
            bits += size * sum(_bits_of_slot(world, slot, of_alike) for slot in value_slots)
    if not individuals:
        return NOTHING
    name_bits = entropy(world, name) if name and named else 0.0
    sets = bits_of_sets(world, everything)
    return Information(individuals, name_bits, bits / individuals, named * (name_bits - log2(named or 1)) + bits + sets)


def _coverages(plan: Plan, split: str, world: World) -> Iterator[_Coverage]:
    """The coverages of a world by each source of a split, one for each kind of document about an individual."""
    for name in plan.splits[split].sources:
        source = plan.sources[name]
        if not isinstance(source, Informative):
            continue
        kinds, start = len(source.shown), source.people.start
        for first, last, share in _runs(plan.splits[split].blocks_of(name), len(source)):
            for kind, shown in enumerate(source.shown):
                people = range(*(start + -(-(item - kind) // kinds) for item in (first, last)))
                if source.world is world:
                    yield _Coverage(people, share, shown)
                for reached in source.others_shown[kind] if isinstance(source, Relating) and people else ():
                    if reached.world is world:
                        shares = reached.shares(people, share)
                        each = None if isinstance(shares, float) else shares
                        yield _Coverage(range(world.size), float(np.mean(shares)), reached.shown, each)


def _alike(coverages: Sequence[_Coverage], first: int, last: int) -> Iterator[tuple[int, list[_Coverage]]]:
    """(how many, their coverages) of the individuals first … last - 1, in groups with the same shares."""
    own = np.array([coverage.shares[first:last] for coverage in coverages if coverage.shares is not None])
    if not own.size:
        yield last - first, list(coverages)
        return
    groups, counts = np.unique(own, axis=1, return_counts=True)
    if len(counts) > MOST_GROUPS:
        groups, counts = own.mean(axis=1, keepdims=True), np.array([last - first])
    for shares, count in zip(groups.T.tolist(), counts.tolist(), strict=True):
        left = iter(shares)
        each = (c if c.shares is None else replace(c, share=next(left), shares=None) for c in coverages)
        yield count, [coverage for coverage in each if coverage.share]


def _runs(blocks: Sequence[Block], length: int) -> Iterator[tuple[int, int, float]]:
    """Runs of a source's `length` items: (first item, end, share of the items that have documents).

    Neighbours are one run. A partial round has a share of all items.
    """
    for order, runs in runs_by_order(blocks, length):
        seen = [(first, end) for first, end, exposures in runs if exposures]
        if order is not None:
            yield 0, length, sum(end - first for first, end in seen) / length
            continue
        joined: list[tuple[int, int]] = []
        for first, end in seen:
            start = joined.pop()[0] if joined and joined[-1][1] == first else first
            joined.append((start, end))
        yield from ((first, end, 1.0) for first, end in joined)


def _bits_of_slot(world: World, slot: int, coverages: Iterable[_Coverage]) -> float:
    """Expected bits of a slot of one individual of a range, which each partial coverage includes with its share."""
    shown = [(c.share, Shown({slot: c.shown.slots[slot]})) for c in coverages if slot in c.shown.slots]
    sure = _joined(part for share, part in shown if share == 1)
    if sure.whole([slot]):
        return bits_of_slot(world, slot, None)
    partial = [(share, part) for share, part in shown if share < 1]
    partial = sorted(partial, key=lambda pair: -bits_of_slot(world, slot, pair[1].slots[slot]))[:MOST_PARTIAL]
    total = 0.0
    for included in product((False, True), repeat=len(partial)):
        pairs = list(zip(partial, included, strict=True))
        chance = prod(share if chosen else 1 - share for (share, _), chosen in pairs)
        slots = sure.joined(_joined(part for (_, part), chosen in pairs if chosen)).slots
        total += chance * (bits_of_slot(world, slot, slots[slot]) if slot in slots else 0.0)
    return total


def _joined(shown: Iterable[Shown]) -> Shown:
    return reduce(Shown.joined, shown, Shown())
