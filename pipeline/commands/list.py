"""list: the recipes."""

from __future__ import annotations

import argparse

from pipeline.core.system import output

HELP = "Name the recipes."


def arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> int:
    """Print the names."""
    from pipeline.core.files import library
    from pipeline.recipe.finding import title

    for path in sorted(library("recipes").rglob("*.yaml"), key=lambda path: (path.parent.name, path.stem)):
        output.say(f"{path.stem:<32} {title(path)}")
    return 0
