"""schema: the JSON Schema of recipes."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.core.system import output


def run(options: argparse.Namespace) -> int:
    """Print the schema. Returns the exit code."""
    from pipeline.recipe.json_schema import schema

    output.show_json(schema())
    return 0


COMMAND = Command(130, "schema", "Print the JSON Schema of recipes, for editors.", run)
