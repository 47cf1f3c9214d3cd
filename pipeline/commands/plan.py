"""plan: what a recipe would build, without building it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pipeline.commands.command import Command
from pipeline.commands.common import cells_argument, check_no_cells, compiled, recipe_arguments
from pipeline.commands.sweep import is_sweep, plan_sweep
from pipeline.core.system import output
from pipeline.core.system.progress import counted

if TYPE_CHECKING:
    from pipeline.plan.plan import Plan

RARE = 0.001  # mean exposures of an item: below, hardly any item is in two documents


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: recipe, cells of a sweep, the form of what is printed."""
    recipe_arguments(parser)
    cells_argument(parser)
    parser.add_argument("--json", action="store_true", help="all numbers as JSON")


def run(options: argparse.Namespace) -> int:
    """Print the plan's numbers and notices. Returns the exit code."""
    from pipeline.plan import summary

    if is_sweep(options.recipe):
        return plan_sweep(options)
    check_no_cells(options)
    plan = compiled(options)
    if options.json:
        output.show_json(summary.of_plan(plan))
        return 0
    tokenizer = f"tokenizer {plan.recipe.tokenizer.name}, {plan.tokenizer.vocabulary:,} ids as {plan.tokenizer.dtype}"
    output.say(plan.title or options.recipe)
    output.say(f"fingerprint {plan.fingerprint[:16]} · seed {plan.recipe.seed} · {tokenizer}")
    _print_vocabulary(plan)
    for name, world in plan.worlds.items():
        output.say(f"world {name}: {world.size:,} × {', '.join(world.spec.attributes)}")
        _print_bits(plan, name)
        _print_relations(summary.of_relations(world))
        _print_notices(plan, "worlds", name)
    for name, split in plan.splits.items():
        files = f"{counted(split.shards, 'shard')}, about {plan.bytes_of(name) / 1e6:,.1f} MB"
        output.say()
        output.say(f"split {name}: {split.documents:,} documents, about {float(split.tokens):,.0f} tokens, {files}")
        packed = f"{split.packing.method}, {split.packing.length} tokens"
        phases = summary.of_phases(plan, name)
        ordered = "" if phases[0]["name"] else _ordered(phases[0])
        output.say(f"  packing {packed} · columns {', '.join(('input_ids', *split.columns))}{ordered}")
        output.say(
            f"  {'source':<20} {'documents':>15} {'exposures':>18} {'tokens each':>12} {'tokens':>17} {'share':>7}"
        )
        for phase in phases:
            _print_phase(phase)
        _print_notices(plan, "splits", name)
    for name in plan.sources:
        _print_notices(plan, "sources", name)
    return 0


def _print_vocabulary(plan: Plan) -> None:
    """Print how many tokens are in use, of a tokenizer that is reduced to them."""
    if in_use := plan.tokenizer.in_use:
        of = f" of {plan.recipe.tokenizer.name}'s {in_use.whole.vocabulary:,}" if in_use.whole else ""
        output.say(
            f"vocabulary: {in_use.count:,} tokens{of} in use, {plan.tokenizer.vocabulary:,} with what their merges need"
        )


def _print_bits(plan: Plan, world: str) -> None:
    """Print the bits of a world that each split contains; splits with the same bits share a line."""
    from pipeline.plan import summary

    splits: dict[tuple[Any, ...], list[str]] = {}
    for split in plan.splits:
        if world in (of_worlds := summary.of_split(plan, split)):
            splits.setdefault(tuple(of_worlds[world].values()), []).append(split)
    for (individuals, name, values, bits, at_2_bits, at_1_bit), names in splits.items():
        of = f"{individuals:,} of them, " if individuals != plan.worlds[world].size else ""
        output.say(
            f"  {bits:,} bits to know from {', '.join(names)} ({of}a name {name:.2f}, values {values:.2f}):"
            f" {at_2_bits:,} parameters at 2 bits each, {at_1_bit:,} at 1"
        )
    if not splits:
        output.say("  0 bits to know: no split states anything of it")


def _print_relations(of_world: dict[str, dict[str, Any]]) -> None:
    """Print the bits of a world's relations; nothing where there are none."""
    for name, relation in of_world.get("relations", {}).items():
        output.say(f"  {name}, one of {relation['of']} for each: {relation['bits']:,.1f} bits in all")


def _print_notices(plan: Plan, group: str, name: str) -> None:
    for of_group, of, notice in plan.notices:
        if (of_group, of) == (group, name):
            output.say(f"notice: {group[:-1]} {name}: {notice}")


def _print_phase(phase: dict[str, Any]) -> None:
    """Print the lines of a split's table that are of one phase, an entry of `summary.of_phases`."""
    if phase["name"]:
        files = (
            f"{phase['documents']:,} documents, about {phase['tokens']:,} tokens, {counted(phase['files'], 'shard')}"
        )
        output.say(f"  phase {phase['name']}: {files}{_ordered(phase)}")
    tokens = sum(source["tokens"] for source in phase["sources"].values())
    for name, source in phase["sources"].items():
        _print_source(name, source, source["tokens"] / tokens if tokens else 0)


def _ordered(phase: dict[str, Any]) -> str:
    """The order of a phase, where it has one, and in how many slices shares change."""
    ordered = "" if phase["order"] == "shuffled" else f" · order {phase['order']}"
    return ordered + (f" · shares change in {phase['slices']:,} slices" if phase["slices"] else "")


def _print_source(name: str, source: dict[str, Any], share: float) -> None:
    """Print a line of a split's table: the entry of a source in a phase."""
    exposures = f"{source['mean']:.4g}"
    if source["mean"] < RARE:
        exposures = "each new"
    elif source["least"] != source["most"]:
        exposures += f" ({source['least']} to {source['most']:,})"
    if source["from"]:
        exposures += f" from {source['from']:,}"
    begins, ends = source.get("share", (share, share))
    changes = f", {begins:.1%} to {ends:.1%}" if "share" in source else ""
    output.say(
        f"  {name:<20} {source['documents']:>15,} {exposures:>18} {source['tokens_each']:>12.2f}"
        f" {source['tokens']:>17,} {share:>7.1%}{changes}"
    )


HELP = "Say exactly what a recipe, or each cell of a sweep, would build, and build nothing."
COMMAND = Command(10, "plan", HELP, run, arguments)
