"""schema: what a recipe may say."""

from __future__ import annotations

import argparse

from pipeline.core.system import output

HELP = "Print the JSON Schema of recipes, for editors."


def arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> int:
    """Print the schema."""
    from pipeline.recipe.schema import schema

    output.show_json(schema())
    return 0
