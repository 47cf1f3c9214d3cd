"""Files that are known by their content: hashed when a recipe is read, and refused by name if they change afterwards.

Hashing a terabyte takes minutes. So the hashes of files are kept in the user's cache under paths, sizes and times, and
a worker hashes a file again only if its size or its times are others than they were. A file that was changed a moment
ago, and may be changed again within the same tick of the clock, is hashed each time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from pipeline.core.errors import SpecError
from pipeline.core.system import object_cache
from pipeline.core.system.open_files import opened

SETTLED = 2 * 10**9  # nanoseconds after a change from which a file's times tell it from any later version
LARGE = 2**26  # bytes of all files from which keeping their hashes is worth it

Stamp = tuple[int, int, int, int]
"""Size, times of the last change of content and of properties, in nanoseconds, and number of a file."""


@dataclass(frozen=True)
class KnownFile:
    """A file and its content. stamp: None if it was changed so recently that times tell nothing."""

    path: Path
    content: str
    stamp: Stamp | None

    def check(self) -> None:
        """SpecError if the file is not there, or has another content now."""
        if (self.stamp is None or stamp_of(self.path) != self.stamp) and content_of(self.path) != self.content:
            raise SpecError(f"'{self.path}' has changed since the plan was made", "Plan again.", ("files",))


def known(paths: Sequence[Path]) -> tuple[KnownFile, ...]:
    """The files at these paths, with their contents. SpecError if one cannot be read."""
    stamps = [stamp_of(path) for path in paths]
    now = time.time_ns()
    settled = [now - max(stamp[1], stamp[2]) > SETTLED for stamp in stamps]

    def contents() -> list[str]:
        return [content_of(path) for path in paths]

    if all(settled) and sum(stamp[0] for stamp in stamps) >= LARGE:
        named = [f"{os.fsdecode(path)} {stamp}" for path, stamp in zip(paths, stamps, strict=True)]
        hashes = object_cache.kept("contents", object_cache.digest_of(named), contents)
    else:
        hashes = contents()
    files = zip(paths, hashes, stamps, settled, strict=True)
    return tuple(KnownFile(path, content, stamp if sure else None) for path, content, stamp, sure in files)


def content_of(path: Path) -> str:
    """BLAKE3 of a file, as the manifest of a dataset has it. SpecError if it cannot be read."""
    try:
        opened(path).close()  # refuses pipes and devices
        return f"blake3:{blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()}"
    except OSError as error:
        raise _unreadable(path, error) from None


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file. SpecError if it cannot be looked at."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise _unreadable(path, error) from None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _unreadable(path: Path, error: OSError) -> SpecError:
    return SpecError(f"cannot read '{path}': {error.strerror or error}", "Look at its path and rights.", ("files",))
