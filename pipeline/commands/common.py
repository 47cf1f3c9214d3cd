"""What several commands have in common."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from pipeline.commands.progress import Lines
from pipeline.core.errors import PlanError, suggest
from pipeline.core.system import output
from pipeline.core.system.escaping import escaped, shortened

if TYPE_CHECKING:  # imported where they are used: --help and refusals stay instant
    from tqdm import tqdm

    from pipeline.plan.plan import Plan


class Parser(argparse.ArgumentParser):
    """argparse's, which prints as all else is printed here. below: makes lines for the foot of the help, when shown."""

    below: Callable[[], str] | None = None

    def format_help(self) -> str:
        return super().format_help() + (f"\n{self.below()}\n" if self.below else "")

    def error(self, message: str) -> NoReturn:
        super().error(escaped(message))  # what was typed may hold line breaks

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            remedy = suggest(str(value), map(str, action.choices))
            raise argparse.ArgumentError(action, f"'{shortened(str(value))}' is not possible here. {remedy}")

    def _print_message(self, message: str, file: object = None) -> None:
        if file is sys.stderr:
            output.complain_laid_out(message)
        else:
            output.show(message.removesuffix("\n"))


class LateHelp(str):
    """The help of an argument, written when it is shown: what it names is declared in files that are slow to import.

    >>> LateHelp(lambda: "jsonl, mds or parquet") % {}
    'jsonl, mds or parquet'
    """

    write: Callable[[], str]

    def __new__(cls, write: Callable[[], str]) -> LateHelp:
        text = super().__new__(cls, "written when it is shown")
        text.write = write
        return text

    def __mod__(self, values: object) -> str:
        """What argparse shows: it fills its values into a text in this way."""
        return self.write()


def recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """Which recipe, and what is changed in it."""
    parser.add_argument("recipe", help="a name in recipes/, or the path of a YAML file")
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
    """PlanError unless the source has such an item."""
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
