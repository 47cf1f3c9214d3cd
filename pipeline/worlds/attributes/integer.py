"""integer: a whole number of a range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
import pydantic
from numpy.typing import NDArray

from pipeline.core.draws import I32, I64, below
from pipeline.core.errors import SpecError
from pipeline.core.files import MOST_VALUES, Files
from pipeline.core.key import Key
from pipeline.text.arithmetic import NoArithmetic
from pipeline.text.fields import Column, Field
from pipeline.worlds.attributes.attribute import Attribute, AttributeKind, AttributeSpec
from pipeline.worlds.attributes.computed import computed
from pipeline.worlds.attributes.drawn import Drawn
from pipeline.worlds.attributes.forms import FormsKey, materialised, texts_of


def _way(value: object) -> str:
    """The tag of the form in which an end is written. Tags are not keys, so they never occur in a path."""
    return "<text>" if isinstance(value, str) else "<number>"


End = Annotated[
    Annotated[int, pydantic.Field(ge=-(10**18), le=10**18), pydantic.Tag("<number>")]
    | Annotated[str, pydantic.Field(min_length=1), pydantic.Tag("<text>")],
    pydantic.Discriminator(_way),
]
"""A number, or arithmetic over other attributes."""


class IntegerSpec(AttributeSpec):
    """A whole number from `first` to `last`, both included, uniform over the steps between.

    Either end may follow from other attributes, as a computed one does: `first: melts + 1`, `last: melts + 400`. Then
    there must be equally many numbers between them for all values of those.
    """

    kind: Literal["integer"]
    first: End = pydantic.Field(description="The least number.")
    last: End = pydantic.Field(description="The greatest number, if a step falls on it.")
    step: int = pydantic.Field(1, ge=1, le=10**18, description="From one number to the next.")
    forms: FormsKey

    @property
    def numbers(self) -> range:
        """All values, in order, of ends that are numbers."""
        assert isinstance(self.first, int), "follows from others"
        assert isinstance(self.last, int), "follows from others"
        return range(self.first, self.last + 1, self.step)

    @property
    def follows(self) -> bool:
        """Whether an end follows from other attributes."""
        return isinstance(self.first, str) or isinstance(self.last, str)

    def materialise(self, files: Files) -> Self:
        if not self.forms:
            return self
        if self.follows:
            raise SpecError("forms need ends that are numbers", "Remove the forms, or write numbers.", ("forms",))
        self._check()
        forms = materialised(self.forms, list(map(str, self.numbers)), files)
        return self.model_copy(update={"forms": forms})

    def compile(self, key: Key, size: int) -> Attribute:
        if self.follows:
            return Ranged(key, self)
        self._check()
        return Drawn(key, tuple(self.numbers), forms=texts_of(self.forms, len(self.numbers)))

    def _check(self) -> None:
        """SpecError if there are no numbers, or too many."""
        count = len(self.numbers)
        if count < 1:
            problem = f"no number from {self.first} to {self.last}"
            raise SpecError(problem, "Exchange first and last.", ("last",), [("first",), ("last",)])
        if count > MOST_VALUES:
            raise SpecError(
                f"{count:,} different numbers; at most {MOST_VALUES:,} can be tokenized ahead",
                "Give a larger `step`, or split the number into two attributes.",
                ("last",),
                [("first",), ("last",), ("step",)],
            )


class Ranged(Attribute):
    """Two slots: how many steps from the first number, which is drawn, and the number, which follows."""

    def __init__(self, key: Key, spec: IntegerSpec) -> None:
        self._key, self._spec = key, spec

    @property
    def rows(self) -> int:
        return 0  # known once it has a field

    def draw(self, item: I64, out: I32) -> None:
        below(self._key, self.sizes[0], item, out=out[:, 0])

    def field(self, first: int, label: int, others: Mapping[str, Field]) -> Field:
        step = self._spec.step
        least, greatest = (computed(str(getattr(self._spec, end)), others, end) for end in ("first", "last"))
        count = _uniform(np.asarray(greatest.minus(least).values) // step + 1)
        try:
            table = least.plus_steps(first, count, step)
        except NoArithmetic as error:
            raise SpecError(f"the numbers cannot be computed ahead: {error}", "Take fewer.", ("last",)) from None
        values = tuple(table.different)
        self.sizes, self.relations = (count, len(values)), {1: table.joint}
        return Field((Column(first + 1, values),), label=label)


def _uniform(counts: NDArray[np.int64]) -> int:
    """The one number that all counts are. SpecError if they differ, or if it is none."""
    fewest, most = int(counts.min()), int(counts.max())
    if fewest < 1:
        problem = "there is no number between the ends" + " for some values" * (most > 0)
        raise SpecError(problem, "Raise `last`, or lower `first`.", ("last",), [("first",), ("last",)])
    if fewest != most:
        raise SpecError(
            f"between the ends are {fewest:,} numbers for some values, and {most:,} for others",
            "Let both follow from the same attribute: first: melts + 1, last: melts + 400.",
            ("last",),
            [("first",), ("last",)],
        )
    return fewest


KIND = AttributeKind(IntegerSpec, "a whole number of a range")
