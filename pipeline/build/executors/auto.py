"""Auto: this process first, then Ray if the remaining work is worth its start."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pipeline.build.executors.executor import C, R, T
from pipeline.build.executors.ray import Ray, RayGone
from pipeline.storage import Folder

WORTH = 30.0  # seconds: Ray is started if this process would need longer for the rest; three times its start and stop
WARM = 10.0  # seconds: a shorter first item is mostly warm-up, so it does not predict the others


@dataclass
class Auto:
    """This process, then Ray as soon as the rest is worth its start; this process again where Ray fails.

    weight: the expected cost of an item, in any unit; the items done so far give the seconds per unit. Ray is started
    once the rest would take more than `WORTH` seconds. later: the expected cost of the items of later runs, which are
    part of that rest. notice: called with a line of text where Ray failed. inline, by_ray: how many items this process
    and Ray have done.
    """

    ray: Ray
    cores: int
    weight: Callable[[Any], float] = lambda item: 1.0
    notice: Callable[[str], object] = lambda line: None
    clock: Callable[[], float] = time.monotonic
    later: float = 0.0
    _pace: float = field(default=0.0, init=False)  # seconds of a unit of weight; 0 while unknown
    inline: int = field(default=0, init=False)
    by_ray: int = field(default=0, init=False)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """One Ray for all runs in the block, once it is started."""
        with self.ray.kept():
            yield

    def run(self, work: Callable[[C, T], R], common: C, items: Sequence[T], folder: Folder) -> Iterator[R]:
        left = dict.fromkeys(items)
        if not self.ray.connected:
            yield from self._run_here(work, common, left, WORTH)
        try:
            if left:
                for item, result in self.ray.pairs(work, common, list(left), folder):
                    del left[item]
                    self.by_ray += 1
                    yield result
        except RayGone as gone:
            self.notice(f"{gone.problem}: this process builds the rest")
        yield from self._run_here(work, common, left, math.inf)

    def _run_here(self, work: Callable[[C, T], R], common: C, left: dict[T, None], worth: float) -> Iterator[R]:
        """Results of items run here and removed from `left`, until it is empty or the rest would take more than `worth`
        seconds."""
        weight = sum(map(self.weight, left)) + self.later
        seconds = self._pace * weight  # estimate for the rest
        while left and seconds <= worth:
            item = next(iter(left))
            began = self.clock()
            result = work(common, item)
            took = self.clock() - began
            del left[item]
            self.inline += 1
            weight -= self.weight(item)
            if (len(left) > 1 or self.later) and self.cores > 1 and (self.inline > 1 or took > WARM):
                self._pace = took / self.weight(item)
                seconds = self._pace * weight
            yield result
