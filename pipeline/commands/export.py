"""export: a built dataset in the format of another trainer."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.commands.common import folder_argument, folder_of
from pipeline.commands.parser import Parser
from pipeline.core.system import output
from pipeline.core.system.progress import bar, counted


def arguments(parser: Parser) -> None:
    """Add the arguments: the dataset, the format and its options, the folder."""
    folder_argument(parser)
    parser.add_argument("--to", required=True, metavar="FORMAT", help="one of those below")
    parser.add_argument("--out", help="a folder, or s3://bucket/prefix (default: exports/<format> in the dataset)")
    parser.add_argument("--split", action="append", help="only this one; may be given again (default: all)")
    parser.add_argument("--columns", help="only these: input_ids,loss_mask (default: all)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the format: tokens=1_000_000; may be given again",
    )
    parser.below = _formats


def _formats() -> str:
    """A line for each format."""
    from pipeline.formats import FORMATS  # here, since their options take a moment to load

    return "\n".join(["formats:", *(f"  {kind.name:<10} {kind.summary}" for kind in FORMATS.values())])


def run(options: argparse.Namespace) -> int:
    """Export, and print what was written. Returns the exit code."""
    from pipeline.dataset import Dataset
    from pipeline.publish import export
    from pipeline.recipe.loading import export_spec

    narrowed = {"splits": options.split, "columns": options.columns.split(",") if options.columns else None}
    spec = export_spec(options.to, options.set, {name: given for name, given in narrowed.items() if given})
    folder = folder_of(options)
    dataset = Dataset.at(folder)
    total = sum(split["tokens"] for name, split in dataset.manifest.splits.items() if name in (spec.splits or [name]))
    with bar("export", total, "tokens") as shown:
        result = export.export(dataset, spec, options.out or None, done=shown.update)
    shown_as = options.out or f"{folder.rstrip('/')}/{export.EXPORTS}/{spec.kind}"
    if result.kept:
        output.say(f"{shown_as}: there already, and whole")
    else:
        output.say(f"{shown_as}: {spec.kind}, {counted(len(result.files), 'file')}, {result.bytes / 1e6:,.1f} MB")
    return 0


COMMAND = Command(60, "export", "Export a built dataset to the format of a trainer.", run, arguments)
