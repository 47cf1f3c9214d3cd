"""docs/recipes.md: every recipe in one line, and a document of each of its sources. Written by `python -m tests.golden`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.core.files import library
from pipeline.plan import Plan
from pipeline.recipe import title
from tests.plans import small

FILE = Path(__file__).parents[2] / "docs" / "recipes.md"
SECTIONS = {
    "extraction": "Knowledge extraction: Part 3.1, and what grew out of it",
    "manipulation": "Knowledge manipulation: Part 3.2",
    "capacity": "Knowledge capacity: Part 3.3",
    "recipes": "Others",
}


def gallery() -> str:
    """The whole page."""
    lines = [
        "# Recipes",
        "",
        "Made by `python -m tests.golden` from the recipes themselves. `make dataset RECIPE=<name>` builds one,",
        "`make plan RECIPE=<name>` says all its numbers, `make preview RECIPE=<name>` shows more of its documents.",
    ]
    for folder, heading in SECTIONS.items():
        paths = sorted(path for path in library("recipes").rglob("*.yaml") if path.parent.name == folder)
        lines += ["", f"## {heading}", "", "| recipe | what it is | documents | tokens |", "|---|---|---:|---:|"]
        lines += [_line(path) for path in paths]
    lines += ["", "## As they read", "", "The first document of every source, where it differs from one shown before."]
    lines += _examples()
    return "\n".join(lines) + "\n"


def _line(path: Path) -> str:
    plan = small(path.stem)
    documents = " + ".join(f"{split.documents:,}" for split in plan.splits.values())
    tokens = " + ".join(f"{_short(int(sum(split.expected.values())))}" for split in plan.splits.values())
    return f"| `{path.stem}` | {title(path).rstrip('.')} | {documents} | {tokens} |"


def _short(number: int) -> str:
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _examples() -> Iterator[str]:
    seen: set[str] = set()
    for path in sorted(library("recipes").rglob("*.yaml"), key=lambda path: (path.parent.name, path.stem)):
        plan = small(path.stem)
        for source in plan.sources:
            if (text := _first(plan, source)) not in seen:
                seen.add(text)
                yield from ("", f"`{path.stem}`, {source}:", "", f"> {text}")


def _first(plan: Plan, source: str) -> str:
    """A document as it reads; for questions that of a later item, so that not all are of one kind."""
    item = np.array([min(5, len(plan.sources[source]) - 1)], np.int64)
    told = plan.sources[source].documents(item, item, spans=False).tokens
    text = plan.tokenizer.decode(told.values).replace("<", "&lt;").replace("\n", " ").strip()
    return text if len(text) < 1200 else text[:1200] + " …"
