"""list: the recipes and sweeps, or the kinds of sources."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.core.system import output


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument: what to list."""
    parser.add_argument("--kinds", action="store_true", help="the kinds of sources that a recipe may have")


def run(options: argparse.Namespace) -> int:
    """Print a line for each: its name and a summary. Returns the exit code."""
    if options.kinds:
        from pipeline.sources import SOURCES

        for name, kind in SOURCES.items():
            output.say(f"{name:<13} {kind.summary}")
        return 0
    from pipeline.recipe.paths import recipes, sweeps, title

    for path in sorted(recipes().values(), key=lambda path: (path.parent.name, path.stem)):
        output.say(f"{path.stem:<32} {title(path)}")
    grids = sweeps().values()
    if grids:
        output.say()
        output.say("Sweeps:")
    for path in grids:
        output.say(f"{path.stem:<32} {title(path)}")
    return 0


COMMAND = Command(120, "list", "Name the recipes and sweeps, or the kinds of sources.", run, arguments)
