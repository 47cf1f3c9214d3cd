"""Single values as YAML writes them: in files, and in messages."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from pipeline.core.system.escaping import shortened

NUMBER = r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)"
"""A decimal number without exponent."""

MOST_SHOWN = 60  # characters of a value


def decimal_of(number: Fraction) -> str:
    """A fraction as 0.25 where that is exact, else as 1/3."""
    rest = number.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    places = number.denominator.bit_length()  # as many digits as that are enough
    if rest > 1 or places > 40:
        return str(number)
    digits = f"{number.numerator * 10**places // number.denominator:0{places + 1}d}"
    return f"{digits[:-places]}.{digits[-places:]}".rstrip("0")


def shown(value: Any) -> str:
    """A value as YAML writes it, cut if it is long; for a list or a mapping only "a list", "a mapping".

    >>> shown("often"), shown(True), shown(Fraction(1, 3)), shown([1, 2]), shown(10**99)
    ("'often'", 'true', '1/3', 'a list', '100000…000 (100 digits)')
    """
    if isinstance(value, str):
        return f"'{shortened(value, MOST_SHOWN)}'"
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, int | Fraction):
        text = str(value) if value.denominator == 1 else decimal_of(Fraction(value))
        return text if len(text) <= 30 else f"{text[:6]}…{text[-3:]} ({sum(map(str.isdigit, text)):,} digits)"
    return "a list" if isinstance(value, list) else "a mapping"
