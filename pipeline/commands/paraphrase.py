"""paraphrase: new template lines for a sentence or a question, written by a language model."""

from __future__ import annotations

import argparse
import datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.commands.asking import asking_arguments, asking_of, at_least, settings_of
from pipeline.commands.command import Command
from pipeline.commands.common import recipe_arguments
from pipeline.core.system import output
from pipeline.core.system.progress import bar, counted

if TYPE_CHECKING:
    from pipeline.wordings.paraphrase.writing import Written

STREAMS = 8


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: recipe, sentence, how many lines, and those of the servers."""
    recipe_arguments(parser)
    parser.add_argument("--source", required=True, help="of biographies, questions or statements")
    parser.add_argument("--sentence", required=True, help="which one: the name of a template file")
    parser.add_argument("--language", help="one of the source's languages (default: its main one)")
    parser.add_argument("--count", type=int, default=100, help="new lines (default 100)")
    parser.add_argument("--batch", type=int, default=20, help="lines that a request asks for (default 20)")
    parser.add_argument("--requests", type=int, help="that are sent at most (default: five times as many as would do)")
    parser.add_argument(
        "--distance",
        type=_distance,
        default=Fraction(3, 10),
        help="least one from every other line, 0 to 1 (default 0.3)",
    )
    parser.add_argument(
        "--longest",
        type=int,
        metavar="N",
        help="most characters of a line, beside its slots (default: twice those of the longest, or 120)",
    )
    parser.add_argument("--out", metavar="FOLDER", help="of the template files (default: the source's own)")
    parser.add_argument("--show", action="store_true", help="print the first request, and send none")
    asking_arguments(parser, STREAMS)


def run(options: argparse.Namespace) -> int:
    """Ask, check, write, and print what came of it. Returns the exit code: 1 where lines are missing."""
    from pipeline.core.system.journal import Journal
    from pipeline.recipe import load
    from pipeline.wordings.paraphrase.checking import Checker
    from pipeline.wordings.paraphrase.file import extend, folder_for
    from pipeline.wordings.paraphrase.frame import Frame
    from pipeline.wordings.paraphrase.writing import journal_of, requests_of, write

    at_least(options, count=1, batch=1, requests=1, longest=20)
    settings, asking = settings_of(options), asking_of(options)
    frame = Frame.of(load(options.recipe, options.set), options.source, options.sentence, options.language)
    checker = Checker(frame, options.distance, options.longest)
    request = requests_of(frame, checker, settings, options.batch)
    if options.show:
        output.show(request(0).prompt)
        return 0
    folder = folder_for(frame, options.out)
    most = options.requests or 5 * -(-options.count // options.batch)
    shown = bar("paraphrase", options.count, "lines")
    with asking, Journal(journal_of(request)) as journal, shown:
        written = write(frame, checker, request, options.count, options.batch, most, asking, journal, shown.update)
    path, new = extend(frame, folder, written.lines, settings, datetime.date.today().isoformat())
    output.say(f"{path}: {counted(new, 'new line')}")
    _say_what_came(written)
    if len(written.lines) < options.count:
        output.complain(f"notice: {options.count - len(written.lines):,} lines are missing: {REMEDY}")
        return 1
    return 0


def _say_what_came(written: Written) -> None:
    for reason, lines in written.refused.most_common():
        output.say(f"  {lines:>6,} refused: {reason.value}")
    output.say(
        f"{counted(written.asked, 'request')} sent, {written.kept:,} answered before;"
        f" {written.tokens_read:,} tokens read, {written.tokens_written:,} written"
    )


def _distance(text: str) -> Fraction:
    try:
        distance = Fraction(text)
    except (ValueError, ZeroDivisionError):
        distance = Fraction(-1)
    if not 0 <= distance < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no distance from 0 to 1")
    return distance


REMEDY = "allow more --requests, less --distance, or take another model or temperature"
HELP = "Let a language model write new wordings of a sentence or a question, and check them."
COMMAND = Command(33, "paraphrase", HELP, run, arguments)
