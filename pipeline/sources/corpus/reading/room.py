"""Whether a disk has room for the copies that are being written."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Lock

from pipeline.core.errors import SpecError
from pipeline.sources.files.opening import FREE_SPACE

LOOK = 2**26  # bytes that are written between two looks at the space that is left


class Room:
    """Whether a disk has room for copies, by what was written for the bytes that were read so far.

    total: bytes to be read in all. remedy: what else helps where there is none. Threads may note what they read and
    write.
    """

    def __init__(self, folder: Path, total: int, remedy: str = "") -> None:
        self._folder, self._total, self._remedy, self._lock = folder, total, remedy, Lock()
        self._read = self._written = self._looked = 0

    def read(self, count: int) -> None:
        """So many more bytes were read."""
        with self._lock:
            self._read += count

    def wrote(self, count: int) -> None:
        """So many more bytes were written. SpecError where the rest would not fit."""
        with self._lock:
            self._written += count
            if self._written - self._looked < LOOK or not self._read:
                return
            self._looked = self._written
            needed = self._written * max(self._total - self._read, 0) // self._read
        free = shutil.disk_usage(self._folder).free
        if free < needed:
            raise SpecError(
                f"{self._written / 1e9:.2f} GB of texts are copied of {self._read / 1e9:.2f} GB of files, and for the "
                f"other {(self._total - self._read) / 1e9:.2f} GB about {needed / 1e9:.2f} GB more are needed, where "
                f"{free / 1e9:.2f} GB are free in {self._folder}",
                " ".join(filter(None, (FREE_SPACE, self._remedy))),
                ("files",),
            )
