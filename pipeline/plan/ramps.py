"""Ramps: shares that change over a phase, as exact counts of documents in consecutive slices.

The slices have equally many tokens. In each, a source with a share has its share of them; sources with a fixed amount
(exposures, tokens) fill what is left, in proportion to their amounts, so all of their documents come, some early, some
late.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from pipeline.core.errors import SpecError
from pipeline.core.notices import rounded
from pipeline.plan.document_counts import SHARE_KEYS, SourceTokens, places_of_amounts
from pipeline.recipe.split_spec import MixtureSpec

MOST_SLICES = 1000
CLOSE = Fraction(1, 1000)  # shares that miss 1 by so little are meant to add up to it, as in document_counts.py
LEAST_DOCUMENTS = 64  # of a slice, about, where a share changes evenly


def slices_of(
    spec: MixtureSpec, by_source: Mapping[str, SourceTokens], counts: Mapping[str, int]
) -> list[tuple[int, ...]]:
    """Documents of each source in each slice of a mixture with ramps; [] for one without. No slice is empty.

    by_source: the tokens of each source; counts: its documents, which are the sums over slices. SpecError, its path
    relative to the mixture, where shares add up to more than 1 anywhere, or leave something open.
    """
    ramps = {name: amount.ramp for name, amount in spec.mixture.items() if amount.ramp}
    if not ramps:
        return []
    steps = {name: ramp.steps for name, ramp in ramps.items()}
    if len({*steps.values()}) > 1:
        listed = ", ".join(f"{name} {number or 'evenly'}" for name, number in steps.items())
        problem = f"the shares of one mixture change in different numbers of steps ({listed})"
        raise SpecError(problem, "Give all of them the same.", ("mixture",))
    _check_ends(by_source)
    number = next(iter(steps.values())) or min(MOST_SLICES, max(1, sum(counts.values()) // LEAST_DOCUMENTS))
    at = [_place(slice_, number, in_steps=None not in steps.values()) for slice_ in range(number)]
    room = [1 - sum((of_source.share_at(place) for of_source in by_source.values()), Fraction(0)) for place in at]
    _check_room(spec, by_source, room)
    ends = {name: _ends(of_source, counts[name], at, room) for name, of_source in by_source.items()}
    before = dict.fromkeys(by_source, 0)
    slices = []
    for slice_ in range(number):
        slices.append(tuple(ends[name][slice_] - before[name] for name in by_source))
        before = {name: ends[name][slice_] for name in by_source}
    assert before == dict(counts), "all documents of a source stand in slices"
    return [of_sources for of_sources in slices if sum(of_sources)]


def _place(slice_: int, number: int, *, in_steps: bool) -> Fraction:
    """How far along a ramp a slice of several is, from 0 to 1: steps have both ends, slices their middles."""
    return Fraction(slice_, number - 1) if in_steps else Fraction(2 * slice_ + 1, 2 * number)


def _ends(of_source: SourceTokens, count: int, at: list[Fraction], room: list[Fraction]) -> list[int]:
    """How many of a source's documents stand before the end of each slice: count, at the last.

    at: how far along each slice is. room: the share that fixed amounts have of it.
    """
    whole = sum(room, Fraction(0))
    tokens = [
        of_source.share_at(place) * of_source.of / len(at) + (of_source.fixed * free / whole if whole else 0)
        for place, free in zip(at, room, strict=True)
    ]
    total, before, ends = sum(tokens, Fraction(0)), Fraction(0), []
    for of_slice in tokens:
        before += of_slice
        ends.append(round(count * before / total) if total else 0)
    return ends


def _check_room(spec: MixtureSpec, by_source: Mapping[str, SourceTokens], room: list[Fraction]) -> None:
    """SpecError where fixed amounts have no room beside shares that change and add up to 1 everywhere."""
    fixed = [name for name, of_source in by_source.items() if of_source.fixed]
    if fixed and not any(room):
        raise SpecError(
            f"shares add up to 1 from beginning to end, which leaves nothing for {', '.join(fixed)}",
            "Lower a share, or give no other amounts.",
            ("mixture",),
            places_of_amounts(spec),
        )


def _check_ends(by_source: Mapping[str, SourceTokens]) -> None:
    """SpecError where the shares at one end of the ramps add up to more than 1, or to less and nothing fills it."""
    fixed = any(of_source.fixed for of_source in by_source.values())
    for place, where in ((Fraction(0), "at the beginning"), (Fraction(1), "at the end")):
        shares = {name: of_source.share_at(place) for name, of_source in by_source.items()}
        total = sum(shares.values(), Fraction(0))
        if total > 1 or (1 - total > CLOSE and not fixed):
            listed = ", ".join(f"{name} {rounded(share)}" for name, share in shares.items() if share)
            more = total > 1
            raise SpecError(
                f"{where} shares add up to {rounded(total)} ({listed})",
                f"{'Lower' if more else 'Raise'} one by {rounded(abs(total - 1))}"
                + (", or give one source exposures instead." if not more else "."),
                ("mixture",),
                [("mixture", name, *key) for name in shares for key in SHARE_KEYS],
            )
