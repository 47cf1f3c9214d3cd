"""What the command line is parsed with: argparse, which prints as all else is printed here, and helps written late."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from pipeline.core.errors import suggest
from pipeline.core.system import output
from pipeline.core.system.escaping import escaped, shortened


class Parser(argparse.ArgumentParser):
    """A parser of arguments. below: writes lines for the foot of the help, when that is shown."""

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
