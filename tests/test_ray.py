"""Ray as the executor: any number of workers, deaths among them, one node or several; the same dataset."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from pipeline import cli
from pipeline.build.building import build_shard
from pipeline.build.executors import Auto, Ray, auto
from pipeline.build.executors import ray as executors
from pipeline.build.executors.sessions import Session, session
from pipeline.build.resume import shard_name
from pipeline.core.errors import RunError, StorageError
from pipeline.plan.plan import Plan
from pipeline.storage import LocalFolder
from tests.conftest import SMALL, built, contents
from tests.plans import usual

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False}
PATIENCE = 60  # seconds until a test that waits for another process gives up


@pytest.fixture(autouse=True)
def no_ray_is_left() -> Iterator[None]:
    """Every build disconnects from the Ray that it used."""
    yield
    left = ray.is_initialized()
    ray.shutdown()
    assert not left


@contextmanager
def nodes(count: int) -> Iterator[tuple[Cluster, list[Any]]]:
    """A cluster of nodes with one CPU each, on this machine."""
    cluster = Cluster(initialize_head=True, head_node_args=NODE)
    try:
        others = [cluster.add_node(**NODE) for _ in range(count - 1)]
        cluster.wait_for_nodes()
        yield cluster, [cluster.head_node, *others]
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Somebody else's Ray, of two nodes, which goes on when our builds are done."""
    with nodes(2) as (cluster, _):
        yield cluster


@dataclass(frozen=True)
class Doing:
    """Ray, with other work than building a shard."""

    work: Callable[[Any, Any], Any]
    ray: Ray

    def run(
        self, work: Callable[[Any, Any], Any], common: Any, items: Sequence[Any], folder: LocalFolder
    ) -> Iterator[Any]:
        assert work is build_shard
        return self.ray.run(self.work, common, items, folder)


def beside(common: Any, name: str) -> Path:
    """A file next to the dataset's folder, by which the processes of a test speak with each other."""
    return common[1].root.parent / name


def until_there(path: Path) -> None:
    """Wait for a file of another process."""
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.01)


# ── one machine ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("workers", usual(["1", "2"], "2"))
def test_a_local_ray_writes_the_files_of_an_inline_build(
    tmp_path: Path, undisturbed: Path, capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    out = tmp_path / "data"
    assert cli.run(["build", SMALL, "--workers", workers, "--out", str(out)]) == 0
    assert "6 shards built, 0 kept" in capsys.readouterr().out
    assert contents(out) == contents(undisturbed)


STOPPED = """
import signal, sys, time
from pipeline.build.executors import Ray
from pipeline.storage import folder_at

def stop(number, frame):
    raise SystemExit(128 + number)

def wait(common, item):
    time.sleep(600 if item else 0)

signal.signal(signal.SIGTERM, stop)
for result in Ray(workers=2).run(wait, None, range(3), folder_at(sys.argv[1])):
    print("first", flush=True)
"""
STARTED = {"state": 1, "scheduler": 2, "stand-ins": 4, "workers": 6}  # so many processes, when it has that far started


@contextmanager
def driver(base: Path, url: str = "/nowhere") -> Iterator[tuple[subprocess.Popen[str], Callable[[], list[int]]]]:
    """A driver with a local Ray of its own, whose files lie in `base`; and a function that lists Ray's processes."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", STOPPED, url]
    environment = {**os.environ, "RAY_TMPDIR": str(base)}
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        until(lambda: [lock for lock in base.glob("*/*/lock") if lock.read_text()])
        (lock,) = base.glob("*/*/lock")
        try:
            yield process, Session(lock.parent, lock.read_text()).processes
        finally:
            process.kill()


def until(there: Callable[[], object]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + PATIENCE
    while not there():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder with a short name: a socket's path has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as name:
        yield Path(name)


@pytest.mark.slow
@pytest.mark.parametrize("moment", STARTED)
def test_what_a_killed_driver_leaves_of_ray_the_next_one_ends(base: Path, moment: str) -> None:
    """Killed while Ray starts, and while it works."""
    with driver(base) as (process, processes):
        until(lambda: len(processes()) >= STARTED[moment])
        process.kill()
        process.wait()
        with session(base) as begun:
            assert processes() == []
            assert [place.name for place in begun.folder.parent.iterdir() if place.is_dir()] == [begun.folder.name]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", ["scheduler", "first"])
def test_a_signal_stops_ray_and_everything_of_it_without_a_word(
    base: Path, moment: str, number: signal.Signals
) -> None:
    """Native code of Ray's would write a stack of calls to stderr. The driver's own handlers stand."""
    with driver(base) as (process, processes):
        if moment == "first":
            assert process.stdout
            assert process.stdout.readline() == "first\n"
        else:
            until(lambda: len(processes()) >= STARTED[moment])
        process.send_signal(number)
        _, error = process.communicate()
        left = processes()
    assert left == []
    assert not list(base.glob("*/*/"))
    if number == signal.SIGTERM:
        assert (process.returncode, error) == (128 + number, "")
    else:
        assert process.returncode == -number
        assert error.endswith("\nKeyboardInterrupt\n")
        assert "***" not in error


def kill_ray_once(common: Path, item: int) -> int:
    """The third item kills the process that has started its worker, and waits for its own end."""
    if item == 2 and not common.exists():
        common.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    return item


@pytest.mark.slow
def test_a_ray_that_dies_is_one_line_where_it_was_asked_for(tmp_path: Path) -> None:
    results = []
    with pytest.raises(RunError) as caught:
        for result in Ray(workers=1).run(kill_ray_once, tmp_path / "killed", range(9), LocalFolder(tmp_path)):
            results.append(result)
    assert str(caught.value).startswith("the local Ray has died")
    assert "What is complete is kept" in caught.value.remedy
    assert results == [0, 1]


@pytest.mark.slow
def test_a_ray_that_is_kept_and_dies_is_followed_by_another(tmp_path: Path) -> None:
    kept = Ray(workers=1)
    with kept.kept():
        with pytest.raises(RunError):
            list(kept.run(kill_ray_once, tmp_path / "killed", range(9), LocalFolder(tmp_path)))
        assert not kept.connected
        assert sorted(kept.run(kill_ray_once, tmp_path / "killed", range(9), LocalFolder(tmp_path))) == list(range(9))
        assert kept.connected
    assert not kept.connected


@pytest.mark.slow
def test_what_a_ray_that_dies_has_not_done_this_process_does_where_nobody_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auto, "WORTH", -1.0)
    said: list[str] = []
    chosen = Auto(Ray(workers=1), 2, notice=said.append)
    assert list(chosen.run(kill_ray_once, tmp_path / "killed", range(9), LocalFolder(tmp_path))) == list(range(9))
    assert (chosen.inline, chosen.by_ray) == (7, 2)
    (line,) = said
    assert line.startswith("the local Ray has died")


@pytest.mark.slow
def test_a_place_whose_name_is_too_long_for_a_socket_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / ("long" * 20)
    place.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(place))
    with pytest.raises(RunError, match="AF_UNIX path length") as caught:
        list(Ray(workers=1).run(kill_ray_once, tmp_path, [0], LocalFolder(tmp_path)))
    assert caught.value.remedy.startswith("Set RAY_TMPDIR to a shorter path")
    assert not list(place.glob("*/*/"))


# ── a cluster ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_running_cluster_is_used_and_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Path,
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Named by --address, then by RAY_ADDRESS; it has the same nodes before and after."""
    first, second = tmp_path / "first/data", tmp_path / "second/data"
    used = []
    real = ray.init

    def init(*arguments: Any, **options: Any) -> None:
        real(*arguments, **options)
        used.append(ray.get_runtime_context().gcs_address)

    monkeypatch.setattr(ray, "init", init)
    assert cli.run(["build", SMALL, "--address", cluster.address, "--out", str(first)]) == 0
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    assert cli.run(["build", SMALL, "--out", str(second)]) == 0
    assert capsys.readouterr().out.count("6 shards built, 0 kept") == 2
    real(cluster.address, log_to_driver=False)
    alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
    ray.shutdown()
    assert used == [cluster.address] * 2
    assert alive == {node.node_id for node in cluster.list_all_nodes()}
    assert contents(first) == contents(second) == contents(undisturbed)
    assert not list(first.glob(".pipeline/probe*"))


@pytest.mark.slow
def test_an_address_where_no_cluster_is_gives_one_line(tmp_path: Path) -> None:
    """And soon: Ray itself would go on trying for ten minutes."""
    command = [sys.executable, "-m", "pipeline", "build", SMALL, "--out", str(tmp_path / "data")]
    done = subprocess.run([*command, "--address", "127.0.0.1:9"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert done.stderr.startswith("RunError: cannot connect to the Ray cluster at '127.0.0.1:9'")
    assert done.stderr.count("\n") == 1


def sees_nothing_on_one_node(folder: LocalFolder, name: str) -> tuple[str | None, str]:
    """The probe: the first node that is asked sees the folder, on the other one there is none."""
    asked = folder.root.parent / "asked"
    if not asked.exists():
        asked.touch()
        return executors_probe(folder, name)
    return executors_probe(LocalFolder(folder.root.parent / "elsewhere"), name)


def runs_another_version(folder: LocalFolder, name: str) -> tuple[str | None, str]:
    return executors_probe(folder, name)[0], "0.0.1 (output 0)"


executors_probe = executors._probe


@pytest.mark.slow
def test_a_node_that_does_not_see_the_folder_is_refused_before_a_shard_is_built(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "data"
    monkeypatch.setattr(executors, "_probe", sees_nothing_on_one_node)
    assert cli.run(["build", SMALL, "--address", cluster.address, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"StorageError: {out}: node ")
    assert "does not see this folder" in error
    assert not (out / "train").exists()
    assert not list(out.glob(".pipeline/probe*"))


@pytest.mark.slow
def test_a_node_with_another_version_is_refused_before_a_shard_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan, cluster: Cluster
) -> None:
    monkeypatch.setattr(executors, "_probe", runs_another_version)
    with pytest.raises(RunError, match=r"has version 0\.0\.1 \(output 0\) of this package"):
        built(plan, tmp_path / "data", Ray(address=cluster.address))
    assert not (tmp_path / "data/train").exists()


def refuse(common: Any, shard: tuple[str, int]) -> Any:
    raise StorageError("what is wrong", "what to do", f"shard {shard[1]}")


@pytest.mark.slow
def test_an_error_of_ours_in_a_worker_reaches_the_driver_as_it_is(tmp_path: Path, plan: Plan, cluster: Cluster) -> None:
    with pytest.raises(StorageError) as caught:
        built(plan, tmp_path / "data", Doing(refuse, Ray(address=cluster.address)))
    assert type(caught.value) is StorageError
    assert caught.value.exit_code == 2
    assert re.fullmatch(r"shard \d: what is wrong\. what to do", str(caught.value))


@pytest.mark.slow
def test_a_folder_that_a_worker_cannot_write_is_one_line_and_exit_code_2(
    tmp_path: Path, plan: Plan, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file stands where the shards should go."""
    out = tmp_path / "data"
    (out / ".pipeline").mkdir(parents=True)
    (out / ".pipeline/fingerprint").write_text(plan.fingerprint)
    (out / "train").write_text("")
    assert cli.run(["build", SMALL, "--address", cluster.address, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"StorageError: {out}/train/shard-")
    assert "cannot be written" in error
    assert error.count("\n") == 1


def build_or_die(common: Any, shard: tuple[str, int]) -> Any:
    """Shard 3 kills its worker when its file is written but has no name yet, the first time."""
    if shard == ("train", 3) and not beside(common, "killed").exists():
        real = os.replace

        def replace(source: Path, target: Path) -> None:
            if str(target).endswith(".arrow"):
                beside(common, "killed").write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            real(source, target)

        os.replace = replace
    return build_shard(common, shard)


@pytest.mark.slow
def test_a_shard_whose_worker_is_killed_is_built_by_another_worker(
    tmp_path: Path, plan: Plan, undisturbed: Path, cluster: Cluster
) -> None:
    out = tmp_path / "data"
    new, _ = built(plan, out, Doing(build_or_die, Ray(address=cluster.address)))
    assert (tmp_path / "killed").exists()
    assert len(new) == 6
    assert contents(out) == contents(undisturbed)


def always_die(common: Any, shard: tuple[str, int]) -> Any:
    if shard == ("train", 0):
        os.kill(os.getpid(), signal.SIGKILL)
    return build_shard(common, shard)


@pytest.mark.slow
def test_a_shard_that_kills_every_worker_is_given_up_and_what_is_complete_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan, undisturbed: Path, cluster: Cluster
) -> None:
    monkeypatch.setattr(executors, "RETRIES", 1)
    out = tmp_path / "data"
    with pytest.raises(RunError, match="a shard was lost 2 times") as caught:
        built(plan, out, Doing(always_die, Ray(address=cluster.address)))
    assert "lower shard_tokens or --workers" in caught.value.remedy
    assert not (out / "manifest.json").exists()
    new, old = built(plan, out)
    assert "train/shard-00000-of-00006.arrow" in new
    assert len(old) == len(list(out.glob(".pipeline/records/*"))) - len(new)
    assert contents(out) == contents(undisturbed)


def write_or_stay(common: Any, shard: tuple[str, int]) -> Any:
    """On the node that will be lost: hold a file half written for ever. On the other one: build, once that is so."""
    held = beside(common, "held")
    if ray.get_runtime_context().get_node_id() == beside(common, "lost").read_text():
        with common[1].creating(shard_name(common[0], *shard)) as file:
            file.write(b"half of it")
            file.flush()
            held.touch()
            while True:
                time.sleep(1)
    until_there(held)
    return build_shard(common, shard)


def build_or_stay(common: Any, shard: tuple[str, int]) -> Any:
    """On the node that will be lost: hold a shard for ever. On the other one: build, once the first is held."""
    held = beside(common, "held")
    if ray.get_runtime_context().get_node_id() == beside(common, "lost").read_text():
        held.touch()
        while True:
            time.sleep(1)
    until_there(held)
    return build_shard(common, shard)


@pytest.mark.slow
@pytest.mark.parametrize("work", [build_or_stay, write_or_stay])
def test_a_node_that_is_lost_in_the_middle_leaves_its_shard_to_the_others(
    tmp_path: Path, plan: Plan, undisturbed: Path, work: Callable[[Any, Any], Any]
) -> None:
    """Lost with a file that is half written; a node that comes later than the build begins takes part."""
    out = tmp_path / "data"
    with nodes(2) as (cluster, (_, second)):
        (tmp_path / "lost").write_text(second.node_id)

        @dataclass(frozen=True)
        class Losing(Doing):
            def run(self, *arguments: Any) -> Iterator[Any]:
                results = super().run(*arguments)
                yield next(results)  # built by the head, while the second node holds another
                assert (tmp_path / "held").exists()
                if work is write_or_stay:
                    assert list(out.glob(".pipeline/partial/*"))
                    cluster.add_node(**NODE)
                cluster.remove_node(second, allow_graceful=False)
                yield from results

        new, _ = built(plan, out, Losing(work, Ray(address=cluster.address)))
    assert len(new) == 6
    assert not list(out.glob(".pipeline/partial/*"))
    assert contents(out) == contents(undisturbed)
