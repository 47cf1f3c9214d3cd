"""schema: the JSON Schema of recipes, or of sweeps."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.core.system import output


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument: of what."""
    parser.add_argument("--sweep", action="store_true", help="that of sweeps (default: of recipes)")


def run(options: argparse.Namespace) -> int:
    """Print the schema. Returns the exit code."""
    from pipeline.recipe import json_schema
    from pipeline.sweeps import json_schema as json_schema_of_sweeps

    output.show_json((json_schema_of_sweeps if options.sweep else json_schema).schema())
    return 0


COMMAND = Command(130, "schema", "Print the JSON Schema of recipes, or of sweeps, for editors.", run, arguments)
