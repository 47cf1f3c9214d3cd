"""From the name of a recipe to a frozen Recipe with everything written into it.

What the recipe names elsewhere (value lists, templates, Faker) is written into it, so that the resolved recipe stands
alone. Every refusal names file and line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pipeline.core.errors import RecipeError, suggest
from pipeline.core.spec import Spec
from pipeline.core.system.escaping import shortened
from pipeline.formats import FORMATS, FormatSpec
from pipeline.recipe.checks import check_exports, check_members, check_mixtures, check_splits
from pipeline.recipe.languages import with_languages
from pipeline.recipe.merging import extended, inherited, overridden
from pipeline.recipe.model import Recipe
from pipeline.recipe.paths import find, title
from pipeline.recipe.places import Loaded, Origin
from pipeline.recipe.validating import validated
from pipeline.recipe.yaml_tree import SET, Node, node_of
from pipeline.sources.chat.spec import OWN
from pipeline.text.chat.own_template import of_tokenizer


def load(name: str, overrides: Iterable[str] = (), *, allow_code: bool = False) -> Loaded:
    """The recipe `name` (of `recipes/`, or a path), with `key.path=value` overrides. RecipeError with file and line.

    allow_code: whether Python files that the recipe names may run; without it they are refused.

    >>> load("tiny", ["worlds.people.size=50"]).recipe.worlds["people"].size
    50
    """
    path = find(name)
    tree = extended(path)
    for override in overrides:
        tree = overridden(tree, override)
    return resolved(tree, title(path), allow_code)


def resolved(tree: Node, title: str, allow_code: bool = False) -> Loaded:
    """The recipe that a tree describes, over which everything is written that changes it. RecipeError as of `load`."""
    for group in ("worlds", "sources"):
        tree = inherited(tree, group)
    check_members(tree)
    origin = Origin(tree)
    recipe = validated(Recipe, tree.plain(nulls=False), origin)
    check_splits(recipe, origin)
    return _materialised(with_languages(Loaded(recipe, origin, title, allow_code)))


def export_spec(kind: str, overrides: Iterable[str] = (), options: Mapping[str, Any] | None = None) -> FormatSpec:
    """The options of the format `kind`: `options`, then `key=value` overrides. RecipeError for invalid ones."""
    if kind not in FORMATS:
        raise RecipeError(f"no format '{shortened(kind)}'", suggest(kind, FORMATS))
    tree: Node = node_of({"kind": kind, **(options or {})}, SET)
    for override in overrides:
        tree = overridden(tree, override)
    return validated(FORMATS[kind].spec, tree.plain(), Origin(tree))


def _materialised(loaded: Loaded) -> Loaded:
    """The recipe with every file and Faker list written into its specs. RecipeError for parts that do not fit."""
    groups: dict[str, Mapping[str, Spec]] = {"worlds": loaded.recipe.worlds, "sources": loaded.recipe.sources}
    updated: dict[str, dict[str, Any]] = {group: {} for group in groups}
    for group, specs in groups.items():
        for name, spec in specs.items():
            with loaded.refusing(group, name):
                updated[group][name] = spec.materialise(loaded.files(group, name))
    for name, source in updated["sources"].items():
        if source.chat:
            at = ("sources", name, "chat")
            with loaded.refusing(*at):
                chat = source.chat.materialise(loaded.files(*at))
                if chat.template == OWN:
                    chat = chat.with_own(*of_tokenizer(loaded.recipe.tokenizer, loaded.files("tokenizer")))
            updated["sources"][name] = source.model_copy(update={"chat": chat})
    with loaded.refusing("tokenizer"):
        tokenizer = loaded.recipe.tokenizer.materialise(loaded.files("tokenizer"))
    check_mixtures(loaded)
    check_exports(loaded)
    return replace(loaded, recipe=loaded.recipe.model_copy(update={**updated, "tokenizer": tokenizer}))
