"""Reads a document as anybody would: sentences by regular expressions made of the template lines, then hop by hop.

It knows the lines and the look of a name and a value, and takes nothing from the package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NAME = r"[^\W\d_a-z]\w+ [^\W\d_a-z]\w+ [^\W\d_a-z]\w+"  # three words that begin with a capital letter
VARIABLE = re.compile(r"(\{\{ \w+ \}\})")


@dataclass(frozen=True)
class Fact:
    """A sentence. line: which of its kind words it. who: it is about. what: a value, or another person; "" of neither.

    kind: year, same, or "" for background, which is about nobody.
    """

    kind: str
    line: int
    who: str
    what: str
    text: str


@dataclass(frozen=True)
class Document:
    """The sentences of a document in their order, who is asked about in which line, and the answer that it gives."""

    facts: tuple[Fact, ...]
    asked: str
    line: int
    answer: str

    def people(self) -> list[str]:
        """Who is told of, in the order of the sentences."""
        return [fact.who for fact in self.facts if fact.kind]

    def background(self) -> list[str]:
        """The other sentences."""
        return [fact.text for fact in self.facts if not fact.kind]

    def instance(self) -> tuple[frozenset[tuple[str, str, str]], str, str]:
        """What it is about, however it is told."""
        return frozenset((fact.kind, fact.who, fact.what) for fact in self.facts if fact.kind), self.asked, self.answer

    def wordings(self) -> dict[str, int]:
        """Person, or "" for the question → the line that words what is said."""
        return {"": self.line, **{fact.who: fact.line for fact in self.facts if fact.kind}}


class Reader:
    """Reads documents told by some lines: of year, same and question."""

    def __init__(
        self, lines: Mapping[str, Sequence[str]], attribute: str = "birth_year", value: str = r"\d{4}"
    ) -> None:
        looks = {"name": NAME, "other_name": NAME, attribute: value}
        self._attribute = attribute
        self._read: dict[str, Fact] = {}
        self._of = {
            kind: [_pattern(line.replace(" | ", " "), looks, kind == "question") for line in of_kind]
            for kind, of_kind in lines.items()
        }

    def read(self, text: str) -> Document:
        """A document, its end token left out."""
        found = self._matches("question", text.strip())
        assert len(found) == 1, f"{text} does not end with one question"
        line, question = found[0]
        facts = tuple(map(self._fact, re.split(r"(?<=[.])(?<! St[.]) ", question["before"])))  # St. Petersburg, FL
        return Document(facts, question["name"], line, question[self._attribute])

    def _fact(self, sentence: str) -> Fact:
        if sentence not in self._read:
            self._read[sentence] = self._made_out(sentence)
        return self._read[sentence]

    def _made_out(self, sentence: str) -> Fact:
        found = [(kind, *match) for kind in ("year", "same") for match in self._matches(kind, sentence)]
        assert len(found) < 2, f"{sentence} can be read in several ways"
        for kind, line, match in found:
            return Fact(kind, line, match["name"], match[self._attribute if kind == "year" else "other_name"], sentence)
        return Fact("", -1, "", "", sentence)

    def _matches(self, kind: str, text: str) -> list[tuple[int, re.Match[str]]]:
        tried = ((line, pattern.fullmatch(text)) for line, pattern in enumerate(self._of.get(kind, ())))
        return [(line, match) for line, match in tried if match]


def _pattern(line: str, looks: Mapping[str, str], after_others: bool) -> re.Pattern[str]:
    """What a sentence in the wording of a line looks like; after_others: with all that stands before it."""
    found = "(?P<before>.*[.]) " if after_others else ""
    seen: set[str] = set()
    for piece in VARIABLE.split(line):
        name = piece[3:-3]
        if not VARIABLE.fullmatch(piece):
            found += re.escape(piece)
        else:
            found += f"(?P={name})" if name in seen else f"(?P<{name}>{looks[name]})"
            seen.add(name)
    return re.compile(found)


def answer(facts: Sequence[Fact], asked: str) -> str | None:
    """What follows about somebody: their own value, or that of anyone whom `same` leads to; None where nothing does."""
    values = {fact.who: fact.what for fact in facts if fact.kind == "year"}
    links = [(fact.who, fact.what) for fact in facts if fact.kind == "same"]
    known, new = set[str](), {asked}
    while new:
        known |= new
        new = {b for pair in links for a, b in (pair, pair[::-1]) if a in known} - known
    found = {values[person] for person in known if person in values}
    assert len(found) < 2, "the text contradicts itself"
    return found.pop() if found else None
