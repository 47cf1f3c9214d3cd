"""Grammars: levels of symbols, from the root to the terminals, and rules from each level to the next.

    level 0   s                       s -> a b | b a b
    level 1   a  b                    a -> x y | y            b -> y y x [3] | x
    level 2   x  y

A rule is chosen with a probability proportional to its integer weight. In implicit grammars a symbol shows as a word
of its bag: that is one more level, with rules of length 1.

All symbols are numbered, level by level: the root is 0, and the terminals come last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from math import lcm, log2
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import Weighted
from pipeline.core.errors import SpecError
from pipeline.grammars.tables import Tables

F64 = NDArray[np.float64]
T = TypeVar("T")

Rule = tuple[int, ...]
"""The symbols that stand for another, as their places in the level below."""

WORD = re.compile(r"[^\s|\[\]<>:#]+")
"""A name that can be written down."""

MOST_SYMBOLS = 200_000  # in all rules together
MOST_LEVELS = 256
MOST_BITS = 100_000  # of the common denominator of a level's mean lengths
_FAR = 2**62  # longer than any string


@dataclass(frozen=True)
class Grammar:
    """A levelled grammar. SpecError if it is invalid.

    levels: names of symbols, from (root,) to the terminals. rules[level][symbol]: the rules of a symbol, all different,
    for each level but the last. weights: the same shape, a weight for each rule; by default all are 1.
    """

    levels: tuple[tuple[str, ...], ...]
    rules: tuple[tuple[tuple[Rule, ...], ...], ...]
    weights: tuple[tuple[tuple[int, ...], ...], ...] = ()

    def __post_init__(self) -> None:
        if not self.weights:
            ones = tuple(tuple((1,) * len(rules) for rules in level) for level in self.rules)
            object.__setattr__(self, "weights", ones)
        check_size(len(self.levels), sum(len(rule) for *_, rules, _ in self.each() for rule in rules))
        self._check_names()
        self._check_rules()

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The names of all symbols, by their numbers."""
        return tuple(name for level in self.levels for name in level)

    @property
    def terminals(self) -> tuple[str, ...]:
        """The names of the terminals, by their numbers in sentences."""
        return self.levels[-1]

    @cached_property
    def mean_length(self) -> Fraction:
        """The exact expected terminals of a sentence. SpecError if the weights lead to a huge common denominator.

        The means of a level are integers over one denominator, so that no fraction has to be reduced.
        """
        means, denominator = [1] * len(self.terminals), 1
        for rules, weights in zip(reversed(self.rules), reversed(self.weights), strict=True):
            totals = [sum(chances) for chances in weights]
            common = lcm(*set(totals))
            denominator *= common
            if denominator.bit_length() > MOST_BITS:
                raise SpecError(
                    f"the weights of the rules have a common denominator of more than {MOST_BITS:,} bits",
                    "Write smaller weights, or those of the rules of a symbol so that they add up to the same.",
                )
            means = [
                common
                // total
                * sum(chance * sum(means[child] for child in rule) for rule, chance in zip(*of_symbol, strict=True))
                for total, *of_symbol in zip(totals, rules, weights, strict=True)
            ]
        return Fraction(means[0], denominator)

    @cached_property
    def shortest(self) -> int:
        """The number of terminals in the shortest sentence."""
        return int(self._shortest[0][0])

    @cached_property
    def longest(self) -> int:
        """The number of terminals in the longest sentence."""
        return int(self._longest[0][0])

    @cached_property
    def derivation_bits(self) -> float:
        """The entropy of a derivation, in bits. A sentence's entropy is lower if sentences have several derivations."""

        def chosen(values: Sequence[float], shares: Sequence[Fraction]) -> float:
            return sum(float(p) * (value - log2(p)) for value, p in zip(values, shares, strict=True))

        return self._of_each(0.0, sum, chosen)[0][0]

    def lengths(self) -> F64:
        """The probability of each length of a sentence, 0 … longest: float64 (longest + 1,), summing to 1."""

        def joined(parts: Sequence[F64]) -> F64:
            return reduce(np.convolve, parts)

        def chosen(parts: Sequence[F64], shares: Sequence[Fraction]) -> F64:
            total = np.zeros(max(map(len, parts)))
            for part, share in zip(parts, shares, strict=True):
                total[: len(part)] += float(share) * part
            return total

        return self._of_each(np.array([0.0, 1.0]), joined, chosen)[0][0]

    def tables(self) -> Tables:
        """The grammar as kernels read it."""
        base = np.cumsum([0, *map(len, self.levels)], dtype=np.int64)
        flat = [(at, rules, weights) for at, _, rules, weights in self.each()]
        counts = np.cumsum([0, *(len(rules) for _, rules, _ in flat)], dtype=np.int32)
        chances = [Weighted.from_weights(weights) for _, _, weights in flat]
        rules = [[base[at + 1] + child for child in rule] for at, rules, _ in flat for rule in rules]
        extents = [
            np.array([min(length, _FAR) for level in lengths for length in level], np.int64)
            for lengths in (self._shortest, self._longest)
        ]
        return Tables(
            base,
            counts,
            np.concatenate([chance.threshold for chance in chances]),
            np.concatenate([chance.alias + first for chance, first in zip(chances, counts, strict=False)]),
            np.array([weight / total for _, _, weights in flat for total in [sum(weights)] for weight in weights]),
            np.cumsum([0, *map(len, rules)], dtype=np.int32),
            np.array([child for rule in rules for child in rule], np.int32),
            *extents,
        )

    @cached_property
    def _shortest(self) -> list[list[int]]:
        return self._of_each(1, sum, lambda values, _: min(values))

    @cached_property
    def _longest(self) -> list[list[int]]:
        return self._of_each(1, sum, lambda values, _: max(values))

    def each(self) -> Iterator[tuple[int, str, tuple[Rule, ...], tuple[int, ...]]]:
        """(level, name, rules, weights) of each non-terminal symbol, level by level."""
        for at, (names, rules, weights) in enumerate(zip(self.levels, self.rules, self.weights, strict=False)):
            for row in zip(names, rules, weights, strict=True):
                yield at, *row

    def _of_each(
        self, leaf: T, joined: Callable[[Sequence[T]], T], chosen: Callable[[Sequence[T], Sequence[Fraction]], T]
    ) -> list[list[T]]:
        """A value for each symbol, computed from the terminals (`leaf`) up.

        joined: values of a rule's children → value of the rule. chosen: values and probabilities of a symbol's rules →
        value of the symbol.
        """
        values = [[leaf] * len(self.terminals)]
        for rules, weights in zip(reversed(self.rules), reversed(self.weights), strict=True):
            below, here = values[-1], []
            for of_symbol, chances in zip(rules, weights, strict=True):
                total = sum(chances)
                shares = [Fraction(weight, total) for weight in chances]
                here.append(chosen([joined([below[child] for child in rule]) for rule in of_symbol], shares))
            values.append(here)
        return values[::-1]

    def _check_names(self) -> None:
        if len(self.levels) < 2 or len(self.levels[0]) != 1:
            raise SpecError("a grammar has one root, and at least one level below it")
        seen: set[str] = set()
        for name in self.symbols:
            if not WORD.fullmatch(name):
                raise SpecError(f"'{name}' cannot name a symbol", "Names have no blanks and none of | [ ] < > : #")
            if name in seen:
                raise SpecError(f"the symbol '{name}' stands on two levels, or twice on one", "Rename one of the two.")
            seen.add(name)

    def _check_rules(self) -> None:
        sizes = [len(level) for level in self.levels]
        if [[len(rules) for rules in level] for level in self.rules] != [
            [len(chances) for chances in level] for level in self.weights
        ] or [len(level) for level in self.rules] != sizes[:-1]:
            raise SpecError("each symbol above the terminals needs its rules, and each rule its weight")
        used = [set[int]() for _ in self.levels]
        for at, name, rules, weights in self.each():
            if not rules or not all(rules):
                raise SpecError(f"'{name}' has no rules, or one that is empty", "A rule is one symbol or more.")
            if len(set(rules)) < len(rules):
                raise SpecError(f"'{name}' has the same rule twice", "Give it once, with a weight.")
            if min(weights) < 1:
                raise SpecError(f"a rule of '{name}' has the weight {min(weights)}", "Weights are integers from 1 on.")
            children = {child for rule in rules for child in rule}
            if not 0 <= min(children) <= max(children) < sizes[at + 1]:
                raise SpecError(f"a rule of '{name}' names a symbol that the next level does not have")
            used[at + 1] |= children
        for at, names in enumerate(self.levels[1:], 1):
            for child, name in enumerate(names):
                if child not in used[at]:
                    raise SpecError(f"no sentence needs the symbol '{name}'", "Remove it, or use it in a rule.")


def check_size(levels: int, symbols: int) -> None:
    """SpecError for more levels, or more symbols in all rules together, than a grammar may have."""
    if levels > MOST_LEVELS:
        raise SpecError(f"a grammar of {levels:,} levels", f"It may have {MOST_LEVELS}.")
    if symbols > MOST_SYMBOLS:
        raise SpecError(f"{symbols:,} symbols in the rules of a grammar", f"It may have {MOST_SYMBOLS:,}.")
