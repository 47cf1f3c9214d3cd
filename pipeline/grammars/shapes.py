"""Random grammars of a given shape: sizes of levels, rules per symbol, symbols per rule (Part 1, cfg3b … cfg3k).

sizes [1, 3, 3], rules [2, 2], length [2, 3]      6 -> 5 4 | 4 5 4     3 -> … | …   4 -> … | …   terminals 1 2
"""

from __future__ import annotations

from itertools import count
from math import perm
from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.spec import Spec, refused
from pipeline.grammars.grammar import Grammar, Rule, check_size

Count = Annotated[int, Field(ge=1, le=10_000)]
_TRIES = 30_000  # for one level; cfg3e1 needs two thousand
_DRAWS = 4_000_000  # symbols in all tries of a level


class ShapeSpec(Spec):
    """The shape of a grammar, and which of the grammars of that shape it is."""

    sizes: list[Count] = Field(min_length=2, max_length=64, description="Symbols of each level: 1, the root, first.")
    rules: list[Count] = Field(min_length=2, max_length=2, description="Of a symbol: [least, most].")
    length: list[Count] = Field(min_length=2, max_length=2, description="Symbols of a rule: [least, most].")
    distinct: bool = Field(False, description="Whether a rule has no symbol twice.")
    seed: int = Field(0, description="Another seed, another grammar.")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.sizes[0] != 1:
            raise refused(f"the first level is the root, and its size 1, not {self.sizes[0]}", "Write 1.", ("sizes", 0))
        for key, (least, most) in (("rules", self.rules), ("length", self.length)):
            if least > most:
                raise refused(
                    f"{key} are written [least, most], not [{least}, {most}]", f"Write [{most}, {least}].", (key,)
                )
        return self


def draw_grammar(shape: ShapeSpec) -> Grammar:
    """A grammar with uniform numbers of rules, lengths and symbols; all rules of a level differ.

    A level is redrawn, with the next key, until it uses every symbol of the level below. SpecError if there are not
    enough different rules, or if no try uses all symbols.
    """
    levels = range(len(shape.sizes) - 1)
    check_size(len(shape.sizes), sum(shape.sizes[level] for level in levels) * shape.rules[1] * shape.length[1])
    key = Key.root(shape.seed).child("grammar")
    rules = tuple(_level(shape, level, key.child(level)) for level in levels)
    names, taken = [], 0
    for size in reversed(shape.sizes):
        names.append(tuple(str(taken + 1 + at) for at in range(size)))
        taken += size
    return Grammar(tuple(reversed(names)), rules)


def _level(shape: ShapeSpec, level: int, key: Key) -> tuple[tuple[Rule, ...], ...]:
    """The rules of a level's symbols."""
    size, below = shape.sizes[level : level + 2]
    _check(shape, level, size, below)
    for attempt in range(min(_TRIES, max(1, _DRAWS // _work(shape, level)))):
        rules = _rules(shape, size, below, _Draws(key.child(attempt)))
        if len({child for of_symbol in rules for rule in of_symbol for child in rule}) == below:
            return rules
    raise SpecError(f"hardly any rules use all {below} symbols of level {level + 1}", "Allow more of them.", ("rules",))


def _work(shape: ShapeSpec, level: int) -> int:
    """The work of drawing a level once, in symbols; redrawn rules are not counted."""
    size, below = shape.sizes[level : level + 2]
    return size * shape.rules[1] * (below if shape.distinct else shape.length[1])


def _check(shape: ShapeSpec, level: int, size: int, below: int) -> None:
    least, most = shape.length
    if shape.distinct and most > below:
        problem = f"a rule of {most} symbols cannot have {below} of them, each once"
        raise SpecError(problem, "Allow shorter rules, or larger levels.", ("length",))
    available = 0
    for length in range(least, most + 1):
        if available < size * shape.rules[1]:  # otherwise there are enough
            available += perm(below, length) if shape.distinct else below**length
    if size * shape.rules[1] > available:
        raise SpecError(
            f"level {level} may have {size * shape.rules[1]} rules, but there are only {available} different ones",
            f"Allow fewer or longer rules, or more than {below} symbols on level {level + 1}.",
            ("rules",),
        )
    if size * shape.rules[1] * most < below:
        raise SpecError(f"so few rules cannot use the {below} symbols of level {level + 1}", "Allow more.", ("rules",))


class _Draws:
    """A stream of uniform integers from a key."""

    def __init__(self, key: Key) -> None:
        self._words = (word for child in map(key.child, count()) for word in (child.high, child.low))

    def within(self, least: int, most: int) -> int:
        """The next integer in least … most; its bias is at most (most - least + 1) / 2⁶⁴."""
        return least + (next(self._words) * (most - least + 1) >> 64)

    def symbols(self, below: int, length: int, distinct: bool) -> Rule:
        """`length` symbols of 0 … below - 1, each at most once if `distinct`."""
        if not distinct:
            return tuple(self.within(0, below - 1) for _ in range(length))
        left = list(range(below))
        return tuple(left.pop(self.within(0, len(left) - 1)) for _ in range(length))


def _rules(shape: ShapeSpec, size: int, below: int, draws: _Draws) -> tuple[tuple[Rule, ...], ...]:
    """Rules for `size` symbols. A rule that exists already is redrawn, with a new length."""
    rules: list[tuple[Rule, ...]] = []
    taken: set[Rule] = set()
    for _ in range(size):
        of_symbol: list[Rule] = []
        wanted = draws.within(*shape.rules)
        while len(of_symbol) < wanted:
            rule = draws.symbols(below, draws.within(*shape.length), shape.distinct)
            if rule not in taken:
                of_symbol.append(rule)
                taken.add(rule)
        rules.append(tuple(of_symbol))
    return tuple(rules)
