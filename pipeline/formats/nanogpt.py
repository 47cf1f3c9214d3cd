"""nanoGPT: `train.bin`, uint16 token ids and nothing else; the end token follows each document."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pipeline.core.errors import SpecError
from pipeline.formats.format import Files, FormatKind, Part, Rows, Split, little
from pipeline.formats.token_stream import TokenStream, TokenStreamSpec


class NanogptSpec(TokenStreamSpec):
    """The options."""

    kind: Literal["nanogpt"] = "nanogpt"


class Nanogpt(TokenStream):
    """The format."""

    def check(self, split: Split) -> None:
        super().check(split)
        if split.ids != np.uint16:
            raise SpecError(
                f"the token ids are {split.ids} and the format only has uint16",
                "Export to any other format: all of them hold wider ids.",
            )

    def write(self, part: Part, rows: Rows, files: Files) -> None:
        with files.create(f"{self.stem(part)}.bin") as file:
            count = 0
            for documents in self.documents(part, rows):
                file.write(little(documents.values, "u2", "token id"))
                count += len(documents)
            file.facts = {"documents": count, "tokens": part.tokens}


KIND = FormatKind(NanogptSpec, Nanogpt, "documents: uint16 token ids and nothing else, for nanoGPT")
