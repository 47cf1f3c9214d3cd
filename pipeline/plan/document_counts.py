"""How much of each source a split takes: exposures, tokens, shares and ratios become counts of documents.

All of it is exact: whole numbers and fractions, from the expected tokens of a document.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pipeline.core.errors import KeyPath, SpecError, suggest
from pipeline.core.notices import rounded, whole
from pipeline.plan.zipf import zipf_runs
from pipeline.recipe.model import AmountSpec, SplitSpec
from pipeline.sources import Source

MOST_DOCUMENTS = 2**61  # of a split: the largest size of a Permutation


def document_counts(
    spec: SplitSpec, sources: Mapping[str, Source], document_tokens: Mapping[str, Fraction]
) -> dict[str, int]:
    """Documents of each source of a mixture, exact. document_tokens: expected tokens of a document of each source.

    Every source has F_i + s_i · T tokens, T being those of the split: an amount fixes F_i, a share s_i, and a ratio
    takes a multiple of both from another source. With F = Σ F_i and s = Σ s_i the split has T = F / (1 - s) tokens, or
    the `tokens` that it asks for. Documents are tokens / mean length, rounded to the nearest.

    SpecError, its path relative to the split, for amounts that contradict each other or are not determined.
    """
    counts: dict[str, int] = {}
    for name, amount in spec.mixture.items():
        if amount.share is None and amount.ratio is None:
            counts[name] = _fixed_count(name, amount, sources[name], document_tokens[name])
    fixed: dict[str, Fraction] = {}
    shares: dict[str, Fraction] = {}
    for name in spec.mixture:
        fixed[name], shares[name] = _linear(name, spec, counts, document_tokens, ())
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
        counts[name] = round((fixed[name] + shares[name] * total) / document_tokens[name])
    return {name: counts[name] for name in spec.mixture}


def _linear(
    name: str,
    spec: SplitSpec,
    counts: Mapping[str, int],
    document_tokens: Mapping[str, Fraction],
    children: tuple[str, ...],
) -> tuple[Fraction, Fraction]:
    """The tokens of a source as (fixed tokens, share of the split). children: the sources whose ratios led here."""
    amount = spec.mixture[name]
    if amount.share is not None:
        return Fraction(0), amount.share
    if amount.ratio is None:
        return counts[name] * document_tokens[name], Fraction(0)
    at = ("mixture", name, "to")
    if amount.to not in spec.mixture:
        raise SpecError(f"'{amount.to}' is not in this mixture", suggest(str(amount.to), spec.mixture), at)
    if amount.to in (*children, name):
        raise SpecError("ratios compare sources in a circle", "Give one of them another amount.", at)
    fixed, share = _linear(amount.to, spec, counts, document_tokens, (*children, name))
    return amount.ratio * fixed, amount.ratio * share


def _fixed_count(name: str, amount: AmountSpec, source: Source, document_tokens: Fraction) -> int:
    """Documents of a source whose amount is neither a share nor a ratio."""
    if amount.tokens is not None:
        return round(amount.tokens / document_tokens)
    if amount.tail:
        if amount.tail.least > amount.tail.most:
            raise SpecError(
                f"the least exposures, {amount.tail.least}, are more than the most, {amount.tail.most}",
                "Exchange them.",
                ("mixture", name, "exposures"),
                [("mixture", name, "exposures", key) for key in ("least", "most")],
            )
        return sum(items * exposures for _, items, exposures in zipf_runs(amount.tail, len(source)))
    exposures = source.exposures if amount.count is None else amount.count
    if exposures is None:
        raise SpecError(
            f"'{name}' has no end, and nothing states how much of it to take",
            "Give it exposures, a share, a ratio or tokens.",
            ("mixture", name),
        )
    if exposures * len(source) >= MOST_DOCUMENTS:
        raise SpecError(f"more than {MOST_DOCUMENTS:,} documents", "Lower the exposures.", ("mixture", name))
    return round(exposures * len(source))


def _total(spec: SplitSpec, fixed: Fraction, total_share: Fraction) -> Fraction:
    """Expected tokens of the whole split."""
    if not total_share and spec.tokens is None:
        return fixed
    if spec.tokens is not None:
        rest = spec.tokens - fixed - total_share * spec.tokens
        if abs(rest) > Fraction(spec.tokens, 1000):
            sums = f"{whole(fixed)} tokens are fixed and shares of {rounded(total_share)} are asked"
            raise SpecError(
                f"the amounts do not make up {spec.tokens:,} tokens: {sums}, which leaves {whole(rest)}",
                "Let the shares add up to 1, or remove `tokens`.",
                ("tokens",),
                [("tokens",), *_places_of_amounts(spec)],
            )
        return Fraction(spec.tokens)
    among = [("tokens",), *_places_of_amounts(spec)]
    if total_share == 1:
        raise SpecError(
            "shares add up to 1, but nothing says of how many tokens",
            "Give the split `tokens`, or one source exposures instead of a share.",
            ("mixture",),
            among,
        )
    if not fixed:
        raise SpecError("there are shares but no amount", "Give the split `tokens`.", ("mixture",), among)
    return fixed / (1 - total_share)


def _places_of_amounts(spec: SplitSpec) -> list[KeyPath]:
    """The paths of keys that decide the amounts of a split."""
    return [("mixture", name, key) for name in spec.mixture for key in ("share", "ratio", "tokens", "exposures")]
