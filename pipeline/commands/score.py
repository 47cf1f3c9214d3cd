"""score: a model's answers."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.commands.common import bar, folder_argument
from pipeline.core import output

HELP = "Score a model's answers against a split with the column answers."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Whose answers, to what."""
    folder_argument(parser)
    parser.add_argument("predictions", type=Path, help='JSON lines: {"prediction": "…"}, or with "row": number')
    parser.add_argument("--split", default="exam", help="(default exam)")


def run(options: argparse.Namespace) -> int:
    """Print the table of scores."""
    from pipeline.scoring import score

    with bar("score", None, "predictions") as shown:
        found = score(options.folder, options.split, options.predictions, done=shown.update)
    for line in found.lines():
        output.say(line)
    return 0
