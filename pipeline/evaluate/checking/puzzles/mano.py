"""Mano (Part 4.1): arithmetic modulo a number, in prefix notation.

<bos> <len_2> - + 21 5 4 <ans> 22           (21 + 5) - 4 = 22, modulo 23
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from pipeline.core.errors import PipelineError
from pipeline.evaluate.checking.puzzles.reading import ANSWER, answer_in, beyond, body, number, parted
from pipeline.evaluate.checking.puzzles.rules import PuzzleLayout, Reader, puzzle
from pipeline.evaluate.checking.puzzles.verdict import RIGHT, Reason, Verdict
from pipeline.evaluate.checking.verdict import ProblemError

LENGTH = "len_"
FORM = "It is <bos>, <len_l>, and an expression of l operators + - * before their operands."
SIZES = ("l",)


@dataclass(frozen=True)
class Mano:
    """An expression of l operations, and its value."""

    operations: int
    value: int
    modulus: int

    @property
    def sizes(self) -> dict[str, int]:
        """l: operations."""
        return {"l": self.operations}

    def verify(self, answer: Sequence[str]) -> Verdict:
        """The verdict: right if the answer is the value alone."""
        names = answer_in(answer, ANSWER)
        if not names:
            return Verdict(Reason.UNFINISHED)
        if names[0] not in map(str, range(self.modulus)):
            return Verdict(Reason.STRANGER, names[0])
        if names[0] != str(self.value):
            return Verdict(Reason.VALUE, f"{names[0]}, not {self.value}")
        return Verdict(Reason.EXTRA, " ".join(names[1:])) if names[1:] else RIGHT


def read(prompt: Sequence[str], modulus: int = 23) -> Mano:
    """The problem in a prompt. ProblemError where there is none."""
    length, *expression = body(prompt, ANSWER) or [""]
    if not length.startswith(LENGTH):
        raise ProblemError(f"'{length}' is not <{LENGTH}l>", FORM)
    operations = number(length.removeprefix(LENGTH), "number of operations")
    if operations != sum(name in ("+", "-", "*") for name in expression) or not operations:
        raise ProblemError(f"it does not have {operations} operations", FORM)
    return Mano(operations, _value(expression, modulus), modulus)


def verify(prompt: Sequence[str], answer: Sequence[str], modulus: int = 23) -> Verdict:
    """The verdict on an answer, with `<ans>` or without. ProblemError for a prompt without such a problem."""
    return read(prompt, modulus).verify(answer)


def document(tokens: Sequence[str], modulus: int = 23) -> list[Verdict]:
    """The verdict on the answer of a document. ProblemError where it has no problem."""
    prompt, answer = parted(tokens, ANSWER)
    verdict, rest = verify(prompt, answer, modulus), beyond(answer)
    return [Verdict(Reason.EXTRA, " ".join(rest)) if verdict.ok and rest else verdict]


def _value(expression: list[str], modulus: int) -> int:
    """The value of an expression in prefix notation, read from its end with a stack of operands."""
    waiting: list[int] = []
    for name in reversed(expression):
        if name not in ("+", "-", "*"):
            operand = number(name, "operand")
            if operand >= modulus:
                raise ProblemError(f"'{name}' is not below {modulus}", "Is the modulus another?")
            waiting.append(operand)
            continue
        if len(waiting) < 2:
            raise ProblemError(f"a '{name}' lacks operands", FORM)
        left, right = waiting.pop(), waiting.pop()
        result = left + right if name == "+" else left - right if name == "-" else left * right
        waiting.append(result % modulus)
    if len(waiting) != 1:
        raise ProblemError("operands are left over", FORM)
    return waiting[0]


class ManoLayout(PuzzleLayout):
    """A source of expressions in a manifest."""

    modulus: Annotated[int, Field(ge=2, lt=2**31)]


def _reader(modulus: int | str = 23) -> Reader:
    if not isinstance(modulus, int):
        raise PipelineError("mano has a modulus", "Give a whole number.", "--modulus")
    return partial(read, modulus=modulus)


VERIFIER = puzzle(SIZES, _reader, ("modulus",), ManoLayout)
