"""Experiment: from a file of `experiments/`, or anywhere, to a sweep, sizes, measures and claims. It needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.core.cell_names import matching
from pipeline.core.errors import KeyPath, PlanError, RecipeError, SpecError, suggest
from pipeline.core.files import library
from pipeline.core.system.escaping import shortened
from pipeline.core.system.open_files import expanded
from pipeline.laboratory.claims import Claim, Quantity, read_claim
from pipeline.laboratory.spec import ClaimSpec, ExperimentSpec, ScaleSpec
from pipeline.recipe.merging import base_file, override_of, place_of_override
from pipeline.recipe.paths import ENDINGS, is_sweep, title
from pipeline.recipe.places import Origin
from pipeline.recipe.reading import Kind, read_file
from pipeline.recipe.validating import validated
from pipeline.recipe.yaml_tree import Node
from pipeline.sweeps import Sweep, SweepSpec, sweep_of

EXPERIMENT = Kind("experiment", "sweep, scales, measures")


@dataclass(frozen=True)
class Experiment:
    """An experiment at one of its scales. `read_experiment` makes it.

    name: of its file. title: the comment in its first line. overrides: as --set, for the recipes of all cells.

    >>> experiment = read_experiment("extraction", "laptop")
    >>> experiment.cells[0], experiment.sizes.training.seeds
    ('wording=single', [0, 1])
    """

    name: str
    title: str
    scale: str
    spec: ExperimentSpec
    overrides: tuple[str, ...]
    _node: Node
    _allow_code: bool = False

    @property
    def sizes(self) -> ScaleSpec:
        """The sizes of model and training at this scale."""
        return self.spec.scales[self.scale]

    @cached_property
    def cells(self) -> tuple[str, ...]:
        """The names of the cells of the sweep, in its order."""
        return tuple(cell.name for cell in self.sweep(self.sizes.training.seeds[0]).cells)

    @cached_property
    def claims(self) -> tuple[tuple[ClaimSpec, Claim], ...]:
        """Each claim with its test. RecipeError for one that cannot be read, or is about what is not there."""
        return tuple(self._claims())

    def sweep(self, seed: int) -> Sweep:
        """The sweep with the settings of this scale and a seed. RecipeError as of `sweep_of`."""
        spec, node, at = self._sweep
        settings = self._node.find(("scales", self.scale, "set"))
        for key, value in (settings.members if settings else {}).items():
            old = node.child("set") or Node({}, node.mark)
            node = node.with_child("set", old.with_child(key, value))
        own = f"seed={seed}"
        try:
            return sweep_of(spec, node, at, (*self.overrides, own), self.title, allow_code=self._allow_code)
        except RecipeError as error:
            if error.place != place_of_override(own):
                raise
            raise RecipeError(error.problem, f"Take it out: {self._seeds} sets the seed.", "seed") from None

    @property
    def _seeds(self) -> str:
        """The path of the key that says with which seeds recipes are made."""
        return f"scales.{self.scale}.training.seeds"

    def chosen_seeds(self, seeds: Sequence[int] | None) -> list[int]:
        """These seeds, in the order of the experiment; all of its, for None. PlanError for one that it has not."""
        all_seeds = self.sizes.training.seeds
        for seed in seeds or ():
            if seed not in all_seeds:
                listed = ", ".join(map(str, all_seeds))
                raise PlanError(f"the scale '{self.scale}' has no seed {seed}", f"It has: {listed}.")
        return [seed for seed in all_seeds if not seeds or seed in seeds]

    def cell(self, pattern: str) -> str:
        """The cell that a pattern names, as of `matching`. SpecError where it names several, or none.

        >>> read_experiment("extraction", "laptop").cell("single")
        'wording=single'
        """
        chosen = matching(pattern, self.cells)
        if len(chosen) > 1:
            raise SpecError(f"{len(chosen)} cells are '{shortened(pattern)}'", f"Name one whole: {chosen[0]}.")
        return chosen[0]

    @cached_property
    def _sweep(self) -> tuple[SweepSpec, Node, KeyPath]:
        """The sweep's spec, the mapping that it was read from, and the path to that in its file."""
        named, node = self.spec.sweep, self._node.child("sweep")
        assert node, "the spec was read from it"
        if isinstance(named, SweepSpec):
            return named, node, ("sweep",)
        place = node.mark.place(("sweep",))
        path = base_file(named, node.mark.file.parent, place)
        if not is_sweep(path):
            raise RecipeError("this is a recipe, where a sweep is needed", "A sweep has `axes`.", place)
        node = read_file(path)
        return validated(SweepSpec, node.plain(), Origin(node)), node, ()

    def _claims(self) -> Iterator[tuple[ClaimSpec, Claim]]:
        for number, spec in enumerate(self.spec.claims):
            with self._placed(("claims", number, "test")):
                claim = read_claim(spec.test)
                for quantity in claim.quantities:
                    self.quantity(quantity)
                yield spec, claim

    def quantity(self, quantity: Quantity) -> Quantity:
        """The same with the whole name of its cell, and the name of its number. SpecError for an unknown one."""
        self._check_measure(quantity.measure)
        known = self.spec.measures[quantity.measure].NUMBERS
        number = quantity.number or known[0]
        if number.split(".")[0] not in known:
            raise SpecError(f"{quantity.measure} has no number '{shortened(number)}'", suggest(number, known))
        return Quantity(quantity.measure, number, self.cell(quantity.cell))

    def _check_measure(self, name: str) -> None:
        if name not in self.spec.measures:
            raise SpecError(f"nothing is measured as '{shortened(name)}'", suggest(name, self.spec.measures))

    def check(self) -> None:
        """RecipeError where measures, claims and figures name what is not there, and for heads that do not fit."""
        with self._placed(("scales", self.scale, "model", "heads")):
            model = self.sizes.model
            if model.width % (2 * model.heads):
                problem = f"a width of {model.width} is no even number of features for each of {model.heads} heads"
                fitting = 2 * model.heads * max(1, model.width // (2 * model.heads))
                raise SpecError(problem, f"Give a width such as {fitting}.")
        for at in (("scales", self.scale, "set"), ("sweep", "set")):
            settings = self._node.find(at)
            if settings and "seed" in settings.members:
                with self._placed((*at, "seed")):
                    raise SpecError(f"{self._seeds} sets the seed", "Take it out here.")
        for override in self.overrides:
            if override_of(override)[0] == "seed":
                problem, remedy = f"{self._seeds} sets the seed", "Choose one of them by --seed."
                raise RecipeError(problem, remedy, place_of_override(override))
        for name, paper in self.spec.paper.items():
            with self._placed(("paper", name)):
                self._check_measure(name)
            named: dict[str, str] = {}
            for cell in paper.figures:
                with self._placed(("paper", name, "figures", cell)):
                    if before := named.get(self.cell(cell)):
                        problem = f"'{shortened(cell)}' is the cell '{shortened(before)}', which has a figure"
                        raise SpecError(problem, "Remove one.")
                    named[self.cell(cell)] = cell
        assert self.claims is not None

    def figures(self, measure: str) -> dict[str, float]:
        """The paper's numbers of a measure: whole name of a cell → number."""
        paper = self.spec.paper.get(measure)
        return {self.cell(cell): float(number) for cell, number in paper.figures.items()} if paper else {}

    @contextmanager
    def _placed(self, at: KeyPath) -> Iterator[None]:
        """Turn a SpecError into a RecipeError with file and line."""
        try:
            yield
        except SpecError as error:
            place = self._node.nearest(at).mark.place(at)
            raise RecipeError(error.problem, error.remedy, place) from None


def read_experiment(
    name: str, scale: str | None = None, overrides: Sequence[str] = (), *, allow_code: bool = False
) -> Experiment:
    """The experiment `name` (of `experiments/`, or a path) at a scale, by default its first.

    allow_code: whether Python files that its recipes name may run.

    RecipeError with file and line for what does not fit; PlanError for an unknown scale.
    """
    path = find(name)
    node = read_file(path, kind=EXPERIMENT)
    spec = validated(ExperimentSpec, node.plain(), Origin(node))
    if scale is not None and scale not in spec.scales:
        raise PlanError(f"no scale '{shortened(scale)}'", suggest(scale, spec.scales), "--scale")
    scale = scale or next(iter(spec.scales))
    experiment = Experiment(path.stem, title(path), scale, spec, tuple(overrides), node, allow_code)
    experiment.check()
    return experiment


def experiments() -> dict[str, Path]:
    """Name → file of every experiment that comes with the package, by name."""
    return {path.stem: path for path in sorted(library("experiments").glob("*.yaml"))}


def find(name: str) -> Path:
    """The file of an experiment: a path, or a name in `experiments/`. RecipeError where there is none."""
    known = experiments()
    if name in known:
        return known[name]
    for path in (expanded(name), expanded(f"{name}.yaml")):
        if ("/" in name or name.endswith(ENDINGS)) and path.is_file():
            return path
    raise RecipeError(f"no experiment '{shortened(name)}'", suggest(name, known))
