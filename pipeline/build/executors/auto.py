"""The choice between this process and Ray."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.build.executors.executor import C, R, T
from pipeline.build.executors.ray import Ray, RayGone
from pipeline.storage import Folder

WORTH = 30.0  # seconds that the rest must take this process for a Ray to be started: three times its start and end
WARM = 10.0  # a first item that took longer shows how long the others take; in a shorter one, much is the warming up


@dataclass
class Auto:
    """This process, and Ray for the rest as soon as that is worth its start; this process again where Ray fails.

    weight: what an item is expected to cost, in any unit. The items that this process has done show how many seconds a
    unit takes; Ray is started once the rest would take more than `WORTH` seconds. notice: is called with a line where
    Ray has failed. inline, by_ray: how many items each has done.
    """

    ray: Ray
    cores: int
    weight: Callable[[Any], float] = lambda item: 1.0
    notice: Callable[[str], object] = lambda line: None
    clock: Callable[[], float] = time.monotonic
    inline: int = field(default=0, init=False)
    by_ray: int = field(default=0, init=False)

    def run(self, work: Callable[[C, T], R], common: C, items: Sequence[T], folder: Folder) -> Iterator[R]:
        left = dict.fromkeys(items)
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
        """Results of this process, of items that are taken off `left`: until none is left, or the rest would take it
        more than `worth` seconds."""
        weight = sum(map(self.weight, left))
        seconds = 0.0  # that the rest would take, as far as is known
        while left and seconds <= worth:
            item = next(iter(left))
            began = self.clock()
            result = work(common, item)
            took = self.clock() - began
            del left[item]
            self.inline += 1
            weight -= self.weight(item)
            if len(left) > 1 and self.cores > 1 and (self.inline > 1 or took > WARM):
                seconds = took / self.weight(item) * weight
            yield result
