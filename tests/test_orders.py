"""The key `order` of a split: each order has its property exactly, seen over all positions."""

from __future__ import annotations

import itertools
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import PlanError
from pipeline.core.key import Key
from pipeline.plan.orders.massed import Massed
from pipeline.plan.orders.rounds import Rounds, Shuffled, Spaced
from pipeline.plan.plan import Plan
from pipeline.shard import make_shard
from tests.plans import plan_at
from tests.test_phases import RECIPE as SMALL

KEY = Key.root(0).child("orders")
SIZES = [(1, 1), (1, 5), (4, 3), (4, 4), (4, 10), (7, 30), (600, 1500), (1000, 3000)]


def shown(order: Any, items: int) -> list[tuple[int, int]]:
    """(item, exposure) at each place, after the order was seen to be a bijection. Rows: as `Block` has them."""
    partial_round = (order if isinstance(order, Massed) else order.orders).round(order.n // items)
    places = np.arange(order.n)
    rows = order(places)
    assert sorted(rows.tolist()) == places.tolist()
    assert np.array_equal(order.inverse(rows), places)
    some = places[:: max(1, order.n // 5)][::-1]
    assert np.array_equal(order(some), rows[some])
    exposure = rows // items
    item = rows - exposure * items
    partial = exposure == order.n // items
    item[partial] = partial_round(item[partial])
    return list(zip(item.tolist(), exposure.tolist(), strict=True))


def places_of(documents: list[tuple[int, int]]) -> dict[int, list[int]]:
    places = defaultdict(list)
    for place, (item, _) in enumerate(documents):
        places[item].append(place)
    return places


def gaps(documents: list[tuple[int, int]]) -> list[int]:
    return [b - a for places in places_of(documents).values() for a, b in itertools.pairwise(places)]


@pytest.mark.parametrize(("items", "n"), SIZES)
def test_rounds_show_each_exposure_of_all_items_before_the_next(items: int, n: int):
    documents = shown(Rounds(n, items, Shuffled(items, KEY)), items)
    assert [exposure for _, exposure in documents] == [place // items for place in range(n)]
    for first in range(0, n, items):
        assert len({item for item, _ in documents[first : first + items]}) == min(items, n - first)
    assert items < 100 or [item for item, _ in documents[:items]] != [item for item, _ in documents[items : 2 * items]]


@pytest.mark.parametrize(("items", "n"), SIZES)
@pytest.mark.parametrize("part", [0, 0.5, 0.9, 1])
def test_spaced_exposures_are_so_far_apart_and_shuffled_otherwise(items: int, n: int, part: float):
    apart = max(1, round(part * items))
    documents = shown(Rounds(n, items, Spaced(items, apart, KEY)), items)
    assert [exposure for _, exposure in documents] == [place // items for place in range(n)]
    assert min(gaps(documents), default=apart) >= apart
    if items >= 600 and part < 1:
        assert len(set(gaps(documents))) > 10


@pytest.mark.parametrize(("items", "n"), SIZES)
@pytest.mark.parametrize("spare", [0, 1, 20])
def test_massed_exposures_lie_within_so_many_documents(items: int, n: int, spare: int):
    exposures = -(-n // items)
    within = exposures * (1 + spare) + spare // 2
    documents = shown(Massed(n, items, within // exposures, KEY), items)
    assert all(places[-1] - places[0] < within for places in places_of(documents).values())
    by_item = defaultdict(set)
    for item, exposure in documents:
        by_item[item].add(exposure)
    least = n // items
    assert all(seen in ({*range(least)}, {*range(least + 1)}) for seen in by_item.values())


RECIPE = (
    SMALL.replace("    packing: {length: 128}\n", "    packing: {length: 256}\n")
    + """
    mixture: {biographies: {exposures: 7.5}, questions: {exposures: 1}}
    order: %s
"""
)


def planned(tmp_path: Path, order: str, text: str = RECIPE) -> Plan:
    return plan_at(tmp_path / "recipe.yaml", text % order)


def test_a_split_keeps_the_order_of_each_source_in_positions_and_in_shards(tmp_path: Path):
    split = planned(tmp_path, "rounds").splits["train"]
    located = split.locate(np.arange(split.documents))
    names = [split.sources[number] for number in located.source.tolist()]
    for name in split.sources:
        exposures = located.exposure[np.array(names) == name]
        assert (np.diff(exposures) >= 0).all()
    triples = list(zip(names, located.item.tolist(), located.exposure.tolist(), strict=True))
    assert len(set(triples)) == split.documents
    for position in (0, 1, 100, split.documents - 1):
        assert split.find(*triples[position]) == position
    assert len(set(names[:10])) == 2  # they take turns


def test_shards_hold_the_documents_in_that_order(tmp_path: Path):
    plan = planned(tmp_path, "{massed: {documents: 80}}")
    split = plan.splits["train"]
    assert split.shards > 3
    begun: list[tuple[int, int]] = []
    for k in range(split.shards):
        fields = make_shard(plan, "train", k).columns["documents"].fields
        begins = (fields["source"] == 0) & (fields["offset"] == 0)
        begun += zip(fields["item"][begins].tolist(), fields["exposure"][begins].tolist(), strict=True)
    assert sorted(begun) == sorted({(i, e) for i in range(60) for e in range(7)} | {d for d in begun if d[1] == 7})
    places = places_of(begun)
    assert all(seen[-1] - seen[0] < 80 for seen in places.values())
    assert sorted(map(len, places.values())) == [7] * 30 + [8] * 30


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (
            "{spaced: {documents: 61}}",
            r"order.spaced: with 60 items, two exposures of one .* cannot all be 61 doc",
        ),
        (
            "{massed: {documents: 7}}",
            r"order.massed: 8 exposures of an item of .* do not lie within 7 documents",
        ),
        ("rounds\n    packing: {windows: pure}", r"pure windows are shuffled within each shard"),
    ],
)
def test_an_order_that_cannot_be_kept_is_refused_with_the_arithmetic(tmp_path: Path, order: str, says: str):
    text = RECIPE.replace("    packing: {length: 256}\n", "") if "pure" in order else RECIPE
    with pytest.raises(PlanError, match=says):
        planned(tmp_path, order, text)


def test_a_long_tail_has_no_rounds(tmp_path: Path):
    text = RECIPE.replace("{exposures: 7.5}", "{exposures: {zipf: 1, most: 9}}")
    with pytest.raises(PlanError, match="different numbers of exposures"):
        planned(tmp_path, "rounds", text)


def test_the_default_order_is_that_of_recipes_without_the_key(tmp_path: Path):
    plain, said = planned(tmp_path, "shuffled"), planned(tmp_path, "rounds")
    positions = np.arange(plain.splits["train"].documents)
    before = planned(tmp_path, "shuffled", RECIPE.replace("    order: %s\n", "# %s\n")).splits["train"].order(positions)
    assert np.array_equal(plain.splits["train"].order(positions), before)
    assert not np.array_equal(said.splits["train"].order(positions), before)
