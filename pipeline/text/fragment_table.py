"""Programs of pieces as a table of fragments: every distinct piece tokenized once, and programs as operations on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from pipeline.core.documents import offsets_of
from pipeline.core.errors import SpecError
from pipeline.core.narrow_integers import narrowed
from pipeline.text.fragments import SLACK, Fragments
from pipeline.text.pieces import Joint, Piece
from pipeline.text.seams.beginnings import Begun
from pipeline.text.tokenizer import Tokenizer

CHUNK = 8192  # texts encoded at once, at about a kilobyte for each encoding


def tokenized(
    programs: list[list[Piece]], tokenizer: Tokenizer, slots: int, prefix: Sequence[Piece], begun: Begun | None
) -> Fragments:
    """The table of all fragments, and the programs as operations on it."""
    table = _Table(tokenizer)
    bases = [table.base(piece) for program in programs for piece in program]
    ids, inside = table.encoded()
    flat = [piece for program in programs for piece in program]
    joints = list(dict.fromkeys(piece.slot for piece in flat if isinstance(piece.slot, Joint)))
    number = {joint: slots + i for i, joint in enumerate(joints)}
    return Fragments(
        tokens=np.array([token for row in ids for token in row] + SLACK, tokenizer.dtype),
        start=narrowed(offsets_of(np.array(list(map(len, ids)), np.int64)), np.int32, "token of the table"),
        lead=np.array([lead for lead, _ in inside], np.int32),
        trail=np.array([trail for _, trail in inside], np.int32),
        program_start=np.cumsum([0, *map(len, programs)], dtype=np.int32),
        base=np.array(bases + SLACK, np.int32),
        rows=np.array([len(piece.texts) for piece in flat] + SLACK, np.int32),
        slot=np.array([number[p.slot] if isinstance(p.slot, Joint) else p.slot for p in flat] + SLACK, np.int32),
        label=np.array([piece.label for piece in flat] + SLACK, np.uint8),
        eos=tokenizer.eos,
        prefix=np.array(_ids_of_prefix(prefix, tokenizer), tokenizer.dtype),
        joints=tuple(joints),
        slots=slots,
        begun=begun,
    )


class _Table:
    """All texts that programs show, in one list of fragments; each distinct piece is one run in it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._runs: dict[tuple[Any, ...], int] = {}
        self._known: dict[tuple[Any, ...], int] = {}
        self._given: list[tuple[int, ...] | None] = []
        self._begins: list[bool] = []
        self._texts: list[str] = []
        self._margins: list[tuple[int, int]] = []

    def base(self, piece: Piece) -> int:
        """The number of the first fragment of a piece, which is added if it is new."""
        margin = piece.margin.key
        known = (piece.texts, margin, piece.begins)
        if known not in self._known:
            run = (piece.texts.rows, piece.texts.codes, margin, piece.begins)
            if run not in self._runs:
                self._runs[run] = self._add(piece)
            self._known[known] = self._runs[run]
        return self._known[known]

    def _add(self, piece: Piece) -> int:
        first, codes = len(self._texts), piece.texts.codes
        if codes:
            _refuse_ids(codes, self._tokenizer)
        elif not piece.special:
            _refuse_special(piece.texts.rows, self._tokenizer)
        self._given += codes or [None] * len(piece.texts)
        self._begins += [piece.begins] * len(piece.texts)
        self._texts += piece.texts.rows
        self._margins += piece.margin.each(len(piece.texts))
        return first

    def encoded(self) -> tuple[list[Sequence[int]], list[tuple[int, int]]]:
        """For each fragment its token ids, and how many (first, last) of them lie in its margins."""
        encodings = {begins: self._encodings(begins=begins) for begins in (False, True)}
        ids: list[Sequence[int]] = []
        inside: list[tuple[int, int]] = []
        rows = zip(self._texts, self._given, self._margins, self._begins, strict=True)
        for text, given, margin, begins in rows:
            encoding = None if given is not None else next(encodings[begins])
            ids.append(encoding.ids if encoding else given or ())
            inside.append(_inside(encoding.offsets, len(text), margin) if encoding else (0, 0))
        return ids, inside

    def _encodings(self, *, begins: bool) -> Iterator[Any]:
        """The encodings of the texts that stand at a beginning, or of the others, in order."""
        rows = zip(self._texts, self._given, self._begins, strict=True)
        shown = [text for text, given, at_beginning in rows if given is None and at_beginning == begins]
        encoder = self._tokenizer if begins else self._tokenizer.inside
        chunks = (shown[first : first + CHUNK] for first in range(0, len(shown), CHUNK))
        return chain.from_iterable(map(encoder.encodings, chunks))


def _ids_of_prefix(prefix: Sequence[Piece], tokenizer: Tokenizer) -> list[int]:
    encoders = ((piece, tokenizer if piece.begins else tokenizer.inside) for piece in prefix)
    return [token for piece, encoder in encoders for token in encoder.encodings(piece.texts.rows)[0].ids]


def _refuse_ids(codes: Sequence[Sequence[int]], tokenizer: Tokenizer) -> None:
    if tokenizer.in_use:
        raise SpecError(
            "token ids are given, and a tokenizer that is reduced to the tokens in use has others",
            "Write `symbols: text` in place of ids, or leave tokenizer.vocabulary out.",
            among=[("..", "..", "tokenizer", "vocabulary"), ()],
        )
    reserved = {token for token, added in tokenizer.backend.get_added_tokens_decoder().items() if added.special}
    highest = max(token for code in codes for token in code)
    if highest >= tokenizer.vocabulary:
        raise SpecError(
            f"the id {highest:,} is given, but the tokenizer has {tokenizer.vocabulary:,}", "Lower `vocabulary`."
        )
    if taken := reserved & {token for code in codes for token in code}:
        raise SpecError(f"the id {min(taken)} is that of a special token", "Move the ids with `first_id`.")


def _refuse_special(texts: Sequence[str], tokenizer: Tokenizer) -> None:
    for token in tokenizer.special:
        for text in texts:
            if token in text:
                raise SpecError(
                    f"the text {text!r} contains the special token {token!r}", "Change the value or the template."
                )


def _inside(offsets: Sequence[tuple[int, int]], length: int, margin: tuple[int, int]) -> tuple[int, int]:
    """How many tokens (first, last) of a text of `length` characters lie wholly in its margins."""
    if margin == (0, 0):  # nearly always
        return margin
    lead = sum(1 for _, end in offsets if end <= margin[0])
    trail = sum(1 for begin, _ in offsets if begin >= length - margin[1])
    return lead, trail
