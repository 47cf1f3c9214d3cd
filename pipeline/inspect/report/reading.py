"""Reader: from the text of a span to the value of each part.

    "February 6, 2051"  →  month, day and year          "He"  →  he          "beaux-arts"  →  Fine Arts

Letters: n values of a part.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.text.fields import Column, Field
from pipeline.text.languages import Language
from pipeline.worlds.world import World

MOST_VALUES = 100_000  # the largest table whose texts are read back
MOST_WORDS = 20_000  # in the pattern of an attribute of several parts
Meanings = dict[str, dict[int, int]]
"""Text → part → value: what a text shows for sure."""


@dataclass(frozen=True)
class Part:
    """A column of an attribute: its n distinct texts, the probability (n,) of each, and each row's index among them."""

    name: str
    slot: int
    texts: list[str]
    of_row: I64
    probability: NDArray[np.float64]

    @classmethod
    def of(cls, name: str, column: Column, world: World) -> Part:
        """The part of a column of a world. name: the part's."""
        numbers: dict[str, int] = {}
        of_row = np.array([numbers.setdefault(str(value), len(numbers)) for value in column.values], np.int64)
        likely = np.array([float(p) for p in world.probability(column.slot)])
        probability = np.bincount(of_row, likely, len(numbers)).astype(np.float64)
        return cls(name, column.slot, list(numbers), of_row, probability)


class Reader:
    """Reads an attribute's values from texts in some languages, at most one value for each part.

    parts: empty where the attribute's tables are too large.
    """

    def __init__(self, world: World, attribute: str, languages: list[str]) -> None:
        field = world.fields[attribute]
        columns = [piece for piece in field.format if isinstance(piece, Column)]
        self.parts: list[Part] = []
        if any(column.codes or len(column.values) > MOST_VALUES for column in columns):
            return
        names = {id(column): name for name, column in field.parts.items()}
        several = len(columns) > 1
        self.parts = [
            Part.of(names.get(id(column), f"chunk {i}") if several else "", column, world)
            for i, column in enumerate(columns, 1)
        ]
        pronoun = attribute == world.of_kind("pronoun")
        fields = [world.fields_in(language)[attribute] for language in languages]
        self._alone = [self._of_column(column) for in_language in fields for column in _sure(in_language)]
        self._alone += [self._of_forms(columns[0], world.language(language)) for language in languages if pronoun]
        self._patterns = [pattern for in_language in fields if (pattern := self._pattern(in_language))]

    def read(self, text: str) -> dict[int, int]:
        """Index of a part → index of its value; {} where the text does not determine any."""
        for pattern, columns in self._patterns:
            if match := pattern.fullmatch(text):
                values: dict[int, int] = {}
                for shown, meanings in zip(match.groups(), columns, strict=True):
                    values |= meanings[shown]
                return values
        alone = [meanings[text] for meanings in self._alone if meanings.get(text)]
        return alone[0] if alone and all(values == alone[0] for values in alone) else {}

    def _pattern(self, field: Field) -> tuple[re.Pattern[str], list[Meanings]] | None:
        """(pattern of a whole field, meanings of its columns); None where the field is one column."""
        columns = [self._of_column(piece) for piece in field.format if isinstance(piece, Column)]
        if len(field.format) == 1 or sum(map(len, columns)) > MOST_WORDS:
            return None
        rest = iter(columns)
        shown = (re.escape(piece) if isinstance(piece, str) else f"({_either(next(rest))})" for piece in field.format)
        return re.compile("".join(shown)), columns

    def _of_column(self, column: Column) -> Meanings:
        """Text → the values that all rows with this text have in common."""
        return self._in_common(column.slot, ((text, row) for row, text in enumerate(column.plain)))

    def _of_forms(self, column: Column, language: Language) -> Meanings:
        """As `_of_column`, for the forms of a pronoun."""
        forms = [language.forms_of(str(value)).values() for value in column.values]
        shown = [(form, row) for row, of_value in enumerate(forms) for form in of_value]
        return self._in_common(column.slot, shown)

    def _in_common(self, slot: int, shown: Iterable[tuple[str, int]]) -> Meanings:
        """Text → the values that its rows have in common. shown: pairs (text, row of the slot)."""
        of_slot = [(i, part.of_row) for i, part in enumerate(self.parts) if part.slot == slot]
        meanings: Meanings = {}
        for text, row in shown:
            values = {i: int(of_row[row]) for i, of_row in of_slot}
            before = meanings.get(text, values)
            meanings[text] = {i: value for i, value in values.items() if before.get(i) == value}
        return meanings


def _sure(field: Field) -> list[Column]:
    """The columns of a field that can be recognised alone: the only column, with its forms; of several columns, those
    that look unlike the others, such as a year. (A 5 may be a day or a month.)"""
    shown = [piece for piece in field.format if isinstance(piece, Column)]
    every = list({id(column): column for column in [*shown, *field.parts.values()]}.values())
    texts = {id(column): set(map(str, column.values)) for column in every if len(column.values) <= MOST_VALUES}
    if len(shown) == 1:
        return [*shown, *(column for column in field.parts.values() if column.margin is not None)]
    return [
        column
        for column in every
        if all(texts[id(column)].isdisjoint(texts[id(rival)]) for rival in every if rival is not column)
    ]


def _either(texts: Iterable[str]) -> str:
    """A pattern for any of the texts, the longest first."""
    return "|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text)))
