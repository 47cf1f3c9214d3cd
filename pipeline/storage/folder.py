"""What builds, exports and readers need of the place where a dataset lies."""

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
MOST_READ = 2**28  # bytes of a file that is read whole: manifests, records, recipes, tokenizers


def checked_name(name: str, url: str) -> str:
    """The name of a file or a folder below the folder `url`, as it is. StorageError where it is no path below it.

    Names come out of files that others wrote. "" is the folder itself.

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
    """A dataset's folder, seen by all workers. File names are relative, with slashes. It can be pickled.

    Every method raises StorageError where the place cannot be reached or used as asked, for a name that is no path
    below the folder, and for one that leads out of it by a link.
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
        """A folder below it, as one of its own."""
        ...

    def creating(self, name: str) -> AbstractContextManager[BinaryIO]:
        """A file that takes its name when the block ends, and leaves nothing behind when it raises."""
        ...

    def write(self, name: str, text: str) -> None:
        """A small text file, atomically. On a disk it is not touched where it has this very text already."""
        ...

    def read(self, name: str) -> bytes:
        """A whole file, of at most MOST_READ bytes. FileNotFoundError where there is none."""
        ...

    def size(self, name: str) -> int:
        """The bytes of a file. FileNotFoundError where there is none."""
        ...

    def local(self, name: str) -> AbstractContextManager[Path]:
        """A file as one on this machine's disk, while the block lasts. FileNotFoundError where there is none."""
        ...

    def names(self, below: str = "") -> list[str]:
        """The names of all files and folders directly in a folder below it, sorted; none where there is no such."""
        ...

    def sizes(self, below: str = "") -> dict[str, int]:
        """The files directly in a folder below it: name → bytes; none where there is no such."""
        ...

    def stamp(self, name: str) -> str:
        """What the place itself changes with the content of a file, such as an ETag; "" where it has no such thing."""
        ...

    def has(self, name: str, size: int, file_hash: str, stamp: str = "") -> bool:
        """Whether a file is there as recorded. On a disk it is read and hashed. In a bucket, only where its stamp is
        another one; without a recorded stamp, the size alone decides."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, where there is one."""
        ...

    def dissolve(self) -> None:
        """Remove the state of builds. On a disk, folders that are empty go too, and this one with them."""
        ...

    def locked(self) -> AbstractContextManager[Callable[[], None]]:
        """The folder for one builder alone, while the block lasts. StorageError where another one has it.

        The function that it gives raises RunError, when called, where this is no longer the folder that was locked.
        """
        ...

    def free(self) -> int | None:
        """Bytes that can still be written; None where nobody knows."""
        ...
