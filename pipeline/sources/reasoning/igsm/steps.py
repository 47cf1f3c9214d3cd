"""What there is to know at each step of a solution: the labels of probes (Part 2.1: necessary, dependent, known, …).

The parameters of a problem are numbered anew here, without gaps: those that it states, in the order of their edges,
then the abstract ones. A set of them is a word of 64 bits.

Letters: d documents, s steps in all of them, q parameters in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.documents import offsets_of
from pipeline.core.draws import I64
from pipeline.core.table import Lists
from pipeline.sources.reasoning.igsm.layout import (
    ABSTRACT,
    CHOSEN,
    EDGES,
    NAMES,
    OWNER,
    STEPS,
    THERE,
    THING,
    VALUE,
    Problems,
)


@dataclass(frozen=True)
class Steps:
    """What probes ask of documents (d,).

    names: the parameters of each. parameters (q): `necessary` uint8, whether the solution needs it; `value` int64;
    `depends` uint64, all that it is computed from, however indirectly. steps (s): `position` int32, the token after
    which the step begins, or a mistake before it; `parameter` uint8, what it defines; `known` uint64, what is defined
    by then; `ready` uint64, what can be computed next.
    """

    names: list[list[str]]
    parameters: Lists
    steps: Lists


def steps_of(problems: Problems, positions: I64, names: Sequence[str]) -> Steps:
    """The labels of problems (d,); positions (s,): of each step; names: the vocabulary."""
    said: list[list[str]] = []
    rows: list[tuple[int, int, int]] = []
    steps: list[tuple[int, int, int]] = []
    for i in range(len(problems.head)):
        one = _One.of(problems, i)
        said.append([f"{names[owner]}'s {names[thing]}" for owner, thing in one.names])
        rows += zip(one.necessary, one.values, one.depends, strict=True)
        steps += one.steps()
    counts = np.array([len(one) for one in said], np.int64)
    parameters = Lists(offsets_of(counts), _columns(rows, necessary=np.uint8, value=np.int64, depends=np.uint64))
    fields = _columns(steps, parameter=np.uint8, known=np.uint64, ready=np.uint64)
    fields = {"position": positions.astype(np.int32), **fields}
    return Steps(said, parameters, Lists(offsets_of(problems.head[:, STEPS]), fields))


@dataclass(frozen=True)
class _One:
    """One problem, its parameters numbered anew: of each its needs, what it is named after, value, and so on."""

    needs: list[int]
    names: list[tuple[int, int]]
    values: list[int]
    necessary: list[bool]
    depends: list[int]
    order: list[int]

    @classmethod
    def of(cls, problems: Problems, i: int) -> _One:
        head, table = problems.head[i].tolist(), problems.table[i].tolist()
        there, chosen = int(problems.sets[i, THERE]), int(problems.sets[i, CHOSEN])
        old = [*range(head[EDGES]), *(q for q in range(ABSTRACT, 64) if there >> q & 1)]
        new = {q: number for number, q in enumerate(old)}
        needs = [_renumbered(int(problems.needs[i, q]), new) for q in old]
        return cls(
            needs,
            [(head[NAMES + table[q][OWNER]], head[NAMES + table[q][THING]]) for q in old],
            [table[q][VALUE] for q in old],
            [bool(chosen >> q & 1) for q in old],
            [_reached(needs, number) for number in range(len(old))],
            [new[q] for q in problems.topo[i, : head[STEPS]].tolist()],
        )

    def steps(self) -> list[tuple[int, int, int]]:
        """Of each step: what it defines, what is known before it, and what can be computed then."""
        known, found = 0, []
        for q in self.order:
            ready = sum(1 << r for r, need in enumerate(self.needs) if not known >> r & 1 and not need & ~known)
            found.append((q, known, ready))
            known |= 1 << q
        return found


def _renumbered(members: int, new: dict[int, int]) -> int:
    return sum(1 << number for q, number in new.items() if members >> q & 1)


def _reached(needs: list[int], q: int) -> int:
    """All that a parameter is computed from."""
    found, rest = 0, needs[q]
    while rest:
        one = (rest & -rest).bit_length() - 1
        found |= 1 << one
        rest = (rest | needs[one]) & ~found
    return found


def _columns(rows: Sequence[tuple[int, ...]], **kinds: type) -> dict[str, np.ndarray]:
    columns = zip(*rows, strict=True) if rows else ((),) * len(kinds)
    return {name: np.array(column, kind) for (name, kind), column in zip(kinds.items(), columns, strict=True)}
