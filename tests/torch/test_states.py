"""What a stream was told before a loader copies it into its workers, it still knows there: share, state, length."""

from __future__ import annotations

import pickle
from copy import deepcopy
from itertools import chain, islice
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, DistributedSampler
from torchdata.stateful_dataloader import StatefulDataLoader

from pipeline.core.errors import PlanError
from pipeline.plan.plan import Plan
from pipeline.training.streams import Stream, of_plan

SIZES = (5, 0, 7, 4)
ROWS = sum(SIZES)


class Numbered:
    """Shards of the numbers 0, 1, 2, …, which can be sent to workers that are spawned."""

    def __call__(self, k: int) -> dict[str, Any]:
        starts = np.cumsum([0, *SIZES])
        return {"input_ids": np.arange(starts[k], starts[k + 1], dtype=np.int32)}


def counting(**options: Any) -> Stream:
    return Stream(len(SIZES), Numbered(), **options)


def read(loader: Any) -> list[int]:
    return [n for batch in loader for n in batch["input_ids"].tolist()]


def state_after(rows: int, **options: Any) -> dict[str, int]:
    stream = counting(**options)
    assert len(list(islice(stream, rows))) == rows
    return stream.state_dict()


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("uneven", ["keep", "drop", "pad"])
@pytest.mark.parametrize("assign", ["rows", "shards"])
def test_a_share_by_hand_is_divided_among_the_workers_alone(
    workers: int, uneven: Any, assign: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RANK", "1")  # which nobody asks for: the caller has said which part it is
    monkeypatch.setenv("WORLD_SIZE", "2")
    uneven = uneven if assign == "rows" else "keep"
    for rank in range(3):
        share = counting(uneven=uneven, assign=assign, epochs=2).shared(rank, 3)
        right = [int(row["input_ids"]) for row in share]
        data = share.torch()
        given = read(DataLoader(data, batch_size=2, num_workers=workers))
        assert given == right if workers < 2 else sorted(given) == sorted(right)
        assert len(data) == len(right)
    whole = counting(assign=assign).shared(0, 1)
    assert sorted(read(DataLoader(whole.torch(), num_workers=workers))) == list(range(ROWS)), "of one is all of them"


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("uneven", ["keep", "drop", "pad"])
def test_a_rank_gets_the_same_rows_whatever_its_workers(workers: int, uneven: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    sizes = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        data = counting(uneven=uneven).torch()
        given = read(DataLoader(data, batch_size=2, num_workers=workers))
        assert sorted(given) == sorted(int(row["input_ids"]) for row in counting(uneven=uneven).shared(rank, 3))
        assert len(data) == len(given)
        sizes.append(len(given))
    assert sizes == {"keep": [6, 5, 5], "drop": [5, 5, 5], "pad": [6, 6, 6]}[uneven]


@pytest.mark.parametrize(("how", "workers"), [("fork", 1), ("fork", 2), ("spawn", 2)])
@pytest.mark.parametrize("loader", [DataLoader, StatefulDataLoader])
def test_a_state_that_was_loaded_here_is_carried_to_workers_once(how: str, workers: int, loader: Any):
    data = counting().torch()
    data.load_state_dict(state_after(6))
    more = {"batch_size": 2, "num_workers": workers, "multiprocessing_context": how}
    assert sorted(read(loader(data, **more))) == list(range(6, ROWS))
    assert sorted(read(loader(data, **more))) == list(range(ROWS)), "the next epoch begins at the beginning"
    assert read(data_of_main(data)) == list(range(ROWS)), "here too"


def data_of_main(data: Any) -> Any:
    return DataLoader(data, batch_size=3)


@pytest.mark.parametrize("persistent", [False, True])
def test_one_loader_of_several_epochs_uses_a_state_in_the_first(persistent: bool):
    data = counting().torch()
    data.load_state_dict(state_after(6))
    loader = DataLoader(data, batch_size=2, num_workers=2, persistent_workers=persistent)
    epochs = [sorted(read(loader)) for _ in range(3)]
    assert epochs == [list(range(6, ROWS)), list(range(ROWS)), list(range(ROWS))]


@pytest.mark.parametrize("copied", [deepcopy, lambda data: pickle.loads(pickle.dumps(data))])
def test_a_copy_of_a_dataset_uses_its_state_once_too(copied: Any):
    data = counting().torch()
    data.load_state_dict(state_after(6))
    loader = DataLoader(copied(data), batch_size=2, num_workers=2)
    assert [sorted(read(loader)) for _ in range(2)] == [list(range(6, ROWS)), list(range(ROWS))]
    assert sorted(read(DataLoader(data, num_workers=2))) == list(range(6, ROWS)), "which says nothing of the first"


def test_other_workers_of_a_later_epoch_do_not_use_it_either():
    data = counting().torch()
    data.load_state_dict(state_after(6))
    assert sorted(read(DataLoader(data, num_workers=1))) == list(range(6, ROWS))
    assert sorted(read(DataLoader(data, num_workers=3))) == list(range(ROWS))
    data.load_state_dict(state_after(11))
    assert sorted(read(DataLoader(data, num_workers=3))) == list(range(11, ROWS)), "a new state is used again"


def test_a_state_is_used_by_this_process_or_by_workers_not_by_both():
    data = counting().torch()
    data.load_state_dict(state_after(6))
    assert [int(row["input_ids"]) for row in data] == list(range(6, ROWS))
    assert sorted(read(DataLoader(data, num_workers=2))) == list(range(ROWS))


def test_the_state_of_the_stream_itself_goes_with_it():
    stream = counting()
    stream.load_state_dict(state_after(6))
    data = stream.torch()
    assert data.state_dict() == state_after(6)
    assert sorted(read(DataLoader(data, num_workers=2))) == list(range(6, ROWS))
    assert [int(row["input_ids"]) for row in stream] == list(range(6, ROWS)), "which keeps its own"


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("workers", [0, 2])
def test_other_ranks_go_on_from_a_state(ranks: int, workers: int, monkeypatch: pytest.MonkeyPatch):
    """Two rounds of three ranks are read; then there are others."""
    state = counting().shared(1, 3)
    assert len(list(islice(state, 2))) == 2
    monkeypatch.setenv("WORLD_SIZE", str(ranks))
    parts = []
    for rank in range(ranks):
        monkeypatch.setenv("RANK", str(rank))
        data = counting().torch()
        data.load_state_dict(state.state_dict())
        parts.append(read(DataLoader(data, batch_size=1, num_workers=workers)))
        assert sorted(parts[-1]) == list(range(6 + rank, ROWS, ranks))
    assert sorted(chain(*parts)) == list(range(6, ROWS))


def test_a_state_of_a_share_by_hand_is_carried_too():
    share = counting().shared(1, 2)
    assert [int(row["input_ids"]) for row in islice(share, 3)] == [1, 3, 5]
    again = counting().shared(1, 2).torch()
    again.load_state_dict(share.state_dict())
    assert sorted(read(DataLoader(again, num_workers=2))) == list(range(7, ROWS, 2))


def test_by_shards_a_state_of_fewer_is_refused_and_not_dropped():
    data = counting(assign="shards").torch()
    data.load_state_dict(state_after(2, assign="shards"))
    with pytest.raises(PlanError, match=r"the state is that of 1 readers .*, not of 2"):
        read(DataLoader(data, num_workers=2))


def test_this_process_does_not_know_how_far_workers_are():
    data = counting().torch()
    assert len(read(DataLoader(data, batch_size=4, num_workers=2))) == ROWS
    with pytest.raises(PlanError, match=r"read by loader workers.*StatefulDataLoader"):
        data.state_dict()
    assert read(DataLoader(data)) == list(range(ROWS))
    assert data.state_dict()["next_row"] == ROWS


BEHIND = {"epoch": 0, "shard": 0, "rows_before": 0, "next_row": -1, "readers": 1}


@pytest.mark.parametrize("state", [{"epoch": 0}, BEHIND, [1]])
def test_what_is_no_state_is_refused_before_a_worker_starts(state: Any):
    data = counting().torch()
    with pytest.raises(PlanError):
        data.load_state_dict(state)


def test_an_empty_state_is_the_beginning():
    data = counting().torch()
    data.load_state_dict(state_after(6))
    data.load_state_dict({})
    assert sorted(read(DataLoader(data, num_workers=2))) == list(range(ROWS))


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("uneven", ["keep", "drop", "pad"])
@pytest.mark.parametrize("stop", [1, 3])
def test_a_stateful_loader_of_a_share_goes_on_in_any_epoch(stop: int, uneven: Any, persistent: bool):
    def loader() -> Any:
        share = counting(uneven=uneven).shared(1, 3)
        return StatefulDataLoader(share.torch(), batch_size=1, num_workers=2, persistent_workers=persistent)

    right = read(loader())
    first = loader()
    assert read(first) == right
    begun = read(islice(iter(first), stop))
    assert begun == right[:stop]
    again = loader()
    again.load_state_dict(first.state_dict())
    assert begun + read(again) == right
    assert read(again) == right, "and the epoch after it is whole"


def test_a_state_before_the_first_batch_of_an_epoch_is_its_beginning():
    first = StatefulDataLoader(counting().torch(), batch_size=4, num_workers=1, persistent_workers=True)
    assert read(first) == list(range(ROWS))
    iter(first)
    again = StatefulDataLoader(counting().torch(), batch_size=4, num_workers=1, persistent_workers=True)
    again.load_state_dict(first.state_dict())
    assert read(again) == list(range(ROWS))


@pytest.mark.parametrize("name", ["RANK", "WORLD_SIZE"])
@pytest.mark.parametrize("value", ["", "-1", "one", "1.0"])
def test_a_rank_that_is_none_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(PlanError, match=f"the environment has {name}"):
        next(iter(counting().torch()))


@pytest.mark.parametrize(("rank", "ranks"), [("2", "2"), ("0", "0")])
def test_a_rank_outside_of_the_world_is_refused(rank: str, ranks: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", ranks)
    with pytest.raises(PlanError, match=r"rank 2 of 2|world_size is 0"):
        next(iter(counting().torch()))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sampler_chooses_the_rows_of_a_table(plan: Plan, workers: int):
    table = of_plan(plan, "train").table()
    ids = [row["input_ids"].tolist() for row in of_plan(plan, "train")]
    assert len(table) == len(ids)
    parts = []
    for rank in range(2):
        sampler = DistributedSampler(table, num_replicas=2, rank=rank, shuffle=True, seed=3)
        batches = list(DataLoader(table, batch_size=8, sampler=sampler, num_workers=workers))
        assert batches[0]["input_ids"].dtype == torch.int64
        assert batches[0]["loss_mask"].dtype == torch.bool
        given = [row for batch in batches for row in batch["input_ids"].tolist()]
        assert given == [ids[i] for i in sampler]
        parts += given
    assert sorted(parts)[: len(ids)] != ids
    assert {tuple(row) for row in parts} == set(map(tuple, ids))


def test_a_stream_is_a_map_style_dataset_itself(plan: Plan):
    stream = of_plan(plan, "train").shared(1, 2)
    batch = next(iter(DataLoader(stream, batch_size=3, sampler=[4, 0, 9], collate_fn=list)))
    assert [row["input_ids"].tolist() for row in batch] == [stream[i]["input_ids"].tolist() for i in (4, 0, 9)]
    with pytest.raises(PlanError, match=r"no column 'span'\. Did you mean 'spans'"):
        of_plan(plan, "train").table(("span",))[0]


def test_lengths_are_those_of_loaders():
    data = counting(epochs=2).torch()
    loader = DataLoader(data, batch_size=5)
    assert (len(data), len(loader)) == (2 * ROWS, 7)
    assert len(list(loader)) == 7
    with pytest.raises(TypeError, match="without end"):
        len(counting(epochs=None).torch())
