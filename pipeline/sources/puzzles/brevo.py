"""Brevo: the edges of a dependency graph in any order, and a node; the answer sorts all that the node depends on.

<bos> 7 2   7 9   2 9   4 5   <query> 9 <ans> 7 2 9 <eos>                                                (Part 4.1)
      9 depends on 2 and 7, 2 on 7; any order is right in which each node comes after all that it depends on
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field as Key_
from pydantic import model_validator

from pipeline.core.draws import I64
from pipeline.sources.puzzles.kernels import DEGREE
from pipeline.sources.puzzles.puzzle import Drawn, Puzzle, SymbolsSpec, drawn
from pipeline.sources.puzzles.sizes import Distribution, Sizes, sizes_of
from pipeline.sources.puzzles.words import WordsSpec
from pipeline.sources.registry import SourceKind, register

LEAST = 3  # nodes


class BrevoSpec(SymbolsSpec):
    """Graphs of dependencies; an exposure shows an instance in another order of its edges, and of its answer."""

    RENAMED: ClassVar[Mapping[str, str]] = {"law": "distribution"}

    kind: Literal["brevo"]
    nodes: int = Key_(ge=LEAST, le=10_000, description="Most nodes, the N of the paper.")
    distribution: Distribution = Key_(
        "inverse", description="Of their number n, from 3 on: ∝ 1 / (n + √N), uniform, or N always."
    )
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
    """An item is a graph and a query."""

    _spec: BrevoSpec

    @cached_property
    def _nodes(self) -> Sizes:
        return sizes_of(self._spec.distribution, LEAST, self._spec.nodes)

    def _most(self) -> int:
        n, words = self._spec.nodes, self._spec.named
        return 2 * (n - 1) * DEGREE * words.length[1] + 2 + words.most(1) + words.most(n)

    def _draw(self, item: I64, exposure: I64) -> Drawn:
        from pipeline.sources.puzzles.kernels import brevo

        spec, frame = self._spec, self._frame
        rule = np.array([self._nodes.least, spec.nodes, frame.lead, frame.trail], np.int64)
        room = self._room(item.size, 1)
        parameters = rule, spec.named.rule, self._nodes.thresholds, self._keys
        return drawn(brevo.draw, room, item, exposure, *parameters)


register(
    SourceKind(
        "brevo",
        BrevoSpec,
        Brevo,
        "the edges of a dependency graph, and all that a node needs, in an order that works (4.1)",
        kernels=("pipeline.sources.puzzles.kernels.brevo",),
        verifier="pipeline.evaluate.checking.puzzles.brevo:VERIFIER",
        speed=18e6,
    )
)
