"""A file of a corpus, on a disk or in a store: what it was when the plan was made, and opened as that alone."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

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

    size: in bytes. stamp: what changes with its content, an ETag or the time when it was written; no part of its repr,
    by which plans are kept. content: the hash of its bytes; "" where it is known by its stamp.
    """

    url: str
    kind: str
    compression: str
    size: int
    stamp: str = field(repr=False)
    content: str = ""

    @property
    def remote(self) -> bool:
        """Whether it is in a store."""
        return "://" in self.url

    @property
    def identity(self) -> str:
        """What names its bytes: their hash, or name, size and stamp."""
        return self.content or f"{Path(self.url).name} {self.size} {self.stamp}"

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
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise SpecError(f"cannot read '{url}': {reason}", "Look at its rights.", ("files",)) from None
    except Exception as error:  # each store's client has its own exceptions
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SpecError(f"cannot read '{url}': {reason}", "Look at the address and the rights.", ("files",)) from None


def state_of(file: File) -> tuple[int, str, str]:
    """(size, stamp, all that a disk says of it) of a file as it is now. Errors as the system or the store raises."""
    if file.remote:
        info = store_of(file.url).info(file.url)
        return int(info["size"]), remote_stamp(file.url, info), ""
    with opened(file.url) as one:
        status = os.fstat(one.fileno())
    return status.st_size, str(status.st_mtime_ns), f"{status.st_ctime_ns} {status.st_ino} {status.st_dev}"


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


def check(file: File) -> None:
    """SpecError where a file is no longer what it was when the plan was made.

    Where its stamp differs, its content decides: the same bytes may have been copied to another machine.
    """
    with asking(file.url):
        size, stamp, _ = state_of(file)
        if size == file.size and stamp == file.stamp:
            return
        if size != file.size or not file.content or _hash_at(file, stamp) != file.content:
            raise file.changed()


@lru_cache(1024)
def _hash_at(file: File, stamp: str) -> str:
    """The hash of a file that has a stamp now: computed once for each stamp."""
    return content_hash(replace(file, stamp=stamp))


@contextmanager
def local(file: File) -> Iterator[Path]:
    """The path of a file, or of a copy while the block lasts. SpecError where it has changed."""
    check(file)
    if not file.remote:
        yield Path(file.url)
        return
    with tempfile.NamedTemporaryFile(prefix="corpus-") as copy:
        with asking(file.url), store_of(file.url).open(file.url, "rb", block_size=PIECE) as remote:
            shutil.copyfileobj(remote, copy, PIECE)
        copy.flush()
        if os.path.getsize(copy.name) != file.size:
            raise file.changed()
        check(file)
        yield Path(copy.name)


@contextmanager
def seekable(file: File) -> Iterator[BinaryIO]:
    """A file that is not compressed, open for reading at any place. SpecError where it has changed."""
    check(file)
    with asking(file.url):
        opened_file = store_of(file.url).open(file.url, "rb", block_size=PIECE) if file.remote else opened(file.url)
    with opened_file as one:
        yield one


@contextmanager
def unpacked(path: Path, compression: str, name: str) -> Iterator[Any]:
    """The bytes of a file without its compression. SpecError, about `name`, where it is damaged."""
    import pyarrow as pa

    openers: dict[str, Any] = {"": lambda raw: raw, ".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    try:
        with opened(path) as raw:
            if compression == ".zst":
                with pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd") as stream:
                    yield io.BufferedReader(stream, PIECE)
            else:
                with openers[compression](raw) as stream:
                    yield stream
    except (EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
        problem = f"cannot read {name}: {' '.join(str(error).split())}"
        raise SpecError(problem, "It is damaged, or not what its name says.", ("files",)) from None
