"""The names of a sweep's cells, `wording=multi5,exposures=100`: its coordinates in the order of its axes.

A name is one step of a path, on any disk and in any bucket: axes are words, levels have no comma, slash or blank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.core.errors import PlanError, SpecError, suggest
from pipeline.core.system.escaping import shortened

LEVEL = r"^[A-Za-z0-9_+-][A-Za-z0-9_.+-]*$"
LONGEST = 200  # characters of a name; file systems take 255 bytes
CELL = r"^[A-Za-z_][A-Za-z0-9_]*=[A-Za-z0-9_.+-]+(,[A-Za-z_][A-Za-z0-9_]*=[A-Za-z0-9_.+-]+)*$"


def name_of(coordinates: Mapping[str, str]) -> str:
    """The name of a cell, from axis → level.

    >>> name_of({"wording": "multi5", "exposures": "100"})
    'wording=multi5,exposures=100'
    """
    return ",".join(f"{axis}={level}" for axis, level in coordinates.items())


def coordinates_of(name: str) -> dict[str, str]:
    """Axis → level, from the whole name of a cell."""
    return dict(step.split("=", 1) for step in name.split(","))


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """The cells that have all coordinates of a pattern, at least one, in their order.

    A coordinate is `axis=level`, or a level that only one axis has. SpecError for an axis or a level that no cell has,
    a level of several axes, an axis that is named twice, and coordinates that no cell has together.

    >>> matching("x, b=1", ["a=x,b=1", "a=x,b=2", "a=y,b=1"])
    ['a=x,b=1']
    """
    cells = {name: coordinates_of(name).items() for name in names}
    axes: dict[str, dict[str, None]] = {}
    for cell in cells.values():
        for axis, level in cell:
            axes.setdefault(axis, {})[level] = None
    wanted: dict[str, str] = {}
    for step in pattern.split(","):
        axis, level = _coordinate(step.strip(), axes)
        if axis in wanted:
            raise SpecError(
                f"{shortened(pattern)} names {axis} twice", "Name one of its levels; --cell may be given again."
            )
        wanted[axis] = level
    chosen = [name for name, cell in cells.items() if wanted.items() <= cell]
    if not chosen:
        raise SpecError(f"no cell {shortened(pattern)}", "The sweep leaves it out.")
    return chosen


def _coordinate(step: str, axes: Mapping[str, Iterable[str]]) -> tuple[str, str]:
    """(axis, level) of a step of a pattern. SpecError as of `matching`."""
    axis, sign, level = (part.strip() for part in step.partition("="))
    if sign:
        if axis not in axes:
            raise SpecError(f"no axis '{shortened(axis)}'", suggest(axis, axes))
        if level not in axes[axis]:
            raise SpecError(f"no level '{shortened(level)}' of {axis}", suggest(level, axes[axis]))
        return axis, level
    having = [axis for axis, levels in axes.items() if step in levels]
    if len(having) > 1:
        raise SpecError(f"several axes have a level '{shortened(step)}'", f"Write {having[0]}={step}.")
    if not having:
        if step in axes:
            raise SpecError(f"no level of {step} is given", f"Write {step}={next(iter(axes[step]))}.")
        levels = [level for levels in axes.values() for level in levels]
        raise SpecError(f"no cell '{shortened(step)}'", suggest(step, levels))
    return having[0], step


def selected(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    """The cells that at least one pattern names, in their order; all cells where there is no pattern.

    PlanError for a pattern as `matching` refuses it.

    >>> selected(["b=1", "x"], ["a=x,b=1", "a=x,b=2", "a=y,b=1", "a=y,b=2"])
    ['a=x,b=1', 'a=x,b=2', 'a=y,b=1']
    """
    known, chosen, patterns = list(names), set(), list(patterns)
    for pattern in patterns:
        try:
            chosen.update(matching(pattern, known))
        except SpecError as error:
            raise PlanError(error.problem, error.remedy, "--cell") from None
    return [name for name in known if name in chosen] if patterns else known


def one_selected(pattern: str | None, names: Iterable[str], place: str = "") -> str:
    """The one cell that a pattern selects. PlanError where it selects several, or none. place: that of the sweep."""
    known = list(names)
    chosen = selected([] if pattern is None else [pattern], known)
    if len(chosen) == 1:
        return chosen[0]
    if pattern is None:
        problem = f"this is a sweep of {len(known):,} cells, where one is needed"
        raise PlanError(problem, f"Give one of them: --cell {chosen[0]}.", place)
    problem = f"{len(chosen):,} cells have the coordinates {shortened(pattern)}, where one is needed"
    raise PlanError(problem, f"Name it whole: {chosen[0]}.", "--cell")
