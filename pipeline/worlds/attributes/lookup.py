"""lookup: a function of another attribute, such as the city of an employer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pydantic

from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError, suggest
from pipeline.core.key import Key
from pipeline.core.spec import Name
from pipeline.text.fields import Column, Field
from pipeline.text.languages import Language
from pipeline.worlds.attributes.attribute import VALUES_KEYS, Attribute, AttributeKind, AttributeSpec
from pipeline.worlds.attributes.forms import Forms, TranslatedSpec, Translations, in_language, with_forms


class LookupSpec(TranslatedSpec, AttributeSpec):
    """A function of another attribute: an employer's city. `values` (or a file, a column) stand in its order."""

    kind: Literal["lookup"]
    of: Name = pydantic.Field(description="The attribute it follows from; it is declared before this one.")

    @property
    def distinct(self) -> bool:
        return False  # many employers share a city

    def compile(self, key: Key, size: int) -> Attribute:
        return Lookup(self.of, tuple(self.values or ()), self.formed, self.translated)


class Lookup(Attribute):
    """Draws no slot: it shows its own table at the slot of the attribute `of`."""

    def __init__(self, of: str, values: tuple[str, ...], forms: Forms, translations: Translations) -> None:
        self._of, self._values, self._forms, self._translations = of, values, forms, translations

    def draw(self, item: I64, out: I32) -> None:
        """Nothing: it has no slot."""

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        if self._of not in others:
            among = [("of",), ("..", self._of)]  # the other attribute may have been removed
            problem = f"no attribute '{self._of}' is declared before it"
            raise SpecError(problem, suggest(self._of, others), ("of",), among)
        parent = others[self._of].format
        if len(parent) != 1 or not isinstance(parent[0], Column):
            raise SpecError(f"'{self._of}' is not a single list of values", "Look up a choice or an integer.", ("of",))
        if len(parent[0].values) != len(self._values):
            raise SpecError(
                f"{len(self._values)} values for the {len(parent[0].values)} values of '{self._of}'",
                "Give one each.",
                among=[*VALUES_KEYS, ("of",)],
            )
        return with_forms(Field((Column(parent[0].slot, self._values),), label=label), self._forms)

    def translated(self, field: Field, language: str, words: Language | None = None) -> Field:
        return in_language(field, self._translations.get(language))


KIND = AttributeKind(LookupSpec, "what follows from another attribute")
