"""What documents are put together from: literals, and finite tables of texts whose row is known per item only.

"{{ subject }} was born on {{ birth_date }}."   in a document about person 17 becomes the pieces
[name.first] [" "] [name.middle] [" "] [name.last] [" was born on "] [month] [" "] [day] [", "] [year] ["."]
  slot 1             slot 2              slot 3       literal         slot 5       slot 6       slot 7
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64

Length = int | I64
"""Characters of each row of a table: one number for all rows, or int64 (rows,)."""


class Texts:
    """The rows of a table, or the single row of a literal.

    Compared by identity: hundreds of templates show the same table of a thousand names, and what is computed of it (its
    space moved, its first and last words) is computed once, here.
    """

    def __init__(self, rows: tuple[str, ...], codes: tuple[tuple[int, ...], ...] | None = None) -> None:
        """codes: the token ids of each row, where they are given rather than obtained by encoding it."""
        self.rows, self.codes = rows, codes
        self._joined: dict[tuple[str, str], Texts] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def joined(self, before: str, after: str) -> Texts:
        """The same table with words before and after every row."""
        if (before, after) not in self._joined:
            self._joined[before, after] = Texts(tuple(before + row + after for row in self.rows))
        return self._joined[before, after]

    def beside(self, right: Texts) -> Texts:
        """Row by row the text of both; a table of one row stands beside every row of the other."""
        if len(right) == 1:
            return self.joined("", right.rows[0])
        if len(self) == 1:
            return right.joined(self.rows[0], "")
        return Texts(tuple(a + b for a, b in zip(self.rows, right.rows, strict=True)))

    @cached_property
    def length(self) -> Length:
        """Characters of the rows."""
        return len(self.rows[0]) if len(self.rows) == 1 else np.array(list(map(len, self.rows)), np.int64)

    @cached_property
    def distinct(self) -> bool:
        """Whether no two rows read alike."""
        return len(set(self.rows)) == len(self.rows)

    @cached_property
    def last(self) -> dict[str, str]:
        """Last character → the first row that ends in it."""
        first_row: dict[str, str] = {}
        for row in self.rows:
            first_row.setdefault(row[-1:], row)
        return first_row

    @cached_property
    def tails(self) -> frozenset[str]:
        """The distinct ends of the rows, each from its last space on."""
        return frozenset(row[max(row.rfind(" "), 0) :] for row in self.rows)

    @cached_property
    def heads(self) -> frozenset[str]:
        """The distinct beginnings of the rows, each up to the first space after its first character."""
        ends = ((row, row.find(" ", 1)) for row in self.rows)
        return frozenset(row if end < 0 else row[:end] for row, end in ends)


@dataclass(frozen=True, eq=False)
class Margin:
    """How many characters before and after the value, in each row of a table, are words around it.

    row 0   "the Bronx"   before 4, after 0        row 1   "Oslo"   before 0, after 0
    """

    before: Length = 0
    after: Length = 0

    @classmethod
    def of(cls, texts: Sequence[str], values: Sequence[str]) -> Margin:
        """That of texts which show one value each."""
        ends = np.array([words_around(text, value) for text, value in zip(texts, values, strict=True)], np.int64)
        return cls(ends[:, 0], ends[:, 1])

    def __bool__(self) -> bool:
        return bool(np.any(self.before) or np.any(self.after))

    @property
    def varies(self) -> bool:
        """Whether it is of forms, each of which has words of its own, and not of what a template writes beside all."""
        return not (isinstance(self.before, int) and isinstance(self.after, int))

    def at(self, row: int) -> tuple[int, int]:
        """(before, after) of one row."""
        return _at(self.before, row), _at(self.after, row)

    def each(self, count: int) -> list[tuple[int, int]]:
        """(before, after) of every row, of which there are `count`."""
        ends = (np.broadcast_to(side, count).tolist() for side in (self.before, self.after))
        return list(zip(*ends, strict=True))

    @cached_property
    def key(self) -> tuple[bytes, bytes]:
        """Equal for margins that are equal."""
        return np.asarray(self.before).tobytes(), np.asarray(self.after).tobytes()


NO_MARGIN = Margin()


def _at(length: Length, row: int) -> int:
    return int(length if isinstance(length, int) else length[row])


def words_around(text: str, value: str) -> tuple[int, int]:
    """How many characters before and behind a value are words around it; (0, 0) where the text does not hold it.

    Capital letters decide where it stands, if they can: an expression may have changed them.

    >>> words_around("the University of the Pacific", "University of the Pacific")
    (4, 0)
    >>> words_around("Boston, MA에서", "Boston, MA")
    (0, 2)
    """
    for shown, plain in ((text, value), (text.lower(), value.lower())):
        if len(shown) != len(text) or plain not in shown:
            continue
        ends = (0, len(shown) - len(plain))
        first = next((at for at in ends if shown.startswith(plain, at)), shown.find(plain))
        return first, len(shown) - first - len(plain)
    return 0, 0


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
        joint_rows: NDArray[np.int32] = self.table[tuple(places)]
        return joint_rows


@dataclass(frozen=True)
class Piece:
    """A literal (slot 0, one row) or a table of texts, one a row of its slot.

    label: of the attribute that the text is a value of, 0 for none. margin: what of each row are words around the
    value. special: the text is that of one special token, alone in its program.
    """

    texts: Texts
    slot: int | Joint = 0
    label: int = 0
    margin: Margin = NO_MARGIN
    special: bool = False

    @property
    def text(self) -> str:
        """The one row of a literal."""
        return self.texts.rows[0]

    @property
    def values(self) -> tuple[str, ...]:
        """The rows without the words around their values."""
        margins = zip(self.texts.rows, self.margin.each(len(self.texts)), strict=True)
        return tuple(row[before : len(row) - after] for row, (before, after) in margins)


def literal(text: str, label: int = 0) -> Piece:
    """A piece that always shows the same text."""
    return Piece(Texts((text,)), label=label)


def special(token: str) -> Piece:
    """A special token, as the only piece of a program."""
    return Piece(Texts((token,)), special=True)
