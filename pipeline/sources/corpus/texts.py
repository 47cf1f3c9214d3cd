"""The texts of a corpus as token ids: rows, with a tag of plain text before each, encoded whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Collected, Ragged
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.sources.corpus.reading.rows import Rows
from pipeline.text.encoding.fast_encoder import FastEncoder
from pipeline.text.encoding.proof import SAMPLED
from pipeline.text.tokenizer import Tokenizer

PART = 2**20  # tokens, about, that are made at once: with their texts they fit the processor's caches
FIRST = 256  # rows that are encoded before it is known how long they are
CHUNK = 1000  # rows of a batch of the proof's sample
BLOCKS = 200  # from which a sample is taken, where rows are read in blocks
BEGUN = 1000  # characters of each of these rows that are compared, or the proof would take a minute


@dataclass(frozen=True)
class RowTexts:
    """The rows and what encodes them. words: of a tag that is plain text, "" without one.

    refused: the special tokens whose texts a row may not contain.
    """

    rows: Rows
    encoder: FastEncoder
    words: str = ""
    refused: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: Rows, tokenizer: Tokenizer, words: str, key: Key, refused: tuple[str, ...]) -> RowTexts:
        """The texts of rows, by an encoder that is proved on a keyed sample of them."""

        def sample() -> Iterator[Any]:
            import pyarrow.compute as pc

            for some in _sampled(rows, key):
                yield _behind(words, pc.utf8_slice_codeunits(rows.array(some), 0, BEGUN))

        about = [rows.named, words, str(key)]
        return cls(rows, FastEncoder.of(tokenizer, about=about, sample=sample), words, refused)

    def __len__(self) -> int:
        return len(self.rows)

    def array(self, rows: I64) -> Any:
        """The texts of the rows with these numbers (d,), as a `pyarrow.LargeStringArray` (d,).

        SpecError, with the row, for one that has the text of a special token, where these are refused.
        """
        texts = self.rows.array(rows)
        self._refuse(texts, rows)
        return _behind(self.words, texts)

    def ids(self, rows: I64, *, parallel: bool = False) -> Ragged:
        """The ids of these texts, of the tokenizer's dtype. SpecError or TokenizerError as of `FastEncoder.ids`."""
        return self.encoder.ids(self.array(rows), rows, parallel=parallel)

    def surrounded(self, rows: I64, lead: NDArray[Any], trail: NDArray[Any]) -> Ragged:
        """The ids of these texts, int64 (d,), each between `lead` (a,) and `trail` (b,), of the tokenizer's dtype.

        Errors as of `ids`.
        """
        collected, first, some = Collected(len(rows), trail.dtype), 0, FIRST
        while first < len(rows):
            part = self.ids(rows[first : first + some]).surrounded(lead, trail)
            collected.add(part)
            first += len(part)
            some = 1 + PART * len(part) // max(len(part.values), 1)
        return collected.rows

    def _refuse(self, texts: Any, rows: I64) -> None:
        if not self.refused:
            return
        import pyarrow.compute as pc

        pattern = "|".join("".join(f"\\x{{{ord(letter):x}}}" for letter in token) for token in self.refused)
        found = pc.index(pc.match_substring_regex(texts, pattern), True).as_py()  # -1 where there is none
        if found >= 0:
            token = next(token for token in self.refused if token in texts[found].as_py())
            raise SpecError(
                f"the text of row {rows[found]} contains that of the special token {token!r}",
                "Take the row out, or write `specials: text`: then it is encoded as any other text.",
                ("specials",),
            )


def _sampled(rows: Rows, key: Key) -> Iterator[I64]:
    """A keyed sample of SAMPLED rows, or all, CHUNK at once.

    Where rows are read in blocks, they are as many from each of some blocks as make it that many, and each block is
    read once: reading one for every row would take minutes of a large corpus.
    """
    count = min(SAMPLED, len(rows))
    if rows.order == "global" or count == len(rows):
        drawn = Permutation(len(rows), key)(np.arange(count))
        drawn = drawn if rows.order == "global" else np.sort(drawn)
    else:
        bounds = rows.blocks
        order = Permutation(len(bounds) - 1, key.child("blocks"))(np.arange(len(bounds) - 1))
        taken = np.minimum(np.diff(bounds)[order], max(1, -(-count // BLOCKS)))
        order = order[: int(np.searchsorted(np.cumsum(taken), count)) + 1]
        parts = [_of_block(int(bounds[b]), int(bounds[b + 1]), -(-count // BLOCKS), key) for b in order.tolist()]
        drawn = np.sort(np.concatenate(parts))
    yield from (drawn[first : first + CHUNK] for first in range(0, len(drawn), CHUNK))


def _of_block(first: int, end: int, count: int, key: Key) -> I64:
    """So many keyed rows, or all, of the block of rows first … end - 1: int64 (at most count,)."""
    return first + Permutation(end - first, key.child("block", first))(np.arange(min(count, end - first)))


def _behind(words: str, texts: Any) -> Any:
    """The texts, each behind some words and a space; the texts as they are where there are no words."""
    if not words:
        return texts
    import pyarrow
    import pyarrow.compute as pc

    before, nothing = (pyarrow.scalar(text, pyarrow.large_string()) for text in (f"{words} ", ""))
    return pc.binary_join_element_wise(before, texts, nothing)
