"""Mano: arithmetic in the head, in prefix notation and modulo a number (Part 4.1).

<bos> <len_3> + * 4 9 - 20 7 <ans> 3          (4 · 9) + (20 - 7) = 49 ≡ 3 (mod 23)
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


class ManoSpec(SymbolsSpec):
    """Expressions; every exposure of an instance is the same document."""

    RENAMED: ClassVar[Mapping[str, str]] = {"law": "distribution"}

    kind: Literal["mano"]
    operations: int = Key_(ge=1, le=1000, description="Most operations, the L of the paper.")
    distribution: Distribution = Key_(
        "uniform", description="Of their number l, from 1 on: uniform, ∝ 1 / (l + √L), or L always."
    )
    modulus: int = Key_(23, ge=2, le=10_000, description="All numbers are below it.")

    def names(self) -> tuple[str, ...]:
        lengths = (f"<len_{length}>" for length in range(1, self.operations + 1))
        return ("<ans>", "+", "-", "*", *map(str, range(self.modulus)), *lengths)


class Mano(Puzzle):
    """An item is an expression."""

    streams = ("instance",)
    _spec: ManoSpec

    @cached_property
    def _operations(self) -> Sizes:
        return sizes_of(self._spec.distribution, 1, self._spec.operations)

    def _most(self) -> int:
        return 2 * self._spec.operations + 4

    def _mean(self) -> Fraction:
        return 2 * self._operations.mean + 4

    def _draw(self, item: I64, exposure: I64) -> Drawn:
        from pipeline.sources.puzzles.kernels import mano

        spec, frame = self._spec, self._frame
        rule = np.array([self._operations.least, spec.operations, spec.modulus, frame.lead, frame.trail], np.int64)
        parameters = rule, self._operations.thresholds, self._keys
        return drawn(mano.draw, self._room(item.size, 1), item, exposure, *parameters)


register(
    SourceKind(
        "mano",
        ManoSpec,
        Mano,
        "expressions in prefix notation, and their values modulo a number (4.1)",
        kernels=("pipeline.sources.puzzles.kernels.mano",),
        verifier="pipeline.evaluate.checking.puzzles.mano:VERIFIER",
        speed=31e6,
    )
)
