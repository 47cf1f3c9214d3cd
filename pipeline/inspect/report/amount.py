"""The amount of a source in a mixture, in words."""

from __future__ import annotations

from pipeline.recipe.model import AmountSpec


def in_words(amount: AmountSpec, usual: int | None) -> str:
    """An amount in the words of a recipe. usual: the exposures of the source where the recipe states none.

    >>> in_words(AmountSpec(exposures=3, **{"from": 0}), None)
    'exposures 3'
    """
    if amount.first:
        return f"{_without_first(amount, usual)} from exposure {amount.first:,} on".strip()
    return _without_first(amount, usual)


def _without_first(amount: AmountSpec, usual: int | None) -> str:
    if amount.tail:
        tail = amount.tail
        return f"exposures {tail.most:,} / rank^{float(tail.zipf):g}, at least {tail.least:,}"
    if amount.count is not None:
        return f"exposures {float(amount.count):,.10g}"
    if amount.share is not None:
        return f"share {float(amount.share) * 100:.6g}%"
    if amount.ratio is not None:
        return f"ratio {float(amount.ratio):.6g} to {amount.to}"
    if amount.tokens is not None:
        return f"tokens {amount.tokens:,}"
    return f"exposures {usual:,}" if usual is not None else ""
