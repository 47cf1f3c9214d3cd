"""Command, the declaration at the foot of a command's file; commands(), which collects them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

TYPE_CHECKING = False  # like typing.TYPE_CHECKING; `--help` imports every command
if TYPE_CHECKING:
    import argparse

    from pipeline.commands.parser import Parser


def _none(parser: Parser) -> None:
    """Add no arguments."""


@dataclass(frozen=True)
class Command:
    """A command.

    order: the sort key in `--help`, from first to last in a user's work. help: what it does, in a sentence. run: runs
    it and returns the exit code; PipelineError for a refusal. arguments: adds its arguments to its parser.
    """

    order: int
    name: str
    help: str
    run: Callable[[argparse.Namespace], int]
    arguments: Callable[[Parser], object] = _none


def commands() -> list[Command]:
    """All commands, by `order`. Imports their files, so call it after signals are handled."""
    from pipeline.core.registry import declared

    return sorted(declared("pipeline.commands", Command), key=lambda command: command.order)
