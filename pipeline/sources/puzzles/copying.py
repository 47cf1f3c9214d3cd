"""Copying: a random string of symbols, twice (Part 4.1, whose appendix names the task and N = 500).

<bos> 17 3 42 <copy> 17 3 42
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field as Key_

from pipeline.core.draws import I64
from pipeline.sources.puzzles.puzzle import Drawn, Puzzle, SymbolsSpec, drawn
from pipeline.sources.puzzles.sizes import Distribution, Sizes, sizes_of
from pipeline.sources.registry import SourceKind, register


class CopySpec(SymbolsSpec):
    """Strings of symbols; every exposure of an instance is the same document."""

    RENAMED: ClassVar[Mapping[str, str]] = {"law": "distribution"}

    kind: Literal["copy"]
    length: int = Key_(ge=1, le=30_000, description="Most symbols to copy, the N of the paper.")
    distribution: Distribution = Key_(
        "uniform", description="Of their number n, from 1 on: uniform, ∝ 1 / (n + √N), or N always."
    )
    vocabulary: int = Key_(50, ge=1, le=30_000, description="So many symbols; the paper's number is not known to us.")

    def names(self) -> tuple[str, ...]:
        return ("<copy>", *map(str, range(1, self.vocabulary + 1)))


class Copying(Puzzle):
    """An item is a string."""

    streams = ("instance",)
    _spec: CopySpec

    @cached_property
    def _lengths(self) -> Sizes:
        return sizes_of(self._spec.distribution, 1, self._spec.length)

    def _most(self) -> int:
        return 2 * self._spec.length + 1

    def _mean(self) -> Fraction:
        return 2 * self._lengths.mean + 1

    def _draw(self, item: I64, exposure: I64) -> Drawn:
        from pipeline.sources.puzzles.kernels import copying

        spec, frame = self._spec, self._frame
        rule = np.array([self._lengths.least, spec.vocabulary, frame.lead, frame.trail], np.int64)
        parameters = rule, self._lengths.thresholds, self._keys
        return drawn(copying.draw, self._room(item.size, 1), item, exposure, *parameters)


register(
    SourceKind(
        "copy",
        CopySpec,
        Copying,
        "strings of symbols, and the same again (4.1)",
        kernels=("pipeline.sources.puzzles.kernels.copying",),
        verifier="pipeline.evaluate.checking.puzzles.copying:VERIFIER",
        speed=90e6,
    )
)
