"""llm.c, build-nanogpt, modded-nanogpt: `train_000000.bin`, the end token before each document.

    int32[256]   20240520, 1, tokens, 0, …    then uint16 ids: GPT-2's form
                 20240801, 7, tokens, 0, …    then uint32 ids: Llama 3's form, for bigger vocabularies

The end token marks the beginning of a document, so every file starts with it, and none ends with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field as Key_

from pipeline.core.documents import Ragged
from pipeline.core.errors import SpecError
from pipeline.core.spec import Size
from pipeline.core.token_files import LLMC_FORMS, LLMC_HEADER
from pipeline.formats import unpacking
from pipeline.formats.format import Files, FormatKind, Part, Rows, little
from pipeline.formats.token_stream import TokenStream, TokenStreamSpec

SMALL, LARGE = LLMC_FORMS  # their magic numbers
MOST = 2**31 - 1  # tokens that a header can count


class LlmcSpec(TokenStreamSpec):
    """The options."""

    kind: Literal["llmc"] = "llmc"
    tokens: Size | None = Key_(
        100_000_000, description="About how many tokens a file has, in whole shards; null: all, in one file."
    )


class Llmc(TokenStream):
    """The format."""

    def write(self, part: Part, rows: Rows, files: Files) -> None:
        tokens = self._count(part, rows)
        if tokens > MOST:
            raise SpecError(
                f"split '{part.split.name}': {tokens:,} tokens in one file, and its header counts to {MOST:,}",
                "Choose fewer tokens a file; where one shard has more, fewer shard_tokens in the recipe.",
                ("tokens",),
            )
        small = part.split.ids == np.uint16
        magic = SMALL if small else LARGE
        header = np.zeros(LLMC_HEADER, np.int32)
        header[:3] = magic, LLMC_FORMS[magic][0], tokens
        with files.create(f"{part.split.name}_{part.number:06d}.bin") as file:
            file.write(little(header))
            count = 0
            for documents in self.documents(part, rows):
                file.write(little(documents.values, "u2" if small else "u4", "token id"))
                count += len(documents)
            file.facts = {"documents": count, "tokens": tokens}

    def documents(self, part: Part, rows: Rows) -> Iterator[Ragged]:
        """The documents of a part in order, some at a time, the end token before each."""
        for documents in unpacking.documents_of(part, rows, leftovers=False):
            yield unpacking.end_first(documents, part.split.end)

    def _count(self, part: Part, rows: Rows) -> int:
        """Tokens of the file, for its header.

        Where not all documents end with the end token, end tokens are added. Then the documents are read an extra time,
        to count.
        """
        if part.split.closed and not part.split.pure:
            return part.tokens
        return sum(len(documents.values) for documents in self.documents(part, rows))


KIND = FormatKind(LlmcSpec, Llmc, "documents: token ids behind a header, for llm.c, build-nanogpt, modded-nanogpt")
