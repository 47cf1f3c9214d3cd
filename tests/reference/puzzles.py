"""The puzzles of Part 4.1 as anybody would make them: lists, sets, and trying again. Nothing of the package.

Each function gives one document as names of tokens. Training draws the size (n, or l); a test says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from random import Random


def size(rng: Random, most: int) -> int:
    """Of 3 to `most`, with weights 1 / (n + √most)."""
    sizes = range(3, most + 1)
    return rng.choices(sizes, [1 / (n + sqrt(most)) for n in sizes])[0]


def words(rng: Random, count: int, lengths: Sequence[int], vocabulary: int) -> list[list[str]]:
    """Distinct words: numbers of 1 to `vocabulary`, a bar on the last one."""
    found: list[list[str]] = []
    taken = set()
    while len(found) < count:
        length = rng.randint(lengths[0], lengths[1])
        word = [str(rng.randint(1, vocabulary)) for _ in range(length)]
        word[-1] += "|"
        if tuple(word) not in taken:
            taken.add(tuple(word))
            found.append(word)
    return found


def depo(
    rng: Random,
    most: int,
    hops: int,
    lengths: tuple[int, int] = (1, 2),
    vocabulary: int = 50,
    *,
    n: int | None = None,
    k: int | None = None,
) -> list[str]:
    """Edges of a cycle, and queries of up to `hops` hops. k: the hops of all of them."""
    n = n or size(rng, most)
    cycle = words(rng, n, lengths, vocabulary)
    edges = [(cycle[i], cycle[(i + 1) % n]) for i in range(n)]
    rng.shuffle(edges)
    text = ["bos"]
    for x, y in edges:
        text += [*x, *y]
    for at in rng.sample(range(n), min(10, n)):
        far = k or rng.randint(1, hops)
        text += [f"query_{far}", *cycle[at], "ans", *cycle[(at + far) % n]]
    return text


def brevo(
    rng: Random,
    most: int,
    lengths: tuple[int, int] | None = None,
    vocabulary: int = 4,
    *,
    n: int | None = None,
) -> list[str]:
    """Edges of a graph, a query, and all that it depends on. lengths: of words; None for single tokens."""
    n = n or size(rng, most)
    names = [[str(x)] for x in rng.sample(range(1, most + 1), n)] if lengths is None else None
    names = names or words(rng, n, lengths or (1, 1), vocabulary)
    needs = dag(rng, n)
    edges = [(need, node) for node in range(n) for need in needs[node]]
    rng.shuffle(edges)
    query = rng.choice([node for node in range(3 * n // 4, n) if needs[node]])
    text = ["bos"]
    for need, node in edges:
        text += [*names[need], *names[node]]
    text += ["query", *names[query], "ans"]
    for node in order(rng, needs, query):
        text += names[node]
    return [*text, "eos"]


def dag(rng: Random, n: int) -> list[list[int]]:
    """For each node what it depends on, nodes before it."""
    leaves = rng.randint(1, (n - 1) // 4 + 1)
    needs: list[list[int]] = [[] for _ in range(n)]
    dependents = [0] * n
    for node in range(leaves, n):
        free = [other for other in range(node) if dependents[other] < 4]
        if free:
            needs[node] = rng.sample(free, rng.randint(1, min(4, len(free))))
        for need in needs[node]:
            dependents[need] += 1
    return needs


def order(rng: Random, needs: list[list[int]], query: int) -> list[int]:
    """The query and all that it depends on, each after its own: drawn from the query backwards."""
    asked, pending = {query}, [query]
    while pending:
        for need in needs[pending.pop()]:
            if need not in asked:
                asked.add(need)
                pending.append(need)
    waiting = {node: sum(node in needs[other] for other in asked) for node in asked}
    backwards, available = [], [query]
    while available:
        node = available.pop(rng.randrange(len(available)))
        backwards.append(node)
        for need in needs[node]:
            waiting[need] -= 1
            if waiting[need] == 0:
                available.append(need)
    return backwards[::-1]


def mano(rng: Random, most: int, modulus: int = 23, *, length: int | None = None) -> list[str]:
    """An expression of 1 to `most` operations, or of `length`, and its value."""
    length = length or rng.randint(1, most)
    text, value = expression(rng, length, modulus)
    return ["bos", f"len_{length}", *text, "ans", str(value)]


def expression(rng: Random, operations: int, modulus: int) -> tuple[list[str], int]:
    """Operators before their operands, and the value."""
    if operations == 0:
        value = rng.randrange(modulus)
        return [str(value)], value
    operator = rng.choice("+-*")
    before = rng.randint(0, operations - 1)
    left, x = expression(rng, before, modulus)
    right, y = expression(rng, operations - 1 - before, modulus)
    value = {"+": x + y, "-": x - y, "*": x * y}[operator]
    return [operator, *left, *right], value % modulus


def copy(rng: Random, most: int, vocabulary: int, *, n: int | None = None) -> list[str]:
    """Tokens, and the same again."""
    tokens = [str(rng.randint(1, vocabulary)) for _ in range(n or size(rng, most))]
    return ["bos", *tokens, "copy", *tokens]
