"""The expected and the longest tokens of biographies, exactly, from the tables of their fragments; nothing is drawn.

Expectation is linear, so the mean of a document is a sum over its places: over the sentences that may be there, their
wordings, the values of their slots, and the mistakes that may come before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from pipeline.sources.knowledge.biography_sentences import Layout
from pipeline.sources.knowledge.cast_figures import Figures
from pipeline.sources.knowledge.false_others import FalseOthers
from pipeline.sources.knowledge.mistakes import MistakesSpec
from pipeline.sources.knowledge.subjects import NAME, PRONOUN
from pipeline.text.fragments import Fragments
from pipeline.worlds.falsehood import Falsehood

Table = list[list[list[Any]]]  # of tokens: [language][mode][sentence]


@dataclass(frozen=True)
class Lengths:
    """The lengths of biographies that `renderer` renders.

    around: the tokens of a document beside those of its sentences. wrong: sentence → its wrong values.
    """

    renderer: Fragments
    around: int
    figures: Figures
    layout: Layout
    mistakes: MistakesSpec
    wrong: Mapping[int, Falsehood | FalseOthers]

    def mean(self) -> Fraction:
        """Expected tokens of a document, its prefix and its end token included."""
        true = self._by_sentence(self.renderer.mean_lengths(self.figures.probability))
        false = self._with_wrong_values(true)
        total = Fraction(self.around)
        for share, of_true, of_false in zip(self.layout.shares, true, false, strict=True):
            for place, mode in enumerate(self.layout.modes):
                for sentence, chance in self.layout.at(place).items():
                    total += share * chance * self._of_place(place, sentence, of_true[mode], of_false[mode])
        return total

    def longest(self) -> int | None:
        """An upper bound of the tokens of a document; None if repeated mistakes leave no bound."""
        if self.mistakes.rate:
            return None
        most = self._by_sentence(self.renderer.longest.tolist(), worst=True)
        return max(map(self._worst, most)) + self.around

    def _by_sentence(self, lengths: list[Any], *, worst: bool = False) -> Table:
        """The mean (`worst`: the maximum) over the wordings of each sentence; 0 if it never occurs in that mode."""
        table: Table = []
        for counts, of_language in zip(self.layout.counts, self.layout.base.tolist(), strict=True):
            table.append([])
            for firsts in of_language:
                runs = [
                    lengths[first : first + n] if first >= 0 else [0] for first, n in zip(firsts, counts, strict=True)
                ]
                table[-1].append([max(run) if worst else Fraction(sum(run)) / len(run) for run in runs])
        return table

    def _with_wrong_values(self, true: Table) -> Table:
        """As `true`, but for sentences with a wrong value."""
        false = [[list(of_mode) for of_mode in of_language] for of_language in true]
        for sentence, falsehood in self.wrong.items():
            distributions = {slot: falsehood.probability(slot) for slot in falsehood.slots}
            fresh = self._by_sentence(self.renderer.mean_lengths(partial(_probability, distributions, self.figures)))
            for of_language, of_fresh in zip(false, fresh, strict=True):
                for mode, lengths in enumerate(of_language):
                    lengths[sentence] = of_fresh[mode][sentence]
        return false

    def _of_place(self, place: int, sentence: int, true: Sequence[Fraction], false: Sequence[Fraction]) -> Fraction:
        """Expected tokens of one sentence at one place, including mistakes before it and in it."""
        if sentence not in self.wrong:
            return true[sentence]
        weak = self.mistakes.weak if place + 1 < self.layout.sentences else Fraction(0)  # nothing comes after the last
        later = range(place + 1, self.layout.sentences) if self.layout.groups is None else range(self.layout.sentences)
        others = [true[which] for which in later if which != sentence]
        early = sum(others, Fraction(0)) / max(len(others), 1)
        back = int(self.renderer.longest[-1])
        before = self.mistakes.corrected * (false[sentence] + back) + weak * (early + back)
        inside = true[sentence] + self.mistakes.silent * (false[sentence] - true[sentence])
        return inside + before / (1 - self.mistakes.corrected - weak)

    def _worst(self, most: Sequence[Sequence[int]]) -> int:
        """The most tokens of all sentences of a document in one language. most: [mode][sentence]."""
        layout, n = self.layout, self.layout.sentences
        if layout.groups is None:
            return sum(most[mode][place] for place, mode in enumerate(layout.modes))
        ordered, closing = layout.modes[:n], layout.modes[n:]
        usual = PRONOUN if PRONOUN in ordered else NAME
        more = [max(most[mode][s] - most[usual][s] for s in range(n)) for mode in ordered if mode != usual]
        end = sum(most[mode][n + i] for i, mode in enumerate(closing))
        return sum(most[usual][:n]) + sum(more) + end


def _probability(
    distributions: Mapping[int, tuple[Fraction, ...]], figures: Figures, slot: int
) -> tuple[Fraction, ...]:
    """The probability of each row of a slot: from `distributions` if it is there, otherwise over all individuals."""
    return distributions.get(slot) or figures.probability(slot)
