"""Programs of pieces, compiled: every piece tokenized once, every seam proved, a document is a gather.

    pieces     [" Anya" …] [" Briar" …] [" Forger" …] [" was born in"] [" Boston, MA" …] ["."]
    program    (base 0, slot 1) … (base 1800, slot 0: a literal) (base 1801, slot 7)    the "." fused into slot 7
    fragment   base + the row that the slot holds for this item
    document   the tokens of its fragments, one after the other, and the end token

Fusing has two reasons and one mechanism. Where a seam is not proved ("D.C." before "."), the neighbours become one
piece and are tokenized together. Where a table is small and a literal beside it short, fusing saves a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Documents, Ragged
from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError
from pipeline.text.fields import Piece, Texts, literal
from pipeline.text.seams import Seams
from pipeline.text.tokenizer import Tokenizer

U8 = NDArray[np.uint8]

FUSE = 1024  # most tokens (rows × words of the literal) that fusing for speed may add to a table
SLACK = [0] * 64  # behind every table, for kernels that read ahead
CHUNK = 8192  # documents gathered at once: their rows stay in the second-level cache


class Uncuttable(Exception):
    """Why documents cannot be put together from fragments: they have to be rendered and encoded one by one."""


class Compiler:
    """Collects programs; `finish` tokenizes the distinct pieces that they show, all at once."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.seams = Seams(tokenizer)
        self._tokenizer = tokenizer
        self._programs: list[list[Piece]] = []

    def add(self, pieces: Sequence[Piece]) -> int:
        """The number of the program that shows these pieces, a space before them.

        Uncuttable where a seam can be neither proved nor removed by fusing.
        """
        if self.seams.unprovable:
            raise Uncuttable(f"the tokenizer is not known to cut text locally: {self.seams.unprovable}")
        self._programs.append(self._prove(_without_empty(_travel([literal(" "), *pieces]))))
        return len(self._programs) - 1

    def finish(self) -> Fragments:
        """The compiled programs, any of which may follow any other. Uncuttable where that is not proved."""
        lasts = [program[-1].texts for program in self._programs]
        firsts = [program[0].texts for program in self._programs]
        ends = Texts(tuple(sorted(frozenset().union(*(texts.tails for texts in lasts)))))
        beginnings = Texts(tuple(sorted(frozenset().union(*(texts.heads for texts in firsts)))))
        if not self.seams.cut(ends, beginnings):
            raise Uncuttable("one sentence cannot be cut from the next")
        return _tokenized([_fuse_for_speed(program) for program in self._programs], self._tokenizer)

    def _prove(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces with every seam proved: where it fails, the neighbours are fused."""
        i = 0
        while i + 1 < len(pieces):
            left, right = pieces[i], pieces[i + 1]
            if self.seams.cut(left.texts, right.texts):
                i += 1
            elif right.slot == 0 and (end := right.text.find(" ", 1)) > 0:  # the first word of it is enough to fuse
                pieces[i + 1 : i + 2] = [literal(right.text[:end], right.label), literal(right.text[end:], right.label)]
            else:
                pieces[i : i + 2] = [_fused(left, right)]
                i = max(i - 1, 0)
        return pieces


def _travel(pieces: Sequence[Piece]) -> list[Piece]:
    """The same text with literals merged, and the space at the end of a literal moved into what follows it."""
    done: list[Piece] = []
    for piece in pieces:
        if piece.slot == 0 and not piece.text:
            continue
        if done and done[-1].slot == 0:
            before = done.pop()
            if piece.slot == 0 and piece.label == before.label:
                done.append(literal(before.text + piece.text, piece.label))
                continue
            kept = before.text.removesuffix(" ")
            if kept:
                done.append(literal(kept, before.label))
            if kept != before.text:
                margin = (piece.margin[0] + (piece.label != before.label), piece.margin[1])
                piece = replace(piece, texts=piece.texts.joined(" ", ""), margin=margin)
        done.append(piece)
    return done


def _without_empty(pieces: list[Piece]) -> list[Piece]:
    """Tables with an empty row ({% if … %} without else) fused with the literal after them, or before them."""
    done: list[Piece] = []
    for piece in pieces:
        after_empty = done and not all(done[-1].texts.rows)
        before_empty = done and done[-1].slot == 0 and not all(piece.texts.rows)
        if (after_empty and piece.slot == 0) or (before_empty and piece is pieces[-1]):
            done[-1] = _fused(done[-1], piece)
        else:
            done.append(piece)
    return done


def _fuse_for_speed(pieces: list[Piece]) -> list[Piece]:
    done = pieces[:1]
    for piece in pieces[1:]:
        table, other = (piece, done[-1]) if piece.slot else (done[-1], piece)
        if _one_value(done[-1], piece) or (
            other.slot == 0 and len(table.texts) * (len(other.text.split()) + 1) <= FUSE
        ):
            done[-1] = _fused(done[-1], piece)
        else:
            done.append(piece)
    return done


def _one_value(left: Piece, right: Piece) -> bool:
    """Whether two tables show the same row of one attribute with nothing else between, as a month and a day do."""
    touching = not left.label or left.margin[1] == right.margin[0] == 0
    return left.slot == right.slot != 0 and left.label == right.label and touching


def _fused(left: Piece, right: Piece) -> Piece:
    """Two neighbours as one piece. Uncuttable where they vary independently, or are values of different attributes."""
    if _one_value(left, right):
        both = Texts(tuple(a + b for a, b in zip(left.texts.rows, right.texts.rows, strict=True)))
        return Piece(both, left.slot, left.label, (left.margin[0], right.margin[1]))
    if left.slot and right.slot:
        raise Uncuttable(f"no sure seam between {left.texts.rows[0]!r} and {right.texts.rows[0]!r}, which both vary")
    if left.label and right.label and left.label != right.label:
        raise Uncuttable(f"no sure seam between the values {left.texts.rows[0]!r} and {right.texts.rows[0]!r}")
    if (left.slot and right.label and not left.label) or (right.slot and left.label and not right.label):
        raise Uncuttable(f"no sure seam between {left.texts.rows[0]!r} and {right.texts.rows[0]!r}")
    if right.slot:
        texts = right.texts.joined(left.text, "")
    else:
        texts = left.texts.joined("", right.text)
    label = left.label or right.label
    before = left.margin[0] if left.label == label else right.margin[0] + len(left.texts.rows[0])
    after = right.margin[1] if right.label == label else left.margin[1] + len(right.texts.rows[0])
    return Piece(texts, left.slot or right.slot, label, (before, after) if label else (0, 0))


def _tokenized(programs: list[list[Piece]], tokenizer: Tokenizer) -> Fragments:
    """Each distinct table becomes a run of fragments; the operations of the programs point at the runs."""
    runs: dict[tuple[tuple[str, ...], tuple[int, int]], int] = {}
    known: dict[tuple[Texts, tuple[int, int]], int] = {}
    texts: list[str] = []
    margins: list[tuple[int, int]] = []
    for piece in (piece for program in programs for piece in program):
        if (piece.texts, piece.margin) in known:
            continue
        base = runs.setdefault((piece.texts.rows, piece.margin), len(texts))
        if base == len(texts):
            texts += piece.texts.rows
            margins += [piece.margin] * len(piece.texts)
        known[piece.texts, piece.margin] = base
    _refuse_special(texts, tokenizer)
    encodings = tokenizer.encodings(texts)
    inside = [_inside(e.offsets, len(text), margin) for e, text, margin in zip(encodings, texts, margins, strict=True)]
    flat = [piece for program in programs for piece in program]
    ids = [token for encoding in encodings for token in encoding.ids]
    return Fragments(
        tokens=np.array(ids + SLACK, tokenizer.dtype),
        start=np.cumsum([0, *map(len, encodings)], dtype=np.int32),
        lead=np.array([lead for lead, _ in inside], np.int32),
        trail=np.array([trail for _, trail in inside], np.int32),
        program_start=np.cumsum([0, *map(len, programs)], dtype=np.int32),
        base=np.array([known[piece.texts, piece.margin] for piece in flat] + SLACK, np.int32),
        rows=np.array([len(piece.texts) for piece in flat] + SLACK, np.int32),
        slot=np.array([piece.slot for piece in flat] + SLACK, np.int32),
        label=np.array([piece.label for piece in flat] + SLACK, np.uint8),
        eos=tokenizer.eos,
    )


def _refuse_special(texts: Sequence[str], tokenizer: Tokenizer) -> None:
    for token in tokenizer.special:
        for text in texts:
            if token in text:
                raise SpecError(
                    f"the text {text!r} contains the special token {token!r}", "Change the value or the template."
                )


def _inside(offsets: Sequence[tuple[int, int]], length: int, margin: tuple[int, int]) -> tuple[int, int]:
    """How many tokens at either end of a text of `length` characters lie wholly in its margins."""
    lead = sum(1 for _, end in offsets if end <= margin[0])
    trail = sum(1 for begin, _ in offsets if begin >= length - margin[1])
    return lead, trail


@dataclass(frozen=True)
class Fragments:
    """Compiled programs over a table of fragments: all that documents of templates need, a few hundred kilobytes.

    tokens (T,) uint16 or int32, start (f + 1,): fragment f is tokens[start[f] : start[f + 1]]; lead, trail
    (f,): how many of its tokens at either end are words around the value. program_start (p + 1,): program p is the
    operations from program_start[p] on; base, rows, slot, label: of each operation. Slack follows it.
    """

    tokens: NDArray[Any]
    start: I32
    lead: I32
    trail: I32
    program_start: I32
    base: I32
    rows: I32
    slot: I32
    label: U8
    eos: int

    def documents(
        self, count: int, longest: int, choose: Callable[[slice], tuple[I32, I32]], *, spans: bool
    ) -> Documents:
        """`count` documents of at most `longest` tokens, each closed by the end token.

        choose(chunk) gives for a slice of the documents the programs that tell them, int32 (d, sentences), and the rows
        of their slots, int32 (d, slots). It is called chunk by chunk, so that only the tokens are held for all.
        """
        from pipeline.core import kernels

        out = np.empty(count * longest + kernels.VECTOR, self.tokens.dtype)
        offsets = np.zeros(count + 1, np.int64)
        eos = self.tokens.dtype.type(self.eos)
        found: list[Ragged] = []
        room, most = np.empty((0, 3), np.int32), int(np.diff(self.program_start).max())  # for the spans of a chunk
        end = 0
        for first in range(0, count, CHUNK):
            chunk = slice(first, min(first + CHUNK, count))
            programs, rows = choose(chunk)
            programs_of = (programs, rows, self.program_start, self.base, self.slot, self.start)
            end = kernels.gather(*programs_of, self.tokens, eos, out, end, offsets[chunk.start : chunk.stop + 1])
            if spans:
                room = room if len(room) else np.empty((programs.size * most, 3), np.int32)
                ends = np.zeros(len(programs) + 1, np.int64)
                used = kernels.find_spans(*programs_of, self.label, self.lead, self.trail, room, ends)
                found.append(Ragged(room[:used].copy(), ends))
        return Documents(Ragged(out[:end], offsets, room=out), Ragged.concat(found) if found else None)

    def longest(self) -> I64:
        """The most tokens each program can have: int64 (programs,)."""
        lengths = np.diff(self.start)
        most = [int(lengths[base : base + rows].max()) for base, rows, _ in self._operations()]
        return np.add.reduceat(np.array(most, np.int64), self.program_start[:-1])

    def mean_lengths(self, probability: Callable[[int], Sequence[Fraction]]) -> list[Fraction]:
        """The expected tokens of each program, exactly, where probability(slot) says how likely its rows are."""
        lengths = np.diff(self.start)
        known: dict[tuple[int, int], Fraction] = {}
        for base, rows, slot in self._operations():
            if (base, slot) not in known:
                of_rows = lengths[base : base + rows].tolist()
                likely = probability(slot) if slot else (Fraction(1),)
                known[base, slot] = _expectation(of_rows, likely)
        means = [known[base, slot] for base, _, slot in self._operations()]
        ends = self.program_start.tolist()
        return [sum(means[first:last], Fraction(0)) for first, last in pairwise(ends)]

    def _operations(self) -> list[tuple[int, int, int]]:
        """(base, rows, slot) of each operation."""
        columns = [column[: self.program_start[-1]].tolist() for column in (self.base, self.rows, self.slot)]
        return list(zip(*columns, strict=True))


def _expectation(values: Sequence[int], probability: Sequence[Fraction]) -> Fraction:
    if len(set(probability)) == 1:
        return Fraction(sum(values), len(values))
    return sum((value * likely for value, likely in zip(values, probability, strict=True)), Fraction(0))
