"""Pieces, of which documents consist: literals, and finite tables of texts that show a different row for each item.

"{{ subject }} was born on {{ birth_date }}."   in a document about person 17 becomes the pieces
[name.first] [" "] [name.middle] [" "] [name.last] [" was born on "] [month] [" "] [day] [", "] [year] ["."]
  slot 1             slot 2              slot 3       literal         slot 5       slot 6       slot 7
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64

Length = int | I64
"""Characters of each row of a table: one number for all rows, or int64 (rows,)."""


class Texts:
    """The rows of a table, or the single row of a literal.

    Compared by identity: hundreds of templates show the same table of a thousand names, so what is derived from it (a
    space in front, its first and last words) is computed once and kept here.
    """

    def __init__(self, rows: tuple[str, ...], codes: tuple[tuple[int, ...], ...] | None = None) -> None:
        """codes: the token ids of each row, if they are given and not obtained by encoding it."""
        self.rows, self.codes = rows, codes
        self._joined: dict[tuple[str, str], Texts] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def joined(self, before: str, after: str) -> Texts:
        """The table before + row + after."""
        if (before, after) not in self._joined:
            self._joined[before, after] = Texts(tuple(before + row + after for row in self.rows))
        return self._joined[before, after]

    def beside(self, right: Texts) -> Texts:
        """The rows of both concatenated, row by row; a table of one row is repeated for all rows of the other."""
        if len(right) == 1:
            return self.joined("", right.rows[0])
        if len(self) == 1:
            return right.joined(self.rows[0], "")
        return Texts(tuple(a + b for a, b in zip(self.rows, right.rows, strict=True)))

    @cached_property
    def length(self) -> Length:
        """Characters of each row."""
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
    """In each row of a table, how many characters before and after the value are words around it.

    row 0   "the Bronx"   before 4, after 0        row 1   "Oslo"   before 0, after 0
    """

    before: Length = 0
    after: Length = 0

    @classmethod
    def of(cls, texts: Sequence[str], values: Sequence[str]) -> Margin:
        """The margin of texts[i], which contains values[i], for every i."""
        ends = np.array([words_around(text, value) for text, value in zip(texts, values, strict=True)], np.int64)
        return cls(ends[:, 0], ends[:, 1])

    def __bool__(self) -> bool:
        return bool(np.any(self.before) or np.any(self.after))

    @property
    def varies(self) -> bool:
        """Whether it differs from row to row (forms of values), unlike what a template writes beside all of them."""
        return not (isinstance(self.before, int) and isinstance(self.after, int))

    def at(self, row: int) -> tuple[int, int]:
        """(before, after) of one row."""
        return _at(self.before, row), _at(self.after, row)

    def each(self, count: int) -> list[tuple[int, int]]:
        """(before, after) of each of `count` rows."""
        ends = (np.broadcast_to(side, count).tolist() for side in (self.before, self.after))
        return list(zip(*ends, strict=True))

    @cached_property
    def key(self) -> tuple[bytes, bytes]:
        """A hashable key, equal for equal margins."""
        return np.asarray(self.before).tobytes(), np.asarray(self.after).tobytes()


NO_MARGIN = Margin()


def _at(length: Length, row: int) -> int:
    return int(length if isinstance(length, int) else length[row])


def words_around(text: str, value: str) -> tuple[int, int]:
    """How many characters of a text stand before and after the value in it; (0, 0) if it does not contain the value.

    Looks for the value as it is; if it is not there, whatever the case of letters, which an expression may change.

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
    """A slot whose row is a function of the rows of several `slots`, such as the earlier of two months.

    classes: for each of `slots`, the class of each of its rows, int32. table: int32, the row of the joint slot for each
    combination of classes; one axis for each of `slots`.
    """

    slots: tuple[int, ...]
    classes: tuple[NDArray[np.int32], ...]
    table: NDArray[np.int32]

    def rows(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """The joint slot's row, int32 (d,), for the rows that all slots hold, int32 (d, slots)."""
        places = (classes[rows[:, slot]] for slot, classes in zip(self.slots, self.classes, strict=True))
        joint_rows: NDArray[np.int32] = self.table[tuple(places)]
        return joint_rows


def probability_of_rows(joint: Joint, probability: Callable[[int], Sequence[Fraction]]) -> list[Fraction]:
    """The probability of each row of a joint slot, whose underlying slots are independent, exactly.

    probability(slot): the probability of each row of a slot.
    """
    counts: list[NDArray[Any]] = []
    total = 1
    for slot, classes in zip(joint.slots, joint.classes, strict=True):
        chances = probability(slot)
        common = lcm(*(chance.denominator for chance in chances))
        of_class = [0] * joint.table.shape[len(counts)]
        for row, chance in zip(classes.tolist(), chances, strict=True):
            of_class[row] += int(chance * common)
        counts.append(np.array(of_class, object))
        total *= common
    kind = object if total >= 2**62 else np.int64
    weights = np.array(1, kind)
    for axis in counts:
        weights = np.multiply.outer(weights, axis.astype(kind))
    of_rows = np.zeros(int(joint.table.max()) + 1, kind)
    np.add.at(of_rows, joint.table.reshape(-1), weights.reshape(-1))
    return [Fraction(int(count), total) for count in of_rows.tolist()]


@dataclass(frozen=True)
class Piece:
    """A literal (slot 0, one row), or a table with one text for each row of its slot.

    label: the number of the attribute whose value it shows, 0 for none. margin: the words around the value in each row.
    special: the text is one special token, alone in its program. unspaced: no space stands before the program, in which
    it is first and shows nothing. begins: it stands where the tokenizer writes a blank of its own (`beginnings.py`).
    """

    texts: Texts
    slot: int | Joint = 0
    label: int = 0
    margin: Margin = NO_MARGIN
    special: bool = False
    unspaced: bool = False
    begins: bool = False

    @property
    def text(self) -> str:
        """The text of a literal."""
        return self.texts.rows[0]

    @property
    def values(self) -> tuple[str, ...]:
        """The rows without their margins."""
        margins = zip(self.texts.rows, self.margin.each(len(self.texts)), strict=True)
        return tuple(row[before : len(row) - after] for row, (before, after) in margins)


def literal(text: str, label: int = 0) -> Piece:
    """A piece that always shows the same text."""
    return Piece(Texts((text,)), label=label)


UNSPACED = Piece(Texts(("",)), unspaced=True)
"""What a program begins with before which no space stands, as in Chinese, or as the content of a message."""


def special(token: str) -> Piece:
    """A special token; it must be the only piece of its program."""
    return Piece(Texts((token,)), special=True)
