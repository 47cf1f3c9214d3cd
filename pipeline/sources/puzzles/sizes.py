"""Distributions of the size n of a puzzle's instances, from `least` to `most`.

inverse    P(n) ∝ 1 / (n + √most)          uniform    all equal          largest    always `most`          (Part 4.1)
"""

from __future__ import annotations

from decimal import Context as Digits
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from pipeline.core.draws import U64, thresholds

Distribution = Literal["inverse", "uniform", "largest"]

_DIGITS = Digits(prec=50)


class Sizes(NamedTuple):
    """A distribution for kernels: a size is `least` + the number of thresholds ≤ a draw of 64 uniform bits."""

    least: int
    thresholds: U64

    @property
    def mean(self) -> Fraction:
        """The expected size."""
        ends = [0, *self.thresholds.tolist(), 2**64]
        sizes = enumerate(pairwise(ends), self.least)
        return sum((size * Fraction(end - begin, 2**64) for size, (begin, end) in sizes), Fraction(0))


def sizes_of(distribution: Distribution, least: int, most: int) -> Sizes:
    """The distribution of sizes from least to most.

    >>> sizes_of("largest", 3, 70)
    Sizes(least=70, thresholds=array([], dtype=uint64))
    """
    if distribution == "largest":
        return Sizes(most, np.empty(0, np.uint64))
    if distribution == "uniform":
        return Sizes(least, thresholds([Fraction(1)] * (most - least + 1)))
    root = _DIGITS.sqrt(Decimal(most))
    weights = [Fraction(_DIGITS.divide(Decimal(1), size + root)) for size in range(least, most + 1)]
    return Sizes(least, thresholds(weights))
