"""What some sources can do beside making documents: state what these contain, answer wrongly, ask, converse, be read
in blocks.

A source has an ability if it has the methods of the protocol; whoever needs it asks by `isinstance`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

from pipeline.core.documents import Documents
from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.text.expressions import Program
from pipeline.text.outline import Outline


@runtime_checkable
class Outlined(Protocol):
    """A source whose documents are outlines of programs, in which every sentence of a prompt or an answer has its role.

    programs: all that its documents can have, by number. slots: columns of an outline's rows. wrong_label: the label of
    false values, 0 for none. never_first: programs that begin neither a prompt nor an answer.
    """

    programs: Sequence[Program]
    slots: int
    wrong_label: int
    never_first: Collection[int]

    def outline(self, item: I64, exposure: I64) -> Outline: ...


@runtime_checkable
class Mistaken(Protocol):
    """A source that can answer its own questions wrongly, in several ways.

    ways: their names, none if it has no answers.
    """

    @property
    def ways(self) -> tuple[str, ...]: ...

    def wrong_outline(self, way: str, item: I64, exposure: I64, key: Key, attempt: int) -> Outline:
        """The outline of documents (d,) whose answers are wrong, with the same sentences as the right ones.

        key, attempt: other values give other wrong answers. One may be right by chance: whoever asks compares.
        """
        ...

    def documents_of(self, outline: Outline) -> Documents:
        """The documents of an outline, with their parts."""
        ...


@runtime_checkable
class Asking(Protocol):
    """A source whose items are questions: item = individual · (number of questions) + question."""

    questions: Sequence[str]


@runtime_checkable
class Conversing(Protocol):
    """A source whose documents are conversations, if `conversing`."""

    conversing: bool

    def messages(self, item: I64, exposure: I64) -> list[list[tuple[str, str]]]:
        """The (role, content) of each message of each document (d,)."""
        ...


@runtime_checkable
class Blocked(Protocol):
    """A source whose items are read in blocks, if it has any.

    blocks: the first item of each block, then the number of items, int64 (b + 1,); None if any item is read as quickly
    as any other.
    """

    @property
    def blocks(self) -> I64 | None: ...
