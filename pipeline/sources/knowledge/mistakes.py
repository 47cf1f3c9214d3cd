"""Mistakes in biographies: wrong and taken back, too early and taken back, or wrong and not taken back.

    corrected   She was born in Boston, MA. [BACK] She was born in Chicago, IL.
    weak        She works for Adobe. [BACK] She was born in Chicago, IL.  …  She works for Adobe.
    silent      She was born in Boston, MA.

A coin decides whether a mistake comes before a sentence; if so, the coin is thrown again. So the number of mistakes
before a sentence is geometric: P(at least k) = rate^k. Every coin has its own key, so changing one rate changes nothing
else.

Letters: d documents, s places of sentences in each, m sentences in all, those of mistakes included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key_

from pipeline.core.draws import I32, I64, U64, bits_each, scaled_half, threshold
from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.notices import rounded
from pipeline.core.spec import Name, Rational, Spec
from pipeline.sources.knowledge.false_others import FalseOthers
from pipeline.sources.source import number_of
from pipeline.sources.spec import Mark, MarkSpec
from pipeline.text.outline import Outline
from pipeline.worlds.falsehood import Falsehood

CORRECTED, WEAK = 1, 2


class MistakesSpec(Spec):
    """How often sentences go wrong. Part 2.2 calls the first retry data and the second weak."""

    corrected: Rational = Key_(
        Fraction(0), ge=0, lt=1, description="Before a sentence: the same with a wrong value, taken back."
    )
    weak: Rational = Key_(
        Fraction(0), ge=0, lt=1, description="Before a sentence: one that comes later, too early and taken back."
    )
    silent: Rational = Key_(Fraction(0), ge=0, le=1, description="In a sentence: a wrong value that nobody takes back.")
    back: Mark = Key_(MarkSpec.of("[BACK]"), description="What takes a sentence back: a special token, or {text: …}.")
    sentences: list[Name] | None = Key_(None, description="The sentences that go wrong. Default: all.")

    @property
    def rate(self) -> Fraction:
        """The rate of mistakes that are taken back."""
        return self.corrected + self.weak

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the parts that it adds to documents."""
        kinds = (("mistake", self.corrected), ("weak", self.weak), ("silent", self.silent), ("back", self.rate))
        return tuple(role for role, rate in kinds if rate)


@dataclass(frozen=True)
class Right:
    """Documents before mistakes are added: the program and the sentence at each place, int32 (d, s); rows of facts.

    early(document, place, later): for k sentences of later places, the programs (k,) that render them at `place`.
    """

    programs: I32
    sentences: I32
    rows: I32
    early: Callable[[I64, I64, I64], I32]


class Mistakes:
    """Draws mistakes and inserts them before the sentences."""

    def __init__(
        self,
        spec: MistakesSpec,
        key: Key,
        falsehoods: Mapping[int, Falsehood | FalseOthers],
        back: int,
        places: int,
        early: int,
    ) -> None:
        """falsehoods: sentence → its wrong values. back: the program that takes a sentence back.

        places: the number of sentences in a document; those at the first `early` places may come too early.
        """
        if spec.rate >= 1:
            raise SpecError(
                f"mistakes with a rate of {rounded(spec.rate)} never end",
                "Let corrected and weak add up to less than 1.",
                ("mistakes",),
                [("mistakes", "corrected"), ("mistakes", "weak")],
            )
        self._spec, self._key, self.falsehoods, self._back = spec, key, falsehoods, back
        self._can = np.zeros(places, bool)
        self._can[list(falsehoods)] = True
        self._places, self._early = places, early

    def outline(self, right: Right, item: I64, exposure: I64) -> Outline:
        """The documents `right`, with mistakes for item (d,) and exposure (d,)."""
        attempts = self._attempts(right, item, exposure)
        counts = sum((kinds > 0 for kinds in attempts), np.zeros(right.programs.shape, np.int64))
        lengths = (1 + 2 * counts).reshape(-1)
        ends = np.cumsum(lengths)
        draft = _Draft.of(right, ends - 1, int(ends[-1]) if ends.size else 0, self._back)
        for attempt, kinds in enumerate(attempts):
            at = ends - lengths + 2 * attempt
            h = self._bits(("value", attempt), item, exposure)
            self._put_wrong(draft, right, np.nonzero(kinds == CORRECTED), at, item, h, "mistake")
            self._put_early(draft, right, np.nonzero(kinds == WEAK), at, h)
        if self._spec.silent:
            silent = self._bits(("silent",), item, exposure) < threshold(self._spec.silent)
            silent &= self._can[right.sentences]
            h = self._bits(("silent value",), item, exposure)
            self._put_wrong(draft, right, np.nonzero(silent), ends - 1, item, h, "silent")
        per_document = lengths.reshape(right.programs.shape).sum(axis=1)
        rows = np.concatenate([right.rows, *draft.wrong_rows])
        return Outline.ragged(draft.programs, draft.facts, per_document, rows, draft.roles, draft.false)

    def _attempts(self, right: Right, item: I64, exposure: I64) -> list[NDArray[np.int8]]:
        """For each attempt the mistake before each sentence, int8 (d, s): 0 (none), CORRECTED or WEAK."""
        attempts: list[NDArray[np.int8]] = []
        alive = self._can[right.sentences]
        while self._spec.rate and alive.any():
            coin = self._bits(("attempt", len(attempts)), item, exposure)
            kinds = np.zeros(coin.shape, np.int8)
            kinds[coin < threshold(self._spec.rate)] = WEAK
            kinds[coin < threshold(self._spec.corrected)] = CORRECTED
            after = kinds[:, self._early - 1 :]
            after[after == WEAK] = 0  # no later sentence is left
            kinds[~alive] = 0
            alive = kinds > 0
            if alive.any():
                attempts.append(kinds)
        return attempts

    def _put_wrong(
        self, draft: _Draft, right: Right, where: tuple[I64, ...], at: I64, item: I64, h: U64, role: str
    ) -> None:
        """Insert wrong versions of the sentences `where` = (document, place). at (d · s,): positions in the draft."""
        document, place = where
        sentences = right.sentences[document, place]
        rows = right.rows[document]
        for sentence, falsehood in self.falsehoods.items():
            same = np.flatnonzero(sentences == sentence)
            if same.size:
                wrong = rows[same]
                falsehood.draw(wrong, h[document[same], place[same]], item[document[same]])
                rows[same] = wrong
        label = np.zeros(self._places, np.uint8)
        for sentence, falsehood in self.falsehoods.items():
            label[sentence] = falsehood.label
        target = at[document * self._places + place]
        draft.put(target, right.programs[document, place], role)
        draft.facts[target] = draft.add_rows(rows)
        draft.false[target] = label[sentences]

    def _put_early(self, draft: _Draft, right: Right, where: tuple[I64, ...], at: I64, h: U64) -> None:
        """Insert a later sentence, chosen by the bits `h`, before each sentence `where` = (document, place)."""
        document, place = where
        later = place + 1 + scaled_half(h[document, place], self._early - 1 - place)
        target = at[document * self._places + place]
        draft.put(target, right.early(document, place, later), "weak")
        draft.facts[target] = document.astype(np.int32)

    def _bits(self, path: tuple[str | int, ...], item: I64, exposure: I64) -> U64:
        """64 uniform bits for each document and place: (d, s)."""
        key = self._key.child(*path)
        return bits_each([key.child(place) for place in range(self._places)], key, item, exposure)


@dataclass
class _Draft:
    """An outline under construction: at first every sentence is [BACK], then the others replace it."""

    programs: I32
    facts: I32
    roles: NDArray[np.uint8]
    false: NDArray[np.uint8]
    wrong_rows: list[I32]
    _rows: int

    @classmethod
    def of(cls, right: Right, at: I64, count: int, back: int) -> _Draft:
        """A draft of `count` sentences with the right ones at the positions `at` (d · s,)."""
        d, s = right.programs.shape
        draft = cls(
            programs=np.full(count, back, np.int32),
            facts=np.zeros(count, np.int32),
            roles=np.full(count, number_of("back"), np.uint8),
            false=np.zeros(count, np.uint8),
            wrong_rows=[],
            _rows=d,
        )
        draft.programs[at] = right.programs.reshape(-1)
        draft.facts[at] = np.repeat(np.arange(d, dtype=np.int32), s)
        draft.roles[at] = 0
        return draft

    def put(self, at: I64, programs: I32, role: str) -> None:
        """Write sentences with this role at the positions `at`."""
        self.programs[at] = programs
        self.roles[at] = number_of(role)

    def add_rows(self, rows: I32) -> I32:
        """Append rows of false facts; returns their numbers."""
        first = self._rows
        self.wrong_rows.append(rows)
        self._rows += len(rows)
        return np.arange(first, self._rows, dtype=np.int32)
