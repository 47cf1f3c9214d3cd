"""What some sources can do beside making documents: say how long these are and what they state, answer wrongly, ask,
converse, show steps or trees, be read in blocks.

A source has an ability if it has the methods of the protocol; whoever needs it asks by `isinstance`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Documents, Ragged
from pipeline.core.draws import I64
from pipeline.core.key import Key
from pipeline.core.table import Column
from pipeline.text.expressions import Program
from pipeline.text.outline import Outline
from pipeline.text.shown_facts import Shown
from pipeline.worlds.world import World


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


@runtime_checkable
class Measured(Protocol):
    """A source that computes how long documents are without making them."""

    def lengths(self, item: I64, exposure: I64) -> I64 | None:
        """The number of tokens of each document, int64 (d,); None if only making the documents can tell."""
        ...


@runtime_checkable
class Informative(Protocol):
    """A source that states facts about the individuals of a world.

    Item i is about the individual people[i // len(shown)], and its documents show shown[i % len(shown)] of that
    individual. unknown: expected number of unknown tokens in a document; None if only a sample can tell. variants: how
    many different documents an item has, if each exposure draws a new wording; None otherwise, or if not counted.
    """

    people: range
    shown: tuple[Shown, ...]
    unknown: Fraction | None
    variants: int | None


@runtime_checkable
class Relating(Protocol):
    """An Informative source whose documents tell of other individuals too.

    others_shown: beside each of `shown`, what is told of those to whom paths lead.
    """

    others_shown: tuple[tuple[OthersShown, ...], ...]


class OthersShown(Protocol):
    """What documents show of those to whom a path leads.

    shares(people, chance): how likely each individual of the world is reached, float64 (n,), if each of these people
    has documents with a chance; or the mean of that, of large worlds.
    """

    @property
    def world(self) -> World: ...

    @property
    def shown(self) -> Shown: ...

    @property
    def shares(self) -> Callable[[range, float], NDArray[np.float64] | float]: ...


@runtime_checkable
class Stepped(Protocol):
    """A source whose documents are problems solved step by step."""

    def step_columns(self, item: I64, exposure: I64) -> dict[str, Column]:
        """Columns (d,) that describe the steps of each document, by name."""
        ...


@runtime_checkable
class Parsed(Protocol):
    """A source whose documents are sentences with trees.

    symbols: the names of all symbols of the trees, by number. depth: the number of symbols above each token.
    """

    @property
    def symbols(self) -> tuple[str, ...]: ...

    @property
    def depth(self) -> int: ...

    def trees(self, item: I64, exposure: I64) -> tuple[Ragged, NDArray[np.uint8]]:
        """For each token of all documents the symbols above it, from the root down, and how many constituents it ends.

        int16 rows (depth,) per document, -1 outside of a sentence; uint8 (T,).
        """
        ...
