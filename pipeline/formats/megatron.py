"""Megatron-LM, NeMo, GPT-NeoX: token ids in `train.bin`; the place of each document in `train.idx`.

    .idx   "MMIDIDX\\0\\0"  u64 1  u8 type  u64 n  u64 n + 1      type: 8 uint16, 4 int32; n documents, a sequence each
           int32[n] lengths  int64[n] offsets in bytes  int64[n + 1] 0, 1, … n: the sequences where documents begin

The end token follows each document.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from typing import IO, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.core.json_layouts import STRICT, Count
from pipeline.core.token_files import MEGATRON_MAGIC, MEGATRON_TYPES, MEGATRON_VERSION
from pipeline.formats.format import File, FileRecord, Files, FormatKind, Part, Rows, little
from pipeline.formats.token_stream import TokenStream, TokenStreamSpec

NUMBERS = {name: number for number, name in MEGATRON_TYPES.items()}
AT_ONCE = 2**18  # documents


class MegatronSpec(TokenStreamSpec):
    """The options."""

    kind: Literal["megatron"] = "megatron"


class MegatronRecord(FileRecord):
    """The facts of a file."""

    model_config = STRICT

    documents: Count = 0  # of .bin; .idx has no facts
    tokens: Count = 0


class Megatron(TokenStream):
    """The format."""

    Record: ClassVar[type[FileRecord]] = MegatronRecord

    def write(self, part: Part, rows: Rows, files: Files) -> None:
        stem, count = self.stem(part), 0
        with tempfile.TemporaryFile(prefix="lengths-") as spool:  # four bytes a document, of which there may be 10^9
            with files.create(f"{stem}.bin") as file:
                for documents in self.documents(part, rows):
                    file.write(little(documents.values, part.split.ids.str, "token id"))
                    spool.write(little(documents.lengths, "i4", "length of a document"))
                    count += len(documents)
                file.facts = {"documents": count, "tokens": part.tokens}
            with files.create(f"{stem}.idx") as file:
                _index(file, spool, count, part.split.ids)


def _index(file: File, spool: IO[bytes], count: int, ids: np.dtype[np.generic]) -> None:
    """Write the .idx file: three arrays, computed block by block from the lengths."""
    file.write(MEGATRON_MAGIC + struct.pack("<QBQQ", MEGATRON_VERSION, NUMBERS[ids.name], count, count + 1))
    for lengths in _lengths(spool):
        file.write(little(lengths))
    before = 0
    for lengths in _lengths(spool):
        ends = before + np.cumsum(lengths, dtype=np.int64) * ids.itemsize
        file.write(little(np.concatenate([[before], ends[:-1]]), "i8"))
        before = int(ends[-1])
    for first in range(0, count + 1, AT_ONCE):
        file.write(little(np.arange(first, min(first + AT_ONCE, count + 1)), "i8"))


def _lengths(spool: IO[bytes]) -> Iterator[NDArray[np.int32]]:
    spool.seek(0)
    while data := spool.read(4 * AT_ONCE):
        yield np.frombuffer(data, "<i4")


KIND = FormatKind(
    MegatronSpec, Megatron, "documents: token ids, and an index of the documents, for Megatron-LM, NeMo, GPT-NeoX"
)
