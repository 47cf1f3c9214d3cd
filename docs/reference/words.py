"""Types, numbers and defaults of a schema in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def either(words: Iterable[str]) -> str:
    """`a`; `a or b`; `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def bounds(value: Mapping[str, Any]) -> str:
    """The bounds of a number in the schema: ` from 1 to 512`, ` above 0`, or nothing.

    >>> bounds({"minimum": 1, "maximum": 512}), bounds({"exclusiveMinimum": 0, "maximum": 2**31 - 1}), bounds({})
    (' from 1 to 512', ' above 0 and at most 2³¹ - 1', '')
    """
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    given = {key: number(value[key]) for key in words if value.get(key) is not None}
    if given.keys() == {"minimum", "maximum"}:
        return f" from {given['minimum']} to {given['maximum']}"
    return "".join(f" {'and ' * before}{words[key]} {given[key]}" for before, key in enumerate(given))


def number(value: float) -> str:
    """A number as a reader has it in mind, not in thirteen digits.

    >>> number(2**40), number(2**31 - 1), number(-(10**18)), number(1024), number(0.5)
    ('2⁴⁰', '2³¹ - 1', '-10¹⁸', '1,024', '0.5')
    """
    for offset, more in ((0, ""), (1, " - 1")):
        power = int(value) + offset
        if power == value + offset and power >= 2**20 and power & (power - 1) == 0:
            return f"2{_raised(power.bit_length() - 1)}{more}"
    for digits in range(6, 20):
        if abs(value) == 10**digits:
            return f"{'-' if value < 0 else ''}10{_raised(digits)}"
    return f"{value:,}"


def _raised(exponent: int) -> str:
    return str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def default_of(value: Any) -> str:
    """A default as a recipe has it; a spec's is that of its keys."""
    if value is None:
        return ""
    if isinstance(value, dict) and value:
        return "that of its keys"
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value)
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
