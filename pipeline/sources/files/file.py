"""A file that a recipe names, on a disk or in a store: what was known of it when the plan was made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from blake3 import blake3

from pipeline.core.errors import SpecError, StorageError
from pipeline.core.system.open_files import opened
from pipeline.core.system.stores import stamp_of, store_of

PIECE = 2**22  # bytes that are fetched at a time
KINDS = {
    ".jsonl": "json",
    ".json": "json",
    ".parquet": "parquet",
    ".txt": "text",
    ".csv": "csv",
    ".arrow": "arrow",
}
"""Suffix of a file → how its rows are read."""
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
TEXTUAL = ("json", "text", "csv")  # kinds that may be compressed


@dataclass(frozen=True)
class File:
    """A file. url: its absolute path, or a URL. kind: how its rows are read. compression: a suffix, or "".

    size: in bytes. stamp: what changes with its content, an ETag or the time when it was written. content: the hash of
    its bytes; "" where it is known by its stamp. more: what else a disk says of it; "" where that tells nothing, as it
    was written a moment ago. encoding: how its store's client would unpack it (see `encoding_of`). Stamp, more and
    encoding are no part of its repr, by which plans are kept.
    """

    url: str
    kind: str
    compression: str
    size: int
    stamp: str = field(repr=False)
    content: str = ""
    more: str = field(default="", repr=False, compare=False)
    encoding: str = field(default="", repr=False, compare=False)

    @property
    def remote(self) -> bool:
        """Whether it is in a store."""
        return "://" in self.url

    @property
    def identity(self) -> str:
        """What names its bytes: their hash, or name, size and stamp."""
        return self.content or f"{Path(self.url).name} {self.size} {self.stamp}"

    @property
    def identity_here(self) -> str:
        """What names its bytes on this machine: two folders may have files of one name, size and time."""
        return self.identity if self.content or self.remote else f"{self.url} {self.size} {self.stamp}"

    def changed(self) -> SpecError:
        """The error where it is not as it was."""
        return SpecError(f"'{self.url}' has changed since the plan was made", "Run the same command.", ("files",))


def kind_of(name: str) -> tuple[str, str] | None:
    """(kind, compression) of a file by its name; None where it cannot be read.

    >>> kind_of("a.jsonl.gz"), kind_of("a.parquet"), kind_of("a.parquet.gz")
    (('json', '.gz'), ('parquet', ''), None)
    """
    compression = next((end for end in COMPRESSIONS if name.endswith(end)), "")
    kind = KINDS.get(os.path.splitext(name.removesuffix(compression))[1])
    return None if kind is None or (compression and kind not in TEXTUAL) else (kind, compression)


def unreadable(url: str, error: Exception) -> SpecError:
    """The error where a file is there, and cannot be read."""
    reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
    remedy = "Look at its rights." if isinstance(error, PermissionError) else "It must be a file that can be read."
    return SpecError(f"cannot read '{url}': {reason}", remedy, ("files",))


@contextmanager
def asking(url: str) -> Iterator[None]:
    """Turns what goes wrong in the block with a file, or with its store, into a SpecError."""
    try:
        yield
    except SpecError:
        raise
    except FileNotFoundError:
        raise SpecError(f"cannot read '{url}': No such file or directory", "Look at the path.", ("files",)) from None
    except StorageError as error:
        raise SpecError(error.problem, error.remedy, ("files",)) from None
    except (OSError, ValueError) as error:
        raise unreadable(url, error) from None
    except Exception as error:  # each store's client has its own exceptions
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SpecError(f"cannot read '{url}': {reason}", "Look at the address and the rights.", ("files",)) from None


class State(NamedTuple):
    """What a disk or a store says of a file: see `File`."""

    size: int
    stamp: str
    more: str


def state_of(file: File) -> State:
    """A file as it is now. Errors as the system or the store raises them."""
    if file.remote:
        info = store_of(file.url).info(file.url)
        return State(int(info["size"]), remote_stamp(file.url, info), "")
    with opened(file.url) as one:  # refuses pipes and devices
        status = os.fstat(one.fileno())
    return State(status.st_size, str(status.st_mtime_ns), f"{status.st_ctime_ns} {status.st_ino}")


def remote_stamp(url: str, info: dict[str, Any]) -> str:
    """The stamp of an object, from its store's facts."""
    return stamp_of(info) or str(store_of(url).ukey(url))


def content_hash(file: File) -> str:
    """BLAKE3 of the bytes of a file as they are now, in hex. Errors as the system or the store raises them."""
    if not file.remote:
        opened(file.url).close()  # refuses pipes and devices
        return blake3(max_threads=blake3.AUTO).update_mmap(file.url).hexdigest()
    state = blake3()
    with store_of(file.url).open(file.url, "rb", block_size=PIECE) as remote:
        while piece := remote.read(PIECE):
            state.update(piece)
    return state.hexdigest()
