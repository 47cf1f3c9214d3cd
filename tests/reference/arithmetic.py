"""Grade-school problems with their solutions, made simply and slowly, from the specification: nothing of the package.

A problem is a list of statements and a question; a solution a list of sentences, each a list of steps. Numbers are
worked out when a solution is written down, so that a step can be changed and all that follows from it changes too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from string import ascii_letters

# With everything that makes names hard to tell apart: apostrophes, digits, "and", one name inside another, a name in
# two chains.
CHAINS = {
    "zoo": {
        "Zoo": ["Sam's Zoo", "Trader Joe's", "Green Zoo", "Zoo 51"],
        "House": ["Owl House", "Joe's House", "99 Nights House", "House of Sand and Fog"],
        "Creature": ["Owl", "Snowy Owl", "House Mouse", "Rat and Mouse"],
        "Bone": ["Rib", "Humerus", "Caudal Vertebra 12", "Snowy Owl's Skull"],
    },
    "body": {
        "Body": ["Owner", "Guest"],
        "Limb": ["Left Arm", "Right Arm"],
        "Bone Part": ["Humerus", "Ulna"],
    },
}


def write_vocabulary(folder: Path) -> Path:
    """The chains as files, a sub-category in each category."""
    folder.mkdir()
    for name, categories in CHAINS.items():
        lines = [line for category, items in categories.items() for line in (f"# {category}", "## all", *items)]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return folder


@dataclass
class Step:
    """`letter = left operator right`; of a copy or a constant only the left. Operands are letters or numbers."""

    letter: str
    left: str
    operator: str = ""
    right: str = ""


@dataclass
class Sentence:
    """The definition of a parameter, or an attempt that is taken back: no steps."""

    name: str
    steps: list[Step] = field(default_factory=list)


@dataclass
class Formula:
    """(prefix constant) base: kind is constant, copy, sum, difference or total; a total's terms may be pairs."""

    kind: str
    terms: list[tuple[str, ...]]
    constant: int | None = None
    prefix: str = ""  # "more than", "times as much as"

    @property
    def needs(self) -> set[str]:
        return {name for term in self.terms for name in term}


@dataclass
class Gold:
    """A problem and its solution. letters: not yet used. order: all parameters, each after what it needs."""

    formulas: dict[str, Formula]
    order: list[str]
    statements: list[str]
    question: str
    query: str
    necessary: list[str]
    sentences: list[Sentence]
    letters: list[str]
    letter_of: dict[str, str]
    modulus: int | None

    def problem(self, form: str = "pq") -> str:
        parts = [" " + " ".join(self.statements), " " + self.question]
        return "".join(parts if form == "pq" else reversed(parts))

    def solution(self, back: str = "[BACK]") -> str:
        return told(self.sentences, self.modulus, back)

    def answer(self) -> str:
        return self.solution().rpartition(" ")[2].removesuffix(".")

    def define(self, name: str) -> Sentence:
        """A right definition, of letters that are still free."""
        return _defined(self, name)


def told(sentences: list[Sentence], modulus: int | None, back: str = "[BACK]") -> str:
    """Sentences as text, with the numbers that follow from them."""
    values: dict[str, int] = {}
    texts = []
    for sentence in sentences:
        if not sentence.steps:
            texts.append(f"Define {sentence.name} as {back}.")
            continue
        steps = []
        for step in sentence.steps:
            left, right = (values[side] if side in values else side and int(side) for side in (step.left, step.right))
            if step.operator:
                value = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}[step.operator](left, right)
                value = value if modulus is None else value % modulus
                said = f"{step.left} {step.operator} {step.right} = {left} {step.operator} {right} = {value}"
            else:
                value = left
                said = f"{value}" if step.left not in values else f"{step.left} = {value}"
            values[step.letter] = value
            steps.append(f"{step.letter} = {said}")
        steps[-1] = "so " + steps[-1]
        texts.append("; ".join([f"Define {sentence.name} as {sentence.steps[-1].letter}", *steps]) + ".")
    return " " + " ".join(texts)


def gold(random: Random, modulus: int | None = 23, most: int = 40, least: int = 1) -> Gold:
    """A random problem whose solution has `least` to `most` operations."""
    while (made := _gold(random, modulus, range(least, most + 1))) is None:
        pass
    return made


def _gold(random: Random, modulus: int | None, operations: range) -> Gold | None:
    """None where nothing that could be asked for takes as many operations."""
    categories = CHAINS["zoo"]
    depth = random.randint(2, 4)
    first = random.randint(0, 4 - depth)
    names = list(categories)[first : first + depth]
    layers = [random.sample(categories[name], random.randint(2, 4)) for name in names]
    edges: list[tuple[str, str]] = []
    for above, below in pairwise(layers):
        chosen = {(random.choice(above), item) for item in below}
        chosen |= {(a, b) for a in above for b in below if random.random() < 0.3}
        edges += sorted(chosen)
    formulas: dict[str, Formula] = {}
    totals = _totals(layers, names, edges)
    order: list[str] = []
    random.shuffle(edges)
    for item, child in edges:
        name = f"{item}'s {child}"
        formulas[name] = _formula(random, order)
        order.append(name)
        while ready := [total for total in totals if total not in formulas and totals[total].needs <= set(order)]:
            formulas[ready[0]] = totals[ready[0]]
            order.append(ready[0])
    stated = []
    for item, child in edges:
        name = f"{item}'s {child}"
        stated.append(f"The number of each {name} equals {_words(formulas[name])}.")
    random.shuffle(stated)
    necessary = {query: _necessary(query, order, formulas) for query in order}
    cost = {query: sum(_operations(formulas[name]) for name in necessary[query]) for query in order}
    if not (queries := [query for query in order if cost[query] in operations]):
        return None
    query = random.choice(queries)
    parent, thing = next(
        (item, thing)
        for layer in layers
        for item in layer
        for thing in [*names, *(item for layer in layers for item in layer)]
        if f"{item}'s {thing}" == query
    )
    letters = random.sample(ascii_letters, 52)
    question = f"How many {thing} does {parent} have?"
    made = Gold(formulas, order, stated, question, query, necessary[query], [], letters, {}, modulus)
    made.sentences = [made.define(name) for name in made.necessary]
    return made


def _necessary(query: str, order: list[str], formulas: dict[str, Formula]) -> list[str]:
    needed = {query}
    for name in reversed(order):
        needed |= formulas[name].needs if name in needed else set()
    return [name for name in order if name in needed]


def _operations(formula: Formula) -> int:
    products = sum(len(term) - 1 for term in formula.terms)
    return max(1, products + len(formula.terms) - 1 + bool(formula.prefix))


def _totals(layers: list[list[str]], names: list[str], edges: list[tuple[str, str]]) -> dict[str, Formula]:
    """Every abstract parameter that can be computed without a child-less item."""
    found: dict[str, Formula] = {}
    for above in reversed(range(len(layers) - 1)):
        for item in layers[above]:
            children = [b for a, b in edges if a == item]
            for later in range(above + 1, len(layers)):
                terms = [(f"{item}'s {child}",) for child in children]
                if later > above + 1:
                    terms = [(*term, f"{child}'s {names[later]}") for term, child in zip(terms, children, strict=True)]
                    if any(pair[1] not in found for pair in terms):
                        continue
                if terms:
                    found[f"{item}'s {names[later]}"] = Formula("total", terms)
    return found


def _formula(random: Random, known: list[str]) -> Formula:
    operands = random.sample(known, min(len(known), random.choice([0, 1, 1, 2, 2, 3, 4])))
    if not operands:
        return Formula("constant", [], random.randrange(23))
    kind = "copy" if len(operands) == 1 else "sum" if len(operands) > 2 else random.choice(["sum", "difference"])
    formula = Formula(kind, [(name,) for name in operands])
    if len(operands) < 4 and random.random() < 0.5:
        formula.prefix = random.choice(["more than", "times as much as"])
        formula.constant = random.randrange(formula.prefix != "more than", 23)
    return formula


def _words(formula: Formula) -> str:
    names = [f"each {name}" for (name,) in formula.terms]
    if formula.kind == "constant":
        return str(formula.constant)
    listed = ", ".join(names[:-1]) + " and " + names[-1]
    said = names[0] if formula.kind == "copy" else f"the {formula.kind} of {listed}"
    return f"{formula.constant} {formula.prefix} {said}" if formula.prefix else said


def _defined(made: Gold, name: str) -> Sentence:
    formula = made.formulas[name]
    steps: list[Step] = []
    # Left to right, every result with a letter of its own; the last of them is the parameter's.
    done = ""
    for term in formula.terms:
        operands = [made.letter_of[part] for part in term]
        if len(operands) == 2:
            steps.append(Step(made.letters.pop(), operands[0], "*", operands[1]))
            operands = [steps[-1].letter]
        if done:
            steps.append(Step(made.letters.pop(), done, "-" if formula.kind == "difference" else "+", operands[0]))
            operands = [steps[-1].letter]
        done = operands[0]
    if formula.constant is not None and formula.prefix:
        steps.append(Step(made.letters.pop(), str(formula.constant), "+" if "more" in formula.prefix else "*", done))
    elif not steps:
        steps.append(Step(made.letters.pop(), done or str(formula.constant)))
    made.letter_of[name] = steps[-1].letter
    return Sentence(name, steps)
