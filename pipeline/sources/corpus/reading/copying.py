"""Copies of the texts of files, made once in the user's cache; what is not as it was written is made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from pipeline.core.draws import I64
from pipeline.core.system import kept_arrays
from pipeline.sources.corpus.reading import copies, packed
from pipeline.sources.corpus.reading.choosing import Reading
from pipeline.sources.corpus.reading.index import Broken, FileIndex, key_of, made_index
from pipeline.sources.corpus.reading.room import Room
from pipeline.sources.corpus.reading.sealed import Damaged
from pipeline.sources.files.file import File
from pipeline.sources.files.opening import keeping
from pipeline.sources.files.parallel import Advance

Order = Literal["global", "blocks"]
KINDS = {"global": "rows", "blocks": "packed"}
"""Order → what copies for it are called in the cache: they are read row by row, or block by block."""
LESS = "`order: blocks` copies only what is compressed."


class Copying:
    """The copies of files, for an order. SpecError, from any method, as of `Rows`."""

    def __init__(self, files: Sequence[File], reading: Reading, broken: Broken, order: Order) -> None:
        self._files, self._reading, self._broken, self._order = files, reading, broken, order
        self._open: dict[int, Any] = {}

    def has(self, file: File) -> bool:
        """Whether a file is read from a copy: all where rows are read one by one, else those that are compressed."""
        return self._order == "global" or bool(file.compression)

    def is_there(self, file: File) -> bool:
        """Whether the copy of a file is in the cache, as it was written or not."""
        return self._place(key_of(file, self._reading)).exists()

    def room(self, size: int) -> Room:
        """The room for copies of files of so many bytes."""
        return Room(self._place("").parent, size, LESS if self._order == "global" else "")

    def rows(self, number: int, rows: I64) -> Any:
        """The texts of rows (d,) of a file: a `pyarrow.LargeStringArray` (d,)."""
        return self._read(number, lambda copy: copy.take(rows))

    def block(self, number: int, block: int) -> Any:
        """The texts of a block of a compressed file: a `pyarrow.LargeStringArray`."""
        return self._read(number, lambda copy: copy.block(block))

    def make(self, file: File, room: Room, advance: Advance = lambda count: None) -> FileIndex:
        """Make the copy of a file, and with it its index. The caller is `alone`."""
        made: list[FileIndex] = []

        def read(count: int) -> None:
            room.read(count)
            advance(count)

        def write_texts(writer: copies.Writer | packed.Writer) -> None:
            def take(texts: Any) -> None:
                room.wrote(writer.take(texts))

            made.append(made_index(file, self._reading, self._broken, take, read))

        write = packed.write if self._order == "blocks" else copies.write
        key = key_of(file, self._reading)
        kept_arrays.unless_removed(lambda: write(self._place(key), key, write_texts))
        return made[-1]

    @contextmanager
    def alone(self, file: File) -> Iterator[None]:
        """This process alone makes what is known of a file while the block lasts.

        SpecError where the cache fails, if a copy has to be kept there; an index that is not kept only costs time.
        """
        key = key_of(file, self._reading)
        with ExitStack() as alone, keeping(self._place(key), "the rows"):
            try:
                alone.enter_context(kept_arrays.alone(KINDS[self._order], key))
            except OSError:
                if self.has(file):
                    raise
            yield

    def _place(self, key: str) -> Path:
        return kept_arrays.place(KINDS[self._order], key)

    def _read(self, number: int, read: Callable[[Any], Any]) -> Any:
        """What is read from the copy of a file, which is made again, once, if it is not as it was."""
        try:
            return read(self._opened(number))
        except OSError:
            self._open.pop(number, None)
        file = self._files[number]
        self._renew(file)
        with keeping(self._place(key_of(file, self._reading)), "the rows"):  # of a disk that fails, say
            return read(self._opened(number))

    def _opened(self, number: int) -> Any:
        """The open copy of a file. Damaged if it is not as it was, OSError if it is not there."""
        if number not in self._open:
            key = key_of(self._files[number], self._reading)
            self._open[number] = self._form(self._place(key), key)
            kept_arrays.used(self._place(key))
        return self._open[number]

    @property
    def _form(self) -> type[copies.Copy] | type[packed.Packed]:
        return packed.Packed if self._order == "blocks" else copies.Copy

    def _renew(self, file: File) -> None:
        """Make the copy of a file, unless another process has made it meanwhile."""
        key = key_of(file, self._reading)
        with self.alone(file):
            with suppress(Damaged, FileNotFoundError):
                self._form(self._place(key), key).check_all()
                return
            self.make(file, self.room(file.size))
