"""A folder on a disk: one builder at a time, files complete or absent, a clear message when the disk is full."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from pipeline.core.errors import RunError, StorageError
from pipeline.core.system.open_files import contents, created, opened
from pipeline.storage.folder import AGAIN, GONE, MOST_READ, STATE, checked_name

PIECE = 2**18  # bytes that are hashed at a time


@dataclass(frozen=True)
class LocalFolder:
    """A dataset's folder on a file system that all workers see."""

    root: Path

    @property
    def url(self) -> str:
        return str(self.root)

    @property
    def name(self) -> str:
        return os.fsencode(self.root.name).decode("utf-8", "replace")  # valid Unicode, for the card

    def path(self, name: str, *, reading: bool = False) -> Path:
        """The path of `name` below the folder. StorageError where the name, or a link on its way, leads out of it.

        reading: a link to a blob is then allowed too, where this folder is a snapshot in the Hub's cache.
        """
        place = self.root / checked_name(name, self.url)
        if self._leads_out(place, reading):
            raise StorageError(
                "a link leads out of the folder here", "Put the file itself in the place of the link.", str(place)
            )
        return place

    def _leads_out(self, place: Path, reading: bool) -> bool:
        target, root = Path(os.path.realpath(place)), Path(os.path.realpath(self.root))
        return not (target.is_relative_to(root) or (reading and target.is_relative_to(_blobs(root))))

    def below(self, name: str) -> LocalFolder:
        return LocalFolder(self.path(name))

    @contextmanager
    def _reading(self, name: str) -> Iterator[Path]:
        """The path of a file, to be read in the block. An OSError of the system becomes a StorageError."""
        path = self.path(name, reading=True)
        try:
            yield path
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(name) from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise StorageError(f"cannot be read: {reason}", "Check its rights and the disk.", str(path)) from None

    @contextmanager
    def creating(self, name: str) -> Iterator[BinaryIO]:
        target = self.path(name)
        try:
            with created(target, self.path(f"{STATE}/partial")) as file:
                yield file
        except OSError as error:
            raise _refused(error, target) from error

    def write(self, name: str, text: str) -> None:
        data = text.encode()
        if self._holds(name, data):
            return
        with self.creating(name) as file:
            file.write(data)

    def _holds(self, name: str, data: bytes) -> bool:
        """Whether a file has this content."""
        try:
            return self.size(name) == len(data) and self.read(name) == data
        except (FileNotFoundError, StorageError):  # an unreadable file is rewritten
            return False

    def read(self, name: str) -> bytes:
        with self._reading(name) as path:
            return contents(path, MOST_READ)

    def size(self, name: str) -> int:
        with self._reading(name) as path:
            return path.stat().st_size

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        with self._reading(name) as path:
            opened(path).close()  # it is a file, and may be read
        yield path

    def names(self, below: str = "") -> list[str]:
        try:
            with self._reading(below) as folder:
                if folder.exists() and not folder.is_dir():
                    raise StorageError("this is a file, not a folder", "Give another folder.", str(folder))
                return sorted(os.listdir(folder))
        except FileNotFoundError:
            return []

    def sizes(self, below: str = "") -> dict[str, int]:
        self.names(below)  # raises where it is not a folder
        try:
            with self._reading(below) as folder, os.scandir(folder) as entries:
                files = [entry for entry in entries if entry.is_file()]
                return {
                    entry.name: entry.stat().st_size
                    for entry in files
                    if not (entry.is_symlink() and self._leads_out(folder / entry.name, reading=True))
                }
        except FileNotFoundError:
            return {}

    def stamp(self, name: str) -> str:
        return ""

    def has(self, name: str, size: int, file_hash: str, stamp: str = "") -> bool:
        """The file is read and hashed, since a disk may damage it."""
        try:
            with self._reading(name) as path:
                status = path.stat()
                fits = stat.S_ISREG(status.st_mode) and status.st_size == size
                return fits and hash_of(path) == file_hash
        except FileNotFoundError:
            return False

    def remove(self, name: str) -> None:
        try:
            self.path(name).unlink(missing_ok=True)
        except OSError as error:
            raise _refused(error, self.path(name)) from error

    def dissolve(self) -> None:
        shutil.rmtree(self.path(STATE), ignore_errors=True)
        for folder, _, _ in os.walk(self.root, topdown=False):
            with suppress(OSError):  # whatever is not empty stays
                os.rmdir(folder)

    @contextmanager
    def locked(self) -> Iterator[Callable[[], None]]:
        """The kernel holds the lock, so it ends with a killed builder."""
        try:
            self.path(STATE).mkdir(parents=True, exist_ok=True)
            place = self.path(f"{STATE}/lock")
            file = _lock_file(place)
        except OSError as error:
            raise _refused(error, self.root) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not os.path.samestat(os.fstat(file.fileno()), os.lstat(place)):  # it was dissolved meanwhile
                    raise BlockingIOError
            except OSError:
                raise StorageError(
                    "another build is writing to this folder", "Wait for it, or give another folder.", str(self.root)
                ) from None
            locked = os.fstat(file.fileno())

            def held() -> None:
                try:
                    same = os.path.samestat(locked, os.lstat(place))
                except OSError:
                    same = False
                if not same:
                    raise RunError(GONE, AGAIN, str(self.root))

            try:
                yield held
            finally:  # files that killed workers left: nobody writes now, since we hold the lock
                with suppress(StorageError):
                    shutil.rmtree(self.path(f"{STATE}/partial"), ignore_errors=True)

    def free(self) -> int | None:
        place = self.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free


def hash_of(path: Path) -> str:
    """BLAKE3 of a regular file, in hex as `b3sum` prints it. OSError for other files and unreadable ones."""
    state, piece = blake3(), memoryview(bytearray(PIECE))
    with opened(path) as file:
        while count := file.readinto(piece):  # type: ignore[attr-defined]
            state.update(piece[:count])
    return f"blake3:{state.hexdigest()}"


def hash_of_bytes(data: bytes) -> str:
    """BLAKE3 of bytes in memory, in the form of `hash_of`."""
    return f"blake3:{blake3(data).hexdigest()}"


def _blobs(root: Path) -> Path:
    """Where the Hub's cache keeps the files that a snapshot links to: `<repo>/blobs` for a folder in
    `<repo>/snapshots/<revision>`. For any other folder, the folder itself."""
    revision = next((place for place in (root, *root.parents) if place.parent.name == "snapshots"), None)
    return revision.parent.parent / "blobs" if revision else root


def _lock_file(place: Path) -> BinaryIO:
    """The lock file, opened, created if missing. OSError where it is a link or not a regular file."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(place, flags, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, f"{place.name} is a link", str(place)) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"{place.name} is no file", str(place))
    return os.fdopen(descriptor, "r+b")


def _refused(error: OSError, path: Path) -> StorageError:
    """The StorageError for an OSError raised while a file was written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageError(
            f"no space left to write it ({error.strerror})",
            "Free some space and run the same command: what is complete is kept.",
            str(path),
        )
    return StorageError(f"cannot be written: {error.strerror or error}", "Check the path and its rights.", str(path))
