from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.draws import Weighted, below, below_each, bits, orders
from pipeline.core.key import Key
from pipeline.worlds.attributes.choice import zipf_weights
from tests.properties import FEW, at

ITEMS = np.arange(200_000)

KEY = Key.root(0).child("draws")
SEVEN = np.array([0, 1, 2, 3, 1_000_000, 2**40, -1])
THREE = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)]


def excess(counts: np.ndarray, expected: np.ndarray | float) -> float:
    """Chi-square in standard deviations (Wilson and Hilferty): beyond 6 once in a billion fair draws."""
    freedom = counts.size - 1
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    return ((chi_square / freedom) ** (1 / 3) - 1) / (2 / (9 * freedom)) ** 0.5 + (2 / (9 * freedom)) ** 0.5


def goldens() -> dict[str, list]:
    turns = SEVEN[::-1].copy()
    return {
        "bits": bits(KEY, SEVEN).tolist(),
        "bits of two counters": bits(KEY, SEVEN, turns).tolist(),
        "below": below(KEY, 1000, SEVEN).tolist(),
        "below each": below_each([KEY.child(0), KEY.child(1)], [46, 2**31 - 1], KEY, SEVEN, turns).tolist(),
        "orders": orders(KEY, 5, SEVEN, turns).tolist(),
        "weighted": Weighted.from_weights(THREE)(KEY, np.arange(20)).tolist(),
        "threshold": Weighted.from_weights(THREE).threshold.tolist(),
    }


GOLDENS = {
    "bits": [
        6142043309857909242,
        6433505543891855742,
        18040798618311651869,
        9285601006359234886,
        16242024825269030038,
        14844399496717427903,
        11905332930117732579,
    ],
    "bits of two counters": [
        2520105416298266856,
        4801992584384324621,
        576323856947264539,
        18101832443596801297,
        5455608703740114450,
        17067743638554269547,
        10459156445071656731,
    ],
    "below": [332, 348, 977, 503, 880, 804, 645],
    "below each": [
        [42, 884785940],
        [0, 1552339532],
        [26, 577121001],
        [25, 959628272],
        [21, 1642049809],
        [10, 26675646],
        [14, 1169849122],
    ],
    "orders": [
        [4, 2, 0, 1, 3],
        [2, 3, 4, 0, 1],
        [4, 2, 3, 1, 0],
        [2, 1, 3, 0, 4],
        [2, 3, 1, 0, 4],
        [1, 2, 4, 0, 3],
        [4, 2, 3, 0, 1],
    ],
    "weighted": [0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1],
    "threshold": [2**64 - 1, 2**63, 2**63],
}


def test_draws_are_the_recorded_integers():
    assert goldens() == GOLDENS


def test_draws_do_not_depend_on_the_process_or_on_how_it_hashes_texts():
    program = "import json; from tests.test_draws import goldens; print(json.dumps(goldens()))"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}  # this process has another one
    found = subprocess.run([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, check=True)
    assert json.loads(found.stdout) == goldens()


def test_below_is_the_exact_product_of_bits_and_bound():
    for bound in (1, 2, 3, 1000, 65_537, 2**31 - 1):
        expected = [h * bound >> 64 for h in bits(KEY, ITEMS[:2000]).tolist()]
        assert below(KEY, bound, ITEMS[:2000]).tolist() == expected


@pytest.mark.parametrize("bound", [1, 2, 3, 5, 12, 28, 200, 263, 300, 1000, 65_537])
@pytest.mark.parametrize("key", [KEY, Key.root(1)])
@pytest.mark.slow  # the recorded integers fix these draws
def test_below_is_uniform(bound: int, key: Key):
    counts = np.bincount(below(key, bound, ITEMS), minlength=bound)
    assert counts.size == bound
    if bound > 1:
        assert abs(excess(counts, ITEMS.size / bound)) < 6


SIX = [46, 49, 49, 52, 47, 48]
SIX_KEYS = [KEY.child("wording", name) for name in "abcdef"]


@pytest.mark.parametrize("counter", ["item", "turn", "both"])
@pytest.mark.slow  # the recorded integers fix these draws
def test_below_each_is_uniform_in_every_column_and_independent_between_any_two(counter: str):
    item = ITEMS if counter != "turn" else np.full_like(ITEMS, 7)
    turn = ITEMS if counter == "turn" else ITEMS % 5 if counter == "both" else np.zeros_like(ITEMS)
    drawn = below_each(SIX_KEYS, SIX, KEY, item, turn).astype(np.int64)
    assert drawn.shape == (ITEMS.size, 6)
    for i, one in enumerate(drawn.T):
        counts = np.bincount(one, minlength=SIX[i])
        assert counts.size == SIX[i]
        assert abs(excess(counts, ITEMS.size / SIX[i])) < 6
        for j, two in enumerate(drawn.T[:i]):
            pairs = np.bincount(one * SIX[j] + two, minlength=SIX[i] * SIX[j])
            assert abs(excess(pairs, ITEMS.size / pairs.size)) < 6


@pytest.mark.slow  # the recorded integers fix these draws
def test_below_each_draws_neighbours_independently():
    item, turn = np.divmod(ITEMS, 5)
    drawn = below_each(SIX_KEYS[:2], [16, 16], KEY, item, turn).astype(np.int64)
    for lag in (1, 2, 5, 256):
        for one, two in ((0, 0), (0, 1)):
            pairs = np.bincount(drawn[lag:, one] * 16 + drawn[:-lag, two], minlength=256)
            assert abs(excess(pairs, (ITEMS.size - lag) / 256)) < 6


def test_a_column_of_below_each_does_not_depend_on_the_other_columns():
    whole = below_each(SIX_KEYS, SIX, KEY, ITEMS[:1000], ITEMS[:1000])
    assert whole.dtype == np.int32
    for columns in ([0], [5], [2, 1], [5, 4, 3, 2, 1, 0]):
        keys, bounds = [SIX_KEYS[c] for c in columns], [SIX[c] for c in columns]
        assert np.array_equal(below_each(keys, bounds, KEY, ITEMS[:1000], ITEMS[:1000]), whole[:, columns])
    elsewhere = below_each(SIX_KEYS, SIX, KEY.child("x"), ITEMS[:1000], ITEMS[:1000])
    assert (elsewhere == whole).mean() < 0.05


@pytest.mark.parametrize("bound", [2**31 - 1, 2**31 - 2, 2**30 + 1])
def test_below_stays_below_and_uniform_where_the_bound_is_nearly_two_to_the_31(bound: int):
    drawn = below(KEY, bound, ITEMS)
    assert drawn.dtype == np.int32
    assert drawn.min() >= 0
    assert drawn.max() < bound
    assert abs(excess(np.bincount(drawn // (bound // 100 + 1), minlength=100), ITEMS.size / 100)) < 6


@pytest.mark.slow  # the recorded integers fix these draws
def test_every_bit_is_set_half_of_the_time():
    for drawn in (bits(KEY, ITEMS), bits(KEY, ITEMS, ITEMS), bits(KEY, ITEMS << 32)):
        assert drawn.dtype == np.uint64
        for place in range(64):
            ones = int((drawn >> np.uint64(place) & np.uint64(1)).sum())
            assert abs(ones - ITEMS.size / 2) < 6 * (ITEMS.size / 4) ** 0.5


@pytest.mark.parametrize("place", [0, 1, 7, 20, 31, 32, 33, 50, 62, 63])
@pytest.mark.slow  # the recorded integers fix these draws
def test_flipping_one_bit_of_a_counter_flips_every_bit_of_the_draw_half_of_the_time(place: int):
    items = ITEMS[:20_000]
    other = ITEMS[10_000:30_000]
    flipped = (items.astype(np.uint64) ^ np.uint64(1 << place)).view(np.int64)
    for changed in (
        bits(KEY, items) ^ bits(KEY, flipped),
        bits(KEY, items, other) ^ bits(KEY, flipped, other),
        bits(KEY, other, items) ^ bits(KEY, other, flipped),
    ):
        flips = [int((changed >> np.uint64(bit) & np.uint64(1)).sum()) / items.size for bit in range(64)]
        assert max(abs(rate - 0.5) for rate in flips) < 0.03


def test_the_order_of_two_counters_matters():
    one, two = bits(KEY, ITEMS, ITEMS + 1), bits(KEY, ITEMS + 1, ITEMS)
    assert not (one == two).any()


def test_no_two_pairs_of_small_counters_draw_the_same_bits():
    item, turn = np.divmod(np.arange(300_000), 500)
    for drawn in (bits(KEY, item, turn), bits(KEY, np.arange(300_000))):
        ordered = np.sort(drawn)
        assert (ordered[1:] > ordered[:-1]).all()


@pytest.mark.slow  # the recorded integers fix these draws
def test_different_keys_draw_unrelated_values():
    keys = [Key.root(0).child("a"), Key.root(0).child("b"), Key.root(0).child("a", 0), Key.root(1).child("a")]
    drawn = [below(key, 20, ITEMS) for key in keys]
    for i, one in enumerate(drawn):
        for two in drawn[i + 1 :]:
            pairs = np.bincount(one.astype(np.int64) * 20 + two, minlength=400)
            assert abs(excess(pairs, ITEMS.size / 400)) < 6


def test_epoch_one_of_a_seed_draws_nothing_of_epoch_zero_of_the_next_seed():
    for seed in range(20):
        one = bits(Key.root(seed).child("epoch", 1), ITEMS[:1000])
        two = bits(Key.root(seed + 1).child("epoch", 0), ITEMS[:1000])
        assert np.intersect1d(one, two).size == 0


def test_an_infinite_set_does_not_repeat_itself():
    drawn = [bits(Key.root(seed).child("item"), np.arange(5000)) for seed in range(20)]
    assert np.unique(np.concatenate(drawn)).size == 20 * 5000


@pytest.mark.slow  # the recorded integers fix these draws
def test_neighbouring_counters_draw_unrelated_values():
    drawn = below(KEY, 16, ITEMS).astype(np.int64)
    for lag in (1, 2, 3, 256, 1000, 4096):
        pairs = np.bincount(drawn[lag:] * 16 + drawn[:-lag], minlength=256)
        assert abs(excess(pairs, (ITEMS.size - lag) / 256)) < 6


def test_batches_and_the_order_of_a_request_change_nothing():
    items = ITEMS[:5000]
    turns = items % 7
    order = np.argsort(bits(Key.root(9), items))
    weighted = Weighted.from_weights([5, 1, 3])
    draws = {
        "bits": lambda rows: bits(KEY, items[rows], turns[rows]),
        "below": lambda rows: below(KEY, 300, items[rows]),
        "below each": lambda rows: below_each(SIX_KEYS, SIX, KEY, items[rows], turns[rows]),
        "orders": lambda rows: orders(KEY, 6, items[rows], turns[rows]),
        "weighted": lambda rows: weighted(KEY, items[rows]),
    }
    everything = np.arange(items.size)
    for name, draw in draws.items():
        whole = draw(everything)
        assert np.array_equal(draw(order), whole[order]), name
        for size in (1, 255, 256, 257, 999):
            rows = everything[17 : 17 + size]
            assert np.array_equal(draw(rows), whole[rows]), (name, size)
        assert draw(everything[:0]).shape[0] == 0, name


def test_draws_into_a_column_are_those_drawn_into_an_array_of_their_own():
    table = np.full((ITEMS.size, 3), -1, np.int32)
    below(KEY, 50, ITEMS, out=table[:, 1])
    Weighted.from_weights([1, 2])(KEY, ITEMS, out=table[:, 2])
    assert np.array_equal(table[:, 1], below(KEY, 50, ITEMS))
    assert np.array_equal(table[:, 2], Weighted.from_weights([1, 2])(KEY, ITEMS))
    assert (table[:, 0] == -1).all()


# ── weights ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TABLES = {
    "one": [1],
    "equal": [1] * 7,
    "zero": [0, 3, 0, 1, 0],
    "first and last zero": [0, 1, 0],
    "fractions": THREE,
    "steep": [10**30, 1, 1],
    "steeper": [2**70, 0, 1],
    "zipf": zipf_weights(400, Fraction(1)),
    "steep zipf": zipf_weights(300, Fraction(5, 2)),
}


@pytest.mark.parametrize("name", TABLES)
def test_an_alias_table_has_the_exact_weights_but_for_the_last_of_64_bits(name: str):
    weights = TABLES[name]
    table, n, total = Weighted.from_weights(weights), len(weights), sum(weights)
    mass = [0] * n
    for cell, (threshold, alias) in enumerate(zip(table.threshold.tolist(), table.alias.tolist(), strict=True)):
        mass[cell] += threshold
        mass[alias] += 2**64 - threshold
    assert sum(mass) == n * 2**64
    for weight, found in zip(weights, mass, strict=True):
        assert abs(Fraction(found, n * 2**64) - Fraction(weight) / total) <= Fraction(n, 2**64)
        assert weight or not found, "what weighs nothing has no mass at all"


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.slow  # the recorded integers fix these draws
def test_weighted_draws_come_as_often_as_they_weigh(name: str):
    weights = TABLES[name]
    counts = np.bincount(Weighted.from_weights(weights)(KEY, ITEMS), minlength=len(weights))
    expected = np.array([float(ITEMS.size * Fraction(weight) / sum(weights)) for weight in weights])
    assert not counts[expected == 0].any()
    frequent = expected > 5
    counts, expected = counts[frequent], expected[frequent]
    assert abs(counts.sum() - expected.sum()) <= 6 * ITEMS.size**0.5
    if counts.size > 1:
        assert abs(excess(counts, expected)) < 6


def test_a_weighted_draw_is_a_cell_and_a_side_of_it_of_one_hash():
    table = Weighted.from_weights(TABLES["zipf"])
    n = len(table.alias)
    expected = []
    for h in bits(KEY, ITEMS[:3000]).tolist():
        cell, place = divmod(h * n, 2**64)
        expected.append(cell if place < int(table.threshold[cell]) else int(table.alias[cell]))
    assert table(KEY, ITEMS[:3000]).tolist() == expected


def test_zipf_weights_are_those_of_decimal_arithmetic():
    assert zipf_weights(4, Fraction(1)) == [10**30, 5 * 10**29, 333333333333333333333333333333, 25 * 10**28]
    assert zipf_weights(3, Fraction(2)) == [10**30, 25 * 10**28, 111111111111111111111111111111]
    assert zipf_weights(3, Fraction(0)) == [10**30] * 3
    assert zipf_weights(2, Fraction(1, 2))[1] == 707106781186547524400844362104


# ── orders ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@FEW
@given(st.integers(1, 40))
@at([1, 2, 3, 6, 20])
def test_orders_are_permutations(length: int):
    drawn = orders(KEY, length, ITEMS[:5000], ITEMS[:5000] % 5)
    assert drawn.shape == (5000, length)
    assert drawn.dtype == np.int32
    assert (np.sort(drawn, axis=1) == np.arange(length)).all()


@pytest.mark.parametrize("length", [2, 3, 4])
@pytest.mark.parametrize("counter", ["item", "turn"])
@pytest.mark.slow  # the recorded integers fix these draws
def test_all_orders_are_equally_likely(length: int, counter: str):
    fixed = np.full_like(ITEMS, 3)
    item, turn = (ITEMS, fixed) if counter == "item" else (fixed, ITEMS)
    drawn = orders(KEY, length, item, turn).astype(np.int64) @ (10 ** np.arange(length))
    names = [sum(place * 10**i for i, place in enumerate(order)) for order in permutations(range(length))]
    counts = np.array([(drawn == name).sum() for name in names])
    assert counts.sum() == ITEMS.size
    assert abs(excess(counts, ITEMS.size / len(names))) < 6


@pytest.mark.slow  # the recorded integers fix these draws
def test_every_thing_stands_at_every_place_equally_often():
    drawn = orders(KEY, 6, ITEMS, ITEMS % 100)
    counts = np.array([np.bincount(column, minlength=6) for column in drawn.T])
    assert abs(counts - ITEMS.size / 6).max() < 6 * (ITEMS.size * 5 / 36) ** 0.5


@pytest.mark.slow  # the recorded integers fix these draws
def test_the_orders_of_an_item_at_two_turns_are_unrelated():
    one = orders(KEY, 3, ITEMS, np.zeros_like(ITEMS)).astype(np.int64) @ [9, 3, 1]
    two = orders(KEY, 3, ITEMS, np.ones_like(ITEMS)).astype(np.int64) @ [9, 3, 1]
    same = int((one == two).sum())
    assert abs(same - ITEMS.size / 6) < 6 * (ITEMS.size * 5 / 36) ** 0.5
