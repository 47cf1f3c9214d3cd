"""What every source is: a length, and documents as a pure function of (item, exposure).

source.documents(item, exposure)      int64 (d,), int64 (d,) → d documents, each the same whatever the others are
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, model_validator
from pydantic import Field as Key_

from pipeline.core.documents import ROLES, Documents, Ragged
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError, suggest
from pipeline.core.key import Key
from pipeline.core.notices import Notice
from pipeline.core.spec import Name, Spec, refused
from pipeline.core.table import Column
from pipeline.text.pieces import Piece, literal, special
from pipeline.text.shown_facts import Shown
from pipeline.text.symbols import NO_SYMBOLS, Alphabet, Symbols
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds.world import World

Variants = Annotated[int, Key_(ge=1, le=2**31 - 1)] | Literal["fresh"]
Role = Literal["tag", "prompt", "hint", "answer", "mistake", "weak", "silent", "back", "attempt"]
MEASURED = 8192  # documents made at once where only their lengths are wanted
SAMPLE = 2000  # documents whose mean length stands for all where it cannot be computed


class MarkSpec(Spec):
    """A marker inside documents: one special token, which is added to the tokenizer, or plain text."""

    token: str | None = Key_(None, min_length=1, description="One special token.")
    text: str | None = Key_(None, min_length=1, description="Text, tokenized as any other, a space before it.")

    @classmethod
    def of(cls, token: str) -> MarkSpec:
        """The mark that is this special token."""
        return cls(token=token)

    @model_validator(mode="after")
    def _one_of_both(self) -> MarkSpec:
        if (self.token is None) == (self.text is None):
            if self.token is None:
                raise refused("a mark is either a token or a text", "Write one of the two.")
            raise refused("a mark is either a token or a text, not both", among=[("token",), ("text",)], exclusive=True)
        return self

    def piece(self) -> Piece:
        """The mark as a piece of a template."""
        return special(self.token) if self.token is not None else literal(self.text or "")


def _mark(value: Any) -> Any:
    return {"token": value} if isinstance(value, str) else value


Mark = Annotated[MarkSpec, BeforeValidator(_mark, json_schema_input_type=str | MarkSpec)]


class DocumentsSpec(Spec):
    """The keys that every source has."""

    if TYPE_CHECKING:
        kind: str  # each spec has one, a Literal of its names, where it stands among the keys of a recipe

    tag: Mark | None = Key_(
        None, description="What each document begins with, such as <Wikipedia.org>: a special token, or {text: …}."
    )
    mask: list[Role] = Key_([], description="Parts of documents on which there is no loss, such as prompt or mistake.")

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        """Every mark that its documents may contain."""
        return (self.tag,) if self.tag else ()

    @property
    def ended(self) -> bool:
        """Whether every document ends with the end token."""
        return True

    @property
    def symbols(self) -> Alphabet | None:
        """The alphabet of its tokens that are symbols rather than text; None where there are none."""
        return None


class AboutSpec(DocumentsSpec):
    """The keys of a source about the individuals of a world."""

    world: Name
    only: Name | None = Key_(None, description="A group of the world; default: everybody.")


@dataclass(frozen=True)
class Context:
    """What a source is compiled from, beside its own spec."""

    worlds: Mapping[str, World]
    tokenizer: Tokenizer
    key: Key
    symbols: Symbols = NO_SYMBOLS

    def about(self, spec: AboutSpec) -> tuple[World, range]:
        """The world of a source, and its individuals that the source is about. SpecError for an unknown name."""
        if spec.world not in self.worlds:
            at = ("world",)
            among = [at, ("..", "..", "worlds", spec.world), ("..", "..", "worlds")]
            raise SpecError(f"no world '{spec.world}'", suggest(spec.world, self.worlds), at, among)
        world = self.worlds[spec.world]
        try:
            return world, world.members(spec.only)
        except SpecError as error:
            raise SpecError(error.problem, error.remedy, ("only",)) from None


class Source(ABC):
    """Items 0 … len-1, each of which can be rendered at any exposure.

    labels: what the label of a span means, by number. roles: those of ROLES that parts of its documents have. mask:
    those of them without loss. notices: what `plan` reports about it. exposures: how often each item is shown where
    the recipe does not say; None where the recipe must. mean_tokens: expected tokens of a document, its end token
    included. longest: most tokens of a document; None where that is not known ahead. world: the world that its
    documents state facts of, None where they state none.

    What has a value here is that of a source of plain documents about nobody; a kind overrides what differs.
    """

    labels: tuple[str, ...] = ("",)
    roles: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    exposures: int | None = 1
    mean_tokens: Fraction
    longest: int | None = None
    world: World | None = None

    @abstractmethod
    def __init__(self, spec: Any, context: Context) -> None:
        """SpecError, `at` below the spec, where it cannot be compiled."""

    @abstractmethod
    def __len__(self) -> int:
        """How many items there are."""

    @abstractmethod
    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """One document for each row of item, exposure (d,): row by row, whatever the other rows are.

        spans: with the rows (start, length, label) of names and values. parts: with the rows (start, length, role).
        """

    def individuals(self, item: I64) -> I64:
        """Whom of the world each item (d,) is about: int64 (d,), -1 for nobody."""
        return np.full(item.size, -1, np.int64)

    def topics(self, item: I64) -> list[str]:
        """What each item (d,) is about, in a word such as the question it asks; "" for no one thing."""
        return [""] * item.size


@runtime_checkable
class Measured(Protocol):
    """A source that computes how long documents are without making them."""

    def lengths(self, item: I64, exposure: I64) -> I64 | None:
        """Tokens of each document that `documents` would return, int64 (d,); None where they must be made first."""
        ...


@runtime_checkable
class Informative(Protocol):
    """A source that states what is true of the individuals of a world.

    Item i is about individual people[i // len(shown)], and its documents show of that individual
    shown[i % len(shown)]. unknown: expected tokens of a document that the tokenizer does not know; None where only a
    sample can say. variants: how many different documents the exposures of an item can give, where each exposure is
    worded anew; None where it is not, or where they are not counted.
    """

    people: range
    shown: tuple[Shown, ...]
    unknown: Fraction | None
    variants: int | None


@runtime_checkable
class Stepped(Protocol):
    """A source whose documents are solved step by step."""

    def step_columns(self, item: I64, exposure: I64) -> dict[str, Column]:
        """Columns (d,) that describe the steps of each document, by name."""
        ...


@runtime_checkable
class Parsed(Protocol):
    """A source whose documents are sentences with trees.

    symbols: the names of all symbols of the trees, by number. depth: how many symbols stand above a token.
    """

    @property
    def symbols(self) -> tuple[str, ...]: ...

    @property
    def depth(self) -> int: ...

    def trees(self, item: I64, exposure: I64) -> tuple[Ragged, NDArray[np.uint8]]:
        """For each token of each document: the symbols above it, a column a level, and how many of these it ends."""
        ...


def prefix(spec: DocumentsSpec) -> Piece | None:
    """What the documents of a source begin with: its tag, None where it has none."""
    return spec.tag.piece() if spec.tag else None


def mask_of(spec: DocumentsSpec, roles: tuple[str, ...]) -> tuple[str, ...]:
    """The masked roles of a spec. SpecError for one that is not among `roles`, those that the documents have."""
    for i, role in enumerate(spec.mask):
        if role not in roles:
            has = f"It has: {', '.join(roles)}." if roles else "Its documents have none."
            raise SpecError(f"no part of these documents is of the role {role}", has, ("mask", i))
    return tuple(spec.mask)


def number_of(role: str) -> int:
    """The number that a role is stored as."""
    return ROLES.index(role)


def lengths_of(source: Source, item: I64, exposure: I64) -> I64:
    """Tokens of the documents `item` (d,) at `exposure` (d,): computed where the source can, else they are made."""
    computed = source.lengths(item, exposure) if isinstance(source, Measured) else None
    if computed is not None:
        return computed
    lengths = np.empty(item.size, np.int64)
    for first in range(0, item.size, MEASURED):
        chunk = slice(first, first + MEASURED)
        lengths[chunk] = source.documents(item[chunk], exposure[chunk], spans=False).tokens.lengths
    return lengths


def is_measured(source: Source) -> bool:
    """Whether the lengths of its documents are known without making them."""
    nothing = np.empty(0, np.int64)
    return isinstance(source, Measured) and source.lengths(nothing, nothing) is not None


def sample_lengths(source: Source, sample: int = SAMPLE) -> I64:
    """Tokens of the first documents at exposure 0: int64 (sample,), or fewer where there are fewer items."""
    item = np.arange(min(sample, len(source)), dtype=np.int64)
    return source.documents(item, np.zeros_like(item), spans=False).tokens.lengths


def sample_mean(source: Source, sample: int = SAMPLE) -> Fraction:
    """Mean tokens of the first documents, for a source whose mean cannot be computed."""
    lengths = sample_lengths(source, sample)
    return Fraction(int(lengths.sum()), len(lengths))
