"""What runs have found: the record of each, in run.json, and the numbers of an experiment over its seeds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from pydantic import TypeAdapter, ValidationError

from pipeline.core.errors import StorageError
from pipeline.core.system.open_files import created
from pipeline.laboratory.claims import Claim, Quantity
from pipeline.laboratory.experiment import Experiment
from pipeline.laboratory.planning import PlannedRun, planned_runs

RECORD = "run.json"


@dataclass(frozen=True)
class Point:
    """What a measure gave after so many tokens of training. seconds: how long it took."""

    tokens: int
    numbers: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class RunRecord:
    """A run: what it depends on, how far it is, and what was measured.

    run: the digest of what it depends on, as of `PlannedRun`. curve: (tokens, mean loss of the last steps). seconds: of
    training.
    """

    run: str
    experiment: str
    scale: str
    cell: str
    seed: int
    fingerprint: str
    complete: bool
    steps: int
    tokens: int
    parameters: int
    vocabulary: int
    context: int
    seconds: float
    device: str
    versions: Mapping[str, str]
    curve: Sequence[tuple[int, float]]
    measures: Mapping[str, Sequence[Point]]


_RECORDS = TypeAdapter(RunRecord)


def write_record(folder: Path, record: RunRecord) -> None:
    """Write the record of a run into its folder: whole, or not at all."""
    with created(folder / RECORD) as file:
        file.write(json.dumps(asdict(record), indent=1).encode() + b"\n")


def read_record(folder: Path) -> RunRecord | None:
    """The record in the folder of a run; None where there is none. StorageError for what is no record."""
    path = folder / RECORD
    try:
        return _RECORDS.validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise StorageError(
            f"no record of a run: {type(error).__name__}", "Remove it: the run begins anew.", str(path)
        ) from None


def run_folder(out: Path, seed: int, cell: str) -> Path:
    """The folder of a run, below that of its experiment."""
    return out / f"seed={seed}/runs/{cell}"


def records_of(folders: Iterable[Path], seed: int, cell: str) -> list[RunRecord]:
    """The records of a run in folders of an experiment, complete ones first. StorageError as of `read_record`."""
    records = [record for out in folders if (record := read_record(run_folder(out, seed, cell)))]
    return sorted(records, key=lambda record: not record.complete)


def finished(run: PlannedRun, folders: Iterable[Path]) -> RunRecord | None:
    """The record of a run that is complete in a folder of its experiment; None where it is still to be done."""
    records = records_of(folders, run.seed, run.cell)
    return next((record for record in records if record.complete and record.run == run.digest), None)


def tokens_left(
    experiment: Experiment, folders: Sequence[Path], seeds: Sequence[int], cells: Sequence[str] = ()
) -> int:
    """The tokens that the runs of these cells and seeds have still to read, by the sizes of the first seed."""
    left = 0
    for run in planned_runs(experiment, cells):
        for seed in seeds:
            records = records_of(folders, seed, run.cell)
            left += max(0, run.tokens - (records[0].tokens if records else 0))
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
        """Those in the folders of an experiment: of a run that several have, the first that is complete.

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
                runs[planned.cell] += same[:1]
                others += [record for record in of_cell if record.run != planned.digest]
        return cls(experiment, runs, others)

    def values(self, measure: str, number: str, cell: str) -> list[float]:
        """The last value of a number in each run of a cell that is complete."""
        complete = [run for run in self.runs[cell] if run.complete and run.measures.get(measure)]
        return [
            run.measures[measure][-1].numbers[number] for run in complete if number in run.measures[measure][-1].numbers
        ]

    def decided(self) -> list[tuple[str, str, bool | None]]:
        """(claim, test, whether it holds of the means over seeds) of each; None where a run is missing."""
        return [(spec.claim, spec.test, self._holds(claim)) for spec, claim in self.experiment.claims]

    def _holds(self, claim: Claim) -> bool | None:
        def look(quantity: Quantity) -> float:
            whole = self.experiment.quantity(quantity)
            return fmean(self.values(whole.measure, whole.number, whole.cell))

        try:
            return bool(claim.holds(look))
        except ValueError:  # the mean of nothing
            return None
