"""What one loader worker feeds: batches of 32 sequences as int64 arrays, made, read from shards, and by `datasets`.

And what one of many ranks gets: as it makes its own rows, beside making all of them and keeping its part.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

import pipeline
from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.training.row_sources import LoadedShards, PlannedShards
from pipeline.training.streams import Stream, of_plan
from tests.bench.harness import TMPFS, Contender, Options, Result, in_turns, one_core, scratch

BATCH = 32
RECIPE = "bioS_multi5"
WORLD_SIZES = (1, 16, 256)


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """A pass over all shards, on one core, in turns; memory-mapped files are in the page cache."""
    size = 20_000 if options.quick else 400_000
    plan = compile_plan(load(RECIPE, [f"worlds.people.size={size}", "splits.train.columns=[segment_ids]"]))
    if "streams" in cases:
        yield from _one_worker(plan, options)
    if "ranks" in cases:
        yield from _one_of_many(plan, options)


def _one_worker(plan: Plan, options: Options) -> Iterator[Result]:
    with one_core(), scratch(TMPFS) as place:
        folder = place / "data"
        manifest = build(plan, folder, Inline())
        tokens = manifest.splits["train"]["tokens"]
        made, read = of_plan(plan, "train"), pipeline.read(folder, "train")
        columns = "columns input_ids and segment_ids, batches of 32 as int64"
        contenders = {
            "streams/made": Contender(tokens, lambda: _batches(made), f"pipeline.stream; {columns}"),
            "streams/read": Contender(tokens, lambda: _batches(read), f"pipeline.read, from tmpfs; {columns}"),
            "streams/datasets": Contender(
                tokens, lambda: _of_datasets(folder), f"load_dataset, with_format('numpy'), from tmpfs; {columns}"
            ),
        }
        yield from in_turns(contenders, options.repeats(5)).values()


def _one_of_many(plan: Plan, options: Options) -> Iterator[Result]:
    """Tokens of its own that one rank gets in a second: of the first epoch, and of a later one."""
    split = plan.splits["train"]
    sequences = len(of_plan(plan, "train"))
    contenders = {}
    for world_size in WORLD_SIZES:
        of = f"ranks/{world_size}"
        later = of_plan(plan, "train").shared(0, world_size)
        mine = len(range(0, sequences, world_size)) * split.packing.length
        contenders |= {
            f"{of}/all": Contender(
                mine, lambda n=world_size: _batches(_all(plan).shared(0, n)), "every shard made, a part kept"
            ),
            f"{of}/own": Contender(
                mine, lambda n=world_size: _batches(of_plan(plan, "train").shared(0, n)), "lengths first, then own rows"
            ),
            f"{of}/later": Contender(mine, lambda part=later: _batches(part), "the same in a later epoch"),
        }
    with one_core():
        yield from in_turns(contenders, options.repeats(5)).values()


def _all(plan: Plan) -> Stream:
    """A stream whose ranks make all rows, as they did before lengths came first."""
    return Stream(plan.splits["train"].shards, LoadedShards(PlannedShards(plan, "train")))


def _batches(rows: Any) -> int:
    """All rows, stacked as a loader's worker does it; how many batches."""
    rows, count = iter(rows), 0
    while batch := list(islice(rows, BATCH)):
        for name in ("input_ids", "segment_ids"):
            np.stack([row[name] for row in batch]).astype(np.int64)
        count += 1
    return count


def _of_datasets(folder: Any) -> int:
    """The same from memory-mapped shards, in batches, the way that is quickest there."""
    from datasets import Dataset, concatenate_datasets

    shards = [Dataset.from_file(str(path)) for path in sorted(folder.glob("train/*.arrow"))]
    count = 0
    for batch in concatenate_datasets(shards).with_format("numpy").iter(BATCH):
        for name in ("input_ids", "segment_ids"):
            np.asarray(batch[name]).astype(np.int64)
        count += 1
    return count
