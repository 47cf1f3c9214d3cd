"""Problem, read from a text: how each parameter is computed, and which parameters the question needs.

    The number of each Park's Lake equals 4. The number of each Lake's Swan equals 3 more than the sum of each Park's
    Lake and each Park's Pond. … How many Bird does Park have?

An instance parameter (`Park's Lake`) has a sentence. An abstract one (`Park's Bird`, Bird a later category) has none:
it is a sum over the children of its item (Park), which are the items that sentences name as `Park's …`.

The formula of a parameter is a tree of tuples in a normal form, so that formulas which differ only in the order or
grouping of a sum, or in the order of factors, are equal:

    ("c", 12)       a constant                  ("p", "Park's Lake")     another parameter
    ("+", …)        a sum: its terms, sorted, none of them a sum         ("*", x, y)    a product, sorted
    ("-", x, y)     a difference
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.evaluate.checking.igsm.vocabulary import Chain, Vocabulary
from pipeline.evaluate.checking.verdict import ProblemError

Tree = tuple[Any, ...]

NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
SMALL = {str(value): value for value in range(1000)}  # nearly all numbers of problems
STATEMENT = "The number of each "
FORM = "It is sentences `The number of each X's Y equals …` and the question `How many Y does X have?`."
_QUESTION = re.compile(r"How many (.+?) does (.+?) have\?")


class Parameter(NamedTuple):
    """A quantity. needs: the parameters in its formula. operations: those of its formula, at least 1."""

    name: str
    needs: tuple[str, ...]
    tree: Tree
    operations: int


def joined(operator: str, left: Tree, right: Tree) -> Tree:
    """The tree, in normal form, of an operation on two trees."""
    if operator == "-":
        return ("-", left, right)
    if operator == "*":
        return ("*", left, right) if left <= right else ("*", right, left)
    terms = left[1:] if left[0] == "+" else (left,)
    terms += right[1:] if right[0] == "+" else (right,)
    return ("+", *sorted(terms))


@dataclass(eq=False, slots=True)
class Problem:
    """A problem. Abstract parameters are derived when they are first looked up.

    query: the parameter whose value is the answer. childless: whether an item without children has abstract parameters
    (they are 0). necessary: the query and all that it is computed from.
    """

    chain: Chain
    childless: bool
    query: str = ""
    _known: dict[str, Parameter] = field(default_factory=dict)
    _children: dict[str, list[str]] = field(default_factory=dict)
    necessary: set[str] = field(default_factory=set)

    @property
    def operations(self) -> int:
        """How many operations the shortest solution has."""
        return sum(self._known[name].operations for name in self.necessary)

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name; None where the problem has none."""
        if (parameter := self._known.get(name)) is None and (pair := self.chain.split(name)):
            item, category = pair
            if category in self.chain.categories and (parameter := self._abstract(item, category)) is not None:
                self._known[name] = parameter
        return parameter

    def lacks_children(self, name: str) -> bool:
        """Whether the name is an abstract parameter but for an item on its path that has no children."""
        pair = self.chain.split(name)
        items = self.items()
        if pair is None or pair[0] not in items:
            return False
        return self.chain.categories.get(pair[1], -1) in {self.chain.items[item] for item in items}

    def items(self) -> set[str]:
        """Every item that the problem names. One of the first layer without children may be named by totals alone."""
        totals = {self.query, *(need for parameter in self._known.values() for need in parameter.needs)}
        named = {pair[0] for pair in map(self.chain.split, totals) if pair}
        return named.union(self._children, *self._children.values())

    def _abstract(self, item: str, category: str) -> Parameter | None:
        name, children = f"{item}'s {category}", self._children.get(item)
        if not children:
            return Parameter(name, (), ("c", 0), 1) if self.childless and self.lacks_children(name) else None
        needs = tuple(f"{item}'s {child}" for child in children)
        if self.chain.categories[category] == self.chain.items[item] + 1:
            terms: list[Tree] = [("p", need) for need in needs]
            return Parameter(name, needs, _sum(terms), max(1, len(terms) - 1))
        terms, inner = [], []
        for need, child in zip(needs, children, strict=True):
            if (below := self.parameter(f"{child}'s {category}")) is None:
                return None
            inner.append(below.name)
            terms.append(joined("*", ("p", need), ("p", below.name)))
        return Parameter(name, (*needs, *inner), _sum(terms), 2 * len(terms) - 1)


def read(text: str, vocabulary: Vocabulary, modulus: int | None, *, childless: bool = False) -> Problem:
    """The problem in a text. The question may come last or first; text before the problem is ignored.

    modulus: constants must be below it; None for no bound. ProblemError where there is no problem in this vocabulary.
    """
    statements, query = _sentences(text)
    first = statements[0][0]
    chains = [chain for chain in vocabulary.chains if chain.split(first)]
    if not chains:
        raise ProblemError(f"'{first}' is not two items of the vocabulary", "Give the vocabulary that it is about.")
    problems: list[Problem] = []
    refused: ProblemError | None = None
    for chain in chains:
        try:
            problems.append(_of(chain, statements, query, modulus, childless))
        except ProblemError as error:
            refused = refused or error
    if len(problems) > 1:
        names = " and ".join(problem.chain.name for problem in problems)
        raise ProblemError(f"the vocabularies {names} both have all its items", "Rename some of them.")
    if not problems:
        assert refused is not None, "there was a chain"
        raise refused
    return problems[0]


def _sentences(text: str) -> tuple[list[tuple[str, str]], str]:
    """((name, formula) of each statement, name of the query)."""
    begins = text.find(STATEMENT)
    if begins < 0:
        raise ProblemError("it states nothing", FORM)
    head, body = text[:begins], text[begins + len(STATEMENT) :].rstrip()
    questions = _QUESTION.findall(head) if head.strip() else []
    if body.endswith("?"):
        body, _, question = body.rpartition("How many ")
        questions += _QUESTION.findall("How many " + question)
        body = body.rstrip()
    if len(questions) != 1:
        raise ProblemError(f"it has {len(questions) or 'no'} question{'s' * (len(questions) > 1)}", FORM)
    if not body.endswith("."):
        raise ProblemError(f"'{body[-40:]}' is no whole sentence", FORM)
    statements = []
    for sentence in body[:-1].split(". " + STATEMENT):
        name, equals, formula = sentence.partition(" equals ")
        if not equals:
            raise ProblemError(f"'{sentence}' says of nothing what it equals", FORM)
        statements.append((name, formula))
    ((thing, item),) = questions
    return statements, f"{item}'s {thing}"


def _of(chain: Chain, statements: list[tuple[str, str]], query: str, modulus: int | None, childless: bool) -> Problem:
    """The problem of these statements. ProblemError where their items are not all of this chain."""
    problem = Problem(chain, childless, query)
    known, children = problem._known, problem._children
    for name, formula in statements:
        pair = chain.split(name)
        if pair is None or pair[1] not in chain.items:
            raise ProblemError(f"'{name}' is not two items of '{chain.name}', one in the next layer", FORM)
        if name in known:
            raise ProblemError(f"'{name}' is stated twice", "Keep one of the sentences.")
        known[name] = _parameter(name, formula, modulus)
        children.setdefault(pair[0], []).append(pair[1])
    for name, _ in statements:
        for need in known[name].needs:
            if need not in known and problem.parameter(need) is None:
                raise ProblemError(f"'{name}' is computed from '{need}', which there is not", _remedy(problem, need))
    if problem.parameter(query) is None:
        raise ProblemError(f"it asks for '{query}', which there is not", _remedy(problem, query))
    pending = [query]
    while pending:
        if (name := pending.pop()) not in problem.necessary:
            problem.necessary.add(name)
            pending += known[name].needs
    return problem


def _remedy(problem: Problem, name: str) -> str:
    return "Allow totals of items that have nothing (childless)." if problem.lacks_children(name) else FORM


def _parameter(name: str, formula: str, modulus: int | None) -> Parameter:
    """An instance parameter: `12`, or operands, perhaps after `12 more than` or `12 times as much as`."""
    if formula.startswith(("each ", "the ")):
        needs, tree = _operands(formula)
        return Parameter(name, needs, tree, max(1, len(needs) - 1))
    number, _, rest = formula.partition(" ")
    value = SMALL[number] if number in SMALL else _number(number, formula)
    if modulus is not None and value >= modulus:
        raise ProblemError(f"'{number}' is not below {modulus}", "Is the modulus another?")
    if not rest:
        return Parameter(name, (), ("c", value), 1)
    if rest.startswith("more than "):
        needs, tree = _operands(rest[10:])
        return Parameter(name, needs, joined("+", ("c", value), tree), len(needs))
    if rest.startswith("times as much as "):
        needs, tree = _operands(rest[17:])
        return Parameter(name, needs, joined("*", ("c", value), tree), len(needs))
    raise ProblemError(f"'{formula}' is no formula", FORM)


def _number(text: str, formula: str) -> int:
    if not NUMBER.fullmatch(text):
        raise ProblemError(f"'{formula}' is no formula", FORM)
    return int(text)


def _operands(text: str) -> tuple[tuple[str, ...], Tree]:
    """(parameters, tree) of `each …`, `the sum of …` or `the difference of …`."""
    if text.startswith("each "):
        name = text[5:]
        return (name,), ("p", name)
    if text.startswith("the sum of each "):
        names, _, last = text[16:].rpartition(" and each ")
        needs = (*names.split(", each "), last)
        return needs, _sum([("p", need) for need in needs])
    if text.startswith("the difference of each "):
        first, _, second = text[23:].partition(" and each ")
        return (first, second), ("-", ("p", first), ("p", second))
    raise ProblemError(f"'{text}' is no formula", FORM)


def _sum(terms: list[Tree]) -> Tree:
    """The tree of a sum; of a single term, the term itself."""
    if len(terms) == 1:
        return terms[0]
    terms.sort()
    return ("+", *terms)
