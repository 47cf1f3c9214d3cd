"""What a local Ray leaves behind, and how it is cleared up, at its end or after a driver that was killed.

A session is a folder in a place that this user alone can reach, and a mark: a random word in the environment of every
process that is started in it, which the children of these inherit. The driver holds a lock on the folder while it
lives; the kernel lets go of it when it dies, however it dies. So a folder whose lock can be had is that of a dead
driver. Its processes are known by the mark, which nobody else has, never by a name or a number that may be another's
by now: they are killed, and the folder is removed.
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
PATIENCE = 10.0  # seconds for killed processes to be gone


@dataclass(frozen=True)
class Session:
    """A folder of a local Ray, and the mark of its processes."""

    folder: Path
    mark: str

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are started with, beside the rest. Without SPT_NOENV, a title overwrites the mark."""
        return {MARK: self.mark, "SPT_NOENV": "1"}

    def processes(self) -> list[int]:
        """The processes of this user that carry the mark, but for this one."""
        return [process for process in _processes() if self._has(process)]

    def end(self) -> None:
        """Kill the processes, wait until they are gone, and remove the folder. Not to be interrupted half-way."""
        with held():
            end = time.monotonic() + PATIENCE
            while (left := self.processes()) and time.monotonic() < end:  # one may have started another meanwhile
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
                    if self._has(process):  # still the one that was looked at: the descriptor cannot become another's
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
    """A session of our own below `base`, ended when the block is left; first, those of dead drivers are ended.

    StorageError where there is no place that this user alone can reach. OSError where nothing can be written.
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
    """Where sessions of this user lie: its own, and closed to all others."""
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
    """Nobody else makes or ends a session meanwhile."""
    with open(place / "turn", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _locked(folder: Path) -> TextIO | None:
    """The lock of a session; None where its driver lives."""
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
        else:  # killed before it had a process
            shutil.rmtree(folder, ignore_errors=True)


def _processes() -> list[int]:
    """The processes of this user, but for this one; none where the system does not list them."""
    with suppress(OSError):
        numbers = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return [number for number in numbers if number != os.getpid() and _is_ours(number)]
    return []


def _is_ours(process: int) -> bool:
    try:
        return os.stat(f"/proc/{process}").st_uid == os.getuid()
    except OSError:
        return False
