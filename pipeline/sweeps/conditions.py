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
from pipeline.core.scalars import NUMBER
from pipeline.core.system.escaping import shortened

Condition = Callable[[Mapping[str, str]], bool]
"""Whether the coordinates of a cell, axis → level, fulfil it."""

MOST_CHARACTERS = 2000
MOST_DEPTH = 20  # parentheses and nots inside each other
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
    if len(text) > MOST_CHARACTERS:
        raise SpecError(
            f"a condition of {len(text):,} characters, and at most {MOST_CHARACTERS:,} are read", "Split it."
        )
    return _Parser(_tokens(text), axes).whole()


def number_of(level: str) -> Fraction | None:
    """A level as a number; None where it is a word."""
    return Fraction(level.replace("_", "")) if re.fullmatch(NUMBER, level) else None


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text.rstrip()):
        token = _TOKEN.match(text, at)
        if not token:
            rest = text[at:].strip()
            raise SpecError(f"no condition has '{shortened(rest, 20)}'", EXAMPLE)
        tokens.append(token[1])
        at = token.end()
    return tokens


class _Parser:
    """Reads tokens from left to right, by the grammar above."""

    def __init__(self, tokens: list[str], axes: Mapping[str, Sequence[str]]) -> None:
        self._left = list(reversed(tokens))
        self._axes = axes
        self._depth = 0

    def whole(self) -> Condition:
        parsed = self._either()
        if self._left:
            raise SpecError(
                f"'{shortened(self._left[-1])}' follows a whole condition", "Write `and` or `or` before it."
            )
        return parsed

    def _either(self) -> Condition:
        return self._joined("or", self._all, any)

    def _all(self) -> Condition:
        return self._joined("and", self._each, all)

    def _joined(self, word: str, part: Callable[[], Condition], join: Callable[[list[bool]], bool]) -> Condition:
        parts = [part()]
        while self._taken(word):
            parts.append(part())
        return lambda cell: join([holds(cell) for holds in parts])

    def _each(self) -> Condition:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise SpecError(f"more than {MOST_DEPTH} conditions inside each other", "Split it.")
        if self._taken("not"):
            inner = self._each()
            parsed: Condition = lambda cell: not inner(cell)  # noqa: E731
        elif self._taken("("):
            parsed = self._either()
            self._expected(")")
        else:
            parsed = self._compared(self._axis())
        self._depth -= 1
        return parsed

    def _compared(self, axis: str) -> Condition:
        sign = self._next("a comparison")
        if sign in _ORDERS:
            return self._ordered(axis, _ORDERS[sign])
        if sign in ("==", "!="):
            level = self._level(axis)
            return lambda cell: (cell[axis] == level) == (sign == "==")
        if sign == "not" and self._left and self._left[-1] == "in":
            outside = self._compared(axis)
            return lambda cell: not outside(cell)
        if sign == "in":
            self._expected("[")
            levels = [self._level(axis)]
            while self._taken(","):
                levels.append(self._level(axis))
            self._expected("]")
            return lambda cell: cell[axis] in levels
        raise SpecError(f"'{shortened(sign)}' does not compare", "It can be: ==, !=, <, <=, >, >=, in [a, b].")

    def _ordered(self, axis: str, holds: Callable[[Fraction, Fraction], bool]) -> Condition:
        """The comparison of an axis of numbers with a number, which need not be a level."""
        numbers = {level: number_of(level) for level in self._axes[axis]}
        if word := next((level for level, number in numbers.items() if number is None), None):
            raise SpecError(f"'{word}' of {axis} is no number, and cannot be smaller or larger", "Compare by == or in.")
        text = self._next("a number")
        bound = number_of(text)
        if bound is None:
            raise SpecError(f"'{shortened(text)}' is no number", EXAMPLE)
        values = {level: holds(number, bound) for level, number in numbers.items() if number is not None}
        return lambda cell: values[cell[axis]]

    def _axis(self) -> str:
        axis = self._next("an axis")
        if axis not in self._axes:
            raise SpecError(f"no axis '{shortened(axis)}'", suggest(axis, self._axes))
        return axis

    def _level(self, axis: str) -> str:
        """A level of the axis. Numbers are compared as numbers: 1_000 is the level 1000."""
        text = self._next("a level")
        word = text[1:-1] if text[0] in "'\"" else text
        levels = self._axes[axis]
        if word in levels:
            return word
        number = number_of(word)
        if number is not None and (same := [level for level in levels if number_of(level) == number]):
            return same[0]
        raise SpecError(f"no level '{shortened(word)}' of {axis}", suggest(word, levels))

    def _next(self, needed: str) -> str:
        if not self._left:
            raise SpecError(f"the condition ends where {needed} is needed", EXAMPLE)
        return self._left.pop()

    def _taken(self, token: str) -> bool:
        if self._left and self._left[-1] == token:
            self._left.pop()
            return True
        return False

    def _expected(self, token: str) -> None:
        if not self._taken(token):
            after = f", not '{shortened(self._left[-1])}'" if self._left else ""
            raise SpecError(f"'{token}' is needed{after}", EXAMPLE)
