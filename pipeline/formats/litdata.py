"""litdata's TokensLoader (litgpt): `train/index.json`, `train/chunk-0-0.bin`, one sequence after another.

    .bin   u32 n  u32[n + 1] offsets from the file's beginning  n blocks of token ids

The loader cuts each file into blocks of the size that the trainer asks for and drops the rest, so that size must divide
a sequence. litgpt asks for one token more than its context.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from pydantic import Field as Key_

from pipeline.core.errors import SpecError
from pipeline.core.json_layouts import STRICT, Count
from pipeline.core.narrow_integers import narrowed
from pipeline.formats.format import (
    ExportSpec,
    FileRecord,
    Files,
    Format,
    FormatKind,
    Part,
    Rows,
    Split,
    Written,
    little,
)

MOST = 2**32 - 1  # bytes that an offset counts
HEADERS = {"int32": "no_header_tensor:16", "uint16": "no_header_tensor:20"}


class LitdataSpec(ExportSpec):
    """The options."""

    kind: Literal["litdata"] = "litdata"
    block: int | None = Key_(
        None, ge=1, description="Tokens that the trainer will ask for at a time; default: packing.length."
    )
    dtype: Literal["int32", "uint16"] = Key_("int32", description="uint16 is half as big; old readers do not know it.")
    bytes: int = Key_(2**26, ge=2**10, le=2**31, description="About how many bytes a file has.")


class LitdataRecord(FileRecord):
    """The facts of a file."""

    model_config = STRICT

    blocks: Count
    tokens: Count


class Litdata(Format):
    """The format."""

    Record: ClassVar[type[FileRecord]] = LitdataRecord
    reads: ClassVar[tuple[str, ...]] = ("input_ids",)

    def __init__(self, spec: LitdataSpec) -> None:
        self._spec = spec

    def place(self, split: Split, column: str) -> bool:
        return column == "input_ids"

    def check(self, split: Split) -> None:
        super().check(split)
        block = self._spec.block or split.length
        if split.length % block:
            raise SpecError(
                f"split '{split.name}': blocks of {block} tokens do not divide sequences of {split.length}: the reader"
                " would drop the end of every file",
                f"Build with packing.length {block}.",
                ("block",),
            )
        if self._spec.dtype == "uint16" and split.ids != np.uint16:
            raise SpecError(f"the token ids are {split.ids} and do not fit uint16", "Choose dtype int32.", ("dtype",))

    def write(self, part: Part, rows: Rows, files: Files) -> None:
        (shard,) = part.shards
        block = self._spec.block or part.split.length
        for number, ids in enumerate(self._filled(part.split, rows.of(shard))):
            blocks = ids.size // block
            size = block * ids.itemsize
            offsets = 4 + 4 * (blocks + 1) + size * np.arange(blocks + 1)
            with files.create(f"{part.split.name}/chunk-{part.number}-{number}.bin") as file:
                file.write(little(np.array([blocks]), "u4"))
                file.write(little(offsets, "u4", "offset in a litdata file"))
                file.write(little(ids))
                file.facts = {"blocks": blocks, "tokens": ids.size}

    def _filled(self, split: Split, batches: Iterator[Any]) -> Iterator[NDArray[Any]]:
        """The token ids (S, L) of each file in turn."""
        size = split.length * np.dtype(self._spec.dtype).itemsize
        offsets = 4 * (split.length // (self._spec.block or split.length))
        most = max(1, min(self._spec.bytes // size, (MOST - 8) // (size + offsets)))
        held: list[NDArray[Any]] = []
        for columns in batches:
            ids = narrowed(columns["input_ids"], self._spec.dtype, "token id")
            while len(ids):
                room = most - sum(map(len, held))
                held.append(ids[:room])
                ids = ids[room:]
                if sum(map(len, held)) == most:
                    yield np.concatenate(held)
                    held = []
        if held:
            yield np.concatenate(held)

    def index(self, written: Mapping[str, Sequence[Written]]) -> dict[str, str]:
        return {f"{split}/index.json": self._index(files) for split, files in written.items()}

    def _index(self, files: Sequence[Written]) -> str:
        chunks = [
            {
                "chunk_bytes": file["bytes"],
                "chunk_size": file["blocks"],
                "dim": file["tokens"],
                "filename": file["file"].rpartition("/")[2],
            }
            for file in files
        ]
        config = {
            "chunk_bytes": self._spec.bytes,
            "chunk_size": None,
            "compression": None,
            "data_format": [HEADERS[self._spec.dtype]],
            "data_spec": None,
            "encryption": None,
            "item_loader": "TokensLoader",
        }
        # The reader's cache recognises a changed folder by this. litdata writes the time; we hash the content.
        state = blake3("".join(file["file_hash"] for file in files).encode()).hexdigest()[:16]
        tree = {"chunks": chunks, "config": config, "updated_at": state}
        return json.dumps(tree, sort_keys=True) + "\n"


KIND = FormatKind(LitdataSpec, Litdata, "sequences: token ids, for litgpt and litdata's TokensLoader")
