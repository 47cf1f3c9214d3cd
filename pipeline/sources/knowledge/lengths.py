"""How long biographies are: expected and longest tokens, exactly, from the tables that they are told with.

Expectation is linear: a document is the sum over its places, of the sentences that may stand there, of their wordings,
of what their slots may show, of the mistakes that may come before them. Nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from pipeline.core.draws import I32
from pipeline.sources.knowledge.choices import Groups
from pipeline.sources.knowledge.mistakes import MistakesSpec
from pipeline.sources.knowledge.wordings import NAME, PRONOUN
from pipeline.text.fragments import Fragments
from pipeline.worlds.falsehood import Falsehood
from pipeline.worlds.world import World

Table = list[list[list[Any]]]  # of tokens: [language][mode][sentence]


@dataclass(frozen=True)
class Lengths:
    """Biographies as they are compiled. modes: how each place calls its subject. groups: None where the order is fixed.

    counts, base: as in `Wordings`. sentences: those that take part in the order (a closing one does not). shares: of
    the languages. wrong: sentence → its wrong values.
    """

    renderer: Fragments
    world: World
    counts: Sequence[Sequence[int]]
    base: I32
    modes: Sequence[int]
    sentences: int
    groups: Groups | None
    shares: Sequence[Fraction]
    mistakes: MistakesSpec
    wrong: Mapping[int, Falsehood]

    def mean(self) -> Fraction:
        """Expected tokens of a document, its prefix and its end token included."""
        true = self._by_sentence(self.renderer.mean_lengths(self.world.probability))
        false = self._with_wrong_values(true)
        total = Fraction(len(self.renderer.prefix) + 1)
        for share, of_true, of_false in zip(self.shares, true, false, strict=True):
            for place, mode in enumerate(self.modes):
                for sentence, chance in self._at(place).items():
                    total += share * chance * self._of_place(place, sentence, of_true[mode], of_false[mode])
        return total

    def longest(self) -> int | None:
        """No fewer tokens than any document has; None where mistakes can make it ever longer."""
        if self.mistakes.rate:
            return None
        most = self._by_sentence(self.renderer.longest.tolist(), worst=True)
        return max(map(self._worst, most)) + len(self.renderer.prefix) + 1

    def _by_sentence(self, lengths: list[Any], *, worst: bool = False) -> Table:
        """The mean, or the largest, over the wordings of each sentence; 0 where it is never told so."""
        found: Table = []
        for counts, of_language in zip(self.counts, self.base.tolist(), strict=True):
            found.append([])
            for firsts in of_language:
                runs = [
                    lengths[first : first + n] if first >= 0 else [0] for first, n in zip(firsts, counts, strict=True)
                ]
                found[-1].append([max(run) if worst else Fraction(sum(run)) / len(run) for run in runs])
        return found

    def _with_wrong_values(self, true: Table) -> Table:
        """As `true`, of sentences whose value is wrong."""
        false = [[list(of_mode) for of_mode in of_language] for of_language in true]
        for sentence, falsehood in self.wrong.items():
            laws = {slot: falsehood.probability(slot) for slot in falsehood.slots}
            fresh = self._by_sentence(self.renderer.mean_lengths(partial(_law, laws, self.world)))
            for of_language, of_fresh in zip(false, fresh, strict=True):
                for mode, lengths in enumerate(of_language):
                    lengths[sentence] = of_fresh[mode][sentence]
        return false

    def _at(self, place: int) -> dict[int, Fraction]:
        """Which sentences stand at a place, and how likely."""
        if self.groups is None or place >= self.sentences:
            return {place: Fraction(1)}
        return self.groups.at(place)

    def _of_place(self, place: int, sentence: int, true: Sequence[Fraction], false: Sequence[Fraction]) -> Fraction:
        """Tokens of one sentence at one place, with what goes wrong before and in it."""
        if sentence not in self.wrong:
            return true[sentence]
        weak = self.mistakes.weak if place + 1 < self.sentences else Fraction(0)  # nothing comes after the last
        later = range(place + 1, self.sentences) if self.groups is None else range(self.sentences)
        others = [true[other] for other in later if other != sentence]
        early = sum(others, Fraction(0)) / max(len(others), 1)
        back = int(self.renderer.longest[-1])
        before = self.mistakes.corrected * (false[sentence] + back) + weak * (early + back)
        inside = true[sentence] + self.mistakes.silent * (false[sentence] - true[sentence])
        return inside + before / (1 - self.mistakes.corrected - weak)

    def _worst(self, most: Sequence[Sequence[int]]) -> int:
        """Of the sentences of a document in one language."""
        if self.groups is None:
            return sum(most[mode][place] for place, mode in enumerate(self.modes))
        told, closing = self.modes[: self.sentences], self.modes[self.sentences :]
        usual = PRONOUN if PRONOUN in told else NAME
        more = [max(most[mode][s] - most[usual][s] for s in range(self.sentences)) for mode in told if mode != usual]
        end = sum(most[mode][self.sentences + i] for i, mode in enumerate(closing))
        return sum(most[usual][: self.sentences]) + sum(more) + end


def _law(laws: Mapping[int, tuple[Fraction, ...]], world: World, slot: int) -> tuple[Fraction, ...]:
    """How likely the rows of a slot are: those of some slots otherwise than in the world."""
    return laws.get(slot) or world.probability(slot)
