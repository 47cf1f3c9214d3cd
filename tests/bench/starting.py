"""A local Ray from nothing to first results and back, a process of its own: ours, beside what `ray.init` starts."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from tests.bench.harness import ROOT, Options, Result, say, users_environment

PARTS = ("import", "start", "first", "end")
USUAL = """
import logging, time
began = time.perf_counter()
import ray
imported = time.perf_counter()
ray.init(address="local", num_cpus=2, object_store_memory=100 * 2**20, include_dashboard=False, log_to_driver=False,
         logging_level=logging.ERROR)
started = time.perf_counter()
ray.get([ray.remote(num_cpus=1)(lambda: None).remote() for _ in range(4)])
first = time.perf_counter()
ray.shutdown()
print(imported - began, started - imported, first - started, time.perf_counter() - first)
"""
OURS = """
import time
began = time.perf_counter()
from pipeline.build.executors import local
for name, value in local.QUIET.items():
    local.os.environ.setdefault(name, value)
import ray
imported = time.perf_counter()
with local.started(2, ""):
    started = time.perf_counter()
    ray.get([ray.remote(num_cpus=1)(lambda: None).remote() for _ in range(4)])
    first = time.perf_counter()
print(imported - began, started - imported, first - started, time.perf_counter() - first)
"""


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """Both in turns: the whole process, and the medians of its parts. On a busy machine, a start may time out."""
    programs = {"usual": USUAL, "ours": OURS}
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    parts: dict[str, list[list[float]]] = {name: [] for name in programs}
    with users_environment() as env:
        for turn in range(options.repeats(5) + 1):
            for name, program in programs.items():
                began = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True
                )
                took = time.perf_counter() - began
                shown = done.stdout.strip() or f"failed: {done.stderr.splitlines()[-1]}"
                say(f"{name:<10} {took:6.2f} s  {shown}{'' if turn else '   (warm-up)'}")
                if turn and done.returncode == 0:
                    seconds[name].append(took)
                    parts[name].append([float(part) for part in done.stdout.split()])
    for name, those in parts.items():
        medians = {part: statistics.median(row[column] for row in those) for column, part in enumerate(PARTS)}
        note = f"import ray, start it, four tasks that do nothing, end it; {options.repeats(5) - len(those)} failed"
        yield Result(f"ray_start/{name}", seconds[name], note=note, more={"seconds_of_parts": medians})
