"""What a command is. Each is a file here, which declares it at its foot; nothing lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

TYPE_CHECKING = False  # as typing's: `--help` imports every command
if TYPE_CHECKING:
    import argparse

    from pipeline.commands.parser import Parser


def _none(parser: Parser) -> None:
    """Of a command without arguments."""


@dataclass(frozen=True)
class Command:
    """A command, as it declares itself.

    order: its place among the others in `--help`, from first to last in a user's work. help: what it does, in a
    sentence. run: do it, and return the exit code; PipelineError for a refusal. arguments: add them to its parser.
    """

    order: int
    name: str
    help: str
    run: Callable[[argparse.Namespace], int]
    arguments: Callable[[Parser], object] = _none


def commands() -> list[Command]:
    """All commands, in their order. Their files are imported here: a signal may come while they are."""
    from pipeline.core.registry import declared

    return sorted(declared("pipeline.commands", Command), key=lambda command: command.order)
