"""Which values the attributes of a world have in the data, beside how likely each of them was.

A span is a text, read back into parts: "February 6, 2051" into month, day and year, "He" into he, "beaux-arts" into
Fine Arts. What cannot be read back (a value in a template's own words) is counted, not guessed.

Letters: n values of a part, v labels.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.text.fields import Column, Field
from pipeline.text.languages import LANGUAGES
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds.world import World

MOST_VALUES = 100_000  # of a table whose texts are read back
MOST_WORDS = 20_000  # in the pattern of an attribute of several parts
TOP = 5
BINS = 60
Spans = Counter[tuple[int, bytes]]
"""How often each (label, token ids as bytes) stands in the data."""


@dataclass(frozen=True)
class Value:
    """One value: how often it is told, and how likely it is; None where nobody knows."""

    text: str
    count: int
    probability: float | None


@dataclass(frozen=True)
class Marginal:
    """The values of one part of an attribute.

    told: spans that tell it. distinct: different values among them. possible: how many there are; None where that is
    not known. top: those told most often. bins: in the order of the table, neighbours together: count, probability and
    number of values.
    """

    attribute: str
    part: str
    told: int
    distinct: int
    possible: int | None
    top: tuple[Value, ...]
    bins: tuple[tuple[int, float, int], ...]

    @property
    def title(self) -> str:
        """`birth_date`, or `birth_date.year`."""
        return f"{self.attribute}.{self.part}" if self.part else self.attribute


@dataclass(frozen=True)
class Marginals:
    """Of the attributes of a world. unread: label → spans with a text that is none of the values."""

    world: str
    parts: tuple[Marginal, ...]
    unread: Mapping[str, int]
    wrong: int


def count(spans: Spans, ids: NDArray[np.generic], start: I64, length: I64, label: I64) -> None:
    """Add spans (m,): those of the tokens from start to start + length, of all the ids (T,)."""
    for begin, tokens, number in zip(start.tolist(), length.tolist(), label.tolist(), strict=True):
        spans[number, ids[begin : begin + tokens].tobytes()] += 1


def marginals(
    world: World, languages: Iterable[str], spans: Spans, labels: Sequence[str], tokenizer: Tokenizer, wrong: str
) -> Marginals:
    """The values of all attributes of a world that are told. labels: what the numbers of the spans mean."""
    told: dict[str, Counter[bytes]] = {}
    for (label, ids), number in spans.items():
        told.setdefault(labels[label], Counter())[ids] += number
    found: list[Marginal] = []
    unread: dict[str, int] = {}
    for attribute, field in world.fields.items():
        if attribute not in told:
            continue
        if _is_set(field):
            parts, rest = _of_set(world, attribute, told[attribute], tokenizer)
        else:
            parts, rest = _of_texts(world, attribute, list(languages), _decoded(told[attribute], tokenizer))
        found += [part for part in parts if part.told]
        unread |= {attribute: rest} if rest else {}
    return Marginals(world.name, tuple(found), unread, told[wrong].total() if wrong in told else 0)


def _decoded(told: Counter[bytes], tokenizer: Tokenizer) -> Counter[str]:
    texts: Counter[str] = Counter()
    decoded = tokenizer.decode_all([np.frombuffer(ids, tokenizer.dtype).tolist() for ids in told])
    for number, text in zip(told.values(), decoded, strict=True):
        texts[text.strip()] += number
    return texts


def _of_texts(world: World, attribute: str, languages: list[str], told: Counter[str]) -> tuple[list[Marginal], int]:
    """The parts of an attribute, and how many of its spans cannot be read back."""
    reader = _Reader(world, attribute, languages)
    if not reader.parts:
        top = tuple(Value(text, number, None) for text, number in told.most_common(TOP))
        return [Marginal(attribute, "", told.total(), len(told), None, top, ())], 0
    counts = [np.zeros(len(part.texts), np.int64) for part in reader.parts]
    unread = 0
    for text, number in told.items():
        values = reader.read(text)
        unread += number * (not values)
        for part, value in values.items():
            counts[part][value] += number
    return [part.marginal(attribute, these) for part, these in zip(reader.parts, counts, strict=True)], unread


def _is_set(field: Field) -> bool:
    """Whether a value is a row of chunks out of one table, or given as ids."""
    columns = [piece for piece in field.format if isinstance(piece, Column)]
    return bool(columns[0].codes) or (len(columns) > 1 and all(one.values is columns[0].values for one in columns))


def _of_set(world: World, attribute: str, told: Counter[bytes], tokenizer: Tokenizer) -> tuple[list[Marginal], int]:
    """The same of chunks, all of them together."""
    columns = [piece for piece in world.fields[attribute].format if isinstance(piece, Column)]
    part = _Part.of("", columns[0], world)
    counts, unread = np.zeros(len(part.texts), np.int64), 0
    for chunks, number in _chunks(world.fields[attribute], columns[0], told, tokenizer):
        if len(chunks) == len(columns) and min(chunks) >= 0:
            np.add.at(counts, part.of_row[chunks], number)
        else:
            unread += number
    return [part.marginal(attribute, counts)], unread


def _chunks(
    field: Field, column: Column, told: Counter[bytes], tokenizer: Tokenizer
) -> Iterator[tuple[list[int], int]]:
    """The rows of the table that each span shows, -1 for one that is not in it, and how often it stands there."""
    if column.codes is None:
        known = {str(value): row for row, value in enumerate(column.values)}
        between = str(field.format[1])
        yield from (
            ([known.get(c, -1) for c in text.split(between)], n) for text, n in _decoded(told, tokenizer).items()
        )
        return
    rows = {code: row for row, code in enumerate(column.codes)}
    length = len(column.codes[0])
    for ids, number in told.items():  # between two chunks stands the token of a comma
        symbols = np.frombuffer(ids, tokenizer.dtype).tolist()
        firsts = range(0, len(symbols), length + 1)
        yield [rows.get(tuple(symbols[first : first + length]), -1) for first in firsts], number


@dataclass(frozen=True)
class _Part:
    """One column of an attribute: its distinct texts (n,), which of them each row shows, and how likely each is."""

    name: str
    slot: int
    texts: list[str]
    of_row: I64
    probability: NDArray[np.float64]

    @classmethod
    def of(cls, name: str, column: Column, world: World) -> _Part:
        numbers: dict[str, int] = {}
        of_row = np.array([numbers.setdefault(str(value), len(numbers)) for value in column.values], np.int64)
        likely = np.array([float(p) for p in world.probability(column.slot)])
        return cls(
            name, column.slot, list(numbers), of_row, np.bincount(of_row, likely, len(numbers)).astype(np.float64)
        )

    def marginal(self, attribute: str, counts: I64) -> Marginal:
        """With how often each value is told, (n,)."""
        n = len(counts)
        first = np.argsort(-counts, kind="stable")[:TOP].tolist()
        top = tuple(Value(self.texts[i], int(counts[i]), float(self.probability[i])) for i in first if counts[i])
        edges = np.arange(0, n, -(-n // BINS))
        sums = (np.add.reduceat(one, edges).tolist() for one in (counts, self.probability, np.ones(n, np.int64)))
        bins = zip(*sums, strict=True)
        return Marginal(attribute, self.name, int(counts.sum()), int((counts > 0).sum()), n, top, tuple(bins))


class _Reader:
    """From the text of a span to the values that it shows: of each part at most one."""

    def __init__(self, world: World, attribute: str, languages: list[str]) -> None:
        field = world.fields[attribute]
        columns = [piece for piece in field.format if isinstance(piece, Column)]
        self.parts: list[_Part] = []
        if any(column.codes or len(column.values) > MOST_VALUES for column in columns):
            return
        names = {id(column): name for name, column in field.parts.items()}
        several = len(columns) > 1
        self.parts = [
            _Part.of(names.get(id(column), f"chunk {i}") if several else "", column, world)
            for i, column in enumerate(columns, 1)
        ]
        pronoun = attribute == world.of_kind("pronoun")
        told = [world.fields_in(language)[attribute] for language in languages]
        self._alone = [self._of_column(c) for one in told for c in _sure(one)]
        self._alone += [self._of_forms(columns[0], language) for language in languages if pronoun]
        self._patterns = [pattern for one in told if (pattern := self._pattern(one))]

    def read(self, text: str) -> dict[int, int]:
        """Part → value; {} where the text shows none for sure."""
        for pattern, columns in self._patterns:
            if match := pattern.fullmatch(text):
                found: dict[int, int] = {}
                for shown, column in zip(match.groups(), columns, strict=True):
                    found |= column[shown]
                return found
        alone = [values for column in self._alone if (values := column.get(text))]
        return alone[0] if alone and all(values == alone[0] for values in alone) else {}

    def _pattern(self, field: Field) -> tuple[re.Pattern[str], list[dict[str, dict[int, int]]]] | None:
        """What the whole of a field looks like, and what its columns mean; None where one column is all of it."""
        columns = [self._of_column(piece) for piece in field.format if isinstance(piece, Column)]
        if len(field.format) == 1 or sum(map(len, columns)) > MOST_WORDS:
            return None
        rest = iter(columns)
        shown = (re.escape(piece) if isinstance(piece, str) else f"({_either(next(rest))})" for piece in field.format)
        return re.compile("".join(shown)), columns

    def _of_column(self, column: Column) -> dict[str, dict[int, int]]:
        """Text → the values that all rows which show it have in common."""
        return self._in_common(column.slot, ((text, row) for row, text in enumerate(column.plain)))

    def _of_forms(self, column: Column, language: str) -> dict[str, dict[int, int]]:
        """The same for the forms of a pronoun."""
        forms = LANGUAGES[language].pronouns
        shown = [(form, row) for row, value in enumerate(column.values) for form in forms[str(value)].values()]
        return self._in_common(column.slot, shown)

    def _in_common(self, slot: int, shown: Iterable[tuple[str, int]]) -> dict[str, dict[int, int]]:
        mine = [(i, part.of_row) for i, part in enumerate(self.parts) if part.slot == slot]
        found: dict[str, dict[int, int]] = {}
        for text, row in shown:
            values = {i: int(of_row[row]) for i, of_row in mine}
            before = found.get(text, values)
            found[text] = {i: value for i, value in values.items() if before.get(i) == value}
        return found


def _sure(field: Field) -> list[Column]:
    """The columns that a template may show alone: all there is of a value, and its forms; of several, those such as a
    year that look like no other one of the field: a 5 may be a day or the number of a month."""
    shown = [piece for piece in field.format if isinstance(piece, Column)]
    every = list({id(column): column for column in [*shown, *field.parts.values()]}.values())
    texts = {id(column): set(map(str, column.values)) for column in every if len(column.values) <= MOST_VALUES}
    if len(shown) == 1:
        return [*shown, *(column for column in field.parts.values() if column.margin is not None)]
    return [
        column
        for column in every
        if all(texts[id(column)].isdisjoint(texts[id(other)]) for other in every if other is not column)
    ]


def _either(texts: Iterable[str]) -> str:
    """A pattern for any of the texts, the longest first."""
    return "|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text)))
