"""where: the position and shard of a document in the dataset."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.commands.common import cell_argument, check_item, compiled, document_arguments, recipe_arguments
from pipeline.core.system import output


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: the recipe, and which document."""
    recipe_arguments(parser)
    cell_argument(parser)
    document_arguments(parser, required=True)


def run(options: argparse.Namespace) -> int:
    """Print the place. Returns the exit code: 1 where no split has the document."""
    from pipeline.build.resume import shard_name
    from pipeline.shard.shard import find_document

    plan = compiled(options)
    check_item(plan, options.source, options.item)
    in_a_split = False
    for name, split in plan.splits.items():
        position = split.find(options.source, options.item, options.exposure)
        if position is None:
            continue
        in_a_split = True
        k = split.shard_of(position)
        phase = split.phase_of(position).name
        within = f", phase {phase}" if phase else ""
        output.say(f"{name}: position {position:,} of {split.documents:,}{within}, {shard_name(plan, name, k)}")
        for sequence, start, ids in find_document(plan, name, k, position):
            output.say(f"  sequence {sequence}, tokens {start} to {start + len(ids) - 1}: {plan.tokenizer.decode(ids)}")
    if not in_a_split:
        output.say(f"item {options.item} at exposure {options.exposure} of {options.source} is in no split")
    return 0 if in_a_split else 1


COMMAND = Command(80, "where", "Say where a document stands in the dataset.", run, arguments)
