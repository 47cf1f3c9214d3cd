"""reference/commands.md: the commands and their arguments, from their parsers; the targets of the Makefile."""

from __future__ import annotations

import argparse
import re
from functools import partial

from docs.reference.docstrings import line, outside_code
from docs.repository import ROOT
from pipeline.commands.command import Command, commands
from pipeline.commands.parser import Parser

WIDTH = 88  # of a usage

HEAD = """\
# Commands

`pipeline` is the command line, in `.venv/bin` once `make` has set it up; `python -m pipeline` is the same. The targets
of the Makefile run it, and set up first what it needs.

Exit codes: 0 done; 1 the work or a check failed, or what was printed could not be written; 2 the input was refused;
130, 143 and 129 stopped by Ctrl-C, by `kill`, by the end of the terminal.

"""


def page() -> str:
    """The page."""
    rows = [f"| [`{command.name}`](#{command.name}) | {command.help} |" for command in commands()]
    table = "\n".join(["| command | |", "|---|---|", *rows, ""])
    return "\n".join([HEAD + table, *map(_section, commands()), _make()])


def _section(command: Command) -> str:
    layout = partial(argparse.HelpFormatter, width=WIDTH)
    parser = Parser(prog=f"pipeline {command.name}", add_help=False, formatter_class=layout)
    command.arguments(parser)
    usage = parser.format_usage().removeprefix("usage: ").replace("\n       ", "\n").rstrip()
    lines = [f"## {command.name}", command.help, f"```text\n{usage}\n```"]
    rows = [_row(parser, action) for action in parser._actions]
    if rows:
        lines.append("\n".join(["| argument | |", "|---|---|", *rows]))
    if parser.below:
        lines.append(f"```text\n{parser.below()}\n```")
    return "\n\n".join(lines) + "\n"


def _row(parser: Parser, action: argparse.Action) -> str:
    names = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{action.dest}`"
    value = ""
    if action.option_strings and action.nargs != 0:
        choices = ", ".join(f"`{choice}`" for choice in action.choices or ())
        value = f" {choices or action.metavar or action.dest.upper()}"
    text = parser._get_formatter()._expand_help(action) if action.help else ""
    if isinstance(action.default, int | str) and action.nargs != 0 and "default" not in text:
        text = f"{text} (default {action.default})".strip()
    return f"| {names}{value} | {_cell(text)} |"


def _make() -> str:
    """The targets of the Makefile, as `make help` lists them."""
    targets = re.findall(r"^([a-z-]+):.*?## (.*?)(?:: (make .*))?$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    rows = [f"| `{example or f'make {name}'}` | {_cell(text)} |" for name, text, example in targets]
    return "\n".join(["## Targets of make", "", "| target | |", "|---|---|", *rows, ""])


def _cell(text: str) -> str:
    return outside_code(line(text), lambda prose: prose.replace("|", "\\|").replace("[", "\\["))
