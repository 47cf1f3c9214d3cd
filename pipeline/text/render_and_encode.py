"""The slow path, for programs without proved seams: render the text of each document, and encode it whole.

It takes the same programs as the fast path and has the same methods, so a source need not know which one it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.errors import SpecError
from pipeline.text.encoding.engines import flat
from pipeline.text.encoding.fast_encoder import FastEncoder
from pipeline.text.expressions import Expression, Program
from pipeline.text.offsets import tokens_within
from pipeline.text.outline import Choose, Outline, parts_of
from pipeline.text.pieces import Joint, Piece
from pipeline.text.tokenizer import Tokenizer

CHUNK = 1024
CUT = "\0"  # replaces a special token when the words beside it are examined


class _Text(NamedTuple):
    """A document as text; values: (first character, end, label, sentence); ends: of the prefix and each sentence."""

    text: str
    values: list[tuple[int, int, int, int]]
    ends: list[int]


@dataclass(frozen=True)
class Rendered:
    """Programs and a tokenizer; the methods are those of `Fragments`."""

    programs: tuple[Program, ...]
    tokenizer: Tokenizer
    prefix: Piece | None = None

    def documents(
        self, count: int, longest: int | None, choose: Choose, *, spans: bool, parts: bool = False, wrong: int = 0
    ) -> Documents:
        """As `Fragments.documents`; `longest` is ignored."""
        chunks = [
            self._encoded(choose(slice(first, min(first + CHUNK, count))), spans, parts, wrong)
            for first in range(0, max(count, 1), CHUNK)
        ]
        return Documents.concat(chunks)

    def _encoded(self, outline: Outline, spans: bool, parts: bool, wrong: int) -> Documents:
        """The documents of an outline. The places of tokens, which spans and parts need, take longer than their ids."""
        texts = [self._render(outline, i, wrong) for i in range(len(outline))]
        written, end = [document.text for document in texts], self.tokenizer.ids_of([self.tokenizer.eos_token])
        if not spans and not parts:
            return Documents(self._encoder.ids(written).surrounded(end[:0], end))
        encodings = self.tokenizer.encodings(written)
        tokens = flat(encodings, self.tokenizer.dtype).surrounded(end[:0], end)
        offsets = [encoding.offsets for encoding in encodings]
        marked = [spans_in_tokens(of, document.values) for of, document in zip(offsets, texts, strict=True)]
        return Documents(
            tokens, _ragged(marked) if spans else None, self._parts(outline, offsets, texts) if parts else None
        )

    @cached_property
    def _encoder(self) -> FastEncoder:
        return FastEncoder.of(self.tokenizer, plain=False)

    def lengths(self, count: int, choose: Choose) -> None:
        """None: lengths are not known before documents are encoded."""

    def token_ids(self) -> None:
        """None: tokens are not known before documents are encoded."""

    def text(self, outline: Outline, document: int = 0) -> str:
        """The text of one document of the outline, without the end token."""
        return self._render(outline, document, 0).text

    def sentence(self, program: int, row: NDArray[np.int32]) -> str:
        """The text of one program about a row of facts (slots,), with the space in front that it has."""
        at = _Rows(row)
        return "".join(_shown(part, at, first=number == 0) for number, part in enumerate(self.programs[program]))

    def _render(self, outline: Outline, document: int, wrong: int) -> _Text:
        """One document."""
        text = _shown(self.prefix, {}, first=True) if self.prefix else ""
        own = CUT if self.prefix and _is_special(self.prefix) else text  # the text with CUT for special tokens
        values: list[tuple[int, int, int, int]] = []
        ends = [len(text)]
        for j in range(outline.first[document], outline.first[document + 1]):
            program = self.programs[outline.programs[j]]
            at = _Rows(outline.rows[outline.facts[j]])
            for number, part in enumerate(program):
                shown = _shown(part, at, first=number == 0)
                before, after = part.margin.at(_row(part, at)) if isinstance(part, Piece) else (0, 0)
                begin = len(text) + (number == 0 and _is_spaced(part)) + before
                text += shown
                end = len(text) - after
                if part.label and end > begin:
                    label = wrong if outline.false is not None and part.label == outline.false[j] else part.label
                    values.append((begin, end, label, len(ends)))
                own += CUT if _is_special(part) else shown
            ends.append(len(text))
        if any(token in own for token in self.tokenizer.special):
            raise SpecError(f"the document {text!r} contains the text of a special token")
        return _Text(text, values, ends)

    def _parts(self, outline: Outline, offsets: Sequence[Sequence[tuple[int, int]]], texts: list[_Text]) -> Ragged:
        pairs = zip(offsets, texts, strict=True)
        counts = [tokens_within(of_tokens, document.text, document.ends) for of_tokens, document in pairs]
        each = (np.column_stack([np.cumsum(tokens)[:-1], tokens[1:]]) for tokens in counts)
        places = np.concatenate([np.empty((0, 2), np.int64), *each])
        prefixes = np.array([tokens[0] for tokens in counts], np.int32) if self.prefix else None
        return parts_of(outline, places.astype(np.int32), prefixes)


class _Rows(dict[int, int]):
    """Slot → row, from one row of facts (slots,)."""

    def __init__(self, row: NDArray[np.int32]) -> None:
        super().__init__(enumerate(row.tolist()))
        self.row = row[None]


def _is_special(part: Piece | Expression) -> bool:
    return isinstance(part, Piece) and part.special


def _is_spaced(part: Piece | Expression) -> bool:
    """Whether a space stands before a program that begins with this part."""
    return not isinstance(part, Piece) or not (part.special or part.unspaced)


def _shown(part: Piece | Expression, at: Any, *, first: bool) -> str:
    """The text of a part. The first part of a sentence gets a space in front, if it is spaced."""
    space = " " * (first and _is_spaced(part))
    if isinstance(part, Expression):
        return space + part.render(at)
    return space + part.texts.rows[_row(part, at)]


def _row(part: Piece, at: Any) -> int:
    """The row of its table that a piece shows; at: slot → row."""
    return int(part.slot.rows(at.row)[0]) if isinstance(part.slot, Joint) else int(at.get(part.slot, 0))


def _ragged(rows: list[list[tuple[int, int, int]]]) -> Ragged:
    flat = np.array([row for document in rows for row in document], np.int32).reshape(-1, 3)
    return Ragged(flat, offsets_of(np.array([len(document) for document in rows], np.int64)))


def spans_in_tokens(
    offsets: Sequence[tuple[int, int]], values: Sequence[tuple[int, int, int, int]]
) -> list[tuple[int, int, int]]:
    """Spans, rows (start, length, label): all tokens that show a character of a value.

    Adjacent values of one label in a sentence become one row, as in the fast path.
    """
    rows: list[tuple[int, int, int]] = []
    last = (-1, 0, -1)  # end, label and sentence of the value before
    for first, end, label, sentence in values:
        tokens = [i for i, (begin, stop) in enumerate(offsets) if begin < end and stop > first]
        if not tokens:
            continue
        start = rows.pop()[0] if last[1:] == (label, sentence) and last[0] >= tokens[0] else tokens[0]
        last = (tokens[-1] + 1, label, sentence)
        rows.append((start, last[0] - start, label))
    return rows
