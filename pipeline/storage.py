"""The output folder: files that are complete or absent, one builder at a time, a clear word when the disk is full."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from pipeline.core.errors import StorageError

STATE = ".pipeline"  # records, lock and log of builds; no part of the dataset


@dataclass(frozen=True)
class Folder:
    """A dataset's folder on a file system that all workers see."""

    root: Path

    def path(self, name: str) -> Path:
        """The file `name` below the folder."""
        return self.root / name

    @contextmanager
    def creating(self, name: str) -> Iterator[BinaryIO]:
        """A file that takes its name when the block ends, and leaves nothing behind when it raises.

        StorageError where the disk is full or the folder cannot be written.
        """
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
        """A small text file, atomically; untouched where it says the same already."""
        data = text.encode()
        if self.path(name).is_file() and self.path(name).read_bytes() == data:
            return
        with self.creating(name) as file:
            file.write(data)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The folder for one builder. The lock is the kernel's, so a killed builder leaves none behind."""
        try:
            self.path(STATE).mkdir(parents=True, exist_ok=True)
            file = open(self.path(f"{STATE}/lock"), "w")  # noqa: SIM115  (closed below)
        except OSError as error:
            raise _refused(error, self.root) from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StorageError(
                    "another build is writing to this folder", "Wait for it, or give another OUT.", str(self.root)
                ) from None
            try:
                yield
            finally:  # what killed workers have left, of this build or an earlier one: we hold the lock
                shutil.rmtree(self.path(f"{STATE}/partial"), ignore_errors=True)

    def free(self) -> int:
        """Bytes that can still be written."""
        place = self.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free


def file_hash(path: Path) -> str:
    """BLAKE3 of a file, as `b3sum` prints it."""
    return f"blake3:{blake3().update_mmap(path).hexdigest()}"


def _refused(error: OSError, path: Path) -> StorageError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageError(
            f"no space left to write it ({error.strerror})",
            "Free some space and run the same command: what is complete is kept.",
            str(path),
        )
    return StorageError(f"cannot be written: {error.strerror or error}", "Check the path and its rights.", str(path))
