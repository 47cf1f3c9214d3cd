"""The file of a recipe, found by its name in `recipes/` or by a path, and the title in its first line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.errors import RecipeError, alike, suggest
from pipeline.core.files import library
from pipeline.core.system.escaping import shortened
from pipeline.core.system.open_files import expanded

ENDINGS = (".yaml", ".yml")


def find(name: str) -> Path:
    """The file of a recipe: a path, or a name in `recipes/`. RecipeError, with similar names, where there is none."""
    known = {path.stem: path for path in library("recipes").rglob("*.yaml")}
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
