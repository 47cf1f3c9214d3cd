"""A stream gives the rows of the shards, in their order, whoever asks and wherever it was stopped."""

from __future__ import annotations

import json
import pickle
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline
from pipeline.core.errors import PlanError, StorageError
from pipeline.plan import Plan
from pipeline.shard import make_shard
from pipeline.sinks.arrow import record_batch
from pipeline.streaming import Stream, of_plan
from tests.conftest import OVERRIDES


@pytest.fixture(scope="module")
def rows(plan: Plan) -> list[dict[str, Any]]:
    """The rows of all shards, as pyarrow shows them."""
    return [row for k in range(plan.splits["train"].shards) for row in shard_rows(plan, k)]


def shard_rows(plan: Plan, k: int) -> list[dict[str, Any]]:
    return record_batch(make_shard(plan, "train", k).columns).to_pylist()


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row of a stream as pyarrow shows it."""
    shown = {}
    for name, value in row.items():
        if isinstance(value, dict):
            shown[name] = [dict(zip(value, one, strict=True)) for one in zip(*map(list, value.values()), strict=True)]
        else:
            shown[name] = value.tolist() if isinstance(value, np.ndarray | np.number) else value
    return shown


def counting(shards: tuple[int, ...], **options: Any) -> Stream:
    """A stream of the numbers 0, 1, 2, … in shards of these sizes."""
    starts = np.cumsum([0, *shards])
    return Stream(len(shards), lambda k: {"input_ids": np.arange(starts[k], starts[k + 1])}, **options)


def numbers(stream: Stream) -> list[int]:
    return [int(row["input_ids"]) for row in stream]


SHARDS = st.lists(st.integers(0, 7), min_size=1, max_size=6).map(tuple)


def test_the_rows_are_those_of_the_shards_in_their_order(plan: Plan, rows: list[dict[str, Any]]):
    assert list(map(plain, of_plan(plan, "train"))) == rows


def test_a_recipe_is_enough(rows: list[dict[str, Any]]):
    assert plain(next(iter(pipeline.stream("tiny", "train", OVERRIDES)))) == rows[0]


def test_what_is_built_is_read_in_the_same_way(undisturbed: Path, rows: list[dict[str, Any]]):
    assert list(map(plain, pipeline.read(undisturbed, "train"))) == rows


def test_rows_of_texts_and_numbers_are_streamed_too():
    made = pipeline.stream("bioS_mixed_80", "exam", ["worlds.people.size=100"])
    row = next(iter(made))
    assert row["prompt"]
    assert isinstance(row["answer"], str)
    assert row["individual"].shape == ()


@given(SHARDS, st.integers(1, 9))
def test_consumers_share_the_rows_and_each_round_is_the_next_rows(shards: tuple[int, ...], consumers: int):
    parts = [numbers(counting(shards).shared(c, consumers)) for c in range(consumers)]
    rounds = [number for one in zip_longest(*parts) for number in one if number is not None]
    assert rounds == list(range(sum(shards)))


@given(SHARDS, st.integers(1, 9), st.integers(1, 3))
def test_by_shards_each_row_has_one_reader_too(shards: tuple[int, ...], consumers: int, epochs: int):
    whole = counting(shards, deal="shards", epochs=epochs)
    parts = [numbers(whole.shared(c, consumers)) for c in range(consumers)]
    assert sorted(chain(*parts)) == sorted(list(range(sum(shards))) * epochs)
    assert numbers(counting(shards, deal="shards")) == list(range(sum(shards)))


@settings(max_examples=200)
@given(SHARDS, st.integers(1, 4), st.integers(1, 4), st.integers(0, 20), st.integers(1, 3))
def test_other_consumers_go_on_where_these_have_stopped(
    shards: tuple[int, ...], before: int, after: int, rounds: int, epochs: int
):
    """Any state of consumers that have kept step may be loaded by all of the new ones."""
    whole = counting(shards, epochs=epochs)
    right = list(range(sum(shards))) * epochs
    rounds = min(rounds, len(right) // before)
    read: list[int] = []
    states = []
    for c in range(before):
        mine = whole.shared(c, before)
        read += [int(row["input_ids"]) for row in islice(mine, rounds)]
        states.append(mine.state_dict())
    if rounds:
        assert len({state["next"] for state in states}) == 1
    for state in states if rounds else ():
        rest = []
        for c in range(after):
            again = whole.shared(c, after)
            again.load_state_dict(state)
            rest.append(numbers(again))
        assert [n for one in zip_longest(*rest) for n in one if n is not None] == right[rounds * before :]
    assert sorted(read) == sorted(right[: rounds * before])


@given(SHARDS, st.integers(0, 30), st.sampled_from(["rows", "shards"]), st.integers(1, 3), st.data())
def test_a_stream_goes_on_behind_the_last_row_it_gave(
    shards: tuple[int, ...], stop: int, deal: Any, consumers: int, data: st.DataObject
):
    consumer = data.draw(st.integers(0, consumers - 1))
    whole = counting(shards, deal=deal, epochs=2)
    right = numbers(whole.shared(consumer, consumers))
    first = whole.shared(consumer, consumers)
    begun = [int(row["input_ids"]) for row in islice(first, stop)]
    again = pickle_free(whole.shared(consumer, consumers), first.state_dict())
    assert begun + numbers(again) == right
    assert numbers(again) == right, "the next time it begins at the beginning"


def pickle_free(stream: Stream, state: dict[str, int]) -> Stream:
    """A stream in a state that was saved and read again."""
    stream.load_state_dict(pickle.loads(pickle.dumps(state)))
    return stream


def test_the_state_of_a_real_stream_resumes_at_any_row(plan: Plan, rows: list[dict[str, Any]]):
    for stop in (0, 1, 5, len(rows) // 2, len(rows) - 1, len(rows)):
        first = of_plan(plan, "train")
        assert len(list(islice(first, stop))) == stop
        again = pickle_free(of_plan(plan, "train"), first.state_dict())
        assert list(map(plain, again)) == rows[stop:]


def test_without_epochs_it_goes_on_for_ever():
    assert [int(row["input_ids"]) for row in islice(counting((2, 3), epochs=None), 12)] == [*range(5), *range(5), 0, 1]


def test_datasets_has_the_same_rows_types_and_a_state(plan: Plan, rows: list[dict[str, Any]], undisturbed: Path):
    from datasets import Dataset

    made = of_plan(plan, "train").datasets()
    first = Dataset.from_file(str(undisturbed / "train/shard-00000-of-00006.arrow"))
    assert made.features == first.features
    assert list(made) == rows
    half = iter(made)
    for _ in range(10):
        next(half)
    state = made.state_dict()
    again = of_plan(plan, "train").datasets()
    again.load_state_dict(state)
    assert list(again) == rows[10:]


def test_datasets_shares_the_shards_among_nodes(plan: Plan, rows: list[dict[str, Any]]):
    from datasets.distributed import split_dataset_by_node

    made = of_plan(plan, "train").datasets()
    parts = [list(split_dataset_by_node(made, rank, 2)) for rank in range(2)]
    shown = [json.dumps(row, default=int) for row in chain(*parts)]
    assert shown != list(map(json.dumps, rows))
    assert sorted(shown) == sorted(map(json.dumps, rows))


def test_what_cannot_be_streamed_is_refused(plan: Plan, undisturbed: Path, tmp_path: Path):
    with pytest.raises(PlanError, match="no split 'trian'"):
        of_plan(plan, "trian")
    with pytest.raises(StorageError, match="no split 'trian'"):
        pipeline.read(undisturbed, "trian")
    with pytest.raises(StorageError, match="not complete"):
        pipeline.read(tmp_path, "train")
    with pytest.raises(PlanError, match="already a part"):
        counting((3,)).shared(0, 2).shared(0, 2)
    by_shards = counting((3, 3), deal="shards").shared(0, 2)
    next(iter(by_shards))
    with pytest.raises(PlanError, match="no state of a stream that is shared by rows"):
        counting((3, 3)).load_state_dict(by_shards.state_dict())
    other = counting((3, 3), deal="shards").shared(0, 1)
    other.load_state_dict(by_shards.state_dict())
    with pytest.raises(PlanError, match="the state is that of 2 consumers, not of 1"):
        next(iter(other))
