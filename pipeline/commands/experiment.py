"""experiment: models trained on the datasets of a sweep, measured, and compared with the paper's figures."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

from pipeline.commands.command import Command
from pipeline.commands.common import cells_argument, code_argument, set_argument
from pipeline.core.errors import PipelineError, StorageError
from pipeline.core.system import output
from pipeline.core.system.open_files import destination, expanded
from pipeline.core.system.progress import bar

ACTIONS = {
    "plan": "print what would be run, and train nothing",
    "run": "do what is not done yet, and write the report",
    "report": "write the report of what is done",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments: what to do, the experiment, its scale and the folder."""
    parser.add_argument("action", choices=ACTIONS, help="; ".join(f"{name}: {help}" for name, help in ACTIONS.items()))
    parser.add_argument("experiment", help="a name in experiments/, or the path of a file")
    parser.add_argument("--scale", help="one of the experiment's scales (default: its first)")
    parser.add_argument("--out", help="folder of datasets, runs and report (default runs/NAME/SCALE)")
    parser.add_argument(
        "--seed",
        type=int,
        action="append",
        help="run: only this one; may be given again (default: all of the experiment's)",
    )
    parser.add_argument(
        "--runs-of",
        action="append",
        default=[],
        metavar="FOLDER",
        help="another folder of the experiment: runs that are done there are counted, and not done again; may be given "
        "again",
    )
    parser.add_argument("--into", metavar="FILE", help="a page of Markdown that gets the report too")
    cells_argument(parser)
    set_argument(parser)
    code_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Plan, run or report. Returns the exit code."""
    from pipeline.laboratory.experiment import read_experiment
    from pipeline.laboratory.planning import lines

    experiment = read_experiment(options.experiment, options.scale, options.set, allow_code=options.allow_code)
    out = destination(options.out or f"runs/{experiment.name}/{experiment.scale}")
    elsewhere = [_folder(name) for name in options.runs_of]
    folders = [out, *elsewhere]
    into = None if options.into is None else destination(options.into)
    if options.action == "plan":
        for line in lines(experiment, options.cell):
            output.say(line)
        return 0
    from pipeline.laboratory.results import check_folder

    check_folder(out)
    if options.action == "run":
        _check_torch()
        from pipeline.laboratory.results import tokens_left
        from pipeline.laboratory.running import run_experiment

        seeds = experiment.chosen_seeds(options.seed)
        with bar("experiment", tokens_left(experiment, folders, seeds, options.cell), "tokens") as shown:

            def said(line: str) -> None:
                shown.clear()
                output.say(line)

            run_experiment(experiment, out, seeds, options.cell, elsewhere, shown.update, said)
    from pipeline.laboratory.report import write_report

    for path in write_report(experiment, folders, into):
        output.say(str(path))
    return 0


def _folder(name: str) -> Path:
    """A folder of runs. StorageError where there is none."""
    path = expanded(name)
    if not path.is_dir():
        raise StorageError("there is no such folder", "Name one with runs of the experiment, seed=0 or another.", name)
    return path


def _check_torch() -> None:
    if find_spec("torch") is None:
        raise PipelineError("training needs torch, which is not installed", "pip install 'pretraining-recipes[torch]'")


COMMAND = Command(115, "experiment", "Train and examine models on the datasets of a sweep.", run, arguments)
