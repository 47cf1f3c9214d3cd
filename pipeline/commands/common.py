"""Shared by several commands: arguments, the compiled plan, counts, progress bars."""

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
    """Add the arguments `recipe` and --set."""
    parser.add_argument("recipe", help="a name in recipes/, or the path of a YAML file")
    set_argument(parser)


def set_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument --set, which changes values of a recipe."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY.PATH=VALUE", help="override a value")


def folder_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the folder of a built dataset."""
    parser.add_argument("folder", help="of a built dataset: a path, or a URL such as s3://bucket/prefix")


def compiled(options: argparse.Namespace) -> Plan:
    """The plan of the recipe in the arguments."""
    from pipeline.plan import compile_plan
    from pipeline.recipe import load

    return compile_plan(load(options.recipe, options.set))


def check_item(plan: Plan, source: str, item: int) -> None:
    """PlanError unless the plan has the source, and the source the item."""
    if source not in plan.sources:
        raise PlanError(f"no source '{source}'", suggest(source, plan.sources))
    if not 0 <= item < len(plan.sources[source]):
        raise PlanError(f"no item {item} in source '{source}'", f"It has 0 to {len(plan.sources[source]) - 1}.")


def count(number: int, thing: str) -> str:
    """A number with its noun: `1 shard`, `2 shards`."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def bar(name: str, total: int | None, unit: str) -> tqdm[NoReturn] | Lines:
    """A progress display with rate and time left: a bar on a terminal, elsewhere a line each minute."""
    if not sys.stderr.isatty():
        return Lines(name, total, unit)
    from tqdm import tqdm

    return tqdm(desc=name, total=total, unit=f" {unit}", unit_scale=True, smoothing=0.1)
