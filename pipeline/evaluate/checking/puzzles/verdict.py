"""The verdict on an answer to a puzzle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.evaluate.checking.verdict import Why


class Reason(Why):
    """What is wrong with an answer."""

    UNFINISHED = "unfinished", "nothing is said, or a word or sentence breaks off"
    STRANGER = "stranger", "something that the problem does not have"
    NEEDLESS = "needless", "a node that the query does not depend on"
    REPEATED = "repeated", "a node is listed again"
    MISSING = "missing", "it ends before everything is said"
    ORDER = "order", "a node is listed before one that it depends on"
    VALUE = "value", "another node, number or token than the right one"
    EXTRA = "extra", "more is said than the answer"
    SENTENCE = "sentence", "no sentence of the grammar"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict. reason: None for a right answer. detail: the wrong tokens."""

    reason: Reason | None = None
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.reason is None


RIGHT = Verdict()


class Puzzle(Protocol):
    """A problem that has been read from a prompt."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """What results may be broken down by, such as how many nodes there are."""

    def verify(self, answer: Sequence[str]) -> Verdict:
        """The verdict on any tokens as its answer. No tokens raise an error."""
