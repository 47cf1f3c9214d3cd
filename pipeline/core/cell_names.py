"""The names of a sweep's cells, `wording=multi5,exposures=100`: its coordinates in the order of its axes.

A name is one step of a path, on any disk and in any bucket: axes are words, levels have no comma, slash or blank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.core.errors import PlanError, suggest
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
    """Axis → level, from the name of a cell, or from a part of one."""
    return {axis: level for axis, _, level in (part.strip().partition("=") for part in name.split(","))}


def selected(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    """The cells that have all coordinates of at least one pattern, in their order; all cells where there is no pattern.

    PlanError for a pattern with an axis or a level that no cell has, and for one that selects nothing.

    >>> selected(["b=1"], ["a=x,b=1", "a=x,b=2", "a=y,b=1"])
    ['a=x,b=1', 'a=y,b=1']
    """
    cells = {name: coordinates_of(name).items() for name in names}
    wanted = [(pattern, coordinates_of(pattern).items()) for pattern in patterns]
    for pattern, coordinates in wanted:
        if len(coordinates) < len(pattern.split(",")):
            raise PlanError(f"{shortened(pattern)} names an axis twice", "Give --cell once for each level.", "--cell")
        if not any(coordinates <= cell for cell in cells.values()):
            raise _nothing(pattern, cells)
    chosen = (name for name, cell in cells.items() if any(coordinates <= cell for _, coordinates in wanted))
    return list(chosen) if wanted else list(cells)


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


def _nothing(pattern: str, cells: Mapping[str, Iterable[tuple[str, str]]]) -> PlanError:
    """The refusal of a pattern that selects no cell."""
    levels: dict[str, dict[str, None]] = {}
    for cell in cells.values():
        for axis, level in cell:
            levels.setdefault(axis, {})[level] = None
    for axis, level in coordinates_of(pattern).items():
        if axis not in levels:
            return PlanError(f"no axis '{shortened(axis)}'", suggest(axis, levels), "--cell")
        if level not in levels[axis]:
            return PlanError(f"no level '{shortened(level)}' of {axis}", suggest(level, levels[axis]), "--cell")
    return PlanError(f"no cell {shortened(pattern)}", "The sweep leaves it out.", "--cell")
