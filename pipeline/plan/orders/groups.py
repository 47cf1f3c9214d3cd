"""Numbers that are shuffled within groups of neighbours: what blocks, chunks, rounds and masses have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.permutation import Bijection


def each_group(groups: I64) -> Iterator[tuple[int, slice | I64]]:
    """Each group of `groups` (k,), ascending, and where its numbers are: a slice, where all groups ascend.

    >>> [(group, np.arange(4)[here].tolist()) for group, here in each_group(np.array([5, 7, 5, 5]))]
    [(5, [0, 2, 3]), (7, [1])]
    """
    order = None if (groups[1:] >= groups[:-1]).all() else np.argsort(groups, kind="stable")
    ascending = groups if order is None else groups[order]
    ends = [*(np.flatnonzero(ascending[1:] != ascending[:-1]) + 1).tolist(), groups.size]
    first = 0
    for end in ends if groups.size else ():
        yield int(ascending[first]), slice(first, end) if order is None else order[first:end]
        first = end


def within_groups(
    numbers: I64, groups: I64, first: Callable[[int], int], order: Callable[[int], Bijection], *, back: bool
) -> I64:
    """Each number (k,) moved within its group, int64 (k,).

    groups (k,): the group of each number. first: of a group, the first number in it. order: of a group, the order of
    its numbers, counted from 0. back: by the inverse.

    >>> from pipeline.core.key import Key
    >>> from pipeline.core.permutation import Permutation
    >>> pairs = np.arange(6)
    >>> moved = within_groups(pairs, pairs // 2, lambda g: 2 * g, lambda g: Permutation(2, Key.root(g)), back=False)
    >>> (moved // 2).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    moved = np.empty(numbers.size, np.int64)
    for group, here in each_group(groups):
        move = order(group).inverse if back else order(group)
        moved[here] = move(numbers[here] - first(group)) + first(group)
    return moved
