"""The plan of a recipe from the user's cache, if it was ever compiled there, by this code, from the same recipe.

The digest of a plan covers the recipe with all that is written into it (values, templates, rules, hashes of corpora),
the places that its parts were read from, and the content of the tokenizer. Kinds of sources, attributes and columns
that are not of this package may depend on anything: a recipe that uses one is compiled each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipeline.columns import COLUMNS
from pipeline.core.spec import Spec
from pipeline.core.system.object_cache import digest_of, kept
from pipeline.plan.compiling import compile_plan
from pipeline.plan.plan import Plan
from pipeline.recipe.model import Recipe
from pipeline.recipe.places import Loaded
from pipeline.sources import SOURCES
from pipeline.text.encoding.proof import refutations
from pipeline.text.tokenizer_loading import content_of


def planned(loaded: Loaded) -> Plan:
    """The plan that `compile_plan` makes, from the cache or compiled and put there; the same errors."""
    return kept("plans", plan_digest(loaded), lambda: compile_plan(loaded))


def plan_digest(loaded: Loaded) -> str | None:
    """A digest of all that a plan depends on; None if that cannot be known.

    RecipeError if the tokenizer cannot be read, as when the plan is compiled.
    """
    recipe = loaded.recipe
    specs = list(_specs(recipe))
    if not all(map(_of_this_package, _kinds(recipe, specs))):
        return None
    with loaded.refusing("tokenizer"):
        tokenizer = content_of(recipe.tokenizer, loaded.files("tokenizer"))
    if tokenizer is None:
        return None
    written = json.dumps(recipe.model_dump(mode="json", by_alias=True))
    unwritten = [repr((type(spec).__name__, *_unwritten(spec))) for spec in specs]
    return digest_of([loaded.title, written, *unwritten, tokenizer, *sorted(refutations())])


def _specs(value: Any) -> Iterator[Spec]:
    """A spec and all specs in it, in the order of their keys."""
    if isinstance(value, Spec):
        yield value
        value = {name: getattr(value, name) for name in type(value).model_fields}
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from _specs(part)


def _unwritten(spec: Spec) -> Iterator[Any]:
    """What a spec holds and does not write out, such as where the files of a corpus lie."""
    yield from (getattr(spec, name) for name, field in type(spec).model_fields.items() if field.exclude)
    yield from (spec.__pydantic_private__ or {}).items()


def _kinds(recipe: Recipe, specs: list[Spec]) -> Iterator[type]:
    """The classes that take part in a plan; every kind of column is asked."""
    yield from map(type, specs)
    yield from (SOURCES[source.kind].source for source in recipe.sources.values())
    yield from map(type, COLUMNS.values())


def _of_this_package(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == __name__.partition(".")[0]
