"""Compressed streams, one after the other, as one file of their bytes; zeros may stand behind each.

Python's readers of bzip2 and xz take for padding whatever follows a stream and is none. Programs that compress in
parallel write many streams, and where one was damaged, all that follows would be missing without a word.
"""

from __future__ import annotations

import bz2
import io
import lzma
from collections.abc import Callable
from typing import BinaryIO

READ = 2**16  # compressed bytes that are read at a time
Stream = bz2.BZ2Decompressor | lzma.LZMADecompressor


class Streams(io.RawIOBase):
    """Reads them from where a file stands. EOFError, OSError or LZMAError for anything else."""

    def __init__(self, raw: BinaryIO, new: Callable[[], Stream]) -> None:
        """new: begins to unpack a stream."""
        self._raw, self._new, self._stream = raw, new, new()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # as BufferedReader calls it
        data = self._some(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _some(self, most: int) -> bytes:
        """The next bytes, at most so many; b"" at the end."""
        data = b""
        while not data:
            packed = b""
            if self._stream.eof:
                packed = self._behind()
                if not packed:
                    break
                self._stream = self._new()
            elif self._stream.needs_input:
                packed = self._raw.read(READ)
                if not packed:
                    raise EOFError("it ends within a stream")
            data = self._stream.decompress(packed, most)
        return data

    def _behind(self) -> bytes:
        """What follows a stream that has ended, without zeros; b"" at the end of the file."""
        packed = self._stream.unused_data.lstrip(b"\0")
        while not packed and (more := self._raw.read(READ)):
            packed = more.lstrip(b"\0")
        return packed
