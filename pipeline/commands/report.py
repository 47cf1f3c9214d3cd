"""report: an HTML page about a built dataset."""

from __future__ import annotations

import argparse

from pipeline.commands.command import Command
from pipeline.commands.common import code_argument, folder_argument, folder_of, set_argument
from pipeline.core.errors import StorageError
from pipeline.core.system import output
from pipeline.core.system.open_files import created, destination
from pipeline.core.system.progress import bar

NAME = "report.html"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which dataset, and where to."""
    folder_argument(parser)
    parser.add_argument("--out", help=f"the page (default: {NAME} in the dataset's folder)")
    parser.add_argument(
        "--recipe", help="the one it was built from, where the dataset's recipe.yaml is not enough: a corpus, code"
    )
    set_argument(parser)
    code_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Measure, and write the page. Returns the exit code."""
    from pipeline.dataset import Dataset
    from pipeline.inspect.report.measuring import documents_made, measure, plan_of
    from pipeline.inspect.report.page import html

    folder = folder_of(options)
    dataset = Dataset.at(folder)
    plan = plan_of(dataset, options.recipe, options.set, options.cell, allow_code=options.allow_code)
    with bar("report", documents_made(plan), "documents") as shown:
        report = measure(dataset, plan, done=shown.update)
    page = html(report)
    if options.out:
        _write(options.out, page)
    else:
        dataset.folder.write(NAME, page)
    place = options.out or f"{folder.rstrip('/')}/{NAME}"
    output.say(f"{place}: {len(page.encode()) / 1e3:,.0f} kB")
    return 0


def _write(out: str, page: str) -> None:
    """Write the page to a file, atomically. StorageError where it cannot be written."""
    path = destination(out)
    if not path.name:
        raise StorageError("this is a folder, not a file", "Name the page: --out report.html", out)
    try:
        with created(path) as file:
            file.write(page.encode())
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror}", "Give another --out.", str(path)) from None


COMMAND = Command(50, "report", "Write an HTML page about a built dataset.", run, arguments)
