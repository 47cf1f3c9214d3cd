"""Who runs the shards: this process, or Ray. Results come back in any order; the output does not depend on it.

executor.py   the protocol, and this process as an executor
auto.py       the choice between this process and Ray
ray.py        shards as Ray tasks, on a Ray of our own or on somebody's cluster
local.py      a Ray of our own on this machine, of as few processes as there can be
sessions.py   what such a Ray leaves behind, and how it is cleared up, whenever its driver dies
signals.py    signals that wait while native code of Ray's is at work
"""

from __future__ import annotations

from pipeline.build.executors.auto import Auto
from pipeline.build.executors.executor import Executor, Inline
from pipeline.build.executors.ray import Ray

__all__ = ["Auto", "Executor", "Inline", "Ray"]
