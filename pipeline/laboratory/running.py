"""Runs an experiment: for each seed the datasets of all cells, and for each cell a model that is trained and measured.

    OUT/seed=0/data/<cell>/        the datasets, as `build` of a sweep makes them
    OUT/seed=0/runs/<cell>/        run.json, checkpoint.pt, and what measures leave: predictions, losses

What is done is not done again, and a run that was killed goes on from its checkpoint.
"""

from __future__ import annotations

import fcntl
import math
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from pipeline.build.executors import Inline
from pipeline.build.sweeping import build_sweep
from pipeline.core.errors import RunError, StorageError
from pipeline.core.key import Key
from pipeline.dataset import Dataset
from pipeline.laboratory.device import best_device, described
from pipeline.laboratory.experiment import Experiment
from pipeline.laboratory.measures.measure import MeasureSpec, Subject
from pipeline.laboratory.model import Shape
from pipeline.laboratory.planning import PlannedRun, planned_runs
from pipeline.laboratory.results import RECORD, Point, RunRecord, finished, read_record, run_folder, write_record
from pipeline.laboratory.training import Run, new_run, steps
from pipeline.sweeps.planning import planned_sweep
from pipeline.training.streams import of_dataset

CHECKPOINT = "checkpoint.pt"
SHORT = ("out of memory", "can't allocate memory")  # how torch says so, on a card and on a CPU
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
    for seed, runs in [(seed, list(planned_runs(experiment, cells, seed))) for seed in seeds]:
        left = []
        for run in runs:
            if record := finished(run, [out, *elsewhere], experiment.spec.measures):
                said(_line(record))
            else:
                left.append(run.cell)
        for task in tasks(experiment, out, seed, left) if left else ():
            said(_line(run_task(task, done)))


def _line(record: RunRecord) -> str:
    """A run in a line."""
    losses = [f"loss {loss:.4f}" for _, loss in record.curve[-1:]]
    measured = ((name, list(points[-1].numbers.values())[:1]) for name, points in record.measures.items() if points)
    numbers = [f"{name} {number:.4f}" for name, of_measure in measured for number in of_measure]
    return " · ".join([record.cell, f"seed {record.seed}", *losses, *numbers])


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

    StorageError for the checkpoint of another run, where another process is at this run, and where nothing can be
    written; RunError where memory is short.
    """
    try:
        task.folder.mkdir(parents=True, exist_ok=True)
        with _alone(task.folder):
            return _done(task, done)
    except OSError as error:
        remedy = "Free some space, or give another --out."
        raise StorageError(f"cannot be written: {error.strerror or error}", remedy, str(task.folder)) from None
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(words in str(error) for words in SHORT):
            raise
        problem = f"memory is too short for a model of {task.planned.parameters:,} parameters"
        raise RunError(problem, "Lower the sizes of the model, or its batch.", str(task.folder)) from None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder of a run while the block lasts; the kernel lets go of it when the process ends."""
    with (folder / ".lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            remedy = "Wait for it, or choose other runs by --seed and --cell."
            raise StorageError("another process is at this run", remedy, str(folder)) from None
        except OSError:  # this file system has no locks
            pass
        yield


def _done(task: Task, done: Progress) -> RunRecord:
    """As `run_task`, with the folder for itself."""
    measures = task.experiment.spec.measures
    before = read_record(task.folder)
    if before and before.complete and before.run == task.planned.digest:
        if not (lacking := before.lacking(measures)):
            return before
        if not (task.folder / CHECKPOINT).exists():
            problem = f"{', '.join(lacking)} cannot be measured: the run is complete, and its {CHECKPOINT} is gone"
            raise StorageError(problem, f"Remove {RECORD}: the run begins anew.", str(task.folder))
    run = _run_of(task)
    stream = of_dataset(task.data, task.experiment.sizes.training.split, epochs=None)
    began = time.monotonic()
    for _ in steps(run, stream, task.experiment.sizes.training, task.planned.steps):
        done(_step_tokens(task))
        seconds = time.monotonic() - began
        if _measured(task, run) or seconds > SECONDS:
            run.seconds += seconds
            run.save(task.folder / CHECKPOINT)
            write_record(task.folder, _record(task, run))
            began = time.monotonic()
    if late := _record(task, run).lacking(measures):  # what the experiment has asked for since it was run
        _measure(task, run, late)
        run.save(task.folder / CHECKPOINT)
    record = _record(task, run)
    write_record(task.folder, record)  # again, where the run was killed between its last checkpoint and its record
    return record


def _measured(task: Task, run: Run) -> bool:
    """Measure what is due at this step, which is something at the last one. Whether anything was."""
    measures = task.experiment.spec.measures
    due = [name for name, measure in measures.items() if run.step in _steps_of(measure, task.planned.steps)]
    _measure(task, run, due)
    return bool(due)


def _measure(task: Task, run: Run, names: Sequence[str]) -> None:
    """Take these measures. What one gave before is kept where it was asked for in the same way."""
    for name in names:
        spec = task.experiment.spec.measures[name]
        began = time.monotonic()
        numbers = spec.measured(name, Subject(run.model, task.data, task.folder))
        if wrong := [number for number, value in numbers.items() if not math.isfinite(value)]:
            raise RunError(f"{name} gave {numbers[wrong[0]]} as {wrong[0]}, which is no number")
        point = {"tokens": run.step * _step_tokens(task), "numbers": numbers, "seconds": time.monotonic() - began}
        earlier = run.measured.get(name, []) if run.asked.get(name, spec.digest) == spec.digest else []
        run.measured[name], run.asked[name] = [*earlier, point], spec.digest


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
    path = task.folder / CHECKPOINT
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
        asked=run.asked,
    )
