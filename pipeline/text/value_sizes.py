"""Limits the size of the values of an expression.

If a result cannot be much larger than the arguments, it is measured afterwards. If it can (a width, a precision,
`join`, `replace`), its size is estimated from the arguments first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

LONGEST = 10_000  # characters of a text
DIGITS = 4_300  # of a whole number: the most that Python converts to text


class TooLarge(Exception):
    """An operation is refused because its value would be too large. remedy: how large it may be."""

    def __init__(self, problem: str, remedy: str = f"At most {LONGEST:,} are allowed.") -> None:
        super().__init__(problem)
        self.remedy = remedy


def size_of(value: Any) -> int:
    """About how many characters a value has as text; for a list or a mapping, the sum over its parts.

    TooLarge for a whole number with more than DIGITS digits.
    """
    if isinstance(value, str):
        return len(value)
    if isinstance(value, int):
        return digits(value.bit_length())
    if isinstance(value, list | tuple):
        return 1 + sum(map(size_of, value))
    if isinstance(value, dict):
        return 1 + sum(size_of(key) + size_of(inner) for key, inner in value.items())
    return 1


def digits(bits: int) -> int:
    """The number of decimal digits of an integer with so many bits. TooLarge for more than DIGITS."""
    count = 1 + bits * 30_103 // 100_000
    if count > DIGITS:
        raise TooLarge(f"makes a number of about {count:,} digits", f"At most {DIGITS:,} are allowed.")
    return count


def require_small(characters: int) -> None:
    """TooLarge for more than LONGEST characters."""
    if characters > LONGEST:
        raise TooLarge(f"makes a value of {characters:,} characters")


Estimate = Callable[..., int]
"""The characters that a filter or a method makes of its arguments, nearly, or more than that."""


def check_estimate(estimates: Mapping[str, Estimate], name: str, *args: Any, **kwargs: Any) -> None:
    """TooLarge if the operation `name` would make too large a value of these arguments. estimates: name → estimate."""
    if name in estimates:
        try:
            characters = estimates[name](*args, **kwargs)
        except TypeError:  # wrong number or types of arguments: the operation refuses them itself
            return
        require_small(characters)


def _padded(text: str, width: int, fill: str = " ") -> int:
    return max(len(text), int(width))


def _expanded(text: str, tabsize: int = 8) -> int:
    return len(text) + text.count("\t") * max(int(tabsize), 0)


def _replaced(text: Any, old: Any, new: Any, count: int | None = None) -> int:
    shown = str(text)
    places = shown.count(str(old))
    places = places if count is None or count < 0 else min(places, count)
    return len(shown) + places * (len(str(new)) - len(str(old)))


def _joined(values: Any, between: Any = "", attribute: Any = None) -> int:
    return size_of(values) + max(len(values) - 1, 0) * size_of(between)


def _joining(between: str, values: Any) -> int:
    return _joined(values, between)


_FIELD = re.compile(
    r"%(?:\((?P<key>[^)]*)\))?[-#0 +]*(?P<width>\*|\d*)(?:\.(?P<precision>\*|\d*))?[hlL]?(?P<kind>.)", re.DOTALL
)
_TEXTS: Mapping[str, Callable[[object], str]] = {"s": str, "r": repr, "a": ascii}
_FLOAT = 320  # digits before the point, at most


def _formatted(text: Any, *args: Any, **kwargs: Any) -> int:
    """The estimate for `text % args`."""
    length, given = len(str(text)), iter(args)
    for field in _FIELD.finditer(str(text)):
        written = field.group("width", "precision")
        sizes = (next(given, 0) if text == "*" else width_or_precision(text) for text in written)
        width, precision = map(int, sizes)
        kind, value = field["kind"], ""
        if kind != "%":
            value = next(given, "") if field["key"] is None else kwargs.get(field["key"], "")
        shown = size_of(value)
        if kind in _TEXTS:
            shown = len(_TEXTS[kind](value))
        elif kind in "eEfFgG":
            shown = _FLOAT + abs(precision)
        elif kind in "diouxX":
            shown = max(shown, abs(precision))
        length += max(shown, abs(width)) - len(field[0])
        require_small(length)
    return length


def width_or_precision(written: str | None) -> int:
    """A width or a precision as a number, 0 for None. TooLarge if no allowed text could be that long."""
    if written and len(written.lstrip("0")) > len(str(LONGEST)):
        problem = f"asks for a width or a precision of {len(written):,} digits"
        raise TooLarge(problem, f"At most {LONGEST:,} is allowed.")
    return int(written[-9:]) if written else 0


OF_FILTERS: Mapping[str, Estimate] = {"format": _formatted, "join": _joined, "replace": _replaced}
OF_METHODS: Mapping[str, Estimate] = {
    "center": _padded,
    "expandtabs": _expanded,
    "join": _joining,
    "ljust": _padded,
    "replace": _replaced,
    "rjust": _padded,
    "zfill": _padded,
}  # and `format`, which is _Format
