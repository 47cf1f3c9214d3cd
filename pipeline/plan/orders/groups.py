"""Numbers that are shuffled within groups of neighbours: what blocks, chunks, rounds and masses have in common."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.permutation import Bijection


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
    for group in np.unique(groups).tolist():
        here = np.flatnonzero(groups == group)
        move = order(group).inverse if back else order(group)
        moved[here] = move(numbers[here] - first(group)) + first(group)
    return moved
