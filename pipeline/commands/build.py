"""build: the dataset of a recipe, or what is missing of it."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.command import Command
from pipeline.commands.common import compiled, count, recipe_arguments
from pipeline.core.errors import PlanError
from pipeline.core.system import output
from pipeline.core.system.progress import bar
from pipeline.core.system.secrets import redacted

if TYPE_CHECKING:
    from pipeline.build.executors import Executor
    from pipeline.plan.plan import Plan


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: recipe, folder, executor."""
    recipe_arguments(parser)
    parser.add_argument("--out", help="the dataset's folder, or s3://bucket/prefix (default data/<recipe>)")
    parser.add_argument(
        "--executor",
        choices=("auto", "ray", "inline"),
        help="inline: this process alone; auto (the default, without --workers and an address): this process, and a"
        " local Ray once the rest would take this process more than 30 s, as the shards before it say",
    )
    parser.add_argument("--workers", type=int, help="of a local Ray (default: all cores)")
    parser.add_argument("--address", default=os.environ.get("RAY_ADDRESS"), help="of a running Ray cluster")


def run(options: argparse.Namespace) -> int:
    """Build, and print what was built. Returns the exit code."""
    from pipeline.build import building as build
    from pipeline.dataset.shard_record import ShardRecord
    from pipeline.publish.export import EXPORTS, Exported
    from pipeline.recipe.paths import find

    if options.workers is not None and options.workers < 1:
        raise PlanError(f"{options.workers} workers", "Give 1 or more.")
    began = time.perf_counter()
    plan = compiled(options)
    out = options.out or str(Path("data") / find(options.recipe).stem)
    executor = _executor(options, plan)
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
        shards = count(len(split["shards"]), "shard")
        output.say(
            f"{name}: {split['documents']:,} documents, {split['tokens']:,} tokens in {split['sequences']:,} sequences"
            f" of {split['length']}, {shards}, {split['bytes'] / 1e6:,.1f} MB"
        )
    kept, seconds = len(plan.shards) - len(new), time.perf_counter() - began
    by = _by(executor) if new else ""
    output.say(f"{out}: {count(len(new), 'shard')} built, {kept} kept, {seconds:.1f} s{by}")
    for export in exports:
        what = "there already" if export.kept else f"{count(len(export.files), 'file')}, {export.bytes / 1e6:,.1f} MB"
        output.say(f"{out.rstrip('/')}/{EXPORTS}/{export.folder.name}: {what}")
    return 0


def _executor(options: argparse.Namespace, plan: Plan) -> Executor:
    """The executor that was asked for; by default `Auto`, which chooses between this process and Ray."""
    from pipeline.build.executors import Auto, Inline, Ray

    if options.executor == "inline":
        return Inline()
    ray = Ray(options.workers, options.address)
    if options.executor == "ray" or (options.executor is None and (options.workers or options.address)):
        return ray

    def tokens(shard: tuple[str, int]) -> float:
        split = plan.splits[shard[0]]
        return max(1.0, float(split.tokens) / split.shards)

    def notice(line: str) -> None:
        output.complain(f"notice: {redacted(line)}")

    return Auto(ray, options.workers or os.cpu_count() or 1, tokens, notice)


def _by(executor: Executor) -> str:
    """Which executor has built, for the last line."""
    from pipeline.build.executors import Auto, Inline

    if isinstance(executor, Auto) and executor.by_ray:
        return f" ({executor.inline} by this process, {executor.by_ray} by Ray)"
    return " (by this process)" if isinstance(executor, Auto | Inline) else " (by Ray)"


COMMAND = Command(30, "build", "Build the dataset of a recipe, or what is missing of it.", run, arguments)
