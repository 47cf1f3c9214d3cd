"""Cells planned, in numbers: a plan may be large, so only one is in memory at a time.

Two cells have the same dataset where their plans have one fingerprint, and their recipes the same exports: all files
beside the card and the head of recipe.yaml, which name the cell, are then equal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.plan import summary
from pipeline.plan.plan import Plan
from pipeline.sweeps.sweep import Cell, Sweep, in_cell


@dataclass(frozen=True)
class PlannedCell:
    """A cell and the numbers of its plan. numbers: see `summary.of_plan`. exports: of its recipe, as JSON."""

    cell: Cell
    numbers: Mapping[str, Any]
    exports: str

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its plan."""
        return str(self.numbers["fingerprint"])

    @property
    def dataset(self) -> tuple[str, str]:
        """What its dataset depends on: cells that have this in common have the same dataset."""
        return self.fingerprint, self.exports


@dataclass(frozen=True)
class PlannedSweep:
    """The cells that can be planned, and the refusals of the others, equal ones together."""

    cells: tuple[PlannedCell, ...]
    refusals: tuple[PipelineError, ...]

    @property
    def datasets(self) -> dict[tuple[str, str], list[PlannedCell]]:
        """Dataset → the cells that have it, in the order of cells."""
        by_dataset: dict[tuple[str, str], list[PlannedCell]] = {}
        for cell in self.cells:
            by_dataset.setdefault(cell.dataset, []).append(cell)
        return by_dataset

    @property
    def totals(self) -> dict[str, Any]:
        """The sums over all datasets, each counted once."""
        return summary.summed(cells[0].numbers for cells in self.datasets.values())


def plan_of(sweep: Sweep, cell: Cell) -> Plan:
    """The plan of a cell, from the cache or compiled. Its errors name the cell."""
    from pipeline.plan import planned

    loaded = sweep.load(cell)
    with in_cell(cell.name):
        return planned(loaded)


def planned_sweep(sweep: Sweep, cells: Sequence[Cell], done: Callable[[int], object] = lambda _: None) -> PlannedSweep:
    """These cells of a sweep, planned one after another. done: called with 1 after each."""
    planned: list[PlannedCell] = []
    refused: list[tuple[Cell, PipelineError]] = []
    for cell in cells:
        try:
            plan = plan_of(sweep, cell)
        except PipelineError as error:
            refused.append((cell, error))
        else:
            exports = json.dumps([export.model_dump(mode="json", by_alias=True) for export in plan.recipe.exports])
            planned.append(PlannedCell(cell, summary.of_plan(plan), exports))
        done(1)
    return PlannedSweep(tuple(planned), tuple(_together(refused)))


def _together(refused: Iterable[tuple[Cell, PipelineError]]) -> Iterable[PipelineError]:
    """The refusals, those that differ in nothing but the cell as one."""
    alike: dict[tuple[Any, ...], list[PipelineError]] = {}
    for cell, error in refused:
        problem = error.problem.removesuffix(cell.name)
        alike.setdefault((type(error), problem, error.remedy, error.place), []).append(error)
    for first, *others in alike.values():
        more = f" and {len(others):,} other{'s' * (len(others) > 1)}" if others else ""
        yield type(first)(first.problem + more, first.remedy, first.place)
