"""reference/sources.md: the kinds of sources."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from docs.reference.docstrings import markdown
from docs.reference.specs import Specs
from docs.repository import ROOT
from pipeline.sources import SOURCES

COMMON = ("tag", "mask", "extends")  # keys of all
MOST = 4  # recipes that are named

_LETTERS = re.compile(r"\n\nLetters: .*", re.DOTALL)  # for readers of the code

HEAD = """\
# Sources

A source makes documents: a pure function of an item and an exposure. In a recipe, `sources` gives each a name and its
keys; `kind` says which of these it is. In brackets: the Parts of *Physics of Language Models* in which it stands.

| kind | documents |
|---|---|
"""


def page(specs: Specs) -> str:
    """The page."""
    rows = "".join(f"| [`{name}`](#{name}) | {kind.summary} |\n" for name, kind in SOURCES.items())
    shared = [specs.section(name, "sources") for name in specs.others("sources")]
    return "\n".join([HEAD + rows, *_kinds(specs), "## Keys below those\n", *shared])


def _kinds(specs: Specs) -> Iterator[str]:
    shown: dict[str, str] = {}
    for name, kind in SOURCES.items():
        spec = kind.spec.__name__
        lines = [f"## {name}", f"`kind: {name}`: {kind.summary}."]
        lines.append(markdown(_LETTERS.sub("", sys.modules[kind.source.__module__].__doc__ or "")))
        if kind.verifier:
            lines.append("`pipeline check` reads a model's answers to these, and says which are right.")
        if recipes := _recipes(name):
            lines.append(f"Recipes: {', '.join(recipes)}.")
        if spec in shown:
            lines.append(f"It has the keys of [{shown[spec]}](#{shown[spec]}).\n")
        else:
            lines.append(specs.table(spec, "sources", COMMON))
        shown.setdefault(spec, name)
        yield "\n\n".join(lines)


def _recipes(kind: str) -> list[str]:
    """Links to recipes that write this kind, the first ones by name."""
    written = [path for path in sorted((ROOT / "recipes").rglob("*.yaml")) if _writes(path.read_text(), kind)]
    return [f"[`{path.stem}`](../../{path.relative_to(ROOT).as_posix()})" for path in written[:MOST]]


def _writes(text: str, kind: str) -> bool:
    return re.search(rf"\bkind: {kind}\b", text) is not None
