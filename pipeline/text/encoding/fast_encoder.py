"""Texts to ids, many at once, by the fastest engine that is proved; what comes out depends on no engine.

    encoder = FastEncoder.of(tokenizer, about=[...], sample=batches)      when a plan is made
    encoder.ids(texts, rows)                                              in any process: Ragged ids

Where gigatoken encodes, documents with characters that Unicode has not assigned yet are left to `tokenizers`, and one
document in a thousand is encoded by `tokenizers` too. At the first difference gigatoken is left for good, the documents
of that call are encoded anew, and whoever notes what the work relies on (core/system/reliance.py) knows what it made
before. What `Tokenizer` refuses is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Ragged
from pipeline.core.draws import I64, bits
from pipeline.core.key import Key
from pipeline.core.notices import Notice, quoted
from pipeline.core.system.reliance import disprove, rely_on
from pipeline.core.system.work_warnings import warn
from pipeline.text.encoding.engines import Engine, Exact, Fast, Texts, by_parts, listed
from pipeline.text.encoding.proof import Verdict, first_difference, proved, refute
from pipeline.text.encoding.unassigned import with_unassigned
from pipeline.text.tokenizer import Tokenizer, TokenizerFault

COMPARED = 1000  # one document in so many is encoded by both engines
_CHOICE = Key.root(0).child("documents that both engines encode")


class FastEncoder:
    """Encodes batches of texts; pickles without its engine.

    plain: as `Tokenizer.plain`, where the text of a special token is ordinary text, or else as `Tokenizer.encodings`.
    """

    def __init__(self, tokenizer: Tokenizer, verdict: Verdict, *, plain: bool = True) -> None:
        self._tokenizer, self.verdict, self._plain = tokenizer, verdict, plain
        whole = tokenizer.in_use.whole if tokenizer.in_use else None
        self._whole = FastEncoder.of(whole, plain=plain) if isinstance(whole, Tokenizer) else None

    @classmethod
    def of(
        cls,
        tokenizer: Tokenizer,
        *,
        plain: bool = True,
        about: Iterable[str] = (),
        sample: Callable[[], Iterable[Texts]] | None = None,
    ) -> FastEncoder:
        """An encoder whose engine is proved now, unless it was before; about, sample: see `proved`."""
        return cls(tokenizer, proved(tokenizer, plain=plain, about=about, sample=sample), plain=plain)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What `plan` says about the engine."""
        return (self.verdict.notice,)

    def ids(self, texts: Texts, rows: I64 | None = None, *, parallel: bool = False) -> Ragged:
        """The ids of d texts, of the tokenizer's dtype, without any token around them.

        texts: a list of str, or a `pyarrow.LargeStringArray` without nulls. rows (d,): the number of each, which
        decides whether both engines encode it, and names it in a warning; its place here by default. parallel: whether
        all cores may take part, as in planning; a worker has one.
        SpecError or TokenizerError for a text that `Tokenizer` refuses.
        """
        tokenizer = self._tokenizer
        if not tokenizer.texts or tokenizer.alphabet.needs_texts:
            return self._by_tokenizer(texts)
        rows = np.arange(len(texts)) if rows is None else rows
        try:
            ids = self._compared(texts, rows, parallel) if self._fast else self._exact.ids(texts)
        except TokenizerFault:  # `tokenizers` itself: it says which text
            return self._by_tokenizer(texts)
        return self._by_tokenizer(texts) if self._may_be_refused(texts, ids) else ids

    def _compared(self, texts: Texts, rows: I64, parallel: bool) -> Ragged:
        """The ids by gigatoken, or by `tokenizers` where the two differ at one of the documents that both encode."""
        assert self._fast is not None
        try:
            ids = self._fast.ids(texts, parallel=parallel)
        except TokenizerFault as fault:
            return self._left(texts, f"gigatoken fails: {fault}")
        doubtful = with_unassigned(texts)
        if doubtful.size:
            ids = _replaced(ids, doubtful, self._exact.ids(_taken(texts, doubtful)))
        both = np.flatnonzero(bits(_CHOICE, rows) % np.uint64(COMPARED) == 0)
        chosen = _taken(texts, both)
        different = first_difference(ids.take(both), self._exact.ids(chosen)) if both.size else None
        if different is not None:
            row, text = rows[both[different]], listed(chosen)[different]
            return self._left(texts, f"gigatoken encodes document {row} otherwise than tokenizers: {quoted(text)}")
        rely_on(self.verdict.proof)
        return ids

    def _left(self, texts: Texts, reason: str) -> Ragged:
        """The ids by `tokenizers`, as from now on. TokenizerFault, and no change, where it fails at the texts too."""
        ids = self._exact.ids(texts)
        self._fast = None
        refute(self.verdict.proof, reason)
        disprove(self.verdict.proof, reason)
        warn(f"{reason}. tokenizers goes on; what gigatoken made before may be wrong")
        return ids

    def _may_be_refused(self, texts: Texts, ids: Ragged) -> bool:
        """Whether `Tokenizer` may refuse one of the texts, or its tokens."""
        kept = self._tokenizer.alphabet.bytes
        if kept is not None and not kept[_bytes_of(texts)].all():
            return True
        if self._plain and any((ids.values == number).any() for number in self._tokenizer.reserved):
            return True
        in_use = self._tokenizer.in_use
        if in_use is None:
            return False
        if self._whole is None or in_use.ids is None:
            return bool(ids.values.size) and int(ids.values.max()) >= in_use.count
        by_whole = self._whole.ids(texts)
        return first_difference(Ragged(self._renumbered[by_whole.values], by_whole.offsets), ids) is not None

    def _by_tokenizer(self, texts: Texts) -> Ragged:
        """The ids by the tokenizer itself, which examines every text by itself."""
        encode = self._tokenizer.plain if self._plain else self._tokenizer.encodings
        return by_parts(texts, encode, self._tokenizer.dtype)

    @cached_property
    def _exact(self) -> Engine:
        return Exact(self._tokenizer, plain=self._plain)

    @cached_property
    def _fast(self) -> Engine | None:
        """gigatoken, where it may encode."""
        return Fast(self._tokenizer, plain=self._plain) if self.verdict.stands else None

    @cached_property
    def _renumbered(self) -> NDArray[np.int64]:
        """The id of each token of the whole tokenizer in the reduced one; -1 where it is not in use."""
        in_use = self._tokenizer.in_use
        assert in_use is not None
        assert in_use.ids is not None
        assert self._whole is not None
        table = np.full(self._whole._tokenizer.vocabulary, -1, np.int64)
        table[np.fromiter(in_use.ids.keys(), np.int64)] = np.fromiter(in_use.ids.values(), np.int64)
        return table

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in ("_tokenizer", "verdict", "_plain", "_whole")}


def _replaced(ids: Ragged, places: I64, by: Ragged) -> Ragged:
    """The documents with those at some places (r,) replaced by other ones (r,)."""
    source = np.arange(len(ids))
    source[places] = len(ids) + np.arange(len(places))
    return Ragged.concat([ids, by]).take(source)


def _taken(texts: Texts, places: I64) -> Texts:
    """The texts at these places."""
    return [texts[place] for place in places.tolist()] if isinstance(texts, list) else texts.take(places)


def _bytes_of(texts: Texts) -> NDArray[np.uint8]:
    """All bytes of the texts, in UTF-8, uint8 (n,)."""
    if isinstance(texts, list):
        return np.frombuffer("".join(texts).encode(), np.uint8)
    _, places, data = texts.buffers()
    first, last = np.frombuffer(places, np.int64)[[texts.offset, texts.offset + len(texts)]]
    return np.frombuffer(data, np.uint8)[first:last] if data else np.empty(0, np.uint8)
