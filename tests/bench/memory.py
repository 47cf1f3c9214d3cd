"""Peak memory of a worker (VmHWM), each in a fresh process: it should not grow with the number of people.

`python -m tests.bench.memory [FOLDER RECIPE [OVERRIDE…]]` is that process: it imports, compiles the plan and builds
shard 0 into the folder, and prints its peak after each, in MiB.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench.harness import RECIPE, ROOT, Options, Result, say, scratch, users_environment

SIZES = {"10K": 10_000, "1M": 1_000_000, "100M": 100_000_000}


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """The peak of importing alone, and of building one shard at each number of people."""
    with users_environment() as env:
        yield from _by_people(env, options)


def _by_people(env: Mapping[str, str], options: Options) -> Iterator[Result]:
    alone = child(env)["imported"]
    yield Result("memory/import", note="all modules and compiled kernels, nothing built", more={"peak_mib": alone})
    peaks: dict[str, float] = {}
    for label, people in SIZES.items():
        with scratch(options.disk) as folder:
            peak = child(env, str(folder), RECIPE, f"worlds.people.size={people}")
        say(f"{label:>5} people: {peak['built']:.0f} MiB")
        ratio = {f"memory/{other}": peak["built"] / before for other, before in peaks.items()}
        peaks[label] = peak["built"]
        note = "VmHWM of a fresh process that builds shard 0; ratio_to: of peaks"
        if label == "10K":
            note += "; its one shard has 3.8 M tokens, a full one 33.5 M"
        more = {"peak_mib": peak["built"], "peak_mib_after_plan": peak["planned"], "shard_tokens": int(peak["tokens"])}
        yield Result(f"memory/{label}", ratio_to=ratio, note=note, more=more)


def child(env: Mapping[str, str], *arguments: str) -> dict[str, float]:
    """The peaks of a fresh process with these variables and arguments, and the tokens of what it built."""
    command = [sys.executable, "-m", "tests.bench.memory", *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def _peak() -> float:
    """Most memory that this process ever held, in MiB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _main(folder: str = "", recipe: str = "", *overrides: str) -> None:
    from pipeline.build.building import build_shard
    from pipeline.core.kernels import draws, packing, rendering  # noqa: F401
    from pipeline.plan import compile_plan
    from pipeline.recipe import load
    from pipeline.storage import LocalFolder

    found = {"imported": _peak()}
    if recipe:
        plan = compile_plan(load(recipe, overrides))
        found["planned"] = _peak()
        found["tokens"] = build_shard((plan, LocalFolder(Path(folder))), plan.shards[0]).tokens
        found["built"] = _peak()
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
