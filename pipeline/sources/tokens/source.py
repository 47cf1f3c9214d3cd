"""Documents that are tokenized already: datasets of ours, and the files of other trainers.

Each document is copied out of a file that is mapped into memory, with our end token at its end and, where the recipe
says so, a tag before it. All lengths are known, so shares and amounts of tokens are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import ROLES, Documents, Ragged, offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.core.notices import Notice, information
from pipeline.core.permutation import Permutation
from pipeline.sources.files.file import File
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import Context, Source, mask_of, number_of
from pipeline.sources.tokens.checking import MOST_TOKENS, SAMPLED, check_added, check_sample, checked_tokenizer
from pipeline.sources.tokens.cutting import Reading
from pipeline.sources.tokens.layouts import TokenFile
from pipeline.sources.tokens.opening import files_of, reading_of
from pipeline.sources.tokens.spec import TokensSpec
from pipeline.text.tokenizer import Tokenizer

SEARCHED = 4096  # documents that are searched together for an id


class Tokens(Source):
    """Item i is document i, the same at every exposure."""

    from_files = True

    def __init__(self, spec: TokensSpec, context: Context) -> None:
        assert spec.content is not None, "the spec is materialised"
        in_use = context.tokenizer.in_use
        own = in_use.whole if in_use and isinstance(in_use.whole, Tokenizer) else context.tokenizer
        self._dtype, self._eos = context.tokenizer.dtype, context.tokenizer.eos
        at = "tokenizer_file" if spec.tokenizer_file else "files"
        theirs = checked_tokenizer(own, spec._tokenizer, at) if spec._tokenizer else None
        reading = reading_of(spec, own, theirs)
        self._files = files_of(spec, reading)
        counts = [len(file) for file in self._files]
        self._firsts = offsets_of(np.array(counts))
        self._left_out = -1 if spec._described or reading.end == own.eos else reading.end
        if theirs:
            check_added(own, theirs, self._seen(), at)
        self._check_ids(own, reading)
        if not theirs:
            check_sample(own, *self._sample(context.key))
        self._new_ids = _new_ids(own, context.tokenizer) if own is not context.tokenizer else None
        self._tag = _tag(spec, own)
        self._describe(spec)

    def _describe(self, spec: TokensSpec) -> None:
        """Set what every source says about itself."""
        known, marks = spec._described, self._files[0].found.arrays
        self.labels = known.attributes if known and "spans" in marks else ("",)
        of_files = {ROLES[number] for file in self._files for number in file.found.facts.get("parts", ())}
        self.roles = tuple(role for role in ROLES[1:] if role in of_files or (role == "tag" and spec.tag))
        self.mask = mask_of(spec, self.roles)
        extra = self._tag.size + 1
        facts = [file.found.facts for file in self._files]
        self.mean_tokens = Fraction(sum(fact["tokens"] for fact in facts), len(self)) + extra
        self.longest = max(fact["longest"] for fact in facts) + extra
        self.notices = tuple(_notices(spec, packed=any(fact.get("packed") for fact in facts)))

    def __len__(self) -> int:
        return int(self._firsts[-1])

    @property
    def files(self) -> tuple[File, ...]:
        """The files of ids, and those beside them that say where documents are."""
        return tuple(one for file in self._files for one in file.files)

    def lengths(self, item: I64, exposure: I64) -> I64:
        """The number of tokens of each document, int64 (d,)."""
        lengths = np.empty(item.size, np.int64)
        for file, documents, rows in self._by_file(item):
            lengths[documents] = file.lengths(rows)
        return lengths + (self._tag.size + 1)

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The documents `item` (d,), as they are; the exposure is ignored. Spans and parts are those of the files."""
        offsets = offsets_of(self.lengths(item, exposure))
        ids = np.empty(int(offsets[-1]), self._dtype if self._new_ids is None else np.int32)
        for file, documents, rows in self._by_file(item):
            file.copy(rows, offsets[:-1][documents] + self._tag.size, ids)
        if self._tag.size:
            ids[offsets[:-1, None] + np.arange(self._tag.size)] = self._tag
        if self._new_ids is not None:
            ids[offsets[1:] - 1] = 0
            ids = self._new_ids[ids]
        ids[offsets[1:] - 1] = self._eos
        return Documents(
            Ragged(ids, offsets),
            self._marked("spans", item) if spans else None,
            self._marked("parts", item) if parts else None,
        )

    def token_ids(self) -> I64:
        """The ids of the files, of the tag, and the end token."""
        ids = np.union1d(self._seen(), self._tag)
        return np.union1d(ids if self._new_ids is None else self._new_ids[ids], [self._eos])

    def _seen(self) -> I64:
        """The ids in the files, ascending, without an end token that is not ours."""
        seen = reduce(np.union1d, [file.found.arrays["seen"] for file in self._files])
        return np.asarray(seen[seen != self._left_out])

    def _by_file(self, item: I64) -> Iterator[tuple[TokenFile, Any, I64]]:
        """The files that hold documents `item` (d,): which of the d, and their numbers in the file."""
        if len(self._files) == 1:
            yield self._files[0], slice(None), item
            return
        number = np.searchsorted(self._firsts, item, "right") - 1
        order = np.argsort(number, kind="stable")
        bounds = np.searchsorted(number[order], np.arange(len(self._files) + 1))
        for i in np.flatnonzero(np.diff(bounds)).tolist():
            documents = order[bounds[i] : bounds[i + 1]]
            yield self._files[i], documents, item[documents] - self._firsts[i]

    def _marked(self, column: str, item: I64) -> Ragged:
        """The spans or parts of documents; the tag is the first part."""
        tag = bool(self._tag.size) and column == "parts"
        held = [(file, *rest) for file, *rest in self._by_file(item) if column in file.found.arrays]
        counts = np.zeros(item.size, np.int64)
        found = []
        for file, documents, rows in held:
            counts[documents], places = file.marks(column, rows)
            found.append(file.found.arrays[column][places] + np.array([self._tag.size, 0, 0], np.int32))
        offsets = offsets_of(counts + tag)
        values = np.empty((int(offsets[-1]), 3), np.int32)
        if tag:
            values[offsets[:-1]] = 0, self._tag.size, number_of("tag")
        for (_, documents, _), rows in zip(held, found, strict=True):
            begins, of = offsets[:-1][documents] + tag, counts[documents]
            values[np.repeat(begins - offsets_of(of)[:-1], of) + np.arange(len(rows))] = rows
        return Ragged(values, offsets)

    def _check_ids(self, own: Tokenizer, reading: Reading) -> None:
        """SpecError, with the place, for an id that the tokenizer has not, and for one that no document may hold."""
        pad = own.backend.token_to_id(own.pad_token) if own.pad_token else None
        for number in self._seen().tolist():
            if number >= own.vocabulary:
                problem = f"and the tokenizer has {own.vocabulary:,} ids"
                raise self._refused(number, problem, "Name the tokenizer that made the ids.")
            if number == pad:
                problem = f"the tokenizer's padding {own.pad_token!r}, which no document holds"
                raise self._refused(number, problem, "Write the files without padding.")
            if number == own.eos != reading.end:
                problem = f"the tokenizer's end token {own.eos_token!r}, which `end` says it is not"
                raise self._refused(number, problem, "Leave `end` out; `begin` names a token before documents.")

    def _refused(self, number: int, problem: str, remedy: str) -> SpecError:
        """The refusal of an id, with the first place where it is."""
        for file in self._files:
            for first in range(0, len(file), SEARCHED):
                rows = np.arange(first, min(first + SEARCHED, len(file)), dtype=np.int64)
                offsets = offsets_of(file.lengths(rows))
                ids = np.empty(int(offsets[-1]), np.int32)
                file.copy(rows, offsets[:-1], ids)
                if (places := np.flatnonzero(ids == number)).size:
                    row = int(np.searchsorted(offsets, places[0], "right")) - 1
                    place = f"token {places[0] - offsets[row]:,} of document {first + row:,}"
                    return SpecError(f"'{file.file.url}': {place} is {number}, {problem}", remedy, ("files",))
        return SpecError(f"the files hold the id {number}, {problem}", remedy, ("files",))

    def _sample(self, key: Key) -> tuple[Ragged, list[str]]:
        """Documents of a keyed sample, without end tokens, of MOST_TOKENS tokens at most, and what to call them."""
        numbers = np.arange(min(SAMPLED, len(self)), dtype=np.int64)
        item = np.sort(Permutation(len(self), key.child("sample"))(numbers))
        pieces, names = [], []
        for file, _, rows in self._by_file(item):
            lengths = file.lengths(rows)
            offsets = offsets_of(lengths)
            ids = np.empty(int(offsets[-1]), np.int32)
            file.copy(rows, offsets[:-1], ids)
            pieces.append(Ragged(ids, offsets).clipped(np.minimum(lengths, MOST_TOKENS)))
            names += [f"document {row:,} of '{file.file.url}'" for row in rows.tolist()]
        return Ragged.concat(pieces), names


def _tag(spec: TokensSpec, own: Tokenizer) -> NDArray[Any]:
    """The ids of the tag, as they stand before each document; (0,) without one."""
    if spec.tag is None:
        return np.empty(0, own.dtype)
    return own.ids_of([spec.tag.token]) if spec.tag.token is not None else own.encode([f" {spec.tag.text}"])[0]


def _new_ids(own: Tokenizer, reduced: Tokenizer) -> NDArray[Any]:
    """For each id of the whole tokenizer that of the reduced one; 0 for those that are not in use."""
    ids = reduced.in_use.ids if reduced.in_use else None
    assert ids, "it knows what it was reduced from"
    table = np.zeros(own.vocabulary, reduced.dtype)
    table[[*ids.keys()]] = [*ids.values()]
    return table


def _notices(spec: TokensSpec, *, packed: bool) -> Iterator[Notice]:
    """What a user may not expect. packed: whether rows of a column seem to be one stream."""
    if packed and spec.rows == "documents":
        seem = "all rows have as many tokens, and most do not end with the end token: they may be one stream"
        yield Notice(seem, "If they are, write `rows: stream`.", lost=False, at=("rows",))
    known = spec._described
    if known and "loss_mask" in known.columns:
        how = "name roles of its parts" if "parts" in known.columns else "build it with `parts`, and name their roles"
        yield information(f"the loss_mask of the dataset is not kept: {how} in `mask`")


register(
    SourceKind(
        "tokens",
        TokensSpec,
        Tokens,
        "what is tokenized already: datasets, Arrow or Parquet with ids, files of nanoGPT, llm.c and Megatron",
        kernels=("pipeline.sources.tokens.kernels.copying",),
        speed=150e6,
    )
)
