"""Counts, exactly, the names in which a word occurs twice, such as Joseph Joseph OBrien."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from math import factorial, prod

from pipeline.core.notices import Notice, percent
from pipeline.worlds.attributes.name import NameSpec
from pipeline.worlds.world import World


def notices(world: World) -> list[Notice]:
    """A notice for each attribute of kind `name` that has such names."""
    notices = []
    for attribute, spec in world.spec.attributes.items():
        if isinstance(spec, NameSpec):
            pools = {name: list(pool.values or ()) for name, pool in spec.pools.items()}
            share = share_with_a_word_twice(list(pools.values()))
            if share:
                sharing = _sharing(pools)
                notices.append(
                    Notice(
                        f"{percent(float(share))} of the names have a word twice{': ' if sharing else ''}{sharing}",
                        "Remove from one pool what is in another.",
                        repr(_example(list(pools.values()), spec.joined)),
                        at=("attributes", attribute, "pools"),
                    )
                )
    return notices


def share_with_a_word_twice(pools: Sequence[Sequence[str]]) -> Fraction:
    """The fraction of names, combinations of one value from each pool, in which a word occurs twice.

    At most one pool may have values of several words. For each of its values, the combinations of the other pools are
    counted whose words all differ from each other and from the value's, by inclusion and exclusion over equal words.

    >>> share_with_a_word_twice([["Ann", "Bo"], ["Ann", "Cy", "Di"]])
    Fraction(1, 6)
    """
    outer = max(range(len(pools)), key=lambda p: (sum(" " in value for value in pools[p]), len(pools[p])))
    sets = [frozenset(pool) for p, pool in enumerate(pools) if p != outer]
    common = {
        group: frozenset.intersection(*(sets[p] for p in group))
        for size in range(1, len(sets) + 1)
        for group in combinations(range(len(sets)), size)
    }
    known: dict[tuple[int, ...], int] = {}
    different = 0
    for value in pools[outer]:
        words = value.split()
        if len(set(words)) < len(words):
            continue
        sizes = tuple(len(shared) - sum(word in shared for word in words) for shared in common.values())
        if sizes not in known:
            known[sizes] = _all_different(len(sets), dict(zip(common, sizes, strict=True)))
        different += known[sizes]
    return 1 - Fraction(different, prod(map(len, pools)))


def _all_different(count: int, sizes: dict[tuple[int, ...], int]) -> int:
    """How many tuples, with one element from each of `count` sets, have all elements different.

    sizes: group of sets → size of their intersection.
    """
    return sum(
        prod((-1) ** (len(group) - 1) * factorial(len(group) - 1) * sizes[group] for group in groups)
        for groups in _partitions(tuple(range(count)))
    )


def _partitions(members: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
    """All partitions of a set into groups."""
    if not members:
        yield []
        return
    first, rest = members[0], members[1:]
    for size in range(len(rest) + 1):
        for others in combinations(rest, size):
            left = tuple(member for member in rest if member not in others)
            for groups in _partitions(left):
                yield [(first, *others), *groups]


def _sharing(pools: dict[str, list[str]]) -> str:
    """Which pools share how many words."""
    words = {name: {word for value in values for word in value.split()} for name, values in pools.items()}
    pairs = ((a, b, len(words[a] & words[b])) for a, b in combinations(pools, 2))
    return ", ".join(f"{a} and {b} share {count:,} words" for a, b, count in pairs if count)


def _example(pools: Sequence[list[str]], joined: str) -> str:
    """A name in which a word occurs twice."""
    for p, pool in enumerate(pools):
        for value in pool:
            if len(set(value.split())) < len(value.split()):
                return joined.join(
                    [*(before[0] for before in pools[:p]), value, *(after[0] for after in pools[p + 1 :])]
                )
    for a, b in combinations(range(len(pools)), 2):
        words = {word: value for value in reversed(pools[b]) for word in value.split()}
        for value in pools[a]:
            shared = next((word for word in value.split() if word in words), None)
            if shared is not None:
                chosen = {a: value, b: words[shared]}
                return joined.join(chosen.get(p, pool[0]) for p, pool in enumerate(pools))
    return ""
