"""Folder: the operations that builds, exports and readers need of the place of a dataset."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from pipeline.core.errors import StorageError
from pipeline.core.system.escaping import shortened

STATE = ".pipeline"  # records, lock and log of builds; no part of the dataset
GONE = "the folder was moved, removed or taken by another build while this one wrote to it"
AGAIN = "Run the same command again: it builds what is missing."
MOST_READ = 2**28  # bytes: the largest file that `read` takes (manifests, records, recipes, tokenizers)


def checked_name(name: str, url: str) -> str:
    """`name`, unchanged. StorageError unless it is a relative path below the folder `url`; "" is the folder itself.

    (Names come from files that anybody may have written.)

    >>> checked_name("train/shard-00000-of-00001.arrow", "data/bios")
    'train/shard-00000-of-00001.arrow'
    """
    parts = name.split("/")
    if not name or not ({"", ".", ".."} & set(parts) or "\\" in name or "\0" in name or not _is_encodable(name)):
        return name
    problem = f"'{shortened(name, 80)}' is not the name of a file in a folder"
    raise StorageError(problem, "A dataset names its files by paths below its folder.", url)


def _is_encodable(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


class Folder(Protocol):
    """A dataset's folder, seen by all workers. It can be pickled. File names are relative paths with slashes.

    Every method raises StorageError where the place cannot be reached or used, and for a name that is not below the
    folder or leads out of it by a link.
    """

    @property
    def url(self) -> str:
        """Its path or URL, as messages show it."""
        ...

    @property
    def name(self) -> str:
        """The last step of its path."""
        ...

    def below(self, name: str) -> Folder:
        """The folder `name` below this one, as a Folder."""
        ...

    def creating(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A new file, open for writing. It gets its name when the block ends, and is removed when the block raises."""
        ...

    def write(self, name: str, text: str) -> None:
        """Write a small text file atomically. On a disk, a file with this very text is not touched."""
        ...

    def read(self, name: str) -> bytes:
        """The bytes of a file, MOST_READ at most. FileNotFoundError where there is none."""
        ...

    def size(self, name: str) -> int:
        """The size of a file in bytes. FileNotFoundError where there is none."""
        ...

    def local(self, name: str) -> AbstractContextManager[Path]:
        """The local path of a file, or of a copy, while the block lasts. FileNotFoundError where there is none."""
        ...

    def names(self, below: str = "") -> list[str]:
        """Sorted names of the files and folders directly in the folder `below`; [] where there is no such folder."""
        ...

    def sizes(self, below: str = "") -> dict[str, int]:
        """Name → bytes of the files directly in the folder `below`; {} where there is no such folder."""
        ...

    def stamp(self, name: str) -> str:
        """A text, such as an ETag, that the store changes with the content of a file; "" where it has none."""
        ...

    def has(self, name: str, size: int, file_hash: str, stamp: str = "") -> bool:
        """Whether a file is as recorded. On a disk it is read and hashed; in a bucket only if its stamp differs from
        the recorded one. Without a recorded stamp, the size decides in a bucket."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, where there is one."""
        ...

    def dissolve(self) -> None:
        """Remove the state of builds; on a disk also empty folders, this one included."""
        ...

    def locked(self) -> AbstractContextManager[Callable[[], None]]:
        """Lock the folder for one builder while the block lasts. StorageError where another builder holds the lock.

        It yields a function that raises RunError where the folder is no longer the one that was locked.
        """
        ...

    def free(self) -> int | None:
        """Bytes that can still be written; None where this is unknown."""
        ...
