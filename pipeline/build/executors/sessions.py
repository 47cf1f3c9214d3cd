"""Sessions: the folder and the processes of a local Ray, removed at its end or after its driver was killed.

A session is a folder that only this user can access, and a mark: a random word in the environment of all its processes,
which their children inherit. The driver holds a lock on the folder; the kernel releases it when the driver dies. So a
folder that can be locked belongs to a dead driver: the processes with its mark are killed, and the folder is removed.
(Processes are found by the mark, since a name or a process number may belong to another process by now.)
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pipeline.build.executors.signals import held
from pipeline.core.errors import StorageError

MARK = "PIPELINE_RAY_SESSION"  # the variable that holds the mark
PATIENCE = 10.0  # seconds to wait for killed processes to end


@dataclass(frozen=True)
class Session:
    """The folder of a local Ray, and the mark of its processes."""

    folder: Path
    mark: str

    @property
    def environment(self) -> dict[str, str]:
        """Variables for its processes. (SPT_NOENV: else Ray's process titles would overwrite the mark.)"""
        return {MARK: self.mark, "SPT_NOENV": "1"}

    def processes(self) -> list[int]:
        """Ids of this user's processes with the mark, without this process."""
        return [process for process in _processes() if self._has(process)]

    def end(self) -> None:
        """Kill the processes, wait until they are gone, and remove the folder. Not to be interrupted half-way."""
        with held():
            end = time.monotonic() + PATIENCE
            while (left := self.processes()) and time.monotonic() < end:  # each may have started another one
                self._kill(left, end)
            if not left:  # else the next session tries again
                shutil.rmtree(self.folder, ignore_errors=True)

    def _has(self, process: int) -> bool:
        try:
            return f"{MARK}={self.mark}".encode() in Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is another user's
            return False

    def _kill(self, processes: list[int], end: float) -> None:
        descriptors = []
        try:
            for process in processes:
                with suppress(OSError):
                    descriptors.append(os.pidfd_open(process))
                    if self._has(process):  # still the same process; the descriptor cannot refer to another one
                        signal.pidfd_send_signal(descriptors[-1], signal.SIGKILL)
            waiting = select.poll()
            for descriptor in descriptors:
                waiting.register(descriptor, select.POLLIN)
            gone: set[int] = set()
            while len(gone) < len(descriptors) and time.monotonic() < end:
                for descriptor, _ in waiting.poll(100):
                    waiting.unregister(descriptor)
                    gone.add(descriptor)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


@contextmanager
def session(base: Path) -> Iterator[Session]:
    """A new session below `base`, ended after the block. Sessions of dead drivers are ended first.

    StorageError where no folder can be made that only this user can access. OSError where nothing can be written.
    """
    place = _place(base)
    with _exclusive(place):
        for name in os.listdir(place):
            _end_if_dead(place / name)
        begun = Session(Path(tempfile.mkdtemp(dir=place, prefix="")), uuid.uuid4().hex)
        lock = _locked(begun.folder)
        assert lock, "nobody else can have it yet"
    with lock:
        lock.write(begun.mark)
        lock.flush()
        try:
            yield begun
        finally:
            begun.end()


def _place(base: Path) -> Path:
    """The folder of this user's sessions, not accessible to others."""
    place = base / f"pipeline-ray-{os.getuid()}"
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
    status = place.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise StorageError(
            "this should be a folder of yours that nobody else can open", "Remove it, or set RAY_TMPDIR.", str(place)
        )
    return place


@contextmanager
def _exclusive(place: Path) -> Iterator[None]:
    """A lock: nobody else makes or ends a session during the block."""
    with open(place / "turn", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _locked(folder: Path) -> TextIO | None:
    """The acquired lock of a session; None where its driver is alive."""
    file = open(folder / "lock", "a+")  # noqa: SIM115  (held while the session lasts)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _end_if_dead(folder: Path) -> None:
    if not folder.is_dir() or not (lock := _locked(folder)):
        return
    with lock:
        lock.seek(0)
        mark = lock.read()
        if len(mark) == 32:
            Session(folder, mark).end()
        else:  # the driver was killed before it started a process
            shutil.rmtree(folder, ignore_errors=True)


def _processes() -> list[int]:
    """Ids of this user's processes, without this one; [] where the system does not list them."""
    with suppress(OSError):
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return [number for number in numbers if number != os.getpid() and _is_ours(number)]
    return []


def _is_ours(process: int) -> bool:
    try:
        return os.stat(f"/proc/{process}").st_uid == os.getuid()
    except OSError:
        return False
