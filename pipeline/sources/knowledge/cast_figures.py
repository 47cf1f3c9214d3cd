"""How likely the rows of a cast's slots are: for the expected lengths of documents."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I32, I64
from pipeline.sources.knowledge.cast import Cast, Member, Path
from pipeline.text.fragments import Fragments
from pipeline.worlds.relations.relation import NOBODY

LISTED = 50_000  # individuals of a world, each of whom is looked at


class Figures:
    """The probabilities of a cast whose templates are compiled."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._listed: dict[Path, tuple[I32, NDArray[Any]] | None] = {}

    def probability(self, slot: int) -> tuple[Fraction, ...]:
        """The probability of each row of a slot, over all individuals.

        Of individuals to whom a path leads it is that of those who are there, where these are few: then some of them,
        such as a large employer, matter much.
        """
        member = self._cast.member_of(slot)
        if member.path not in self._listed:
            reached = self._reached(member.path) if len(member.path) > 1 else None
            self._listed[member.path] = reached and (member.world.rows(reached[0]), reached[1])
        if (listed := self._listed[member.path]) is None:
            return member.world.probability(slot - member.first)
        rows, likely = listed
        of_rows = np.zeros(member.world.sizes(slot - member.first), object)
        np.add.at(of_rows, rows[:, slot - member.first], likely)
        total = int(likely.sum())
        return tuple(Fraction(int(weight), total) for weight in of_rows.tolist())

    def _reached(self, path: Path) -> tuple[I64, NDArray[Any]] | None:
        """The individuals (k,) at the ends of a path, and how likely each is: integers (k,).

        None where these are more than LISTED, all of them equally likely.
        """
        world = self._cast.world_at(path)
        relation = self._cast.world_at(path[:-1]).relations[path[-1]] if len(path) > 1 else None
        before = self._reached(path[:-1]) if relation else None
        if relation and before:
            others = relation(before[0])
            reached, number = np.unique(others[others != NOBODY], return_inverse=True)
            likely = np.zeros(reached.size, object)
            np.add.at(likely, number, before[1][others != NOBODY])
            return reached, likely
        weights = relation.weights if relation else None
        if weights is None and world.size > LISTED:
            return None
        common = lcm(*(weight.denominator for weight in weights or ()))
        likely = np.array([int(weight * common) for weight in weights or ()] or [1] * world.size, object)
        return np.arange(world.size, dtype=np.int64), likely

    def independent(self, renderer: Fragments) -> bool:
        """Whether in each joint slot of the documents the slots are independent: then its probabilities are products.

        Those of individuals who may be the same one are not taken to be.
        """
        for joint in renderer.joints:
            members = list(dict.fromkeys(map(self._cast.member_of, joint.slots)))
            if not all(self._apart(*pair) for pair in combinations(members, 2)):
                return False
            for member in members:
                own = [slot - member.first for slot in joint.slots if slot in member.columns]
                if not member.world.independent(own):
                    return False
        return True

    def _apart(self, one: Member, other: Member) -> bool:
        """Whether two of the cast are sure to be two individuals."""
        less, more = sorted((one.path, other.path), key=len)
        if one.world is not other.world or len(more) == 1:
            return True
        return more[:-1] == less and self._cast.world_at(less).relations[more[-1]].apart
