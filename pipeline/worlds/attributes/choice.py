"""choice: one of a list of values, independent of everything else."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Literal

import pydantic

from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.spec import Rational, Spec
from pipeline.worlds.attributes.attribute import VALUES_KEYS, Attribute, AttributeKind, AttributeSpec
from pipeline.worlds.attributes.drawn import Drawn
from pipeline.worlds.attributes.forms import TranslatedSpec


class ZipfSpec(Spec):
    """Weights 1 / rank^zipf, in the order of the values."""

    zipf: Rational = pydantic.Field(description="The exponent: 1 is Zipf's law.")


class ChoiceSpec(TranslatedSpec, AttributeSpec):
    """One of a list of values, independent of everything else."""

    kind: Literal["choice"]
    weights: Literal["uniform", "zipf"] | ZipfSpec | list[Rational] = pydantic.Field(
        "uniform", description="uniform, zipf, {zipf: exponent}, or a weight for each value."
    )

    def compile(self, key: Key, size: int) -> Attribute:
        values = tuple(self.values or ())
        return Drawn(key, values, self._weights(len(values)), self.formed, self.translated, numbered=True)

    def _weights(self, n: int) -> tuple[Fraction, ...] | None:
        if self.weights == "uniform":
            return None
        if isinstance(self.weights, list):
            if len(self.weights) != n:
                among = [("weights",), *VALUES_KEYS]
                raise SpecError(f"{len(self.weights)} weights for {n} values", "Give one each.", ("weights",), among)
            if min(self.weights) < 0 or not any(self.weights):
                raise SpecError("weights must not be negative, nor all zero", at=("weights",))
            raw = list(self.weights)
        else:
            raw = zipf_weights(n, self.weights.zipf if isinstance(self.weights, ZipfSpec) else Fraction(1))
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
