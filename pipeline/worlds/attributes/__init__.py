"""The kinds of attribute, one file each: its keys in a recipe, what it draws, and its declaration at the foot.

    attribute   what every kind has: a spec and, compiled, slots that are drawn and a field that templates see
    drawn       an attribute of one slot, which several kinds compile to
    forms       values with other ways to write them, in the same language or in others

and beside these the kinds themselves. A new kind is a new file: what a recipe may say, its schema and the messages
about it follow from what is declared there.
"""

from typing import TYPE_CHECKING, Annotated, Any, Union

import pydantic

from pipeline.core.registry import declared
from pipeline.worlds.attributes.attribute import AttributeKind, AttributeSpec

ATTRIBUTE_KINDS: dict[str, AttributeKind] = {kind.name: kind for kind in declared(__name__, AttributeKind)}
"""Name, as `kind` has it in a recipe → the kind."""

if TYPE_CHECKING:
    AnyAttributeSpec = AttributeSpec
else:
    _specs: Any = Union[tuple(kind.spec for kind in ATTRIBUTE_KINDS.values())]  # noqa: UP007  (of a list)
    AnyAttributeSpec = Annotated[_specs, pydantic.Field(discriminator="kind")]

__all__ = ["ATTRIBUTE_KINDS", "AnyAttributeSpec"]
