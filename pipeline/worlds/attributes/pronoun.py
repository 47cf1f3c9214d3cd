"""pronoun: he or she, and on request they or it."""

from __future__ import annotations

from typing import Literal

import pydantic

from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.worlds.attributes.attribute import Attribute, AttributeKind, AttributeSpec
from pipeline.worlds.attributes.drawn import Drawn


class PronounSpec(AttributeSpec):
    """A pronoun, uniform over `values`: two by default, one bit, as in Part 3.3, section 2.2 (3.1 also has they)."""

    kind: Literal["pronoun"]
    values: list[Literal["he", "she", "they", "it"]] = pydantic.Field(
        ["he", "she"], min_length=1, description="Which there are, all equally likely."
    )

    def compile(self, key: Key, size: int) -> Attribute:
        if len(set(self.values)) < len(self.values):
            raise SpecError("a pronoun stands twice", "Remove one.", ("values",))
        return Drawn(key, tuple(self.values))


KIND = AttributeKind(PronounSpec, "he or she, and on request they or it")
