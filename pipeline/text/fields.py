"""What a template can show: literals, and finite tables of texts whose row is known per item only.

"{{ subject }} was born on {{ birth_date }}."   in a document about person 17 becomes the pieces
[name.first] [" "] [name.middle] [" "] [name.last] [" was born on "] [month] [" "] [day] [", "] [year] ["."]
  slot 1             slot 2              slot 3       literal         slot 5       slot 6       slot 7
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    def tails(self) -> frozenset[str]:
        """The distinct ends of the rows, each from its last space on."""
        return frozenset(row[max(row.rfind(" "), 0) :] for row in self.rows)

    @cached_property
    def heads(self) -> frozenset[str]:
        """The distinct beginnings of the rows, each up to the first space after its first character."""
        ends = ((row, row.find(" ", 1)) for row in self.rows)
        return frozenset(row if end < 0 else row[:end] for row, end in ends)


@dataclass(frozen=True)
class Column:
    """A finite table of values: item i shows values[row], row being what slot `slot` holds for i."""

    slot: int
    values: tuple[Any, ...]
    codes: tuple[tuple[int, ...], ...] | None = None

    @cached_property
    def texts(self) -> Texts:
        """The values as they are shown."""
        return Texts(tuple(map(str, self.values)), self.codes)

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

    def __new__(cls, text: str, parts: Mapping[str, Any]) -> Composite:
        composite = super().__new__(cls, text)
        composite.__dict__.update(parts)
        return composite


@dataclass(frozen=True)
class Field:
    """A variable of a template: a format of literals and columns, and named parts that can be shown alone.

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
        """The field of one part, labelled as the whole; None where there is no such part."""
        return Field((self.parts[name],), label=self.label) if name in self.parts else None

    def text(self, rows: Mapping[int, int]) -> str:
        """What a sentence shows where slot s holds rows[s]; of the slots of `format` alone."""
        shown = (piece if isinstance(piece, str) else str(piece.values[rows[piece.slot]]) for piece in self.format)
        return "".join(shown) + self.after

    def value(self, rows: Mapping[int, int]) -> Any:
        """What an expression sees where slot s holds rows[s]: the value of a lone column, else a Composite."""
        if len(self.format) == 1 and isinstance(self.format[0], Column) and not self.parts and not self.after:
            return self.format[0].values[rows[self.format[0].slot]]
        parts = {name: column.values[rows[column.slot]] for name, column in self.parts.items()}
        return Composite(self.text(rows), parts)
