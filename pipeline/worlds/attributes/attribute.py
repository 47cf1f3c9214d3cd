"""What every kind of attribute has: a spec, which is its keys in a recipe, and what that compiles to.

An attribute draws zero or more slots (rows of finite tables) for each item, from its own key alone: the exposure plays
no part, and no attribute disturbs another.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, get_args

from pipeline.core.draws import I32, I64
from pipeline.core.key import Key
from pipeline.core.spec import Spec
from pipeline.text.fields import Field

VALUES_KEYS = (("values",), ("file",), ("column",), ("faker",), ("count",))
"""Where the values of an attribute come from, each of which may be at fault where they do not fit."""
SIZE = ("..", "..", "size")  # of the world, from an attribute


class Attribute(ABC):
    """A compiled attribute. sizes: rows of each slot that it draws; () where it draws none."""

    sizes: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of its tables, all of which are tokenized ahead."""
        return sum(self.sizes)

    def weights(self, slot: int) -> tuple[Fraction, ...] | None:
        """How likely each row of its slot-th slot is, summing to 1; None where all are equally likely."""
        return None

    @property
    def bits_of_tables(self) -> float:
        """Bits that there are to be known about its tables themselves, where they are drawn and not given."""
        return 0.0

    @abstractmethod
    def draw(self, item: I64, out: I32) -> None:
        """Its slots for the items (d,), into the columns of out (d, len(sizes))."""

    @abstractmethod
    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        """How a template sees it, its slots being numbered from `first` on.

        label: the number of its name. others: the fields of the attributes declared before it. SpecError where it does
        not fit to them.
        """

    def translated(self, field: Field, language: str) -> Field:
        """How a template in another language sees the same facts; the field itself where it has no translation."""
        return field


class AttributeSpec(Spec):
    """The keys of an attribute. A kind has one more, `kind`, which is its name and its alone."""

    if TYPE_CHECKING:
        kind: str

    def compile(self, key: Key, size: int) -> Attribute:
        """The attribute, drawn from this key for a world of so many items. SpecError where the keys do not fit."""
        raise NotImplementedError

    def repeated(self, name: str) -> dict[str, tuple[str | int, ...]]:
        """The attributes that it declares under a name, nearly always that one: name → the path of its key."""
        return {name: (name,)}


@dataclass(frozen=True)
class AttributeKind:
    """A kind of attribute, as it declares itself. summary: what it draws, in words."""

    spec: type[AttributeSpec]
    summary: str

    @property
    def name(self) -> str:
        """What `kind` is in a recipe."""
        return str(get_args(self.spec.model_fields["kind"].annotation)[0])
