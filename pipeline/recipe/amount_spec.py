"""How much of a source a mixture takes: exposures, tokens, a share, a share that changes, or a ratio."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, WithJsonSchema, field_serializer, field_validator, model_validator

from pipeline.core.errors import KeyPath
from pipeline.core.spec import Name, Rational, Spec, refused

MOST_EXPOSURES = 2**31  # what the column `documents` can hold
MOST_STEPS = 1000  # of a ramp

Begin = Annotated[int, Field(ge=0, lt=MOST_EXPOSURES)] | Name


class _From(Spec):
    """The key `from`, the first exposure."""

    from_: Begin | None = Field(
        None,
        alias="from",
        description="The first exposure, from 0; or the name of an earlier split, whose exposures are counted on. "
        "Default: 0, or where an earlier phase of the split stopped.",
    )


class ZipfExposuresSpec(_From):
    """A long tail: item i (from 0) is seen max(least, floor(most / (i + 1)^zipf)) times."""

    zipf: Rational = Field(ge=0, le=10, description="The exponent: 1 is Zipf's law.")
    most: int = Field(ge=1, le=10**9, description="How often the first item is seen.")
    least: int = Field(1, ge=0, le=10**9, description="How often the last ones are seen.")

    @field_validator("zipf")
    @classmethod
    def _in_four_digits(cls, value: Fraction) -> Fraction:
        if value.denominator > 10_000:  # most^denominator must stay small enough to compute
            raise refused("four digits of the exponent zipf are enough", "Round it.")
        return value


class CountedExposuresSpec(_From):
    """Exposures from a later one on: after seven of another split, `{count: 3, from: 7}` are new ones."""

    count: Rational = Field(ge=0, description="How often each item is seen, exactly; at 1.5 half of them twice.")


def _number(**bounds: int) -> WithJsonSchema:
    """The schema of a number that is one of several forms: pydantic leaves its bounds out there."""
    return WithJsonSchema({"type": "number", **bounds})


def _way(value: Any) -> str:
    """The tag of the form in which exposures are written. Tags are not keys, so they never occur in a path."""
    if isinstance(value, ZipfExposuresSpec) or (isinstance(value, dict) and {"zipf", "most", "least"} & value.keys()):
        return "{zipf}"
    return "{count}" if isinstance(value, dict | CountedExposuresSpec) else "<number>"


Exposures = Annotated[
    Annotated[Rational, Field(ge=0), _number(minimum=0), Tag("<number>")]
    | Annotated[CountedExposuresSpec, Tag("{count}")]
    | Annotated[ZipfExposuresSpec, Tag("{zipf}")],
    Discriminator(_way),
]


class RampSpec(Spec):
    """A share that changes over a phase, evenly or in steps."""

    from_: Rational = Field(alias="from", ge=0, le=1, description="The share at the beginning.")
    to: Rational = Field(ge=0, le=1, description="The share at the end.")
    steps: int | None = Field(
        None, ge=2, le=MOST_STEPS, description="In so many steps of equally many tokens. Default: as even as can be."
    )


Share = Annotated[
    Annotated[Rational, Field(ge=0, le=1), _number(minimum=0, maximum=1), Tag("<number>")]
    | Annotated[RampSpec, Tag("{from}")],
    Discriminator(lambda value: "{from}" if isinstance(value, dict | RampSpec) else "<number>"),
]


class AmountSpec(_From):
    """How much of a source a split takes. Nothing: each item as often as the source has wordings of it."""

    exposures: Exposures | None = Field(
        None,
        description="How often each item is seen, exactly; at 1.5 half of them twice. {count: 3, from: 7}: at the "
        "exposures 7, 8 and 9. {zipf, most}: a long tail.",
    )
    share: Share | None = Field(
        None, description="A fraction of the split's tokens. {from: 0.9, to: 0.1}: one that changes over them."
    )
    tokens: int | None = Field(None, ge=0, le=2**61, description="How many tokens.")
    ratio: Rational | None = Field(None, ge=0, description="How many times the tokens of the source `to`.")
    to: Name | None = Field(None, description="The source that `ratio` compares with.")

    @field_serializer("exposures", "share")
    def _as_written(self, amount: Any) -> Any:
        if isinstance(amount, Spec):
            return amount.model_dump(mode="json", by_alias=True, exclude_none=True)
        return None if amount is None else str(amount)

    @property
    def begin(self) -> int | str | None:
        """The first exposure, from 0, or the earlier split whose exposures are counted on; None where none is given."""
        if self.exposures is None or isinstance(self.exposures, Fraction):
            return self.from_
        return self.exposures.from_

    @property
    def begin_at(self) -> KeyPath:
        """The path of the key that `begin` is from."""
        return ("from",) if self.exposures is None or isinstance(self.exposures, Fraction) else ("exposures", "from")

    @property
    def tail(self) -> ZipfExposuresSpec | None:
        """The long tail, where items have different numbers of exposures; None otherwise."""
        return self.exposures if isinstance(self.exposures, ZipfExposuresSpec) else None

    @property
    def count(self) -> Fraction | None:
        """Exposures of each item, where the amount states one number for all of them; None otherwise."""
        if isinstance(self.exposures, CountedExposuresSpec):
            return self.exposures.count
        return self.exposures if isinstance(self.exposures, Fraction) else None

    @property
    def ramp(self) -> RampSpec | None:
        """The share that changes; None otherwise."""
        return self.share if isinstance(self.share, RampSpec) else None

    @model_validator(mode="after")
    def _at_most_one(self) -> AmountSpec:
        given = [name for name in ("exposures", "share", "tokens", "ratio") if getattr(self, name) is not None]
        if len(given) > 1:
            problem = f"one of {' and '.join(given)} is enough"
            raise refused(problem, among=[(name,) for name in given], exclusive=True)
        if (self.ratio is None) != (self.to is None):
            missing = "to" if self.to is None else "ratio"
            raise refused("a ratio is written {ratio: 7, to: another source}", f"Add `{missing}`.")
        if self.exposures is not None and self.from_:
            remedy = f"Write exposures: {{count: …, from: {self.from_}}}."
            raise refused("exposures from a later one on have their own `from`", remedy, ("from",))
        return self
