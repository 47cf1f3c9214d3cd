"""The number of tokens of every row of a corpus: encoded once, kept in the user's cache, memory-mapped from there.

The file holds an int64 a row, and then a seal: BLAKE3 of these, keyed by all that they depend on. Every process checks
the seal when it opens the file; one that was changed, truncated or exchanged is made again.
"""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3

from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.system.caches import say_if_temporary, user_cache
from pipeline.core.system.open_files import created
from pipeline.core.system.progress import bar
from pipeline.sources.corpus.sealed import SEAL
from pipeline.sources.corpus.texts import RowTexts

TOGETHER = 1024  # rows that are encoded at once, by all cores


@dataclass(frozen=True)
class RowLengths:
    """Tokens of the text of each row. Pickles without them; they are opened, or made, at the first use.

    name: all that they depend on.
    """

    texts: RowTexts
    name: str

    @cached_property
    def of_rows(self) -> I64:
        """int64 (rows,), read-only. SpecError if a row cannot be encoded, or the file not be written."""
        file = self._file
        say_if_temporary(file)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with open(file.with_suffix(".lock"), "w") as lock:  # one process a machine counts, the others wait
                fcntl.flock(lock, fcntl.LOCK_EX)
                if (lengths := self._opened(file)) is None:
                    with created(file) as out:
                        counted = self._counted()
                        out.write(counted.tobytes() + self._seal(counted))
                    lengths = self._opened(file)
        except OSError as error:
            raise SpecError(
                f"cannot keep the lengths of the rows in {file}: {error.strerror or error}",
                "Remove it if it is there; XDG_CACHE_HOME can name another place.",
                ("files",),
            ) from None
        assert lengths is not None, "what was written can be read"
        return lengths

    @property
    def _file(self) -> Path:
        return user_cache() / "pretraining-recipes" / "lengths" / f"{blake3(self.name.encode()).hexdigest(16)}.i64"

    def check(self, rows: I64, counted: I64) -> None:
        """SpecError unless the rows with these numbers (d,) have so many tokens (d,)."""
        wrong = rows[self.of_rows[rows] != counted]
        if wrong.size:
            raise SpecError(
                f"row {wrong[0]} does not have the {self.of_rows[wrong[0]]:,} tokens that were counted",
                f"Remove {self._file}, and run the same command.",
                ("files",),
            )

    def _counted(self) -> I64:
        """The lengths of all rows, by encoding them."""
        rows = len(self.texts)
        lengths = np.empty(rows, np.int64)
        with bar("lengths of rows", rows, "rows") as shown:
            for first in range(0, rows, TOGETHER):
                some = np.arange(first, min(first + TOGETHER, rows))
                lengths[some] = self.texts.ids(some, parallel=True).lengths
                shown.update(len(some))
        return lengths

    def _opened(self, file: Path) -> I64 | None:
        """The lengths in a file; None if there is none, or if its seal is wrong."""
        try:
            data = np.memmap(file, np.uint8, "r")
        except (FileNotFoundError, ValueError):  # ValueError: an empty file
            return None
        end = 8 * len(self.texts)
        if len(data) != end + SEAL or self._seal(data[:end]) != data[end:].tobytes():
            return None
        return np.asarray(data[:end]).view(np.int64)

    def _seal(self, lengths: Any) -> bytes:
        key = blake3(self.name.encode(), derive_key_context="pretraining-recipes: lengths of rows").digest()
        return blake3(memoryview(lengths).cast("B"), key=key, max_threads=blake3.AUTO).digest()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "of_rows"}
