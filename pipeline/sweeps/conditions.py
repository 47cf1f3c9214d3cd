"""Conditions on the coordinates of a cell: `wording == 'single' and exposures > 100`.

    condition   either ("or" either)*            either   each ("and" each)*
    each        "not" each | "(" condition ")" | axis compared
    compared    ("==" | "!=" | "<" | "<=" | ">" | ">=") level | ["not"] "in" "[" level ("," level)* "]"

A level is a word, a number, or a text in quotes. Texts of strangers are parsed into functions of coordinates; no code
of theirs is run. `<` and its like compare numbers, exactly.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from pipeline.core.errors import SpecError, suggest
from pipeline.core.expression_tokens import MOST_DEPTH, ExpressionTokens
from pipeline.core.scalars import NUMBER
from pipeline.core.system.escaping import shortened

Condition = Callable[[Mapping[str, str]], bool]
"""Whether the coordinates of a cell, axis → level, fulfil it."""

EXAMPLE = "Example: wording == 'single' and exposures > 100."
_TOKEN = re.compile(r"\s*('[^']*'|\"[^\"]*\"|==|!=|<=|>=|[<>()\[\],]|[A-Za-z0-9_.+-]+)")
_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
WORDS = ("and", "or", "not", "in")
"""What no axis can be called."""


def condition(text: str, axes: Mapping[str, Sequence[str]]) -> Condition:
    """The condition that a text says. axes: axis → its levels. SpecError for what is no condition on them.

    >>> excluded = condition("tag == yes and junk in [0, 1]", {"tag": ["no", "yes"], "junk": ["0", "1", "7"]})
    >>> excluded({"tag": "yes", "junk": "1"}), excluded({"tag": "yes", "junk": "7"})
    (True, False)
    """
    return _Parser(ExpressionTokens(text, _TOKEN, "condition", EXAMPLE), axes).whole()


def number_of(level: str) -> Fraction | None:
    """A level as a number; None where it is a word."""
    return Fraction(level.replace("_", "")) if re.fullmatch(NUMBER, level) else None


class _Parser:
    """Reads tokens from left to right, by the grammar above."""

    def __init__(self, tokens: ExpressionTokens, axes: Mapping[str, Sequence[str]]) -> None:
        self._tokens = tokens
        self._axes = axes
        self._depth = 0

    def whole(self) -> Condition:
        parsed = self._either()
        if self._tokens.head:
            raise SpecError(
                f"'{shortened(self._tokens.head)}' follows a whole condition", "Write `and` or `or` before it."
            )
        return parsed

    def _either(self) -> Condition:
        return self._joined("or", self._all, any)

    def _all(self) -> Condition:
        return self._joined("and", self._each, all)

    def _joined(self, word: str, part: Callable[[], Condition], join: Callable[[list[bool]], bool]) -> Condition:
        parts = [part()]
        while self._tokens.taken(word):
            parts.append(part())
        return lambda cell: join([holds(cell) for holds in parts])

    def _each(self) -> Condition:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise SpecError(f"more than {MOST_DEPTH} conditions inside each other", "Split it.")
        if self._tokens.taken("not"):
            inner = self._each()
            parsed: Condition = lambda cell: not inner(cell)  # noqa: E731
        elif self._tokens.taken("("):
            parsed = self._either()
            self._tokens.expected(")")
        else:
            parsed = self._compared(self._axis())
        self._depth -= 1
        return parsed

    def _compared(self, axis: str) -> Condition:
        sign = self._tokens.next("a comparison")
        if sign in _ORDERS:
            return self._ordered(axis, _ORDERS[sign])
        if sign in ("==", "!="):
            level = self._level(axis)
            return lambda cell: (cell[axis] == level) == (sign == "==")
        if sign == "not" and self._tokens.head == "in":
            outside = self._compared(axis)
            return lambda cell: not outside(cell)
        if sign == "in":
            self._tokens.expected("[")
            levels = [self._level(axis)]
            while self._tokens.taken(","):
                levels.append(self._level(axis))
            self._tokens.expected("]")
            return lambda cell: cell[axis] in levels
        raise SpecError(f"'{shortened(sign)}' does not compare", "It can be: ==, !=, <, <=, >, >=, in [a, b].")

    def _ordered(self, axis: str, holds: Callable[[Fraction, Fraction], bool]) -> Condition:
        """The comparison of an axis of numbers with a number, which need not be a level."""
        numbers = {level: number_of(level) for level in self._axes[axis]}
        if word := next((level for level, number in numbers.items() if number is None), None):
            raise SpecError(f"'{word}' of {axis} is no number, and cannot be smaller or larger", "Compare by == or in.")
        text = self._tokens.next("a number")
        bound = number_of(text)
        if bound is None:
            raise SpecError(f"'{shortened(text)}' is no number", EXAMPLE)
        values = {level: holds(number, bound) for level, number in numbers.items() if number is not None}
        return lambda cell: values[cell[axis]]

    def _axis(self) -> str:
        axis = self._tokens.next("an axis")
        if axis not in self._axes:
            raise SpecError(f"no axis '{shortened(axis)}'", suggest(axis, self._axes))
        return axis

    def _level(self, axis: str) -> str:
        """A level of the axis. Numbers are compared as numbers: 1_000 is the level 1000."""
        text = self._tokens.next("a level")
        word = text[1:-1] if text[0] in "'\"" else text
        levels = self._axes[axis]
        if word in levels:
            return word
        number = number_of(word)
        if number is not None and (same := [level for level in levels if number_of(level) == number]):
            return same[0]
        raise SpecError(f"no level '{shortened(word)}' of {axis}", suggest(word, levels))
