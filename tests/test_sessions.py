"""What a killed driver leaves behind: found by its mark, ended by the next one, and nothing else is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.build.executors.sessions import MARK, Session, session
from pipeline.core.errors import StorageError

# A driver in a session, with a process, and another one which that has started and which has left its group.
DRIVER = """
import os, subprocess, sys, time
from pathlib import Path
from pipeline.build.executors.sessions import session

with session(Path(sys.argv[1])) as begun:
    child = 'import subprocess, time; print(subprocess.Popen(["sleep", "600"], start_new_session=True).pid, flush=True)'
    command = [sys.executable, "-c", child + "; time.sleep(600)"]
    process = subprocess.Popen(command, env={**os.environ, **begun.environment}, stdout=subprocess.PIPE, text=True)
    print(process.pid, process.stdout.readline().strip(), begun.folder, flush=True)
    sys.stdin.read()
"""


@contextmanager
def driver(base: Path) -> Iterator[tuple[subprocess.Popen[str], list[int], Path]]:
    """A driver that lives: its process, those that it has started, and its folder."""
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", DRIVER, str(base)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        *processes, folder = process.stdout.readline().split()
        try:
            yield process, list(map(int, processes)), Path(folder)
        finally:
            process.kill()


def living(processes: list[int]) -> list[int]:
    """Those that still run. A zombie, whose parent is gone or slow, does not."""
    states = {}
    for process in processes:
        try:
            states[process] = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
    return [process for process, state in states.items() if state != "Z"]


def test_what_a_killed_driver_leaves_is_ended_by_the_next_session_and_no_other_process(tmp_path: Path) -> None:
    alike = subprocess.Popen(["sleep", "600"], env={**os.environ, MARK: "0" * 32})  # in name, and somebody's mark
    try:
        with driver(tmp_path) as (process, processes, folder):
            process.kill()
            process.wait()
            assert living(processes) == processes
            with session(tmp_path) as begun:
                assert living(processes) == []
                assert not folder.exists()
                assert begun.folder.parent == folder.parent
        assert alike.poll() is None
    finally:
        alike.kill()
        alike.wait()


def test_the_session_of_a_living_driver_is_not_touched(tmp_path: Path) -> None:
    with driver(tmp_path) as (process, processes, folder):
        with session(tmp_path) as begun:
            assert begun.folder != folder
            assert living(processes) == processes
            assert (folder / "lock").exists()
        assert living(processes) == processes
        process.communicate("")
        assert process.returncode == 0
        assert living(processes) == []
        assert not folder.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), ValueError("no")])
def test_whatever_is_raised_nothing_is_left(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), session(tmp_path) as begun:
        process = subprocess.Popen(["sleep", "600"], env={**os.environ, **begun.environment})
        raise error
    assert process.wait() == -signal.SIGKILL
    assert not begun.folder.exists()


def test_a_second_signal_comes_when_the_session_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []
    kill = Session._kill

    def interrupted(begun: Session, processes: list[int], end: float) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        kill(begun, processes, end)
        ended.append(processes)

    monkeypatch.setattr(Session, "_kill", interrupted)
    with pytest.raises(KeyboardInterrupt), session(tmp_path) as begun:
        process = subprocess.Popen(["sleep", "600"], env={**os.environ, **begun.environment})
    assert ended == [[process.pid]]
    assert process.wait() == -signal.SIGKILL
    assert not begun.folder.exists()


def test_folders_of_drivers_that_had_no_process_yet_are_removed(tmp_path: Path) -> None:
    with session(tmp_path) as begun:
        place = begun.folder.parent
        (place / "early").mkdir()
        (place / "marked").mkdir()
        (place / "marked/lock").touch()
    with session(tmp_path):
        assert not (place / "early").exists()
        assert not (place / "marked").exists()


def test_processes_without_a_record_are_not_looked_for(tmp_path: Path) -> None:
    """An empty mark is nobody's."""
    place = tmp_path / f"pipeline-ray-{os.getuid()}/torn"
    place.mkdir(parents=True, mode=0o700)
    place.parent.chmod(0o700)
    (place / "lock").write_text("")
    process = subprocess.Popen(["sleep", "600"], env={**os.environ, MARK: ""})
    try:
        with session(tmp_path):
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("kind", ["open to others", "link", "file"])
def test_a_place_that_is_not_this_users_alone_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / f"pipeline-ray-{os.getuid()}"
    if kind == "open to others":
        place.mkdir()
        place.chmod(0o777)
    elif kind == "link":
        (tmp_path / "else").mkdir(mode=0o700)
        place.symlink_to("else")
    else:
        place.touch()
    with pytest.raises(StorageError, match="nobody else can open") as caught, session(tmp_path):
        pass
    assert "RAY_TMPDIR" in caught.value.remedy
    assert not any((tmp_path / "else").glob("*"))
