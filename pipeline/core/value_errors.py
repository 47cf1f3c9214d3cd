"""Words for what pydantic finds wrong with a value: one wording for each kind of error, for recipes and for files.

Messages of pydantic itself are never shown. Values are shown as YAML writes them, and cut if they are long.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pydantic_core import ErrorDetails

from pipeline.core.scalars import shown
from pipeline.core.spec import NAME

NEEDED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "number": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dataclass_type": "a mapping",
    "none_required": "null",
}
"""pydantic's name of a type error → the type that is needed."""

BOUNDS = {
    "greater_than": ("greater than", "gt"),
    "greater_than_equal": ("greater than or equal to", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("less than or equal to", "le"),
}
"""pydantic's name of an error → what a number must be, and the key of the bound in pydantic's context."""

SIZES = {
    "too_short": ("the number of entries must be at least", "min_length"),
    "too_long": ("the number of entries must be at most", "max_length"),
    "string_too_short": ("the number of characters must be at least", "min_length"),
    "string_too_long": ("the number of characters must be at most", "max_length"),
}
"""pydantic's name of an error → what the size of a text or a list must be, and the key of the bound."""

NOT_POSSIBLE = "{} is not possible here"
PATTERNS = {NAME: "a name has letters, digits and _, and begins with no digit: not {}"}
"""A regular expression that texts must match → the message for a text that does not; {} is the text."""


def problem_of(error: ErrorDetails, patterns: Mapping[str, str] = PATTERNS) -> str | None:
    """What is wrong, without the place; None for a kind of error without a wording here. patterns: like PATTERNS.

    >>> problem_of({"type": "int_type", "input": "many", "loc": (), "msg": ""})
    "a whole number is needed, not 'many'"
    """
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind in NEEDED:
        return f"{NEEDED[kind]} is needed, not {shown(value)}"
    if kind in BOUNDS:
        words, key = BOUNDS[kind]
        return f"must be {words} {_limit(context[key])}, not {shown(value)}"
    if kind in SIZES:
        words, key = SIZES[kind]
        return f"{words} {context[key]}, not {len(value)}"
    if kind == "literal_error":
        return NOT_POSSIBLE.format(shown(value))
    if kind == "string_pattern_mismatch":
        return patterns.get(context["pattern"], NOT_POSSIBLE).format(shown(value))
    return None


def _limit(bound: Any) -> str:
    """A bound as YAML writes it; pydantic gives it as a number or as a text, such as "1." for 1."""
    return shown(bound if isinstance(bound, int) else Fraction(bound))
