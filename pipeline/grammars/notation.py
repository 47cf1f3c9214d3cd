"""Grammars as text: a line for each symbol above the terminals, the root's first.

    # Comments run from a hash to the end of the line.
    s -> a b | b a b
    a -> x y | y [2]          chosen twice as often as the other
    b -> y y x

Non-terminals of a level are numbered in the order of their lines; terminals in their natural order, 9 before 10.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

from pipeline.core.errors import SpecError
from pipeline.core.files import Text
from pipeline.grammars.grammar import WORD, Grammar, check_size

_RULE = re.compile(r"([^\[\]]*)(?:\[\s*([1-9]\d{0,17})\s*\]\s*)?")  # symbols, and perhaps a weight
_FORM = "A line is `a -> b c | c b [2]`."


@dataclass(frozen=True)
class _Line:
    """The rules of a symbol, and their weights."""

    rules: tuple[tuple[str, ...], ...]
    weights: tuple[int, ...]
    place: str

    @property
    def children(self) -> list[str]:
        return [child for rule in self.rules for child in rule]


def parse(lines: Iterable[Text]) -> Grammar:
    """The grammar in these lines of text. SpecError, with the place, if they are no grammar."""
    known: dict[str, _Line] = {}
    symbols = 0
    for text in lines:
        if content := text.text.partition("#")[0].strip():
            name, line = _read(content, text.place)
            if name in known:
                _refuse(text.place, f"'{name}' has a line already ({known[name].place})", "Join the two.")
            known[name] = line
            symbols += len(line.children)
            check_size(1, symbols)
    if not known:
        raise SpecError("a grammar without rules", _FORM)
    levels = _levels(known)
    rules = []
    for above, below in pairwise(levels):
        place = {name: at for at, name in enumerate(below)}
        rules.append(tuple(tuple(tuple(place[c] for c in rule) for rule in known[name].rules) for name in above))
    weights = tuple(tuple(known[name].weights for name in level) for level in levels[:-1])
    return Grammar(tuple(map(tuple, levels)), tuple(rules), weights)


def written(grammar: Grammar) -> str:
    """A grammar as text. `parse` reads the same grammar from it if the terminals are in natural order."""
    lines = []
    for at, name, rules, weights in grammar.each():
        below = grammar.levels[at + 1]
        texts = [" ".join(below[child] for child in rule) for rule in rules]
        texts = [f"{rule} [{weight}]" if weight > 1 else rule for rule, weight in zip(texts, weights, strict=True)]
        lines.append(f"{name} -> {' | '.join(texts)}\n")
    return "".join(lines)


def _refuse(place: str, problem: str, remedy: str) -> NoReturn:
    raise SpecError(f"{place}: {problem}", remedy)


def _read(content: str, place: str) -> tuple[str, _Line]:
    name, arrow, rest = (part.strip() for part in content.partition("->"))
    if not arrow or not WORD.fullmatch(name):
        _refuse(place, f"'{content}' is no rule", _FORM)
    weights: dict[tuple[str, ...], int] = {}
    for text in rest.split("|"):
        match = _RULE.fullmatch(text)
        rule = tuple(match[1].split()) if match else ()
        if not match or not all(WORD.fullmatch(word) for word in rule):
            _refuse(place, f"'{text.strip()}' is no rule of '{name}'", f"{_FORM} Weights are integers from 1 on.")
        if not rule:
            _refuse(place, f"'{name}' has an empty rule", "Each stands for one symbol or more.")
        if rule in weights:
            _refuse(place, f"'{name}' has the rule '{' '.join(rule)}' twice", "Give it once, with a weight.")
        weights[rule] = int(match[2] or 1)
    return name, _Line(tuple(weights), tuple(weights.values()), place)


def _levels(known: Mapping[str, _Line]) -> list[list[str]]:
    """The names of symbols by their depth below the first. SpecError for grammars that have no levels."""
    levels = [[next(iter(known))]]
    above = {levels[0][0]: ""}  # each symbol, and what it was found below
    while levels[-1][0] in known:
        below: dict[str, str] = {}
        for name in levels[-1]:
            for child in known[name].children:
                below.setdefault(child, name)
        for child, name in below.items():
            if child in above:
                _refuse_depth(child, name, above[child], known)
        inner = [name for name in known if name in below]
        if 0 < len(inner) < len(below):
            leaf = next(child for child in below if child not in known)
            problem = f"'{leaf}' has no rules, but '{inner[0]}', as deep, has ({known[inner[0]].place})"
            _refuse(known[below[leaf]].place, problem, "All terminals must be equally deep.")
        levels.append(inner or sorted(below, key=_natural))
        above |= below
        check_size(len(levels), len(below))
    for name, line in known.items():
        if name not in above:
            _refuse(line.place, f"no sentence needs '{name}'", f"The root is the first, '{levels[0][0]}'.")
    return levels


def _refuse_depth(child: str, name: str, higher: str, known: Mapping[str, _Line]) -> NoReturn:
    """Raise SpecError for a symbol `child` below `name` that also occurs higher up, below `higher`."""
    reached, new = {child}, {child}
    while new:
        new = {grandchild for symbol in new if symbol in known for grandchild in known[symbol].children} - reached
        reached |= new
    if name in reached:
        problem = f"'{child}' is recursive: it stands below itself"
        _refuse(known[name].place, problem, "A symbol stands on one level: call it by another name there.")
    problem = f"'{child}' stands below '{higher}' ({known[higher].place}) and, deeper, below '{name}'"
    _refuse(known[name].place, problem, "Each symbol has one level: call one of the two by another name.")


def _natural(name: str) -> tuple[bool, int, str, str]:
    """A sort key: numbers first, by value (compared by their number of digits, as they may be long), then words."""
    number = name.isascii() and name.isdigit()
    digits = name.lstrip("0") if number else ""
    return not number, len(digits), digits, name
