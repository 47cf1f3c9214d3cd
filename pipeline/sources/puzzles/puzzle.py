"""The base class of puzzles: instances of symbols, in a frame of tag, BOS and end token, with marked answers.

    drawn    .  .   17 3 4  9 <ans> 5 .            numbers of symbols, free places (.) for the frame
    ids      tag bos 17 3 4  9 <ans> 5 eos
    roles    tag |prompt────────| answer

Letters: d documents, T tokens in all of them, a answers.
"""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key_

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I32, I64, U64
from pipeline.core.files import Files
from pipeline.core.key import Key
from pipeline.core.spec import Name, Size
from pipeline.sources.lengths import sample_mean
from pipeline.sources.source import Context, Source, mask_of, number_of
from pipeline.sources.spec import DocumentsSpec, Mark, MarkSpec
from pipeline.text.symbols import Alphabet
from pipeline.text.tokenizer import Tokenizer

CHUNK = 256  # documents that are drawn at once
ENDLESS = 2**39  # instances, if the recipe does not state how many
SAMPLED = 10_000  # instances from which the mean length is estimated; many, as their sizes vary


class SymbolsSpec(DocumentsSpec):
    """The keys of every source of symbols."""

    instances: Size | None = Key_(None, description="How many there are. Default: without end.")
    alphabet: Name | None = Key_(None, description="Sources with one alphabet share its ids. Default: the kind.")
    bos: Mark | Literal[False] = Key_(MarkSpec.of("<bos>"), description="What each document begins with, after a tag.")
    eos: bool = Key_(False, description="Close each document with the end token.")

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        return (*super().marks, *((self.bos,) if self.bos else ()))

    @property
    def count(self) -> int:
        """The number of instances."""
        return self.instances or ENDLESS

    @property
    def ended(self) -> bool:
        return self.eos

    @property
    def symbols(self) -> Alphabet:
        return self.alphabet or self.kind, self.names()

    def materialise(self, files: Files) -> Self:
        """With its alphabet, by which readers of a manifest know that its tokens are symbols."""
        return self.model_copy(update={"alphabet": self.alphabet or self.kind})

    def names(self) -> tuple[str, ...]:
        """The names of its symbols; kernels return indices into this tuple."""
        raise NotImplementedError


class Drawn(NamedTuple):
    """Documents as numbers of symbols, with free places for the frame.

    values int32 (T,), offsets int64 (d + 1,): document i is values[offsets[i] : offsets[i + 1]]. answers int32 (a, 2):
    the start (in its document) and the length of each. first_answer int64 (d + 1,): document i has the answers
    answers[first_answer[i] : first_answer[i + 1]]. size int64 (d,): of each instance, such as its number of nodes.
    """

    values: I32
    offsets: I64
    answers: I32
    first_answer: I64
    size: I64


class Frame:
    """The tokens that a recipe requests around each document: a tag and BOS before it, the end token after it."""

    def __init__(self, spec: SymbolsSpec, tokenizer: Tokenizer) -> None:
        self.tag = _ids(tokenizer, spec.tag) if spec.tag else np.empty(0, tokenizer.dtype)
        bos = _ids(tokenizer, spec.bos) if spec.bos else self.tag[:0]
        self._before = np.concatenate([self.tag, bos])
        self._after = np.array([tokenizer.eos] * spec.eos, tokenizer.dtype)

    @property
    def lead(self) -> int:
        """The number of tokens before an instance."""
        return len(self._before)

    @property
    def trail(self) -> int:
        """The number of tokens after an instance."""
        return len(self._after)

    def token_ids(self, inside: NDArray[Any]) -> I64:
        """The ids of its own tokens and of those `inside`: int64 (n,), ascending."""
        return np.unique(np.concatenate([self._before, inside, self._after])).astype(np.int64)

    def around(self, tokens: NDArray[Any], offsets: I64) -> Ragged:
        """The documents with these tokens (T,) and offsets (d + 1,); fills their free places, in place."""
        for i, token in enumerate(self._before.tolist()):
            tokens[offsets[:-1] + i] = token
        for i, token in enumerate(self._after.tolist()):
            tokens[offsets[1:] - self.trail + i] = token
        return Ragged(tokens, offsets)

    def parts(self, lengths: I64, answers: I32, first: I64) -> Ragged:
        """The parts of d documents, rows (start, length, role): a tag, answers, and as a prompt all before an answer.

        lengths: tokens of each document. answers, first: `answers` and `first_answer` of `Drawn`.
        """
        d, tags, counts = len(lengths), min(len(self.tag), 1), np.diff(first)
        offsets = offsets_of(2 * counts + tags)
        rows = np.empty((offsets[-1], 3), np.int32)
        if tags:
            rows[offsets[:-1]] = 0, len(self.tag), number_of("tag")
        document = np.repeat(np.arange(d), counts)
        at = offsets[document] + tags + 2 * (np.arange(len(answers)) - first[document])
        begins = np.concatenate([[0], answers[:-1].sum(axis=1)]) if len(answers) else np.empty(0, np.int64)
        begins[first[:-1][counts > 0]] = len(self.tag)
        rows[at, 0], rows[at, 1], rows[at, 2] = begins, answers[:, 0] - begins, number_of("prompt")
        rows[at + 1, :2], rows[at + 1, 2] = answers, number_of("answer")
        return Ragged(rows, offsets)


def _ids(tokenizer: Tokenizer, mark: MarkSpec) -> NDArray[Any]:
    return tokenizer.encode([f" {mark.text}"])[0] if mark.token is None else tokenizer.ids_of([mark.token])


class Puzzle(Source):
    """A source of instances with answers; a kind of puzzle implements `_draw`."""

    streams: tuple[str, ...] = ("instance", "telling")
    """Streams of randomness: one for what an item is, one for what its exposures may change."""

    _spec: SymbolsSpec

    def __init__(self, spec: SymbolsSpec, context: Context) -> None:
        self._spec = spec
        self.exposures = spec.instances and 1
        self._frame = Frame(spec, context.tokenizer)
        self._ids = context.tokenizer.ids_of(context.symbols.tokens(spec.symbols[0]))
        self._keys = keys_of(context.key, self.streams)
        self.roles = (*(("tag",) if spec.tag else ()), "prompt", "answer")
        self.mask = mask_of(spec, self.roles)
        around = self._frame.lead + self._frame.trail
        self.longest: int | None = self._most() + around
        mean = self._mean()
        self.mean_tokens = sample_mean(self, SAMPLED) if mean is None else mean + around

    def __len__(self) -> int:
        return self._spec.count

    def token_ids(self) -> I64:
        return self._frame.token_ids(self._ids)

    def topics(self, item: I64) -> list[str]:
        """The size of each instance."""
        return [f"{size}" for size in self._draw(item, np.zeros_like(item)).size.tolist()]

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The instances `item` (d,), each rendered anew at each exposure (d,). There are no spans."""
        chunks = [slice(first, first + CHUNK) for first in range(0, max(item.size, 1), CHUNK)]
        return Documents.concat([self._documents(item[chunk], exposure[chunk], spans, parts) for chunk in chunks])

    def _documents(self, item: I64, exposure: I64, spans: bool, parts: bool) -> Documents:
        drawn = self._draw(item, exposure)
        tokens = self._frame.around(self._ids.take(drawn.values), drawn.offsets)
        roles = self._frame.parts(tokens.lengths, drawn.answers, drawn.first_answer) if parts else None
        none = Ragged(np.empty((0, 3), np.int32), np.zeros(item.size + 1, np.int64))
        return Documents(tokens, none if spans else None, roles)

    def _room(self, d: int, answers: int) -> Drawn:
        """Arrays with room for d documents of the longest length, with `answers` answers each."""
        return Drawn(
            np.zeros(d * (self._most() + self._frame.lead + self._frame.trail), np.int32),
            np.zeros(d + 1, np.int64),
            np.empty((d * answers, 2), np.int32),
            np.zeros(d + 1, np.int64),
            np.empty(d, np.int64),
        )

    @abstractmethod
    def _most(self) -> int:
        """The most tokens of an instance, without its frame."""

    def _mean(self) -> Fraction | None:
        """Expected tokens of an instance, without its frame; None if they cannot be computed."""
        return None

    @abstractmethod
    def _draw(self, item: I64, exposure: I64) -> Drawn:
        """The instances `item` (d,), rendered at `exposure` (d,), with free places for the frame."""


def keys_of(key: Key, streams: tuple[str, ...]) -> U64:
    """The keys of these streams below `key`, as kernels take them: uint64 (streams, 2)."""
    return np.array([(child.high, child.low) for child in map(key.child, streams)], np.uint64)


def drawn(kernel: Any, room: Drawn, item: I64, exposure: I64, *parameters: NDArray[Any]) -> Drawn:
    """Calls kernel(*parameters, item, exposure, *room), which fills `room`; returns the part of it that was filled."""
    kernel(*parameters, np.ascontiguousarray(item, np.int64), np.ascontiguousarray(exposure, np.int64), *room)
    tokens, answers = room.offsets[-1], room.first_answer[-1]
    return room._replace(values=room.values[:tokens], answers=room.answers[:answers])
