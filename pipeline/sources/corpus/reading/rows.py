"""The documents of files, row by row, and how they are found again.

    files ──read once──► index of each ──order: blocks──► the block that holds a row, read when it is asked for
                             │               └─ compressed ──► <cache>/….packed: any block at once
                             └────────── order: global ──────► <cache>/….rows, memory-mapped: any row at once

An index and a copy are named by what they were made from, so rows never come from another version of a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.system import kept_arrays
from pipeline.sources.corpus.beside import Beside, Entry
from pipeline.sources.corpus.reading.blocks import Blocks
from pipeline.sources.corpus.reading.choosing import Reading
from pipeline.sources.corpus.reading.copying import Copying, Order
from pipeline.sources.corpus.reading.index import (
    FOOTER,
    READER,
    WHOLE,
    Broken,
    FileIndex,
    footer_index,
    kept_index,
    key_beside,
    made_index,
)
from pipeline.sources.corpus.reading.room import Room
from pipeline.sources.files.file import File
from pipeline.sources.files.known import HASH
from pipeline.sources.files.known import key_of as identity_of
from pipeline.sources.files.parallel import Advance, in_parallel


@dataclass(frozen=True)
class Rows:
    """The documents of several files, one file after the other. It pickles as names of files, opened at the first use.

    content: what names the bytes of all files. order: whether rows are read one by one from all over, or in blocks.
    beside: what somebody else knows of them.
    SpecError, from any method, for a file that cannot be read, holds a broken row, or has changed.
    """

    files: tuple[File, ...]
    reading: Reading
    content: str
    order: Order = "global"
    broken: Broken = "refuse"
    beside: Beside | None = None

    def __len__(self) -> int:
        return int(self._firsts[-1])

    @property
    def named(self) -> str:
        """All that the documents depend on, on any machine."""
        return f"{READER} {self.content} {self.broken} {self.reading.named}"

    @property
    def here(self) -> str:
        """What they depend on too, on this machine: which files, where `content` names them without their folders."""
        return "".join(f"\0{file.identity_here}" for file in self.files if file.identity_here != file.identity)

    @cached_property
    def blocks(self) -> I64:
        """The first row of each block that has any, then the number of all rows: int64 (b + 1,)."""
        counts = np.concatenate([np.empty(0, np.int64), *(index.blocks[:, 3] for index in self.indexes)])
        return np.concatenate([[0], np.cumsum(counts[counts > 0], dtype=np.int64)])

    def array(self, rows: I64) -> Any:
        """The texts of the rows with these numbers, int64 (d,): a `pyarrow.LargeStringArray` (d,), without nulls."""
        import pyarrow as pa

        owner = np.searchsorted(self._firsts, rows, side="right") - 1
        order = np.argsort(owner, kind="stable")
        places = np.split(order, np.flatnonzero(np.diff(owner[order])) + 1) if rows.size else []
        texts = [self._of_file(int(owner[of][0]), rows[of] - self._firsts[owner[of][0]]) for of in places]
        joined = pa.concat_arrays([pa.array([], pa.large_string()), *texts])
        return joined if (np.diff(order) > 0).all() else joined.take(pa.array(np.argsort(order)))

    def texts(self, rows: I64) -> list[str]:
        """The same as Python's texts."""
        texts: list[str] = self.array(rows).to_pylist()
        return texts

    @cached_property
    def indexes(self) -> tuple[FileIndex, ...]:
        """The index of each file, from the user's cache or made now, and with it the copy where one is needed."""
        found = [self._kept(file) for file in self.files]
        missing = [self.files[i] for i, index in enumerate(found) if index is None]
        copied = [file.size for file in missing if self._copies.has(file)]
        if copied:
            kept_arrays.make_room()
        room = self._copies.room(sum(copied))
        made = in_parallel("corpus", missing, lambda file, advance: self._made(file, advance, room))
        return tuple(index or next(made) for index in found)

    def _kept(self, file: File) -> FileIndex | None:
        """The index of a file from the user's cache; None where it is not there, or a copy that is needed is not."""
        if self._copies.has(file) and not self._copies.is_there(file):
            return None
        beside = None if self._copies.has(file) else self.beside  # a copy brings its own index
        return kept_index(file, self.reading, self.broken, footer=self._needs_footer(file), beside=beside)

    def _needs_footer(self, file: File) -> bool:
        """Whether a footer is enough for the index: the texts are not read now, and a broken one is refused later."""
        return not self._copies.has(file) and self.broken == "refuse"

    def _made(self, file: File, advance: Advance, room: Room) -> FileIndex:
        """The index of a file, and its copy where one is needed; one process a machine makes them, the others wait."""
        if self._needs_footer(file) and (index := footer_index(file, self.reading)):
            return index
        with self._copies.alone(file):
            if index := self._kept(file):
                return index
            if self._copies.has(file):
                return self._copies.make(file, room, advance)
            return made_index(file, self.reading, self.broken, lambda texts: None, advance)

    @property
    def has_entries(self) -> bool:
        """Whether there is something to keep beside a dataset."""
        return any(file.remote or not self._copies.has(file) for file in self.files)

    def entries(self) -> Iterator[Entry]:
        """What is known of the files, to be kept beside a dataset: hashes of those in stores, indexes of those read."""
        for file, index in zip(self.files, self.indexes, strict=True):
            if file.remote and file.content:
                yield HASH, identity_of(file), file.content, {}
            if not self._copies.has(file):
                what = FOOTER if file.kind == "parquet" and self._needs_footer(file) else WHOLE
                yield what, key_beside(file, self.reading), index.known, {"blocks": index.blocks}

    # ── one file ────────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _firsts(self) -> I64:
        """The number of the first row of each file, then of all rows."""
        counts = np.array([index.rows for index in self.indexes], np.int64)
        return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    def _of_file(self, number: int, rows: I64) -> Any:
        """The texts of rows of one file."""
        return self._copies.rows(number, rows) if self.order == "global" else self._blocks.texts(number, rows)

    @cached_property
    def _copies(self) -> Copying:
        return Copying(self.files, self.reading, self.broken, self.order)

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self.files, self.indexes, self.reading, self.broken, self._copies.block)

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("files", "reading", "content", "order", "broken", "beside")}


def skipped_of(indexes: Sequence[FileIndex]) -> dict[str, int]:
    """Reason → rows of all files that are left out because they are broken."""
    total: dict[str, int] = {}
    for index in indexes:
        for reason, count in index.skipped.items():
            total[reason] = total.get(reason, 0) + count
    return total
