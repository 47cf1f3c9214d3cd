"""Whether documents name their subject: exactly, over languages, wordings and orders of sentences.

A bit string says which words of the name (its slots) something shows: 0 for none of them. Sentences choose their
wordings independently, so that of a document is a convolution by "or".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pipeline.core.draws import I32, I64
from pipeline.core.notices import Notice, percent
from pipeline.sources.knowledge.choices import Groups
from pipeline.sources.knowledge.wordings import NAME, PRONOUN
from pipeline.text.expressions import Program
from pipeline.text.shown_facts import shown_by, slots_read
from pipeline.worlds.world import World

Distribution = dict[int, Fraction]  # bits of words of the name → how likely
NOTHING: Distribution = {0: Fraction(1)}


@dataclass(frozen=True)
class Words:
    """Which words of the name each of some programs shows: bits[p] of program p; all_: those of the whole name.

    name: the attribute. names: its words, as a template calls them.
    """

    bits: list[int]
    all_: int
    name: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, programs: Sequence[Program], world: World) -> Words:
        """A word is shown where all of its values are told apart, whatever else is done to it."""
        name = world.of_kind("name")
        slots = list(world.slots_of(name)) if name else []
        slots = [slot for slot in slots if world.sizes(slot) > 1] or slots  # a word that all share tells nobody apart
        sizes, named, bits = sizes_of(world), frozenset(slots), []
        for program in programs:
            shown = shown_by([[part for part in program if slots_read(part) & named]], sizes)
            bits.append(sum(1 << i for i, slot in enumerate(slots) if shown.whole([slot])))
        parts = world.fields[name].parts if name else {}
        called = {column.slot: f"{name}.{part}" for part, column in parts.items()}
        return cls(bits, (1 << len(slots)) - 1, name or "", tuple(called[slot] for slot in slots))

    def any_of(self, programs: range) -> Distribution:
        """Of a program that is drawn from some, all alike."""
        found: Distribution = {}
        for program in programs:
            found[self.bits[program]] = found.get(self.bits[program], Fraction(0)) + Fraction(1, len(programs))
        return found or NOTHING


def sizes_of(world: World) -> list[int]:
    """Rows of the slots of an individual, and behind them of those of a second one."""
    sizes = [world.sizes(slot) for slot in range(world.slots)]
    return sizes + sizes[1:]


def both(one: Distribution, other: Distribution) -> Distribution:
    """Of two sentences, drawn independently."""
    found: Distribution = {}
    for left, chance in one.items():
        for right, other_chance in other.items():
            found[left | right] = found.get(left | right, Fraction(0)) + chance * other_chance
    return found


@dataclass(frozen=True)
class Naming:
    """Biographies as they are compiled: as `Lengths`. What is taken back names nobody, so mistakes play no part."""

    words: Words
    counts: Sequence[Sequence[int]]
    base: I32
    modes: Sequence[int]
    sentences: int
    groups: Groups | None
    shares: Sequence[Fraction]

    def documents(self) -> Distribution:
        """Of a document."""
        total: Distribution = {}
        for language, share in enumerate(self.shares):
            if share:
                for bits, chance in self._of_language(language).items():
                    total[bits] = total.get(bits, Fraction(0)) + share * chance
        return total

    def _of_language(self, language: int) -> Distribution:
        """The sentences at most places are called alike; those at the other places decide, so they are told first."""
        usual = PRONOUN if PRONOUN in self.modes else NAME
        special = [place for place in range(self.sentences) if self.modes[place] != usual]
        closing = NOTHING
        for place in range(self.sentences, len(self.modes)):
            closing = both(closing, self._of_sentence(language, self.modes[place], place))
        total: Distribution = {}
        for chance, sentences in self._standing(special):
            found = closing
            for place, sentence in zip(special, sentences, strict=True):
                found = both(found, self._of_sentence(language, self.modes[place], sentence))
            for sentence in range(self.sentences):
                if found.keys() == {self.words.all_}:
                    break
                if sentence not in sentences:
                    found = both(found, self._of_sentence(language, usual, sentence))
            for bits, likely in found.items():
                total[bits] = total.get(bits, Fraction(0)) + chance * likely
        return total

    def _of_sentence(self, language: int, mode: int, sentence: int) -> Distribution:
        first = int(self.base[language, mode, sentence])
        return self.words.any_of(range(first, first + self.counts[language][sentence])) if first >= 0 else NOTHING

    def _standing(self, places: Sequence[int]) -> Iterator[tuple[Fraction, tuple[int, ...]]]:
        """Which sentences stand at some places, of which the first is 0 and there are two at most, and how likely."""
        if self.groups is None:
            yield Fraction(1), tuple(places)
        elif not places:
            yield Fraction(1), ()
        elif len(places) == 1:
            yield from ((chance, (sentence,)) for sentence, chance in self.groups.at(places[0]).items())
        else:
            yield from self._first_and(places[1])

    def _first_and(self, place: int) -> Iterator[tuple[Fraction, tuple[int, int]]]:
        """As `_standing`, of place 0 and another one."""
        assert self.groups is not None, "the order is fixed"
        sizes, first = self.groups.sizes, self.groups.first
        for g, size in enumerate(sizes):
            chance = Fraction(1, len(sizes))
            if place < size:
                yield chance, (first[g], first[g] + place)
                continue
            others = [other for other in range(len(sizes)) if other != g]
            rest = Groups.of([sizes[other] for other in others])
            sentence_of = [first[other] + i for other in others for i in range(sizes[other])]
            for sentence, likely in rest.at(place - size).items():
                yield chance * likely, (first[g], sentence_of[sentence])


def notices(
    named: Mapping[int, Fraction], words: Words, remedy: str, example: Callable[[Callable[[I64], Any]], str]
) -> list[Notice]:
    """What is to be said of documents that do not name their subject (bits 0), or by some words of the name only.

    example(which): one of the documents for whose bits, int64 (d,), `which` holds.
    """
    found = []
    nameless = named.get(0, Fraction(0))
    if nameless:
        found.append(
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
        found.append(
            Notice(
                f"{percent(float(sum(partly.values())))} of its documents name their subject by {several} alone, which "
                "others may share",
                f"Show the whole {{{{ {words.name} }}}} once.",
                example(lambda bits: (bits != 0) & (bits != words.all_)),
                lost=False,  # as where a first name is asked: other values may say who is meant
            )
        )
    return found
