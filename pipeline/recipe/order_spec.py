"""The key `order` of a split: in which order the documents of each source stand."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from pipeline.core.spec import Spec, refused


class DistanceSpec(Spec):
    """A distance between documents of one source."""

    documents: int = Field(ge=1, le=2**61, description="Counted among the documents of the source.")


class SpacedSpec(Spec):
    """Rounds in which two exposures of an item are at least so far apart."""

    spaced: DistanceSpec = Field(description="The least distance between two exposures of an item.")


class MassedSpec(Spec):
    """All exposures of an item within so many documents."""

    massed: DistanceSpec = Field(description="How many documents all exposures of an item lie within.")


def _form(value: Any) -> str:
    """The tag of the form in which an order is written. Tags are not keys, so they never occur in a path."""
    if isinstance(value, SpacedSpec) or (isinstance(value, dict) and "spaced" in value):
        return "{spaced}"
    return "{massed}" if isinstance(value, dict | MassedSpec) else "<name>"


def _one_distance(value: Any) -> Any:
    """The value. Refused is a mapping with both distances, as one that changes an inherited order, or with neither."""
    if isinstance(value, dict) and {"spaced", "massed"} <= value.keys():
        raise refused("one of spaced and massed is enough", among=[("spaced",), ("massed",)], exclusive=True)
    if isinstance(value, dict) and not {"spaced", "massed"} & value.keys():
        problem = "an order with a distance is written {spaced: {documents: 500}} or {massed: {documents: 80}}"
        raise refused(problem, "Write one of them.")
    return value


def in_words(order: str | SpacedSpec | MassedSpec | None) -> str:
    """An order as `plan` says it: "rounds", "spaced by 500 documents"."""
    if isinstance(order, SpacedSpec):
        return f"spaced by {order.spaced.documents:,} documents"
    if isinstance(order, MassedSpec):
        return f"massed within {order.massed.documents:,} documents"
    return order or "shuffled"


OrderSpec = Annotated[
    Annotated[
        Annotated[Literal["shuffled", "rounds", "file"], Tag("<name>")]
        | Annotated[SpacedSpec, Tag("{spaced}")]
        | Annotated[MassedSpec, Tag("{massed}")],
        Discriminator(_form),
    ],
    BeforeValidator(_one_distance),
]
"""shuffled, rounds, file, {spaced: {documents: n}} or {massed: {documents: n}}."""
