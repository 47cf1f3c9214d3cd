"""One core, the same documents: the package against what people do, the best stack, and a memory copy, in turns."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.build.building import build_shard
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from pipeline.storage import LocalFolder
from tests.bench.harness import (
    RECIPE,
    ROOT,
    TMPFS,
    Contender,
    Options,
    Result,
    emptied,
    filesystem,
    in_turns,
    one_core,
    say,
    scratch,
    users_environment,
)
from tests.bench.join_gigatoken import LENT, PLAIN, JoinGigatoken, Ways

COMPILE = """
import json, time
times = [time.perf_counter()]
from pipeline import build, plan, recipe
times.append(time.perf_counter())
plan.compile_plan(recipe.load({recipe!r}))
times.append(time.perf_counter())
from pipeline.core.kernels import draws, packing, rendering
times.append(time.perf_counter())
print(json.dumps([after - before for before, after in zip(times, times[1:])]))
"""


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """The cases of this file that are asked for, in turns, on one core."""
    with ExitStack() as stack:
        stack.enter_context(one_core())
        group = _Group(options, stack)
        contenders = {}
        for case in cases:
            say(f"preparing {case}")
            contenders[case] = group.makers[case]()
        results = in_turns(contenders, options.repeats(7))
    yield from results.values()


class _Group:
    """What the cases share: the plan, and the finished output that the others are held against."""

    def __init__(self, options: Options, stack: ExitStack) -> None:
        self._options, self._stack = options, stack
        overrides = ["worlds.people.size=20000"] if options.quick else []
        self.plan = compile_plan(load(RECIPE, overrides))
        make_shard(self.plan, *self.plan.shards[0])  # imports the kernels
        self.makers: dict[str, Callable[[], Contender]] = {
            "ours": lambda: self._ours(options.disk, compile=_compile()),
            "ours_tmpfs": lambda: self._ours(TMPFS),
            "ours_arrays": self._ours_arrays,
            "jinja_encode": self._jinja_encode,
            "join_gigatoken": lambda: self._join_gigatoken(PLAIN),
            "join_gigatoken_lent": lambda: self._join_gigatoken(LENT),
            "memory_copy": self._memory_copy,
        }

    @cached_property
    def finished(self) -> list[NDArray[np.uint16]]:
        """input_ids of every shard."""
        return [_input_ids(self.plan, *shard) for shard in self.plan.shards]

    @cached_property
    def tokens(self) -> int:
        """Of all shards, without padding."""
        shards = [make_shard(self.plan, *shard) for shard in self.plan.shards]
        return sum(counts.tokens for shard in shards for counts in shard.sources.values())

    def _ours(self, place: Path, **more: object) -> Contender:
        folder = self._stack.enter_context(scratch(place)) / "data"
        note = f"build_shard of all {len(self.plan.shards)} shards to {filesystem(place)}: Arrow, BLAKE3, XXH3, record"
        run = partial(build_all, self.plan, folder)
        return Contender(self.tokens, run, note, partial(emptied, folder), more=more)

    def _ours_arrays(self) -> Contender:
        def run() -> None:
            for shard in self.plan.shards:
                make_shard(self.plan, *shard)

        return Contender(self.tokens, run, "make_shard of all shards: packed arrays, where the two rivals end as well")

    def _jinja_encode(self) -> Contender:
        from tests.bench.jinja_encode import JinjaEncode

        count = 2000 if self._options.quick else 20_000
        rival = JinjaEncode(self.plan, count)
        packed = rival.packed(fast=True)
        assert np.array_equal(packed, rival.packed(fast=False)), "encode_batch_fast gives what encode_batch gives"
        length = self.plan.splits["train"].packing.length
        tokens = packed.size - _padding(packed, self.plan.tokenizer.eos)
        _check_same("jinja_encode", packed.reshape(-1)[:tokens], self.finished[0].reshape(-1)[:tokens])
        note = (
            f"the first {count:,} documents; a template a sentence, precompiled; encode_batch_fast (no offsets) on one "
            f"core; packed to uint16 (n, {length}) in memory; people and wordings drawn ahead; tokens equal to ours"
        )
        return Contender(tokens, partial(rival.packed, fast=True), note)

    def _join_gigatoken(self, ways: Ways) -> Contender:
        rival = JoinGigatoken(self.plan, ways)
        for (_, k), ours in zip(self.plan.shards, self.finished, strict=True):
            _check_same("join_gigatoken", rival.packed(k), ours)

        def run() -> None:
            for _, k in self.plan.shards:
                rival.packed(k)

        tried = {name: round(speed) for name, speed in rival.tried.items()}
        way = max(tried.keys() - {"gigatoken_alone"}, key=tried.__getitem__)
        note = (
            f"all documents; joined by {way} (of {', '.join(ways)}); gigatoken's encode on one "
            "core; packed to uint16 (n, 512) in memory; tokens equal to ours; gigatoken_alone: texts joined ahead"
        )
        return Contender(self.tokens, run, note, more={"tried_tokens_per_second": tried})

    def _memory_copy(self) -> Contender:
        whole = np.concatenate([ids.reshape(-1) for ids in self.finished])
        warm = whole.copy()
        note = f"{whole.nbytes / 1e6:.1f} MB with numpy"
        return Contender(self.tokens, lambda: np.copyto(warm, whole), note, loops=10)


def build_all(plan: Plan, folder: Path, shards: Sequence[tuple[str, int]] | None = None) -> int:
    """What workers do: shards of a plan (all), from nothing to their files and records; returns the tokens."""
    return sum(build_shard((plan, LocalFolder(folder)), shard).tokens for shard in shards or plan.shards)


def _input_ids(plan: Plan, split: str, k: int) -> NDArray[np.uint16]:
    ids = make_shard(plan, split, k).columns["input_ids"]
    assert isinstance(ids, np.ndarray), "input_ids is a dense column"
    return ids


def _padding(packed: NDArray[np.uint16], eos: int) -> int:
    """End tokens beyond the one that closes the last document."""
    backwards = packed.reshape(-1)[::-1]
    return int(np.argmax(backwards != eos)) - 1


def _check_same(case: str, theirs: NDArray[np.uint16], ours: NDArray[np.uint16]) -> None:
    if not np.array_equal(theirs, ours):
        raise SystemExit(f"{case}: its tokens are not ours, so it cannot be compared")
    say(f"{case}: {theirs.size:,} tokens equal to ours")


def _compile() -> dict[str, float]:
    """Seconds before the first shard in a fresh process, on the same core: imports, the plan, the cached kernels."""
    code = COMPILE.format(recipe=RECIPE)
    command = [sys.executable, "-c", code]
    runs = []
    with users_environment() as env:
        for _ in range(3):
            ran = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True)
            runs.append(json.loads(ran.stdout))
    best = min(runs, key=sum)
    return dict(zip(("imports", "plan", "kernels"), best, strict=True))
