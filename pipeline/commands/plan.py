"""plan: what a recipe would build."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pipeline.commands.common import compiled, count, recipe_arguments

if TYPE_CHECKING:
    from pipeline.plan import SplitPlan
    from pipeline.worlds.world import World

RARE = 0.001  # exposures of an item, on average: hardly any document is told twice
HELP = "Say exactly what a recipe would build, and build nothing."
arguments = recipe_arguments


def run(options: argparse.Namespace) -> int:
    """Print the plan's numbers and notices."""
    from pipeline import figures

    plan = compiled(options)
    print(f"{plan.title or options.recipe}\nfingerprint {plan.fingerprint[:16]} · seed {plan.recipe.seed}", end=" · ")
    print(f"tokenizer {plan.recipe.tokenizer.name}, {plan.tokenizer.vocabulary:,} ids as {plan.tokenizer.dtype}")
    for name, known in figures.of_worlds(plan).items():
        _print_world(plan.worlds[name], known)
    for name, split in plan.splits.items():
        print(f"\nsplit {name}: {split.documents:,} documents, about {float(split.tokens):,.0f} tokens", end=", ")
        print(f"{count(split.shards, 'shard')}, about {plan.bytes_of(name) / 1e6:,.1f} MB")
        packed = f"{split.packing.method}, {split.packing.length} tokens"
        print(f"  packing {packed} · columns {', '.join(('input_ids', *split.columns))}")
        print(f"  {'source':<20} {'documents':>15} {'exposures':>18} {'tokens each':>12} {'tokens':>17} {'share':>7}")
        for of, told in figures.of_exposures(plan, name).items():
            _print_source(split, of, told)
        for notice in split.notices:
            print(f"notice: split {name}: {notice}")
    for name, world in plan.worlds.items():
        for notice in world.notices:
            print(f"notice: world {name}: {notice}")
    for name, source in plan.sources.items():
        for notice in source.notices:
            print(f"notice: source {name}: {notice}")
    return 0


def _print_world(world: World, known: dict[str, Any]) -> None:
    attributes = list(world.spec.attributes)
    print(f"world {world.name}: {world.size:,} × {', '.join(attributes)}")
    print(
        f"  {known['bits']:,} bits to know (a name {known['name_bits']:.2f}, values {known['value_bits']:.2f}):"
        f" {known['parameters_at_2_bits']:,} parameters at 2 bits each, {known['parameters_at_1_bit']:,} at 1"
    )


def _print_source(split: SplitPlan, source: str, told: dict[str, Any]) -> None:
    documents, tokens = split.documents_of(source), split.expected[source]
    share = float(tokens / sum(split.expected.values()))
    exposures = f"{told['mean']:.4g}"
    if told["mean"] < RARE:
        exposures = "each new"
    elif told["least"] != told["most"]:
        exposures += f" ({told['least']} to {told['most']:,})"
    print(
        f"  {source:<20} {documents:>15,} {exposures:>18} {told['tokens_each']:>12.2f}"
        f" {float(tokens):>17,.0f} {share:>7.1%}"
    )
