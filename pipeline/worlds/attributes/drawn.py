"""An attribute of one slot: an item's value is a row of one table, uniform or weighted."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pipeline.core.draws import I32, I64, Weighted, below
from pipeline.core.key import Key
from pipeline.text.fields import Column, Field
from pipeline.text.languages import Language
from pipeline.worlds.attributes.attribute import Attribute
from pipeline.worlds.attributes.forms import Forms, Translations, in_language, with_forms


class Drawn(Attribute):
    """One of a list of values for each item."""

    def __init__(
        self,
        key: Key,
        values: tuple[object, ...],
        weights: tuple[Fraction, ...] | None = None,
        forms: Forms | None = None,
        translations: Translations | None = None,
        *,
        numbered: bool = False,
    ) -> None:
        """weights: the probability of each value, summing to 1; None if all are equal. numbered: whether templates see
        `.number`, the value's index in the list."""
        self._key, self._values, self._weights = key, values, weights
        self._forms, self._translations, self._numbered = forms or {}, translations or {}, numbered
        self._table = Weighted.from_weights(weights) if weights else None
        self.sizes = (len(values),)

    def weights(self, slot: int) -> tuple[Fraction, ...] | None:
        return self._weights

    def draw(self, item: I64, out: I32) -> None:
        if self._table:
            self._table(self._key, item, out=out[:, 0])
        else:
            below(self._key, len(self._values), item, out=out[:, 0])

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        parts = {"number": Column(first, tuple(range(len(self._values))))} if self._numbered else {}
        return with_forms(Field((Column(first, self._values),), parts, label), self._forms)

    def translated(self, field: Field, language: str, words: Language | None = None) -> Field:
        return in_language(field, self._translations.get(language))
