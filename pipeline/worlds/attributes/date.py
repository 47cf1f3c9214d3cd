"""date: a month, a day and a year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import pydantic

from pipeline.core.draws import I32, I64, below
from pipeline.core.errors import specified_at
from pipeline.core.key import Key
from pipeline.core.spec import Name
from pipeline.text.fields import Column, Field
from pipeline.text.language_spec import DateTranslationSpec, parts_of_date
from pipeline.text.languages import Language
from pipeline.worlds.attributes.attribute import Attribute, AttributeKind, AttributeSpec

MONTHS = "January February March April May June July August September October November December"


class DateSpec(AttributeSpec):
    """A month, a day and a year, each uniform and independent: 12 × 28 × 200 dates in Part 3.1, section A.1."""

    kind: Literal["date"]
    first_year: int = pydantic.Field(1900, ge=1, le=9999, description="The first of the years.")
    years: int = pydantic.Field(200, ge=1, le=5000, description="How many years there are, from the first one on.")
    days: int = pydantic.Field(28, ge=1, le=28, description="Days of a month: 28 exist in all of them.")
    months: list[str] = pydantic.Field(
        MONTHS.split(), min_length=12, max_length=12, description="The names of the twelve months."
    )
    format: str = pydantic.Field("{month} {day}, {year}", description="Of month, month_number, day and year.")
    translations: dict[Name, DateTranslationSpec] = pydantic.Field(
        {}, description="Language (fr, ko, …) → how it writes a date."
    )

    def compile(self, key: Key, size: int) -> Attribute:
        return Date(key, self)


class Date(Attribute):
    """Two slots: the day of the year, whose table has the columns month and day, and the year."""

    def __init__(self, key: Key, spec: DateSpec) -> None:
        self._keys, self._spec = [key.child(part) for part in ("day", "year")], spec
        self.sizes = (12 * spec.days, spec.years)
        _pieces(spec.format, self._columns(0))
        for language, translation in spec.translations.items():
            with specified_at("translations", language):
                _pieces(translation.format, self._columns(0))

    def draw(self, item: I64, out: I32) -> None:
        for slot, (key, n) in enumerate(zip(self._keys, self.sizes, strict=True)):
            below(key, n, item, out=out[:, slot])

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        columns = self._columns(first)
        return Field(_pieces(self._spec.format, columns), columns, label)

    def translated(self, field: Field, language: str, words: Language | None = None) -> Field:
        spec = self._spec.translations.get(language) or (words.spec.date if words else None)
        if spec is None:
            return field
        columns = self._columns(field.parts["day"].slot, spec.months, spec.first_day)
        return Field(_pieces(spec.format, columns), columns, field.label)

    def _columns(self, first: int, months: Sequence[str] | None = None, first_day: str = "1") -> dict[str, Column]:
        spec = self._spec
        days = [(month, day) for month in range(12) for day in range(1, spec.days + 1)]
        names = months or spec.months
        return {
            "month": Column(first, tuple(names[month] for month, _ in days)),
            "month_number": Column(first, tuple(month + 1 for month, _ in days)),
            "day": Column(first, tuple(first_day if day == 1 and first_day != "1" else day for _, day in days)),
            "year": Column(first + 1, tuple(range(spec.first_year, spec.first_year + spec.years))),
        }


def _pieces(text: str, columns: Mapping[str, Column]) -> tuple[str | Column, ...]:
    """A format such as `"{month} {day}"`, as literals and columns."""
    pieces: list[str | Column] = []
    for literal, name in parts_of_date(text, columns):
        pieces += ([literal] if literal else []) + ([columns[name]] if name else [])
    return tuple(pieces)


KIND = AttributeKind(DateSpec, "a month, a day and a year")
