"""Grammars, done simply and slowly: every derivation counted out, and exact fractions. Nothing of the package.

A grammar is a dictionary: each symbol above the terminals, the root first, and its rules with their weights.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from functools import cache
from itertools import product
from math import log2
from random import Random

Rules = dict[str, list[tuple[int, list[str]]]]
Tree = tuple  # (symbol, tree, tree, …); of a terminal (symbol,)

# All derivations of these can be counted out. Together: one sentence of several derivations, rules of length 1 and of
# many symbols, weights, words that stand in two bags, symbols that stand for nearly the same.
TINY = {
    "ambiguous": """
        s -> a b | b a | a a b [2]
        a -> x | x x [3]
        b -> x x | y x | x
    """,
    "unary": """
        s -> a [5]
        a -> b | b b
        b -> c | d [2]
        c -> x | y [3] | x x y
        d -> x [7] | y y
    """,
    "long": """
        s -> a a a a | b [3] | a b
        a -> x | y
        b -> x y x y x y x | y
    """,
    "bags": """
        s -> p q | q q p
        p -> 1 | 2 [2] | 10 [3]
        q -> 10 | 11
    """,
    "one": """
        s -> x
    """,
}


def read(text: str) -> Rules:
    """The grammar of a text that is well formed."""
    rules: Rules = {}
    for line in text.splitlines():
        name, _, rest = line.split("#")[0].partition("->")
        if name.strip():
            rules[name.strip()] = [_rule(part) for part in rest.split("|")]
    return rules


def _rule(text: str) -> tuple[int, list[str]]:
    symbols, _, weight = text.partition("[")
    return int(weight.strip(" ]") or 1), symbols.split()


def derivations(rules: Rules, symbol: str | None = None) -> list[tuple[Fraction, Tree]]:
    """All derivations of a symbol, by default of the root, and how probable each is."""
    symbol = next(iter(rules)) if symbol is None else symbol
    if symbol not in rules:
        return [(Fraction(1), (symbol,))]
    found = []
    total = sum(weight for weight, _ in rules[symbol])
    for weight, children in rules[symbol]:
        for parts in product(*(derivations(rules, child) for child in children)):
            share = Fraction(weight, total)
            for chance, _ in parts:
                share *= chance
            found.append((share, (symbol, *(tree for _, tree in parts))))
    return found


def leaves(tree: Tree) -> tuple[str, ...]:
    """The sentence of a derivation."""
    return tuple(leaf for part in tree[1:] for leaf in leaves(part)) or (tree[0],)


def above(tree: Tree, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], int]]:
    """For each leaf the symbols above it, from the root down, and how many of their constituents end with it."""
    if len(tree) == 1:
        return [(path, 0)]
    rows = [row for part in tree[1:] for row in above(part, (*path, tree[0]))]
    rows[-1] = rows[-1][0], rows[-1][1] + 1
    return rows


def sentences(rules: Rules) -> dict[tuple[str, ...], tuple[Fraction, int]]:
    """All sentences: how probable, and how many derivations."""
    found: dict[tuple[str, ...], tuple[Fraction, int]] = defaultdict(lambda: (Fraction(0), 0))
    for share, tree in derivations(rules):
        before, count = found[leaves(tree)]
        found[leaves(tree)] = before + share, count + 1
    return dict(found)


def entropy(shares: list[Fraction]) -> float:
    """Of a distribution, in bits."""
    return -sum(float(share) * log2(share) for share in shares)


def next_symbols(known: dict[tuple[str, ...], tuple[Fraction, int]], prefix: tuple[str, ...]) -> dict[str, Fraction]:
    """What comes after a prefix, and how probably; "" is the end. Empty where no sentence begins so."""
    found: dict[str, Fraction] = defaultdict(Fraction)
    for sentence, (share, _) in known.items():
        if sentence[: len(prefix)] == prefix:
            found[sentence[len(prefix)] if len(sentence) > len(prefix) else ""] += share
    total = sum(found.values())
    return {symbol: share / total for symbol, share in found.items()}


def recognises(rules: Rules, string: tuple[str, ...]) -> bool:
    """Whether a string is a sentence, by recursive descent that remembers."""

    @cache
    def ends(symbol: str, start: int) -> frozenset[int]:
        if symbol not in rules:
            return frozenset({start + 1} if string[start : start + 1] == (symbol,) else ())
        found: set[int] = set()
        for _, children in rules[symbol]:
            places = {start}
            for child in children:
                places = {end for place in places for end in ends(child, place)}
            found |= places
        return frozenset(found)

    return len(string) in ends(next(iter(rules)), 0)


def sentence(rules: Rules, symbol: str, random: Random) -> list[str]:
    """A sentence by chance, as one writes it down: the plain generator that the compiled one is measured against."""
    if symbol not in rules:
        return [symbol]
    options = rules[symbol]
    _, children = options[random.randrange(len(options))]  # of equal weights
    return [leaf for child in children for leaf in sentence(rules, child, random)]
