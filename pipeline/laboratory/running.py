"""Runs an experiment: for each seed the datasets of all cells, and for each cell a model that is trained and measured.

    OUT/seed=0/data/<cell>/        the datasets, as `build` of a sweep makes them
    OUT/seed=0/runs/<cell>/        run.json, checkpoint.pt, and what measures leave: predictions, losses

What is done is not done again, and a run that was killed goes on from its checkpoint.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from pipeline.build.executors import Inline
from pipeline.build.sweeping import build_sweep
from pipeline.core.key import Key
from pipeline.dataset import Dataset
from pipeline.laboratory.device import best_device, described
from pipeline.laboratory.experiment import Experiment
from pipeline.laboratory.measures.measure import MeasureSpec, Subject
from pipeline.laboratory.model import Shape
from pipeline.laboratory.planning import PlannedRun, planned_runs
from pipeline.laboratory.results import Point, RunRecord, finished, run_folder, write_record
from pipeline.laboratory.training import Run, new_run, steps
from pipeline.sweeps.planning import planned_sweep
from pipeline.training.streams import of_dataset

SECONDS = 60  # between two checkpoints
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Task:
    """One run: a cell with a seed. data: its dataset; folder: where the run is kept."""

    experiment: Experiment
    planned: PlannedRun
    data: Dataset
    folder: Path


def run_experiment(
    experiment: Experiment,
    out: Path,
    seeds: Sequence[int],
    cells: Sequence[str] = (),
    elsewhere: Sequence[Path] = (),
    done: Progress = lambda _: None,
    said: Callable[[str], object] = lambda _: None,
) -> None:
    """Do what is not done yet of the cells that have the coordinates of a pattern; of all, without patterns.

    elsewhere: other folders of the experiment; a run that is complete in one of them is done. done: called with the
    tokens of each step. said: called with a line for each run, after it.

    Before anything is trained, PlanError or RecipeError where a dataset cannot be planned or lacks what is measured;
    StorageError where it cannot be built, and, when its turn comes, for the checkpoint of another run.
    """
    for seed in seeds:
        left = []
        for run in planned_runs(experiment, cells, seed):
            if record := finished(run, [out, *elsewhere]):
                said(_line(record))
            else:
                left.append(run.cell)
        for task in tasks(experiment, out, seed, left) if left else ():
            said(_line(run_task(task, done)))


def _line(record: RunRecord) -> str:
    """A run in a line."""
    numbers = (f"{name} {next(iter(points[-1].numbers.values())):.4f}" for name, points in record.measures.items())
    return " · ".join([record.cell, f"seed {record.seed}", f"loss {record.curve[-1][1]:.4f}", *numbers])


def tasks(experiment: Experiment, out: Path, seed: int, cells: Sequence[str] = ()) -> Iterator[Task]:
    """The runs of a seed; before the first is given, all are planned, and then the datasets of all are built."""
    runs = list(planned_runs(experiment, cells, seed))
    sweep = experiment.sweep(seed)
    folder = out / f"seed={seed}"
    index = build_sweep(sweep, planned_sweep(sweep, sweep.selected(cells)), folder / "data", Inline())
    datasets = {run.cell: Dataset.at(folder / "data" / index.cells[run.cell]["folder"]) for run in runs}
    for run in runs:
        for measure in experiment.spec.measures.values():
            measure.check(datasets[run.cell], run.context)
    for run in runs:
        yield Task(experiment, run, datasets[run.cell], run_folder(out, seed, run.cell))


def run_task(task: Task, done: Progress = lambda _: None) -> RunRecord:
    """Train and measure a model, from its checkpoint where there is one; the record that is written at the end too.

    StorageError for the checkpoint of another run.
    """
    if record := finished(task.planned, [task.folder]):
        return record
    task.folder.mkdir(parents=True, exist_ok=True)
    run = _run_of(task)
    stream = of_dataset(task.data, task.experiment.sizes.training.split, epochs=None)
    began = time.monotonic()
    for _ in steps(run, stream, task.experiment.sizes.training, task.planned.steps):
        done(_step_tokens(task))
        seconds = time.monotonic() - began
        if _measured(task, run) or seconds > SECONDS:
            run.seconds += seconds
            run.save(task.folder / "checkpoint.pt")
            write_record(task.folder, _record(task, run))
            began = time.monotonic()
    record = _record(task, run)
    write_record(task.folder, record)  # again, where the run was killed between its last checkpoint and its record
    return record


def _measured(task: Task, run: Run) -> bool:
    """Measure what is due at this step, which is something at the last one. Whether anything was."""
    measures = task.experiment.spec.measures
    due = [name for name, measure in measures.items() if run.step in _steps_of(measure, task.planned.steps)]
    for name in due:
        began = time.monotonic()
        numbers = measures[name].measured(name, Subject(run.model, task.data, task.folder))
        point = {"tokens": run.step * _step_tokens(task), "numbers": numbers, "seconds": time.monotonic() - began}
        run.measured.setdefault(name, []).append(point)
    return bool(due)


def _steps_of(measure: MeasureSpec, total: int) -> list[int]:
    """The steps behind which something is measured."""
    return [max(1, total * time // measure.times) for time in range(1, measure.times + 1)]


def _step_tokens(task: Task) -> int:
    return task.experiment.sizes.training.batch * task.planned.context


def _run_of(task: Task) -> Run:
    """The run, from its checkpoint where there is one."""
    device = best_device()
    model = task.experiment.sizes.model
    shape = Shape(task.planned.vocabulary, task.planned.context, model.layers, model.width, model.heads)
    seed = Key.root(task.planned.seed).child("laboratory", "parameters").low
    run = new_run(task.planned.digest, shape, task.experiment.sizes.training, seed, device)
    path = task.folder / "checkpoint.pt"
    if path.exists():
        run.load(path)
    return run


def _record(task: Task, run: Run) -> RunRecord:
    package = "pretraining-recipes"
    return RunRecord(
        run=task.planned.digest,
        experiment=task.experiment.name,
        scale=task.experiment.scale,
        cell=task.planned.cell,
        seed=task.planned.seed,
        fingerprint=task.data.manifest.fingerprint,
        complete=run.step == task.planned.steps,
        steps=run.step,
        tokens=run.step * _step_tokens(task),
        parameters=run.model.parameters_in_all,
        vocabulary=run.model.shape.vocabulary,
        context=task.planned.context,
        seconds=run.seconds,
        device=described(run.model.embedding.weight.device),
        versions={"python": platform.python_version(), "torch": torch.__version__, package: version(package)},
        curve=run.curve,
        measures={name: [Point(**point) for point in points] for name, points in run.measured.items()},
    )
