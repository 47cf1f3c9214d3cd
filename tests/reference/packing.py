"""Packing as anybody would write it down: token by token, in lists.

A document is (tokens, spans), spans being (first token, tokens, label).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Span = tuple[int, int, int]
Document = tuple[list[int], list[Span]]


@dataclass
class Row:
    """A sequence: its tokens, and for each of them which document it is of, where in it, and in which spans."""

    ids: list[int] = field(default_factory=list)
    document: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    span: list[tuple[int, int] | None] = field(default_factory=list)

    def add(self, token: int, document: int, place: int, spans: Sequence[Span]) -> None:
        """One more token."""
        owner = [(document, i) for i, (first, length, _) in enumerate(spans) if first <= place < first + length]
        self.ids.append(token)
        self.document.append(document)
        self.place.append(place)
        self.span.append(owner[0] if owner else None)

    def padded(self, length: int, eos: int) -> list[int]:
        """input_ids."""
        return self.ids + [eos] * (length - len(self.ids))

    def pieces(self) -> list[tuple[int, int, int, int]]:
        """(start, length, document, offset) of each document in it."""
        starts = [t for t in range(len(self.ids)) if t == 0 or self.document[t] != self.document[t - 1]]
        return [(t, self.document.count(self.document[t]), self.document[t], self.place[t]) for t in starts]

    def spans(self, documents: Sequence[Document]) -> list[Span]:
        """(start, length, label) of each span, or of what of it is in this row."""
        owners = list(dict.fromkeys(owner for owner in self.span if owner is not None))
        return [
            (self.span.index(owner), self.span.count(owner), documents[owner[0]][1][owner[1]][2]) for owner in owners
        ]

    def segments(self, length: int) -> list[int]:
        """1 for the first document, 2 for the second, …; 0 for padding."""
        order = list(dict.fromkeys(self.document))
        return [order.index(document) + 1 for document in self.document] + [0] * (length - len(self.ids))

    def loss_mask(self, length: int) -> list[int]:
        """1 for tokens, 0 for padding."""
        return [1] * len(self.ids) + [0] * (length - len(self.ids))


def aligned(documents: Sequence[Document], length: int, *, cut: bool) -> list[Row]:
    """The documents, none longer than a row, as rows that each begin with one."""
    rows: list[Row] = []
    for number, (tokens, spans) in enumerate(documents):
        room = length - len(rows[-1].ids) if rows else 0
        if room == 0 or (len(tokens) > room and not cut):
            rows.append(Row())
            room = length
        for place, token in enumerate(tokens[:room]):
            rows[-1].add(token, number, place, spans)
    return rows


def pack(documents: Sequence[Document], method: str, length: int) -> list[Row]:
    """The documents as rows, in their order."""
    if method in ("cut", "pad"):
        return aligned(documents, length, cut=method == "cut")
    rows: list[Row] = []
    for number, (tokens, spans) in enumerate(documents):
        for place, token in enumerate(tokens):
            new = not rows or (place == 0 if method == "rows" else len(rows[-1].ids) == length)
            if new:
                rows.append(Row())
            rows[-1].add(token, number, place, spans)
    return rows
