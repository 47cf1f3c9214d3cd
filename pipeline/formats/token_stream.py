"""Shared by nanoGPT, llm.c and Megatron: files that are one stream of token ids, document after document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field as Key_

from pipeline.core.documents import Ragged
from pipeline.core.spec import Size
from pipeline.formats import unpacking
from pipeline.formats.format import ExportSpec, Format, Part, Rows, Shard, Split


class TokenStreamSpec(ExportSpec):
    """The options of formats whose files are streams of tokens."""

    tokens: Size | None = Key_(None, description="About how many tokens a file has, in whole shards; default: all.")


class TokenStream(Format):
    """A format whose files hold tokens alone, about `tokens` (an option) in each."""

    reads: ClassVar[tuple[str, ...]] = unpacking.READS

    def __init__(self, spec: TokenStreamSpec) -> None:
        self._tokens = spec.tokens

    def place(self, split: Split, column: str) -> bool:
        return column in ("input_ids", "length")  # `length` tells padding

    def check(self, split: Split) -> None:
        super().check(split)
        unpacking.check_ends(split)

    def parts(self, split: Split) -> list[Part]:
        """Runs of shards with about `tokens` together, at least one shard each; without `tokens`, one part with all."""
        groups: list[list[Shard]] = [[]]
        held = 0
        for shard in split.filled:
            if groups[-1] and self._tokens is not None and held + shard.tokens > self._tokens:
                groups.append([])
                held = 0
            groups[-1].append(shard)
            held += shard.tokens
        return [Part(split, i, len(groups), tuple(group)) for i, group in enumerate(groups)]

    def stem(self, part: Part) -> str:
        """The name of a part's files, without ending: `train`, or `train_000000` where there may be more parts."""
        return part.split.name if self._tokens is None else f"{part.split.name}_{part.number:06d}"

    def documents(self, part: Part, rows: Rows) -> Iterator[Ragged]:
        """The documents of a part in order, in batches, each followed by the end token."""
        return unpacking.documents_of(part, rows)
