"""Which documents of a source make up a conversation: one, or several as its turns.

turns: 3, about one        conversation 17 = individual 17    three different questions, drawn at each exposure
turns: 3, about several    conversation 17 = places 51, 52, 53 of a keyed order of the source's items
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.draws import I64, orders
from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.sources.abilities import Asking
from pipeline.sources.chat.spec import ChatSpec
from pipeline.sources.source import Source


@dataclass(frozen=True)
class Turns:
    """The turns of the conversations of a source with so many `items`.

    count: turns of a conversation. questions: how many the source asks about each individual, where a conversation is
    about one; 0 where its turns are any items.
    """

    items: int
    count: int
    questions: int
    key: Key

    @classmethod
    def of(cls, spec: ChatSpec, source: Source, key: Key) -> Turns:
        """SpecError for more turns than there are questions, or items."""
        asking = len(source.questions) if isinstance(source, Asking) else 0
        questions = asking if spec.turns > 1 and spec.about == "one" else 0
        most, what = (questions, "questions about one individual") if questions else (len(source), "items")
        if spec.turns > most:
            remedy = "Lower `turns`, or ask more" + (", or let them be about several." if questions else ".")
            raise SpecError(f"{spec.turns} turns, but there are {most:,} {what}", remedy, ("turns",))
        return cls(len(source), spec.turns, questions, key)

    def __len__(self) -> int:
        """The number of conversations; the last one may begin the order of items again."""
        return self.items // self.questions if self.questions else -(-self.items // self.count)

    def items_of(self, item: I64, exposure: I64) -> I64:
        """The items of the source that make up conversations (d,): int64 (d, turns)."""
        if self.count == 1:
            return item[:, None]
        if self.questions:
            order = orders(self.key.child("questions"), self.questions, item, exposure)
            return item[:, None] * self.questions + order[:, : self.count]
        places = (item[:, None] * self.count + np.arange(self.count)) % self.items
        return Permutation(self.items, self.key.child("turns"))(places.reshape(-1)).reshape(places.shape)
