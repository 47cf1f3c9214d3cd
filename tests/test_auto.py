"""Who builds where nobody was asked for: this process; Ray where that is worth its start; this process if it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.build.executors import Auto, Ray
from pipeline.build.executors import auto as chosen
from pipeline.build.executors import ray as rays
from pipeline.build.executors.ray import RayGone
from pipeline.core.errors import RunError, StorageError
from pipeline.plan import Plan
from pipeline.storage import LocalFolder
from tests.conftest import SMALL, contents

NOWHERE = LocalFolder(Path("nowhere"))


@dataclass(frozen=True)
class Pretended(Ray):
    """A Ray that does the work here, and fails after so many items."""

    fails_after: int = 10**9
    done: list[Any] = field(default_factory=list)

    def pairs(
        self, work: Callable[[Any, Any], Any], common: Any, items: Sequence[Any], folder: Any
    ) -> Iterator[tuple[Any, Any]]:
        for item in reversed(items):
            if len(self.done) == self.fails_after:
                raise RayGone("the local Ray has died", "again")
            self.done.append(item)
            yield item, work(common, item)


def took(seconds: dict[int, float]) -> tuple[Callable[[], float], Callable[[Any, int], int]]:
    """A clock, and a work that moves it."""
    now = [0.0]

    def work(common: Any, item: int) -> int:
        now[0] += seconds[item]
        return item

    return lambda: now[0], work


@pytest.mark.parametrize(
    ("seconds", "cores", "inline"),
    [
        ([5, *[1] * 30], 8, 31),  # 30 s are left after the first, and are not worth it
        ([5, *[1] * 33], 8, 2),  # after the second, 32 s are: the first was mostly warming up
        ([11, *[1] * 9], 8, 1),  # a first that took so long tells
        ([50, 50], 8, 2),  # one that is left is as quick here
        ([50] * 9, 1, 9),  # as are all of them on one core
        ([], 8, 0),
    ],
)
def test_ray_is_started_where_the_rest_would_take_long(seconds: list[float], cores: int, inline: int) -> None:
    clock, work = took(dict(enumerate(seconds)))
    ray = Pretended()
    auto = Auto(ray, cores, clock=clock)
    assert sorted(auto.run(work, None, range(len(seconds)), NOWHERE)) == list(range(len(seconds)))
    assert auto.inline == inline
    assert len(ray.done) == auto.by_ray == len(seconds) - inline


def test_the_rest_is_estimated_by_weight() -> None:
    """Two small items take 2 s, and the four big ones ten times as long each."""
    clock, work = took({0: 1, 1: 1, 2: 10, 3: 10, 4: 10, 5: 10})
    auto = Auto(Pretended(), 2, lambda item: 1.0 if item < 2 else 10.0, clock=clock)
    assert sorted(auto.run(work, None, range(6), NOWHERE)) == list(range(6))
    assert (auto.inline, auto.by_ray) == (2, 4)


def test_the_rest_is_that_of_later_runs_too() -> None:
    """Of runs of one item of 11 s each: after the first, 33 s are left, which is worth a Ray; it has the next items."""
    clock, work = took(dict.fromkeys(range(4), 11.0))
    auto = Auto(Pretended(), 2, clock=clock)
    by = []
    for item in range(4):
        auto.later = 3.0 - item
        assert list(auto.run(work, None, [item], NOWHERE)) == [item]
        by.append((auto.inline, auto.by_ray))
    assert by == [(1, 0), (1, 1), (2, 1), (3, 1)]  # 33 s are worth it, 22 s and 11 s are not; nobody has kept the Ray


@pytest.mark.parametrize("fails_after", [0, 3])
def test_where_ray_fails_this_process_does_the_rest_and_says_so_once(fails_after: int) -> None:
    clock, work = took(dict.fromkeys(range(10), 50.0))
    said: list[str] = []
    auto = Auto(Pretended(fails_after=fails_after), 2, notice=said.append, clock=clock)
    assert sorted(auto.run(work, None, range(10), NOWHERE)) == list(range(10))
    assert (auto.inline, auto.by_ray) == (10 - fails_after, fails_after)
    assert said == ["the local Ray has died: this process builds the rest"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Exception("The current node timed out during startup.\nThis could…"), "The current node timed out"),
        (ImportError("no module named _raylet"), "Install what requirements/run.txt names"),
        (OSError(30, "Read-only file system"), "Set RAY_TMPDIR to a folder that can be written"),
        (OSError("AF_UNIX path length cannot exceed 107 bytes: /x"), "Set RAY_TMPDIR to a shorter path"),
        (RuntimeError("Failed to start GCS.\n\n Last 0 lines\n"), "Failed to start GCS.; Last 0 lines"),
        (ValueError(""), "does not start: ValueError"),
        (StorageError("not yours", "Or use --executor inline.", "/tmp/x"), "does not start: /tmp/x: not yours. Or use"),
    ],
)
def test_a_ray_that_does_not_start_is_one_line(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    monkeypatch.setattr(rays.local, "started", lambda workers, url: raises(error))
    with pytest.raises(RunError) as caught:
        list(Ray().run(lambda common, item: item, None, [1], NOWHERE))
    line = str(caught.value)
    assert line.startswith("a local Ray does not start: ")
    assert said in line
    assert "--executor inline" in line
    assert "\\n" not in line
    assert "\n" not in line


def raises(error: Exception) -> Any:
    raise error


def test_a_ray_that_does_not_start_stops_the_build_only_where_it_was_asked_for(
    tmp_path: Path, plan: Plan, undisturbed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    monkeypatch.setattr(rays.local, "started", lambda workers, url: raises(Exception("timed out")))
    monkeypatch.setattr(chosen, "WORTH", -1.0)  # Ray at once
    monkeypatch.setattr("pipeline.commands.build.compiled", lambda options: plan)
    for asked in (["--executor", "ray"], ["--workers", "2"]):
        assert cli.run(["build", SMALL, "--out", str(out), *asked]) == 1
        line = capsys.readouterr().err
        assert line.startswith("RunError: a local Ray does not start: timed out. ")
        assert line.count("\n") == 1
    assert cli.run(["build", SMALL, "--out", str(out)]) == 0
    shown, line = capsys.readouterr()
    assert line == "notice: a local Ray does not start: timed out: this process builds the rest\n"
    assert "6 shards built, 0 kept" in shown
    assert shown.endswith(" (by this process)\n")
    assert contents(out) == contents(undisturbed)


def test_a_small_build_is_this_process_alone(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rays.local, "started", lambda *_: pytest.fail("Ray is started"))
    monkeypatch.setattr("pipeline.commands.build.compiled", lambda options: plan)
    assert cli.run(["build", SMALL, "--out", str(tmp_path / "data")]) == 0
    assert capsys.readouterr().out.endswith(" s (by this process)\n")
