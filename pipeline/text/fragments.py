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
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import chain, pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import ROLES, Documents, Ragged, offsets_of
from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError
from pipeline.core.narrow import narrowed
from pipeline.text.fields import Joint, Piece, Texts, literal
from pipeline.text.outline import U8, Choose, Outline
from pipeline.text.seams import Seams
from pipeline.text.tokenizer import Tokenizer

FUSE = 1024  # most tokens (rows × words of the literal) that fusing for speed may add to a table
SLACK = [0] * 64  # behind every table, for kernels that read ahead
CHUNK = 8192  # documents gathered at once: their rows stay in the second-level cache


class Uncuttable(Exception):
    """Why documents cannot be put together from fragments: they have to be rendered and encoded one by one."""


class Compiler:
    """Collects programs; `finish` tokenizes the distinct pieces that they show, all at once.

    slots: how many slots there are, that of literals included. prefix: what every document begins with, a special
    token or a text, if anything.
    """

    def __init__(self, tokenizer: Tokenizer, slots: int, prefix: Piece | None = None) -> None:
        self.seams = Seams(tokenizer)
        self._tokenizer = tokenizer
        self._slots = slots
        self._prefix = prefix
        self._programs: list[list[Piece]] = []

    def add(self, pieces: Sequence[Piece]) -> int:
        """The number of the program that shows these pieces, a space before them.

        Uncuttable where a seam can be neither proved nor removed by fusing.
        """
        if self.seams.unprovable:
            raise Uncuttable(f"the tokenizer is not known to cut text locally: {self.seams.unprovable}")
        self._programs.append(self._proved(pieces))
        return len(self._programs) - 1

    def _proved(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The pieces of a program as they are tokenized. A special token is cut from anything beside it."""
        if pieces[0].special:
            assert len(pieces) == 1, "a special token is a program of its own"
            if any(
                t.content == pieces[0].text and (t.lstrip or t.rstrip or t.single_word) for t in self._tokenizer.added
            ):
                raise Uncuttable(f"the tokenizer's {pieces[0].text!r} depends on what stands beside it")
            return list(pieces)
        return self._prove(_without_empty(_travel([literal(" "), *pieces])))

    def finish(self) -> Fragments:
        """The compiled programs, any of which may follow any other. Uncuttable where that is not proved."""
        prefix = self._proved([self._prefix]) if self._prefix else []
        told = [program for program in [*self._programs, prefix] if program and not program[0].special]
        lasts = [program[-1].texts for program in told if not program[-1].texts.codes]
        firsts = [program[0].texts for program in told if not program[0].texts.codes]
        ends = Texts(tuple(sorted(frozenset().union(*(texts.tails for texts in lasts)))))
        beginnings = Texts(tuple(sorted(frozenset().union(*(texts.heads for texts in firsts)))))
        if not self.seams.cut(ends, beginnings):
            raise Uncuttable("one sentence cannot be cut from the next")
        fused = [_fuse_for_speed(program) for program in self._programs]
        begun = [token for piece in prefix for token in self._tokenizer.encodings(piece.texts.rows)[0].ids]
        return _tokenized(fused, self._tokenizer, self._slots, begun)

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
        if done and done[-1].slot == 0 and not piece.texts.codes and not done[-1].texts.codes:
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
        if piece.texts.codes or done[-1].texts.codes:
            done.append(piece)
        elif _one_value(done[-1], piece) or (
            other.slot == 0 and len(table.texts) * (len(other.text.split()) + 1) <= FUSE
        ):
            done[-1] = _fused(done[-1], piece)
        else:
            done.append(piece)
    return done


def _one_value(left: Piece, right: Piece) -> bool:
    """Whether two tables show the same row of one attribute with nothing else between, as a month and a day do."""
    bare = left.margin[1] == right.margin[0] == 0 and not left.texts.around and not right.texts.around
    touching = not left.label or bare
    return left.slot == right.slot != 0 and left.label == right.label and touching


def _same_row(left: Piece, right: Piece) -> bool:
    """Whether two tables show the same row, the one a value and the other words about it, as a name and a particle."""
    return left.slot == right.slot != 0 and not (left.label and right.label)


def _fused(left: Piece, right: Piece) -> Piece:
    """Two neighbours as one piece. Uncuttable where they vary independently, or are values of different attributes."""
    if _one_value(left, right):
        both = Texts(tuple(a + b for a, b in zip(left.texts.rows, right.texts.rows, strict=True)))
        return Piece(both, left.slot, left.label, (left.margin[0], right.margin[1]))
    if _same_row(left, right):
        both = Texts(tuple(a + b for a, b in zip(left.texts.rows, right.texts.rows, strict=True)))
        if not left.label and not right.label:
            return Piece(both, left.slot)
        value, words = (left, right) if left.label else (right, left)
        inside = [value.around(row) for row in range(len(both))]
        beside = [len(row) for row in words.texts.rows]
        behind = left.label != 0
        around = tuple(
            (lead + (not behind) * n, trail + behind * n) for (lead, trail), n in zip(inside, beside, strict=True)
        )
        return Piece(Texts(both.rows, around=around), left.slot, value.label)
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


class _Table:
    """The texts that programs show, one after the other: each distinct table is a run of fragments in it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._runs: dict[tuple[Any, ...], int] = {}
        self._known: dict[tuple[Texts, tuple[int, int]], int] = {}
        self._given: list[tuple[int, ...] | None] = []
        self._texts: list[str] = []
        self._margins: list[tuple[int, int]] = []

    def base(self, piece: Piece) -> int:
        """The first fragment of a piece's table."""
        if (piece.texts, piece.margin) not in self._known:
            run = (piece.texts.rows, piece.margin, piece.texts.codes, piece.texts.around)
            if run not in self._runs:
                self._runs[run] = self._add(piece)
            self._known[piece.texts, piece.margin] = self._runs[run]
        return self._known[piece.texts, piece.margin]

    def _add(self, piece: Piece) -> int:
        first, codes = len(self._texts), piece.texts.codes
        if codes:
            _refuse_ids(codes, self._tokenizer)
        elif not piece.special:
            _refuse_special(piece.texts.rows, self._tokenizer)
        self._given += codes or [None] * len(piece.texts)
        self._texts += piece.texts.rows
        self._margins += [piece.around(row) for row in range(len(piece.texts))]
        return first

    def encoded(self) -> tuple[list[Sequence[int]], list[tuple[int, int]]]:
        """Of each fragment the token ids, and how many at either end of it lie in its margins."""
        shown = [text for text, given in zip(self._texts, self._given, strict=True) if given is None]
        chunks = (shown[first : first + CHUNK] for first in range(0, len(shown), CHUNK))
        encodings = chain.from_iterable(map(self._tokenizer.encodings, chunks))  # an encoding takes a kilobyte
        ids: list[Sequence[int]] = []
        inside: list[tuple[int, int]] = []
        for text, given, margin in zip(self._texts, self._given, self._margins, strict=True):
            encoding = None if given is not None else next(encodings)
            ids.append(encoding.ids if encoding else given or ())
            inside.append(_inside(encoding.offsets, len(text), margin) if encoding else (0, 0))
        return ids, inside


def _tokenized(programs: list[list[Piece]], tokenizer: Tokenizer, slots: int, prefix: Sequence[int] = ()) -> Fragments:
    """The table of all fragments, and the operations of the programs, which point at it."""
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
        prefix=np.array(prefix, tokenizer.dtype),
        joints=tuple(joints),
        slots=slots,
    )


def _refuse_ids(codes: Sequence[Sequence[int]], tokenizer: Tokenizer) -> None:
    reserved = {token for token, added in tokenizer.backend.get_added_tokens_decoder().items() if added.special}
    highest = max(token for code in codes for token in code)
    if highest >= tokenizer.vocabulary:
        raise SpecError(
            f"the id {highest:,} is given, but the tokenizer has {tokenizer.vocabulary:,}", "Lower `vocabulary`."
        )
    if found := reserved & {token for code in codes for token in code}:
        raise SpecError(f"the id {min(found)} is that of a special token", "Move the ids with `first_id`.")


def _refuse_special(texts: Sequence[str], tokenizer: Tokenizer) -> None:
    for token in tokenizer.special:
        for text in texts:
            if token in text:
                raise SpecError(
                    f"the text {text!r} contains the special token {token!r}", "Change the value or the template."
                )


def _inside(offsets: Sequence[tuple[int, int]], length: int, margin: tuple[int, int]) -> tuple[int, int]:
    """How many tokens at either end of a text of `length` characters lie wholly in its margins."""
    if margin == (0, 0):  # nearly always
        return margin
    lead = sum(1 for _, end in offsets if end <= margin[0])
    trail = sum(1 for begin, _ in offsets if begin >= length - margin[1])
    return lead, trail


@dataclass(frozen=True)
class Fragments:
    """Compiled programs over a table of fragments: all that documents of templates need, a few hundred kilobytes.

    tokens (T,) uint16 or int32, start (f + 1,): fragment f is tokens[start[f] : start[f + 1]]; lead, trail
    (f,): how many of its tokens at either end are words around the value. program_start (p + 1,): program p is the
    operations from program_start[p] on; base, rows, slot, label: of each operation. Slack follows it. prefix: the
    tokens that every document begins with. joints: the slots beyond the first `slots`, which follow from these.
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
    prefix: NDArray[Any]
    joints: tuple[Joint, ...] = ()
    slots: int = 1

    def documents(
        self, count: int, longest: int | None, choose: Choose, *, spans: bool, parts: bool = False, wrong: int = 0
    ) -> Documents:
        """`count` documents of at most `longest` tokens (None: nobody knows), each closed by the end token.

        choose(chunk) gives for a slice of the documents what they say. It is called chunk by chunk, so that only the
        tokens are held for all. wrong: the label of a value that is told wrongly.
        """
        from pipeline.core import kernels

        out = np.empty(count * longest + kernels.VECTOR if longest is not None else 0, self.tokens.dtype)
        offsets = np.zeros(count + 1, np.int64)
        eos = self.tokens.dtype.type(self.eos)
        found = _Found(self, wrong)
        end = 0
        for first in range(0, count, CHUNK):
            chunk = slice(first, min(first + CHUNK, count))
            outline = choose(chunk)
            programs_of = self._arguments(outline)
            if longest is None:
                out = _with_room(out, end, self._most(outline) + kernels.VECTOR, count / chunk.stop)
            within = offsets[chunk.start : chunk.stop + 1]
            end = kernels.gather(*programs_of, self.tokens, self.prefix, eos, out, end, within)  # type: ignore[call-arg]
            if spans:
                found.note_spans(outline, programs_of)
            if parts:
                found.note_parts(outline, programs_of)
        return Documents(Ragged(out[:end], offsets, room=out), *found.ragged(spans, parts))

    def lengths(self, count: int, choose: Choose) -> I64:
        """The tokens of each of `count` documents, int64 (count,), as `documents` would make them; none is made."""
        from pipeline.core import kernels

        found = np.empty(count, np.int64)
        for first in range(0, count, CHUNK):
            chunk = slice(first, min(first + CHUNK, count))
            kernels.measure(*self._arguments(choose(chunk)), len(self.prefix) + 1, found[chunk])  # type: ignore[call-arg]
        return found

    def _arguments(self, outline: Outline) -> tuple[Any, ...]:
        """What every kernel about documents takes first."""
        rows = outline.rows
        if self.joints:
            rows = np.column_stack([rows, *(joint.rows(rows) for joint in self.joints)])
        of_programs = (self.program_start, self.base, self.slot, self.start)
        return outline.programs, outline.facts, outline.first, np.ascontiguousarray(rows, np.int32), *of_programs

    def _most(self, outline: Outline) -> int:
        """Tokens that the documents have at most."""
        return int(self.longest[outline.programs].sum()) + len(outline) * (len(self.prefix) + 1)

    @cached_property
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
                likely = self._likely(slot, probability)
                known[base, slot] = _expectation(of_rows, likely)
        means = [known[base, slot] for base, _, slot in self._operations()]
        ends = self.program_start.tolist()
        return [sum(means[first:last], Fraction(0)) for first, last in pairwise(ends)]

    def only(self, token: int) -> Fragments:
        """The same programs with all tokens taken out but one: the lengths of their documents count it."""
        kept = np.flatnonzero(self.tokens[: self.start[-1]] == token)
        start = np.searchsorted(kept, self.start).astype(np.int32)
        tokens = np.full(len(kept) + len(SLACK), token, self.tokens.dtype)
        return replace(self, tokens=tokens, start=start, prefix=self.prefix[self.prefix == token])

    def _likely(self, slot: int, probability: Callable[[int], Sequence[Fraction]]) -> Sequence[Fraction]:
        """How likely the rows of any slot are, its own or a joint one."""
        if slot < self.slots:
            return probability(slot) if slot else (Fraction(1),)
        return _joint_probability(self.joints[slot - self.slots], probability)

    def _operations(self) -> list[tuple[int, int, int]]:
        """(base, rows, slot) of each operation."""
        columns = [column[: self.program_start[-1]].tolist() for column in (self.base, self.rows, self.slot)]
        return list(zip(*columns, strict=True))


@dataclass
class _Found:
    """Collects spans and parts, chunk by chunk."""

    fragments: Fragments
    wrong: int
    spans: list[Ragged] = field(default_factory=list)
    parts: list[Ragged] = field(default_factory=list)
    _room: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 3), np.int32))

    def note_spans(self, outline: Outline, programs_of: tuple[Any, ...]) -> None:
        from pipeline.core import kernels

        table = self.fragments
        most = len(outline.programs) * int(np.diff(table.program_start).max())
        if len(self._room) < most:
            self._room = np.empty((most, 3), np.int32)
        false = np.zeros(len(outline.programs), np.uint8) if outline.false is None else outline.false
        ends = np.zeros(len(outline) + 1, np.int64)
        about = (table.label, table.lead, table.trail, len(table.prefix), false, self.wrong)
        used = kernels.find_spans(*programs_of, *about, self._room, ends)  # type: ignore[call-arg]
        self.spans.append(Ragged(self._room[:used].copy(), ends))

    def note_parts(self, outline: Outline, programs_of: tuple[Any, ...]) -> None:
        from pipeline.core import kernels

        prefix = len(self.fragments.prefix)
        places = np.empty((len(outline.programs), 2), np.int32)
        kernels.find_sentences(*programs_of, prefix, places)  # type: ignore[call-arg]
        prefixes = np.full(len(outline), prefix, np.int32) if prefix else None
        self.parts.append(parts_of(outline, places, prefixes))

    def ragged(self, spans: bool, parts: bool) -> tuple[Ragged | None, Ragged | None]:
        """What was found, where it was asked for."""
        empty = Ragged(np.empty((0, 3), np.int32), np.zeros(1, np.int64))
        return (
            Ragged.concat(self.spans or [empty]) if spans else None,
            Ragged.concat(self.parts or [empty]) if parts else None,
        )


def parts_of(outline: Outline, places: I32, prefixes: I32 | None) -> Ragged:
    """Rows (start, length, role) of the sentences that have a role and of the prefix, a tag, per document.

    places int32 (m, 2): start and length of every sentence. prefixes int32 (d,): the length of each document's prefix;
    None where they have none. A part all of whose text lies in a neighbour's tokens has the length 0.
    """
    roles = np.zeros(len(places), np.uint8) if outline.roles is None else outline.roles
    document = np.repeat(np.arange(len(outline)), np.diff(outline.first))
    with_role = np.flatnonzero(roles)
    rows = np.column_stack([places[with_role], roles[with_role].astype(np.int32)])
    owner = document[with_role]
    if prefixes is not None:
        tag = np.column_stack([np.zeros_like(prefixes), prefixes, np.full_like(prefixes, ROLES.index("tag"))])
        rows, owner = np.concatenate([tag, rows]), np.concatenate([np.arange(len(outline)), owner])
        order = np.argsort(owner, kind="stable")
        rows, owner = rows[order], owner[order]
    return Ragged(rows.astype(np.int32), offsets_of(np.bincount(owner, minlength=len(outline))))


def _with_room(out: NDArray[Any], used: int, more: int, scale: float) -> NDArray[Any]:
    """The same buffer with room for `more` behind what is used; a new one expects `scale` times as much in all."""
    if used + more <= len(out):
        return out
    grown = np.empty(max(int((used + more) * min(scale, 1.5)), used + more), out.dtype)
    grown[:used] = out[:used]
    return grown


def _joint_probability(joint: Joint, probability: Callable[[int], Sequence[Fraction]]) -> list[Fraction]:
    """How likely each row of a joint slot is, the slots that it follows from being independent."""
    likely: list[list[Fraction]] = []
    for slot, classes in zip(joint.slots, joint.classes, strict=True):
        of_class = [Fraction(0)] * joint.table.shape[len(likely)]
        for row, chance in zip(classes.tolist(), probability(slot), strict=True):
            of_class[row] += chance
        likely.append(of_class)
    out = [Fraction(0)] * (int(joint.table.max()) + 1)
    for place in np.ndindex(joint.table.shape):
        out[int(joint.table[place])] += prod((likely[i][c] for i, c in enumerate(place)), start=Fraction(1))
    return out


def _expectation(values: Sequence[int], probability: Sequence[Fraction]) -> Fraction:
    if probability.count(probability[0]) == len(probability):
        return Fraction(sum(values), len(values))
    return sum((value * likely for value, likely in zip(values, probability, strict=True)), Fraction(0))
