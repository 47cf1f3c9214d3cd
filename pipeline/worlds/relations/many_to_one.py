"""many_to_one: each individual's other is drawn by itself, uniformly or by weights of those who are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import log2

import numpy as np

from pipeline.core.draws import I64, Weighted, bits, scaled
from pipeline.core.key import Key
from pipeline.worlds.relations.relation import Relation

ATTEMPTS = 16  # draws, after which few but those with most of the weight have drawn only themselves


class Drawn(Relation):
    """n draws among m. alone: whether both worlds are one, and nobody is drawn for oneself."""

    def __init__(
        self, of: str, size: int, targets: int, key: Key, weights: Sequence[Fraction] | None, *, alone: bool
    ) -> None:
        """weights: the probability of each of the m, summing to 1, none of them 1 if `alone`; None if all are equal."""
        super().__init__(of, size, targets)
        self._key, self.weights, self.apart = key, weights, alone
        self._table = Weighted.from_weights(weights) if weights else None

    def __call__(self, item: I64) -> I64:
        if self._table:
            return self._weighted(self._table, item)
        if not self.apart:
            return scaled(bits(self._key, item), self.targets)
        drawn = scaled(bits(self._key, item), self.targets - 1)
        return drawn + (drawn >= item)  # all but oneself

    def _weighted(self, table: Weighted, item: I64) -> I64:
        other: I64 = table(self._key, item).astype(np.int64)
        for attempt in range(1, ATTEMPTS if self.apart else 1):
            if not (again := np.flatnonzero(other == item)).size:
                break
            other[again] = table(self._key.child("again", attempt), item[again])
        for own in np.unique(item[other == item]).tolist() if self.apart else ():
            here = np.flatnonzero(item == own)
            other[here] = self._without(own)(self._key.child("without"), item[here])
        return other

    def _without(self, own: int) -> Weighted:
        """The draw of an individual who would often draw itself: by the weights of all others."""
        assert self.weights is not None
        rest = 1 - self.weights[own]
        return Weighted.from_weights([Fraction(0) if i == own else w / rest for i, w in enumerate(self.weights)])

    def _counted_bits(self) -> float:
        if self.weights is None:
            return self.size * log2(self.targets - self.apart)
        chances = np.array([float(weight) for weight in self.weights])
        terms = np.where(chances > 0, chances * np.log2(np.where(chances > 0, chances, 1)), 0)
        entropy = -float(terms.sum())
        if not self.apart:
            return self.size * entropy
        others = 1 - chances  # of individual i: the same weights without its own
        return float(((entropy + terms) / others + np.log2(others)).sum())
