"""The words of problems and solutions, as programs over fragments; any of them may follow any other.

    The number of each Millbrook's Oat Cookie equals | 3 more than | the sum of | each … | and each … .     a statement
    How many Oat Cookie does Millbrook have?                                                              the question
    Define Millbrook's Oat Cookie as x; | so x = 3 + a = 3 + 4 = 7.                                             a step
    Define Millbrook's Treat as [BACK].                                                  a mistake that is taken back

The wording is that of the published data, so that its readers and checkers understand it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters

from pipeline.text.pieces import Piece, Texts, literal, special

# Slots of a row of facts. The letters and numbers of a step: v = a · b = A · B = VALUE.
OWNER, THING, VALUE, V, A, B, A_VALUE, B_VALUE = range(1, 9)
SLOTS = 9
LETTERS = len(ascii_letters)

PROGRAMS = (
    "statement", "alone", "more than", "times as much", "sum of", "difference of", "first", "between", "last", "only",
    "question", "define", "leaf", "copy", "add", "subtract", "multiply", "more", "times", "then add", "then subtract",
    "then multiply", "wrong", "name", "as", "back", "stop", "start", "solution", "answered", "answer", "holds",
    "category", "member", "last member",
)  # fmt: skip
"""What each program is for; kernels know it by its place here."""

_SENTENCES = {
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
    "hint": tuple(_SENTENCES)[11:22],
    "prompt": (*tuple(_SENTENCES)[:11], "start", "solution", "holds", "category", "member", "last member"),
}
"""What the parts of a document are for; the words before the answer are for nothing."""


@dataclass(frozen=True)
class Lexicon:
    """The tables that sentences show rows of: names of items and categories, values, letters."""

    names: Sequence[str]
    values: Sequence[str]

    def programs(self, marks: dict[str, Piece]) -> tuple[list[list[Piece]], list[int]]:
        """The programs, those of the `marks` among them; and of each of PROGRAMS its number, -1 where there is none.

        marks: what is no sentence: back, stop, start, solution, answered.
        """
        pieces = self._slots()
        made: list[list[Piece]] = []
        numbers: list[int] = []
        for name in PROGRAMS:
            program = [marks[name]] if name in marks else _parsed(_SENTENCES.get(name, ""), pieces)
            numbers.append(len(made) if program else -1)
            made += [program] if program else []
        return made, numbers

    def _slots(self) -> dict[str, Piece]:
        names = Texts(tuple(self.names))
        owners = Texts(tuple(f"{name}'s" for name in self.names))
        values, letters = Texts(tuple(self.values)), Texts(tuple(ascii_letters))
        shown = {
            "owner": Piece(owners, OWNER, 1),
            "bare owner": Piece(names, OWNER, 1),
            "thing": Piece(names, THING, 1),
        }
        numbers = {"value": VALUE, "A": A_VALUE, "B": B_VALUE}
        shown |= {name: Piece(values, slot) for name, slot in numbers.items()}
        return shown | {name: Piece(letters, slot) for name, slot in {"v": V, "a": A, "b": B}.items()}


def _parsed(sentence: str, pieces: dict[str, Piece]) -> list[Piece]:
    """`so {v} = {value}.` as pieces."""
    done: list[Piece] = []
    for i, text in enumerate(sentence.replace("}", "{").split("{")):
        if i % 2:
            done.append(pieces[text])
        elif text:
            done.append(literal(text))
    return done


def stop() -> Piece:
    """The full stop behind a special token: no space goes before it, and nothing is ever merged with either."""
    return special(".")
