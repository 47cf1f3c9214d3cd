"""How much of each source a split takes: exposures, tokens, shares and ratios become counts of documents.

All of it is exact: whole numbers and fractions, from the expected tokens of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, localcontext
from fractions import Fraction
from math import exp, inf, log

from pipeline.core.errors import KeyPath, SpecError, suggest
from pipeline.core.notices import rounded, whole
from pipeline.recipe.recipe import AmountSpec, SplitSpec, ZipfExposuresSpec
from pipeline.sources import Source

MOST_RUNS = 100_000  # of items that are told equally often
MOST_DOCUMENTS = 2**61  # of a split: what a permutation can count


def document_counts(spec: SplitSpec, sources: Mapping[str, Source], each: Mapping[str, Fraction]) -> dict[str, int]:
    """Documents of each source, exact. Shares and ratios become counts by the tokens that a document has (each).

    Every source has F_i + s_i · T tokens, T being those of the split: an amount fixes F_i, a share s_i, and a ratio
    takes a multiple of both from another source. With F = Σ F_i and s = Σ s_i the split has T = F / (1 - s) tokens, or
    the `tokens` that it asks for. Documents are tokens / mean length, rounded to the nearest.
    """
    counts: dict[str, int] = {}
    for name, amount in spec.mixture.items():
        if amount.share is None and amount.ratio is None:
            counts[name] = _counted(name, amount, sources[name], each[name])
    fixed: dict[str, Fraction] = {}
    shares: dict[str, Fraction] = {}
    for name in spec.mixture:
        fixed[name], shares[name] = _linear(name, spec, counts, each, ())
    total_share = sum(shares.values(), Fraction(0))
    if total_share > 1:
        listed = ", ".join(f"{name} {rounded(share)}" for name, share in shares.items() if share)
        raise SpecError(
            f"shares add up to {rounded(total_share)} ({listed})",
            f"Lower one by {rounded(total_share - 1)}, or give one source exposures instead.",
            ("mixture",),
            [("mixture", name, key) for name, share in shares.items() if share for key in ("share", "ratio")],
        )
    total = _total(spec, sum(fixed.values(), Fraction(0)), total_share)
    for name in spec.mixture.keys() - counts.keys():
        counts[name] = round((fixed[name] + shares[name] * total) / each[name])
    return {name: counts[name] for name in spec.mixture}


def _linear(
    name: str, spec: SplitSpec, counts: Mapping[str, int], each: Mapping[str, Fraction], children: tuple[str, ...]
) -> tuple[Fraction, Fraction]:
    """The tokens of a source: so many, and such a share of the split."""
    amount = spec.mixture[name]
    if amount.share is not None:
        return Fraction(0), amount.share
    if amount.ratio is None:
        return counts[name] * each[name], Fraction(0)
    at = ("mixture", name, "to")
    if amount.to not in spec.mixture:
        raise SpecError(f"'{amount.to}' is not in this mixture", suggest(str(amount.to), spec.mixture), at)
    if amount.to in (*children, name):
        raise SpecError("ratios compare sources in a circle", "Give one of them another amount.", at)
    fixed, share = _linear(amount.to, spec, counts, each, (*children, name))
    return amount.ratio * fixed, amount.ratio * share


def zipf_runs(spec: ZipfExposuresSpec, items: int) -> list[tuple[int, int, int]]:
    """(first item, items, exposures): the items by how often they are told. Rank r is told ⌊most / r^(a/b)⌋ times."""
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
    """Rank r is told v times or more where v^b · r^a ≤ most^b: decided exactly, and seldom by such large numbers.

    Logarithms decide wherever their difference is far above their error: of floats, and where these are too near, of
    60 digits. What is nearer than that is equal, or so near that only the numbers themselves can tell.
    """

    _FLOAT, _DECIMAL = 1e-10, Decimal("1e-50")  # errors are below 10⁻¹² and 10⁻⁵⁶: the logarithms, below 300

    def __init__(self, zipf: Fraction, most: int) -> None:
        self._zipf, self._most = zipf, most
        self._exponent, self._log = float(zipf), log(most)

    def exposures(self, rank: int) -> int:
        """How often a rank is told."""
        about = exp(self._log - self._exponent * log(rank))
        return _largest(lambda times: self._told(times, rank), self._most, int(about))

    def last_rank(self, times: int, most: int) -> int:
        """The last rank up to `most` that is told so often."""
        exponent = (self._log - log(times)) / self._exponent if self._exponent else inf
        about = int(exp(exponent)) if exponent < log(most) else most
        return _largest(lambda rank: self._told(times, rank), most, about)

    def _told(self, times: int, rank: int) -> bool:
        near = self._log - log(times) - self._exponent * log(rank)
        if abs(near) > self._FLOAT:
            return near > 0
        a, b = self._zipf.numerator, self._zipf.denominator
        with localcontext() as context:
            context.prec = 60
            left = Decimal(self._most).ln() - Decimal(times).ln()
            nearer = left - Decimal(rank).ln() * a / b
        if abs(nearer) > self._DECIMAL:
            return nearer > 0
        return bool(times**b * rank**a <= self._most**b)


def _largest(holds: Callable[[int], bool], most: int, about: int) -> int:
    """The largest number up to `most` for which something holds that holds below it too; 0 if for none.

    about: a number near it, from which it is looked for in steps that double.
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


def _counted(name: str, amount: AmountSpec, source: Source, each: Fraction) -> int:
    if amount.tokens is not None:
        return round(amount.tokens / each)
    if amount.tail:
        if amount.tail.least > amount.tail.most:
            raise SpecError(
                f"the least exposures, {amount.tail.least}, are more than the most, {amount.tail.most}",
                "Exchange them.",
                ("mixture", name, "exposures"),
                [("mixture", name, "exposures", key) for key in ("least", "most")],
            )
        return sum(run_items * exposures for _, run_items, exposures in zipf_runs(amount.tail, len(source)))
    exposures = source.exposures if amount.count is None else amount.count
    if exposures is None:
        raise SpecError(
            f"how often '{name}' is told is not said, and there is no end to it",
            "Give it exposures, a share, a ratio or tokens.",
            ("mixture", name),
        )
    if exposures * len(source) >= MOST_DOCUMENTS:
        raise SpecError(f"more than {MOST_DOCUMENTS:,} documents", "Lower the exposures.", ("mixture", name))
    return round(exposures * len(source))


def _amounts(spec: SplitSpec) -> list[KeyPath]:
    """Where the amounts of a split stand."""
    return [("mixture", name, key) for name in spec.mixture for key in ("share", "ratio", "tokens", "exposures")]


def _total(spec: SplitSpec, fixed: Fraction, total_share: Fraction) -> Fraction:
    """Expected tokens of the whole split."""
    if not total_share and spec.tokens is None:
        return fixed
    if spec.tokens is not None:
        rest = spec.tokens - fixed - total_share * spec.tokens
        if abs(rest) > Fraction(spec.tokens, 1000):
            told = f"{whole(fixed)} tokens are fixed and shares of {rounded(total_share)} are asked"
            raise SpecError(
                f"the amounts do not make up {spec.tokens:,} tokens: {told}, which leaves {whole(rest)}",
                "Let the shares add up to 1, or remove `tokens`.",
                ("tokens",),
                [("tokens",), *_amounts(spec)],
            )
        return Fraction(spec.tokens)
    if total_share == 1:
        raise SpecError(
            "shares add up to 1, but nothing says of how many tokens",
            "Give the split `tokens`, or one source exposures instead of a share.",
            ("mixture",),
            [("tokens",), *_amounts(spec)],
        )
    if not fixed:
        among = [("tokens",), *_amounts(spec)]
        raise SpecError("there are shares but no amount", "Give the split `tokens`.", ("mixture",), among)
    return fixed / (1 - total_share)
