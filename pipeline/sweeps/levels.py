"""The levels of the axes of a sweep, and what each of them sets.

A setting is a dotted path and a value, as in --set. It keeps its place, so a refusal of the recipe of a cell points at
the line of the sweep that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from pipeline.core.cell_names import LEVEL
from pipeline.core.errors import KeyPath, SpecError, dotted_path
from pipeline.core.scalars import decimal_of, shown
from pipeline.core.system.escaping import shortened
from pipeline.recipe.yaml_tree import Node, Scalar
from pipeline.sweeps.conditions import WORDS
from pipeline.sweeps.spec import Axis, SweepSpec, ValuesSpec

MOST_CELLS = 10_000
NAMED = "Write the axis with names: {name: {key.path: value}}."


@dataclass(frozen=True)
class Setting:
    """A value that stands at a dotted path. at: the path of what says so, below the sweep."""

    dotted: str
    value: Node
    at: KeyPath

    def ends(self) -> Iterator[KeyPath]:
        """The paths of the values in it that are no mappings: what it really sets."""
        yield from _ends(tuple(self.dotted.split(".")), self.value)


@dataclass(frozen=True)
class Level:
    """A level of an axis. base: the recipe that it starts from; None: that of the sweep. at: its path there."""

    axis: str
    name: str
    base: Setting | None
    settings: tuple[Setting, ...]
    at: KeyPath

    @property
    def is_value(self) -> bool:
        """Whether it is an entry of `values`, which names it."""
        return len(self.at) == 4


def settings_of(node: Node | None, at: KeyPath) -> tuple[Setting, ...]:
    """The settings in a mapping at the path `at` of a sweep, without a level's `base`."""
    members = node.members if node else {}
    return tuple(Setting(key, value, (*at, key)) for key, value in members.items() if key != "base")


def levels_of(spec: SweepSpec, node: Node) -> dict[str, tuple[Level, ...]]:
    """Axis → its levels. node: the sweep as it was written. SpecError, its path below the sweep, for invalid ones."""
    number = prod(len(axis.values if isinstance(axis, ValuesSpec) else axis) for axis in spec.axes.values())
    if number > MOST_CELLS:
        problem = f"a grid of {shown(number)} cells, and there are at most {MOST_CELLS:,}"
        raise SpecError(problem, "Make several sweeps of it.", ("axes",))
    axes = {}
    for name, axis in spec.axes.items():
        if name in WORDS:
            raise SpecError(f"an axis cannot be called '{name}', a word of conditions", "Rename it.", ("axes", name))
        written = node.find(("axes", name))
        assert written, "the spec was read from it"
        axes[name] = tuple(_levels(name, axis, written))
        _check_names(name, axes[name])
    _check_apart(axes)
    return axes


def _levels(axis: str, spec: Axis, node: Node) -> Iterator[Level]:
    at: KeyPath = ("axes", axis)
    if isinstance(spec, ValuesSpec):
        written = node.child("values")
        values = written.value if written else None
        for number, value in enumerate(values if isinstance(values, list) else []):
            place = (*at, "values", number)
            yield Level(axis, _name_of(value.plain(), place), None, (Setting(spec.key, value, place),), place)
        return
    for name, level in node.members.items():
        base = level.child("base")
        if base and not isinstance(base.value, str):
            problem = f"the name of a recipe is needed, not {shown(base.plain())}"
            raise SpecError(problem, "Write one.", (*at, name, "base"))
        own = Setting("base", base, (*at, name, "base")) if base else None
        yield Level(axis, name, own, settings_of(level, (*at, name)), (*at, name))


def _name_of(value: Scalar | list[object] | dict[str, object], at: KeyPath) -> str:
    """The name of the level that sets a value, as YAML writes it."""
    if isinstance(value, list | dict):
        raise SpecError(f"{shown(value)} is no name of a level", NAMED, at)
    if value is None or isinstance(value, bool):
        return shown(value)
    return decimal_of(value) if isinstance(value, Fraction) else str(value)


def _check_names(axis: str, levels: Sequence[Level]) -> None:
    """SpecError for a name that no path can have, and for two names that a disk may take for one."""
    seen: dict[str, str] = {}
    for level in levels:
        if not re.fullmatch(LEVEL, level.name):
            problem = f"'{shortened(level.name)}' cannot name a level: it has letters, digits and _ . + -"
            raise SpecError(problem, NAMED if level.is_value else "Rename it.", level.at)
        before = seen.get(level.name.lower())
        if before == level.name:
            raise SpecError(f"{axis} has the level {level.name} twice", "Remove one.", level.at)
        if before:
            problem = f"'{level.name}' and '{before}' would be one folder on a disk that does not tell case apart"
            raise SpecError(problem, NAMED if level.is_value else "Rename one.", level.at)
        seen[level.name.lower()] = level.name


def _check_apart(axes: Mapping[str, Sequence[Level]]) -> None:
    """SpecError where two axes set the same key, or name recipes both: one would undo the other."""
    earlier = Paths()
    for axis, levels in axes.items():
        settings = [setting for level in levels for setting in _all(level)]
        for setting in settings:
            if other := earlier.clashing(setting):
                raise _twice_set(axis, setting, other)
        for setting in settings:
            earlier.add(setting)


def _all(level: Level) -> Iterator[Setting]:
    yield from (level.base,) if level.base else ()
    yield from level.settings


def _twice_set(axis: str, setting: Setting, before: Setting) -> SpecError:
    """The refusal of a key that two axes set. among: the path of the other setting."""
    what = "name a base" if setting.dotted == "base" else f"set {dotted_path(tuple(setting.dotted.split('.')))}"
    problem = f"the axes {before.at[1]} and {axis} both {what}"
    return SpecError(problem, "Let one of them do it.", setting.at, [before.at])


class Paths:
    """What settings set, by its path, so that another setting of the same is found at once."""

    def __init__(self, settings: Iterable[Setting] = ()) -> None:
        self._ends: dict[KeyPath, Setting] = {}
        self._above: dict[KeyPath, Setting] = {}  # the ends too
        for setting in settings:
            self.add(setting)

    def add(self, setting: Setting) -> None:
        """Note what a setting sets."""
        for end in setting.ends():
            self._ends.setdefault(end, setting)
            for length in range(1, len(end) + 1):
                self._above.setdefault(end[:length], setting)

    def clashing(self, setting: Setting) -> Setting | None:
        """A noted setting of what this one sets, or of something above or below it; None where there is none."""
        for end in setting.ends():
            beginnings = (end[:length] for length in range(1, len(end)))
            other = next((self._ends[path] for path in beginnings if path in self._ends), self._above.get(end))
            if other:
                return other
        return None


def _ends(path: KeyPath, node: Node) -> Iterator[KeyPath]:
    if node.members:
        for key, child in node.members.items():
            yield from _ends((*path, key), child)
    else:
        yield path
