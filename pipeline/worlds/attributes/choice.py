"""choice: one of a list of values, independent of everything else."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Literal

import pydantic

from pipeline.core.errors import KeyPath, SpecError
from pipeline.core.key import Key
from pipeline.core.spec import Rational, Spec
from pipeline.worlds.attributes.attribute import VALUES_KEYS, Attribute, AttributeKind, AttributeSpec
from pipeline.worlds.attributes.drawn import Drawn
from pipeline.worlds.attributes.forms import TranslatedSpec


class ZipfSpec(Spec):
    """Weights 1 / rank^zipf, in the order of the values."""

    zipf: Rational = pydantic.Field(description="The exponent: 1 is Zipf's law.")


Weights = Literal["uniform", "zipf"] | ZipfSpec | list[Rational]


class ChoiceSpec(TranslatedSpec, AttributeSpec):
    """One of a list of values, independent of everything else."""

    kind: Literal["choice"]
    weights: Weights = pydantic.Field(
        "uniform", description="uniform, zipf, {zipf: exponent}, or a weight for each value."
    )

    def compile(self, key: Key, size: int) -> Attribute:
        values = tuple(self.values or ())
        weights = chances(self.weights, len(values), "values", [("weights",), *VALUES_KEYS])
        return Drawn(key, values, weights, self.formed, self.translated, numbered=True)


def chances(weights: Weights, n: int, what: str, among: Sequence[KeyPath]) -> tuple[Fraction, ...] | None:
    """The probability of each of n values, summing to 1; None if all are equal. what: what they are, in messages.

    SpecError, at the key `weights`, unless they are n numbers that are not negative, nor all zero.
    """
    if weights == "uniform":
        return None
    if isinstance(weights, list):
        if len(weights) != n:
            raise SpecError(f"{len(weights)} weights for {n} {what}", "Give one each.", ("weights",), among)
        if min(weights) < 0 or not any(weights):
            remedy = "Give numbers from 0 on, at least one of them more."
            raise SpecError("weights must not be negative, nor all zero", remedy, ("weights",))
        raw = list(weights)
    else:
        raw = zipf_weights(n, weights.zipf if isinstance(weights, ZipfSpec) else Fraction(1))
    total = sum(raw)
    return tuple(weight / total for weight in raw)


def zipf_weights(n: int, exponent: Fraction) -> list[Fraction]:
    """1 / rank^exponent for ranks 1 … n as integers over 10³⁰, by decimal arithmetic: the same on every machine.

    SpecError for an exponent below 0 or over 20.

    >>> [int(weight / 10**27) for weight in zipf_weights(3, Fraction(1))]
    [1000, 500, 333]
    """
    if not 0 <= exponent <= 20:
        raise SpecError("the exponent of zipf is not from 0 to 20", "1 is Zipf's law.", ("weights",))
    with localcontext() as context:
        context.prec = 50
        power = Decimal(exponent.numerator) / Decimal(exponent.denominator)
        return [Fraction(int(Decimal(10) ** 30 / Decimal(rank) ** power)) for rank in range(1, n + 1)]


KIND = AttributeKind(ChoiceSpec, "one of a list of values, all alike or weighted")
