"""What the biographies of individuals have to state, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.draws import I64
from pipeline.core.errors import SpecError, suggest
from pipeline.sources.knowledge.subjects import name_of
from pipeline.text.fields import Column
from pipeline.text.shown_facts import Shown
from pipeline.worlds.world import World


@dataclass(frozen=True)
class Value:
    """The value of an attribute. label: its number in the world. of: the attribute that it follows from, or ""."""

    attribute: str
    text: str
    label: int
    of: str = ""


@dataclass(frozen=True)
class Facts:
    """What is true of one individual. words: of the name. pronoun: in English, "" where the world has none."""

    name: str
    words: tuple[str, ...]
    pronoun: str
    values: tuple[Value, ...]
    name_label: int = 1


def asked_for(world: World, attributes: Sequence[str] | None) -> tuple[str, ...]:
    """The attributes that biographies state: those named, or all but name and pronoun.

    SpecError, at `attributes`, for one that the world lacks, one without words, or a world without names.
    """
    apart = {name_of(world, "A biography is of somebody."), world.of_kind("pronoun")}
    known = [name for name in world.fields if name not in apart]
    for i, name in enumerate(attributes or ()):
        if name not in known:
            raise SpecError(f"no attribute '{name}' to state", suggest(name, known), ("attributes", i))
    chosen = tuple(attributes or known)
    for name in chosen:
        if any(isinstance(piece, Column) and piece.codes for piece in world.fields[name].format):
            raise SpecError(f"the values of '{name}' are token ids, no words", "Leave it out.", ("attributes",))
    return chosen


def facts_of(world: World, individuals: I64, attributes: Sequence[str]) -> list[Facts]:
    """The facts about each of these individuals (d,)."""
    name = name_of(world)
    pronoun = world.of_kind("pronoun")
    field = world.fields[name]
    parts = [piece for piece in field.format if isinstance(piece, Column)]
    specs = {attribute: spec for attribute, (_, spec, _) in world.spec.expanded.items()}
    of = {attribute: str(getattr(specs[attribute], "of", "")) for attribute in attributes}
    facts = []
    for row in world.rows(individuals).tolist():
        at = dict(enumerate(row))
        values = tuple(
            Value(attribute, world.fields[attribute].text(at), world.labels.index(attribute), of[attribute])
            for attribute in attributes
        )
        words = tuple(str(part.values[at[part.slot]]) for part in parts)
        said = world.fields[pronoun].text(at) if pronoun else ""
        facts.append(Facts(field.text(at), words, said, values, world.labels.index(name)))
    return facts


def shown_of(world: World, attributes: Sequence[str], *, pronoun: bool) -> Shown:
    """What biographies show that state the name and these attributes, and the pronoun if that is so."""
    shown, spoken = world.shown_in_full(name_of(world)), world.of_kind("pronoun")
    for attribute in (*attributes, *([spoken] if spoken and pronoun else [])):
        shown = shown.joined(world.shown_in_full(attribute))
    return shown
