"""A copy of the texts of a file in the user's cache, read at any row.

    texts, one after the other │ int64 offsets (n + 1,)

It is memory-mapped and checked as sealed.py says.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pipeline.core.draws import I64
from pipeline.sources.corpus.reading import sealed

BUFFER = 2**18  # bytes of offsets that are written at a time


class Writer:
    """Writes the texts of a copy. file: where; offsets: a file for their places until then."""

    def __init__(self, file: BinaryIO, offsets: BinaryIO) -> None:
        self._file, self._offsets = file, offsets
        self._end = self._rows = 0
        offsets.write(np.int64(0).tobytes())

    def take(self, texts: Any) -> int:
        """Write a `pyarrow.LargeStringArray` without nulls. Returns the bytes that it takes."""
        if not len(texts):
            return 0
        _, places, data = texts.buffers()
        places = np.frombuffer(places, np.int64)[texts.offset : texts.offset + len(texts) + 1]
        first, last = int(places[0]), int(places[-1])
        if data is not None:
            self._file.write(memoryview(data)[first:last])
        self._offsets.write((places[1:] - first + self._end).astype("<i8").tobytes())
        self._end += last - first
        self._rows += len(texts)
        return last - first + 8 * len(texts)

    def finish(self) -> dict[str, int]:
        """Write what follows the texts. Returns the facts of the copy."""
        self._file.write(bytes(-self._end % 8))
        self._offsets.seek(0)
        shutil.copyfileobj(self._offsets, self._file, BUFFER)
        return {"rows": self._rows, "bytes": self._end}


def write(path: Path, key: str, write_texts: Callable[[Writer], object]) -> None:
    """Write a copy, as `sealed.write`. write_texts: hands all texts to the writer, in their order."""

    def put(file: BinaryIO) -> dict[str, int]:
        with tempfile.TemporaryFile(dir=path.parent) as offsets:
            writer = Writer(file, offsets)
            write_texts(writer)
            return writer.finish()

    sealed.write(path, key, put)


class Copy(sealed.Sealed):
    """An open copy."""

    def __init__(self, path: Path, key: str) -> None:
        """Open it, as `Sealed`."""
        import pyarrow as pa

        super().__init__(path, key)
        rows, size = self.facts["rows"], self.facts["bytes"]
        self._begin = size + -size % 8
        places = self.content.slice(self._begin)
        self._places = np.frombuffer(places, "<i8")
        self._texts = pa.Array.from_buffers(pa.large_string(), rows, [None, places, self.content.slice(0, size)])

    def take(self, rows: I64) -> Any:
        """The texts of rows, int64 (d,), as a `pyarrow.LargeStringArray` (d,). Damaged where they were changed."""
        import pyarrow as pa

        if not rows.size:
            return self._texts.slice(0, 0)
        places = self._begin + rows * 8
        self.check(places, places + 16)
        self.check(self._places[rows], self._places[rows + 1])
        return self._texts.take(pa.array(rows))
