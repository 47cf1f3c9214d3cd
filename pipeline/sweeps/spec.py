"""The keys of a sweep. It is a spec, so that a file can hold one, and the description of an experiment too."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from pipeline.core.spec import Name, Spec


class ValuesSpec(Spec):
    """An axis in short: one key, and the values that it takes. Each value is the name of its level."""

    key: str = Field(min_length=1, description="The dotted path of a key of the recipe, as in --set.")
    values: list[Any] = Field(min_length=1, description="Its values: numbers, words, true, false or null.")


Settings = dict[str, Any]
"""Dotted path of a key → value, each meaning what --set means."""


def _form(value: Any) -> str:
    """The tag of the form in which an axis is written: levels are mappings, `key` and `values` are not."""
    short = isinstance(value, ValuesSpec) or (
        isinstance(value, dict) and any(not isinstance(value.get(key, {}), dict) for key in ("key", "values"))
    )
    return "{key, values}" if short else "<levels>"


Axis = Annotated[
    Annotated[ValuesSpec, Tag("{key, values}")] | Annotated[dict[str, Settings], Field(min_length=1), Tag("<levels>")],
    Discriminator(_form),
]


class SweepSpec(Spec):
    """A grid of recipes: a base, and axes whose levels change it."""

    base: str | None = Field(
        None, min_length=1, description="A recipe: a name, or a path from here. The levels of one axis may name others."
    )
    set: Settings = Field(
        {}, description="What is changed in all cells: dotted path of a key → value. Levels may change it again."
    )
    axes: dict[Name, Axis] = Field(
        min_length=1,
        description="Axes by name. Levels by name, each with the dotted paths that it sets, and perhaps with its own "
        "`base`; or {key, values}.",
    )
    exclude: list[str] = Field(
        [],
        description="Conditions on coordinates, such as `wording == 'single' and exposures > 100`. Cells that fulfil "
        "one are left out.",
    )
