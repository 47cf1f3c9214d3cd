"""The texts of rows where they are read in blocks: from the files themselves, the last blocks and files at hand."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from pipeline.core.draws import I64
from pipeline.sources.corpus.reading.choosing import Reading
from pipeline.sources.corpus.reading.faults import refusal
from pipeline.sources.corpus.reading.index import Broken, FileIndex
from pipeline.sources.corpus.reading.readers import Reader, reader_of
from pipeline.sources.files.file import File, asking
from pipeline.sources.files.opening import seekable

DECODED = 2**26  # bytes of texts of blocks that stay decoded, beside the last one
OPEN = 64  # files that stay open


class Blocks:
    """Files with their indexes. SpecError for one that cannot be read, holds a broken row, or has changed."""

    def __init__(
        self,
        files: Sequence[File],
        indexes: Sequence[FileIndex],
        reading: Reading,
        broken: Broken,
        packed: Callable[[int, int], Any],
    ) -> None:
        """packed: the texts of a block, (file, block), of a compressed file."""
        self._files, self._indexes, self._reading, self._broken = files, indexes, reading, broken
        self._packed = packed
        self._decoded: OrderedDict[tuple[int, int], Any] = OrderedDict()
        self._sizes: dict[tuple[int, int], int] = {}
        self._open: OrderedDict[int, tuple[ExitStack, Any, Reader]] = OrderedDict()

    def texts(self, number: int, rows: I64) -> Any:
        """The texts of rows (d,) of one file: a `pyarrow.LargeStringArray` (d,). Each block is read once, forwards."""
        import pyarrow as pa

        index = self._indexes[number]
        ends = np.cumsum(index.blocks[:, 3])
        owner = np.searchsorted(ends, rows, side="right")
        order = np.argsort(owner, kind="stable")
        texts, within, before = [], np.empty_like(rows), 0
        for places in np.split(order, np.flatnonzero(np.diff(owner[order])) + 1):
            block = int(owner[places[0]])
            some, found = rows[places] - int(ends[block] - index.blocks[block, 3]), self._block(number, block)
            if 2 * len(some) < len(found):
                found, some = found.take(pa.array(some)), np.arange(len(some))
            texts.append(found)  # all of it where most is wanted: it is copied once
            within[places] = before + some
            before += len(found)
        joined = pa.concat_arrays(texts)
        in_order = len(within) == before and (within == np.arange(before)).all()
        return joined if in_order else joined.take(pa.array(within))

    def _block(self, number: int, block: int) -> Any:
        """The texts of a block, decoded now or among the last ones."""
        decoded = self._decoded
        if (number, block) in decoded:
            decoded.move_to_end((number, block))
            return decoded[number, block]
        texts = self._packed(number, block) if self._files[number].compression else self._read(number, block)
        decoded[number, block] = texts
        self._sizes[number, block] = texts.nbytes
        while len(decoded) > 1 and sum(self._sizes.values()) > DECODED:
            self._sizes.pop(decoded.popitem(last=False)[0])
        return texts

    def _read(self, number: int, block: int) -> Any:
        """The texts of a block, from its file."""
        file, reader = self._opened(number)
        with asking(self._files[number].url):
            offset, size, first, count = self._indexes[number].blocks[block].tolist()
            chosen = reader.block(file, (offset, size, first))
        if chosen.faults and self._broken == "refuse":
            raise refusal(chosen.faults[0], self._files[number].url, self._reading.column, by_line=reader.by_line)
        if len(chosen.texts) != count:
            raise self._files[number].changed()
        return chosen.texts

    def _opened(self, number: int) -> tuple[Any, Reader]:
        """An open file and its reader; the last OPEN stay open."""
        files = self._open
        if number not in files:
            if len(files) >= OPEN:
                files.popitem(last=False)[1][0].close()
            stack = ExitStack()
            file = stack.enter_context(seekable(self._files[number]))
            files[number] = stack, file, reader_of(self._files[number], self._reading, self._indexes[number].facts)
        files.move_to_end(number)
        return files[number][1:]
