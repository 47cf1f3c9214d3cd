"""A copy of the texts of a compressed file in the user's cache, read block by block.

    block · block · …  each compressed │ int64 (b, 3): where each ends, its rows, its bytes when it is unpacked

gzip, bzip2, xz and zstd, as they are usually written, can be unpacked only from the beginning. So the texts are
compressed once more, each block alone: they take about as much space as the file that they come from, and any block is
unpacked in a millisecond. It is memory-mapped and checked as sealed.py says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pipeline.sources.corpus.reading import sealed

CODEC = "zstd"
COLUMNS = 3  # of the table of blocks


class Writer:
    """Writes the blocks of a copy to a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._blocks: list[tuple[int, int, int]] = []

    def take(self, texts: Any) -> int:
        """Write a block: a `pyarrow.LargeStringArray` without nulls. Returns the bytes that it takes."""
        import pyarrow as pa

        raw = _raw(texts)
        packed: bytes = pa.compress(raw, CODEC, asbytes=True)
        self._file.write(packed)
        self._blocks.append((self._file.tell(), len(texts), len(raw)))
        return len(packed)

    def finish(self) -> dict[str, int]:
        """Write what follows the blocks. Returns the facts of the copy."""
        size = self._file.tell()
        self._file.write(bytes(-size % 8) + np.array(self._blocks, "<i8").tobytes())
        return {"blocks": len(self._blocks)}


def _raw(texts: Any) -> bytes:
    """A block before it is compressed: int64 offsets (n + 1,), then the texts."""
    if not len(texts):
        return bytes(8)
    _, buffer, data = texts.buffers()
    places = np.frombuffer(buffer, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    first, last = int(places[0]), int(places[-1])
    return (places - first).astype("<i8").tobytes() + (b"" if data is None else data[first:last].to_pybytes())


def write(path: Path, key: str, write_texts: Callable[[Writer], object]) -> None:
    """Write a copy, as `sealed.write`. write_texts: hands the texts to the writer, block by block."""

    def put(file: BinaryIO) -> dict[str, int]:
        writer = Writer(file)
        write_texts(writer)
        return writer.finish()

    sealed.write(path, key, put)


class Packed(sealed.Sealed):
    """An open copy."""

    def __init__(self, path: Path, key: str) -> None:
        """Open it, as `Sealed`."""
        super().__init__(path, key)
        table = self.content.size - self.facts["blocks"] * COLUMNS * 8
        if self.facts["blocks"]:
            self.check(np.array([table]), np.array([self.content.size]))
        self._blocks = np.frombuffer(self.content.slice(table), "<i8").reshape(-1, COLUMNS)

    def block(self, number: int) -> Any:
        """The texts of a block: a `pyarrow.LargeStringArray`. Damaged where it was changed."""
        import pyarrow as pa

        end, rows, size = self._blocks[number].tolist()
        begin = int(self._blocks[number - 1, 0]) if number else 0
        self.check(np.array([begin]), np.array([end]))
        raw = pa.decompress(self.content.slice(begin, end - begin), size, CODEC)
        places, data = raw.slice(0, 8 * (rows + 1)), raw.slice(8 * (rows + 1))
        return pa.Array.from_buffers(pa.large_string(), rows, [None, places, data])
