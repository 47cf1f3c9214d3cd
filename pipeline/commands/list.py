"""list: the recipes, sweeps and experiments, or the kinds of sources."""

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
    from pipeline.laboratory.experiment import experiments
    from pipeline.recipe.paths import recipes, sweeps, title

    by_folder = sorted(recipes().values(), key=lambda path: (path.parent.name, path.stem))
    for heading, paths in (("", by_folder), ("Sweeps:", sweeps().values()), ("Experiments:", experiments().values())):
        if heading and paths:
            output.say()
            output.say(heading)
        for path in paths:
            output.say(f"{path.stem:<32} {title(path)}")
    return 0


COMMAND = Command(120, "list", "Name the recipes, sweeps and experiments, or the kinds of sources.", run, arguments)
