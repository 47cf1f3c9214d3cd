from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.core.draws import bits
from pipeline.core.key import Key
from pipeline.core.permutation import SMALL, Permutation
from tests.properties import FEW, at

KEY = Key.root(0).child("permutation")
POWERS = sorted({2**k + d for k in range(1, 21) for d in (-1, 0, 1)} | {65_537, 262_145})
GREAT = [10**6 + 3, 160_000_000, 2**31 - 1, 2**31, 2**31 + 1, 2**40 - 1, 2**40, 2**40 + 1, 2**53 + 1, 2**62 - 1]
GOLDEN = (
    "import numpy as np; from pipeline.core.key import Key; from pipeline.core.permutation import Permutation;"
    "print(Permutation(160_000_000, Key.root(0).child('permutation'))(np.arange(10)).tolist())"
)


def is_bijection(n: int, image: np.ndarray) -> bool:
    return image.size == n and bool((np.bincount(image, minlength=n) == 1).all())


def excess(counts: np.ndarray, expected: float) -> float:
    """Chi-square in standard deviations (Wilson and Hilferty): beyond 6 once in a billion fair draws."""
    freedom = counts.size - 1
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    return ((chi_square / freedom) ** (1 / 3) - 1) / (2 / (9 * freedom)) ** 0.5 + (2 / (9 * freedom)) ** 0.5


def some(n: int, count: int = 20_000) -> np.ndarray:
    """The ends of [0, n), and numbers from all over it."""
    drawn = [h * n >> 64 for h in bits(Key.root(4), np.arange(count)).tolist()]
    return np.array([*range(min(n, 50)), *range(max(n - 50, 0), n), *drawn], np.int64)


def test_places_are_the_recorded_integers():
    there = [21811569, 71859531, 17403485, 26580157, 121315644, 55342937, 6990034, 64829028, 19128873, 7420515]
    assert Permutation(160_000_000, KEY)(np.arange(10)).tolist() == there
    assert Permutation(160_000_000, KEY).inverse(np.array(there)).tolist() == list(range(10))
    assert Permutation(10, KEY)(np.arange(10)).tolist() == [0, 4, 8, 2, 9, 7, 3, 6, 5, 1]


@pytest.mark.slow
def test_places_do_not_depend_on_the_process_or_on_how_it_hashes_texts():
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    found = subprocess.run([sys.executable, "-c", GOLDEN], env=environment, capture_output=True, check=True, text=True)
    assert found.stdout.strip() == str(Permutation(160_000_000, KEY)(np.arange(10)).tolist())


@pytest.mark.parametrize("key", [KEY, Key.root(1)])
def test_it_is_a_bijection_for_every_small_size(key: Key):
    for n in range(1, 301):
        x = np.arange(n)
        p = Permutation(n, key)
        assert is_bijection(n, p(x)), n
        assert np.array_equal(p.inverse(p(x)), x), n
        assert np.array_equal(p(p.inverse(x)), x), n


@FEW
@given(st.integers(1, 10_000))
@at(POWERS)
def test_it_is_a_bijection_at_powers_of_two_beside_them_and_anywhere(n: int):
    x, p = np.arange(n), Permutation(n, KEY)
    image = p(x)
    assert is_bijection(n, image)
    assert np.array_equal(p.inverse(image), x)


@FEW
@given(st.integers(2**20, 2**62 - 1))
@at(GREAT)
def test_the_inverse_undoes_it_at_sizes_that_cannot_be_counted_out_which_are_filled_evenly(n: int):
    x, p = some(n), Permutation(n, KEY)
    image = p(x)
    assert image.min() >= 0
    assert image.max() < n
    assert np.array_equal(p.inverse(image), x)
    assert np.array_equal(p(p.inverse(x)), x)
    assert np.unique(image).size == np.unique(x).size
    place = np.array([y * 100 // n for y in p(np.arange(20_000)).tolist()])
    assert abs(excess(np.bincount(place, minlength=100), 200)) < 6


@FEW
@given(st.integers(1, 2**62 - 1))
@at([1, 2, 3, 1000, 2**40])
def test_places_are_int64_and_there_are_as_many_as_were_asked_for(n: int):
    p = Permutation(n, KEY)
    for x in (np.zeros(3, np.int64), np.zeros(3, np.int32), np.zeros(0, np.int64)):
        for there in (p(x), p.inverse(x)):
            assert there.dtype == np.int64
            assert there.shape == x.shape


@FEW
@given(st.integers(1, 2**62 - 1), st.integers(-(2**63), 2**63 - 1))
@at([(10, 10), (10, -1), (1, 1), (2**40, 2**40), (2**40, 2**62), (3, -(2**63))])
def test_rows_that_do_not_exist_are_refused(n: int, x: int):
    assume(not 0 <= x < n)
    p = Permutation(n, KEY)
    for apply in (p, p.inverse):
        with pytest.raises(IndexError, match=str(n)):
            apply(np.array([0, x]))


def test_batches_and_the_order_of_a_request_change_nothing():
    p, x = Permutation(65_537, KEY), np.arange(65_537)
    image = p(x)
    assert np.array_equal(p(x[::-1]), image[::-1])
    assert np.array_equal(p(x[::7]), image[::7])
    assert np.array_equal(np.concatenate([p(x[:1]), p(x[1:1000]), p(x[1000:])]), image)
    assert np.array_equal(p(np.array([5, 5, 5])), image[[5, 5, 5]])


def test_it_survives_pickling_before_and_after_its_first_use():
    p = Permutation(1000, KEY)
    fresh = pickle.loads(pickle.dumps(p))
    image = p(np.arange(1000))
    assert np.array_equal(fresh(np.arange(1000)), image)
    assert np.array_equal(pickle.loads(pickle.dumps(p))(np.arange(1000)), image)


# ── how well it shuffles ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("n", "keys"), [(2, 2000), (3, 6000), (4, 12_000), (5, 12_000), (6, 24_000), (7, 50_000)])
@pytest.mark.slow  # the recorded integers fix these places
def test_all_orders_of_a_few_rows_are_equally_likely(n: int, keys: int):
    counted = Counter(tuple(Permutation(n, KEY.child(k))(np.arange(n)).tolist()) for k in range(keys))
    orders = list(permutations(range(n)))
    assert set(counted) == set(orders)
    assert abs(excess(np.array([counted[order] for order in orders]), keys / len(orders))) < 6


def of_many_keys(n: int, keys: int) -> np.ndarray:
    """Where n rows go under so many keys: (keys, n)."""
    return np.array([Permutation(n, KEY.child(k))(np.arange(n)) for k in range(keys)])


SIZES = [*range(2, 65), 100, 300, SMALL, SMALL + 1, SMALL + 2, 700, 1000]
USUAL = {*range(2, 17), 24, 32, 48, 64, SMALL, SMALL + 1}


@pytest.mark.parametrize("n", [n if n in USUAL else pytest.param(n, marks=pytest.mark.slow) for n in SIZES])
def test_over_keys_every_row_goes_to_every_place_and_neighbours_are_any_distance_apart(n: int):
    keys = 1000
    images = of_many_keys(n, keys)
    cells = np.bincount((np.arange(n) * n + images).reshape(-1), minlength=n * n)
    assert abs(excess(cells, keys / n)) < 6
    for lag in (1, 2) if n > 4 else ():
        apart = (images[:, lag:] - images[:, :-lag]) % n
        counts = np.bincount(apart.reshape(-1), minlength=n)[1:]
        assert abs(excess(counts, apart.size / (n - 1))) < 6


@pytest.mark.slow  # the recorded integers fix these places
def test_the_first_row_goes_anywhere():
    places = [int(Permutation(100, KEY.child(k))(np.array([0]))[0]) for k in range(5000)]
    assert abs(excess(np.bincount(places, minlength=100), 50)) < 6


@pytest.mark.parametrize("n", [4096, 10_000, 65_537, 262_145])
@pytest.mark.parametrize("modulus", [2, 3, 4, 16])
@pytest.mark.slow  # the recorded integers fix these places
def test_rows_of_one_remainder_are_not_kept_together(n: int, modulus: int):
    for k in range(5):
        x = np.arange(n)
        pairs = np.bincount(x % modulus * modulus + Permutation(n, KEY.child(k))(x) % modulus)
        assert pairs.size == modulus**2
        assert abs(pairs - n / modulus**2).max() < 6 * (n / modulus**2) ** 0.5


@pytest.mark.parametrize("n", [4096, 10_000, 65_537])
@pytest.mark.slow  # the recorded integers fix these places
def test_rows_of_one_region_are_not_kept_together(n: int):
    for k in range(5):
        x = np.arange(n)
        pairs = np.bincount(x * 8 // n * 8 + Permutation(n, KEY.child(k))(x) * 8 // n, minlength=64)
        assert abs(pairs - n / 64).max() < 6 * (n / 64) ** 0.5


@pytest.mark.parametrize("n", [65_536, 65_537, 100_000, 160_000_000])
@pytest.mark.parametrize("lag", [1, 2, 3, 255, 256, 257, 8192])
@pytest.mark.slow  # the recorded integers fix these places
def test_neighbours_go_to_unrelated_places(n: int, lag: int):
    x = np.arange(50_000)
    p = Permutation(n, KEY)
    apart = (p(x + lag) - p(x)) % n
    assert abs(excess(np.bincount(apart * 50 // n, minlength=50), x.size / 50)) < 6
    assert np.bincount(apart % 64, minlength=64).max() < 1.5 * x.size / 64
    assert Counter(apart.tolist()).most_common(1)[0][1] < 12


def test_hardly_a_row_stays_where_it_is():
    fixed = [int((Permutation(1000, KEY.child(k))(np.arange(1000)) == np.arange(1000)).sum()) for k in range(400)]
    assert abs(sum(fixed) - 400) < 6 * 20
    assert max(fixed) < 10


@pytest.mark.slow  # the recorded integers fix these places
def test_different_keys_give_unrelated_orders():
    n = 50_000
    x = np.arange(n)
    images = [Permutation(n, key)(x) for key in (KEY, KEY.child(0), KEY.child(1), Key.root(0), Key.root(1))]
    for i, one in enumerate(images):
        for two in images[i + 1 :]:
            assert (one == two).sum() < 12
            assert abs(excess(np.bincount(one * 10 // n * 10 + two * 10 // n, minlength=100), n / 100)) < 6
            assert abs(excess(np.bincount((one - two) % n * 50 // n, minlength=50), n / 50)) < 6
