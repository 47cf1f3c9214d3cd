"""capacity: bits of knowledge from losses."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.commands.common import folder_argument, folder_of
from pipeline.core.system import output
from pipeline.core.system.progress import bar


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: the dataset, the split and the files of losses."""
    folder_argument(parser)
    parser.add_argument("losses", help=".npy (rows, length), beside input_ids; natural logarithms")
    parser.add_argument("--split", default="score", help="(default score)")
    parser.add_argument("--predictions", help=".npy of the likeliest ids, for exact accuracies")
    parser.add_argument("--parameters", type=int, help="of the model, for bits a parameter")
    parser.add_argument("--source", help="where the split has several")


def run(options: argparse.Namespace) -> int:
    """Print the table of bits. Returns the exit code."""
    from pipeline.evaluate.capacity import measure

    more = {"predictions": options.predictions, "parameters": options.parameters, "source": options.source}
    with bar("capacity", None, "sequences") as shown:
        capacity = measure(folder_of(options), options.split, options.losses, **more, done=shown.update)
    for line in capacity.lines():
        output.say(line)
    return 0


COMMAND = Command(110, "capacity", "Turn losses per token into bits of knowledge (Part 3.3).", run, arguments)
