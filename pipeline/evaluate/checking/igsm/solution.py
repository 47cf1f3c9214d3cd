"""Solutions, checked step by step against the text of their problem.

    Define Park's Lake as a; so a = 4. Define Lake's Frog as [BACK]. Define Lake's Swan as q; t = a + c = 4 + 2 = 6; so
    q = 3 + t = 3 + 6 = 9. …

A solution is right if all sentences are right, the last one defines the query, and the answer is its value. A sentence
is right if

- its parameter is one of the problem's, and new; its letters are new, and those it uses stand for parameters defined
  before, or for a step of the same sentence;
- the numbers are the values of the letters, the results are right, and below the modulus;
- its steps together compute the formula of the parameter, with the same operators and constants. Terms of a sum and
  factors may be in any order, sums in any grouping; every step but the last is used.

A solution may define more parameters than it needs; they are counted, and must be right too. A parameter that is taken
back (`Define … as [BACK].`) is counted and has no effect; its names must be in the vocabulary. Abstract parameters of
items without children are wrong, unless `childless` allows them; then they are 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_letters
from typing import Any, NoReturn

from pipeline.evaluate.checking.igsm.problem import NUMBER, SMALL, Parameter, Problem, Tree, joined, read
from pipeline.evaluate.checking.igsm.vocabulary import Vocabulary
from pipeline.evaluate.checking.verdict import ProblemError, Why

LETTERS = frozenset(ascii_letters)
DEFINE = "Define "
LARGEST = 10**4000  # of exact integers: Python refuses to print many more digits


class Reason(Why):
    """The first thing that is wrong with a solution."""

    FORM = "form", "a sentence or step is not of the form"
    UNFINISHED = "unfinished", "the text breaks off within a sentence"
    UNKNOWN = "unknown", "the problem has no such parameter"
    CHILDLESS = "childless", "an abstract parameter of an item without children"
    TWICE = "twice", "a parameter is defined again"
    REUSED = "reused", "a letter is taken already"
    UNDEFINED = "undefined", "a letter stands for nothing yet"
    NUMBERS = "numbers", "the numbers are not the values of the letters"
    RESULT = "result", "the arithmetic is wrong"
    RANGE = "range", "a number is not one of the modulus, or far too large"
    OPERANDS = "operands", "computed from other parameters than the problem says"
    OPERATOR = "operator", "the right operands, but not combined as the problem says"
    CONSTANT = "constant", "a constant is not the problem's"
    SUPERFLUOUS = "superfluous", "a step that its sentence does not use"
    QUERY = "query", "the last sentence does not define what is asked for"
    ANSWER = "answer", "the answer is not the value of what is asked for"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a solution; counts in a wrong one go up to its first fault.

    reason: None for a right solution. sentence: the wrong one, from 1; 0 for a wrong answer or a right solution.
    operations: steps, including those before a semicolon. unnecessary: defined parameters that the query does not need.
    retries: parameters taken back; false_retries: those that could have been computed there, or already were. value:
    of the query; None where the solution does not end with it. detail: the wrong words of the solution.
    """

    reason: Reason | None
    sentence: int
    operations: int
    unnecessary: int
    retries: int
    false_retries: int
    value: int | None
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.reason is None


def verify(
    problem: str,
    solution: str,
    answer: str | None = None,
    *,
    modulus: int | None = 23,
    back: str = "[BACK]",
    vocabulary: Vocabulary | None = None,
    childless: bool = False,
) -> Verdict:
    """Whether a solution is right, step by step.

    problem: sentences and question. answer: None to check no answer. modulus: None for exact integers. back: the text
    that takes a parameter back. vocabulary: by default the library's. childless: whether items without children have
    abstract parameters. Spaces around texts are ignored.

    ProblemError for a problem that cannot be read. No solution raises an error.
    """
    return check(
        read(problem, vocabulary or Vocabulary.standard(), modulus, childless=childless),
        solution,
        answer,
        modulus=modulus,
        back=back,
    )


def check(
    problem: Problem, solution: str, answer: str | None = None, *, modulus: int | None = 23, back: str = "[BACK]"
) -> Verdict:
    """Like `verify`, for a problem that was read before: quicker for many solutions of one problem."""
    reading = _Reading(problem, modulus, back)
    number = 0
    reason, detail = None, ""
    try:
        text = solution.strip()
        sentences = text.removesuffix(".").split(". ")
        whole = text.endswith(".")
        for sentence in sentences if whole else sentences[:-1]:
            number += 1
            reading.sentence(sentence)
        if not whole:
            number += 1
            _refuse(Reason.UNFINISHED, sentences[-1])
        if reading.last != problem.query:
            _refuse(Reason.QUERY, f"{reading.last or 'nothing'}, not {problem.query}")
        number = 0
        if answer is not None and answer.strip().removesuffix(".") != str(reading.value):
            _refuse(Reason.ANSWER, f"{answer.strip()}, not {reading.value}")
    except _Fault as fault:
        reason, detail = fault.reason, fault.detail
    except ProblemError as error:  # an ambiguous name that is not in the problem
        reason, detail = Reason.UNKNOWN, error.problem
    return Verdict(
        reason,
        number,
        reading.operations,
        len(reading.defined - problem.necessary),
        reading.retries,
        reading.false_retries,
        reading.value if reading.last == problem.query else None,
        detail,
    )


class _Fault(Exception):
    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason, self.detail = reason, detail


def _refuse(reason: Reason, detail: str) -> NoReturn:
    raise _Fault(reason, detail)


class _Reading:
    """The state after some sentences of a solution. last: the parameter defined last; value: its value."""

    def __init__(self, problem: Problem, modulus: int | None, back: str) -> None:
        self.problem, self.modulus, self.back = problem, modulus, back
        self.defined: set[str] = set()
        self.last, self.value = "", 0
        self.operations = self.retries = self.false_retries = 0
        # Letter → (value, tree) of its meaning; None for a step of an earlier sentence.
        self._letters: dict[str, tuple[int, Tree] | None] = {}
        self._unused: set[str] = set()  # steps of this sentence

    def sentence(self, text: str) -> None:
        """Read a sentence, without its full stop. _Fault where it is wrong."""
        head, *steps = text.split("; ")
        if not head.startswith(DEFINE):
            _refuse(Reason.FORM, text)
        if not steps:
            self._retry(head)
            return
        name, _, letter = head[len(DEFINE) :].rpartition(" as ")
        parameter = self._parameter(name)
        if name in self.defined:
            _refuse(Reason.TWICE, name)
        if not steps[-1].startswith("so "):
            _refuse(Reason.FORM, steps[-1])
        steps[-1] = steps[-1][3:]
        if steps[-1].partition(" = ")[0] != letter:
            _refuse(Reason.FORM, f"{letter} is not what is computed last")
        for step in steps[:-1]:
            defined, value, tree = self._step(step)
            self._letters[defined] = value, tree
            self._unused.add(defined)
        _, value, tree = self._step(steps[-1])
        if tree != parameter.tree:
            _refuse(_difference(tree, parameter.tree), text)
        if self._unused or len(steps) != parameter.operations:
            _refuse(Reason.SUPERFLUOUS, text)
        for step in steps[:-1]:
            self._letters[step[0]] = None
        self._letters[letter] = value, ("p", name)
        self.operations += len(steps)
        self.defined.add(name)
        self.last, self.value = name, value

    def _parameter(self, name: str) -> Parameter:
        parameter = self.problem.parameter(name)
        if parameter is None:
            _refuse(Reason.CHILDLESS if self.problem.lacks_children(name) else Reason.UNKNOWN, name)
        return parameter

    def _retry(self, head: str) -> None:
        """Read a parameter that is taken back. The space before a special token may be missing."""
        attempt = head.removesuffix(self.back)
        name = attempt[len(DEFINE) :].rstrip()
        if attempt == head or not name.endswith(" as"):
            _refuse(Reason.FORM, head)
        name = name[:-3]
        parameter = self.problem.parameter(name)
        if parameter is None and not self.problem.chain.split(name):
            _refuse(Reason.UNKNOWN, name)
        self.last = ""
        self.retries += 1
        self.false_retries += parameter is not None and self.defined.issuperset(parameter.needs)

    def _step(self, text: str) -> tuple[str, int, Tree]:
        """(letter, value, tree) of `c = 7`, `c = a = 7` or `c = a + b = 3 + 4 = 7`."""
        sides = text.split(" = ")
        letter = sides[0]
        if letter in self._letters:
            _refuse(Reason.REUSED, text)
        if letter not in LETTERS:
            _refuse(Reason.FORM, text)
        if len(sides) != 4:
            return letter, *self._simple(text, sides[1:])
        operands = sides[1].split(" ")
        if len(operands) != 3:
            _refuse(Reason.FORM, text)
        first, operator, second = operands
        left, left_tree = self._operand(first)
        right, right_tree = self._operand(second)
        if operator == "+":
            value = left + right
        elif operator == "*":
            value = left * right
        elif operator == "-":
            value = left - right
        else:
            _refuse(Reason.FORM, text)
        if sides[2] != f"{left} {operator} {right}":
            _refuse(Reason.NUMBERS, text)
        if self.modulus is not None:
            value %= self.modulus
        elif not -LARGEST < value < LARGEST:
            _refuse(Reason.RANGE, text)
        if sides[3] != str(value):
            self._refuse_result(sides[3], value, Reason.RESULT)
        return letter, value, joined(operator, left_tree, right_tree)

    def _simple(self, text: str, sides: list[str]) -> tuple[int, Tree]:
        """Value and tree of a constant, or of a letter and its number."""
        if len(sides) == 1:
            return self._number(sides[0])
        if len(sides) != 2 or sides[0] not in LETTERS:
            _refuse(Reason.FORM, text)
        value, tree = self._operand(sides[0])
        if sides[1] != str(value):
            self._refuse_result(sides[1], value, Reason.NUMBERS)
        return value, tree

    def _operand(self, text: str) -> tuple[int, Tree]:
        if (operand := self._letters.get(text)) is not None:
            if self._unused:
                self._unused.discard(text)
            return operand
        if text in LETTERS:
            _refuse(Reason.UNDEFINED, text)
        return self._number(text)

    def _number(self, text: str) -> tuple[int, Tree]:
        """Value and tree of a constant."""
        if text not in SMALL and not NUMBER.fullmatch(text):
            _refuse(Reason.FORM, text)
        value = int(text)
        if self.modulus is not None and value >= self.modulus:
            _refuse(Reason.RANGE, text)
        return value, ("c", value)

    def _refuse_result(self, text: str, value: int, otherwise: Reason) -> NoReturn:
        number = self.modulus is not None and NUMBER.fullmatch(text.removeprefix("-"))
        outside = number and not 0 <= int(text) < (self.modulus or 0)
        _refuse(Reason.RANGE if outside else otherwise, f"{text}, not {value}")


def _difference(given: Tree, right: Tree) -> Reason:
    """The reason that names how a tree differs from the right one."""
    if _leaves(given, "p") != _leaves(right, "p"):
        return Reason.OPERANDS
    return Reason.OPERATOR if _leaves(given, "c") == _leaves(right, "c") else Reason.CONSTANT


def _leaves(tree: Tree, kind: str) -> list[Any]:
    """The parameters ("p") or constants ("c") in a tree, sorted."""
    if tree[0] in ("c", "p"):
        return [tree[1]] if tree[0] == kind else []
    return sorted(leaf for part in tree[1:] for leaf in _leaves(part, kind))
