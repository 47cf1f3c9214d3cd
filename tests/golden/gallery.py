"""docs/recipes.md: every recipe in a line, a document of each of its sources. `python -m tests.golden` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.core.files import library
from pipeline.recipe.paths import title
from tests.golden import LONGEST
from tests.plans import KINDS

FILE = Path(__file__).parents[2] / "docs" / "recipes.md"
SECTIONS = {
    "extraction": "Knowledge extraction: Part 3.1, and what grew out of it",
    "manipulation": "Knowledge manipulation: Part 3.2",
    "relations": "Relations: paths from one individual to another",
    "capacity": "Knowledge capacity: Part 3.3",
    "order": "When a fact is told: rounds, phases, shares that change",
    "chat": "Conversations, preferences and rewards",
    "reasoning": "Grade-school mathematics, and mistakes that are taken back: Parts 2.1 and 2.2",
    "structure": "Grammars: Part 1",
    "playground": "The playground: Part 4.1",
    "recipes": "Others",
}


def gallery(observed: Mapping[str, Any]) -> str:
    """The whole page, from what was observed of each recipe."""
    lines = [
        "# Recipes",
        "",
        "Made by `python -m tests.golden` from the recipes themselves. `make dataset RECIPE=<name>` builds one,",
        "`make plan RECIPE=<name>` says all its numbers, `make preview RECIPE=<name>` shows more of its documents.",
    ]
    paths = sorted(library("recipes").rglob("*.yaml"))
    for folder, heading in SECTIONS.items():
        lines += ["", f"## {heading}", "", "| recipe | what it is | documents | tokens |", "|---|---|---:|---:|"]
        lines += [_line(path, observed[path.stem]["sizes"]) for path in paths if path.parent.name == folder]
    lines += [
        "",
        "## As they read",
        "",
        "A document of every source, where it differs from one shown before by more than numbers.",
    ]
    lines += _examples({path.stem: observed[path.stem]["documents"] for path in paths if path.stem in KINDS})
    return "\n".join(lines) + "\n"


def _line(path: Path, sizes: Mapping[str, tuple[int, int]]) -> str:
    documents = " + ".join(f"{number:,}" for number, _ in sizes.values())
    tokens = " + ".join(_short(number) for _, number in sizes.values())
    return f"| `{path.stem}` | {title(path).rstrip('.')} | {documents} | {tokens} |"


def _short(number: int) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _examples(documents: Mapping[str, Mapping[str, list[str]]]) -> Iterator[str]:
    seen: set[str] = set()
    for recipe, sources in documents.items():
        for source, texts in sources.items():
            text = texts[-1].replace("<", "&lt;").replace("\n", " ").strip()
            if text not in seen:
                seen.add(text)
                yield from ("", f"`{recipe}`, {source}:", "", f"> {text[:LONGEST]}{' …' * (len(text) > LONGEST)}")
