"""What several commands have in common: arguments, the plan that they ask for, how far they are."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, NoReturn

from pipeline.commands.progress import Lines
from pipeline.core.errors import PlanError, suggest

if TYPE_CHECKING:  # imported where they are used: --help and refusals stay instant
    from tqdm import tqdm

    from pipeline.plan.plan import Plan


def recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """Which recipe, and what is changed in it."""
    parser.add_argument("recipe", help="a name in recipes/, or the path of a YAML file")
    set_argument(parser)


def set_argument(parser: argparse.ArgumentParser) -> None:
    """What is changed in a recipe."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY.PATH=VALUE", help="override a value")


def folder_argument(parser: argparse.ArgumentParser) -> None:
    """Which built dataset."""
    parser.add_argument("folder", help="of a built dataset: a path, or a URL such as s3://bucket/prefix")


def compiled(options: argparse.Namespace) -> Plan:
    """The plan of the recipe that is asked for."""
    from pipeline.plan import compile_plan
    from pipeline.recipe import load

    return compile_plan(load(options.recipe, options.set))


def check_item(plan: Plan, source: str, item: int) -> None:
    """PlanError unless the plan has such a source, and that such an item."""
    if source not in plan.sources:
        raise PlanError(f"no source '{source}'", suggest(source, plan.sources))
    if not 0 <= item < len(plan.sources[source]):
        raise PlanError(f"no item {item} in source '{source}'", f"It has 0 to {len(plan.sources[source]) - 1}.")


def count(number: int, thing: str) -> str:
    """`1 shard`, `2 shards`."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def bar(name: str, total: int | None, unit: str) -> tqdm[NoReturn] | Lines:
    """How far what is called `name` is, with rate and time left: a bar on a terminal, elsewhere a line a minute."""
    if not sys.stderr.isatty():
        return Lines(name, total, unit)
    from tqdm import tqdm

    return tqdm(desc=name, total=total, unit=f" {unit}", unit_scale=True, smoothing=0.1)
