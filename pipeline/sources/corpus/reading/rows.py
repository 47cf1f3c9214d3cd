"""The documents of files, row by row, and how they are found again.

    files ──read once──► index of each ──order: blocks──► the block that holds a row, read when it is asked for
                             └────────── order: global ──► <cache>/….rows, memory-mapped: any row at once

An index and a copy are named by what they were made from, so rows never come from another version of a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.system import kept_arrays
from pipeline.sources.corpus.beside import Beside, Entry
from pipeline.sources.corpus.reading import copies
from pipeline.sources.corpus.reading.blocks import Blocks
from pipeline.sources.corpus.reading.choosing import Reading
from pipeline.sources.corpus.reading.index import (
    FOOTER,
    READER,
    WHOLE,
    Broken,
    FileIndex,
    footer_index,
    kept_index,
    key_of,
    made_index,
)
from pipeline.sources.files.file import File
from pipeline.sources.files.known import HASH
from pipeline.sources.files.known import key_of as identity_of
from pipeline.sources.files.opening import keeping
from pipeline.sources.files.parallel import Advance, in_parallel

Order = Literal["global", "blocks"]
COPY = "rows"


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
        """All that the documents depend on."""
        return f"{READER} {self.content} {self.broken} {self.reading.named}"

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
        copied = [file.size for file in missing if self._is_copied(file)]
        if copied:
            kept_arrays.make_room()
        room = copies.Room(self._folder, sum(copied))
        made = in_parallel("corpus", missing, lambda file, advance: self._made(file, advance, room))
        return tuple(index or next(made) for index in found)

    def _kept(self, file: File) -> FileIndex | None:
        beside = None if self._is_copied(file) else self.beside  # a copy brings its own index
        return kept_index(file, self.reading, self.broken, footer=self._needs_footer(file), beside=beside)

    def _needs_footer(self, file: File) -> bool:
        """Whether a footer is enough for the index: the texts are not read now, and a broken one is refused later."""
        return not self._is_copied(file) and self.broken == "refuse"

    def _made(self, file: File, advance: Advance, room: copies.Room) -> FileIndex:
        """The index of a file, and its copy where one is needed; one process a machine makes them, the others wait."""
        if self._needs_footer(file) and (index := footer_index(file, self.reading)):
            return index
        with self._alone(file):
            if index := self._kept(file):
                return index
            if self._is_copied(file):
                return self._copied(file, room, advance)
            return made_index(file, self.reading, self.broken, lambda texts: None, advance)

    def _copied(self, file: File, room: copies.Room, advance: Advance = lambda count: None) -> FileIndex:
        """The index of a file, from making its copy."""
        made: list[FileIndex] = []

        def read(count: int) -> None:
            room.read(count)
            advance(count)

        def write_texts(writer: copies.Writer) -> None:
            def take(texts: Any) -> None:
                writer.take(texts)
                room.wrote(texts.nbytes)

            made.append(made_index(file, self.reading, self.broken, take, read))

        path, key = self._copy_of(file), key_of(file, self.reading)
        kept_arrays.unless_removed(lambda: copies.write(path, key, write_texts))
        return made[-1]

    @contextmanager
    def _alone(self, file: File) -> Iterator[None]:
        """This process alone makes what is known of a file while the block lasts.

        SpecError where the cache fails, if a copy has to be kept there; an index that is not kept only costs time.
        """
        with ExitStack() as alone, keeping(self._copy_of(file), "the rows"):
            try:
                alone.enter_context(kept_arrays.alone(COPY, key_of(file, self.reading)))
            except OSError:
                if self._is_copied(file):
                    raise
            yield

    @property
    def has_entries(self) -> bool:
        """Whether there is something to keep beside a dataset."""
        return any(file.remote or not self._is_copied(file) for file in self.files)

    def entries(self) -> Iterator[Entry]:
        """What is known of the files, to be kept beside a dataset: hashes of those in stores, indexes of those read."""
        for file, index in zip(self.files, self.indexes, strict=True):
            if file.remote and file.content:
                yield HASH, identity_of(file), file.content, {}
            if not self._is_copied(file):
                what = FOOTER if file.kind == "parquet" and self._needs_footer(file) else WHOLE
                yield what, key_of(file, self.reading), index.known, {"blocks": index.blocks}

    # ── one file ────────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _firsts(self) -> I64:
        """The number of the first row of each file, then of all rows."""
        counts = np.array([index.rows for index in self.indexes], np.int64)
        return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    def _is_copied(self, file: File) -> bool:
        """Whether rows are read from a copy: all where they are read one by one, else those of compressed files."""
        return self.order == "global" or bool(file.compression)

    @property
    def _folder(self) -> Path:
        """Where copies lie."""
        return kept_arrays.place(COPY, "").parent

    def _copy_of(self, file: File) -> Path:
        return kept_arrays.place(COPY, key_of(file, self.reading))

    def _of_file(self, number: int, rows: I64) -> Any:
        """The texts of rows of one file."""
        if not self._is_copied(self.files[number]):
            return self._blocks.texts(number, rows)
        try:
            return self._copy(number).take(rows)
        except copies.Damaged:
            self._copies.pop(number, None)
            self._renew(number)
            return self._copy(number).take(rows)

    def _copy(self, number: int) -> copies.Copy:
        """The open copy of a file, made again if it is not as it was. Damaged if it is so from the beginning."""
        if number not in self._copies:
            path, key = self._copy_of(self.files[number]), key_of(self.files[number], self.reading)
            try:
                self._copies[number] = copies.Copy(path, key)
                kept_arrays.used(path)
            except (copies.Damaged, OSError):
                self._renew(number)
                self._copies[number] = copies.Copy(path, key)
        return self._copies[number]

    def _renew(self, number: int) -> None:
        """Make the copy of a file, unless another process has made it meanwhile."""
        file = self.files[number]
        with self._alone(file):
            with suppress(copies.Damaged, FileNotFoundError):
                copy = copies.Copy(self._copy_of(file), key_of(file, self.reading))
                copy.take(np.arange(copy.rows, dtype=np.int64))
                return
            self._copied(file, copies.Room(self._folder, file.size))

    @cached_property
    def _copies(self) -> dict[int, copies.Copy]:
        return {}

    @cached_property
    def _blocks(self) -> Blocks:
        return Blocks(self.files, self.indexes, self.reading, self.broken)

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("files", "reading", "content", "order", "broken", "beside")}


def skipped_of(indexes: Sequence[FileIndex]) -> dict[str, int]:
    """Reason → rows of all files that are left out because they are broken."""
    total: dict[str, int] = {}
    for index in indexes:
        for reason, count in index.skipped.items():
            total[reason] = total.get(reason, 0) + count
    return total
