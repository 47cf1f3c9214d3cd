"""The base classes of all kinds of attribute: a spec (the keys in a recipe), and the attribute it compiles to.

For each item, an attribute draws the rows of zero or more slots (finite tables) from its key alone. So values depend
neither on the exposure nor on other attributes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

from pipeline.core.draws import I32, I64
from pipeline.core.key import Key
from pipeline.core.spec import Spec
from pipeline.text.fields import Field
from pipeline.text.languages import Language
from pipeline.text.pieces import Joint

VALUES_KEYS = (("values",), ("file",), ("column",), ("faker",), ("count",))
"""Keys that give the values of an attribute; a message about wrong values may point at any of them."""
SIZE = ("..", "..", "size")  # path from an attribute to the world's size


class Attribute(ABC):
    """A compiled attribute. sizes: the number of rows of each of its slots; () if it has none.

    relations: number of one of its last slots → how its row follows from other slots of the world, instead of being
    drawn. An attribute that has some knows them, and its sizes, once it has its field.
    """

    sizes: tuple[int, ...] = ()
    relations: Mapping[int, Joint] = MappingProxyType({})

    @property
    def rows(self) -> int:
        """The number of rows in its tables, all of which are tokenized at compile time."""
        return sum(self.sizes)

    def weights(self, slot: int) -> tuple[Fraction, ...] | None:
        """The probability of each row of its slot-th slot, summing to 1; None if all are equally likely."""
        return None

    @property
    def bits_of_tables(self) -> float:
        """Bits of knowledge in the tables themselves, if they are drawn and not given; else 0."""
        return 0.0

    @abstractmethod
    def draw(self, item: I64, out: I32) -> None:
        """Draw the row of each slot for the items (d,), into the columns of out, int32 (d, len(sizes)).

        Columns of slots with a relation are left as they are.
        """

    @abstractmethod
    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        """The variable that templates see. first: the number of its first slot. label: the number of the attribute.

        others: the fields of attributes declared before it. SpecError if it does not fit them.
        """

    def translated(self, field: Field, language: str, words: Language | None = None) -> Field:
        """The variable that templates in another language see; `field` itself if it has no translation.

        words: what is known of the language beside its name.
        """
        return field


class AttributeSpec(Spec):
    """The keys of an attribute. A kind has one more, `kind`, which is its name and its alone."""

    if TYPE_CHECKING:
        kind: str

    def compile(self, key: Key, size: int) -> Attribute:
        """The attribute, drawn from `key`, of a world with `size` items. SpecError if the spec is inconsistent."""
        raise NotImplementedError

    def repeated(self, name: str) -> dict[str, tuple[str | int, ...]]:
        """The attributes that it declares under `name`, usually just one: name → path from which its key is derived."""
        return {name: (name,)}


@dataclass(frozen=True)
class AttributeKind:
    """The declaration of a kind of attribute. summary: what it draws, in words."""

    spec: type[AttributeSpec]
    summary: str

    @property
    def name(self) -> str:
        """The value of the key `kind` in a recipe."""
        return str(get_args(self.spec.model_fields["kind"].annotation)[0])
