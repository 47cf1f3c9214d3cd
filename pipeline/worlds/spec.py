"""The keys of a world in a recipe."""

from __future__ import annotations

from typing import Annotated, Self

import pydantic

from pipeline.core.errors import KeyPath, SpecError, specified_at
from pipeline.core.files import Files
from pipeline.core.spec import Name, Rational, Size, Spec
from pipeline.worlds.attributes import ATTRIBUTE_KINDS, AnyAttributeSpec
from pipeline.worlds.attributes.attribute import AttributeSpec

Group = Annotated[list[Rational], pydantic.Field(min_length=2, max_length=2)]
_KINDS = "; ".join(f"{name}: {kind.summary}" for name, kind in ATTRIBUTE_KINDS.items())


class WorldSpec(Spec):
    """Individuals and what is true of them. Item i depends on the seed and the world's name alone, not on its size."""

    size: Size = pydantic.Field(description="How many individuals.")
    attributes: dict[Name, AnyAttributeSpec] = pydantic.Field(min_length=1, description=f"By name. Kinds: {_KINDS}.")
    groups: dict[Name, Group] = pydantic.Field(
        {}, description="Named parts, from one fraction of the individuals to another: p_train: [0, 0.5]."
    )
    disjoint_from: Name | list[Name] | None = pydantic.Field(
        None, description="Worlds of the same name pools with which no name is shared."
    )

    def materialise(self, files: Files) -> Self:
        attributes = {}
        for name, spec in self.attributes.items():
            with specified_at("attributes", name):
                attributes[name] = spec.materialise(files.child("attributes", name))
        return self.model_copy(update={"attributes": attributes})

    @property
    def others(self) -> tuple[str, ...]:
        """The worlds with which it may share no name."""
        given = self.disjoint_from
        return () if given is None else (given,) if isinstance(given, str) else tuple(given)

    @property
    def expanded(self) -> dict[str, tuple[str, AttributeSpec, KeyPath]]:
        """Attribute → (recipe key that declares it, its spec, path of its random key); one entry for each repetition.

        SpecError if two have the same name.
        """
        every: dict[str, tuple[str, AttributeSpec, KeyPath]] = {}
        for declared, spec in self.attributes.items():
            repeated = spec.repeated(declared)
            if twice := next((name for name in repeated if name in every), None):
                raise SpecError(f"'{twice}' stands twice", f"'{every[twice][0]}' is it too.", ("attributes", declared))
            every |= {name: (declared, spec, path) for name, path in repeated.items()}
        return every
