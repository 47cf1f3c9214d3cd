"""Files opened as what they were when the plan was made, and as that alone."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, BinaryIO

from pipeline.core.errors import SpecError
from pipeline.core.system import kept_arrays
from pipeline.core.system.open_files import created, opened
from pipeline.core.system.stores import store_of
from pipeline.sources.files.file import PIECE, File, asking
from pipeline.sources.files.known import check, identified, key_of, local_file, refuse_packed
from pipeline.sources.files.parallel import in_parallel
from pipeline.sources.files.streams import Streams


@contextmanager
def keeping(path: Path, what: str) -> Iterator[None]:
    """Turns what goes wrong in the block with a file of the user's cache into a SpecError. what: it holds."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: pyarrow's
        raise SpecError(
            f"cannot keep {what} in {path}: {' '.join(str(error).split())}",
            "Remove it if it is there; XDG_CACHE_HOME can name another place.",
            ("files",),
        ) from None


COPY = "copy"
DAMAGED = "It is damaged, or not what its name says."
WIDE = "It needs `zstd -d --long=31`: unpack it so, and compress it without --long."
FREE_SPACE = "Free some space, such as by `pipeline cache --remove`; XDG_CACHE_HOME can name another place."


def fetched(file: File) -> Path:
    """The path of a file, or of a copy of one in a store, which is made once. SpecError where it has changed.

    A copy lies in the user's cache. Its bytes are known as those of any file, and the store is not asked about it.
    """
    if not file.remote:
        check(file)
        return Path(file.url)
    named = key_of(file)
    path = kept_arrays.place(f"copy{_suffix(file.url)}", named)
    with keeping(path, f"a copy of '{file.url}'"), kept_arrays.alone(COPY, named):
        if not _is_copied(path, file):
            kept_arrays.make_room()
            _copy(file, path)
        kept_arrays.used(path)
    return path


def fetched_and_identified(files: Sequence[File]) -> tuple[File, ...]:
    """The files with their contents; those in stores are fetched for that, and stay. SpecError as of both."""
    refuse_packed(files)
    known = identified([file for file in files if not file.remote])
    asked = iter(in_parallel("fetch", [file for file in files if file.remote], lambda file, _: _of_copy(file)))
    found = iter(known)
    return tuple(next(asked) if file.remote else next(found) for file in files)


def _of_copy(file: File) -> File:
    return replace(file, content=identified([local_file(fetched(file))])[0].content)


def _suffix(url: str) -> str:
    """The suffix of the name of a file, by which it is read; "" for one that could not be part of any name."""
    suffix = os.path.splitext(url)[1]
    return suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,8}", suffix) else ""


def _is_copied(path: Path, file: File) -> bool:
    """Whether a copy is there, and is of the bytes that are wanted."""
    if not path.exists():
        return False
    copy = identified([local_file(path)])[0]
    return copy.size == file.size and file.content in ("", copy.content)


def _copy(file: File, path: Path) -> None:
    """Fetch a file. SpecError where it is no longer what it was, or where the disk is too small for it."""
    with created(path) as copy:
        _fetch(file, copy, path.parent)
    if file.content and identified([local_file(path)])[0].content != file.content:
        path.unlink()
        raise file.changed()


def _fetch(file: File, copy: IO[bytes], folder: Path) -> None:
    """Write the bytes of a file in a store to one in a folder. SpecError as of `_copy`."""
    free = shutil.disk_usage(folder).free
    if free < file.size:
        needed = f"a copy of '{file.url}' needs {file.size / 1e9:.2f} GB"
        raise SpecError(f"{needed}, and {free / 1e9:.2f} GB are free in {folder}", FREE_SPACE, ("files",))
    with asking(file.url), store_of(file.url).open(file.url, "rb", block_size=PIECE) as remote:
        shutil.copyfileobj(remote, copy, PIECE)
    copy.flush()
    check(file)
    if copy.tell() != file.size:
        raise file.changed()


@contextmanager
def local(file: File) -> Iterator[Path]:
    """The path of a file, or of a copy while the block lasts. SpecError where it has changed."""
    check(file)
    if not file.remote:
        yield Path(file.url)
        return
    folder = kept_arrays.place(COPY, file.url).parent
    with keeping(folder, f"a copy of '{file.url}'"):
        folder.mkdir(parents=True, exist_ok=True)
        copy = tempfile.NamedTemporaryFile(prefix=kept_arrays.PARTIAL, dir=folder)  # noqa: SIM115  # closed below
    with copy:
        with keeping(folder, f"a copy of '{file.url}'"):
            _fetch(file, copy, folder)
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
def unpacked(path: Path, compression: str, name: str) -> Iterator[tuple[BinaryIO, Any]]:
    """A file, and its bytes without its compression. SpecError, about `name`, where it is damaged."""
    import pyarrow as pa

    openers: dict[str, Any] = {"": lambda raw: raw, ".gz": gzip.open}
    streams: dict[str, Any] = {".bz2": bz2.BZ2Decompressor, ".xz": lzma.LZMADecompressor}
    try:
        with opened(path) as raw:
            if compression and not os.fstat(raw.fileno()).st_size:
                raise EOFError("it is empty, and nothing compressed is")
            if compression == ".zst":
                with pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd") as stream:
                    yield raw, io.BufferedReader(stream, PIECE)
            elif compression in streams:
                yield raw, io.BufferedReader(Streams(raw, streams[compression]), PIECE)
            else:
                with openers[compression](raw) as stream:
                    yield raw, stream
    except (EOFError, OSError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
        problem = f"cannot read {name}: {' '.join(str(error).split())}"
        wide = compression == ".zst" and "too much memory" in problem  # a window of more than 128 MiB
        raise SpecError(problem, WIDE if wide else DAMAGED, ("files",)) from None
