"""A compiled world: for any items, the rows of every finite table that tells them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError, specified_at
from pipeline.core.key import Key
from pipeline.text.fields import Field
from pipeline.worlds.attributes import Attribute, WorldSpec

MOST_ATTRIBUTES = 255  # spans store the number of theirs in a byte


class World:
    """Individuals 0 … size-1 and what is true of them: a pure function of (key, item).

    fields: attribute → how a template sees it. labels: attribute names, label l being labels[l]; labels[0] is "".
    Slot 0 is that of literals and always row 0; the others are numbered through the attributes in their order.
    """

    def __init__(self, name: str, spec: WorldSpec, key: Key) -> None:
        """SpecError, `at` below the spec, for attributes that do not fit together or a size beyond the names."""
        self.name, self.size, self.spec = name, spec.size, spec
        self.labels = ("", *spec.attributes)
        self.fields: dict[str, Field] = {}
        self._attributes: list[Attribute] = []
        self._weights: list[tuple[Fraction, ...] | None] = [None]
        self._sizes = [1]
        if len(spec.attributes) > MOST_ATTRIBUTES:
            raise SpecError(f"{len(spec.attributes)} attributes; a span can name {MOST_ATTRIBUTES}", at=("attributes",))
        for label, (attribute, attribute_spec) in enumerate(spec.attributes.items(), 1):
            with specified_at("attributes", attribute):
                compiled = attribute_spec.compile(key.child(attribute), spec.size)
                self.fields[attribute] = compiled.field(len(self._sizes), label, self.fields)
            self._attributes.append(compiled)
            self._weights += [compiled.weights(slot) for slot in range(len(compiled.sizes))]
            self._sizes += compiled.sizes

    def __len__(self) -> int:
        return self.size

    def of_kind(self, kind: str) -> str | None:
        """The first attribute of a kind, None where there is none."""
        return next((name for name, spec in self.spec.attributes.items() if spec.kind == kind), None)

    def rows(self, item: I64) -> I32:
        """The row that each slot shows for the items (d,): int32 (d, slots), slot 0 all zero."""
        out = np.empty((item.size, len(self._sizes)), np.int32)
        out[:, 0] = 0
        first = 1
        for attribute in self._attributes:
            attribute.draw(item, out[:, first : first + len(attribute.sizes)])
            first += len(attribute.sizes)
        return out

    def probability(self, slot: int) -> tuple[Fraction, ...]:
        """How likely each row of a slot is, over all items."""
        return self._weights[slot] or (Fraction(1, self._sizes[slot]),) * self._sizes[slot]

    def values(self, item: int) -> Mapping[str, object]:
        """Attribute → value of one item, as an expression in a template sees it."""
        rows = dict(enumerate(self.rows(np.array([item]))[0].tolist()))
        return {name: field.value(rows) for name, field in self.fields.items()}
