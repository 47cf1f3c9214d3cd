"""Ordinary text from the user's files: JSON lines, Parquet or plain text, one document a row.

Used as the control of Part 3.1, appendix G, where half of the training data is other text. rows.py reads the rows: a
corpus may be larger than memory, and workers receive only its path.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.notices import information
from pipeline.core.permutation import Permutation
from pipeline.sources.corpus.described import facts_of, notices_of
from pipeline.sources.corpus.spec import CorpusSpec
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import SAMPLE, Context, Source, mask_of, number_of
from pipeline.text.offsets import tokens_within

CHUNK = 1024  # documents that are encoded together


class Corpus(Source):
    """Item i is row i, the same at every exposure. The mean length is estimated from a keyed sample of rows."""

    def __init__(self, spec: CorpusSpec, context: Context) -> None:
        self._rows = spec.rows()
        self._tokenizer = context.tokenizer
        tag = spec.tag.piece() if spec.tag else None
        self._token = [self._tokenizer.backend.token_to_id(tag.text)] if tag and tag.special else []
        self._words = f" {tag.text}" if tag and not tag.special else ""
        self.roles = ("tag",) * (tag is not None)
        self.mask = mask_of(spec, self.roles)
        if not len(self):
            raise SpecError("the files hold no rows", "Give others.", ("files",))
        order = Permutation(len(self), context.key.child("sample"))
        sample = order(np.arange(min(SAMPLE, len(self)), dtype=np.int64))
        documents = self.documents(sample, sample, spans=False)
        self.mean_tokens = Fraction(len(documents.tokens.values), len(documents))
        near = f"its mean length is that of {SAMPLE:,} of its rows, so shares are near, not exact"
        named = 1 if isinstance(spec.files, str) else len(spec.files)
        of_sample = (information(near),) if len(self) > SAMPLE else ()
        self.notices = (*notices_of(self._rows, named), *of_sample)
        self.origin = facts_of(self._rows, spec.identity)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def blocks(self) -> I64 | None:
        """The first row of each block, then the number of rows: int64 (b + 1,), if its rows are shuffled by blocks."""
        return self._rows.blocks if self._rows.order == "blocks" else None

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The rows `item` (d,), encoded; the exposure is ignored. There are no spans; the only part is a tag."""
        firsts = range(0, max(item.size, 1), CHUNK)
        return Documents.concat([self._encoded(item[first : first + CHUNK], spans, parts) for first in firsts])

    def _encoded(self, item: I64, spans: bool, parts: bool) -> Documents:
        before = self._words and f"{self._words} "
        texts = [before + text for text in self._rows.texts(item)]
        encodings = self._tokenizer.plain(texts)
        dtype, end = self._tokenizer.dtype, [self._tokenizer.eos]
        ids = [np.array(self._token + encoding.ids + end, dtype) for encoding in encodings]
        lengths = np.array([len(document) for document in ids], np.int64)
        tokens = Ragged(np.concatenate([np.empty(0, dtype), *ids]), offsets_of(lengths))
        return Documents(
            tokens, _marked(len(ids), []) if spans else None, self._parts(encodings, texts) if parts else None
        )

    def _parts(self, encodings: list[Any], texts: list[str]) -> Ragged:
        """The tag at the beginning of every document: its special token, or the tokens of its text."""
        if not self.roles:
            return _marked(len(encodings), [])
        tokens, end = [0] * len(encodings), len(self._words)
        if end:
            begins = ([place for place in encoding.offsets if place[0] < end] for encoding in encodings)
            pairs = zip(begins, texts, strict=True)
            tokens = [int(tokens_within(offsets, text, [end, len(text)])[0]) for offsets, text in pairs]
        return _marked(len(encodings), [(0, len(self._token) + count, number_of("tag")) for count in tokens])


def _marked(documents: int, rows: list[tuple[int, int, int]]) -> Ragged:
    """The same rows (start, length, role), one or none, for each of `documents` documents."""
    per_document = np.full(documents, bool(rows), np.int64)
    return Ragged(np.array(rows, np.int32).reshape(-1, 3), offsets_of(per_document))


register(
    SourceKind(
        "corpus",
        CorpusSpec,
        Corpus,
        "text of your own: JSON lines, Parquet or plain text, a document a row",
        speed=1.1e6,
    )
)
