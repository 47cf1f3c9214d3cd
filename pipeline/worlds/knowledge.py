"""Bits of knowledge in a world, and in what is shown of it (Part 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import log2

from pipeline.text.shown_facts import Classes, Shown
from pipeline.worlds.attributes.name import UniqueName
from pipeline.worlds.world import World


@dataclass(frozen=True)
class Knowledge:
    """The bits of knowledge in a world, by the formulas of Part 3.3.

    names: log₂ N0, with N0 possible names. values: bits of one individual's values (log₂ S0 of Definition 4.3); the
    entropy, if they are weighted; C · log₂ D for each of codes. sets: K · D · log₂(T^L / D) for codes. total:
    N · log₂(N0 / N) + N · values + sets, which is R^max times the number of parameters.
    """

    size: int
    names: float
    values: float
    sets: float

    @property
    def total(self) -> float:
        """All bits of knowledge together."""
        return self.size * (self.names - log2(self.size)) * (self.names > 0) + self.size * self.values + self.sets


def knowledge_of(world: World) -> Knowledge:
    """The bits of knowledge in a world."""
    name = next((a for a in world.attributes.values() if isinstance(a, UniqueName)), None)
    names = sum(map(log2, name.sizes)) if name else 0.0
    others = (label for label in world.labels[1:] if name is None or world.attributes.get(label) is not name)
    return Knowledge(world.size, names, sum(entropy(world, label) for label in others), bits_of_sets(world))


def bits_of_sets(world: World, shown: Shown | None = None) -> float:
    """Bits of the sets from which the chunks of codes are taken. shown: count only codes that it contains."""
    return sum(
        compiled.bits_of_tables
        for attribute, compiled in world.attributes.items()
        if shown is None or bits_shown(world, attribute, shown)
    )


def entropy(world: World, attribute: str) -> float:
    """Bits of one value of an attribute, written in full; 0 if it follows from another attribute."""
    return bits_shown(world, attribute, world.shown_in_full(attribute))


def bits_shown(world: World, attribute: str, shown: Shown) -> float:
    """The bits that `shown` reveals of one value of an attribute; 0 if it follows from another attribute."""
    slots = (slot for slot in world.slots_of(attribute) if slot in shown.slots)
    return sum(bits_of_slot(world, slot, shown.slots[slot]) for slot in slots)


def bits_of_slot(world: World, slot: int, classes: Classes) -> float:
    """The entropy, in bits, of the class of a slot's row; of another individual an even share of the relation's."""
    if slot >= world.slots:
        return list(world.relations.values())[slot - world.slots].bits / world.size
    if classes is None:
        return _entropy(world.weights(slot), world.sizes(slot))
    of_class = [Fraction(0)] * (int(classes.max()) + 1)
    for number, chance in zip(classes.tolist(), world.probability(slot), strict=True):
        of_class[number] += chance
    return _entropy(tuple(of_class), len(of_class))


def _entropy(weights: tuple[Fraction, ...] | None, rows: int) -> float:
    """The entropy of one draw, in bits; weights None: uniform over `rows`."""
    if weights is None:
        return log2(rows)
    return -sum(float(weight) * log2(float(weight)) for weight in weights if float(weight) > 0)
