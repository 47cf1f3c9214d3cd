"""Copying: any symbols, and the same ones again (Part 4.1, whose appendix names the task and N = 500).

<bos> 17 3 42 <copy> 17 3 42
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
from pydantic import Field as Key_

from pipeline.core.draws import I64
from pipeline.sources.source import Context
from pipeline.sources.structure.puzzle import Drawn, Law, Puzzle, SymbolsSpec, drawn, law_of, mean_of


class CopySpec(SymbolsSpec):
    """Strings of symbols; every exposure tells the same one in the same way."""

    kind: Literal["copy"]
    length: int = Key_(ge=1, le=30_000, description="Most symbols to copy, the N of the paper.")
    law: Law = Key_("uniform", description="Of their number n, from 1 on: uniform, ∝ 1 / (n + √N), or N always.")
    vocabulary: int = Key_(50, ge=1, le=30_000, description="So many symbols; the paper's number is not known to us.")

    def names(self) -> tuple[str, ...]:
        return ("<copy>", *map(str, range(1, self.vocabulary + 1)))


class Copying(Puzzle):
    """The source."""

    streams = ("instance",)

    def __init__(self, spec: CopySpec, context: Context) -> None:
        self._spec = spec
        self._least, self._law = law_of(spec.law, 1, spec.length)
        super().__init__(spec, context)

    def _most(self) -> int:
        return 2 * self._spec.length + 1

    def _mean(self) -> Fraction:
        return 2 * mean_of(self._least, self._law) + 1

    def _draw(self, item: I64, exposure: I64) -> Drawn:
        from pipeline.sources.structure.compiled import copying

        spec, frame = self._spec, self._frame
        rule = np.array([self._least, spec.vocabulary, frame.lead, frame.trail], np.int64)
        return drawn(copying.draw, self._room(item.size, 1), item, exposure, rule, self._law, self._keys)
