"""PyTorch reads the rows of the shards, whatever loaders, workers and ranks there are, and goes on where it stopped."""

from __future__ import annotations

from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader
from torchdata.stateful_dataloader import StatefulDataLoader

import pipeline
from pipeline.core.errors import PlanError
from pipeline.plan.plan import Plan
from pipeline.shard.shard import make_shard
from pipeline.training.streams import Stream, of_plan


@pytest.fixture(scope="module")
def ids(plan: Plan) -> list[list[int]]:
    """input_ids of every row, from the shards."""
    split = plan.splits["train"]
    return [row for k in range(split.shards) for row in make_shard(plan, "train", k).columns["input_ids"].tolist()]


def read(loader: Any) -> list[list[int]]:
    return [row for batch in loader for row in batch["input_ids"].tolist()]


@pytest.mark.parametrize("built", [False, True])
def test_a_loader_gives_the_rows_as_tensors(plan: Plan, undisturbed: Path, ids: list[list[int]], built: bool):
    stream = pipeline.read(undisturbed, "train") if built else of_plan(plan, "train")
    batches = list(DataLoader(stream.torch(), batch_size=7))
    assert read(batches) == ids
    first = batches[0]
    assert {name: (value.dtype, value.shape) for name, value in first.items()} == {
        "input_ids": (torch.int64, (7, 128)),
        "loss_mask": (torch.bool, (7, 128)),
        "segment_ids": (torch.int64, (7, 128)),
    }


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_share_the_rows(plan: Plan, ids: list[list[int]], workers: int):
    given = read(DataLoader(of_plan(plan, "train").torch(), batch_size=4, num_workers=workers))
    assert sorted(given) == sorted(ids)
    first = workers * 4
    assert sorted(given[:first]) == sorted(ids[:first]), "a batch of each worker is the next rows"


def test_ranks_of_torchrun_share_the_rows(plan: Plan, ids: list[list[int]], monkeypatch: pytest.MonkeyPatch):
    parts = []
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "3")
        parts.append(read(DataLoader(of_plan(plan, "train").torch(), batch_size=2)))
    assert [row for one in zip(*parts, strict=False) for row in one] == ids[: 3 * min(map(len, parts))]
    assert sorted(chain(*parts)) == sorted(ids)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("assign", ["rows", "shards"])
@pytest.mark.parametrize("stop", [1, 4])
def test_a_stateful_loader_goes_on_where_it_stopped(plan: Plan, workers: int, assign: Any, stop: int):
    def loader() -> Any:
        return StatefulDataLoader(of_plan(plan, "train", assign=assign).torch(), batch_size=5, num_workers=workers)

    right = read(loader())
    first = loader()
    begun = read(islice(iter(first), stop))
    again = loader()
    again.load_state_dict(first.state_dict())
    assert begun + read(again) == right


def test_a_dataset_that_was_read_here_is_shared_anew_by_workers(plan: Plan, ids: list[list[int]]):
    data = of_plan(plan, "train").torch()
    assert len(list(islice(data, 3))) == 3
    assert sorted(read(DataLoader(data, batch_size=4, num_workers=2))) == sorted(ids)


def test_columns_are_chosen_and_lists_come_as_arrays(plan: Plan):
    row = next(iter(of_plan(plan, "train").torch(("input_ids", "spans"))))
    assert set(row) == {"input_ids", "spans"}
    assert len(row["spans"]["start"]) == len(row["spans"]["attribute"]) > 0
    with pytest.raises(PlanError, match=r"no column 'span'\. Did you mean 'spans'"):
        next(iter(of_plan(plan, "train").torch(("span",))))


def test_datasets_gives_torch_tensors_too(plan: Plan, ids: list[list[int]]):
    made = of_plan(plan, "train").datasets().select_columns(["input_ids"]).with_format("torch")
    assert read(DataLoader(made, batch_size=4)) == ids


def test_a_stream_is_sent_to_workers_that_are_spawned(plan: Plan, ids: list[list[int]]):
    stream: Stream = of_plan(plan, "train")
    loader = DataLoader(stream.torch(), batch_size=8, num_workers=1, multiprocessing_context="spawn")
    assert read(loader) == ids
