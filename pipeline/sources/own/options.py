"""The options of a recipe as the class that the function's argument is annotated with: a dataclass or a pydantic model.

Values are checked strictly: a text is no number. Numbers with a point are floats there, or exact where the class says
`Fraction`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from pipeline.core.errors import SpecError, suggest
from pipeline.core.value_errors import problem_of

_FORM = "Annotate it with a dataclass or a pydantic model, such as `options: Options`."


def checked_options(kind: Any, given: Mapping[str, Any], of: str) -> Any:
    """The given options as an object of the class `kind`. SpecError, its path below `options`, for those that are not.

    of: whose they are, in messages.
    """
    fields = _fields(kind, of)
    for name in given:
        if name not in fields:
            raise SpecError("unknown key", suggest(name, fields), ("options", name))
    if dataclasses.is_dataclass(kind) and not hasattr(kind, "__pydantic_config__"):
        kind.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[union-attr]  # of a class
    exact = {name for name, hint in fields.items() if "Fraction" in str(hint)}
    tree = {name: _written(name, value, name in exact) for name, value in given.items()}
    try:
        return TypeAdapter(kind).validate_json(json.dumps(tree), strict=True)
    except ValidationError as errors:
        error = errors.errors(include_url=False)[0]
    except Exception as failed:  # of a class whose hints cannot be resolved, or of a validator
        words = f"{type(failed).__name__}: {' '.join(str(failed).split())[:200]}"
        raise SpecError(f"the options of {of} cannot be read: {words}", _FORM, ("function",)) from None
    at = ("options", *(step for step in error["loc"] if isinstance(step, int) or step in _keys(tree)))
    listed = ", ".join(f"{name}: {_shown(hint)}" for name, hint in fields.items())
    if error["type"] in ("missing", "missing_argument"):
        raise SpecError(f"'{error['loc'][-1]}' is missing", f"The options of {of} are {listed}.", at[:-1] or at)
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    problem = problem_of(error) or message[:1].lower() + message[1:]
    raise SpecError(problem, f"The options of {of} are {listed}.", at)


def _fields(kind: Any, of: str) -> dict[str, Any]:
    """Name of a field → its annotation."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return {field.name: field.type for field in dataclasses.fields(kind) if field.init}
    raise SpecError(f"the argument `options` of {of} says of no class that it is one", _FORM, ("function",))


def _written(name: str, value: Any, exact: bool) -> Any:
    """The value of an option for JSON. SpecError for a number that no float can hold."""
    try:
        return _plain(value, exact)
    except OverflowError:
        remedy = "Lower it, or annotate it with `Fraction`."
        raise SpecError("the number is too large for a float", remedy, ("options", name)) from None


def _plain(value: Any, exact: bool) -> Any:
    """A value of a recipe for JSON: fractions as texts, where exact ones are wanted, or as floats."""
    if isinstance(value, Fraction):
        return str(value) if exact else float(value)
    if isinstance(value, float):  # of a manifest
        return repr(value) if exact else value
    if isinstance(value, dict):
        return {name: _plain(inner, exact) for name, inner in value.items()}
    return [_plain(inner, exact) for inner in value] if isinstance(value, list) else value


def _keys(tree: Any) -> set[str]:
    """All keys of a tree."""
    if isinstance(tree, dict):
        return set(tree).union(*map(_keys, tree.values()))
    return set[str]().union(*map(_keys, tree)) if isinstance(tree, list) else set()


def _shown(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
