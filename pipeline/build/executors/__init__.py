"""Executors, which run the shards: this process, or Ray. Results come in any order; the dataset does not depend on it.

executor.py   the protocol, and this process as an executor
auto.py       the choice between this process and Ray
ray.py        shards as Ray tasks, on a local Ray or on a user's cluster
local.py      a local Ray of as few processes as possible
sessions.py   removes what a local Ray leaves behind, even if its driver was killed
signals.py    holds signals back while native code of Ray runs
"""

from __future__ import annotations

from pipeline.build.executors.auto import Auto
from pipeline.build.executors.executor import Executor, Inline
from pipeline.build.executors.ray import Ray

__all__ = ["Auto", "Executor", "Inline", "Ray"]
