"""The distributions of the problem generator as integers: 64-bit thresholds, and weights with 16 fractional bits.

Exponentials are computed in decimal arithmetic, which gives the same on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np

from pipeline.core import draws
from pipeline.core.draws import U64

CENTERS = (Decimal("0.2"), Decimal("0.5"), Decimal("0.8"))  # of the widths 2, 3 and 4
# round(2¹⁶ · exp(g)) at the midpoints of 64 equally likely intervals of g = |N(0, 1)|.
PULL = (
    66_181, 67_490, 68_826, 70_189, 71_582, 73_004, 74_458, 75_945, 77_465, 79_022, 80_616, 82_248, 83_922, 85_638,
    87_399, 89_207, 91_064, 92_972, 94_935, 96_956, 99_037, 101_181, 103_393, 105_675, 108_033, 110_471, 112_994,
    115_606, 118_315, 121_126, 124_046, 127_084, 130_247, 133_545, 136_989, 140_591, 144_362, 148_319, 152_477,
    156_856, 161_476, 166_361, 171_541, 177_047, 182_917, 189_195, 195_934, 203_197, 211_059, 219_612, 228_970,
    239_277, 250_715, 263_522, 278_014, 294_625, 313_967, 336_947, 364_975, 400_411, 447_623, 516_011, 631_960,
    936_985,
)  # fmt: skip

_DECIMAL = Context(prec=50)


def thresholds(weights: Mapping[int, Fraction]) -> U64:
    """`draws.thresholds` for outcomes 1 … n, n the largest with a weight; others have weight 0. uint64 (n - 1,)."""
    return draws.thresholds([weights.get(k, Fraction(0)) for k in range(1, max(weights) + 1)])


def light(most: int, least: int = 1) -> dict[int, Fraction]:
    """Weights of the light distribution: the minimum of two uniform draws from 1 … most, given that it is ≥ `least`."""
    return {k: Fraction(2 * (most - k) + 1) for k in range(least, most + 1)}


def widths(most_op: int, max_edge: int) -> U64:
    """Thresholds of 2, 3 or 4 layers, and of 2, 3 or 4 items in a layer; row s is for s operations.

    uint64 (most_op + 1, 2).
    """
    rows = [[0, 0]]
    for s in range(1, most_op + 1):
        hardness = _DECIMAL.divide(Decimal(s - 1), Decimal(max_edge - 1))
        weights = [_DECIMAL.exp(-_DECIMAL.power(hardness - center, 2)) for center in CENTERS]
        total = sum(weights, Decimal(0))
        row = thresholds({k: Fraction(weight / total) for k, weight in enumerate(weights, 1)})
        rows.append(row.tolist())
    return np.array(rows, np.uint64)


def pull() -> U64:
    """The weights of stage C: uint64 (64,)."""
    return np.array(PULL, np.uint64)
