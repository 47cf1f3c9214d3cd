"""Relations as anybody would make them: lists of who points to whom, maps counted one by one, paths followed by hand.

From the package it takes whom each individual points to, which is what a relation is, and the values of one individual
at a time. What follows from these (who points back, where a path leads, what a line with paths says) is found here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations, product
from math import log2
from typing import Any

import jinja2
import numpy as np

from pipeline.worlds.relations.relation import Relation
from pipeline.worlds.world import World

# ── a relation as a list ────────────────────────────────────────────────────────────────────────────────────────────


def listed(relation: Relation) -> list[int]:
    """Whom each individual points to, asked one by one; -1 for nobody."""
    return [int(relation(np.array([item]))[0]) for item in range(relation.size)]


def pointing_to(others: Sequence[int], individual: int) -> list[int]:
    """Those who point to an individual, in ascending order."""
    return [item for item, other in enumerate(others) if other == individual]


def generations(others: Sequence[int]) -> list[int]:
    """How many steps each individual is away from one who points to nobody. AssertionError for a circle."""
    found = []
    for item in range(len(others)):
        steps = 0
        while others[item] >= 0:
            item, steps = others[item], steps + 1
            assert steps <= len(others), "a circle"
        found.append(steps)
    return found


# ── all maps that there are ─────────────────────────────────────────────────────────────────────────────────────────


def rings(n: int) -> list[tuple[int, ...]]:
    """Maps of n individuals that lead through everybody before they return."""

    def is_ring(image: tuple[int, ...]) -> bool:
        at, seen = 0, set()
        while at not in seen:
            seen.add(at)
            at = image[at]
        return len(seen) == n

    return [image for image in permutations(range(n)) if is_ring(image)]


def couples(n: int) -> list[tuple[int, ...]]:
    """Maps that are their own inverse, with nobody alone."""
    return [image for image in permutations(range(n)) if all(image[image[i]] == i != image[i] for i in range(n))]


def injections(n: int, m: int) -> list[tuple[int, ...]]:
    """Maps of n individuals to m, nobody of whom is pointed to twice."""
    return list(permutations(range(m), n))


def entropy_of_draws(n: int, chances: Sequence[Fraction], *, alone: bool) -> float:
    """Bits of n draws, each with these chances; alone: never of oneself."""
    bits = 0.0
    for item in range(n):
        own = [chance for other, chance in enumerate(chances) if not alone or other != item]
        bits -= sum(float(c / sum(own)) * log2(c / sum(own)) for c in own if c)
    return bits


def entropy_of_trees(size: int, roots: int, children: int) -> float:
    """Bits of a tree: in each generation every order of its complete children is equally likely."""
    bits, parents, first = 0.0, roots, roots
    while first < size:
        complete = parents * children
        there = min(size - first, complete)
        maps = Counter(tuple(place // children for place in order[:there]) for order in permutations(range(complete)))
        total = sum(maps.values())
        bits -= sum(count / total * log2(count / total) for count in maps.values())
        first, parents = first + complete, complete
    return bits


# ── paths, followed one by one ──────────────────────────────────────────────────────────────────────────────────────


class Known(str):
    """An individual, as a template sees it: the text is its name; an attribute is looked up when it is asked for."""

    world: World
    number: int

    @classmethod
    def of(cls, world: World, number: int) -> Known:
        """The individual with this number."""
        values = world.values(number)
        known = cls(values.get("name", f"{world.name} {number}"))
        known.world, known.number = world, number
        return known

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.world.labels:
            raise AttributeError(name)
        return facts(self.world, self.number)[name]


def facts(world: World, number: int) -> dict[str, Any]:
    """Attribute → value of one individual; those who belong to it are `Known`."""
    return dict(world.values(number)) | others(world, number)


def others(world: World, number: int) -> dict[str, Known | None]:
    """Attribute → the other individual that it is; None for nobody."""
    found = {name: int(relation(np.array([number]))[0]) for name, relation in world.relations.items()}
    return {name: Known.of(world.other(name), other) if other >= 0 else None for name, other in found.items()}


def followed(world: World, number: int, path: str) -> str:
    """The value at the end of a path such as `mother.employer.city`."""
    *steps, last = path.split(".")
    for step in steps:
        world, number = world.other(step), int(world.relations[step](np.array([number]))[0])
    return str(facts(world, number)[last])


def rendered(line: str, variables: Mapping[str, Any]) -> str:
    """A line, by Jinja2, with the space in front that sentences have."""
    return " " + jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(line).render(variables)


def parts(line: str, variables: Mapping[str, Any]) -> Iterator[str]:
    """The parts of a line between its bars, as they are shown."""
    return (rendered(part, variables) for part in line.split(" | "))


def all_weights(values: Sequence[int], most: int) -> Iterator[list[Fraction]]:
    """Some weights of `most` individuals, as chances."""
    for weights in product(values, repeat=most):
        if any(weights):
            yield [Fraction(weight, sum(weights)) for weight in weights]
