"""score: the accuracy of a model's answers."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.commands.common import folder_argument, folder_of
from pipeline.commands.parser import Parser
from pipeline.core.system import output
from pipeline.core.system.progress import bar

RULES = """\
What counts, white space around a prediction and around the stored texts being taken away:
  A prediction ends at the end token, at a line break and at each --stop; what stands behind does not count.
    One that the stored hint and answer hold themselves ends nothing.
  An answer is right when it is the stored one, character for character, capitals included. Its final full stop may be
    missing; nothing else may stand before or behind it within the line.
  Where the row has a hint, the answer is the last sentence: before it may stand nothing, the right hint, or any text
    that ends with . ! or ?, so a right answer counts after a wrong hint.
  A hint is right when the prediction begins with it, its full stop included."""


def arguments(parser: Parser) -> None:
    """Add the arguments: the dataset, the split and the predictions."""
    folder_argument(parser)
    parser.add_argument("predictions", help='JSON lines: {"prediction": "…"}, or with "row": number')
    parser.add_argument("--split", default="exam", help="of the dataset, with the column answers (default exam)")
    parser.add_argument(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help="ends a prediction, beside the end token and the line break: 'Question:'; may be given again",
    )
    parser.below = lambda: RULES


def run(options: argparse.Namespace) -> int:
    """Print the table of scores. Returns the exit code."""
    from pipeline.evaluate.scoring import score

    with bar("score", None, "predictions") as shown:
        scores = score(folder_of(options), options.split, options.predictions, stops=options.stop, done=shown.update)
    for line in scores.lines():
        output.say(line)
    return 0


COMMAND = Command(90, "score", "Score a model's answers against a split with the column answers.", run, arguments)
