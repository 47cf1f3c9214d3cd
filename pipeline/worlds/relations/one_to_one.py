"""one_to_one: nobody is pointed to twice.

Ring      0 → 4 → 2 → 1 → 3 → 0     everybody points to the next of a hidden ring, so nobody to oneself
Couples   0 ⇄ 4, 2 ⇄ 1              mutual: whoever one points to points back
Into      0 → 7, 1 → 2, 2 → 9       to individuals of another world, or of the same one, oneself included
"""

from __future__ import annotations

from math import log2

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.worlds.relations.relation import NOBODY, Relation, log2_factorial


class _OneToOne(Relation):
    most = 1

    def children(self, individual: I64) -> I64:
        return self.inverse(individual)[:, None]


class Ring(_OneToOne):
    """One of the (n - 1)! maps that lead through everybody before they return: a derangement without smaller rings."""

    def __init__(self, of: str, size: int, key: Key) -> None:
        super().__init__(of, size, size)
        self._place = Permutation(size, key)

    def __call__(self, item: I64) -> I64:
        return self._place.inverse((self._place(item) + 1) % self.size)

    def inverse(self, individual: I64) -> I64:
        return self._place.inverse((self._place(individual) - 1) % self.size)

    def _counted_bits(self) -> float:
        return log2_factorial(self.size - 1)


class Couples(_OneToOne):
    """One of the n! / (2^(n/2) · (n/2)!) ways to pair an even number of individuals: an involution, nobody alone."""

    def __init__(self, of: str, size: int, key: Key) -> None:
        assert size % 2 == 0, "an even number"
        super().__init__(of, size, size)
        self._place = Permutation(size, key)

    def __call__(self, item: I64) -> I64:
        return self._place.inverse(self._place(item) ^ 1)

    def inverse(self, individual: I64) -> I64:
        return self(individual)

    def _counted_bits(self) -> float:
        half = self.size // 2
        return max(log2_factorial(self.size) - half * log2(2) - log2_factorial(half), 0.0)


class Into(_OneToOne):
    """One of the m! / (m - n)! ways to give each of n individuals its own among m, m ≥ n."""

    def __init__(self, of: str, size: int, targets: int, key: Key) -> None:
        assert size <= targets, "enough for all"
        super().__init__(of, size, targets)
        self.apart = False
        self._image = Permutation(targets, key)

    def __call__(self, item: I64) -> I64:
        return self._image(item)

    def inverse(self, individual: I64) -> I64:
        back = self._image.inverse(individual)
        return np.where(back < self.size, back, NOBODY)

    def _counted_bits(self) -> float:
        return log2_factorial(self.targets) - log2_factorial(self.targets - self.size)
