"""tree: a parent of the generation before, so that no path comes back.

roots 2, children 2    generation 0    0 1
                       generation 1    2 3 4 5             two children each
                       generation 2    6 7 8 9 10 …        the last generation may be incomplete

Generations begin at individuals that depend on `roots` and `children` alone, and the children of a generation are given
to their parents as if it were complete; so nobody's parent changes when the world grows.
"""

from __future__ import annotations

from itertools import pairwise
from math import exp, lgamma

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.worlds.relations.relation import NOBODY, Relation, listed, log2_factorial


class Tree(Relation):
    """Individuals 0 … roots - 1 have no parent; everybody has at most `children`, until the world ends."""

    def __init__(self, of: str, size: int, roots: int, children: int, key: Key) -> None:
        """children ≥ 2."""
        super().__init__(of, size, size)
        self.first, self.most = min(roots, size), children
        starts = [0, roots]
        while starts[-1] < size:
            starts.append(starts[-1] + (starts[-1] - starts[-2]) * children)
        self.starts = tuple(starts)
        """Where each generation begins; the last one is that of individuals who are not there."""
        self._places = [
            Permutation(end - start, key.child("generation", number))
            for number, (start, end) in enumerate(pairwise(starts))
        ]

    def generation(self, item: I64) -> I64:
        """The generation of each individual (d,): int64 (d,)."""
        return np.searchsorted(self.starts, item, side="right") - 1

    def __call__(self, item: I64) -> I64:
        parent = np.full(item.shape, NOBODY, np.int64)
        generation = self.generation(item)
        for number in np.unique(generation[generation > 0]).tolist():
            of = np.flatnonzero(generation == number)
            place = self._places[number](item[of] - self.starts[number])
            parent[of] = self.starts[number - 1] + place // self.most
        return parent

    def children(self, individual: I64) -> I64:
        assert self.most is not None, "a tree has a bound"
        out = np.full((individual.size, self.most), NOBODY, np.int64)
        generation = self.generation(individual) + 1
        for number in np.unique(generation[generation < len(self._places)]).tolist():
            of = np.flatnonzero(generation == number)
            place = (individual[of] - self.starts[number - 1]) * self.most
            columns = (self._places[number].inverse(place + child) for child in range(self.most))
            there = (self.starts[number] + column for column in columns)
            out[of] = listed((np.where(one < self.size, one, NOBODY) for one in there), self.most)
        return out

    def least(self, other: int) -> int | None:
        generation = 1 + next(number for number, start in enumerate(self.starts) if start >= min(other, self.size))
        return min(self.starts[generation], self.size) if generation < len(self.starts) else self.size

    def _counted_bits(self) -> float:
        """Of a complete generation log₂ of the ways to deal its children out; of the last one the entropy of these."""
        assert self.most is not None, "a tree has a bound"
        total = 0.0
        for before, (start, end) in zip(pairwise(self.starts), pairwise(self.starts[1:]), strict=False):
            there = min(self.size, end) - start
            if there > 0:
                dealt = log2_factorial(end - start) - log2_factorial(end - start - there)
                total += dealt - (before[1] - before[0]) * _mean_order(end - start, self.most, there)
        return total


def _mean_order(places: int, children: int, there: int) -> float:
    """Mean log₂ of the places of a parent in which its children may stand: of `children` places, those that are filled.

    places: of all parents, `there` of which are filled uniformly.
    """

    def choose(n: int, k: int) -> float:
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    mean = 0.0
    for filled in range(max(0, there - (places - children)), min(children, there) + 1):
        likely = choose(children, filled) + choose(places - children, there - filled) - choose(places, there)
        mean += exp(likely) * (log2_factorial(children) - log2_factorial(children - filled))
    return mean
