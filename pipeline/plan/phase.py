"""One phase of a split: the documents of one mixture, in one order. A split without phases is a single one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pipeline.core.key import Key
from pipeline.core.permutation import Bijection, Permutation
from pipeline.plan.blocks import Block
from pipeline.plan.orders.slices import Slices
from pipeline.plan.orders.turns import Interleaving, InTurns, Turns


@dataclass(frozen=True)
class Phase:
    """Documents that are read before those of the next phase, in shards of their own.

    name: "" for a split without phases. counts: source → its documents, in the order of their rows. blocks: in rows of
    the split. ordered: in which order the documents of each source stand, in words. own_orders: source
    that has an order of its own → place in that order → row among its rows here. slices: documents of each source in
    consecutive slices, where a share changes; else empty.
    """

    name: str
    counts: Mapping[str, int]
    blocks: tuple[Block, ...]
    shards: int
    key: Key
    ordered: str = "shuffled"
    own_orders: Mapping[str, Bijection] = field(default_factory=dict)
    slices: tuple[tuple[int, ...], ...] = ()

    @cached_property
    def documents(self) -> int:
        """Documents of the phase."""
        return sum(self.counts.values())

    @property
    def keeps_order(self) -> bool:
        """Whether it has an order that shuffling its rows would break."""
        return self.ordered != "shuffled" or bool(self.slices)

    @property
    def in_turns(self) -> bool:
        """Whether its sources take turns, instead of being shuffled together."""
        return bool(self.own_orders or self.slices)

    @cached_property
    def order(self) -> Bijection:
        """Position in the phase → row in it: the global shuffle, or sources in turns."""
        if not self.in_turns:
            return Permutation(self.documents, self.key)
        if len(self.counts) == 1:
            return self._order_of(*self.counts)
        return InTurns(tuple(map(self._order_of, self.counts)), self._turns)

    def _order_of(self, source: str) -> Bijection:
        """Place in a source's order → row among its rows."""
        own = self.own_orders.get(source)
        return own if own is not None else Permutation(self.counts[source], self.key.child(source))

    @cached_property
    def _turns(self) -> Turns:
        if not self.slices:
            return Interleaving(tuple(self.counts.values()), self.key)
        keys = (self.key.child("slice", number) for number in range(len(self.slices)))
        return Slices(tuple(Interleaving(counts, key) for counts, key in zip(self.slices, keys, strict=True)))
