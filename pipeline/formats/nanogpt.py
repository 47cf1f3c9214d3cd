"""nanoGPT: `train.bin`, nothing but uint16 token ids, the end token behind each document."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from pipeline.core.errors import SpecError
from pipeline.formats import stream
from pipeline.formats.format import ExportSpec, Files, Part, Plain, Rows, Split, little


class NanogptSpec(stream.StreamSpec):
    """The options."""

    kind: Literal["nanogpt"] = "nanogpt"


class Nanogpt(Plain):
    """The sink."""

    Spec: ClassVar[type[ExportSpec]] = NanogptSpec
    reads: ClassVar[tuple[str, ...]] = stream.READS

    def __init__(self, spec: NanogptSpec) -> None:
        self._tokens = spec.tokens

    def place(self, split: Split, column: str) -> bool:
        return stream.has_place(split, column)

    def check(self, split: Split) -> None:
        super().check(split)
        stream.check(split)
        if split.ids != np.uint16:
            raise SpecError(
                f"the token ids are {split.ids} and the format only has uint16",
                "Export to llmc, megatron, mds, litdata, parquet or jsonl.",
            )

    def parts(self, split: Split) -> list[Part]:
        return stream.parts_of(split, self._tokens)

    def write(self, part: Part, rows: Rows, files: Files) -> None:
        with files.create(f"{stream.stem(part, self._tokens)}.bin") as file:
            documents = 0
            for told in stream.documents(part, rows):
                file.write(little(told.values, "u2", "token id"))
                documents += len(told)
            file.facts = {"documents": documents, "tokens": part.tokens}
