"""The rows of a split, source by source in blocks of equal exposures, and the orders that sources have of their own."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.errors import SpecError, specified_at
from pipeline.core.key import Key
from pipeline.plan.blocks import Block, OwnOrder, blocks_of
from pipeline.plan.orders.blockwise import Blockwise
from pipeline.plan.orders.massed import Massed
from pipeline.plan.orders.rounds import EachRound, Rounds, Shuffled, Spaced
from pipeline.plan.orders.turns import MOST
from pipeline.recipe.model import AmountSpec, SplitSpec
from pipeline.recipe.order_spec import MassedSpec, OrderSpec, SpacedSpec
from pipeline.sources import Source
from pipeline.sources.abilities import Blocked


def laid_out(
    spec: SplitSpec, sources: Mapping[str, Source], counts: Mapping[str, int], key: Key
) -> tuple[list[Block], dict[str, OwnOrder]]:
    """The rows of a split as blocks, and source → its own order, for those that have one. Both are empty of nothing.

    counts: documents of each source. key: of the split. SpecError, its path relative to the split, for an order that
    cannot be kept.
    """
    blocks: list[Block] = []
    orders: dict[str, OwnOrder] = {}
    for number, (name, count) in enumerate(counts.items()):
        first_row = blocks[-1].first_row + blocks[-1].rows if blocks else 0
        amount, rounds, items = spec.mixture[name], key.child("round", name), len(sources[name])
        own = _own_order(spec.order, sources[name], name, amount, count, rounds)
        orders |= {name: own} if own else {}
        with specified_at("mixture", name):
            blocks += blocks_of(amount, number, first_row, count, items, rounds, own)
    if orders:
        _check(spec, sum(counts.values()), len(counts))
    return blocks, orders


def _own_order(
    order: OrderSpec, source: Source, name: str, amount: AmountSpec, count: int, key: Key
) -> OwnOrder | None:
    """The own order of a source with `count` documents; None where they are shuffled."""
    starts = source.blocks if isinstance(source, Blocked) else None
    if not count or (starts is None and order == "shuffled"):
        return None
    if amount.tail:
        problem = (
            f"with a long tail the items of '{name}' have different numbers of exposures, and the order has rounds"
        )
        raise SpecError(problem, "Give it a number of exposures, or shuffle.", ("mixture", name, "exposures"))
    items = len(source)
    if starts is not None and isinstance(order, MassedSpec | SpacedSpec):
        problem = f"'{name}' is read in blocks, which have an order of their own"
        raise SpecError(problem, "Give that source `order: global`.", ("order",))
    if isinstance(order, MassedSpec):
        return _massed(order.massed.documents, name, items, count, key)
    each: EachRound = Shuffled(items, key)
    if isinstance(order, SpacedSpec):
        each = _spaced(order.spaced.documents, name, items, count, key)
    return Rounds(count, items, each if starts is None else Blockwise(starts, key))


def _massed(within: int, name: str, items: int, count: int, key: Key) -> Massed:
    exposures = -(-count // items)
    if within < exposures:
        problem = f"{exposures:,} exposures of an item of '{name}' do not lie within {within:,} documents"
        raise SpecError(problem, f"Give {exposures:,} documents or more, or fewer exposures.", ("order", "massed"))
    return Massed(count, items, within // exposures, key)


def _spaced(apart: int, name: str, items: int, count: int, key: Key) -> Spaced:
    if apart > items and count > items:
        problem = f"with {items:,} items, two exposures of one of '{name}' cannot all be {apart:,} documents apart"
        raise SpecError(problem, f"Ask for {items:,} at most, or for more items.", ("order", "spaced"))
    return Spaced(items, min(apart, items), key)


def _check(spec: SplitSpec, documents: int, sources: int) -> None:
    """SpecError where the packing, or the number of documents, does not let the order be kept."""
    if documents > MOST:
        raise SpecError(
            f"{documents:,} documents are too many for sources in orders of their own",
            f"Take {MOST:,} at most, or shuffle (`order: shuffled`; of a corpus `order: global`).",
            ("mixture",),
        )
    if spec.order != "shuffled" and spec.packing.pure(sources):
        raise SpecError(
            "pure windows are shuffled within each shard, so the order would not be kept",
            "Mix documents within windows (`windows: mixed`), or leave `order` out.",
            ("order",),
            [("order",), ("packing", "windows")],
        )
