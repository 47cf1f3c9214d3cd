"""The argument parser: argparse, printing through our output, with help texts that are computed when shown."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from pipeline.core.errors import suggest
from pipeline.core.system import output
from pipeline.core.system.escaping import escaped, shortened


class Parser(argparse.ArgumentParser):
    """An argument parser. below: returns lines for the end of the help; called when the help is shown."""

    below: Callable[[], str] | None = None

    def format_help(self) -> str:
        return super().format_help() + (f"\n{self.below()}\n" if self.below else "")

    def error(self, message: str) -> NoReturn:
        super().error(escaped(message))  # arguments may contain line breaks

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            remedy = suggest(str(value), map(str, action.choices))
            raise argparse.ArgumentError(action, f"'{shortened(str(value))}' is not possible here. {remedy}")

    def _print_message(self, message: str, file: object = None) -> None:
        if file is sys.stderr:
            output.complain_laid_out(message)
        else:
            output.show(message.removesuffix("\n"))


class ShowVersion(argparse.Action):
    """The option that prints the version and ends the command. What it says is imported then."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from pipeline.recipe.writing import package_version

        output.say(package_version())
        parser.exit()


class LateHelp(str):
    """The help of an argument, computed when it is shown, because it needs files that are slow to import.

    >>> LateHelp(lambda: "jsonl, mds or parquet") % {}
    'jsonl, mds or parquet'
    """

    write: Callable[[], str]

    def __new__(cls, write: Callable[[], str]) -> LateHelp:
        text = super().__new__(cls, "written when it is shown")
        text.write = write
        return text

    def __mod__(self, values: object) -> str:
        """The text. argparse formats every help text by `%`, so this is called when it is shown."""
        return self.write()
