"""Texts and symbols of a user's functions as documents: token ids, with the exact places of parts and labels.

The text of a document is encoded whole, and its parts are found by the places of characters, so tokens are those that
the text has anywhere else. A token that crosses the bar between two parts belongs to the later one (text/offsets.py).

Letters: d documents, m parts of them in all, T tokens of these parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I32, I64
from pipeline.core.narrow_integers import narrowed
from pipeline.sources.own.returned import Made
from pipeline.sources.source import number_of
from pipeline.sources.spec import MarkSpec
from pipeline.text.encoding.engines import flat
from pipeline.text.encoding.fast_encoder import FastEncoder
from pipeline.text.offsets import tokens_of_each
from pipeline.text.tokenizer import Tokenizer

_BLANK = (" ", "\t", "\n")


@dataclass(frozen=True)
class Encoder:
    """Makes documents. ids: of the alphabet's symbols; None for texts. lead, trail: the tokens around each document.

    words: a tag that is text, "" without one. tagged: tokens of `lead` that are the tag.
    """

    tokenizer: Tokenizer
    ids: NDArray[Any] | None
    lead: NDArray[Any]
    trail: NDArray[Any]
    words: str

    @classmethod
    def of(cls, tokenizer: Tokenizer, ids: NDArray[Any] | None, tag: MarkSpec | None, eos: bool) -> Encoder:
        """The encoder of a source with this tag. SpecError for a tag of text where the tokenizer has none."""
        words = f" {tag.text}" if tag and tag.token is None else ""
        lead = tokenizer.ids_of([tag.token] if tag and tag.token is not None else [])
        if words and ids is not None:
            lead, words = tokenizer.encode([words])[0], ""
        return cls(tokenizer, ids, lead, np.array([tokenizer.eos] * eos, tokenizer.dtype), words)

    def token_ids(self) -> I64 | None:
        """The ids that documents can have, int64 (n,), ascending; None for texts."""
        if self.ids is None:
            return None
        return np.unique(np.concatenate([self.lead, self.ids, self.trail])).astype(np.int64)

    def documents(self, made: Made, *, spans: bool, parts: bool) -> Documents:
        """The documents. SpecError or TokenizerError for a text that cannot be encoded.

        spans: rows (start, length, label), a label being an index into `made.names`. parts: rows (start, length, role).
        """
        if made.texts is None:
            assert self.ids is not None, "symbols have ids"
            ids = Ragged(self.ids.take(made.values), offsets_of(_summed(made.lengths, made.counts)))
            tokens = ids.surrounded(self.lead, self.trail)
            in_parts = made.lengths if spans or parts else None
            marked = self._rows(made.labels, made, made.lengths) if spans else None
            return Documents(tokens, marked, self._parts(made, in_parts, len(tokens)) if parts else None)
        if self.words:
            made = _tagged(made, self.words)
        assert made.texts is not None
        texts = ["".join(made.texts[a:b]) for a, b in pairwise(offsets_of(made.counts).tolist())]
        if not spans and not parts:
            return Documents(self._fast.ids(texts).surrounded(self.lead, self.trail))
        encodings = self.tokenizer.plain(texts) if texts else []
        ids = flat(encodings, self.tokenizer.dtype)
        tokens = ids.surrounded(self.lead, self.trail)
        places = _Places.of(texts, encodings, ids.lengths)
        in_parts = places.of_parts(made) if parts else None
        marked = self._spans(made, places) if spans else None
        return Documents(tokens, marked, self._parts(made, in_parts, len(tokens)) if parts else None)

    @cached_property
    def _fast(self) -> FastEncoder:
        """What encodes texts where nobody asks for the places of characters."""
        return FastEncoder.of(self.tokenizer)

    def _parts(self, made: Made, in_parts: I64 | None, d: int) -> Ragged:
        """The parts with roles, and the tag."""
        assert in_parts is not None, "they are asked for"
        rows = self._rows(made.roles, made, in_parts)
        if not len(self.lead):
            return rows
        tags = np.tile(np.array([[0, len(self.lead), number_of("tag")]], np.int32), (d, 1))
        document = np.concatenate([np.arange(d), np.repeat(np.arange(d), rows.lengths)])
        order = np.argsort(document, kind="stable")
        return Ragged(np.concatenate([tags, rows.values])[order], offsets_of(rows.lengths + 1))

    def _rows(self, numbers: NDArray[Any], made: Made, in_parts: I64) -> Ragged:
        """Rows (start, length, number) of the parts with a number and with tokens. in_parts (m,): tokens of each."""
        document = np.repeat(np.arange(len(made.counts)), made.counts)
        begin = offsets_of(in_parts)[:-1]
        first = offsets_of(_summed(in_parts, made.counts))[:-1]
        start = begin - first[document] + len(self.lead)
        return _marked(start, in_parts, numbers, document, len(made.counts))

    def _spans(self, made: Made, places: _Places) -> Ragged:
        """Rows (start, length, label): all tokens that show a character of a part with a label, blanks not counted."""
        assert made.texts is not None
        which = np.flatnonzero(made.labels)
        ends = np.cumsum([len(text) for text in made.texts], dtype=np.int64)
        shown = [made.texts[i] for i in which.tolist()]
        lengths = np.array([len(text) for text in shown], np.int64)
        begin = ends[which] - np.array([len(text.lstrip()) for text in shown], np.int64)
        end = ends[which] - lengths + np.array([len(text.rstrip()) for text in shown], np.int64)
        first = np.searchsorted(np.maximum.accumulate(places.ends), begin, side="right")
        last = np.searchsorted(np.maximum.accumulate(places.begins), end, side="left")
        document = np.repeat(np.arange(len(made.counts)), made.counts)[which]
        start = first - places.firsts[document] + len(self.lead)
        return _marked(start, np.where(end > begin, last - first, 0), made.labels[which], document, len(made.counts))


@dataclass(frozen=True)
class _Places:
    """Where tokens stand in texts that are joined. begins, ends int64 (T,); counts (d,): tokens of each text."""

    text: str
    begins: I64
    ends: I64
    counts: I64

    @classmethod
    def of(cls, texts: list[str], encodings: list[Any], counts: I64) -> _Places:
        """The places of the tokens of these encodings."""
        flat = chain.from_iterable(chain.from_iterable(one.offsets for one in encodings))
        pairs = np.fromiter(flat, np.int64, 2 * int(counts.sum())).reshape(-1, 2)
        before = offsets_of(np.array([len(text) for text in texts], np.int64))[:-1]
        shift = np.repeat(before, counts)
        return cls("".join(texts), pairs[:, 0] + shift, pairs[:, 1] + shift, counts)

    @property
    def firsts(self) -> I64:
        """The number of the first token of each text."""
        return offsets_of(self.counts)[:-1]

    def of_parts(self, made: Made) -> I64:
        """The number of tokens of each part, int64 (m,)."""
        assert made.texts is not None
        stretches = np.cumsum([len(text) for text in made.texts], dtype=np.int64)
        last = np.repeat(np.cumsum(made.counts) - 1, self.counts)
        return tokens_of_each(self.begins, self.ends, self.text, stretches, last)


def _marked(start: I64, length: I64, numbers: NDArray[Any], document: I64, d: int) -> Ragged:
    """Rows (start, length, number), those without a number or tokens left out."""
    kept = (numbers > 0) & (length > 0)
    rows = np.column_stack([start, length, numbers])[kept]
    return Ragged(_narrow(rows), offsets_of(np.bincount(document[kept], minlength=d)))


def _narrow(rows: NDArray[Any]) -> I32:
    return narrowed(rows, np.int32, "place in a document")


def _summed(of_parts: I64, counts: I64) -> I64:
    """Sums over the parts of each document: (m,), (d,) → int64 (d,)."""
    return np.diff(offsets_of(of_parts)[offsets_of(counts)])


def _tagged(made: Made, words: str) -> Made:
    """The same documents, each behind a tag of text; a blank is put between where there is none."""
    assert made.texts is not None
    texts = list[str]()
    for a, b in pairwise(offsets_of(made.counts).tolist()):
        own = made.texts[a:b]
        head = "".join(own)[:1]
        texts += [words, *([own[0] if head in _BLANK or not head else f" {own[0]}"] if own else []), *own[1:]]
    at = offsets_of(made.counts)[:-1]
    roles = np.insert(made.roles, at, number_of("tag")).astype(np.uint8)
    return made._replace(counts=made.counts + 1, roles=roles, labels=np.insert(made.labels, at, 0), texts=texts)
