"""The command line. What each command does is in `commands/`, a file each.

Exit codes: 0 done, 1 work or a check failed, 2 the input was refused, 130 stopped by hand.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from pipeline.commands import (
    build,
    capacity,
    check,
    export,
    list,
    plan,
    preview,
    push,
    report,
    schema,
    score,
    verify,
    warm,
    where,
)
from pipeline.core.errors import PipelineError

COMMANDS = (plan, preview, build, verify, report, export, push, where, score, check, capacity, list, schema, warm)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. A refusal is one line on stderr, without a traceback."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Stopped. What is complete is kept: run the same command to go on.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pipeline", description="Synthetic pretraining data from a recipe.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        name = module.__name__.rpartition(".")[2]
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.arguments(command)
        command.set_defaults(command=module.run)
    return parser
