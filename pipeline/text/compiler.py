"""Programs of pieces, compiled: every piece tokenized once, every seam between two of them proved.

    pieces     [" Anya" …] [" Briar" …] [" Forger" …] [" was born in"] [" Boston, MA" …] ["."]
    program    (base 0, slot 1) … (base 1800, slot 0: a literal) (base 1801, slot 7)    the "." fused into slot 7

Fusing has two reasons and one rule (`fusing.py`). Where a seam is not proved ("D.C." before "."), the neighbours become
one piece and are tokenized together. Where a table is small and a literal beside it short, fusing saves a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from pipeline.core.documents import offsets_of
from pipeline.core.errors import SpecError
from pipeline.core.narrow_integers import narrowed
from pipeline.text.fragments import SLACK, Fragments
from pipeline.text.fusing import Uncuttable, fused, fused_for_speed, travelled, unfusible, without_empty_rows
from pipeline.text.pieces import NO_MARGIN, Joint, Margin, Piece, Texts, literal
from pipeline.text.seams import Seams
from pipeline.text.tokenizer import Tokenizer

CHUNK = 8192  # texts encoded at once, at about a kilobyte for each encoding
MOST_COMBINATIONS = 20_000  # of two tables that become one
LARGE = 64  # rows of a table that is not fused with a literal in the same word, if no merge crosses the seam


class Compiler:
    """Collects programs; `finish` tokenizes their distinct pieces, all at once.

    slots: number of slots, including slot 0 of literals. prefix: a special token or a text that every document begins
    with, or None.
    """

    def __init__(self, tokenizer: Tokenizer, slots: int, prefix: Piece | None = None) -> None:
        self.seams = Seams(tokenizer)
        self._tokenizer = tokenizer
        self._slots = slots
        self._prefix = prefix
        self._programs: list[list[Piece]] = []
        self._joined: dict[tuple[Any, ...], Piece] = {}
        self._placed: set[int] = set()  # programs that stand only where somebody else has proved that they may
        self._cut: set[int] = set()  # of these, those whose pieces are words that stay apart

    def add(self, pieces: Sequence[Piece], *, placed: bool = False) -> int:
        """Add the program that shows a space (unless it is UNSPACED) and then these pieces. Returns its number: 0, 1, …

        placed: the caller proves the seams around it, so that it need not be able to follow any other program.
        Uncuttable if a seam can be neither proved nor removed by fusing.
        """
        if self.seams.unprovable:
            raise Uncuttable(f"the tokenizer is not known to cut text locally: {self.seams.unprovable}")
        if placed:
            self._placed.add(len(self._programs))
        self._programs.append(self._proved(pieces))
        return len(self._programs) - 1

    def add_cut(self, texts: Sequence[str]) -> int:
        """Add the program that shows these texts, each tokenized by itself. The caller proves the seams around them.

        Returns its number.
        """
        self._placed.add(len(self._programs))
        self._cut.add(len(self._programs))
        self._programs.append([literal(text) for text in texts])
        return len(self._programs) - 1

    def ends(self, program: int) -> tuple[frozenset[str], frozenset[str]]:
        """The first and the last words that a program can have; "" for an added token, which merges with nothing."""
        pieces = self._programs[program]
        if pieces[0].special and any(pieces[0].text == token.content for token in self._tokenizer.added):
            return frozenset({""}), frozenset({""})
        return pieces[0].texts.heads, pieces[-1].texts.tails

    def _proved(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The pieces to tokenize, with every seam proved. A special token needs no proof: it never merges."""
        if pieces[0].special:
            assert len(pieces) == 1, "a special token is a program of its own"
            added = next((token for token in self._tokenizer.added if token.content == pieces[0].text), None)
            if added and (added.lstrip or added.rstrip or added.single_word):
                raise Uncuttable(f"the tokenizer's {pieces[0].text!r} depends on what stands beside it")
            return list(pieces)
        begun = pieces[1:] if pieces[0].unspaced else [literal(" "), *pieces]
        return self._prove(without_empty_rows(travelled(begun)))

    def finish(self) -> Fragments:
        """The compiled programs. Uncuttable unless it is proved that any may follow any other, of those not placed."""
        prefix = self._proved([self._prefix]) if self._prefix else []
        free = [program for number, program in enumerate(self._programs) if number not in self._placed]
        of_text = [program for program in [*free, prefix] if program and not program[0].special]
        lasts = [program[-1].texts for program in of_text if not program[-1].texts.codes]
        firsts = [program[0].texts for program in of_text if not program[0].texts.codes]
        ends = Texts(tuple(sorted(frozenset().union(*(texts.tails for texts in lasts)))))
        beginnings = Texts(tuple(sorted(frozenset().union(*(texts.heads for texts in firsts)))))
        if not self.seams.may_follow(beginnings, ends):
            raise Uncuttable("one sentence cannot be cut from the next")
        programs = [
            program if number in self._cut else fused_for_speed(program)
            for number, program in enumerate(self._programs)
        ]
        tokens = [token for piece in prefix for token in self._tokenizer.encodings(piece.texts.rows)[0].ids]
        return _tokenized(programs, self._tokenizer, self._slots, tokens)

    def _prove(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces with every seam proved; neighbours without a proved seam are fused.

        In a word without a cut, a large table stays apart from a literal, and two tables from each other, where no
        merge crosses their seam.
        """
        i = 0
        while i + 1 < len(pieces):
            left, right = pieces[i], pieces[i + 1]
            if self.seams.cut(left.texts, right.texts):
                i += 1
            elif right.slot == 0 and (end := right.text.find(" ", 1)) > 0:  # fuse only its first word
                pieces[i + 1 : i + 2] = [literal(right.text[:end], right.label), literal(right.text[end:], right.label)]
            elif self._apart(left, right):
                i += 1
            elif apart := self._divided(pieces[i : i + 3]):
                pieces[i : i + 3] = apart
                i += 1
            elif together := self._jointly(left, right):
                pieces[i : i + 2] = [together]
                i = max(i - 1, 0)
            else:
                pieces[i : i + 2] = [fused(left, right)]
                i = max(i - 1, 0)
        return pieces

    def _divided(self, pieces: Sequence[Piece]) -> list[Piece]:
        """A literal within one word between two tables that cannot be fused, divided among them where no merge crosses.

        [] if these are no such pieces, or if there is no such place.
        """
        if len(pieces) < 3 or pieces[1].slot or " " in pieces[1].text or not pieces[0].slot or not pieces[2].slot:
            return []
        left, word, right = pieces
        if self.seams.cut(word.texts, right.texts) or not unfusible(left, right):
            return []
        for n in range(len(word.text), -1, -1):
            begun, rest = literal(word.text[:n], word.label), literal(word.text[n:], word.label)
            if (n and unfusible(left, begun)) or (n < len(word.text) and unfusible(rest, right)):
                continue
            before = fused(left, begun) if n else left
            after = fused(rest, right) if n < len(word.text) else right
            if self.seams.unmerged(before.texts, after.texts):
                return [before, after]
        return []

    def _jointly(self, left: Piece, right: Piece) -> Piece | None:
        """Two tables that show one value, such as a surname and a name in Chinese, as one of their combinations."""
        slots = (left.slot, right.slot)
        around = (left.margin.before, left.margin.after, right.margin.before, right.margin.after)
        before, *within, after = (side if isinstance(side, int) else -1 for side in around)
        one_value = left.label == right.label and within == [0, 0] and min(before, after) >= 0
        if not one_value or len(left.texts) * len(right.texts) > MOST_COMBINATIONS:
            return None
        if any(isinstance(slot, Joint) or slot == 0 for slot in slots) or left.slot == right.slot:
            return None
        known = (left.texts, right.texts, *slots, before, after)
        if known not in self._joined:
            texts = Texts(tuple(a + b for a in left.texts.rows for b in right.texts.rows))
            shape = (len(left.texts), len(right.texts))
            classes = tuple(np.arange(rows, dtype=np.int32) for rows in shape)
            joint = Joint(slots, classes, np.arange(len(texts), dtype=np.int32).reshape(shape))  # type: ignore[arg-type]
            self._joined[known] = Piece(
                texts, joint, left.label, Margin(before, after) if before or after else NO_MARGIN
            )
        return self._joined[known]

    def _apart(self, left: Piece, right: Piece) -> bool:
        """Whether two pieces need not, or cannot, be fused, and no merge crosses the seam between them."""
        large = max(len(left.texts), len(right.texts)) > LARGE
        return (large or bool(unfusible(left, right))) and self.seams.unmerged(left.texts, right.texts)


class _Table:
    """All texts that programs show, in one list of fragments; each distinct piece is one run in it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._runs: dict[tuple[Any, ...], int] = {}
        self._known: dict[tuple[Any, ...], int] = {}
        self._given: list[tuple[int, ...] | None] = []
        self._texts: list[str] = []
        self._margins: list[tuple[int, int]] = []

    def base(self, piece: Piece) -> int:
        """The number of the first fragment of a piece, which is added if it is new."""
        margin = piece.margin.key
        if (piece.texts, margin) not in self._known:
            run = (piece.texts.rows, piece.texts.codes, margin)
            if run not in self._runs:
                self._runs[run] = self._add(piece)
            self._known[piece.texts, margin] = self._runs[run]
        return self._known[piece.texts, margin]

    def _add(self, piece: Piece) -> int:
        first, codes = len(self._texts), piece.texts.codes
        if codes:
            _refuse_ids(codes, self._tokenizer)
        elif not piece.special:
            _refuse_special(piece.texts.rows, self._tokenizer)
        self._given += codes or [None] * len(piece.texts)
        self._texts += piece.texts.rows
        self._margins += piece.margin.each(len(piece.texts))
        return first

    def encoded(self) -> tuple[list[Sequence[int]], list[tuple[int, int]]]:
        """For each fragment its token ids, and how many (first, last) of them lie in its margins."""
        shown = [text for text, given in zip(self._texts, self._given, strict=True) if given is None]
        chunks = (shown[first : first + CHUNK] for first in range(0, len(shown), CHUNK))
        encodings = chain.from_iterable(map(self._tokenizer.encodings, chunks))
        ids: list[Sequence[int]] = []
        inside: list[tuple[int, int]] = []
        for text, given, margin in zip(self._texts, self._given, self._margins, strict=True):
            encoding = None if given is not None else next(encodings)
            ids.append(encoding.ids if encoding else given or ())
            inside.append(_inside(encoding.offsets, len(text), margin) if encoding else (0, 0))
        return ids, inside


def _tokenized(programs: list[list[Piece]], tokenizer: Tokenizer, slots: int, prefix: Sequence[int] = ()) -> Fragments:
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
        prefix=np.array(prefix, tokenizer.dtype),
        joints=tuple(joints),
        slots=slots,
    )


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
