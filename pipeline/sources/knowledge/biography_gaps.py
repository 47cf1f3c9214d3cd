"""Sentences that biographies leave out: about a mother, where somebody has none.

everybody    She was born in Rome. Her mother is Ann Lee. She works for Adobe.
the roots    She was born in Rome. She works for Adobe.                            nothing stands at the last place
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.notices import Notice, information
from pipeline.sources.knowledge.biography_variants import Choices
from pipeline.sources.knowledge.cast import Cast, Path
from pipeline.text.expressions import Program

COUNTED = 1_000_000  # individuals of whom `plan` counts those with gaps


class Gaps:
    """Which sentences some of these people lack. sentences: sentence → all its wordings. The cast is settled."""

    def __init__(self, cast: Cast, people: range, sentences: Mapping[int, Sequence[Program]]) -> None:
        self._cast, self._people, self._sentences = cast, people, len(sentences)
        each = {sentence: cast.sometimes(programs, people) for sentence, programs in sentences.items()}
        self._paths: dict[int, list[Path]] = {sentence: paths for sentence, paths in each.items() if paths}
        ends = {path: cast.exactly(path) for paths in self._paths.values() for path in paths}
        self._ends = {path: end for path, end in ends.items() if end is not None}

    def __len__(self) -> int:
        """The number of sentences that somebody lacks."""
        return len(self._paths)

    def left_out(self, choices: Choices, individual: I64) -> Choices:
        """The choices (d,) with the sentences that individuals lack at the last places, and how many are told.

        As they are, where none of these individuals lacks one.
        """
        if not self._paths:
            return choices
        lacking = np.zeros((individual.size, self._sentences), bool)
        for sentence in self._paths:
            lacking[:, sentence] = self._lacking(sentence, individual)
        some = np.flatnonzero(lacking.any(axis=1))
        if not some.size:
            return choices
        fixed = np.arange(self._sentences, dtype=np.int32)
        order = np.tile(fixed, (individual.size, 1)) if choices.order is None else choices.order.copy()
        moved = np.argsort(np.take_along_axis(lacking[some], order[some], axis=1), axis=1, kind="stable")
        order[some] = np.take_along_axis(order[some], moved, axis=1)
        return replace(choices, order=order, told=self._sentences - lacking.sum(axis=1))

    @cached_property
    def patterns(self) -> dict[frozenset[int], Fraction] | None:
        """The sentences that individuals lack together → how many of them do; None where these are not counted."""
        people = self._people
        if any(path not in self._ends for paths in self._paths.values() for path in paths):
            return self._counted()
        from_on = {sentence: max(self._ends[path] for path in paths) for sentence, paths in self._paths.items()}
        ends = sorted({people.start, people.stop, *(end for end in from_on.values() if end in people)})
        sets = ((frozenset(s for s, end in from_on.items() if a < end), b - a) for a, b in pairwise(ends))
        return {lacking: Fraction(count, len(people)) for lacking, count in sets}

    def _counted(self) -> dict[frozenset[int], Fraction] | None:
        """As `patterns`, from each individual."""
        people = self._people
        if len(people) > COUNTED:
            return None
        individual = np.arange(people.start, people.stop, dtype=np.int64)
        each = np.array([self._lacking(sentence, individual) for sentence in self._paths])
        rows, counts = np.unique(each, axis=1, return_counts=True)
        sets = (frozenset(np.array(list(self._paths))[row].tolist()) for row in rows.T)
        return {lacking: Fraction(int(count), len(people)) for lacking, count in zip(sets, counts, strict=True)}

    def notices(self, names: Sequence[str]) -> list[Notice]:
        """What `plan` says of them. names: of the sentences."""
        people, patterns = len(self._people), self.patterns
        told = []
        for sentence in self._paths:
            share = sum((of for lacking, of in (patterns or {}).items() if sentence in lacking), Fraction(0))
            count = "some" if patterns is None else f"{int(share * people):,}"
            if count != "0":
                lack = f"{count} of {people:,} individuals are not told '{names[sentence]}', as they lack somebody"
                told.append(information(lack))
        return told

    def _lacking(self, sentence: int, individual: I64) -> NDArray[np.bool_]:
        lacking: NDArray[np.bool_] = np.zeros(individual.shape, bool)
        for path in self._paths[sentence]:
            end = self._ends.get(path)
            lacking |= individual < end if end is not None else self._cast.lacks(path, individual)
        return lacking
