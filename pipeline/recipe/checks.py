"""Checks between the parts of a recipe: every name that it refers to exists, and no new name is taken already."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.columns import stored
from pipeline.core.errors import KeyPath, RecipeError, SpecError, suggest
from pipeline.core.system.escaping import shortened
from pipeline.formats import format_of
from pipeline.formats.format import Split, selected
from pipeline.recipe.model import Recipe
from pipeline.recipe.places import Loaded, Origin
from pipeline.recipe.yaml_tree import Node

RESERVED = {
    "tokenizer": "the tokenizer lies there",
    "exports": "the exports lie there",
    "all": "`datasets` takes it for all splits together",
    "default": "`datasets` takes it for the default config",
}
"""Names, in lower case, that a split cannot have, and why."""


def check_members(tree: Node) -> None:
    """RecipeError for a misspelt world, source, split or attribute: one that changes what no inherited recipe defines.

    It is taken for misspelt where it lacks the key that a new one needs, and its group has inherited members.
    """
    groups: list[tuple[KeyPath, str, set[str]]] = [
        (("worlds",), "world", {"attributes"}),
        (("sources",), "source", {"kind"}),
        (("splits",), "split", {"mixture", "phases"}),
        *((("worlds", name, "attributes"), "attribute", {"kind"}) for name in _members(tree, ("worlds",))),
    ]
    for path, noun, needed in groups:
        members = _members(tree, path)
        for name, node in members.items():
            known = [base for base in members if members[base].mark.nearness > node.mark.nearness]
            if known and isinstance(node.value, dict) and not needed & {*_members(node, ())}:
                meant = f"Did you mean '{known[0]}'?" if len(known) == 1 else suggest(name, known)
                needs = " or ".join(f"'{key}'" for key in sorted(needed))
                problem, remedy = f"no {noun} '{shortened(name)}'", f"{meant} A new one needs {needs}."
                raise RecipeError(problem, remedy, node.mark.place((*path, name)))


def _members(tree: Node, path: KeyPath) -> Mapping[str, Node]:
    """The members of the mapping at a path that are not null: key → node; {} where there is no mapping."""
    node = tree.find(path)
    return {name: child for name, child in node.members.items() if child.value is not None} if node else {}


def check_splits(recipe: Recipe, origin: Origin) -> None:
    """RecipeError for a split name that is reserved, or that differs from another one only in upper and lower case."""
    seen: dict[str, str] = {}
    for name in recipe.splits:
        place, plain = origin.place(("splits", name)), name.lower()  # a disk may not tell `Train` from `train`
        if plain in RESERVED:
            raise RecipeError(f"no split can be named '{name}': {RESERVED[plain]}", "Give it another name.", place)
        if plain in seen:
            problem = f"'{name}' and '{seen[plain]}' would be one folder on a disk that does not tell case apart"
            raise RecipeError(problem, "Give one of them another name.", place)
        seen[plain] = name


def check_mixtures(loaded: Loaded) -> None:
    """RecipeError for a mixture that names a source which the recipe does not have."""
    sources = loaded.recipe.sources
    for split, spec in loaded.recipe.splits.items():
        for path, source in ((path, source) for path, _, phase in spec.each_phase for source in phase.mixture):
            if source not in sources:
                with loaded.refusing("splits", split):
                    at = (*path, "mixture", source)
                    among = [at, ("..", "..", "sources", source), ("..", "..", "sources")]  # or a null removed it
                    raise SpecError(f"no source '{source}'", suggest(source, sources), at, among)


def check_exports(loaded: Loaded) -> None:
    """RecipeError for a format that cannot hold the dataset, as far as this is known without the tokenizer."""
    kinds = [spec.kind for spec in loaded.recipe.exports]
    for i, spec in enumerate(loaded.recipe.exports):
        with loaded.refusing("exports", i):
            if spec.kind in kinds[:i]:
                raise SpecError(f"two exports of the kind {spec.kind}", "One can have several splits.", ("kind",))
            selected(format_of(spec), spec, exported(loaded.recipe))


def exported(recipe: Recipe, ids: str = "uint16") -> dict[str, Split]:
    """The splits of a recipe as formats see them before they are built: name → Split. ids: the type of token ids."""
    splits = {}
    for name, spec in recipe.splits.items():
        rows, aligned = (spec.packing.method == method for method in ("rows", "aligned"))
        closed = spec.packing.uncut and all(recipe.sources[source].ended for source in spec.source_names)
        columns = stored(rows, spec.columns)
        splits[name] = Split(name, spec.packing.length, rows, aligned, closed, columns, np.dtype(ids), end=-1)
    return splits
