"""Mano: arithmetic in the head, in prefix notation and modulo a number (Part 4.1).

<bos> <len_3> + * 4 9 - 20 7 <ans> 3          (4 · 9) + (20 - 7) = 49 ≡ 3 (mod 23)
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
from pydantic import Field as Key_

from pipeline.core.draws import I64
from pipeline.sources.source import Context
from pipeline.sources.structure.puzzle import Drawn, Law, Puzzle, SymbolsSpec, drawn, law_of, mean_of


class ManoSpec(SymbolsSpec):
    """Expressions; every exposure tells the same one in the same way."""

    kind: Literal["mano"]
    operations: int = Key_(ge=1, le=1000, description="Most operations, the L of the paper.")
    law: Law = Key_("uniform", description="Of their number l, from 1 on: uniform, ∝ 1 / (l + √L), or L always.")
    modulus: int = Key_(23, ge=2, le=10_000, description="All numbers are below it.")

    def names(self) -> tuple[str, ...]:
        lengths = (f"<len_{length}>" for length in range(1, self.operations + 1))
        return ("<ans>", "+", "-", "*", *map(str, range(self.modulus)), *lengths)


class Mano(Puzzle):
    """The source."""

    streams = ("instance",)

    def __init__(self, spec: ManoSpec, context: Context) -> None:
        self._spec = spec
        self._least, self._law = law_of(spec.law, 1, spec.operations)
        super().__init__(spec, context)

    def _most(self) -> int:
        return 2 * self._spec.operations + 4

    def _mean(self) -> Fraction:
        return 2 * mean_of(self._least, self._law) + 4

    def _draw(self, item: I64, exposure: I64) -> Drawn:
        from pipeline.sources.structure.compiled import mano

        spec, frame = self._spec, self._frame
        rule = np.array([self._least, spec.operations, spec.modulus, frame.lead, frame.trail], np.int64)
        return drawn(mano.draw, self._room(item.size, 1), item, exposure, rule, self._law, self._keys)
