"""check: solutions of grade-school problems, step by step."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.commands.common import bar

HELP = "Check generated solutions of grade-school problems, step by step."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Whose solutions, of which problems, by which rules."""
    parser.add_argument("folder", nargs="?", help="of a built dataset; without, each line has its problem beside it")
    parser.add_argument(
        "solutions", type=Path, help='JSON lines: {"prediction": "…"}, also with "row": number; or problem and solution'
    )
    parser.add_argument("--split", default="exam", help="of the dataset, with the column answers (default exam)")
    parser.add_argument("--modulus", type=_modulus, default=23, help="or `exact` for integers (default 23)")
    parser.add_argument("--back", default="[BACK]", metavar="TEXT", help="what takes back (default [BACK])")
    parser.add_argument("--vocabulary", type=Path, metavar="FOLDER", help="lists of items (default: the library's)")
    parser.add_argument("--childless", action="store_true", help="allow totals of items that have nothing")


def run(options: argparse.Namespace) -> int:
    """Print the report."""
    from pipeline.checking.report import Rules, check_pairs, check_split
    from pipeline.checking.vocabulary import Vocabulary

    vocabulary = Vocabulary.at(options.vocabulary) if options.vocabulary else Vocabulary.standard()
    rules = Rules(vocabulary, options.modulus, options.back, options.childless)
    with bar(None, "solutions") as shown:
        if options.folder is None:
            report = check_pairs(options.solutions, rules, shown.update)
        else:
            report = check_split(options.folder, options.split, options.solutions, rules, shown.update)
    print("\n".join(report.lines()))
    return 0


def _modulus(text: str) -> int | None:
    if text == "exact":
        return None
    if not (text.isascii() and text.isdigit() and int(text) >= 2):
        raise argparse.ArgumentTypeError(f"'{text}' is neither a whole number of at least 2 nor `exact`")
    return int(text)
