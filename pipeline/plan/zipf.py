"""Long tails: the item of rank r has ⌊most / r^zipf⌋ exposures, decided exactly for any fraction `zipf`."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction
from math import exp, inf, log

from pipeline.core.errors import SpecError
from pipeline.recipe.amount_spec import ZipfExposuresSpec

MOST_RUNS = 100_000  # of items with equally many exposures


def zipf_runs(spec: ZipfExposuresSpec, items: int) -> list[tuple[int, int, int]]:
    """The items of a source as runs with equally many exposures: (first item, items, exposures), from item 0 on.

    The item of rank r, from 1 on, has max(least, ⌊most / r^zipf⌋). SpecError for more than MOST_RUNS runs.

    >>> zipf_runs(ZipfExposuresSpec(zipf=1, most=6), 10)
    [(0, 1, 6), (1, 1, 3), (2, 1, 2), (3, 7, 1)]
    """
    tail = _Tail(spec.zipf, spec.most)
    runs: list[tuple[int, int, int]] = []
    start = 0
    while start < items:
        exposures = max(spec.least, tail.exposures(start + 1))
        end = tail.last_rank(exposures, items) if exposures > spec.least else items
        runs.append((start, end - start, exposures))
        start = end
        if len(runs) > MOST_RUNS:
            raise SpecError(
                f"a tail of more than {MOST_RUNS:,} different exposures", "Lower `most`, or raise `zipf`.", ("mixture",)
            )
    return runs


class _Tail:
    """The exposures of ranks. For zipf = a/b, rank r has v exposures or more exactly where v^b · r^a ≤ most^b.

    The powers are huge, so logarithms are compared first: as floats, then with 60 digits. Only where they differ by
    less than their error are the powers themselves computed.
    """

    _FLOAT, _DECIMAL = 1e-10, Decimal("1e-50")  # far above the errors, 10⁻¹² and 10⁻⁵⁶, of logarithms below 300

    def __init__(self, zipf: Fraction, most: int) -> None:
        self._zipf, self._most = zipf, most
        self._exponent, self._log = float(zipf), log(most)

    def exposures(self, rank: int) -> int:
        """Exposures of a rank, counted from 1."""
        about = exp(self._log - self._exponent * log(rank))
        return _largest(lambda exposures: self._reaches(exposures, rank), self._most, int(about))

    def last_rank(self, exposures: int, most: int) -> int:
        """The last rank, at most `most`, with at least `exposures` exposures."""
        exponent = (self._log - log(exposures)) / self._exponent if self._exponent else inf
        about = int(exp(exponent)) if exponent < log(most) else most
        return _largest(lambda rank: self._reaches(exposures, rank), most, about)

    def _reaches(self, exposures: int, rank: int) -> bool:
        """Whether a rank has at least `exposures` exposures."""
        difference = self._log - log(exposures) - self._exponent * log(rank)
        if abs(difference) > self._FLOAT:
            return difference > 0
        a, b = self._zipf.numerator, self._zipf.denominator
        with localcontext() as context:
            context.prec = 60
            finer = Decimal(self._most).ln() - Decimal(exposures).ln() - Decimal(rank).ln() * a / b
        if abs(finer) > self._DECIMAL:
            return finer > 0
        return bool(exposures**b * rank**a <= self._most**b)


def _largest(holds: Callable[[int], bool], most: int, about: int) -> int:
    """The largest n ≤ most for which `holds(n)`, where `holds` is true up to it and false above; 0 if always false.

    about: a guess, from which the search goes in steps that double.

    >>> _largest(lambda n: n * n <= 50, 100, about=3)
    7
    """
    low = high = min(max(about, 0), most)
    step = 1
    while low > 0 and not holds(low):
        low, high, step = max(low - step, 0), low - 1, 2 * step
    while high < most and high == low:
        if holds(min(low + step, most)):
            low = high = min(low + step, most)
            step *= 2
        else:
            high = min(low + step, most) - 1
            break
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low
