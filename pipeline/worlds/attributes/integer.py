"""integer: a whole number of a range."""

from __future__ import annotations

from typing import Literal, Self

import pydantic

from pipeline.core.errors import SpecError
from pipeline.core.files import MOST_VALUES, Files
from pipeline.core.key import Key
from pipeline.worlds.attributes.attribute import Attribute, AttributeKind, AttributeSpec
from pipeline.worlds.attributes.drawn import Drawn
from pipeline.worlds.attributes.forms import FormsKey, materialised, texts_of


class IntegerSpec(AttributeSpec):
    """A whole number from `first` to `last`, both included, uniform over the steps between."""

    kind: Literal["integer"]
    first: int = pydantic.Field(ge=-(10**18), le=10**18, description="The least number.")
    last: int = pydantic.Field(ge=-(10**18), le=10**18, description="The greatest number, if a step falls on it.")
    step: int = pydantic.Field(1, ge=1, le=10**18, description="From one number to the next.")
    forms: FormsKey

    @property
    def numbers(self) -> range:
        """All values, in order."""
        return range(self.first, self.last + 1, self.step)

    def materialise(self, files: Files) -> Self:
        if not self.forms:
            return self
        self._check()
        forms = materialised(self.forms, list(map(str, self.numbers)), files)
        return self.model_copy(update={"forms": forms})

    def compile(self, key: Key, size: int) -> Attribute:
        self._check()
        return Drawn(key, tuple(self.numbers), forms=texts_of(self.forms, len(self.numbers)))

    def _check(self) -> None:
        """SpecError if there are no numbers, or too many."""
        count = (self.last - self.first) // self.step + 1
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


KIND = AttributeKind(IntegerSpec, "a whole number of a range")
