"""Where the time of a shard goes: the stages timed inside `build_shard`, each without those that it calls."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from pipeline.build import building as build
from pipeline.plan import compile_plan
from pipeline.plan.order import SplitPlan
from pipeline.recipe import load
from pipeline.shard import shard
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.storage import LocalFolder, arrow
from pipeline.worlds.world import World
from tests.bench.harness import RECIPE, Options, Result, emptied, filesystem, one_core, say, scratch


class Stopwatch:
    """Seconds by stage. A stage's clock stands still while another stage runs inside it, so that they add up."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted for the stage."""

        def run(*arguments: Any, **named: Any) -> Any:
            self._inner.append(0.0)
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                took = time.perf_counter() - began
                self.seconds[stage] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        return run

    def hash(self, stage: str, make: Callable[[], Any]) -> Callable[[], Any]:
        """A maker of hash states whose updates are counted for the stage."""

        class Timed:
            def __init__(self) -> None:
                state = make()
                self.update = clock.timed(stage, state.update)
                self.hexdigest = state.hexdigest

        clock = self
        return Timed


@contextmanager
def _watched(clock: Stopwatch) -> Iterator[None]:
    """The stages of `build_shard` on the clock."""
    from pipeline.core.kernels import rendering

    stages: tuple[tuple[str, Any, str], ...] = (
        ("locate: order and blocks", SplitPlan, "locate"),
        ("world: rows of the people", World, "rows"),
        ("wordings", Biographies, "_programs"),
        ("gather", rendering, "gather"),
        ("packing", shard, "pack"),
        ("Arrow and file", arrow, "write"),
        ("XXH3 of the columns", build, "content_hash"),
    )
    with ExitStack() as stack:
        for stage, owner, name in stages:
            timed = clock.timed(stage, getattr(owner, name))
            if isinstance(owner, type):
                stack.enter_context(patch.object(owner, name, lambda *a, _timed=timed, **k: _timed(*a, **k)))
            else:
                stack.enter_context(patch.object(owner, name, timed))
        stack.enter_context(patch.object(arrow, "blake3", clock.hash("BLAKE3 of the file", arrow.blake3)))
        yield


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """Shard 0 of bioS_multi5 on one core, to disk, with the stages on the clock and, in turns, without."""
    plan = compile_plan(load(RECIPE, ["worlds.people.size=20000"] if options.quick else []))
    plain: list[float] = []
    shares: list[dict[str, float]] = []
    tokens = 0
    with one_core(), scratch(options.disk) as place:
        common = plan, LocalFolder(place / "data")
        for turn in range(options.repeats(9) + 1):
            for watched in (False, True):
                emptied(common[1].root)
                clock = Stopwatch()
                with ExitStack() as stack:
                    if watched:
                        stack.enter_context(_watched(clock))
                    tokens = clock.timed("remainder", build.build_shard)(common, plan.shards[0]).tokens
                if turn:  # the first warms up
                    plain += [] if watched else [clock.seconds["remainder"]]
                    shares += [dict(clock.seconds)] if watched else []
    yield _result(plain, shares, tokens, filesystem(options.disk))


def _result(plain: list[float], shares: list[dict[str, float]], tokens: int, disk: str) -> Result:
    middle = {stage: statistics.median(run[stage] for run in shares) for stage in shares[0]}
    whole = sum(middle.values())
    for stage, seconds in sorted(middle.items(), key=lambda item: -item[1]):
        say(f"{stage:<30} {seconds * 1e3:8.2f} ms {seconds / whole:7.1%}")
    stages = {stage: {"seconds": seconds, "share": seconds / whole} for stage, seconds in middle.items()}
    note = (
        f"shard 0 to {disk}; seconds: without the stage clocks; stages: medians, each without those inside it; "
        "gather includes the first touch of the output's pages; remainder: record, renaming, freeing memory"
    )
    more = {"stages": stages, "sum_of_stages": whole, "clocks_cost": whole / statistics.median(plain) - 1}
    return Result("where_the_time_goes", plain, tokens, note=note, more=more)
