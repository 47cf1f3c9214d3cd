"""What runs have found: the record of each, in run.json, and the numbers of an experiment over its seeds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from pipeline.core.errors import StorageError
from pipeline.core.system.open_files import contents, created
from pipeline.dataset.manifest import MANIFEST
from pipeline.dataset.sweep_index import SWEEP
from pipeline.laboratory.claims import Claim, Quantity
from pipeline.laboratory.experiment import Experiment
from pipeline.laboratory.measures import Measure
from pipeline.laboratory.measures.measure import MeasureSpec
from pipeline.laboratory.planning import PlannedRun, planned_runs

RECORD = "run.json"
MEND = "Remove it: the run begins anew."
MOST = 2**26  # bytes of a record

Count = Annotated[int, Field(ge=0, lt=2**63)]
Tokens = Annotated[int, Field(gt=0, lt=2**63)]
Real = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Point:
    """What a measure gave after so many tokens of training. seconds: how long it took."""

    tokens: Tokens
    numbers: Mapping[str, Real]
    seconds: Seconds


@dataclass(frozen=True)
class RunRecord:
    """A run: what it depends on, how far it is, and what was measured.

    run: the digest of what it depends on, as of `PlannedRun`. curve: (tokens, mean loss of the last steps). seconds: of
    training. asked: measure → the digest of its keys when it was taken; records of old have none.
    """

    run: str
    experiment: str
    scale: str
    cell: str
    seed: int
    fingerprint: str
    complete: bool
    steps: Count
    tokens: Count
    parameters: Count
    vocabulary: Count
    context: Count
    seconds: Seconds
    device: str
    versions: Mapping[str, str]
    curve: Sequence[tuple[Tokens, Real]]
    measures: Mapping[str, Sequence[Point]]
    asked: Mapping[str, str] = field(default_factory=dict)

    def points(self, name: str, spec: MeasureSpec) -> list[Point]:
        """What a measure gave; [] where it was not taken, or not as the experiment has it now."""
        if self.asked.get(name, spec.digest) != spec.digest:
            return []
        return [point for point in self.measures.get(name, ()) if spec.NUMBERS[0] in point.numbers]

    def lacking(self, measures: Mapping[str, Measure]) -> list[str]:
        """The measures that were not taken, or not as the experiment has them now."""
        return [name for name, spec in measures.items() if not self.points(name, spec)]


_RECORDS = TypeAdapter(RunRecord)


def check_folder(out: Path) -> None:
    """StorageError for the folder of a dataset or a sweep, which an experiment would fill with what is none of it."""
    for name, what in ((MANIFEST, "a dataset"), (SWEEP, "a sweep")):
        if (out / name).exists():
            raise StorageError(
                f"this is the folder of {what}, and not of an experiment", "Give another --out.", str(out)
            )


def write_record(folder: Path, record: RunRecord) -> None:
    """Write the record of a run into its folder: whole, or not at all."""
    with created(folder / RECORD) as file:
        file.write(json.dumps(asdict(record), indent=1).encode() + b"\n")


def read_record(folder: Path) -> RunRecord | None:
    """The record in the folder of a run; None where there is none. StorageError for what is no record."""
    path = folder / RECORD
    try:
        return _RECORDS.validate_json(contents(path, MOST))
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise StorageError("this is below a file, and not a folder", "Name another folder.", str(folder)) from None
    except OSError as error:
        raise StorageError(f"no record of a run: {error.strerror or error}", MEND, str(path)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        at = ".".join(map(str, first["loc"]))
        raise StorageError(f"no record of a run: {at}{': ' * bool(at)}{first['msg']}", MEND, str(path)) from None


def run_folder(out: Path, seed: int, cell: str) -> Path:
    """The folder of a run, below that of its experiment."""
    return out / f"seed={seed}/runs/{cell}"


def records_of(folders: Iterable[Path], seed: int, cell: str) -> list[RunRecord]:
    """The records of a run in folders of an experiment, complete ones first. StorageError as of `read_record`."""
    records = [record for out in folders if (record := read_record(run_folder(out, seed, cell)))]
    return sorted(records, key=lambda record: not record.complete)


def finished(run: PlannedRun, folders: Iterable[Path], measures: Mapping[str, Measure]) -> RunRecord | None:
    """The record of a run that is complete in a folder, all measures too; None where something is still to be done."""
    for record in records_of(folders, run.seed, run.cell):
        if record.complete and record.run == run.digest and not record.lacking(measures):
            return record
    return None


def tokens_left(
    experiment: Experiment, folders: Sequence[Path], seeds: Sequence[int], cells: Sequence[str] = ()
) -> int:
    """The tokens that the runs of these cells and seeds have still to read.

    folders: that in which they are run, of which begun ones go on, and others, of which only complete ones count.
    """
    left = 0
    for seed in seeds:
        for run in planned_runs(experiment, cells, seed):
            if not finished(run, folders, experiment.spec.measures):
                begun = [record for record in records_of(folders[:1], seed, run.cell) if record.run == run.digest]
                left += max(0, run.tokens - (begun[0].tokens if begun else 0))
    return left


@dataclass(frozen=True)
class Results:
    """The runs of an experiment that there are. runs: cell → its runs, in the order of seeds.

    others: runs of other data, sizes or settings than the experiment has now. They count in no number.
    """

    experiment: Experiment
    runs: Mapping[str, Sequence[RunRecord]]
    others: Sequence[RunRecord] = ()

    @classmethod
    def of(cls, experiment: Experiment, *folders: Path) -> Results:
        """Those in the folders of an experiment: of a run that several have, the first of those with most in them.

        The datasets of cells of which there are records are planned, to see of what they are. StorageError for a record
        that cannot be read; refusals as of `planned_runs`.
        """
        runs: dict[str, list[RunRecord]] = {cell: [] for cell in experiment.cells}
        others: list[RunRecord] = []
        for seed in experiment.sizes.training.seeds:
            records = {cell: records_of(folders, seed, cell) for cell in experiment.cells}
            begun = [cell for cell in experiment.cells if records[cell]]
            for planned in planned_runs(experiment, begun, seed) if begun else ():
                of_cell = records[planned.cell]
                same = [record for record in of_cell if record.run == planned.digest]
                same.sort(key=lambda record: (not record.complete, len(record.lacking(experiment.spec.measures))))
                runs[planned.cell] += same[:1]
                others += [record for record in of_cell if record.run != planned.digest and record not in others]
        return cls(experiment, runs, others)

    def values(self, measure: str, number: str, cell: str) -> list[float]:
        """The last value of a number in each run of a cell that is complete."""
        spec = self.experiment.spec.measures[measure]
        complete = [run.points(measure, spec) for run in self.runs[cell] if run.complete]
        taken = [points[-1].numbers for points in complete if points]
        return [numbers[number] for numbers in taken if number in numbers]

    def decided(self) -> list[tuple[str, str, bool | None]]:
        """(claim, test, whether it holds of the means over the seeds that there are) of each.

        None where no run has a number that decides.
        """
        return [(spec.claim, spec.test, self._holds(claim)) for spec, claim in self.experiment.claims]

    def unknown(self) -> list[Quantity]:
        """What claims are about and no run has given, though its measure was taken: nothing of that name is counted."""
        asked = dict.fromkeys(
            self.experiment.quantity(one) for _, claim in self.experiment.claims for one in claim.quantities
        )
        return [
            one
            for one in asked
            if not self.values(one.measure, one.number, one.cell)
            and self.values(one.measure, self.experiment.spec.measures[one.measure].NUMBERS[0], one.cell)
        ]

    def _holds(self, claim: Claim) -> bool | None:
        def look(quantity: Quantity) -> float:
            whole = self.experiment.quantity(quantity)
            return fmean(self.values(whole.measure, whole.number, whole.cell))

        try:
            return bool(claim.holds(look))
        except ValueError:  # the mean of nothing
            return None
