"""Sweep: from the YAML of a grid to its cells, and from a cell to its recipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce
from itertools import product
from pathlib import Path

from pipeline.core.cell_names import LONGEST, name_of, one_selected, selected
from pipeline.core.errors import KeyPath, PipelineError, PlanError, RecipeError, SpecError
from pipeline.core.system.escaping import shortened
from pipeline.recipe import load
from pipeline.recipe.loading import resolved
from pipeline.recipe.merging import (
    base_file,
    check_dotted,
    extended,
    overridden,
    override_of,
    place_of_override,
    with_value,
)
from pipeline.recipe.paths import find, is_sweep, title
from pipeline.recipe.places import Loaded, Origin
from pipeline.recipe.reading import read_file
from pipeline.recipe.validating import validated
from pipeline.recipe.yaml_tree import Node
from pipeline.sweeps.conditions import Condition, condition
from pipeline.sweeps.levels import Level, Paths, Setting, levels_of, settings_of
from pipeline.sweeps.spec import SweepSpec


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell of a sweep: one level of each axis. name: `wording=multi5,exposures=100`, also that of its folder."""

    name: str
    levels: tuple[Level, ...]

    @property
    def coordinates(self) -> dict[str, str]:
        """Axis → level, in the order of the axes."""
        return {level.axis: level.name for level in self.levels}


@dataclass(frozen=True)
class Sweep:
    """A grid of recipes. `sweep_of` and `read_sweep` make it.

    title: the comment in its first line. axes: axis → names of its levels. cells: those that are not excluded, the
    levels of the last axis changing fastest.

    >>> sweep = read_sweep("bioS_wordings", ["worlds.people.size=50"])
    >>> [cell.name for cell in sweep.cells][:2]
    ['wording=single,questions=no', 'wording=single,questions=half']
    >>> sweep.load(sweep.cells[1]).recipe.splits["train"].mixture["questions"].share
    Fraction(1, 2)
    """

    title: str
    axes: Mapping[str, tuple[str, ...]]
    cells: tuple[Cell, ...]
    _base: Setting | None
    _for_all: tuple[Setting, ...]
    _overrides: tuple[str, ...]
    _node: Node
    _at: KeyPath
    _allow_code: bool = False
    _bases: dict[Path, Node] = field(default_factory=dict, repr=False, compare=False)
    """Recipe → its tree; each is read once."""

    def selected(self, patterns: Iterable[str]) -> list[Cell]:
        """The cells with all coordinates of a pattern such as `exposures=100`; all, without patterns. PlanError."""
        chosen = dict.fromkeys(selected(patterns, (cell.name for cell in self.cells)))
        return [cell for cell in self.cells if cell.name in chosen]

    def one(self, pattern: str | None) -> Cell:
        """The only cell that a pattern selects. PlanError where there are several."""
        name = one_selected(pattern, (cell.name for cell in self.cells), str(self._node.mark))
        return next(cell for cell in self.cells if cell.name == name)

    def load(self, cell: Cell) -> Loaded:
        """The recipe of a cell: what `load` gives for its base and the same overrides. RecipeError names the cell."""
        with in_cell(cell.name):
            base = next((level.base for level in cell.levels if level.base), self._base)
            if base is None:
                problem = "'base' is missing, and no level of this cell names one"
                raise RecipeError(problem, "Write `base: …`, the name of a recipe.", self._place(()))
            settings = [*self._for_all, *(setting for level in cell.levels for setting in level.settings)]
            tree = reduce(self._written, settings, self._tree(base))
            tree = reduce(overridden, self._overrides, tree)
            title = f"{self.title.rstrip('.')}: {cell.name}." if self.title else ""
            return resolved(tree, title, self._allow_code)

    def _tree(self, base: Setting) -> Node:
        """The recipe from which a cell starts, as it was written; its values are a step further from the user."""
        place, file = self._place(base.at), base.value.mark.file
        path = base_file(str(base.value.value), file.parent, place)
        if path not in self._bases:
            self._bases[path] = extended(path, (file.resolve(),))
        return self._bases[path]

    def _written(self, tree: Node, setting: Setting) -> Node:
        return with_value(tree, setting.dotted, setting.value, self._place(setting.at))

    def _place(self, at: KeyPath) -> str:
        return self._node.nearest(at).mark.place((*self._at, *at))


def read_sweep(name: str, overrides: Sequence[str] = (), *, allow_code: bool = False) -> Sweep:
    """The sweep `name` (of `recipes/`, or a path), with `key.path=value` overrides for all of its recipes.

    allow_code: whether Python files that they name may run.

    RecipeError with file and line; PlanError where the name is that of a recipe.
    """
    path = find(name)
    if not is_sweep(path):
        raise PlanError("this is a recipe, where a sweep is needed", "A sweep has `axes`.", shortened(name))
    node = read_file(path)
    spec = validated(SweepSpec, node.plain(), Origin(node))
    return sweep_of(spec, node, overrides=overrides, title=title(path), allow_code=allow_code)


def recipe_of(name: str, overrides: Sequence[str] = (), cell: str | None = None, *, allow_code: bool = False) -> Loaded:
    """The recipe `name`, or that of one cell of the sweep `name`. RecipeError; PlanError where it is not one recipe.

    cell: its name, or those of its coordinates that no other cell has together. allow_code: whether Python files that
    the recipe names may run.
    """
    if is_sweep(find(name)):
        sweep = read_sweep(name, overrides, allow_code=allow_code)
        return sweep.load(sweep.one(cell))
    if cell is not None:
        problem = f"this is one recipe, and has no cell {shortened(cell)}"
        raise PlanError(problem, "Leave out the cell, or name a sweep.", shortened(name))
    return load(name, overrides, allow_code=allow_code)


def sweep_of(
    spec: SweepSpec,
    node: Node,
    at: KeyPath = (),
    overrides: Sequence[str] = (),
    title: str = "",
    *,
    allow_code: bool = False,
) -> Sweep:
    """The sweep that a spec describes. RecipeError, with file and line, where its parts do not fit.

    node: the mapping that the spec was read from. at: the path to it, where it stands inside another spec.
    """
    with _refusing(node, at):
        levels = levels_of(spec, node)
        axes = {axis: tuple(level.name for level in of_axis) for axis, of_axis in levels.items()}
        conditions = [_condition(text, number, axes) for number, text in enumerate(spec.exclude)]
        cells = tuple(_cells(levels, conditions))
        if not cells:
            raise SpecError("every cell is excluded", "Remove a condition.", ("exclude",))
        for_all = settings_of(node.child("set"), ("set",))
        every = [setting for of_axis in levels.values() for level in of_axis for setting in level.settings]
        for setting in [*for_all, *every]:
            check_dotted(setting.dotted, node.nearest(setting.at).mark.place((*at, *setting.at)))
        base = node.child("base")
        own = Setting("base", base, ("base",)) if base and base.value is not None else None
        by_axes = Paths(every)
        for override in overrides:
            _check_override(override, by_axes)
        return Sweep(title, axes, cells, own, for_all, tuple(overrides), node, at, allow_code)


@contextmanager
def in_cell(name: str) -> Iterator[None]:
    """Name the cell in every refusal, and every failure, that is raised in the block."""
    try:
        yield
    except PipelineError as error:
        raise type(error)(f"{error.problem.rstrip('.')}, in the cell {name}", error.remedy, error.place) from None


@contextmanager
def _refusing(node: Node, at: KeyPath) -> Iterator[None]:
    """Turn a SpecError about a path below the sweep into a RecipeError with file and line."""
    try:
        yield
    except SpecError as error:
        problem = error.problem
        for other in error.among:
            problem += f", this one and {node.nearest(other).mark}"
        place = node.nearest(error.at).mark.place((*at, *error.at))
        raise RecipeError(problem, error.remedy, place) from None


def _condition(text: str, number: int, axes: Mapping[str, Sequence[str]]) -> Condition:
    try:
        return condition(text, axes)
    except SpecError as error:
        raise error.below(("exclude", number)) from None


def _cells(levels: Mapping[str, Sequence[Level]], excluded: Sequence[Condition]) -> Iterator[Cell]:
    for chosen in product(*levels.values()):
        coordinates = {level.axis: level.name for level in chosen}
        name = name_of(coordinates)
        if len(name) > LONGEST:
            problem = f"the name of a cell has {len(name)} characters, and at most {LONGEST} fit: {shortened(name)}"
            raise SpecError(problem, "Shorten the names of axes or levels.", ("axes",))
        if not any(holds(coordinates) for holds in excluded):
            yield Cell(name, chosen)


def _check_override(override: str, by_axes: Paths) -> None:
    """RecipeError for an override of what an axis sets: its levels would then be the same."""
    if other := by_axes.clashing(Setting(*override_of(override), ())):
        problem = f"the axis {other.at[1]} sets this ({other.value.mark})"
        raise RecipeError(problem, "Choose cells by --cell instead.", place_of_override(override))
