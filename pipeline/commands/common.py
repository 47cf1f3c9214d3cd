"""Shared by several commands: arguments, the compiled plan, counts."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pipeline.core.errors import PlanError, suggest

if TYPE_CHECKING:  # imported where they are used: --help and refusals stay instant
    from pipeline.plan.plan import Plan


def recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments `recipe` and --set."""
    parser.add_argument("recipe", help="a recipe or a sweep: a name in recipes/, or the path of a YAML file")
    set_argument(parser)
    code_argument(parser)


def code_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument --allow-code, without which no Python file that a recipe names is run."""
    parser.add_argument("--allow-code", action="store_true", help="run the Python files that the recipe names")


def cell_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument --cell, which chooses one cell of a sweep."""
    parser.add_argument("--cell", metavar="AXIS=LEVEL,…", help="of a sweep: the one cell with these coordinates")


def cells_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument --cell, which chooses cells of a sweep."""
    parser.add_argument(
        "--cell",
        action="append",
        default=[],
        metavar="AXIS=LEVEL,…",
        help="of a sweep: only the cells with these coordinates; may be given again",
    )


def check_no_cells(options: argparse.Namespace) -> None:
    """PlanError where cells are chosen of what is one recipe."""
    if options.cell:
        raise PlanError("this is one recipe, and has no cells", "Leave out --cell, or name a sweep.", options.recipe)


def set_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument --set, which changes values of a recipe."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY.PATH=VALUE",
        help="override a value of the recipe: seed=7; may be given again",
    )


def document_arguments(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the arguments --source, --item and --exposure, which name a document. required: the first two."""
    either = "" if required else " (default: all)"
    parser.add_argument("--source", required=required, help=f"a source of the recipe{either}")
    either = "" if required else " (default: the first)"
    parser.add_argument("--item", type=int, required=required, help=f"number of the item, from 0{either}")
    parser.add_argument("--exposure", type=int, default=0, help="the time that it is told, from 0 (default 0)")


def folder_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument for the folder of a built dataset."""
    parser.add_argument("folder", help="of a built dataset: a path, or a URL such as s3://bucket/prefix")
    cell_argument(parser)


def folder_of(options: argparse.Namespace) -> str:
    """The folder of the dataset in the arguments; for a sweep, that of the chosen cell."""
    from pipeline.dataset.sweep_index import dataset_place

    return str(dataset_place(options.folder, options.cell))


def compiled(options: argparse.Namespace) -> Plan:
    """The plan of the recipe in the arguments; for a sweep, that of the chosen cell."""
    from pipeline.plan import planned
    from pipeline.sweeps import recipe_of

    loaded = recipe_of(options.recipe, options.set, options.cell or None, allow_code=options.allow_code)
    return planned(loaded)


def check_item(plan: Plan, source: str, item: int) -> None:
    """PlanError unless the plan has the source, and the source the item."""
    if source not in plan.sources:
        raise PlanError(f"no source '{source}'", suggest(source, plan.sources))
    if not 0 <= item < len(plan.sources[source]):
        raise PlanError(f"no item {item} in source '{source}'", f"It has 0 to {len(plan.sources[source]) - 1}.")
