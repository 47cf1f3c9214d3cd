"""The variables of a template: fields, made of literals and columns of values, and words that agree with a subject.

birth_date   [month] [" "] [day] [", "] [year]     parts: birth_date.month, birth_date.year, …
university   [name]                                parts: university.the, a form: the same value with its article
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol

from pipeline.text.languages import Language
from pipeline.text.pieces import NO_MARGIN, Margin, Piece, Texts, literal

LANGUAGE = " language"
"""The name of the variable that holds the language of a sentence. No template can write it."""


class Variable(Protocol):
    """What a name in a template stands for: a Field, or something called, such as `verb`."""

    @property
    def slots(self) -> frozenset[int]: ...

    @property
    def label(self) -> int: ...

    def value(self, rows: Mapping[int, int]) -> Any: ...


@dataclass(frozen=True)
class Agreement:
    """`verb("was", "were")`: shows the word that the subject requires.

    slot: the slot of the pronoun, or of the name's last word; 0 if every subject takes the same word. words: for each
    row of that slot the number of its word, from 0.
    """

    slot: int = 0
    words: tuple[int, ...] = (0,)
    label: int = 0

    @property
    def slots(self) -> frozenset[int]:
        return frozenset({self.slot} - {0})

    def value(self, rows: Mapping[int, int]) -> Callable[..., str]:
        word = self.words[rows.get(self.slot, 0)]

        def agreeing(*words: str) -> str:
            needed = max(2, 1 + max(self.words))
            if len(words) < needed:
                raise ValueError(f"{needed} words are needed to agree with every subject, not {len(words)}")
            return words[word]

        return agreeing


@dataclass(frozen=True)
class Grammar:
    """The language of a sentence, for its filters."""

    language: Language
    label: int = 0
    slots: frozenset[int] = frozenset()

    def value(self, rows: Mapping[int, int]) -> Language:
        return self.language


@dataclass(frozen=True)
class Column:
    """A finite table of values: an item whose slot `slot` holds `row` shows values[row].

    codes: token ids of each value, if they are given. margin: for a form, the words around each value; else None.
    """

    slot: int
    values: tuple[Any, ...]
    codes: tuple[tuple[int, ...], ...] | None = None
    margin: Margin | None = None

    @cached_property
    def texts(self) -> Texts:
        """The values as texts."""
        return Texts(tuple(map(str, self.values)), self.codes)

    def piece(self, label: int) -> Piece:
        """The table as a piece of a document. label: the number of its attribute."""
        return Piece(self.texts, self.slot, label, self.margin or NO_MARGIN)

    @property
    def plain(self) -> tuple[str, ...]:
        """The values without the words around them."""
        return self.piece(0).values

    def form(self, texts: Sequence[str]) -> Column:
        """The same rows in another form, such as with an article; where a text is empty, the value itself."""
        values = self.texts.rows
        shown = tuple(text or value for text, value in zip(texts, values, strict=True))
        return Column(self.slot, shown, margin=Margin.of(shown, values))

    def at(self, slot: int) -> Column:
        """The same table for another slot, its texts shared."""
        column = replace(self, slot=slot)
        column.__dict__["texts"] = self.texts
        return column


class Composite(str):
    """A text with named parts, as an expression in a template sees it: `birth_date`, `birth_date.year`."""


class CompositeNumber(int):
    """A number with named parts: `moons > 1`, `moons.words`."""


def composite(value: Any, parts: Mapping[str, Any]) -> Composite | CompositeNumber:
    """The value with its parts as Python attributes."""
    whole = CompositeNumber(value) if isinstance(value, int) else Composite(value)
    whole.__dict__.update(parts)
    return whole


@dataclass(frozen=True)
class Field:
    """A variable of a template: a format of literals and columns, and named parts that can be shown alone.

    A part is a component of the value (its year), or a form: the whole value in other words (with its article).
    label: the number of the attribute, 0 for none. after: words after the value that do not belong to it. articles:
    forms that a sentence may use although the values lack them; they are then shown as they are.
    """

    format: tuple[str | Column, ...]
    parts: Mapping[str, Column] = field(default_factory=dict)
    label: int = 0
    after: str = ""
    articles: frozenset[str] = frozenset()

    @cached_property
    def slots(self) -> frozenset[int]:
        """The slots that it reads."""
        columns = [piece for piece in self.format if isinstance(piece, Column)] + list(self.parts.values())
        return frozenset(column.slot for column in columns)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The field as pieces of a document."""
        shown = tuple(
            literal(piece, self.label) if isinstance(piece, str) else piece.piece(self.label) for piece in self.format
        )
        return (*shown, literal(self.after)) if self.after else shown

    def part(self, name: str) -> Field | None:
        """The field of one part, with the same label; None if there is no such part.

        For an article without a form: the values as they are.
        """
        if name in self.parts:
            return Field((self.parts[name],), label=self.label)
        return Field(self.format, label=self.label) if name in self.articles and len(self.format) == 1 else None

    def text(self, rows: Mapping[int, int]) -> str:
        """What a sentence shows when slot s holds rows[s]; only the slots of `format` are read."""
        shown = (piece if isinstance(piece, str) else str(piece.values[rows[piece.slot]]) for piece in self.format)
        return "".join(shown) + self.after

    def value(self, rows: Mapping[int, int]) -> Any:
        """What an expression sees when slot s holds rows[s]: the value of a single column, otherwise the text.

        Composite if the field has parts.
        """
        parts = {name: column.values[rows[column.slot]] for name, column in self.parts.items()}
        shown = self.format[0]
        if len(self.format) > 1 or isinstance(shown, str) or self.after:
            return composite(self.text(rows), parts)
        value = shown.values[rows[shown.slot]]
        return composite(value, parts) if parts else value
