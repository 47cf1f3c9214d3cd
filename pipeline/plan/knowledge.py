"""What the documents of a split tell of a world, in bits: the formulas of Part 3.3, of what is told alone.

    N · log₂(N0 / N)     N individuals whose names are told, out of N0 names
    + Σ bits of a slot   over the slots (of values) that documents about an individual show, and the individuals
    + K D log₂(T^L / D)  of codes that are told

Who is told what is a few ranges of individuals. Of a partial round only its size is known here, so that two of them, or
one and a range, overlap as often as is expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import log2, prod

from pipeline.plan.blocks import Block
from pipeline.plan.plan import Plan
from pipeline.sources.source import Informative
from pipeline.text.shown import Shown
from pipeline.worlds.world import World

MOST_PARTIAL = 8  # documents that tell a part of a range of individuals, of which all combinations are looked at


@dataclass(frozen=True)
class Known:
    """individuals: that are told of. names, values: bits of a name, and of one's values on average. bits: in all."""

    individuals: float
    names: float
    values: float
    bits: float


NOTHING = Known(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class _Told:
    """Documents about a range of individuals, or about a part of them, with what they show."""

    people: range
    part: float
    shown: Shown


def known_from(plan: Plan, split: str, world: World) -> Known:
    """What a split tells of a world."""
    told = list(_told(plan, split, world))
    name = world.of_kind("name")
    names = world.slots_of(name) if name else range(0)
    individuals = named = bits = 0.0
    everything = Shown()
    ends = sorted({end for one in told for end in (one.people.start, one.people.stop)})
    for first, last in pairwise(ends):
        here = [one for one in told if one.people.start <= first < one.people.stop]
        individuals += (last - first) * (1 - prod(1 - one.part for one in here))
        named += (last - first) * (1 - prod(1 - one.part for one in here if names and one.shown.whole(names)))
        values = (slot for slot in range(1, world.slots) if slot not in names)
        bits += (last - first) * sum(_of_slot(world, slot, here) for slot in values)
        for one in here:
            everything = everything.joined(one.shown)
    if not individuals:
        return NOTHING
    of_names = world.entropy(name) if name and named else 0.0
    sets = world.bits_of_sets(everything)
    return Known(individuals, of_names, bits / individuals, named * (of_names - log2(named or 1)) + bits + sets)


def _told(plan: Plan, split: str, world: World) -> Iterator[_Told]:
    """What each source tells, item by item of an individual."""
    for name in plan.splits[split].sources:
        source = plan.sources[name]
        if source.world is not world or not isinstance(source, Informative):
            continue
        kinds, start = len(source.shown), source.people.start
        for first, last, part in _runs(plan.splits[split].blocks_of(name), len(source)):
            for kind, shown in enumerate(source.shown):
                people = (start + -(-(item - kind) // kinds) for item in (first, last))
                yield _Told(range(*people), part, shown)


def _runs(blocks: Sequence[Block], length: int) -> Iterator[tuple[int, int, float]]:
    """(first item, end, part that is told) of the items of a source; blocks that go on from each other are one run."""
    ends: list[tuple[int, int]] = []
    for block in sorted((block for block in blocks if not block.subset), key=lambda block: block.start):
        if ends and ends[-1][1] == block.start:
            ends[-1] = (ends[-1][0], block.start + block.items)
        else:
            ends.append((block.start, block.start + block.items))
    yield from ((first, last, 1.0) for first, last in ends)
    yield from ((0, length, block.items / length) for block in blocks if block.subset)


def _of_slot(world: World, slot: int, told: Iterable[_Told]) -> float:
    """Bits of a slot of one individual of a range, expected over which of the partial documents are about it."""
    shown = [(one.part, Shown({slot: one.shown.slots[slot]})) for one in told if slot in one.shown.slots]
    sure = _joined(one for part, one in shown if part == 1)
    if sure.whole([slot]):
        return world.bits_of_slot(slot, None)
    partial = [(part, one) for part, one in shown if part < 1]
    partial = sorted(partial, key=lambda one: -world.bits_of_slot(slot, one[1].slots[slot]))[:MOST_PARTIAL]
    total = 0.0
    for chosen in product((False, True), repeat=len(partial)):
        chance = prod(part if taken else 1 - part for (part, _), taken in zip(partial, chosen, strict=True))
        slots = sure.joined(_joined(one for (_, one), taken in zip(partial, chosen, strict=True) if taken)).slots
        total += chance * (world.bits_of_slot(slot, slots[slot]) if slot in slots else 0.0)
    return total


def _joined(shown: Iterable[Shown]) -> Shown:
    found = Shown()
    for one in shown:
        found = found.joined(one)
    return found
