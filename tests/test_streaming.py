"""A stream gives the rows of the shards, in their order, whoever asks and wherever it was stopped."""

from __future__ import annotations

import json
import pickle
from itertools import chain, cycle, islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline
from pipeline.core.errors import PlanError, StorageError
from pipeline.plan import compile_plan
from pipeline.plan.plan import Plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from pipeline.storage.arrow import record_batch
from pipeline.training.streams import Stream, of_plan


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


ASKED = ["worlds.people.size=100", "splits.train=null", "sources.biographies=null"]  # of bioS_mixed_80: its exam
SHARDS = st.lists(st.integers(0, 7), min_size=1, max_size=6).map(tuple)


def test_the_rows_are_those_of_the_shards_in_their_order(plan: Plan, rows: list[dict[str, Any]]):
    assert list(map(plain, of_plan(plan, "train"))) == rows


def test_a_recipe_is_enough():
    recipe, overrides = Path(__file__).parent / "golden/small.yaml", ["seed=5"]
    right = shard_rows(compile_plan(load(str(recipe), overrides)), 0)
    assert plain(next(iter(pipeline.stream(recipe, "train", overrides)))) == right[0]
    assert plain(next(iter(pipeline.stream(recipe, "train")))) != right[0]


def test_what_is_built_is_read_in_the_same_way(undisturbed: Path, rows: list[dict[str, Any]]):
    assert list(map(plain, pipeline.read(undisturbed, "train"))) == rows


def test_rows_of_texts_and_numbers_are_streamed_too():
    made = pipeline.stream("bioS_mixed_80", "exam", ASKED)
    row = next(iter(made))
    assert row["prompt"]
    assert isinstance(row["answer"], str)
    assert row["individual"].shape == ()


@given(SHARDS, st.integers(1, 9))
def test_ranks_share_the_rows_and_each_round_is_the_next_rows(shards: tuple[int, ...], world_size: int):
    parts = [numbers(counting(shards).shared(c, world_size)) for c in range(world_size)]
    rounds = [number for one in zip_longest(*parts) for number in one if number is not None]
    assert rounds == list(range(sum(shards)))


@given(SHARDS, st.integers(1, 9), st.integers(1, 3))
def test_by_shards_each_row_has_one_reader_too(shards: tuple[int, ...], world_size: int, epochs: int):
    whole = counting(shards, assign="shards", epochs=epochs)
    parts = [numbers(whole.shared(c, world_size)) for c in range(world_size)]
    assert sorted(chain(*parts)) == sorted(list(range(sum(shards))) * epochs)
    assert numbers(counting(shards, assign="shards")) == list(range(sum(shards)))


@settings(max_examples=200)
@given(SHARDS, st.integers(1, 4), st.integers(1, 4), st.integers(0, 20), st.integers(1, 3))
def test_other_ranks_go_on_where_these_have_stopped(
    shards: tuple[int, ...], before: int, after: int, rounds: int, epochs: int
):
    """Any state of ranks that have kept step may be loaded by all of the new ones."""
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
        assert len({state["next_row"] for state in states}) == 1
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
    shards: tuple[int, ...], stop: int, assign: Any, world_size: int, data: st.DataObject
):
    rank = data.draw(st.integers(0, world_size - 1))
    whole = counting(shards, assign=assign, epochs=2)
    right = numbers(whole.shared(rank, world_size))
    first = whole.shared(rank, world_size)
    begun = [int(row["input_ids"]) for row in islice(first, stop)]
    again = pickle_free(whole.shared(rank, world_size), first.state_dict())
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


def given_to(
    rows: int,
    epochs: int,
    uneven: str,
    rank: int,
    world_size: int,
    start: int = 0,
    worker: int = 0,
    workers: int = 1,
) -> list[int]:
    """What one loader worker of one rank should give of a line of numbers, from a round that begins at `start`."""
    line = (list(range(rows)) * epochs)[start:]
    if uneven == "drop":
        line = line[: len(line) // world_size * world_size]
    if uneven == "pad" and line:
        repeated = islice(cycle(range(rows)), -len(line) % world_size)
        line = [*line, *repeated]
    return line[rank::world_size][worker::workers]


UNEVEN = st.sampled_from(["keep", "drop", "pad"])


@settings(max_examples=300, deadline=None)
@given(SHARDS, st.integers(1, 9), st.integers(1, 3), st.integers(1, 3), UNEVEN)
def test_ranks_and_workers_get_what_uneven_says(
    shards: tuple[int, ...], world_size: int, workers: int, epochs: int, uneven: Any
):
    whole = counting(shards, epochs=epochs, uneven=uneven)
    sizes = []
    for c in range(world_size):
        right = given_to(sum(shards), epochs, uneven, c, world_size)
        mine = whole.shared(c, world_size)
        assert numbers(mine) == right
        assert len(mine) == len(right)
        for w in range(workers):
            part = whole.shared(c, world_size).of_worker(w, workers)
            assert numbers(part) == right[w::workers]
            assert len(part) == len(right[w::workers])
        sizes.append(len(right))
    total = epochs * sum(shards)
    assert max(sizes) - min(sizes) <= (uneven == "keep")
    assert sum(sizes) == total + {"keep": 0, "drop": -(total % world_size), "pad": -total % world_size}[uneven]


@settings(max_examples=200, deadline=None)
@given(SHARDS, st.integers(1, 6), st.integers(1, 3), UNEVEN, st.sampled_from(["rows", "shards"]), st.data())
def test_any_row_is_that_of_iterating(
    shards: tuple[int, ...], world_size: int, epochs: int, uneven: Any, assign: Any, data: st.DataObject
):
    uneven = uneven if assign == "rows" else "keep"
    rank = data.draw(st.integers(0, world_size - 1))
    stream = counting(shards, epochs=epochs, uneven=uneven, assign=assign).shared(rank, world_size)
    right = numbers(counting(shards, epochs=epochs, uneven=uneven, assign=assign).shared(rank, world_size))
    fresh = counting(shards, epochs=epochs, uneven=uneven, assign=assign).shared(rank, world_size)
    for i in data.draw(st.permutations(range(len(right)))):
        assert int(fresh[i]["input_ids"]) == right[i], "before anything else was counted"
    assert len(stream) == len(right)
    assert [int(stream[-i]["input_ids"]) for i in range(1, len(right) + 1)] == right[::-1]
    if right:
        chosen = data.draw(st.lists(st.integers(-len(right), len(right) - 1)))
        for some in (chosen, np.array(chosen, np.int64)):
            assert [int(row["input_ids"]) for row in stream[some]] == [right[i] for i in chosen]
    for beyond in (len(right), len(right) + 7, -len(right) - 1):
        with pytest.raises(IndexError):
            stream[beyond]
        with pytest.raises(IndexError):
            fresh[beyond]


@settings(max_examples=300, deadline=None)
@given(SHARDS, st.integers(1, 4), st.integers(1, 4), st.integers(0, 20), st.integers(1, 3), UNEVEN, st.data())
def test_it_goes_on_with_other_ranks_and_workers_whatever_is_uneven(
    shards: tuple[int, ...], before: int, after: int, stop: int, epochs: int, uneven: Any, data: st.DataObject
):
    """A state stands for the round behind it, whoever has it."""
    workers = data.draw(st.integers(1, 3))
    whole = counting(shards, epochs=epochs, uneven=uneven)
    first = whole.shared(before - 1, before).of_worker(workers - 1, workers)
    given = len(list(islice(first, stop)))
    start = given * before * workers
    assert first.state_dict()["next_row"] == start
    for c in range(after):
        again = pickle_free(whole.shared(c, after), first.state_dict())
        assert numbers(again) == given_to(sum(shards), epochs, uneven, c, after, start)
        assert numbers(again) == given_to(sum(shards), epochs, uneven, c, after), "the next time from the beginning"


def test_uneven_ranks_by_example():
    def parts(uneven: Any, epochs: int = 1) -> list[list[int]]:
        return [numbers(counting((4, 3), uneven=uneven, epochs=epochs).shared(c, 3)) for c in range(3)]

    assert parts("keep") == [[0, 3, 6], [1, 4], [2, 5]]
    assert parts("drop") == [[0, 3], [1, 4], [2, 5]]
    assert parts("pad") == [[0, 3, 6], [1, 4, 0], [2, 5, 1]]
    assert parts("drop", 2) == [[0, 3, 6, 2], [1, 4, 0, 3], [2, 5, 1, 4]], "epochs follow each other without a gap"


def test_a_stream_without_end_has_rows_at_any_place_and_no_length():
    stream = counting((2, 3), epochs=None).shared(1, 2)
    assert [int(stream[i]["input_ids"]) for i in range(6)] == [1, 3, 0, 2, 4, 1] == numbers_of(islice(stream, 6))
    with pytest.raises(TypeError, match="without end has no length"):
        len(stream)
    with pytest.raises(IndexError, match="without end"):
        stream[-1]
    assert stream, "a stream is true, and is not counted for that"


@pytest.mark.parametrize("assign", ["rows", "shards"])
def test_a_stream_without_end_that_has_no_rows_ends(assign: Any):
    stream = counting((0, 0, 0), epochs=None, assign=assign)
    assert numbers(stream) == []
    with pytest.raises(IndexError):
        stream[0]


@pytest.mark.parametrize("index", [True, 1.0, "0", None, slice(3), [1.0], [True], np.float64(1)])
def test_what_is_no_index_is_refused(index: Any):
    with pytest.raises(TypeError):
        counting((3,))[index]


def numbers_of(rows: Any) -> list[int]:
    return [int(row["input_ids"]) for row in rows]


@pytest.mark.parametrize("uneven", ["keep", "drop", "pad"])
@pytest.mark.parametrize("built", [False, True])
def test_one_of_many_makes_its_own_rows_only(
    plan: Plan, undisturbed: Path, rows: list[dict[str, Any]], built: bool, uneven: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.shard.shard.make_shard", lambda *_: pytest.fail("a whole shard was made"))
    monkeypatch.setattr("pipeline.dataset.reader.Dataset.columns", lambda *_: pytest.fail("a whole shard was read"))
    options: dict[str, Any] = {"uneven": uneven, "epochs": 2}
    whole = pipeline.read(undisturbed, "train", **options) if built else of_plan(plan, "train", **options)
    for rank in (0, 5, 12):
        right = given_to(len(rows), 2, uneven, rank, 13)
        mine = whole.shared(rank, 13)
        assert list(map(plain, mine)) == [rows[i] for i in right]
        assert len(mine) == len(right)
        assert list(map(plain, mine[[5, 0, 5, -1]])) == [rows[right[i]] for i in (5, 0, 5, -1)]


def test_a_table_of_a_plan_has_the_rows_of_its_shards(plan: Plan, rows: list[dict[str, Any]]):
    stream = of_plan(plan, "train")
    chosen = np.random.default_rng(0).permutation(len(rows))
    assert [plain(stream[i]) for i in chosen[:9]] == [rows[i] for i in chosen[:9]]
    assert list(map(plain, stream[chosen])) == [rows[i] for i in chosen]
    assert len(stream) == len(rows)


def test_grain_and_sequences_read_a_stream_at_any_place(plan: Plan):
    stream = of_plan(plan, "train")
    assert all(callable(getattr(stream, name)) for name in ("__len__", "__getitem__", "__getitems__"))
    assert plain(stream[np.int64(3)]) == plain(stream[3])
    again = pickle.loads(pickle.dumps(stream))
    assert plain(again[3]) == plain(stream[3]), "it is sent to other processes, without what it has kept"
    assert len(pickle.dumps(stream)) < len(pickle.dumps(plan)) + 3000, "a kept shard has 4 KB of ids alone"


def test_splits_of_rows_know_their_length_from_the_plan():
    stream = pipeline.stream("bioS_mixed_80", "exam", ASKED, epochs=3)
    assert len(stream) == 3 * stream.shards._plan.splits["exam"].documents


def test_what_has_to_be_made_for_its_length_is_streamed_and_counted_too(tmp_path: Path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "sources: {problems: {kind: igsm, problems: 150}}\nshard_tokens: 8192\n"
        "splits: {train: {mixture: {problems: {exposures: 1}}, packing: {length: 768, longer: drop}}}\n"
    )
    whole = numbers_or_rows(pipeline.stream(recipe, "train"))
    stream = pipeline.stream(recipe, "train", epochs=2)
    assert stream.shards._plan.splits["train"].shards > 3
    mine = stream.shared(3, 11)
    assert len(mine) == len(given_to(len(whole), 2, "keep", 3, 11))
    assert numbers_or_rows(mine) == [whole[i] for i in given_to(len(whole), 2, "keep", 3, 11)]
    assert [stream[i]["input_ids"].tolist() for i in (7, 0)] == [whole[7], whole[0]]


def numbers_or_rows(stream: Stream) -> list[list[int]]:
    return [row["input_ids"].tolist() for row in stream]


@pytest.mark.parametrize(
    ("options", "loaded"),
    [
        ({"epochs": 3}, 0),
        ({"rank": 1, "world_size": 2}, 0),
        ({"rank": 1, "world_size": 2, "epochs": 3}, 0),
        ({"rank": 1, "world_size": 2, "epochs": 3}, 4),
        ({"rank": 1, "world_size": 2, "epochs": 2, "assign": "shards"}, 0),
        ({"rank": 1, "world_size": 2, "epochs": 2, "assign": "shards"}, 3),
        ({"rank": 2, "world_size": 3, "uneven": "pad"}, 0),
        ({"rank": 2, "world_size": 3, "uneven": "drop", "epochs": 2}, 2),
        ({"rank": 8, "world_size": 9, "assign": "shards"}, 0),
        ({"epochs": 2}, 5),
    ],
)
def test_datasets_gives_what_iterating_gives(options: dict[str, Any], loaded: int):
    from datasets.distributed import split_dataset_by_node

    def stream() -> Stream:
        made = counting((3, 0, 4, 4), **options)
        if loaded:
            assert len(list(islice(made, loaded))) == loaded
            made.load_state_dict(made.state_dict())
        return made

    right = numbers(stream())
    made = stream().datasets()
    assert numbers_of(made) == right
    assert numbers_of(made) == right, "each time"
    parts = [numbers_of(split_dataset_by_node(made, rank, 2)) for rank in range(2)]
    assert sorted(chain(*parts)) == sorted(right)
    asked = stream()
    asked.datasets()
    assert numbers(asked) == right, "asking for it moves nothing"


def test_datasets_of_a_part_keeps_a_state_and_ends_where_an_endless_one_is_left():
    made = counting((3, 4), epochs=2).shared(1, 3).datasets()
    right = numbers_of(made)
    half = iter(made)
    assert [int(next(half)["input_ids"]) for _ in range(2)] == right[:2]
    again = counting((3, 4), epochs=2).shared(1, 3).datasets()
    again.load_state_dict(made.state_dict())
    assert numbers_of(again) == right[2:]
    assert numbers_of(islice(counting((3, 4), epochs=None).datasets(), 9)) == [*range(7), 0, 1]


def test_a_loaded_state_is_shared_too_and_used_once():
    whole = counting((4, 3))
    list(islice(whole, 2))
    state = whole.state_dict()
    again = counting((4, 3))
    again.load_state_dict(state)
    assert [numbers(again.shared(c, 2)) for c in range(2)] == [[2, 4, 6], [3, 5]]
    again.load_state_dict({})
    assert numbers(again.shared(1, 2)) == [1, 3, 5], "{} is the beginning"


def test_an_iterator_that_has_not_begun_is_at_the_beginning():
    stream = counting((4, 3))
    assert numbers(stream) == list(range(7))
    iter(stream)
    again = pickle_free(counting((4, 3)), stream.state_dict())
    assert numbers(again) == list(range(7)), "not at the end, where the epoch before has stopped"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"world_size": 0}, r"world_size is 0\. Give a whole number, 1 or more\."),
        ({"world_size": -2}, "world_size is -2"),
        ({"world_size": True}, "world_size is True"),
        ({"world_size": 2.0}, "world_size is 2.0"),
        ({"world_size": "2"}, "world_size is '2'"),
        ({"world_size": None}, "world_size is None"),
        ({"rank": 2, "world_size": 2}, r"rank 2 of 2\. They are 0 to 1"),
        ({"rank": -1, "world_size": 2}, r"rank is -1\. Give a whole number, 0 or more\."),
        ({"rank": 0.0, "world_size": 2}, "rank is 0.0"),
        ({"rank": False, "world_size": 2}, "rank is False"),
        ({"epochs": 0}, r"epochs is 0\. Give a whole number, 1 or more or None\."),
        ({"epochs": -1}, "epochs is -1"),
        ({"epochs": 1.5}, "epochs is 1.5"),
        ({"epochs": True}, "epochs is True"),
        ({"epochs": float("inf")}, "epochs is inf"),
        ({"assign": "row"}, "assign is 'row'. Did you mean 'rows'?"),
        ({"assign": None}, "assign is None"),
        ({"assign": ["rows"]}, "assign is "),
        ({"uneven": "padded"}, "uneven is 'padded'. Did you mean 'pad'?"),
        ({"uneven": True}, "uneven is True"),
        ({"uneven": "pad", "assign": "shards"}, r"cannot have equally many rows.*Assign rows"),
        ({"consumers": 2}, r"no option 'consumers'\. It is called world_size\."),
        ({"deal": "rows"}, r"no option 'deal'\. It is called assign\."),
        ({"epoch": 2}, r"no option 'epoch'\. Did you mean 'epochs'\?"),
        ({"shards": 2}, "no option 'shards'"),
        ({"_state": {}}, "no option '_state'"),
    ],
)
def test_options_that_cannot_be_are_refused(plan: Plan, undisturbed: Path, options: dict[str, Any], message: str):
    for made in (lambda: of_plan(plan, "train", **options), lambda: pipeline.read(undisturbed, "train", **options)):
        with pytest.raises(PlanError, match=message) as refusal:
            made()
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("part", [(2, 2), (-1, 2), (0, 0), (0, True), (0.0, 2), (1, 1)])
def test_parts_that_cannot_be_are_refused(part: tuple[Any, Any]):
    with pytest.raises(PlanError):
        counting((3,)).shared(*part)


ROWS = {"epoch": 0, "shard": 1, "rows_before": 3, "next_row": 5, "readers": 1}
SHARD = {"epoch": 0, "shard": 1, "row": 2, "readers": 1}
EARLIER_ROWS = {"turn": 1, "before": 3, "next": 5, "consumers": 1}  # as versions before this one saved them
EARLIER_SHARD = {"turn": 1, "row": 2, "consumers": 1}
STATES = (ROWS, SHARD, EARLIER_ROWS, EARLIER_SHARD)


@pytest.mark.parametrize(
    ("state", "change"),
    [
        *((state, {name: value}) for state in STATES for name in state for value in (-1, 1.0, True, "1", None)),
        (ROWS, {"more": 1}),
        (ROWS, {"rows_before": 6}),
        (ROWS, {"shard": 0}),
        (ROWS, {"shard": 2}),
        (ROWS, {"epoch": 1}),
        (ROWS, {"readers": 0}),
        (ROWS, {"turn": 1}),
        (SHARD, {"shard": 2}),
        (SHARD, {"epoch": 1}),
        (SHARD, {"readers": 0}),
        (EARLIER_ROWS, {"before": 6}),
        (EARLIER_ROWS, {"turn": 0}),
        (EARLIER_ROWS, {"turn": 2}),
        (EARLIER_ROWS, {"consumers": 0}),
        (EARLIER_SHARD, {"consumers": 0}),
        (EARLIER_SHARD, {"turn": 2}),
    ],
)
def test_states_that_cannot_be_are_refused(state: dict[str, int], change: dict[str, Any]):
    stream = counting((3, 4), assign="shards" if "row" in state else "rows")
    stream.load_state_dict(state)
    with pytest.raises(PlanError):
        stream.load_state_dict(state | change)
    assert numbers(stream) == [5, 6], "what was loaded before stands"


@pytest.mark.parametrize(
    ("assign", "earlier", "state", "given"),
    [
        ("rows", EARLIER_ROWS, ROWS, 5),
        ("shards", EARLIER_SHARD, SHARD, 5),
        (
            "rows",
            {"turn": 3, "before": 10, "next": 12, "consumers": 1},
            {"epoch": 1, "shard": 1, "rows_before": 10, "next_row": 12, "readers": 1},
            12,
        ),
        ("shards", {"turn": 2, "row": 1, "consumers": 1}, {"epoch": 1, "shard": 0, "row": 1, "readers": 1}, 8),
    ],
)
def test_states_that_earlier_versions_saved_are_read(
    assign: Any, earlier: dict[str, int], state: dict[str, int], given: int
):
    stream, again = (counting((3, 4), assign=assign, epochs=2) for _ in range(2))
    stream.load_state_dict(earlier)
    assert stream.state_dict() == state
    assert numbers(stream) == [*range(7), *range(7)][given:]
    assert len(list(islice(again, given))) == given
    assert again.state_dict() == state, "as it is saved today"


@pytest.mark.parametrize("state", [[1, 2], "turn", 3, {"turn": 1}, {"other": 1}, {"epoch": 1}])
def test_what_is_no_state_is_refused(state: Any):
    with pytest.raises(PlanError, match="no state of a stream"):
        counting((3, 4)).load_state_dict(state)


def test_a_state_of_other_rows_is_refused_where_they_are_counted(undisturbed: Path, rows: list[dict[str, Any]]):
    stream = pipeline.read(undisturbed, "train", epochs=2)
    list(islice(stream, len(rows) + 3))
    state = stream.state_dict()
    pipeline.read(undisturbed, "train", epochs=3).load_state_dict(state)
    for change in ({"rows_before": state["rows_before"] - 1}, {"next_row": state["next_row"] + 10_000}):
        with pytest.raises(PlanError, match="the state is of other rows than these"):
            stream.load_state_dict(state | change)
    with pytest.raises(PlanError, match="the state is in epoch 2, and this stream has 1"):
        pipeline.read(undisturbed, "train").load_state_dict(state)
    by_shards = pipeline.read(undisturbed, "train", assign="shards")
    with pytest.raises(PlanError, match="other rows"):
        by_shards.load_state_dict({"epoch": 0, "shard": 0, "row": 10_000, "readers": 1})


def test_a_rank_with_shards_does_not_go_on_with_those_of_another():
    first = counting((3, 3, 3), assign="shards").shared(0, 2)
    next(iter(first))
    other = counting((3, 3, 3), assign="shards").shared(1, 2)
    other.load_state_dict(first.state_dict())
    with pytest.raises(PlanError, match="the state is that of reader 0, not of 1"):
        next(iter(other))


def test_what_cannot_be_streamed_is_refused(plan: Plan, undisturbed: Path, tmp_path: Path):
    with pytest.raises(PlanError, match="no split 'trian'"):
        of_plan(plan, "trian")
    with pytest.raises(StorageError, match="no split 'trian'"):
        pipeline.read(undisturbed, "trian")
    with pytest.raises(StorageError, match="not complete"):
        pipeline.read(tmp_path, "train")
    with pytest.raises(PlanError, match="already a part"):
        counting((3,)).shared(0, 2).shared(0, 2)
    by_shards = counting((3, 3), assign="shards").shared(0, 2)
    next(iter(by_shards))
    with pytest.raises(PlanError, match="no state of a stream that is shared by rows"):
        counting((3, 3)).load_state_dict(by_shards.state_dict())
    other = counting((3, 3), assign="shards").shared(0, 1)
    other.load_state_dict(by_shards.state_dict())
    with pytest.raises(PlanError, match="the state is that of 2 readers"):
        next(iter(other))
