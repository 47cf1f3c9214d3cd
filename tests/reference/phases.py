"""Phases as their definition says, document by document: which exposures each phase has, and how shares change."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

Document = tuple[int, int]
"""(item, exposure)."""


def counted_on(phases: Sequence[Iterable[Document]], items: int, first: int = 0) -> None:
    """AssertionError unless after every phase each item has had the exposures first, first + 1, … without a gap.

    No item is more than one exposure ahead of another, no document comes twice, and a phase finishes an exposure of all
    items before any has the next.
    """
    seen: dict[int, list[int]] = defaultdict(list)
    for phase in phases:
        for item, exposure in phase:
            seen[item].append(exposure)
        for item, exposures in seen.items():
            assert sorted(exposures) == list(range(first, first + len(exposures))), item
        numbers = [len(seen[item]) for item in range(items)]
        assert max(numbers) - min(numbers) <= 1


def ramped(
    shares: Sequence[tuple[Fraction, Fraction] | None], tokens: Sequence[Fraction], slices: int, *, steps: bool
) -> list[list[Fraction]]:
    """Expected tokens of each source in each slice of a phase. shares: (from, to), None for fixed amounts.

    tokens: of each source in the whole phase, where its amount is fixed.
    """
    at = [Fraction(i, slices - 1) if steps else Fraction(2 * i + 1, 2 * slices) for i in range(slices)]
    of_slice = [[None if s is None else s[0] + (s[1] - s[0]) * place for s in shares] for place in at]
    rest = [1 - sum((share for share in row if share is not None), Fraction(0)) for row in of_slice]
    fixed = sum((t for t, s in zip(tokens, shares, strict=True) if s is None), Fraction(0))
    size = fixed / sum(rest, Fraction(0)) if fixed else Fraction(1)
    return [
        [
            size * share if share is not None else size * room * amount / fixed
            for share, amount in zip(row, tokens, strict=True)
        ]
        for row, room in zip(of_slice, rest, strict=True)
    ]


def times(documents: Iterable[Document]) -> Counter[int]:
    """How many items were seen how often, those not seen left out."""
    return Counter(Counter(item for item, _ in documents).values())
