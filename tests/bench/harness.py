"""What the cases share: results as JSON lines, turns, one core, folders, and a look at the machine."""

from __future__ import annotations

import gc
import json
import os
import platform
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pipeline.core.system.processor import processor

ROOT = Path(__file__).parents[2]
TMPFS = Path("/dev/shm")
RECIPE = "bioS_multi5"
PACKAGES = ("gigatoken", "jinja2", "numba", "numpy", "pyarrow", "ray", "tokenizers")


@dataclass(frozen=True)
class Options:
    """quick: sizes and repeats that only try the harness. disk: a folder on a real disk.

    megabytes: of text, for the cases about a corpus.
    """

    quick: bool
    disk: Path
    megabytes: int

    def repeats(self, usual: int) -> int:
        """How often a case is timed."""
        return min(usual, 2) if self.quick else usual


@dataclass(frozen=True)
class Result:
    """One line of output: all times of a case, and how its speed compares. `more` is written as further keys."""

    case: str
    seconds: Sequence[float] = ()
    tokens: int | None = None
    ratio_to: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Seconds, the median of all repeats."""
        return statistics.median(self.seconds)

    @property
    def speed(self) -> float:
        """Tokens a second."""
        assert self.tokens is not None, f"{self.case} counts no tokens"
        return self.tokens / self.median

    def line(self) -> str:
        """As JSON."""
        shown: dict[str, Any] = {"case": self.case}
        if self.tokens is not None:
            shown["tokens"] = self.tokens
        if self.seconds:
            spread = {"seconds_min": min(self.seconds), "seconds_max": max(self.seconds)}
            shown |= {"seconds": self.median, **spread, "repeats": len(self.seconds)}
        if self.tokens is not None and self.seconds:
            shown["tokens_per_second"] = round(self.speed)
        if self.ratio_to:
            shown["ratio_to"] = dict(self.ratio_to)
        return json.dumps(_rounded({**shown, **self.more, **({"note": self.note} if self.note else {})}))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return {key: _rounded(inner) for key, inner in value.items()} if isinstance(value, dict) else value


@dataclass(frozen=True)
class Contender:
    """A case that is run in turns with others. run is what the clock sees; before is called ahead of each run."""

    tokens: int
    run: Callable[[], object]
    note: str
    before: Callable[[], object] = lambda: None
    loops: int = 1
    more: Mapping[str, Any] = field(default_factory=dict)


def in_turns(contenders: Mapping[str, Contender], repeats: int) -> dict[str, Result]:
    """Every contender once to warm up, then all of them in turns, `repeats` times; ratios are of tokens a second."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(repeats + 1):
        for name, contender in contenders.items():
            took = _timed(contender)
            say(f"{name:<40} {contender.tokens / took / 1e6:10.2f} M tokens/s{'' if turn else '   (warm-up)'}")
            if turn:
                seconds[name].append(took)
    plain = {name: Result(name, seconds[name], contender.tokens) for name, contender in contenders.items()}
    return {
        name: Result(name, seconds[name], contender.tokens, ratios(plain, name), contender.note, contender.more)
        for name, contender in contenders.items()
    }


def ratios(results: Mapping[str, Result], name: str) -> dict[str, float]:
    """How many times as fast `name` is as each of the others."""
    return {other: results[name].speed / result.speed for other, result in results.items() if other != name}


def _timed(contender: Contender) -> float:
    contender.before()
    gc.collect()
    began = time.perf_counter()
    for _ in range(contender.loops):
        contender.run()
    return (time.perf_counter() - began) / contender.loops


@contextmanager
def one_core() -> Iterator[None]:
    """All threads of this process, and those they start, on one core; thread pools of libraries of size one."""
    before = os.sched_getaffinity(0)
    settings = {"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    old = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    _pin({max(before)})
    try:
        yield
    finally:
        _pin(before)
        for name, value in old.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _pin(cores: set[int]) -> None:
    for thread in os.listdir("/proc/self/task"):
        try:
            os.sched_setaffinity(int(thread), cores)
        except ProcessLookupError:  # it has ended
            continue


@contextmanager
def users_environment() -> Iterator[dict[str, str]]:
    """Variables for processes that are measured from their start: as where the benchmark's extras are not installed.

    gigatoken needs awkward, and numba imports awkward wherever it is installed, which costs every process 0.2 s and
    20 to 40 MiB that users do not pay: an empty stand-in comes before it on the path.
    """
    with TemporaryDirectory(prefix="bench-") as folder:
        stand_in = Path(folder) / "awkward"
        stand_in.mkdir()
        (stand_in / "__init__.py").touch()
        (stand_in / "numba.py").write_text("def _register() -> None: ...\n")
        path = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
        yield {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


@contextmanager
def scratch(place: Path) -> Iterator[Path]:
    """A folder of our own below `place`, removed at the end."""
    with TemporaryDirectory(prefix="bench-", dir=place) as folder:
        yield Path(folder)


def emptied(folder: Path) -> None:
    """The folder, there and empty, with nothing of it left to be written to the disk behind our back."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.sync()


def filesystem(path: Path) -> str:
    """The kind of file system that a path lies on: ext4, tmpfs, …"""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(Path(place), kind) for place, kind in mounts if path.is_relative_to(place)]
    return max(holding, key=lambda mount: len(mount[0].parts))[1]


def available_memory() -> int:
    """Bytes that processes can still take without swapping."""
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    return int(line.split()[1]) * 1024


def machine(options: Options) -> Result:
    """Where and with what it is measured."""
    facts: dict[str, Any] = {
        "cpu": processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30,
        "load": os.getloadavg()[0],
        "disk": filesystem(options.disk),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "quick": options.quick,
    }
    note = "the machine was not idle: figures are noisy" if facts["load"] > 0.5 else ""
    return Result("machine", note=note, more=facts)


def say(text: str) -> None:
    """Progress."""
    print(text, file=sys.stderr, flush=True)
