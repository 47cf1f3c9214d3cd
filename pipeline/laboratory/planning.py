"""What an experiment would run, in numbers: datasets, models and work. Nothing is built, and torch is not needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.core.errors import PlanError
from pipeline.core.system.progress import counted, duration, scaled
from pipeline.laboratory.experiment import Experiment
from pipeline.laboratory.measures.measure import MeasureSpec
from pipeline.laboratory.spec import ModelSpec, ScaleSpec
from pipeline.plan.plan import Plan
from pipeline.sweeps.planning import plan_of

FLOPS_A_TOKEN = 6  # for each parameter: two in the forward pass, four in the backward pass
TWO_CORES = 75e9  # floating-point operations a second of two CPU cores, measured in training (docs/measurements.md)


@dataclass(frozen=True)
class PlannedRun:
    """A cell with a seed: its dataset and the model that is trained on it.

    digest: of all that the run depends on, in 16 letters; the same on every machine. fingerprint: of the dataset.
    passes: how often the split is read. vocabulary: ids of the model.
    """

    cell: str
    seed: int
    digest: str
    fingerprint: str
    split_tokens: float
    vocabulary: int
    context: int
    parameters: int
    steps: int
    tokens: int

    @property
    def passes(self) -> float:
        """How often the split is read."""
        return self.tokens / self.split_tokens

    @property
    def flops(self) -> float:
        """Floating-point operations of the training."""
        return FLOPS_A_TOKEN * self.parameters * self.tokens


def parameters_of(model: ModelSpec, vocabulary: int) -> int:
    """The parameters of `model.GPT` with these sizes.

    >>> parameters_of(ModelSpec(layers=4, width=128, heads=4), 3364)
    1223936
    """
    return vocabulary * model.width + model.layers * (12 * model.width**2 + 13 * model.width) + 2 * model.width


def planned_runs(experiment: Experiment, cells: Sequence[str] = (), seed: int | None = None) -> Iterator[PlannedRun]:
    """The runs of a seed, by default the first. Refusals as of a sweep; PlanError where it lacks a split or column."""
    training = experiment.sizes.training
    seed = training.seeds[0] if seed is None else seed
    sweep = experiment.sweep(seed)
    for cell in sweep.selected(cells):
        plan = plan_of(sweep, cell)
        check_splits(experiment, plan, cell.name)
        split = plan.splits[training.split]
        context = split.packing.length
        in_use = plan.tokenizer.in_use
        vocabulary = in_use.count if in_use else plan.tokenizer.vocabulary
        split_tokens = sum(split.expected.values(), Fraction(0))
        steps = training.steps(split_tokens, context)
        yield PlannedRun(
            cell=cell.name,
            seed=seed,
            digest=_digest(experiment.sizes, plan.fingerprint, cell.name, steps, seed),
            fingerprint=plan.fingerprint,
            split_tokens=float(split_tokens),
            vocabulary=vocabulary,
            context=context,
            parameters=parameters_of(experiment.sizes.model, vocabulary),
            steps=steps,
            tokens=steps * training.batch * context,
        )


def _digest(sizes: ScaleSpec, fingerprint: str, cell: str, steps: int, seed: int) -> str:
    """The digest of a run: of sizes and training, the dataset, the cell, the steps and the seed."""
    specs = [sizes.model.model_dump_json(), sizes.training.model_dump_json(exclude={"seeds"})]
    parts = [*specs, fingerprint, cell, str(steps), str(seed)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def check_splits(experiment: Experiment, plan: Plan, cell: str) -> None:
    """PlanError where a split that is trained on or measured is not in a plan, or lacks what it is measured by."""
    _check_split(plan, experiment, cell, "training", experiment.sizes.training.split)
    for name, measure in experiment.spec.measures.items():
        _check_split(plan, experiment, cell, name, measure.split, measure.columns(), measure.KINDS)
        _check_rows(plan, experiment, cell, name, measure)


def _check_split(
    plan: Plan,
    experiment: Experiment,
    cell: str,
    name: str,
    split: str,
    columns: Sequence[str] = (),
    kinds: Sequence[str] = (),
) -> None:
    """PlanError unless a plan has a split with these columns, and one source, of one of these kinds (any, if none)."""
    of_cell = f"split '{split}' of the cell {cell}"
    if split not in plan.splits:
        problem = f"{name}: the cell {cell} has no split '{split}'"
        raise PlanError(problem, f"It has: {', '.join(plan.splits)}.", experiment.name)
    for column in columns:
        if column not in plan.splits[split].columns:
            problem = f"{name}: the {of_cell} has no column '{column}'"
            raise PlanError(problem, f"Add it to splits.{split}.columns.", experiment.name)
    present = [plan.recipe.sources[source].kind for source in plan.splits[split].sources]
    if kinds and (len(present) > 1 or present[0] not in kinds):
        problem = f"{name}: the {of_cell} has sources of the kinds {', '.join(present)}"
        raise PlanError(problem, f"Measure a split with one source, of the kind {' or '.join(kinds)}.", experiment.name)


def _check_rows(plan: Plan, experiment: Experiment, cell: str, name: str, measure: MeasureSpec) -> None:
    """PlanError where the rows of a split are not such as a measure reads."""
    packing, context = plan.splits[measure.split].packing, plan.splits[experiment.sizes.training.split].packing.length
    rows = f"{name}: the rows of the split '{measure.split}' of the cell {cell}"
    if measure.A_DOCUMENT_A_ROW and packing.method != "rows":
        remedy = f"Set splits.{measure.split}.packing.method to rows."
        raise PlanError(f"{rows} have several documents, or parts of one", remedy, experiment.name)
    if measure.WHOLE_ROWS and packing.length > context:
        problem = f"{rows} have {packing.length:,} tokens, and the model has a context of {context:,}"
        raise PlanError(problem, f"Set splits.{measure.split}.packing.length to {context} or less.", experiment.name)


def lines(experiment: Experiment, cells: Sequence[str] = ()) -> list[str]:
    """Lines to print: the runs, and the work in all."""
    runs = list(planned_runs(experiment, cells))
    seeds = experiment.sizes.training.seeds
    wide = max(len(run.cell) for run in runs)
    table = [f"{'cell':<{wide}}  tokens of data  passes    ids  context  parameters  tokens read"]
    for run in runs:
        table.append(
            f"{run.cell:<{wide}}  {scaled(run.split_tokens):>14}  {run.passes:>6.1f}  {run.vocabulary:>5,}"
            f"  {run.context:>7}  {run.parameters:>10,}  {scaled(run.tokens):>11}"
        )
    flops = len(seeds) * sum(run.flops for run in runs)
    numbers = [counted(*one) for one in ((len(seeds) * len(runs), "run"), (len(runs), "cell"), (len(seeds), "seed"))]
    work = f"{numbers[0]} ({', '.join(numbers[1:])})"
    tests = [f"claim: {spec.claim} ({spec.test})" for spec, _ in experiment.claims]
    return [
        experiment.title,
        f"scale {experiment.scale} of: {', '.join(experiment.spec.scales)}",
        *table,
        f"{work}, {flops:.1e} floating-point operations: {duration(flops / TWO_CORES)} on two CPU cores",
        *tests,
    ]
