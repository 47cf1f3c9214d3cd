"""The variant of a biography: its language, its wordings, and the order of its sentences.

Letters: d documents, s sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import factorial, gcd, lcm

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I32, I64, below
from pipeline.core.errors import SpecError
from pipeline.core.key import Key


@dataclass(frozen=True)
class Choices:
    """The variants of d documents.

    language (d,): its number. wordings (d, s): column j has the wording of sentence j. order (d, s): column j has the
    sentence at place j; None if the order is fixed. told (d,): at how many places there is a sentence; None if at all.
    """

    language: I64
    wordings: I32
    order: I32 | None
    told: I64 | None = None


@dataclass(frozen=True)
class Groups:
    """Groups of sentences that stay together: group g has the sizes[g] sentences from first[g] on."""

    sizes: tuple[int, ...]
    first: tuple[int, ...]

    @classmethod
    def of(cls, sizes: list[int]) -> Groups:
        """Consecutive groups of these sizes."""
        return cls(tuple(sizes), tuple(np.cumsum([0, *sizes])[:-1].tolist()))

    def spread(self, order: I32) -> I32:
        """Turns an order of groups, (d, groups), into an order of sentences, (d, s)."""
        if max(self.sizes) == 1:
            return order
        sizes, first = np.array(self.sizes), np.array(self.first)
        lengths = sizes[order].reshape(-1)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        spread: I32 = (np.repeat(first[order].reshape(-1), lengths) + within).astype(np.int32).reshape(len(order), -1)
        return spread

    def at(self, place: int) -> dict[int, Fraction]:
        """Sentence → the probability that it is at a place, if all orders of the groups are equally likely."""
        chances: dict[int, Fraction] = {}
        for g, size in enumerate(self.sizes):
            for within in range(size):
                if (chance := self._chance_before(g, place - within)) > 0:
                    chances[self.first[g] + within] = chance
        return chances

    def _chance_before(self, group: int, sentences: int) -> Fraction:
        """The probability that the groups before this one have exactly `sentences` sentences together."""
        others = [size for g, size in enumerate(self.sizes) if g != group]
        ways: dict[tuple[int, int], int] = {(0, 0): 1}  # (groups, sentences) → sets of groups
        for size in others:
            for (count, total), sets in list(ways.items()):
                ways[count + 1, total + size] = ways.get((count + 1, total + size), 0) + sets
        n = len(others)
        orders = sum(
            sets * factorial(count) * factorial(n - count)
            for (count, total), sets in ways.items()
            if total == sentences
        )
        return Fraction(orders, factorial(n + 1))


class Languages:
    """The language of each paraphrase: every individual has exact counts of each, in an order of its own.

    If all shares are multiples of 1/b, paraphrase t of an individual has the phase (t · step + offset) mod b, so b
    consecutive paraphrases have all phases. Each language owns its share of the phases.
    """

    def __init__(self, translations: Sequence[Fraction], key: Key) -> None:
        """translations: the share of each language except the first."""
        if sum(translations) > 1:
            total = float(sum(translations))
            raise SpecError(f"the languages' shares add up to {total:.4g}", "Let them be 1 at most.", ("translations",))
        self.shares = [1 - sum(translations, Fraction(0)), *translations]
        self._phases = lcm(*(share.denominator for share in self.shares))
        if self._phases >= 2**31:
            raise SpecError("the languages' shares have too many digits", "Write 0.33, or 1/3.", ("translations",))
        self._bounds: NDArray[np.int64] = np.cumsum([int(share * self._phases) for share in self.shares])
        self._step = self._phases * 618 // 1000  # spreads a language evenly over the paraphrases
        while gcd(self._step, self._phases) != 1:
            self._step += 1
        self._key = key

    def __call__(self, item: I64, paraphrase: I64) -> I64:
        """The number of the language for each item and paraphrase, int64 (d,) all."""
        if len(self.shares) == 1:
            return np.zeros(item.size, np.int64)
        offset = below(self._key, self._phases, item).astype(np.int64)
        phase = (paraphrase % self._phases * self._step + offset) % self._phases
        return np.searchsorted(self._bounds, phase, side="right")
