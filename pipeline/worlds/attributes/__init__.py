"""The kinds of attribute, one file each: its keys in a recipe, what it draws, and its declaration at the foot.

    attribute   the base classes: a spec, which compiles to an attribute with drawn slots and a field for templates
    drawn       an attribute with one slot, to which several kinds compile
    forms       other ways to write values, in the same language or in others

All other files are the kinds. A new kind is a new file: keys in recipes, the schema and messages follow from its
declaration.
"""

from typing import TYPE_CHECKING

from pipeline.core.registry import declared
from pipeline.core.spec import any_of
from pipeline.worlds.attributes.attribute import AttributeKind, AttributeSpec

ATTRIBUTE_KINDS: dict[str, AttributeKind] = {kind.name: kind for kind in declared(__name__, AttributeKind)}
"""Name, as `kind` has it in a recipe → the kind."""

if TYPE_CHECKING:
    AnyAttributeSpec = AttributeSpec
else:
    AnyAttributeSpec = any_of(kind.spec for kind in ATTRIBUTE_KINDS.values())

__all__ = ["ATTRIBUTE_KINDS", "AnyAttributeSpec"]
