"""Two individuals in one document: the second one's slots are numbered behind those of the first.

slots        0          1 … n - 1               n … 2n - 2
             literal    of the first            of the second, in the same order
variables               {{ birth_city }}        {{ other_birth_city }}
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from pipeline.core.draws import I32
from pipeline.sources.knowledge.subjects import language_of
from pipeline.text.fields import Field, Variable
from pipeline.worlds.world import World

OTHER = "other_"  # before the names of the second individual's variables


def slots_of_two(world: World) -> int:
    """How many slots the facts about two individuals have."""
    return 2 * world.slots - 1


def rows_of_two(first: I32, second: I32) -> I32:
    """Rows (…, slots) of a first and of a second individual as one."""
    return np.concatenate([first, second[..., 1:]], axis=-1)


def slot_of_one(world: World, slot: int) -> int:
    """A slot of either individual as one of the first."""
    return slot if slot < world.slots else slot - world.slots + 1


def sizes_of_two(world: World) -> list[int]:
    """Rows of each slot."""
    sizes = [world.sizes(slot) for slot in range(world.slots)]
    return sizes + sizes[1:]


def probability_of_two(world: World, slot: int) -> tuple[Fraction, ...]:
    """How likely each row of a slot is."""
    return world.probability(slot_of_one(world, slot))


def scope_of_two(world: World, language: str) -> dict[str, Variable]:
    """The variables: the attributes of an individual, and those of a second one with `other_` before their names."""
    language_of(language, ("language",))
    fields = world.fields_in(language)
    others = {OTHER + name: _shifted(field, world.slots - 1) for name, field in fields.items()}
    return {**others, **fields}


def _shifted(field: Field, by: int) -> Field:
    """The same field over slots that are numbered higher."""
    pieces = tuple(piece if isinstance(piece, str) else piece.at(piece.slot + by) for piece in field.format)
    parts = {name: column.at(column.slot + by) for name, column in field.parts.items()}
    return Field(pieces, parts, field.label, field.after)
