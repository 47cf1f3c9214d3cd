"""The documents of a mixture as rows, source by source in blocks of equal exposures, and the orders of their own.

Exposures are counted on: a source goes on where an earlier phase of the split stopped, or an earlier split that its
`from` names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.core.errors import KeyPath, SpecError, specified_at, suggest
from pipeline.core.key import Key
from pipeline.core.permutation import Bijection, Permutation
from pipeline.plan.blocks import Block, EachRound, Reached, SameRound, rounds_from, tail_from
from pipeline.plan.orders.blockwise import Blockwise
from pipeline.plan.orders.massed import Massed
from pipeline.plan.orders.rounds import InOrder, Rounds, Shuffled, Spaced
from pipeline.plan.overlaps import shared_documents
from pipeline.recipe.amount_spec import AmountSpec
from pipeline.recipe.order_spec import MassedSpec, OrderSpec, SpacedSpec
from pipeline.recipe.split_spec import MixtureSpec
from pipeline.sources import Source
from pipeline.sources.abilities import Blocked

Ends = dict[str, Reached]
"""Source → how far its exposures have come."""


@dataclass
class Rows:
    """The rows of a split, filled phase by phase.

    sources: of all phases. key: of the split. earlier: the splits before it, and how far they have come. others: the
    split itself and those after it. Of all phases so far: blocks, by the numbers of their sources; count, how many
    rows; reached, how far the sources have come.
    """

    sources: Mapping[str, Source]
    key: Key
    earlier: Mapping[str, Ends] = field(default_factory=dict)
    others: Sequence[str] = ()
    blocks: dict[int, list[Block]] = field(default_factory=dict)
    count: int = 0
    reached: Ends = field(default_factory=dict)

    def add(self, spec: MixtureSpec, counts: Mapping[str, int]) -> tuple[list[Block], dict[str, Bijection]]:
        """The blocks of the next phase, and source → its own order, for those that have one. counts: documents.

        SpecError, its path relative to the mixture, for an order that cannot be kept, and for documents that are in an
        earlier phase.
        """
        blocks: list[Block] = []
        own_orders: dict[str, Bijection] = {}
        for name, count in counts.items():
            amount, source, key = spec.mixture[name], self.sources[name], self.key.child("round", name)
            with specified_at("mixture", name):
                begin = self._begin(name, amount)
            orders = _orders(name, _order_of(spec, source), source, begin, count, key)
            with specified_at("mixture", name):
                blocks += self._documents(name, amount, begin, orders, count)
            own = None if amount.tail or not count else _own_order(orders, begin, count, len(source), key)
            own_orders |= {name: own} if own is not None else {}
        return blocks, own_orders

    def _documents(self, name: str, amount: AmountSpec, begin: Reached, orders: EachRound, count: int) -> list[Block]:
        """The next blocks of a source, which are added."""
        number, length = [*self.sources].index(name), len(self.sources[name])
        if amount.tail and not isinstance(orders, SameRound):
            problem = (
                f"with a long tail the items of '{name}' have different numbers of exposures, and the order has rounds"
            )
            raise SpecError(problem, "Give it a number of exposures, or shuffle.", ("exposures",))
        if amount.tail:
            blocks, reached = tail_from(begin.exposure, amount.tail, length, number, self.count)
        else:
            blocks, reached = rounds_from(begin, count, length, orders, number, self.count)
        if amount.begin is not None:  # otherwise they are counted on
            self._check_new(name, number, blocks, amount.begin_at)
        self.blocks.setdefault(number, []).extend(blocks)
        self.count += sum(block.rows for block in blocks)
        self.reached[name] = reached
        return blocks

    def _begin(self, name: str, amount: AmountSpec) -> Reached:
        """Where the exposures of a source begin."""
        begin = amount.begin
        if isinstance(begin, int):
            before = self.reached.get(name)
            return Reached.at(begin, before.numbered_from if before else None)
        if begin is None:
            reached = self.reached.get(name, Reached())
        else:
            if begin not in self.earlier:
                raise SpecError(*self._not_before(begin), amount.begin_at)
            if name not in self.earlier[begin]:
                raise SpecError(f"the split '{begin}' has no '{name}'", "Leave `from` out.", amount.begin_at)
            reached = self.earlier[begin][name]
        if reached.items is None or (amount.tail and reached.items):
            most = reached.exposure + bool(reached.items)
            raise SpecError(
                f"the items of '{name}' have different numbers of exposures so far, {most:,} at most",
                f"Say where it goes on: `from: {most}` or later.",
                among=_FROM,
            )
        return reached

    def _not_before(self, split: str) -> tuple[str, str]:
        """(problem, remedy) where `from` names a split that is not before this one."""
        if split in self.others[:1]:
            return f"'{split}' is this split itself", "Leave `from` out: exposures are counted on from phase to phase."
        if split in self.others:
            return f"the split '{split}' comes after this one", "Write it before this one, or leave `from` out."
        first = "It is the first: leave `from` out."
        return f"no split '{split}' before this one", suggest(split, self.earlier) if self.earlier else first

    def _check_new(self, name: str, number: int, blocks: list[Block], at: KeyPath) -> None:
        """SpecError where the split has some of these documents of the source with this number already.

        at: the path of the key that says where they begin.
        """
        before = self.blocks.get(number, [])
        shared = shared_documents(before, blocks, len(self.sources[name]))
        if shared:
            last = max(block.end_exposure for block in before)
            raise SpecError(
                f"an earlier phase of the split has {round(shared) or 1:,} of these documents of '{name}'",
                f"Begin at exposure {last:,} or later, or leave `from` out: then exposures are counted on.",
                at,
            )


_FROM = [("from",), ("exposures", "from"), ("exposures",)]


def _own_order(orders: EachRound, begin: Reached, count: int, items: int, key: Key) -> Bijection | None:
    """Place of a document of a source in its order → its row; None where they are shuffled.

    The rest of a round that was begun in another order is shuffled too.
    """
    if isinstance(orders, Massed):
        return orders
    if isinstance(orders, SameRound):
        return None
    begun = min(count, items - begin.items) if begin.items else 0
    goes_on = not begun or begin.order == orders.round(begin.next_round)
    rest = None if goes_on else Permutation(begun, key.child("rest", begin.next_round))
    return Rounds(count, items, orders, begun, begin.next_round + (begun > 0), rest)


def _order_of(spec: MixtureSpec, source: Source) -> OrderSpec:
    """The order of a source: `file` is of those that are read from files, beside which others are shuffled."""
    order = spec.order or "shuffled"
    return "shuffled" if order == "file" and not source.from_files else order


def _orders(name: str, order: OrderSpec, source: Source, begin: Reached, count: int, key: Key) -> EachRound:
    """The order of the items of a source in every round.

    A partial round of a shuffled source begins with items of an order that is the same for all rounds: that of the
    round which was begun before, if one was.
    """
    items = len(source)
    starts = source.blocks if isinstance(source, Blocked) else None
    if starts is not None and order in ("shuffled", "rounds"):
        return Blockwise(starts, key)
    if order == "shuffled":
        return SameRound(begin.order or Permutation(items, key))
    if order == "rounds":
        return Shuffled(items, key)
    if starts is not None:
        problem = f"'{name}' is read in blocks, which have an order of their own"
        raise SpecError(problem, "Give that source `order: global`.", ("order",))
    if order == "file":
        whole: Spaced | InOrder | None = InOrder(items)
    else:
        whole = _spaced(order.spaced.documents, name, items, count, key) if isinstance(order, SpacedSpec) else None
    if begin.items and begin.order != (whole.round(begin.next_round) if whole else None):
        raise SpecError(
            f"{begin.items:,} of the {items:,} items of '{name}' have had exposure {begin.exposure:,} before, and the "
            f"order is of whole exposures",
            "Give the phase before a whole number of exposures, or shuffle this one.",
            ("order",),
        )
    if whole:
        return whole
    assert isinstance(order, MassedSpec)
    return _massed(order.massed.documents, name, items, count, key)


def _massed(within: int, name: str, items: int, count: int, key: Key) -> Massed:
    exposures = -(-count // items)
    if within < exposures:
        problem = f"{exposures:,} exposures of an item of '{name}' do not lie within {within:,} documents"
        remedy = f"Give {exposures:,} documents or more, or fewer exposures."
        raise SpecError(problem, remedy, ("order", "massed"))
    return Massed(count, items, within // max(exposures, 1), key)


def _spaced(apart: int, name: str, items: int, count: int, key: Key) -> Spaced:
    if apart > items and count > items:
        problem = f"with {items:,} items, two exposures of one of '{name}' cannot all be {apart:,} documents apart"
        raise SpecError(problem, f"Ask for {items:,} at most, or for more items.", ("order", "spaced"))
    return Spaced(items, min(apart, items), key)
