"""The wording of phrases, as programs; any of them may follow any other.

    The number of each Millbrook's Oat Cookie equals | 3 more than | the sum of | each … | and each … .     a statement
    How many Oat Cookie does Millbrook have?                                                              the question
    Define Millbrook's Oat Cookie as x; | so x = 3 + a = 3 + 4 = 7.                                             a step
    Define Millbrook's Treat as [BACK].                                                  a mistake that is taken back

The wording is that of the published data, so that programs which read or check that data work on ours.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_letters

import numpy as np

from pipeline.core.draws import I32
from pipeline.core.notices import Notice
from pipeline.sources.reasoning.igsm.phrases import A_VALUE, B_VALUE, OWNER, PHRASES, SLOTS, THING, VALUE, A, B, V
from pipeline.sources.spec import MarkSpec
from pipeline.text.pieces import Piece, Texts, literal, special
from pipeline.text.render_and_encode import Rendered
from pipeline.text.renderer import Renderer, compile_programs
from pipeline.text.tokenizer import Tokenizer

_WORDING = {
    "statement": "The number of each {owner} {thing} equals",
    "alone": "{value}.",
    "more than": "{value} more than",
    "times as much": "{value} times as much as",
    "sum of": "the sum of",
    "difference of": "the difference of",
    "first": "each {owner} {thing}",
    "between": "each {owner} {thing},",
    "last": "and each {owner} {thing}.",
    "only": "each {owner} {thing}.",
    "question": "How many {thing} does {bare owner} have?",
    "define": "Define {owner} {thing} as {v};",
    "leaf": "so {v} = {value}.",
    "copy": "so {v} = {a} = {value}.",
    "add": "so {v} = {a} + {b} = {A} + {B} = {value}.",
    "subtract": "so {v} = {a} - {b} = {A} - {B} = {value}.",
    "multiply": "so {v} = {a} * {b} = {A} * {B} = {value}.",
    "more": "so {v} = {B} + {a} = {B} + {A} = {value}.",
    "times": "so {v} = {B} * {a} = {B} * {A} = {value}.",
    "then add": "{v} = {a} + {b} = {A} + {B} = {value};",
    "then subtract": "{v} = {a} - {b} = {A} - {B} = {value};",
    "then multiply": "{v} = {a} * {b} = {A} * {B} = {value};",
    "wrong": "Define",
    "name": "{owner} {thing}",
    "as": "as",
    "answer": "{value}",
    "holds": "Each {bare owner} may hold several of each {thing}.",
    "category": "Of the category {thing}:",
    "member": "{thing},",
    "last member": "{thing}.",
}

ROLE_OF = {
    "mistake": ("name",),
    "attempt": ("wrong", "as"),
    "back": ("back", "stop"),
    "answer": ("answer",),
    "hint": tuple(_WORDING)[11:22],
    "prompt": (*tuple(_WORDING)[:11], "start", "solution", "holds", "category", "member", "last member"),
}
"""Role → its phrases. The phrases before the answer have no role."""


@dataclass(frozen=True)
class Lexicon:
    """The tables that sentences show: names of items and categories, and values. (The table of letters is fixed.)"""

    names: Sequence[str]
    values: Sequence[str]

    def programs(self, marks: dict[str, Piece], absent: Collection[str] = ()) -> tuple[list[list[Piece]], list[int]]:
        """The programs of phrases; and for each of PHRASES the number of its program, -1 for none.

        marks: the phrases that are no sentences: back, stop, start, solution, answered. absent: those without program.
        """
        pieces = self._slots()
        programs: list[list[Piece]] = []
        numbers: list[int] = []
        for phrase in PHRASES:
            program = [marks[phrase]] if phrase in marks else _parsed(_WORDING.get(phrase, ""), pieces)
            program = [] if phrase in absent else program
            numbers.append(len(programs) if program else -1)
            programs += [program] if program else []
        return programs, numbers

    def _slots(self) -> dict[str, Piece]:
        names = Texts(tuple(self.names))
        owners = Texts(tuple(f"{name}'s" for name in self.names))
        values, letters = Texts(tuple(self.values)), Texts(tuple(ascii_letters))
        slots = {
            "owner": Piece(owners, OWNER, 1),
            "bare owner": Piece(names, OWNER, 1),
            "thing": Piece(names, THING, 1),
        }
        numbers = {"value": VALUE, "A": A_VALUE, "B": B_VALUE}
        slots |= {name: Piece(values, slot) for name, slot in numbers.items()}
        return slots | {name: Piece(letters, slot) for name, slot in {"v": V, "a": A, "b": B}.items()}


@dataclass(frozen=True)
class Words:
    """What documents are rendered with: names, (phrase name, mark) pairs, and the tag that documents begin with.

    absent: the phrases that no document contains.
    """

    names: tuple[str, ...]
    marks: tuple[tuple[str, MarkSpec], ...]
    tag: MarkSpec | None
    tokenizer: Tokenizer
    absent: frozenset[str] = frozenset()

    @lru_cache(16)  # noqa: B019  # the sources of a recipe, and those of recipes like it, share a few kinds of words
    def compiled(self, values: int) -> tuple[Renderer, tuple[Notice, ...]]:
        """A renderer for numbers below `values`, and notices."""
        programs, _ = self._programs([str(value) for value in range(values)])
        tag = self.tag.piece() if self.tag else None
        renderer, notices = compile_programs(programs, self.tokenizer, SLOTS, tag)
        return renderer, tuple(notices)

    def programs(self, values: int) -> list[list[Piece]]:
        """The programs of phrases, for numbers below `values`."""
        return self._programs([str(value) for value in range(values)])[0]

    @property
    def numbers(self) -> list[int]:
        """The number of each phrase's program, -1 for none."""
        return self._programs(["0"])[1]

    def renderer_of(self, rows: I32) -> Renderer:
        """The slow path, for numbers of any size: a renderer for the numbers that occur in `rows` (m, SLOTS).

        Replaces each number in `rows`, in place, by its index among them.
        """
        columns = [VALUE, A_VALUE, B_VALUE]
        distinct, places = np.unique(rows[:, columns], return_inverse=True)
        rows[:, columns] = places.reshape(-1, len(columns))
        programs, _ = self._programs([str(value) for value in distinct.tolist()])
        return Rendered(tuple(map(tuple, programs)), self.tokenizer, self.tag.piece() if self.tag else None)

    def _programs(self, values: list[str]) -> tuple[list[list[Piece]], list[int]]:
        marks = {name: mark.piece() for name, mark in self.marks}
        if "back" in marks and marks["back"].special:
            marks["stop"] = _stop()
        return Lexicon(self.names, values).programs(marks, self.absent)


def _parsed(sentence: str, pieces: dict[str, Piece]) -> list[Piece]:
    """`so {v} = {value}.` as pieces."""
    program: list[Piece] = []
    for i, text in enumerate(sentence.replace("}", "{").split("{")):
        if i % 2:
            program.append(pieces[text])
        elif text:
            program.append(literal(text))
    return program


def _stop() -> Piece:
    """The full stop after a special token: no space before it, and neither ever merges with its neighbours."""
    return special(".")
