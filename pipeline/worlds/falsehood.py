"""Wrong values: replaces a true value by another value of the same attribute."""

from __future__ import annotations

from fractions import Fraction
from math import prod

import numpy as np

from pipeline.core.draws import I32, I64, U64, scaled
from pipeline.core.errors import SpecError
from pipeline.core.files import MOST_VALUES
from pipeline.text.fields import Column, Field
from pipeline.worlds.world import World


class Falsehood:
    """Draws wrong values of one attribute, uniformly from those with a text other than the true one.

    A value is a combination of rows of the attribute's slots; combinations are numbered. Those with the same text are a
    class, and adjacent in `_order`. Every combination outside of the true value's class is wrong.
    """

    def __init__(self, world: World, attribute: str) -> None:
        """SpecError if the attribute has only one value, or too many to list."""
        field = world.fields[attribute]
        self.label = field.label
        self.slots = tuple(dict.fromkeys(piece.slot for piece in field.format if isinstance(piece, Column)))
        self._sizes = tuple(world.sizes(slot) for slot in self.slots)
        self.count = prod(self._sizes)
        if self.count > MOST_VALUES:
            raise SpecError(
                f"'{attribute}' has {self.count:,} values, too many to choose a wrong one from", "Leave it out."
            )
        classes: dict[str, int] = {}
        self._class = np.array([classes.setdefault(text, len(classes)) for text in self._texts(field)], np.int64)
        if len(classes) < 2:
            raise SpecError(f"'{attribute}' has one value only, so none is wrong", "Leave it out of the mistakes.")
        self._order = np.argsort(self._class, kind="stable")
        self._members = np.bincount(self._class)
        self._begin = np.cumsum(self._members) - self._members
        self._probability = [world.probability(slot) for slot in self.slots]

    def _texts(self, field: Field) -> list[str]:
        """The text of each combination of rows, in the order of their numbers."""
        places = np.unravel_index(np.arange(self.count), self._sizes)
        rows = zip(*(place.tolist() for place in places), strict=True)
        return [field.text(dict(zip(self.slots, at, strict=True))) for at in rows]

    def check(self, field: Field, language: str) -> None:
        """SpecError if two values with different texts have the same text in `language`, where `field` shows them."""
        known: dict[str, int] = {}
        for text, number in zip(self._texts(field), self._class.tolist(), strict=True):
            if known.setdefault(text, number) != number:
                raise SpecError(
                    f"two values read alike in the language '{language}': {text!r}, so neither is wrong for the other",
                    "Make them distinct, or leave the sentence out of `mistakes.sentences`.",
                )

    def draw(self, rows: I32, h: U64, individual: I64 | None = None) -> None:
        """Replace the true values in rows (m, slots) by wrong ones, in place. h (m,): 64 uniform bits for each row.

        individual: whom each row is about, which does not matter here.
        """
        place = np.ravel_multi_index(tuple(rows[:, slot] for slot in self.slots), self._sizes)
        truth = self._class[place]
        drawn = scaled(h, self.count - self._members[truth])
        wrong = self._order[(self._begin[truth] + self._members[truth] + drawn) % self.count]
        for slot, row in zip(self.slots, np.unravel_index(wrong, self._sizes), strict=True):
            rows[:, slot] = row

    def probability(self, slot: int) -> tuple[Fraction, ...]:
        """The probability, over all items, that a wrong value shows each row of a slot."""
        uniform = all(chances.count(chances[0]) == len(chances) for chances in self._probability)
        if len(self._members) == self.count and uniform:
            return self._probability[self.slots.index(slot)]  # by symmetry
        joint = np.array([Fraction(1)], object)
        for chances in self._probability:
            joint = np.multiply.outer(joint, np.array(chances, object)).reshape(-1)
        of_class = [Fraction(0)] * len(self._members)
        for chance, number in zip(joint.tolist(), self._class.tolist(), strict=True):
            of_class[number] += chance
        each = [chance / int(self.count - n) for chance, n in zip(of_class, self._members, strict=True)]
        total = sum(each, Fraction(0))
        wrong = np.array([total - each[number] for number in self._class.tolist()], object).reshape(self._sizes)
        axes = tuple(axis for axis, drawn in enumerate(self.slots) if drawn != slot)
        return tuple(wrong.sum(axis=axes).tolist()) if axes else tuple(wrong.tolist())
