"""The file of a recipe or a sweep, found by its name in `recipes/` or by a path; the title in its first line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.errors import RecipeError, alike, suggest
from pipeline.core.files import library
from pipeline.core.system.escaping import shortened
from pipeline.core.system.open_files import expanded

ENDINGS = (".yaml", ".yml")
_SWEEP = re.compile(rb"^axes[ \t]*:", re.MULTILINE)


def recipes() -> dict[str, Path]:
    """Name → file of every recipe that comes with the package, by name; sweeps are not among them."""
    return {name: path for name, path in _library().items() if not is_sweep(path)}


def sweeps() -> dict[str, Path]:
    """Name → file of every sweep that comes with the package, by name."""
    return {name: path for name, path in _library().items() if is_sweep(path)}


def is_sweep(path: Path) -> bool:
    """Whether a file holds a sweep: one of its lines begins with the key `axes`, which no recipe has."""
    try:
        return bool(_SWEEP.search(path.read_bytes()))
    except OSError:
        return False


def _library() -> dict[str, Path]:
    return {path.stem: path for path in sorted(library("recipes").rglob("*.yaml"), key=lambda path: path.stem)}


def find(name: str) -> Path:
    """The file of a recipe or a sweep: a path, or a name in `recipes/`. RecipeError, with similar names, where there is
    none."""
    known = _library()
    if "/" not in name and not name.endswith(ENDINGS):
        if name in known:
            return known[name]
        beside = next((f"./{name}{ending}" for ending in ("", *ENDINGS) if os.path.isfile(name + ending)), None)
        remedy = f"Did you mean '{beside}'?" if beside else _alike_recipes(name, known)
        raise RecipeError(f"no recipe '{shortened(name)}'", remedy)
    name = str(expanded(name))
    for path in (f"{name}.yaml", name):
        if os.path.isfile(path):  # which, unlike Path.is_file, takes any name
            return Path(path)
    problem, remedy = f"no recipe '{shortened(name)}'", _alike_recipes(os.path.basename(name), known)
    raise RecipeError(problem, " ".join(["There is no such file.", *(_alike_files(name) or [remedy])]))


def _alike_recipes(name: str, known: Iterable[str]) -> str:
    """A remedy for a name that is not in the library."""
    stem = name.removesuffix(ENDINGS[0]).removesuffix(ENDINGS[1])
    return suggest(stem, known) if alike(stem, known) else "`list` shows those that come with the package."


def _alike_files(name: str) -> list[str]:
    """Remedies, at most one, for a path: a file beside it with another ending or a similar name."""
    folder, base = os.path.split(name)
    try:
        files = [entry for entry in os.listdir(folder or ".") if entry.endswith(ENDINGS)]
    except (OSError, ValueError):  # no such folder, or the name holds a NUL
        return []
    close = alike(base, files)
    return [suggest(os.path.join(folder, base), [os.path.join(folder, file) for file in close])] if close else []


def title(path: Path) -> str:
    """The comment in the first line of a recipe, which states what it reproduces; "" where there is none."""
    first = path.read_bytes().decode("utf-8-sig", errors="replace").split("\n", 1)[0]
    return first.lstrip("# ").rstrip() if first.startswith("#") else ""
