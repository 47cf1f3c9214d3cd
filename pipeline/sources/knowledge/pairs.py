"""Two individuals in one document: the slots of the second are numbered after those of the first.

slots        0          1 … n - 1               n … 2n - 2
             literal    of the first            of the second, in the same order
variables               {{ birth_city }}        {{ other_birth_city }}
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from pipeline.core.draws import I32
from pipeline.core.errors import specified_at
from pipeline.text.fields import LANGUAGE, Field, Grammar, Variable
from pipeline.text.fragments import Fragments
from pipeline.worlds.world import World

OTHER = "other_"  # before the names of the second individual's variables


def slots_of_two(world: World) -> int:
    """The number of slots of two individuals."""
    return 2 * world.slots - 1


def rows_of_two(first: I32, second: I32) -> I32:
    """Concatenates rows of facts (…, slots) about a first and a second individual: (…, 2 · slots - 1)."""
    return np.concatenate([first, second[..., 1:]], axis=-1)


def slot_of_one(world: World, slot: int) -> int:
    """The slot of the first individual that corresponds to a slot of either."""
    return slot if slot < world.slots else slot - world.slots + 1


def sizes_of_two(world: World) -> list[int]:
    """The number of rows of each slot of two individuals."""
    sizes = [world.sizes(slot) for slot in range(world.slots)]
    return sizes + sizes[1:]


def probability_of_two(world: World, slot: int) -> tuple[Fraction, ...]:
    """The probability of each row of a slot of either individual."""
    return world.probability(slot_of_one(world, slot))


def independent_of_two(world: World, renderer: Fragments) -> bool:
    """Whether in each joint slot of the documents the slots are independent, so that its probabilities are products."""
    first = range(world.slots)
    return all(
        world.independent(slot for slot in joint.slots if slot in first)
        and world.independent(slot_of_one(world, slot) for slot in joint.slots if slot not in first)
        for joint in renderer.joints
    )


def scope_of_two(world: World, language: str) -> dict[str, Variable]:
    """Variables: the attributes of the first individual, and with the prefix `other_` those of the second."""
    with specified_at("language"):
        words = world.language(language)
    fields = world.fields_in(language)
    others = {OTHER + name: _shifted(field, world.slots - 1) for name, field in fields.items()}
    return {**others, **fields, LANGUAGE: Grammar(words)}


def _shifted(field: Field, by: int) -> Field:
    """The same field, with all its slots shifted by `by`."""
    pieces = tuple(piece if isinstance(piece, str) else piece.at(piece.slot + by) for piece in field.format)
    parts = {name: column.at(column.slot + by) for name, column in field.parts.items()}
    return Field(pieces, parts, field.label, field.after, field.articles)
