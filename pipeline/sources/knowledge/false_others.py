"""Wrong individuals, for mistakes: the mother of somebody else instead of one's own, with all that is true of her.

As a wrong value is drawn from the others of an attribute, a wrong individual is drawn from the others of its world; the
columns of its facts, and of those to whom paths lead on from it, are written over.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from pipeline.core.draws import I32, I64, U64, scaled
from pipeline.core.errors import SpecError
from pipeline.sources.knowledge.cast import Cast
from pipeline.sources.knowledge.cast_figures import Figures


class FalseOthers:
    """Draws wrong individuals for one relation, from all but the true one and the subject."""

    def __init__(self, cast: Cast, attribute: str) -> None:
        """The cast is settled. SpecError if there is nobody else, or if no sentence shows who it is."""
        self.label = cast.labels.index(attribute)
        self._cast, self._relation = cast, cast.world.relations[attribute]
        self._figures = Figures(cast)
        self._own = self._relation.of == cast.world.name
        self._paths = cast.beginning("", attribute)
        self.slots = tuple(slot for path in self._paths for slot in cast.columns(path))
        if not self.slots:
            raise SpecError(f"no sentence shows anything of '{attribute}'", "Leave it out of the mistakes.")
        self._first = max(cast.least(path, 2) for path in self._paths)
        self._count = self._relation.targets - self._first
        if self._count < 2 + self._own:
            raise SpecError(f"there is nobody else to take for '{attribute}'", "Leave it out of the mistakes.")

    def draw(self, rows: I32, h: U64, individual: I64) -> None:
        """Write wrong individuals over the true ones in rows (m, slots), in place.

        h (m,): 64 uniform bits for each row. individual int64 (m,): whom it is about.
        """
        wrong = self.others(individual, h)
        for path in self._paths:
            self._cast.write(path, (2, wrong), rows)

    def others(self, individual: I64, h: U64) -> I64:
        """A wrong individual for each (m,): int64 (m,). Where it would be the subject, the next one is taken."""
        true = self._relation(individual) - self._first
        drawn = (true + 1 + scaled(h, self._count - 1)) % self._count
        subject = individual - self._first if self._own else np.full_like(individual, -1)
        for _ in range(2):
            again = (drawn == subject) | (drawn == true)
            drawn = np.where(again, (drawn + 1) % self._count, drawn)
        return drawn + self._first

    def probability(self, slot: int) -> tuple[Fraction, ...]:
        """The probability, over all individuals, that a wrong one shows each row of a slot."""
        return self._figures.probability(slot)
