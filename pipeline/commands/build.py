"""build: the dataset of a recipe, or what is missing of it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from pipeline.commands.command import Command
from pipeline.commands.common import cells_argument, check_no_cells, compiled, recipe_arguments
from pipeline.commands.executors import built_by, check_executor, executor_arguments, executor_of
from pipeline.commands.sweep import build_sweep, is_sweep
from pipeline.core.system import output
from pipeline.core.system.progress import bar, counted


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: recipe, folder, executor."""
    recipe_arguments(parser)
    parser.add_argument("--out", help="the dataset's folder, or s3://bucket/prefix (default data/<recipe>)")
    cells_argument(parser)
    executor_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Build, and print what was built. Returns the exit code."""
    from pipeline.build.resume import Refuted

    if is_sweep(options.recipe):
        return build_sweep(options)
    check_executor(options)
    check_no_cells(options)
    try:
        return _built(options)
    except Refuted as refuted:
        output.complain(f"warning: {refuted.problem}. What gigatoken made is made anew, by tokenizers")
        return run(options)  # another proof, if it is refuted again: there are as many as ways to encode


def _built(options: argparse.Namespace) -> int:
    from pipeline.build import building as build
    from pipeline.build.executors import Auto
    from pipeline.dataset.shard_record import ShardRecord
    from pipeline.publish.export import EXPORTS, Exported
    from pipeline.recipe.paths import find

    began = time.perf_counter()
    plan = compiled(options)
    out = options.out or str(Path("data") / find(options.recipe).stem)
    executor = executor_of(options)
    if isinstance(executor, Auto):
        executor.weight = lambda shard: max(1.0, float(plan.splits[shard[0]].tokens) / plan.splits[shard[0]].shards)
    total = int(sum(split.tokens for split in plan.splits.values())) * (1 + len(plan.recipe.exports))
    with bar("build", total, "tokens") as shown:
        new: list[ShardRecord] = []
        exports: list[Exported] = []

        def built(record: ShardRecord) -> None:
            new.append(record)
            shown.update(record.tokens)

        manifest = build.build(
            plan,
            out,
            executor,
            built=built,
            kept=lambda record: shown.update(record.tokens),
            exporting=shown.update,
            exported=exports.append,
        )
    for name, split in manifest.splits.items():
        shards = counted(len(split["shards"]), "shard")
        output.say(
            f"{name}: {split['documents']:,} documents, {split['tokens']:,} tokens in {split['sequences']:,} sequences"
            f" of {split['length']}, {shards}, {split['bytes'] / 1e6:,.1f} MB"
        )
    kept, seconds = len(plan.shards) - len(new), time.perf_counter() - began
    by = built_by(executor) if new else ""
    output.say(f"{out}: {counted(len(new), 'shard')} built, {kept} kept, {seconds:.1f} s{by}")
    for export in exports:
        what = "there already" if export.kept else f"{counted(len(export.files), 'file')}, {export.bytes / 1e6:,.1f} MB"
        output.say(f"{out.rstrip('/')}/{EXPORTS}/{export.folder.name}: {what}")
    return 0


COMMAND = Command(30, "build", "Build the dataset of a recipe, or all of a sweep, or what is missing.", run, arguments)
