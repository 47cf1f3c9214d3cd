"""Programs of pieces, compiled: every piece tokenized once, every seam between two of them proved.

    pieces     [" Anya" …] [" Briar" …] [" Forger" …] [" was born in"] [" Boston, MA" …] ["."]
    program    (base 0, slot 1) … (base 1800, slot 0: a literal) (base 1801, slot 7)    the "." fused into slot 7

Fusing has two reasons and one rule (`fusing.py`). Where a seam is not proved ("D.C." before "."), the neighbours become
one piece and are tokenized together. Where a table is small and a literal beside it short, fusing saves a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tokenizers import AddedToken

from pipeline.text.fragment_table import tokenized
from pipeline.text.fragments import Fragments
from pipeline.text.fusing import Uncuttable, fused, fused_for_speed, travelled, unfusible, without_empty_rows
from pipeline.text.pieces import NO_MARGIN, Joint, Margin, Piece, Texts, literal
from pipeline.text.seams.beginnings import Begun
from pipeline.text.seams.merge_seams import seams_of
from pipeline.text.tokenizer import Tokenizer

MOST_COMBINATIONS = 20_000  # of two tables that become one
LARGE = 64  # rows of a table that is not fused with a literal in the same word, if no merge crosses the seam


class Compiler:
    """Collects programs; `finish` tokenizes their distinct pieces, all at once.

    slots: number of slots, including slot 0 of literals. prefix: a special token or a text that every document begins
    with, or None.
    """

    def __init__(self, tokenizer: Tokenizer, slots: int, prefix: Piece | None = None) -> None:
        self.seams = seams_of(tokenizer)
        self._tokenizer = tokenizer
        self._slots = slots
        self._prefix = prefix
        self._programs: list[list[Piece]] = []
        self._joined: dict[tuple[Any, ...], Piece] = {}
        self._forms: dict[Texts, list[tuple[list[int], list[int]]]] = {}
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
            if added and (added.lstrip or added.rstrip or added.single_word or self._in_normalized(added)):
                raise Uncuttable(f"the tokenizer's {pieces[0].text!r} depends on what stands beside it")
            return list(pieces)
        if self._tokenizer.prefixing and any(map(self._has_added, pieces)):
            raise Uncuttable("an added token stands within a text, and the tokenizer writes a blank behind it")
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
        second, begun = self._second_forms(beginnings)
        prefix = self._begun(prefix, beginnings) or prefix
        return tokenized([*programs, *second], self._tokenizer, self._slots, prefix, begun)

    def _second_forms(self, beginnings: Texts) -> tuple[list[list[Piece]], Begun | None]:
        """The programs that have other tokens at a beginning, as they are there, and which these are.

        beginnings: what may stand behind them.
        """
        programs = enumerate(self._programs)
        found = {number: form for number, program in programs if (form := self._begun(program, beginnings))}
        if not found:
            return [], None
        count, always = len(self._programs), self._tokenizer.prefixing == "always"
        forms = np.arange(count, dtype=np.int32)
        forms[list(found)] = np.arange(count, count + len(found))
        special = np.array([program[0].special for program in self._programs])
        opens = self._prefix is None or (self._prefix.special and always)
        longer = {self._longer(program[0].texts) for program in self._programs if not program[0].special}
        alike = len(longer) == 1 and not special.any()
        alike &= all(len(form) == len(self._programs[number]) for number, form in found.items())  # none more is fused
        return list(map(fused_for_speed, found.values())), Begun(
            forms, opens, special & always, longer.pop() if alike else None
        )

    def _begun(self, program: list[Piece], beginnings: Texts) -> list[Piece]:
        """A program as it is at a beginning; [] if it has the same tokens there. Uncuttable as in `finish`."""
        if not program:
            return []
        first = program[0]
        if first.special or first.texts.codes or not self._tokenizer.prefixing or self._alike(first.texts):
            return []
        begun = [replace(first, begins=True), *program[1:]]
        if len(begun) == 1 or not self.seams.cut_at_beginning(begun[0].texts, begun[1].texts):
            begun = self._prove(begun)
        if len(begun) == 1 and not self.seams.cut_at_beginning(begun[0].texts, beginnings):
            raise Uncuttable("one sentence cannot be cut from the next")
        return begun

    def _alike(self, texts: Texts) -> bool:
        """Whether rows have the same tokens at a beginning and elsewhere."""
        return all(begun == elsewhere for begun, elsewhere in self._both_forms(texts))

    def _longer(self, texts: Texts) -> int | None:
        """How many tokens more the rows have at a beginning, if that is so for all of them; else None."""
        if texts.codes:
            return 0
        longer = {len(begun) - len(elsewhere) for begun, elsewhere in self._both_forms(texts)}
        return longer.pop() if len(longer) == 1 else None

    def _both_forms(self, texts: Texts) -> list[tuple[list[int], list[int]]]:
        """The ids of each row at a beginning, and elsewhere."""
        if texts not in self._forms:
            sides = (self._tokenizer, self._tokenizer.inside)
            begun, elsewhere = ([e.ids for e in side.encodings(texts.rows)] for side in sides)
            self._forms[texts] = list(zip(begun, elsewhere, strict=True))
        return self._forms[texts]

    def _in_normalized(self, added: AddedToken) -> bool:
        """Whether an added token is looked for in a text that is normalized already."""
        return added.normalized and self._tokenizer.backend.normalizer is not None

    def _has_added(self, piece: Piece) -> bool:
        """Whether a text of a piece has an added token in it that is not special."""
        added = [token.content for token in self._tokenizer.added if not token.special]
        return any(token in row for token in added for row in piece.texts.rows)

    def _prove(self, pieces: list[Piece]) -> list[Piece]:
        """The pieces with every seam proved; neighbours without a proved seam are fused.

        In a word without a cut, a large table stays apart from a literal, and two tables from each other, where no
        merge crosses their seam.
        """
        i = 0
        while i + 1 < len(pieces):
            left, right = pieces[i], pieces[i + 1]
            cut = self.seams.cut_at_beginning if left.begins else self.seams.cut
            if cut(left.texts, right.texts):
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
        known = (left.texts, right.texts, *slots, before, after, left.begins)
        if known not in self._joined:
            texts = Texts(tuple(a + b for a in left.texts.rows for b in right.texts.rows))
            shape = (len(left.texts), len(right.texts))
            classes = tuple(np.arange(rows, dtype=np.int32) for rows in shape)
            joint = Joint(slots, classes, np.arange(len(texts), dtype=np.int32).reshape(shape))  # type: ignore[arg-type]
            self._joined[known] = Piece(
                texts, joint, left.label, Margin(before, after) if before or after else NO_MARGIN, begins=left.begins
            )
        return self._joined[known]

    def _apart(self, left: Piece, right: Piece) -> bool:
        """Whether two pieces need not, or cannot, be fused, and no merge crosses the seam between them."""
        large = max(len(left.texts), len(right.texts)) > LARGE
        return (large or bool(unfusible(left, right))) and self.seams.unmerged(left.texts, right.texts)
