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
    parser.add_argument("losses", help=".npy (rows, length): the loss of each token of input_ids, in nats")
    parser.add_argument("--split", default="score", help="of whole biographies (default score)")
    parser.add_argument("--predictions", help=".npy of the likeliest ids, for exact accuracies")
    parser.add_argument(
        "--parameters", type=int, help="how many the model has, for bits a parameter (default: bits alone)"
    )
    parser.add_argument("--source", help="which biographies of the split (default: its only ones)")


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
