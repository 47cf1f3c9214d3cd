"""The base class of relations: to each individual another one, of the same or of another world."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from math import lgamma, log

import numpy as np

from pipeline.core.draws import I64

NOBODY = -1


class Relation(ABC):
    """Individual i of a world of `size` → an individual of the world `of`, which has `targets`.

    most: how many individuals point to one, at most; None if there is no bound. first: individuals below it have no
    other; all from it on have. apart: whether nobody is related to oneself. weights: how likely each other is; None
    if all are alike.
    """

    most: int | None = None
    first: int = 0
    apart: bool = True
    weights: Sequence[Fraction] | None = None

    def __init__(self, of: str, size: int, targets: int) -> None:
        self.of, self.size, self.targets = of, size, targets

    @abstractmethod
    def __call__(self, item: I64) -> I64:
        """The other of each individual (d,): int64 (d,), NOBODY for those below `first`."""

    def children(self, individual: I64) -> I64:
        """Those who point to each individual (k,) of the world `of`: int64 (k, most), ascending, then NOBODY.

        ValueError where any number of them may point to one.
        """
        raise ValueError("any number of individuals may point to one, so they are not listed")

    def inverse(self, individual: I64) -> I64:
        """The one who points to each individual (k,): int64 (k,), NOBODY for those to whom nobody points.

        ValueError where several may.
        """
        if self.most != 1:
            raise ValueError("several individuals may point to one, so there is no inverse")
        return self.children(individual)[:, 0]

    @cached_property
    def bits(self) -> float:
        """The entropy of the whole relation: log₂ of the number of maps, where all are equally likely."""
        return self._counted_bits()

    @abstractmethod
    def _counted_bits(self) -> float:
        """The same, counted anew, which may take as long as a pass over the individuals."""

    def least(self, other: int) -> int | None:
        """The least individual from which on everybody is related to an individual from `other` on; None if nobody."""
        return self.first if other == 0 else None


def log2_factorial(n: int) -> float:
    """log₂ n!

    >>> round(2 ** log2_factorial(5))
    120
    """
    return lgamma(n + 1) / log(2)


def listed(columns: Iterable[I64], count: int) -> I64:
    """Columns (k,) of individuals, NOBODY among them, as rows: int64 (k, count), ascending, NOBODY last."""
    rows = np.column_stack(list(columns))
    above = np.iinfo(np.int64).max
    ordered = np.sort(np.where(rows == NOBODY, above, rows), axis=1)
    return np.where(ordered == above, NOBODY, ordered).reshape(-1, count)
