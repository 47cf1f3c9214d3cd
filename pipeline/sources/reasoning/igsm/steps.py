"""The labels of probes: what is known, and what can be computed, at each step of a solution (Part 2.1: necessary, …).

Here the parameters of a problem are renumbered without gaps: instance parameters, in the order of their edges, then
abstract ones (layout.py). A set of them is a 64-bit word.

Letters: d documents, s steps in all of them, q parameters in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.documents import offsets_of
from pipeline.core.draws import I64
from pipeline.core.table import Lists
from pipeline.sources.reasoning.igsm.layout import ABSTRACT, PARAMETERS, Problems


@dataclass(frozen=True)
class Steps:
    """The labels of probes for documents (d,).

    names: of the parameters of each document. parameters (q,): `necessary` uint8, whether the solution needs it;
    `value` int64; `depends` uint64, all that it is computed from, directly or indirectly. steps (s,): `position` int32,
    the last token before the step and its mistakes; `parameter` uint8, which the step defines; `known` uint64, those
    defined before; `ready` uint64, those that can be computed next.
    """

    names: list[list[str]]
    parameters: Lists
    steps: Lists


def steps_of(problems: Problems, positions: I64, names: Sequence[str]) -> Steps:
    """The labels of problems (d,). positions (s,): the position of each step. names: the vocabulary."""
    named: list[list[str]] = []
    parameters: list[tuple[int, int, int]] = []
    steps: list[tuple[int, int, int]] = []
    for problem in problems:
        graph = _Graph.of(problem)
        named.append([f"{names[owner]}'s {names[thing]}" for owner, thing in graph.names])
        parameters += zip(graph.necessary, graph.values, graph.depends, strict=True)
        steps += graph.steps()
    counts = np.array([len(of_document) for of_document in named], np.int64)
    columns = _columns(parameters, necessary=np.uint8, value=np.int64, depends=np.uint64)
    fields = _columns(steps, parameter=np.uint8, known=np.uint64, ready=np.uint64)
    fields = {"position": positions.astype(np.int32), **fields}
    return Steps(named, Lists(offsets_of(counts), columns), Lists(offsets_of(problems["steps"]), fields))


@dataclass(frozen=True)
class _Graph:
    """One problem with renumbered parameters.

    For each parameter: needs (bits: its operands), names (rows of its owner and its thing in the vocabulary), values,
    necessary, depends (bits: all that it is computed from). order: those that the solution computes, in order.
    """

    needs: list[int]
    names: list[tuple[int, int]]
    values: list[int]
    necessary: list[bool]
    depends: list[int]
    order: list[int]

    @classmethod
    def of(cls, problem: np.void) -> _Graph:
        parameters, rows = problem["parameters"], problem["names"]
        totals, necessary = int(problem["totals"]), int(problem["necessary"])
        old = [*range(problem["edges"]), *(q for q in range(ABSTRACT, PARAMETERS) if totals >> q & 1)]
        new = {q: number for number, q in enumerate(old)}
        needs = [_renumbered(int(problem["needs"][q]), new) for q in old]
        owners, things = rows[parameters["owner"][old]], rows[parameters["thing"][old]]
        return cls(
            needs,
            list(zip(owners.tolist(), things.tolist(), strict=True)),
            parameters["value"][old].tolist(),
            [bool(necessary >> q & 1) for q in old],
            [_reached(needs, number) for number in range(len(old))],
            [new[q] for q in problem["order"][: problem["steps"]].tolist()],
        )

    def steps(self) -> list[tuple[int, int, int]]:
        """(parameter defined, known before it, ready to be computed) of each step."""
        known, rows = 0, []
        for q in self.order:
            ready = sum(1 << r for r, need in enumerate(self.needs) if not known >> r & 1 and not need & ~known)
            rows.append((q, known, ready))
            known |= 1 << q
        return rows


def _renumbered(members: int, new: dict[int, int]) -> int:
    return sum(1 << number for q, number in new.items() if members >> q & 1)


def _reached(needs: list[int], q: int) -> int:
    """All parameters, as bits, that q is computed from, directly or indirectly."""
    reached, rest = 0, needs[q]
    while rest:
        lowest = (rest & -rest).bit_length() - 1
        reached |= 1 << lowest
        rest = (rest | needs[lowest]) & ~reached
    return reached


def _columns(rows: Sequence[tuple[int, ...]], **kinds: type) -> dict[str, np.ndarray]:
    columns = zip(*rows, strict=True) if rows else ((),) * len(kinds)
    return {name: np.array(column, kind) for (name, kind), column in zip(kinds.items(), columns, strict=True)}
