"""Plain values, as a file has them, as a spec."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from pipeline.core.errors import RecipeError
from pipeline.core.spec import Spec
from pipeline.recipe.model import KINDS
from pipeline.recipe.places import Origin
from pipeline.recipe.refusals import refusal

SomeSpec = TypeVar("SomeSpec", bound=Spec)


def validated(kind: type[SomeSpec], tree: Any, origin: Origin) -> SomeSpec:
    """Plain values as a spec of this kind. RecipeError, with the place known to `origin`, for invalid values."""
    try:
        return kind.model_validate(tree)
    except ValidationError as errors:
        error = refusal(errors.errors(include_url=False), tree, KINDS)
    place, remedy = origin.pointed((), error)
    raise RecipeError(error.problem, remedy, place)
