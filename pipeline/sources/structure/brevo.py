"""Brevo: what depends on what, told edge by edge in any order, and all that a node needs, in an order that works.

<bos> 7 2   7 9   2 9   4 5   <query> 9 <ans> 7 2 9 <eos>                                                (Part 4.1)
      9 needs 2 and 7, 2 needs 7; whatever comes after all that it needs is right
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field as Key_
from pydantic import model_validator

from pipeline.core.draws import I64
from pipeline.sources.source import Context
from pipeline.sources.structure.puzzle import Drawn, Law, Puzzle, SymbolsSpec, drawn, law_of
from pipeline.sources.structure.words import WordsSpec

LEAST, DEGREE = 3, 4  # nodes; how many a node depends on, and how many depend on it, at most


class BrevoSpec(SymbolsSpec):
    """Graphs of dependencies; an exposure tells an instance in another order of its edges, and of its answer."""

    kind: Literal["brevo"]
    nodes: int = Key_(ge=LEAST, le=10_000, description="Most nodes, the N of the paper.")
    law: Law = Key_("inverse", description="Of their number n, from 3 on: ∝ 1 / (n + √N), uniform, or N always.")
    words: WordsSpec | None = Key_(None, description="The names of nodes. Default: one token, of as many as nodes.")
    eos: bool = Key_(True, description="Close each document with the end token, after which nothing is needed.")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        self.named.check(self.nodes)
        return self

    @property
    def named(self) -> WordsSpec:
        """The names of nodes."""
        return self.words or WordsSpec(vocabulary=self.nodes)

    def names(self) -> tuple[str, ...]:
        return ("<ans>", "<query>", *self.named.symbols)


class Brevo(Puzzle):
    """The source."""

    def __init__(self, spec: BrevoSpec, context: Context) -> None:
        self._spec = spec
        self._least, self._law = law_of(spec.law, LEAST, spec.nodes)
        super().__init__(spec, context)

    def _most(self) -> int:
        n, words = self._spec.nodes, self._spec.named
        return 2 * (n - 1) * DEGREE * words.length[1] + 2 + words.most(1) + words.most(n)

    def _draw(self, item: I64, exposure: I64) -> Drawn:
        from pipeline.sources.structure.compiled import brevo

        spec, frame = self._spec, self._frame
        rule = np.array([self._least, spec.nodes, frame.lead, frame.trail], np.int64)
        room = self._room(item.size, 1)
        return drawn(brevo.draw, room, item, exposure, rule, spec.named.rule, self._law, self._keys)
