"""What a report shows: for each measure a bar and a curve of each cell, the claims, and what the runs were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from pipeline.core.system.progress import counted
from pipeline.laboratory.results import Results, RunRecord

Curve = Sequence[tuple[int, float]]
"""(tokens of training, value) of some points."""


@dataclass(frozen=True)
class Row:
    """A cell in the table of a measure. values: the number of each complete run; paper: the paper's; None: none."""

    cell: str
    values: Sequence[float]
    paper: float | None
    curves: Sequence[Curve]

    @property
    def mean(self) -> float | None:
        """The mean over the runs; None where there are none."""
        return fmean(self.values) if self.values else None


@dataclass(frozen=True)
class Table:
    """A measure. number: which of its numbers; percent: whether it is a share; source: where the paper's are from."""

    measure: str
    number: str
    percent: bool
    source: str
    rows: Sequence[Row]

    def shown(self, value: float | None) -> str:
        """A value of this measure, as text."""
        if value is None:
            return "–"
        return f"{value:.1%}" if self.percent else f"{value:,.3f}"


@dataclass(frozen=True)
class Verdict:
    """A claim. holds: None where runs are missing."""

    claim: str
    test: str
    holds: bool | None

    @property
    def word(self) -> str:
        """yes, no or not yet."""
        return {True: "yes", False: "no", None: "not yet"}[self.holds]


@dataclass(frozen=True)
class Content:
    """A report. losses: cell → the curve of the training loss in each of its runs. runs: all records that count.

    missing: runs that are not complete. others: names of runs that do not count, being of other data or sizes.
    unmeasured: names of complete runs, each with what was not measured, or not as the experiment has it now.
    unknown: numbers that claims are about and no run has.
    """

    name: str
    title: str
    scale: str
    verdicts: Sequence[Verdict]
    tables: Sequence[Table]
    losses: Mapping[str, Sequence[Curve]]
    runs: Sequence[RunRecord]
    missing: int
    others: Sequence[str]
    unmeasured: Sequence[str]
    unknown: Sequence[str]

    @property
    def notes(self) -> list[str]:
        """Sentences about what the report lacks."""
        notes = []
        if self.missing:
            notes.append(
                f"Not complete: {counted(self.missing, 'run')} {'is' if self.missing == 1 else 'are'} missing."
            )
        if self.unmeasured:
            listed = "; ".join(self.unmeasured)
            notes.append(f"Not measured, or not as the experiment has it now: {listed}.")
        if self.unknown:
            notes.append(f"No run has a number {', '.join(self.unknown)}, which a claim is about.")
        if self.others:
            listed = "; ".join(self.others)
            notes.append(f"Left out, as they are of other data or sizes than the experiment has now: {listed}.")
        return notes

    @property
    def machines(self) -> list[str]:
        """What the runs were done on, each combination of device and versions once."""
        return list(dict.fromkeys(_machine(run) for run in self.runs))


def content_of(results: Results) -> Content:
    """The content of the report on what there is."""
    experiment = results.experiment
    runs = [run for of_cell in results.runs.values() for run in of_cell]
    complete = sum(run.complete for run in runs)
    return Content(
        name=experiment.name,
        title=experiment.title,
        scale=experiment.scale,
        verdicts=[Verdict(*decided) for decided in results.decided()],
        tables=[_table(results, name) for name in experiment.spec.measures],
        losses={cell: [run.curve for run in of_cell] for cell, of_cell in results.runs.items()},
        runs=runs,
        missing=len(experiment.cells) * len(experiment.sizes.training.seeds) - complete,
        others=[_named(run) for run in results.others],
        unknown=[f"{one.measure}.{one.number}[{one.cell}]" for one in results.unknown()],
        unmeasured=[
            f"{', '.join(lacking)} of {_named(run)}"
            for run in runs
            if run.complete and (lacking := run.lacking(experiment.spec.measures))
        ],
    )


def _named(run: RunRecord) -> str:
    return f"{run.cell}, seed {run.seed}"


def _machine(run: RunRecord) -> str:
    return f"On {run.device}; " + ", ".join(f"{name} {version}" for name, version in run.versions.items()) + "."


def _table(results: Results, measure: str) -> Table:
    spec = results.experiment.spec.measures[measure]
    number = spec.NUMBERS[0]
    paper = results.experiment.spec.paper.get(measure)
    figures = results.experiment.figures(measure)
    rows = []
    for cell, runs in results.runs.items():
        points = [run.points(measure, spec) for run in runs]
        curves = [[(point.tokens, point.numbers[number]) for point in of_run] for of_run in points]
        rows.append(Row(cell, results.values(measure, number, cell), figures.get(cell), curves))
    return Table(measure, number, spec.PERCENT, paper.source if paper else "", rows)
