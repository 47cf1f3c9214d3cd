from __future__ import annotations

import pickle

import pytest

from pipeline.core.key import Key


def _different_bits(one: Key, two: Key) -> int:
    return (one.high ^ two.high).bit_count() + (one.low ^ two.low).bit_count()


def test_keys_are_the_recorded_integers():
    root = Key.root(0)
    assert (root.high, root.low) == (11301300422388977361, 12263334640980640891)
    child = root.child("worlds", "people", 17)
    assert (child.high, child.low) == (11077924168669110739, 21521603875806487)
    assert Key.root(-1).words(3) == (15016797220999088291, 4786117416745922130, 15053454563673122777)


def test_a_path_may_be_walked_in_one_call_or_in_several():
    root = Key.root(3)
    assert root.child("a", 1, "b") == root.child("a").child(1).child("b")
    assert root.child() == root


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (("1",), (1,)),
        (("i1",), (1,)),
        (("ab", "c"), ("a", "bc")),
        (("a", "b"), ("b", "a")),
        (("a",), ("a", "")),
        ((12,), (1, 2)),
        ((1, 23), (12, 3)),
        ((0,), ()),
        ((-1,), (1,)),
    ],
)
def test_different_paths_are_different_keys(one: tuple[str | int, ...], two: tuple[str | int, ...]):
    assert Key.root(0).child(*one) != Key.root(0).child(*two)


def test_epoch_one_of_a_seed_is_not_epoch_zero_of_the_next_nor_any_other():
    keys = [Key.root(seed).child("epoch", epoch) for seed in range(100) for epoch in range(100)]
    assert len(set(keys)) == len(keys)
    assert len({key.low for key in keys}) == len({key.high for key in keys}) == len(keys)


def test_neighbouring_seeds_and_steps_share_half_of_their_bits_and_no_more():
    pairs = [(Key.root(seed), Key.root(seed + 1)) for seed in range(500)]
    pairs += [(Key.root(0).child(step), Key.root(0).child(step + 1)) for step in range(500)]
    different = [_different_bits(*pair) for pair in pairs]
    assert 63 < sum(different) / len(different) < 65
    assert min(different) > 30
    assert max(different) < 98


def test_words_are_distinct_64_bit_integers_and_more_of_them_begin_with_the_same():
    words = Key.root(5).words(64)
    assert len(set(words)) == 64
    assert all(0 <= word < 2**64 for word in words)
    assert Key.root(5).words(8) == words[:8]


@pytest.mark.parametrize("seed", [-(10**30), -1, 0, 2**63, 2**64, 10**40])
def test_any_integer_is_a_seed(seed: int):
    key = Key.root(seed)
    assert 0 <= key.high < 2**64
    assert 0 <= key.low < 2**64
    assert key != Key.root(seed + 1)


def test_a_key_is_a_value():
    key = Key.root(1).child("x")
    assert pickle.loads(pickle.dumps(key)) == key
    assert {key: 1}[Key.root(1).child("x")] == 1
    with pytest.raises(AttributeError):
        key.low = 0
