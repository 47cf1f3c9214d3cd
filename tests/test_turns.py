"""Sources that take turns, and sources that are read in blocks: against plain loops over all positions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.plan.orders.blockwise import BlockShuffle, Blockwise
from pipeline.plan.orders.rounds import Rounds
from pipeline.plan.orders.turns import MOST, WINDOW, Interleaving, InTurns

KEY = Key.root(0).child("turns")
COUNTS = [
    (1,),
    (5,),
    (3, 4),
    (0, 7),
    (7, 0, 1),
    (1, 5000),
    (2500, 2500),
    (9000, 1, 333),
    (1024, 1024),
    (20, 1),
    (1, 1, 1),
]


@pytest.mark.parametrize("counts", COUNTS)
def test_every_document_has_one_position_and_the_order_of_its_source(counts: tuple[int, ...]):
    turns = Interleaving(counts, KEY)
    assert turns.n == sum(counts)
    source, place = turns.locate(np.arange(turns.n))
    for number, count in enumerate(counts):
        assert place[source == number].tolist() == list(range(count))  # each once, ascending
        assert np.array_equal(turns.find(number, np.arange(count)), np.flatnonzero(source == number))


@pytest.mark.parametrize("counts", [(2500, 2500), (9000, 1, 333), (40, 5000)])
def test_each_window_has_the_share_of_every_source_to_within_one(counts: tuple[int, ...]):
    turns = Interleaving(counts, KEY)
    source, _ = turns.locate(np.arange(turns.n))
    ends = [sum(w * count // turns.windows for count in counts) for w in range(turns.windows + 1)]
    assert ends[-1] == turns.n
    assert max(np.diff(ends)) <= WINDOW + len(counts)
    for first, end in itertools.pairwise(ends):
        for number, count in enumerate(counts):
            assert abs((source[first:end] == number).sum() * turns.windows - count) < turns.windows


def test_turns_are_shuffled_and_depend_on_the_key():
    first, other = (Interleaving((500, 500), key).locate(np.arange(1000))[0] for key in (KEY, KEY.child(1)))
    assert not np.array_equal(first, other)
    changes = int((np.diff(first) != 0).sum())
    assert 430 < changes < 570  # 500 expected of a fair shuffle, 16 its deviation


@pytest.mark.parametrize("counts", [(MOST - 10**9, 10**9 - 7, 7), (10**10, 3), (2**37, 2**37 + 1)])
def test_great_numbers_of_documents_are_found_again(counts: tuple[int, ...]):
    turns = Interleaving(counts, KEY)
    near = [0, 1, turns.n // 3, turns.n // 3 + 1, turns.n - 2, turns.n - 1]
    source, place = turns.locate(np.array(near))
    for number in range(len(counts)):
        here = source == number
        assert turns.find(number, place[here]).tolist() == np.array(near)[here].tolist()
    assert (place < np.array(counts)[source]).all()


STARTS = [[0, 5], [0, 2, 5, 6, 8], [0, 0, 3, 3, 4, 10], [0, *range(100, 1001, 100)], [0, 1, 2, 3]]


def lined_up(starts: list[int], shuffle: BlockShuffle) -> list[list[int]]:
    """The items of each group, block after block: as the rule says it, in plain loops."""
    blocks = [range(a, b) for a, b in itertools.pairwise(starts)]
    order = Permutation(len(blocks), shuffle.key.child("blocks"))(np.arange(len(blocks)))
    groups: list[list[int]] = []
    before, last = 0, -1
    for block in order.tolist():
        if blocks[block] and before // shuffle.group > last:
            groups.append([])
            last = before // shuffle.group
        if blocks[block]:
            groups[-1] += blocks[block]
        before += len(blocks[block])
    return groups


@pytest.mark.parametrize("group", [1, 3, 200, 10**6])
@pytest.mark.parametrize("starts", STARTS)
def test_items_are_shuffled_within_groups_of_shuffled_blocks(starts: list[int], group: int):
    shuffle = BlockShuffle(np.array(starts), KEY, group)
    items = shuffle(np.arange(shuffle.n))
    assert np.array_equal(shuffle.inverse(items), np.arange(shuffle.n))
    assert np.array_equal(shuffle(np.arange(shuffle.n)[::-1]), items[::-1])
    shown = items.tolist()
    for members in lined_up(starts, shuffle):
        assert sorted(shown[: len(members)]) == sorted(members)
        shown = shown[len(members) :]
    assert not shown


@pytest.mark.parametrize("n", [1, 7, 8, 9, 16, 19])
def test_each_round_of_blocks_is_read_before_the_next(n: int):
    blocks = Blockwise(np.array([0, 2, 5, 6, 8]), KEY)
    rounds = Rounds(n, 8, blocks)
    rows = rounds(np.arange(n))
    assert sorted(rows.tolist()) == list(range(n))
    assert np.array_equal(rounds.inverse(rows), np.arange(n))
    for number in range(n // 8):
        assert np.array_equal(rows[number * 8 : number * 8 + 8] - number * 8, blocks.round(number)(np.arange(8)))
    assert rows[n // 8 * 8 :].tolist() == list(range(n // 8 * 8, n))  # the partial round is in its order already
    assert n < 16 or blocks.round(0)(np.arange(8)).tolist() != blocks.round(1)(np.arange(8)).tolist()


def test_sources_in_turns_are_a_bijection_with_an_inverse():
    own = Rounds(1000, 400, Blockwise(np.array([0, 100, 250, 400]), KEY))
    turns = Interleaving((3000, 1000, 0), KEY.child("order"))
    order = InTurns((Permutation(3000, KEY), own, Permutation(0, KEY)), turns)
    rows = order(np.arange(4000))
    assert sorted(rows.tolist()) == list(range(4000))
    assert np.array_equal(order.inverse(rows), np.arange(4000))
    assert np.array_equal(order(np.array([3999, 0, 17])), rows[[3999, 0, 17]])
    assert rows[rows >= 3000].tolist() == (own(np.arange(1000)) + 3000).tolist()
    with pytest.raises(IndexError):
        order(np.array([4000]))
