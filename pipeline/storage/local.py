"""A folder on a disk: one builder at a time, a clear word when the disk is full."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from pipeline.core.errors import RunError, StorageError
from pipeline.storage.folder import AGAIN, GONE, STATE


@dataclass(frozen=True)
class LocalFolder:
    """A dataset's folder on a file system that all workers see."""

    root: Path

    @property
    def url(self) -> str:
        return str(self.root)

    @property
    def name(self) -> str:
        return self.root.name

    def path(self, name: str) -> Path:
        """The file `name` below the folder."""
        return self.root / name

    @contextmanager
    def creating(self, name: str) -> Iterator[BinaryIO]:
        target = self.path(name)
        partial = self.path(f"{STATE}/partial/{name.replace('/', '-')}.{uuid.uuid4().hex}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.parent.mkdir(parents=True, exist_ok=True)
            with open(partial, "wb") as file:
                yield file
            os.replace(partial, target)
        except OSError as error:
            raise _refused(error, target) from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def write(self, name: str, text: str) -> None:
        data = text.encode()
        if self.path(name).is_file() and self.path(name).read_bytes() == data:
            return
        with self.creating(name) as file:
            file.write(data)

    def read(self, name: str) -> bytes:
        try:
            return self.path(name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(name) from None
        except OSError as error:
            raise StorageError(f"cannot be read: {error.strerror}", "Check its rights.", str(self.path(name))) from None

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        yield self.path(name)

    def names(self, below: str = "") -> list[str]:
        folder = self.path(below)
        if folder.exists() and not folder.is_dir():
            raise StorageError("this is a file, not a folder", "Give another OUT.", str(folder))
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def sizes(self, below: str = "") -> dict[str, int]:
        places = {name: self.path(f"{below}/{name}" if below else name) for name in self.names(below)}
        return {name: path.stat().st_size for name, path in places.items() if path.is_file()}

    def stamp(self, name: str) -> str:
        return ""

    def has(self, name: str, size: int, file_hash: str, stamp: str = "") -> bool:
        """On a disk, which may have damaged it, the file is read and hashed."""
        path = self.path(name)
        return path.is_file() and path.stat().st_size == size and hash_of(path) == file_hash

    def remove(self, name: str) -> None:
        try:
            self.path(name).unlink(missing_ok=True)
        except OSError as error:
            raise _refused(error, self.path(name)) from error

    def dissolve(self) -> None:
        shutil.rmtree(self.path(STATE), ignore_errors=True)
        for place, _, _ in os.walk(self.root, topdown=False):
            with suppress(OSError):  # whatever is not empty stays
                os.rmdir(place)

    @contextmanager
    def locked(self) -> Iterator[Callable[[], None]]:
        """The lock is the kernel's, so a killed builder leaves none behind."""
        try:
            self.path(STATE).mkdir(parents=True, exist_ok=True)
            file = open(self.path(f"{STATE}/lock"), "w")  # noqa: SIM115  (closed below)
        except OSError as error:
            raise _refused(error, self.root) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.path.samestat(os.fstat(file.fileno()), os.stat(file.name)):  # it was dissolved meanwhile
                    raise BlockingIOError
            except OSError:
                raise StorageError(
                    "another build is writing to this folder", "Wait for it, or give another OUT.", str(self.root)
                ) from None
            ours = os.fstat(file.fileno())

            def held() -> None:
                try:
                    same = os.path.samestat(ours, self.path(f"{STATE}/lock").stat())
                except OSError:
                    same = False
                if not same:
                    raise RunError(GONE, AGAIN, str(self.root))

            try:
                yield held
            finally:  # what killed workers have left, of this build or an earlier one: we hold the lock
                shutil.rmtree(self.path(f"{STATE}/partial"), ignore_errors=True)

    def free(self) -> int | None:
        place = self.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free


def hash_of(path: Path) -> str:
    """BLAKE3 of a file, as `b3sum` prints it."""
    return f"blake3:{blake3().update_mmap(path).hexdigest()}"


def hash_of_bytes(data: bytes) -> str:
    """The same of what is in memory."""
    return f"blake3:{blake3(data).hexdigest()}"


def _refused(error: OSError, path: Path) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageError(
            f"no space left to write it ({error.strerror})",
            "Free some space and run the same command: what is complete is kept.",
            str(path),
        )
    return StorageError(f"cannot be written: {error.strerror or error}", "Check the path and its rights.", str(path))
