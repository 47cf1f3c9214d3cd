"""What a template can show: literals, and finite tables of texts whose row is known per item only.

"{{ subject }} was born on {{ birth_date }}."   in a document about person 17 becomes the pieces
[name.first] [" "] [name.middle] [" "] [name.last] [" was born on "] [month] [" "] [day] [", "] [year] ["."]
  slot 1             slot 2              slot 3       literal         slot 5       slot 6       slot 7
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.text.languages import ARTICLES


class Texts:
    """The rows of a table, or the single row of a literal.

    Compared by identity: hundreds of templates show the same table of a thousand names, and what is found out about it
    (its space moved, its first and last words) is found out once, here.
    """

    def __init__(
        self,
        rows: tuple[str, ...],
        codes: tuple[tuple[int, ...], ...] | None = None,
        around: tuple[tuple[int, int], ...] | None = None,
    ) -> None:
        """codes: the token ids of each row, where they are given rather than found by encoding it.

        around: how many characters at either end of each row are words around a value, such as a particle.
        """
        self.rows, self.codes, self.around = rows, codes, around
        self._joined: dict[tuple[str, str], Texts] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def joined(self, before: str, after: str) -> Texts:
        """The same table with words before and after every row."""
        if (before, after) not in self._joined:
            self._joined[before, after] = Texts(tuple(before + row + after for row in self.rows), around=self.around)
        return self._joined[before, after]

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """The rows without the words around their values."""
        margins = self.around or ((0, 0),) * len(self.rows)
        return tuple(row[first : len(row) - last] for row, (first, last) in zip(self.rows, margins, strict=True))

    @cached_property
    def distinct(self) -> bool:
        """Whether no two rows read alike."""
        return len(set(self.rows)) == len(self.rows)

    @cached_property
    def last(self) -> dict[str, str]:
        """Last character → the first row that ends in it."""
        found: dict[str, str] = {}
        for row in self.rows:
            found.setdefault(row[-1:], row)
        return found

    @cached_property
    def tails(self) -> frozenset[str]:
        """The distinct ends of the rows, each from its last space on."""
        return frozenset(row[max(row.rfind(" "), 0) :] for row in self.rows)

    @cached_property
    def heads(self) -> frozenset[str]:
        """The distinct beginnings of the rows, each up to the first space after its first character."""
        ends = ((row, row.find(" ", 1)) for row in self.rows)
        return frozenset(row if end < 0 else row[:end] for row, end in ends)


def around(text: str, value: str) -> tuple[int, int]:
    """How many characters before and behind a value are words around it; (0, 0) where the text does not hold it.

    Capital letters tell where it stands, if they can: an expression may have changed them.

    >>> around("the University of the Pacific", "University of the Pacific")
    (4, 0)
    >>> around("Boston, MA에서", "Boston, MA")
    (0, 2)
    """
    for shown, plain in ((text, value), (text.lower(), value.lower())):
        if len(shown) != len(text) or plain not in shown:
            continue
        ends = (0, len(shown) - len(plain))
        first = next((at for at in ends if shown.startswith(plain, at)), shown.find(plain))
        return first, len(shown) - first - len(plain)
    return 0, 0


@dataclass(frozen=True)
class Column:
    """A finite table of values: item i shows values[row], row being what slot `slot` holds for i.

    around: of a form, how many characters at either end of each value are words around it.
    """

    slot: int
    values: tuple[Any, ...]
    codes: tuple[tuple[int, ...], ...] | None = None
    around: tuple[tuple[int, int], ...] | None = None

    @cached_property
    def texts(self) -> Texts:
        """The values as they are shown."""
        return Texts(tuple(map(str, self.values)), self.codes, self.around)

    def form(self, texts: Sequence[str]) -> Column:
        """The same rows said another way, such as with an article; an empty text says its value as it is."""
        plain = self.texts.rows
        shown = tuple(text or value for text, value in zip(texts, plain, strict=True))
        return Column(self.slot, shown, around=tuple(map(around, shown, plain)))

    def at(self, slot: int) -> Column:
        """The same table for another slot, its texts shared."""
        column = replace(self, slot=slot)
        column.__dict__["texts"] = self.texts
        return column


@dataclass(frozen=True, eq=False)
class Joint:
    """A slot whose row follows from the rows of several others, as the earlier of two months does.

    classes: for each of `slots`, the class of each of its rows; table: the row, int32, for every combination of them.
    """

    slots: tuple[int, ...]
    classes: tuple[NDArray[np.int32], ...]
    table: NDArray[np.int32]

    def rows(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """The row (d,) that it holds where the slots hold `rows`, int32 (d, slots)."""
        places = (classes[rows[:, slot]] for slot, classes in zip(self.slots, self.classes, strict=True))
        found: NDArray[np.int32] = self.table[tuple(places)]
        return found


@dataclass(frozen=True)
class Piece:
    """A literal (slot 0, one row) or a table of texts, one a row of its slot.

    label: of the attribute the text belongs to, 0 for none. margin: how many characters at either end of every row are
    words around the value, beside `texts.around`. special: the text is that of one special token, alone in its program.
    """

    texts: Texts
    slot: int | Joint = 0
    label: int = 0
    margin: tuple[int, int] = (0, 0)
    special: bool = False

    def around(self, row: int) -> tuple[int, int]:
        """How many characters at either end of a row are not of the value."""
        before, after = self.texts.around[row] if self.texts.around else (0, 0)
        return self.margin[0] + before, self.margin[1] + after

    @property
    def text(self) -> str:
        """The one row of a literal."""
        return self.texts.rows[0]


def literal(text: str, label: int = 0) -> Piece:
    """A piece that always shows the same text."""
    return Piece(Texts((text,)), label=label)


def special(token: str) -> Piece:
    """A special token, as the only piece of a program."""
    return Piece(Texts((token,)), special=True)


class Composite(str):
    """A text with named parts, as an expression in a template sees it: `birth_date`, `birth_date.year`."""


class CompositeNumber(int):
    """A number with named parts: `moons > 1`, `moons.words`."""


def composite(value: Any, parts: Mapping[str, Any]) -> Composite | CompositeNumber:
    """A value that has parts."""
    made = CompositeNumber(value) if isinstance(value, int) else Composite(value)
    made.__dict__.update(parts)
    return made


@dataclass(frozen=True)
class Field:
    """A variable of a template: a format of literals and columns, and named parts that can be shown alone.

    A part is a piece of the value (a year), or a form of it: the whole value said another way (with its article).
    label: of the attribute that it tells, 0 for none. after: words that follow the value without belonging to it.
    """

    format: tuple[str | Column, ...]
    parts: Mapping[str, Column] = field(default_factory=dict)
    label: int = 0
    after: str = ""

    @cached_property
    def slots(self) -> frozenset[int]:
        """The slots that it reads."""
        columns = [piece for piece in self.format if isinstance(piece, Column)] + list(self.parts.values())
        return frozenset(column.slot for column in columns)

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """The field as pieces of a document."""
        shown = tuple(
            literal(piece, self.label) if isinstance(piece, str) else Piece(piece.texts, piece.slot, self.label)
            for piece in self.format
        )
        return (*shown, literal(self.after)) if self.after else shown

    def part(self, name: str) -> Field | None:
        """The field of one part, labelled as the whole; None where there is no such part.

        An article that the values have no form for is no part of theirs: it is the values as they are.
        """
        if name in self.parts:
            return Field((self.parts[name],), label=self.label)
        return Field(self.format, label=self.label) if name in ARTICLES and len(self.format) == 1 else None

    def text(self, rows: Mapping[int, int]) -> str:
        """What a sentence shows where slot s holds rows[s]; of the slots of `format` alone."""
        shown = (piece if isinstance(piece, str) else str(piece.values[rows[piece.slot]]) for piece in self.format)
        return "".join(shown) + self.after

    def value(self, rows: Mapping[int, int]) -> Any:
        """What an expression sees where slot s holds rows[s]: the value of a lone column, else its text; composite
        where it has parts."""
        parts = {name: column.values[rows[column.slot]] for name, column in self.parts.items()}
        shown = self.format[0]
        if len(self.format) > 1 or isinstance(shown, str) or self.after:
            return composite(self.text(rows), parts)
        value = shown.values[rows[shown.slot]]
        return composite(value, parts) if parts else value
