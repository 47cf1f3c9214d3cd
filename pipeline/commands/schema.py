"""schema: what a recipe may say."""

from __future__ import annotations

import argparse
import json

HELP = "Print the JSON Schema of recipes, for editors."


def arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> int:
    """Print the schema."""
    from pipeline.recipe import schema

    print(json.dumps(schema(), indent=2))
    return 0
