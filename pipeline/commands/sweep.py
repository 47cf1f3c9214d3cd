"""plan and build of a sweep: its cells in one table, its datasets in one folder."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.executors import built_by, check_executor, executor_of
from pipeline.core.errors import PipelineError
from pipeline.core.system import output
from pipeline.core.system.progress import bar, counted

if TYPE_CHECKING:
    from pipeline.build.sweeping import Part
    from pipeline.dataset.manifest import Manifest
    from pipeline.sweeps import Sweep
    from pipeline.sweeps.planning import PlannedSweep


def is_sweep(recipe: str) -> bool:
    """Whether an argument is that of a sweep. RecipeError where there is no such file."""
    from pipeline.recipe import paths

    return paths.is_sweep(paths.find(recipe))


def plan_sweep(options: argparse.Namespace) -> int:
    """Print the table of a sweep, or its JSON. Returns the exit code: 2 where a cell cannot be planned."""
    from pipeline.sweeps import table

    sweep, planned = _planned(options)
    if options.json:
        output.show_json(table.as_json(sweep, planned))
    elif planned.cells:
        if sweep.title:
            output.say(sweep.title)
        for line in table.lines(sweep, planned):
            output.say(line)
    for refusal in planned.refusals:
        output.complain(f"{type(refusal).__name__}: {refusal}")
    return PipelineError.exit_code if planned.refusals else 0


def build_sweep(options: argparse.Namespace) -> int:
    """Build the datasets of a sweep, a line for each. Returns the exit code."""
    from pipeline.build import sweeping
    from pipeline.recipe.paths import find

    check_executor(options)
    began = time.perf_counter()
    sweep, planned = _planned(options)
    out = options.out or str(Path("data") / find(options.recipe).stem)
    executor = executor_of(options)
    made: list[int] = []
    with bar("build", planned.totals["tokens"], "tokens") as shown:

        def finished(part: Part, manifest: Manifest, new: int) -> None:
            shards, tokens = len(manifest.shards), sum(split["tokens"] for split in manifest.splits.values())
            made.append(new)
            shown.clear()
            kept = f"{counted(new, 'shard')} built, {shards - new} kept"
            also = "".join(f", also {one.cell.name}" for one in part.cells if one.cell.name != part.folder)
            output.say(f"{len(made)} of {datasets}: {part.folder}{also}: {tokens:,} tokens, {kept}")

        datasets = len(planned.datasets)
        index = sweeping.build_sweep(
            sweep,
            planned,
            out,
            executor,
            built=lambda record: shown.update(record.tokens),
            kept=lambda record: shown.update(record.tokens),
            finished=finished,
        )
    seconds, by = time.perf_counter() - began, built_by(executor) if any(made) else ""
    total = f"{counted(len(index.cells), 'cell')}, {counted(len(index.folders), 'dataset')}"
    output.say(f"{out}: {total}, {counted(sum(made), 'shard')} built, {seconds:.1f} s{by}")
    return 0


def _planned(options: argparse.Namespace) -> tuple[Sweep, PlannedSweep]:
    """The sweep in the arguments, and the plans of the cells that they choose."""
    from pipeline.sweeps import read_sweep
    from pipeline.sweeps.planning import planned_sweep

    sweep = read_sweep(options.recipe, options.set, allow_code=options.allow_code)
    cells = sweep.selected(options.cell)
    with bar("plan", len(cells), "cells") as shown:
        return sweep, planned_sweep(sweep, cells, shown.update)
