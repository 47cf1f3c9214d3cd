"""Wall time of the commands that a user types, as processes of their own: start-up, plan, Ray and manifest included.

…_anew          with an empty cache of plans
…               where the same command was run before
kernels, warm   with no machine code: what a biography needs, and all
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

from tests.bench.harness import RECIPE, ROOT, Options, Result, say, scratch, users_environment

KERNELS = "import pipeline.core.kernels"
"""Compiles what every recipe needs."""


def measure(cases: Sequence[str], options: Options) -> Iterator[Result]:
    """plan, preview and build (with Ray and without) of bioS_multi5, in turns, after one that warms the file cache."""
    with scratch(options.disk) as folder, users_environment() as env:
        out, cache, code = folder / "data", folder / "cache", folder / "code"
        env |= {"XDG_CACHE_HOME": str(cache)}
        build = ["-m", "pipeline", "build", RECIPE, "--out", str(out), "--executor"]
        commands = {
            "plan_anew": ["-m", "pipeline", "plan", RECIPE],
            "plan": ["-m", "pipeline", "plan", RECIPE],
            "preview_anew": ["-m", "pipeline", "preview", RECIPE],
            "preview": ["-m", "pipeline", "preview", RECIPE],
            "build": [*build, "ray"],
            "build_inline": [*build, "inline"],
            "kernels": ["-c", KERNELS],
            "warm": ["-m", "pipeline", "warm"],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(options.repeats(5) + 1):
            for name, arguments in commands.items():
                compiling = name in ("kernels", "warm")
                for gone in (out, *[cache] * name.endswith("_anew"), *[code] * compiling):
                    shutil.rmtree(gone, ignore_errors=True)
                took = _wall(arguments, {**env, "NUMBA_CACHE_DIR": str(code)} if compiling else env)
                say(f"{name:<12} {took:6.2f} s{'' if turn else '   (warm-up)'}")
                seconds[name] += [took] if turn else []
    for name, arguments in commands.items():
        shown = " ".join(arguments).replace(str(out), "FOLDER")
        note = f"python {shown}" + (" (37.7 M tokens to disk)" if name.startswith("build") else "")
        yield Result(f"commands/{name}", seconds[name], note=note)


def _wall(arguments: Sequence[str], env: Mapping[str, str]) -> float:
    """Seconds that a command of Python takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
