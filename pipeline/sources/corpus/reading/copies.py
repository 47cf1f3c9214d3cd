"""A copy of the texts of a file in the user's cache: sealed, memory-mapped, read at any row.

    texts, one after the other │ int64 offsets (n + 1,) │ BLAKE3 of each PIECE of all that │ JSON │ its size │ seal

The seal is a hash of what follows the offsets, keyed by what the texts depend on; a piece is compared with its hash
when this process first reads from it. So a copy that was changed, truncated or exchanged is found out, and made again,
and opening one of a terabyte takes no time.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
from blake3 import blake3

from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.system import kept_arrays
from pipeline.sources.files.opening import FREE_SPACE

PIECE = 2**18  # bytes
LOOK = 2**26  # bytes that are written between two looks at the space that is left
DIGEST, SEAL, LENGTH = 16, 32, 8


class Room:
    """Whether a disk has room for copies, by what was written for the bytes that were read so far.

    total: bytes to be read in all. Threads may note what they read and write.
    """

    def __init__(self, folder: Path, total: int) -> None:
        self._folder, self._total, self._lock = folder, total, Lock()
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
                f"{FREE_SPACE} `order: blocks` copies only what is compressed.",
                ("files",),
            )


class Damaged(Exception):
    """A copy is not what was written."""


class Writer:
    """Writes the texts of a copy. file: where; offsets: a file for their places until then."""

    def __init__(self, file: BinaryIO, offsets: BinaryIO) -> None:
        self._file, self._offsets = file, offsets
        self._end = self._rows = 0
        offsets.write(np.int64(0).tobytes())

    def take(self, texts: Any) -> None:
        """Write a `pyarrow.LargeStringArray` without nulls."""
        if not len(texts):
            return
        _, places, data = texts.buffers()
        places = np.frombuffer(places, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        first, last = int(places[0]), int(places[-1])
        if data is not None:
            self._file.write(memoryview(data)[first:last])
        self._offsets.write((places[1:] - first + self._end).astype("<i8").tobytes())
        self._end += last - first
        self._rows += len(texts)

    def finish(self, key: str) -> None:
        """Write what follows the texts. key: all that they depend on."""
        self._file.write(bytes(-self._end % 8))
        self._offsets.seek(0)
        shutil.copyfileobj(self._offsets, self._file, PIECE)
        self._file.flush()
        size = self._file.tell()
        facts = json.dumps({"rows": self._rows, "bytes": self._end}).encode()
        after = _digests(self._file, size) + facts + len(facts).to_bytes(LENGTH, "little")
        self._file.write(after + _seal(key, after))


def _digests(file: BinaryIO, size: int) -> bytes:
    """The hashes of the pieces of a file, of which `size` bytes are written."""
    file.seek(0)
    digests = [blake3(file.read(min(PIECE, size - first))).digest(DIGEST) for first in range(0, size, PIECE)]
    return b"".join(digests)


def _seal(key: str, after: bytes) -> bytes:
    named = key.encode("utf-8", "surrogatepass")
    secret = blake3(named, derive_key_context="pretraining-recipes: a copy of rows").digest()
    return blake3(after, key=secret, max_threads=blake3.AUTO).digest()


def write(path: Path, key: str, write_texts: Callable[[Writer], object]) -> None:
    """Write a copy, which gets its name when it is whole. OSError as the system's; what `write_texts` raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{kept_arrays.PARTIAL}{path.name}")
    try:
        with open(partial, "w+b") as file, tempfile.TemporaryFile(dir=path.parent) as offsets:
            writer = Writer(file, offsets)
            write_texts(writer)
            writer.finish(key)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


class Copy:
    """An open copy."""

    def __init__(self, path: Path, key: str) -> None:
        """Open it. Damaged where it is none, or the copy of something else; FileNotFoundError where there is none."""
        import pyarrow as pa

        try:
            mapped = pa.memory_map(os.fsencode(path)).read_buffer()
        except pa.ArrowException as error:
            raise Damaged(str(error)) from None
        self.rows = self._bytes = 0
        self._mapped = mapped
        self._pieces, self._begin = self._checked(mapped, key)
        self._known = np.zeros(len(self._pieces) // DIGEST, bool)
        places = mapped.slice(self._begin, (self.rows + 1) * 8)
        self._places = np.frombuffer(places, "<i8")
        self._texts = pa.Array.from_buffers(pa.large_string(), self.rows, [None, places, mapped.slice(0, self._bytes)])

    def _checked(self, mapped: Any, key: str) -> tuple[bytes, int]:
        """(hashes of the pieces, where the offsets begin)."""
        end = mapped.size - SEAL
        if end < LENGTH:
            raise Damaged("it is too short")
        length = int.from_bytes(mapped.slice(end - LENGTH, LENGTH).to_pybytes(), "little")
        if length > end - LENGTH or length > PIECE:
            raise Damaged("it does not end as a copy does")
        facts = mapped.slice(end - LENGTH - length, length).to_pybytes()
        try:
            known = json.loads(facts)
            self.rows, self._bytes = known["rows"], known["bytes"]
            begin = self._bytes + -self._bytes % 8
            after = begin + (self.rows + 1) * 8
            if mapped.slice(end, SEAL).to_pybytes() == _seal(key, mapped.slice(after, end - after).to_pybytes()):
                return mapped.slice(after, end - LENGTH - length - after).to_pybytes(), begin
        except (ValueError, KeyError, TypeError, IndexError, OverflowError):
            pass
        raise Damaged("its seal is not right")

    def take(self, rows: I64) -> Any:
        """The texts of rows, int64 (d,), as a `pyarrow.LargeStringArray` (d,). Damaged where they were changed."""
        import pyarrow as pa

        if not rows.size:
            return self._texts.slice(0, 0)
        places = self._begin + rows * 8
        self._check(places, places + 16)
        self._check(self._places[rows], self._places[rows + 1])
        return self._texts.take(pa.array(rows))

    def _check(self, first: I64, last: I64) -> None:
        """Compare the pieces in which the bytes first … last - 1 lie with their hashes, unless that was done before."""
        begins, ends = first // PIECE, np.maximum(last - 1, first) // PIECE
        if self._known[begins].all() and self._known[ends].all() and (ends - begins <= 1).all():
            return
        span = np.unique(
            np.concatenate([np.arange(a, b + 1) for a, b in np.unique(np.column_stack([begins, ends]), axis=0)])
        )
        for piece in span[~self._known[span]].tolist():
            size = min(PIECE, self._begin + (self.rows + 1) * 8 - piece * PIECE)
            digest = blake3(self._mapped.slice(piece * PIECE, size)).digest(DIGEST)
            if digest != self._pieces[piece * DIGEST : (piece + 1) * DIGEST]:
                raise Damaged("a piece of it is not what was written")
            self._known[piece] = True
