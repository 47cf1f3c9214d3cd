"""Wall time of the commands that a user types, as processes of their own: start-up, plan, Ray and manifest included."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench.harness import RECIPE, ROOT, Options, Result, emptied, say, scratch, users_environment


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """plan, preview and build (with Ray and without) of bioS_multi5, in turns, after one that warms the file cache."""
    with scratch(options.disk) as folder, users_environment() as env:
        out = folder / "data"
        commands = {
            "plan": ["plan", RECIPE],
            "preview": ["preview", RECIPE],
            "build": ["build", RECIPE, "--executor", "ray", "--out", str(out)],
            "build_inline": ["build", RECIPE, "--executor", "inline", "--out", str(out)],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(options.repeats(5) + 1):
            for name, arguments in commands.items():
                took = _wall(arguments, out, env)
                say(f"{name:<10} {took:6.2f} s{'' if turn else '   (warm-up)'}")
                seconds[name] += [took] if turn else []
    for name, arguments in commands.items():
        shown = " ".join(arguments).replace(str(out), "FOLDER")
        note = f"python -m pipeline {shown}" + (" (37.7 M tokens to disk)" if name.startswith("build") else "")
        yield Result(f"commands/{name}", seconds[name], note=note)


def _wall(arguments: Sequence[str], out: Path, env: Mapping[str, str]) -> float:
    emptied(out)
    out.rmdir()
    began = time.perf_counter()
    command = [sys.executable, "-m", "pipeline", *arguments]
    subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
