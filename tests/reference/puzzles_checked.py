"""The puzzles of Part 4.1 as anybody would check them: documents as names of tokens, dictionaries and sets.

Each function takes a whole document, without BOS and end token, asserts all that has to be true of it, and returns it
as its parts.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

Name = tuple[str, ...]


class Depo(NamedTuple):
    """edges in their order; questions (steps, node asked about)."""

    edges: list[tuple[Name, Name]]
    asked: list[tuple[int, Name]]


class Brevo(NamedTuple):
    """edges (needed, by whom) in their order; the node asked about; the answer."""

    edges: list[tuple[Name, Name]]
    asked: Name
    order: list[Name]


class Mano(NamedTuple):
    """operations: how many. split: of the first one's others, how many are on its left."""

    operations: int
    split: int
    symbols: list[str]
    value: int


def names_in(tokens: list[str], *, bars: bool) -> list[Name]:
    """Words, each ended by a token with a bar; or every token a word."""
    names: list[Name] = []
    word: list[str] = []
    for token in tokens:
        word.append(token)
        if not bars or token.endswith("|"):
            names.append(tuple(word))
            word = []
    assert not word, "a word without an end"
    return names


def pairs_of(names: list[Name]) -> list[tuple[Name, Name]]:
    """Two by two."""
    assert len(names) % 2 == 0
    return list(zip(names[::2], names[1::2], strict=True))


def depo(tokens: list[str]) -> Depo:
    """One cycle through all nodes; every answer is found by walking."""
    first = next(i for i, token in enumerate(tokens) if token.startswith("<query_"))
    edges = pairs_of(names_in(tokens[:first], bars=True))
    after = dict(edges)
    assert len(after) == len(edges) == len(set(after.values()))
    node, met = edges[0][0], set()
    while node not in met:
        met.add(node)
        node = after[node]
    assert len(met) == len(edges), "several cycles"
    asked = []
    starts = [i for i, token in enumerate(tokens) if token.startswith("<query_")]
    for begin, end in pairwise([*starts, len(tokens)]):
        middle = tokens.index("<ans>", begin)
        steps = int(tokens[begin].removeprefix("<query_").removesuffix(">"))
        (node,), (answer,) = (
            names_in(part, bars=True) for part in (tokens[begin + 1 : middle], tokens[middle + 1 : end])
        )
        asked.append((steps, node))
        for _ in range(steps):
            node = after[node]
        assert node == answer
    assert len({node for _, node in asked}) == len(asked), "asked twice"
    return Depo(edges, asked)


def brevo(tokens: list[str], *, bars: bool) -> Brevo:
    """Four edges at most to and from a node; the answer is all that is needed, each after what it needs."""
    query, answer = tokens.index("<query>"), tokens.index("<ans>")
    edges = pairs_of(names_in(tokens[:query], bars=bars))
    (asked,) = names_in(tokens[query + 1 : answer], bars=bars)
    order = names_in(tokens[answer + 1 :], bars=bars)
    needs: dict[Name, set[Name]] = {}
    users: dict[Name, set[Name]] = {}
    for needed, by in edges:
        needs.setdefault(by, set()).add(needed)
        users.setdefault(needed, set()).add(by)
    assert sum(map(len, needs.values())) == len(edges), "an edge twice"
    assert max(map(len, [*needs.values(), *users.values()])) <= 4
    needed, new = {asked}, {asked}
    while new:
        new = {other for node in new for other in needs.get(node, ())} - needed
        needed |= new
    assert len(order) == len(set(order)), "told twice"
    assert set(order) == needed
    assert all(order.index(other) < order.index(node) for node in order for other in needs.get(node, ()))
    assert order[-1] == asked
    assert asked in needs
    return Brevo(edges, asked, order)


def mano(tokens: list[str], modulus: int) -> Mano:
    """The value is that of the same expression in the notation of Python."""
    length = int(tokens[0].removeprefix("<len_").removesuffix(">"))
    end = tokens.index("<ans>")
    symbols = tokens[1:end]
    assert len(symbols) == 2 * length + 1
    assert all(0 <= int(symbol) < modulus for symbol in symbols if symbol not in "+-*")

    def infix(at: int) -> tuple[str, int]:
        if symbols[at] not in ("+", "-", "*"):
            return symbols[at], at + 1
        left, middle = infix(at + 1)
        right, stop = infix(middle)
        return f"({left}{symbols[at]}{right})", stop

    whole, stop = infix(0)
    assert stop == len(symbols)
    assert [str(eval(whole) % modulus)] == tokens[end + 1 :]
    return Mano(length, (infix(1)[1] - 2) // 2 if length else 0, symbols, int(tokens[-1]))


def copying(tokens: list[str]) -> list[str]:
    """The same symbols on both sides."""
    middle = tokens.index("<copy>")
    assert tokens[:middle] == tokens[middle + 1 :]
    assert middle > 0
    return tokens[:middle]
