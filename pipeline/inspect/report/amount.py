"""The amount of a source in a mixture, in words."""

from __future__ import annotations

from fractions import Fraction

from pipeline.recipe.amount_spec import AmountSpec
from pipeline.recipe.split_spec import SplitSpec


def of_split(spec: SplitSpec, source: str, usual: int | None) -> str:
    """The amounts of a source in a split, phase by phase, in the words of a recipe. usual: see `in_words`."""
    phases = [(name, phase.mixture[source]) for _, name, phase in spec.each_phase if source in phase.mixture]
    return "; ".join(f"{name}: {in_words(of, usual)}" if name else in_words(of, usual) for name, of in phases)


def in_words(amount: AmountSpec, usual: int | None) -> str:
    """An amount in the words of a recipe. usual: the exposures of the source where the recipe states none.

    >>> in_words(AmountSpec(exposures=3, **{"from": 0}), None)
    'exposures 3'
    """
    begin = amount.begin
    if not begin:
        return _without_begin(amount, usual)
    where = f"from exposure {begin:,} on" if isinstance(begin, int) else f"after those of {begin}"
    return f"{_without_begin(amount, usual)} {where}".strip()


def _without_begin(amount: AmountSpec, usual: int | None) -> str:
    if amount.tail:
        tail = amount.tail
        return f"exposures {tail.most:,} / rank^{float(tail.zipf):g}, at least {tail.least:,}"
    if amount.count is not None:
        return f"exposures {float(amount.count):,.10g}"
    if ramp := amount.ramp:
        return f"share {float(ramp.from_) * 100:.6g}% to {float(ramp.to) * 100:.6g}%"
    if isinstance(amount.share, Fraction):
        return f"share {float(amount.share) * 100:.6g}%"
    if amount.ratio is not None:
        return f"ratio {float(amount.ratio):.6g} to {amount.to}"
    if amount.tokens is not None:
        return f"tokens {amount.tokens:,}"
    return f"exposures {usual:,}" if usual is not None else ""
