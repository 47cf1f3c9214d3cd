"""The exact probability that documents name their subject, over all languages, wordings and orders of sentences.

An integer's bits are the words of the name (its slots) that a text shows; 0: none of them. Wordings of sentences are
independent, so a document's distribution is the convolution of its sentences' distributions by "or".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pipeline.core.draws import I64
from pipeline.core.notices import Notice, percent
from pipeline.sources.knowledge.biography_sentences import Layout
from pipeline.sources.knowledge.biography_variants import Groups
from pipeline.sources.knowledge.cast import Cast
from pipeline.sources.knowledge.subjects import NAME, PRONOUN
from pipeline.text.expressions import Program
from pipeline.text.shown_facts import shown_by, slots_read

Distribution = dict[int, Fraction]  # bits: words of the name → probability
NOTHING: Distribution = {0: Fraction(1)}


@dataclass(frozen=True)
class Words:
    """Which words of the name each program shows.

    bits[p]: the words shown by program p. all_: the bits of the whole name. name: the attribute. names: its words, as
    templates call them ("name.first").
    """

    bits: list[int]
    all_: int
    name: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, programs: Sequence[Program], cast: Cast) -> Words:
        """The words shown by these programs. A word counts as shown if a reader can tell apart all of its values."""
        world = cast.world
        name = world.of_kind("name")
        slots = list(world.slots_of(name)) if name else []
        slots = [slot for slot in slots if world.sizes(slot) > 1] or slots  # not words that all names share
        sizes, named, bits = cast.sizes, frozenset(slots), []
        for program in programs:
            shown = shown_by([[part for part in program if slots_read(part) & named]], sizes)
            bits.append(sum(1 << i for i, slot in enumerate(slots) if shown.whole([slot])))
        parts = world.fields[name].parts if name else {}
        variables = {column.slot: f"{name}.{part}" for part, column in parts.items()}
        return cls(bits, (1 << len(slots)) - 1, name or "", tuple(variables[slot] for slot in slots))

    def any_of(self, programs: range) -> Distribution:
        """The distribution for a program drawn uniformly from these."""
        chances: Distribution = {}
        for program in programs:
            chances[self.bits[program]] = chances.get(self.bits[program], Fraction(0)) + Fraction(1, len(programs))
        return chances or NOTHING


def both(first: Distribution, second: Distribution) -> Distribution:
    """The distribution for two independent sentences together."""
    chances: Distribution = {}
    for left, chance in first.items():
        for right, right_chance in second.items():
            chances[left | right] = chances.get(left | right, Fraction(0)) + chance * right_chance
    return chances


@dataclass(frozen=True)
class Naming:
    """The distributions for biographies. Mistakes are ignored, as sentences that are taken back name nobody."""

    words: Words
    layout: Layout

    def documents(self) -> Distribution:
        """The distribution for a document."""
        total: Distribution = {}
        for language, share in enumerate(self.layout.shares):
            if share:
                for bits, chance in self._of_language(language).items():
                    total[bits] = total.get(bits, Fraction(0)) + share * chance
        return total

    def _of_language(self, language: int) -> Distribution:
        """The distribution for a document in one language.

        Most places have the same mode; so first the sentences at all other places are fixed, then the rest follows.
        """
        usual = PRONOUN if PRONOUN in self.layout.modes else NAME
        special = [place for place in range(self.layout.sentences) if self.layout.modes[place] != usual]
        closing = NOTHING
        for place in range(self.layout.sentences, len(self.layout.modes)):
            closing = both(closing, self._of_sentence(language, self.layout.modes[place], place))
        total: Distribution = {}
        for chance, sentences in self._standing(special):
            named = closing
            for place, sentence in zip(special, sentences, strict=True):
                named = both(named, self._of_sentence(language, self.layout.modes[place], sentence))
            for sentence in range(self.layout.sentences):
                if named.keys() == {self.words.all_}:
                    break
                if sentence not in sentences:
                    named = both(named, self._of_sentence(language, usual, sentence))
            for bits, likely in named.items():
                total[bits] = total.get(bits, Fraction(0)) + chance * likely
        return total

    def _of_sentence(self, language: int, mode: int, sentence: int) -> Distribution:
        first = int(self.layout.base[language, mode, sentence])
        return (
            self.words.any_of(range(first, first + self.layout.counts[language][sentence])) if first >= 0 else NOTHING
        )

    def _standing(self, places: Sequence[int]) -> Iterator[tuple[Fraction, tuple[int, ...]]]:
        """(probability, sentences) of each way to fill these places: none, one, or place 0 and one more."""
        if self.layout.groups is None:
            yield Fraction(1), tuple(places)
        elif not places:
            yield Fraction(1), ()
        elif len(places) == 1:
            yield from ((chance, (sentence,)) for sentence, chance in self.layout.groups.at(places[0]).items())
        else:
            yield from self._first_and(places[1])

    def _first_and(self, place: int) -> Iterator[tuple[Fraction, tuple[int, int]]]:
        """As `_standing`, for place 0 and another place."""
        assert self.layout.groups is not None, "the order is fixed"
        sizes, first = self.layout.groups.sizes, self.layout.groups.first
        for g, size in enumerate(sizes):
            chance = Fraction(1, len(sizes))
            if place < size:
                yield chance, (first[g], first[g] + place)
                continue
            later = [group for group in range(len(sizes)) if group != g]
            rest = Groups.of([sizes[group] for group in later])
            sentence_of = [first[group] + i for group in later for i in range(sizes[group])]
            for sentence, likely in rest.at(place - size).items():
                yield chance * likely, (first[g], sentence_of[sentence])


def notices(
    named: Mapping[int, Fraction], words: Words, remedy: str, example: Callable[[Callable[[I64], Any]], str]
) -> list[Notice]:
    """Notices about documents that do not name their subject, or only by some words of the name.

    named: their distribution. example(which): a document for whose bits the predicate `which`, on int64 (d,), holds.
    """
    reported = []
    nameless = named.get(0, Fraction(0))
    if nameless:
        reported.append(
            Notice(
                f"{percent(float(nameless))} of its documents never name their subject",
                remedy,
                example(lambda bits: bits == 0),
            )
        )
    partly = {bits: chance for bits, chance in named.items() if bits not in (0, words.all_) and chance}
    if partly:
        several = " or ".join(
            " and ".join(word for i, word in enumerate(words.names) if bits >> i & 1) for bits in sorted(partly)
        )
        reported.append(
            Notice(
                f"{percent(float(sum(partly.values())))} of its documents name their subject by {several} alone, which "
                "others may share",
                f"Show the whole {{{{ {words.name} }}}} once.",
                example(lambda bits: (bits != 0) & (bits != words.all_)),
                lost=False,  # other values may identify the individual
            )
        )
    return reported
