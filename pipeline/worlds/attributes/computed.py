"""computed: a whole number that follows from other attributes by arithmetic, such as a sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

import pydantic

from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError, TemplateError
from pipeline.core.files import Files, Text
from pipeline.core.key import Key
from pipeline.text.arithmetic import NoArithmetic, Table, table_of
from pipeline.text.fields import Column, Field
from pipeline.text.syntax import check, chunks, parsed
from pipeline.worlds.attributes.attribute import Attribute, AttributeKind, AttributeSpec
from pipeline.worlds.attributes.forms import Forms, FormsKey, texts_of, with_forms

REMEDY = "Write arithmetic over attributes of kind integer, or parts of dates: melts + range, born.year + 18."


class ComputedSpec(AttributeSpec):
    """A whole number that follows from others, `melts + range`: a finite table, so it costs what a drawn one costs.

    It may use + - * // % and parentheses, attributes of kind integer or computed that are declared before it, and the
    parts of dates that are numbers. It adds no bits of knowledge where those that it follows from are known.
    """

    kind: Literal["computed"]
    value: str = pydantic.Field(min_length=1, description="How it is computed: melts + range.")
    forms: FormsKey

    def materialise(self, files: Files) -> Self:
        if self.forms:  # how many values there are is known only beside the other attributes
            forms = {name: spec.materialise(files.child("forms", name)) for name, spec in self.forms.items()}
            return self.model_copy(update={"forms": forms})
        return self

    def compile(self, key: Key, size: int) -> Attribute:
        return Computed(self)


class Computed(Attribute):
    """One slot, whose row follows from those of others."""

    def __init__(self, spec: ComputedSpec) -> None:
        self._spec = spec

    @property
    def rows(self) -> int:
        return 0  # known once it has a field

    def draw(self, item: I64, out: I32) -> None:
        """Nothing is drawn: `World.rows` fills the slot."""

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        table = computed(self._spec.value, others, "value")
        values = tuple(table.different)
        self.sizes, self.relations = (len(values),), {0: table.joint}
        forms: Forms = texts_of(self._spec.forms, len(values))
        for name, texts in forms.items():
            if len(texts) != len(values):
                raise SpecError(
                    f"{len(texts)} texts of a form of {len(values)} values, {values[0]:,} to {values[-1]:,}",
                    'Give one each in ascending order, "" for a value that is written as it is.',
                    ("forms", name),
                )
        return with_forms(Field((Column(first, values),), label=label), forms)


def computed(text: str, others: Mapping[str, Field], key: str) -> Table:
    """The results of an expression over attributes. SpecError, at the key, for what is no arithmetic over numbers."""
    line = Text(f"{{{{ {text} }}}}", "")
    try:
        nodes = list(chunks(parsed(line)))
        if len(nodes) != 1:
            raise NoArithmetic("it is not one expression")
        check(nodes[0], others, line, "the attributes declared before it")
        return table_of(nodes[0], others)
    except (RecursionError, MemoryError):  # both: nested too deeply
        raise SpecError("the arithmetic is nested too deeply", "Write it in a simpler way.", (key,)) from None
    except NoArithmetic as error:
        raise SpecError(f"'{text}' cannot be computed ahead: {error}", REMEDY, (key,)) from None
    except TemplateError as error:
        raise SpecError(f"'{text}': {error.problem}", error.remedy, (key,)) from None


KIND = AttributeKind(ComputedSpec, "a whole number that follows from others, such as a sum")
