"""Ray with two workers against one: whole builds of 2.1 G tokens through `build.build`, to memory and to disk.

The clock of the machine is read around each shard, in the worker that builds it. From that come two speeds: of the
whole build (Ray started and stopped, workers importing, the manifest written), and of the work alone: from the moment
when every worker has finished a shard, until the last one ends.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pipeline.build.building import build
from pipeline.build.executors import Executor, Ray
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.storage import LocalFolder
from tests.bench.harness import (
    RECIPE,
    TMPFS,
    Options,
    Result,
    available_memory,
    emptied,
    filesystem,
    say,
    scratch,
    users_environment,
)

PEOPLE = 5_600_000  # five biographies each: 28 M documents, 2.1 G tokens, 4.2 GB
SPARE = 3 * 2**30  # bytes of memory to leave to Ray and its workers, beside the output
WORKERS = (1, 2)


@dataclass(frozen=True)
class Work:
    """One shard, in the worker that built it: seconds on the machine's monotonic clock."""

    process: int
    began: float
    ended: float
    tokens: int


def watched(work: Callable[[Any, Any], Any], common: Any, item: Any) -> tuple[int, float, float, Any]:
    """The work, with the process that does it and the time before and after. Runs in the worker."""
    began = time.monotonic()
    record = work(common, item)
    return os.getpid(), began, time.monotonic(), record


@dataclass(frozen=True)
class Watched:
    """Another executor, and when each shard was built."""

    inner: Executor
    works: list[Work] = field(default_factory=list)

    def run(self, work: Callable[..., Any], common: Any, items: Sequence[Any], folder: LocalFolder) -> Iterator[Any]:
        """As the other executor."""
        for process, began, ended, record in self.inner.run(partial(watched, work), common, items, folder):
            self.works.append(Work(process, began, ended, record.tokens))
            yield record


@dataclass(frozen=True)
class Run:
    """One build: tokens and seconds of all of it, and of the work after every worker is warm.

    replaced: worker processes beyond those asked for. Ray starts one where another died, of want of memory for example:
    such a run measures something else.
    """

    tokens: int
    whole: float
    replaced: int
    warm_tokens: float
    warm: float

    @property
    def speed(self) -> float:
        """Tokens a second, warm."""
        return self.warm_tokens / self.warm


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """Builds with one and with two workers in turns, first to /dev/shm, then to disk."""
    plan = compile_plan(load(RECIPE, [f"worlds.people.size={PEOPLE // 10 if options.quick else PEOPLE}"]))
    for kind, place in (("tmpfs", TMPFS), ("disk", options.disk)):
        runs: dict[int, list[Run]] = {workers: [] for workers in WORKERS}
        short = ""
        with scratch(place) as folder, users_environment() as env, patch.dict(os.environ, env):
            for workers in WORKERS * (1 if options.quick else 3):
                short = short or _short(place, plan.bytes_of("train"))
                if not short:
                    runs[workers].append(built(plan, folder / "data", workers))
        if short:
            yield Result(f"ray_scaling/{kind}", note=f"left out: {short}")
        else:
            yield from results(f"ray_scaling/{kind}", runs, filesystem(place))


def _short(place: Path, size: int) -> str:
    """What is lacking for a build of `size` bytes; nothing where there is enough."""
    memory, room = available_memory(), shutil.disk_usage(place).free
    needed = SPARE + (size if place == TMPFS else 0)
    if memory < needed:
        return f"{memory / 2**30:.1f} GiB of memory are free, {needed / 2**30:.1f} GiB are needed"
    return f"{room / 2**30:.1f} GiB are free in {place}, {1.1 * size / 2**30:.1f} GiB are needed" * (room < 1.1 * size)


def built(plan: Plan, out: Path, workers: int) -> Run:
    """Build with so many workers of Ray, and remove what was built."""
    emptied(out)
    executor = Watched(Ray(workers))
    began = time.perf_counter()
    manifest = build(plan, out, executor)
    whole = time.perf_counter() - began
    shutil.rmtree(out)
    tokens = sum(int(split["tokens"]) for split in manifest.splits.values())
    processes = {work.process for work in executor.works}
    run = Run(tokens, whole, len(processes) - workers, *_warm(executor.works, workers))
    say(f"{workers} workers: {run.speed / 1e6:8.1f} M tokens/s warm, {tokens / whole / 1e6:8.1f} M as a whole build")
    return run


def _warm(works: Sequence[Work], workers: int) -> tuple[float, float]:
    """Tokens and seconds from the moment when as many processes have each finished a shard, to the end of the last.

    A shard that was under way at that moment counts with the part of its time that comes after.
    """
    firsts: dict[int, float] = {}
    for work in sorted(works, key=lambda work: work.ended):
        firsts.setdefault(work.process, work.ended)
    assert len(firsts) >= workers, f"{len(firsts)} of {workers} workers did anything: too few shards"
    begin, end = sorted(firsts.values())[workers - 1], max(work.ended for work in works)
    tokens = sum(
        work.tokens * max(0.0, work.ended - max(work.began, begin)) / (work.ended - work.began) for work in works
    )
    return tokens, end - begin


def results(case: str, runs: dict[int, list[Run]], where: str) -> Iterator[Result]:
    """A line for each number of workers. where: what they wrote to."""
    speeds = {workers: statistics.median(run.speed for run in those) for workers, those in runs.items()}
    wholes = {workers: statistics.median(run.whole for run in those) for workers, those in runs.items()}
    for workers, those in runs.items():
        tokens = round(statistics.median(run.warm_tokens for run in those))
        seconds = [tokens / run.speed for run in those]
        others = [other for other in runs if other != workers]
        build_tokens = those[0].tokens
        more = {
            "whole_build": {
                "tokens": build_tokens,
                "seconds": wholes[workers],
                "tokens_per_second": round(build_tokens / wholes[workers]),
                "ratio_to": {f"{case}/{other}": wholes[other] / wholes[workers] for other in others},
            }
        }
        ratio = {f"{case}/{other}": speeds[workers] / speeds[other] for other in others}
        note = f"to {where}; from all workers warm to the last shard's end; whole_build: Ray's start and end included"
        if any(run.replaced for run in those):
            note = f"NOT VALID, a worker died and was replaced; {note}"
        yield Result(f"{case}/{workers}", seconds, tokens, ratio, note, more)
