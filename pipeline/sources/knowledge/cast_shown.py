"""What documents show of each of a cast: of the subject, and of those whom they name at the end of a path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import expm1

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.knowledge.cast import Cast, Member, Path
from pipeline.text.shown_facts import Shown
from pipeline.worlds.relations.relation import NOBODY
from pipeline.worlds.world import World

COUNTED = 1_000_000  # individuals who are counted one by one


@dataclass(frozen=True)
class Reached:
    """What documents show of the individuals of a world to whom a path leads.

    shares(people, chance): how likely each individual of that world is reached, float64 (n,), if each of these subjects
    has documents with a chance; of more than COUNTED individuals the mean, as if they were drawn uniformly.
    """

    world: World
    shown: Shown
    shares: Callable[[range, float], NDArray[np.float64] | float]


def shown_of(cast: Cast, shown: Shown) -> Shown:
    """What is shown of the world of the subject, of the subject or the second individual: its slots.

    A relation is stated by the whole name of the other one; what else is shown of that one is not counted here.
    """
    total = Shown(labels=shown.labels)
    for path, member in cast.members.items():
        of = {slot - member.first: classes for slot, classes in shown.slots.items() if slot in member.columns}
        bare = frozenset(slot - member.first for slot in shown.bare if slot in member.columns)
        if len(path) == 1:
            total = total.joined(cast.world.drawn(Shown(of, bare=bare)))
        if len(path) == 2 and _named(member, shown):
            total = total.joined(Shown(dict.fromkeys(cast.world.slots_of(path[1]))))
    return total


def others_shown(cast: Cast, shown: Shown) -> tuple[Reached, ...]:
    """What is shown of those to whom paths lead, and who is named whole; to whom they are related, too."""
    reached = []
    for path, member in cast.members.items():
        of = {slot - member.first: classes for slot, classes in shown.slots.items() if slot in member.columns}
        if len(path) > 1 and _named(member, shown):
            here = {own: label for (at, own), label in cast.values.items() if at == path}
            labels = frozenset(own for own, label in here.items() if label in shown.labels)
            bare = frozenset(slot - member.first for slot in shown.bare if slot in member.columns)
            of_other = member.world.drawn(Shown(of, labels, bare))
            steps = [at[-1] for at, next_one in cast.members.items() if at[:-1] == path and _named(next_one, shown)]
            for step in steps:
                slots = dict.fromkeys(member.world.slots_of(step))
                of_other = of_other.joined(Shown(slots, frozenset({member.world.labels.index(step)})))
            reached.append(Reached(member.world, of_other, partial(_shares, cast, path)))
    return tuple(reached)


def _named(member: Member, shown: Shown) -> bool:
    """Whether the whole name of a member is shown."""
    name = member.world.of_kind("name")
    of = {slot - member.first: classes for slot, classes in shown.slots.items() if slot in member.columns}
    return name is not None and Shown(of).whole(member.world.slots_of(name))


def _shares(cast: Cast, path: Path, people: range, chance: float) -> NDArray[np.float64] | float:
    """How likely each individual of a world is at the end of a path: see `Reached`."""
    world = cast.world_at(path)
    if max(len(people), world.size) > COUNTED:
        injective = all(cast.world_at(path[:at]).relations[path[at]].most == 1 for at in range(1, len(path)))
        expected = len(people) * chance / world.size
        return expected if injective else -expm1(-expected)
    ends = cast.followed(path, {path[:1]: np.arange(people.start, people.stop, dtype=np.int64)})
    counts = np.bincount(ends[ends != NOBODY], minlength=world.size)
    return np.asarray(1 - (1 - chance) ** counts, np.float64)
