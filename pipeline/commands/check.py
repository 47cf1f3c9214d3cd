"""check: answers to problems and puzzles, verified by the text of the problems."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.commands.common import cell_argument, folder_of
from pipeline.commands.parser import LateHelp
from pipeline.core.system import output
from pipeline.core.system.progress import bar

KIND = "igsm"  # the default kind, for files of problems with solutions
OPTIONS = ("by", "modulus", "back", "vocabulary", "childless", "code", "allow_code")  # each kind has some of them


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: the answers, the problems or the split, and the options of rules."""
    parser.add_argument("folder", nargs="?", help="of a built dataset; without, each line has its problem beside it")
    parser.add_argument(
        "answers",
        help='JSON lines: {"prediction": "…"}, also with "row": number; without a folder problem and solution, or '
        "prompt and prediction",
    )
    cell_argument(parser)
    parser.add_argument("--split", default="exam", help="of the dataset, with the column answers (default exam)")
    parser.add_argument("--kind", help=LateHelp(_kinds))
    parser.add_argument("--by", metavar="SIZE", help=LateHelp(_sizes))
    parser.add_argument(
        "--modulus", type=_modulus, help=_of("modulus", "of numbers, or `exact` for integers (default: the recipe's)")
    )
    parser.add_argument(
        "--back", metavar="TEXT", help=_of("back", "the text that takes a step back (default: the recipe's, or [BACK])")
    )
    parser.add_argument(
        "--vocabulary", metavar="FOLDER", help=_of("vocabulary", "lists of items (default: the recipe's)")
    )
    parser.add_argument(
        "--code", metavar="FILE[:FUNCTION]", help=_of("code", "a Python file whose `verify` says what is right")
    )
    parser.add_argument("--allow-code", action="store_true", default=None, help=_of("allow_code", "run that file"))
    parser.add_argument(
        "--childless", action="store_true", default=None, help=_of("childless", "allow totals of what has nothing")
    )


def run(options: argparse.Namespace) -> int:
    """Print the report. Returns the exit code."""
    from pipeline.core.errors import PipelineError, suggest
    from pipeline.dataset import Dataset
    from pipeline.evaluate.checking.files import check_pairs, check_split
    from pipeline.evaluate.checking.kinds import kinds, rules_for, rules_of

    if options.kind is not None and options.kind not in kinds():
        raise PipelineError(f"'{options.kind}' cannot be checked", suggest(options.kind, kinds()), "--kind")
    given = {name: value for name in OPTIONS if (value := getattr(options, name)) is not None}
    with bar("check", None, "answers") as shown:
        if options.folder is None:
            rules = rules_of(options.kind or KIND, given)
            report = check_pairs(options.answers, rules, shown.update)
        else:
            data = Dataset.at(folder_of(options))
            rules = rules_for(data, options.split, options.kind, given)
            report = check_split(data, options.split, options.answers, rules, shown.update)
    for line in report.lines():
        output.say(line)
    return 0


def _modulus(text: str) -> int | str:
    if text == "exact":
        return text
    if not (text.isascii() and text.isdigit() and int(text) >= 2):
        raise argparse.ArgumentTypeError(f"'{text}' is neither a whole number of at least 2 nor `exact`")
    return int(text)


def _kinds() -> str:
    from pipeline.evaluate.checking.kinds import kinds

    return f"{', '.join(kinds())} (default: the recipe's, or {KIND})"


def _sizes() -> str:
    from pipeline.evaluate.checking.kinds import kinds, verifier_of

    sizes = "; ".join(f"{', '.join(verifier_of(kind).sizes)} ({kind})" for kind in kinds("by"))
    return f"break the results of puzzles down by: {sizes}; default: the first"


def _of(option: str, text: str) -> LateHelp:
    """The help of a flag that only some kinds have."""

    def write() -> str:
        from pipeline.evaluate.checking.kinds import kinds

        return f"{', '.join(kinds(option))}: {text}"

    return LateHelp(write)


COMMAND = Command(
    100, "check", "Check what a model answers to problems and puzzles: step by step, by what they say.", run, arguments
)
