"""Claims: comparisons of measured numbers that a machine decides: `p_test[multi5] >= 10 * p_test[single]`.

    claim     comparison ("and" comparison)*         comparison   sum (("<" | "<=" | ">" | ">=") sum)+
    sum       product (("+" | "-") product)*         product      factor (("*" | "/") factor)*
    factor    number | "-" factor | "(" sum ")" | measure "[" cell "]"

A measure is `exam`, or one of its numbers, `bits.per_parameter`. Texts of strangers are parsed into functions of
numbers; no code of theirs is run.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.core.errors import SpecError
from pipeline.core.expression_tokens import MOST_DEPTH, ExpressionTokens
from pipeline.core.system.escaping import shortened

Look = Callable[["Quantity"], float]
"""The value of a quantity."""

EXAMPLE = "Example: exam[multi5] >= 10 * exam[single]."
_TOKEN = re.compile(r"\s*([A-Za-z_][\w.]*\s*\[[^\[\]]*\]|\d+(?:\.\d+)?%?|<=|>=|[<>()+*/-]|and\b)")
_QUANTITY = re.compile(r"([A-Za-z_]\w*)(?:\.([A-Za-z_][\w.]*))?\s*\[([^\[\]]*)\]")
_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


@dataclass(frozen=True)
class Quantity:
    """A number that was measured of a cell. number: one of the measure's; "" is its main one."""

    measure: str
    number: str
    cell: str


@dataclass(frozen=True)
class Claim:
    """A claim that was read. quantities: all that it is about, in the order of the text.

    holds(look): whether it is true of these values. A comparison that divides by zero is not.
    """

    test: str
    quantities: tuple[Quantity, ...]
    holds: Callable[[Look], bool]


def read_claim(test: str) -> Claim:
    """The claim in a text. SpecError for what is none.

    >>> claim = read_claim("exam[multi5] >= 10 * exam[single] and exam[single] < 10%")
    >>> claim.holds(lambda quantity: {"multi5": 0.7, "single": 0.03}[quantity.cell])
    True
    """
    return _Parser(test).whole()


class _Parser:
    """Reads tokens from left to right, by the grammar above."""

    def __init__(self, test: str) -> None:
        self._test, self._tokens, self._depth = test, ExpressionTokens(test, _TOKEN, "claim", EXAMPLE), 0
        self._quantities: list[Quantity] = []

    def whole(self) -> Claim:
        comparisons = [self._comparison()]
        while self._tokens.taken("and"):
            comparisons.append(self._comparison())
        if self._tokens.head:
            raise SpecError(f"'{shortened(self._tokens.head)}' follows a whole comparison", EXAMPLE)
        return Claim(
            self._test,
            tuple(dict.fromkeys(self._quantities)),
            lambda look: all(holds(look) for holds in comparisons),
        )

    def _comparison(self) -> Callable[[Look], bool]:
        sums, signs = [self._sum()], list[str]()
        while self._tokens.head in _ORDERS:
            signs.append(self._tokens.next("a comparison"))
            sums.append(self._sum())
        if not signs:
            raise SpecError("nothing is compared", EXAMPLE)

        def holds(look: Look) -> bool:
            try:
                values = [value(look) for value in sums]
            except ZeroDivisionError:
                return False
            return all(_ORDERS[sign](*values[at : at + 2]) for at, sign in enumerate(signs))

        return holds

    def _sum(self) -> Callable[[Look], float]:
        return self._chain("+-", lambda: self._chain("*/", self._factor))

    def _chain(self, signs: str, part: Callable[[], Callable[[Look], float]]) -> Callable[[Look], float]:
        value = part()
        while self._tokens.head in tuple(signs):
            value = _combined(_SIGNS[self._tokens.next("a sign")], value, part())
        return value

    def _factor(self) -> Callable[[Look], float]:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise SpecError(f"more than {MOST_DEPTH} sums inside each other", "Split it.")
        first = self._tokens.next("a number")
        if first == "-":
            value = _combined(operator.sub, lambda look: 0.0, self._factor())
        elif first == "(":
            value = self._sum()
            self._tokens.expected(")")
        elif match := _QUANTITY.fullmatch(first):
            quantity = Quantity(match[1], match[2] or "", match[3].strip())
            self._quantities.append(quantity)
            value = lambda look: look(quantity)  # noqa: E731
        elif first[0].isdigit():
            number = float(first.removesuffix("%")) / (100 if first.endswith("%") else 1)
            value = lambda look: number  # noqa: E731
        else:
            raise SpecError(f"'{shortened(first)}' stands where a number is needed", EXAMPLE)
        self._depth -= 1
        return value


def _combined(
    sign: Callable[[float, float], float], left: Callable[[Look], float], right: Callable[[Look], float]
) -> Callable[[Look], float]:
    return lambda look: sign(left(look), right(look))
