"""Depo: the edges of a directed cycle in any order, and questions: which node comes k steps after another (Part 4.1).

<bos> 3 8|  5|      5| 1 2|      1 2| 3 8|     <query_2> 5| <ans> 3 8|     …
      from  to      edge         edge          who comes two steps after 5|
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field as Key_
from pydantic import model_validator

from pipeline.core.draws import I64
from pipeline.core.spec import refused
from pipeline.sources.puzzles.puzzle import Drawn, Puzzle, SymbolsSpec, drawn
from pipeline.sources.puzzles.sizes import Distribution, Sizes, sizes_of
from pipeline.sources.puzzles.words import WordsSpec
from pipeline.sources.registry import SourceKind, register

LEAST = 3  # nodes


class DepoSpec(SymbolsSpec):
    """Cycles of nodes; an exposure shows the edges of an instance in another order, and asks other questions."""

    RENAMED: ClassVar[Mapping[str, str]] = {"law": "distribution"}

    kind: Literal["depo"]
    nodes: int = Key_(ge=LEAST, le=10_000, description="Most nodes, the N of the paper.")
    distribution: Distribution = Key_(
        "inverse", description="Of their number n, from 3 on: ∝ 1 / (n + √N), uniform, or N always."
    )
    hops: int = Key_(ge=1, le=1000, description="Most steps, the K of the paper.")
    asked: int | None = Key_(None, ge=1, description="Always so many steps. Default: any of 1 … hops.")
    queries: int = Key_(10, ge=1, description="Questions of a document, about nodes that differ; no more than nodes.")
    words: WordsSpec = Key_(WordsSpec(length=[1, 2], vocabulary=50), description="The names of nodes.")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        self.words.check(self.nodes)
        if self.asked is not None and self.asked > self.hops:
            problem = f"more steps are asked than `hops` has: {self.asked}, and it has {self.hops}"
            remedy = f"Lower `asked`, or raise `hops` to {self.asked}."
            raise refused(problem, remedy, ("asked",), [("asked",), ("hops",)])
        return self

    def names(self) -> tuple[str, ...]:
        return ("<ans>", *(f"<query_{k}>" for k in range(1, self.hops + 1)), *self.words.symbols)


class Depo(Puzzle):
    """An item is a cycle."""

    _spec: DepoSpec

    @cached_property
    def _nodes(self) -> Sizes:
        return sizes_of(self._spec.distribution, LEAST, self._spec.nodes)

    def _most(self) -> int:
        n, queries = self._spec.nodes, min(self._spec.queries, self._spec.nodes)
        return 2 * self._spec.words.most(n) + queries * 2 + 2 * self._spec.words.most(queries)

    def _draw(self, item: I64, exposure: I64) -> Drawn:
        from pipeline.sources.puzzles.kernels import depo

        spec, frame = self._spec, self._frame
        near, far = (spec.asked, spec.asked) if spec.asked else (1, spec.hops)
        rule = [self._nodes.least, spec.nodes, near, far, spec.hops, spec.queries, frame.lead, frame.trail]
        room = self._room(item.size, min(spec.queries, spec.nodes))
        parameters = np.array(rule, np.int64), spec.words.rule, self._nodes.thresholds, self._keys
        return drawn(depo.draw, room, item, exposure, *parameters)


register(
    SourceKind(
        "depo",
        DepoSpec,
        Depo,
        "the edges of a cycle, and which node comes k steps after another (4.1)",
        kernels=("pipeline.sources.puzzles.kernels.depo",),
        verifier="pipeline.evaluate.checking.puzzles.depo:VERIFIER",
        speed=35e6,
    )
)
