"""The layouts of files of ids: how they are told apart, and a file of any of them as documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.system import kept_arrays
from pipeline.core.system.kept_arrays import Out, Stored, mapped
from pipeline.sources.files.file import File
from pipeline.sources.files.opening import fetched, keeping
from pipeline.sources.tokens import columns, dataset, llmc, megatron, nanogpt
from pipeline.sources.tokens.cutting import Reading

READER = 1  # version of the layouts' readers: increase it when the same files would give other arrays
DOCUMENTS = "documents"  # the suffix of what is found in a file
Layout = Literal["dataset", "columns", "nanogpt", "llmc", "megatron"]
OF_SUFFIX: dict[str, Layout] = {".arrow": "columns", ".parquet": "columns", ".bin": "nanogpt"}
KERNEL_TYPES = {1: "u1", 2: "u2", 4: "i4", 8: "i8"}
"""Bytes of an id → the type under which the kernel reads it: all ids are below 2^24, so signs do not matter."""


@dataclass(frozen=True)
class TokenFile:
    """A file of ids, as documents. It pickles small: what is found in it is mapped at the first use.

    index: the file beside it that says where documents are; None where the layout has none. options: what the layout
    needs to know beside the reading.
    """

    file: File
    layout: Layout
    reading: Reading
    options: columns.Column | dataset.Layout | None = None
    index: File | None = None

    @cached_property
    def found(self) -> Stored:
        """Where its documents are, and the facts. SpecError if it is not as its layout says, or has changed."""
        named = [READER, self.layout, str(self.reading), str(self.options), *(file.content for file in self.files)]
        depends_on = json.dumps(named)
        self._fetched()
        with keeping(kept_arrays.place(DOCUMENTS, depends_on), "what was found in the files"):
            return kept_arrays.stored(DOCUMENTS, depends_on, self._find)

    def _find(self, out: Out) -> None:
        path, options = self.path, self.options
        try:
            if isinstance(options, dataset.Layout):
                dataset.find(path, options, out)
            elif isinstance(options, columns.Column):
                columns.find(path, self.reading, options, out)
            elif self.index:
                megatron.find(path, self._fetched()[1], self.reading, out)
            else:
                {"nanogpt": nanogpt, "llmc": llmc}[self.layout].find(path, self.reading, out)
        except SpecError as error:
            problem = error.problem
            for path, file in zip(self._fetched(), self.files, strict=True):
                problem = problem.replace(str(path), file.url)  # not the name of a copy of it
            raise SpecError(problem, error.remedy, error.at) from None
        self._fetched()  # what was read is what was planned

    @property
    def files(self) -> tuple[File, ...]:
        """The file, and the one beside it if there is one."""
        return (self.file, self.index) if self.index else (self.file,)

    @cached_property
    def path(self) -> Path:
        """Where the file, or a copy of it, lies on a disk of this machine. SpecError where it has changed."""
        return self._fetched()[0]

    def _fetched(self) -> list[Path]:
        """The same of all that belongs to it, checked."""
        return [fetched(file) for file in self.files]

    @cached_property
    def _ids(self) -> NDArray[Any]:
        """What the places of documents count: the whole file, or the copy of its ids, as an array of its type."""
        copied = self.found.arrays.get("tokens")
        if copied is not None:
            return copied
        data, width = mapped(self.path), np.dtype(self.found.facts["type"]).itemsize
        return data[: data.size // width * width].view(KERNEL_TYPES[width])

    def __len__(self) -> int:
        return len(self.found.arrays["documents"])

    def lengths(self, rows: I64) -> I64:
        """How many tokens the documents with these numbers, (d,), have without their end tokens: int64 (d,)."""
        lengths = np.zeros(rows.size, np.int64)
        for document, piece in self._pieces(rows):
            lengths[document] += piece[:, 1]
        return lengths

    def copy(self, rows: I64, starts: I64, out: NDArray[Any]) -> None:
        """Copy the documents with these numbers, (d,), into `out`, each to where it starts, (d,)."""
        from pipeline.sources.tokens.kernels.copying import copy

        at = starts.copy()
        for document, piece in self._pieces(rows):
            begin, length, _ = np.ascontiguousarray(piece.T)
            copy(self._ids, begin, length, at[document], out)
            at[document] += length

    def _pieces(self, rows: I64) -> Iterator[tuple[I64, I64]]:
        """The first pieces of documents, the second pieces of those that have one, …: whose they are, (k,), and rows
        (k, 3) of begin, length and what follows."""
        document, piece = np.arange(rows.size), self.found.arrays["documents"][rows]
        while document.size:
            yield document, piece
            goes_on = piece[:, 2] > 0
            document, piece = document[goes_on], self.found.arrays["more"][piece[goes_on, 2] - 1]

    def marks(self, column: str, rows: I64) -> tuple[I64, I64]:
        """Spans or parts of the documents with these numbers, (d,): how many each has, int64 (d,), and their places
        among all of the file, (m,)."""
        offsets = self.found.arrays[f"{column} of documents"]
        counts = offsets[rows + 1] - offsets[rows]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return counts, np.repeat(offsets[rows], counts) + within

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("found", "path", "_ids")}
