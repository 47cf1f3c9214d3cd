"""The base class of sources: a number of items, and documents as a pure function of (item, exposure).

source.documents(item, exposure)      int64 (d,), int64 (d,) → d documents; each depends on its own row only
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal, Protocol, runtime_checkable

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
from pipeline.sources.chat.spec import Chat
from pipeline.sources.files.file import File
from pipeline.sources.files.known import check_all
from pipeline.text.pieces import Piece, literal, special
from pipeline.text.shown_facts import Shown
from pipeline.text.symbols import NO_SYMBOLS, Alphabet, Symbols
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds.world import World

Variants = Annotated[int, Key_(ge=1, le=2**31 - 1)] | Literal["fresh"]
Role = Literal[
    "tag", "prompt", "hint", "answer", "mistake", "weak", "silent", "back", "attempt", "system", "template", "end"
]
MEASURED = 8192  # documents made at once when only their lengths are needed
SAMPLE = 2000  # documents from which a mean length is estimated if it cannot be computed


class MarkSpec(Spec):
    """A marker inside documents: one special token, which is added to the tokenizer, or plain text."""

    token: str | None = Key_(None, min_length=1, description="One special token.")
    text: str | None = Key_(None, min_length=1, description="Text, tokenized as any other, a space before it.")

    @classmethod
    def of(cls, token: str) -> MarkSpec:
        """The mark with this special token."""
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
        kind: str  # each spec declares it itself, a Literal of its names, at its place among the keys

    tag: Mark | None = Key_(
        None, description="What each document begins with, such as <Wikipedia.org>: a special token, or {text: …}."
    )
    mask: list[Role] = Key_([], description="Parts of documents on which there is no loss, such as prompt or mistake.")
    chat: Chat | None = Key_(
        None, description="Documents as conversations, by a chat template: its name alone, or {template: …}."
    )

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        """Every mark that its documents may contain."""
        of_chat = [MarkSpec.of(token) for token in self.chat.tokens] if self.chat else []
        return (*((self.tag,) if self.tag else ()), *of_chat)

    @property
    def credits(self) -> tuple[str, ...]:
        """What of it a language model wrote, and which: a line each, for the card. They change no byte of a shard."""
        return ()

    @property
    def ended(self) -> bool:
        """Whether every document ends with the end token, and has no other."""
        return self.chat is None or not self.chat.writes_end

    @property
    def symbols(self) -> Alphabet | None:
        """The alphabet of its tokens that are symbols rather than text; None where there are none."""
        return None

    def portable(self) -> DocumentsSpec:
        """The spec as the recipe of a dataset has it."""
        return self

    def saved_code(self) -> str | None:
        """The text of the Python file that makes its documents, which a dataset keeps; None where there is none."""
        return None


class AboutSpec(DocumentsSpec):
    """The keys of a source about the individuals of a world."""

    world: Name = Key_(description="The world whose individuals its documents are about.")
    only: Name | None = Key_(None, description="A group of the world; default: everybody.")


@dataclass(frozen=True)
class Context:
    """What a source is compiled from, in addition to its spec. sources: those that were compiled before it."""

    worlds: Mapping[str, World]
    tokenizer: Tokenizer
    key: Key
    symbols: Symbols = NO_SYMBOLS
    sources: Mapping[str, Source] = field(default_factory=dict)

    def about(self, spec: AboutSpec) -> tuple[World, range]:
        """The source's world, and the individuals that the source is about. SpecError for an unknown world or group."""
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
    """Items 0 … len-1; each can be rendered at any exposure.

    labels: labels[l] is the attribute that a span with the label l shows. roles: the roles that parts of its documents
    have. mask: the roles without loss. notices: what `plan` reports about it. exposures: the default number of
    exposures of each item; None if the recipe must state it. mean_tokens: expected tokens of a document, end token
    included. longest: an upper bound of them; None if unknown. world: whose facts its documents state, or None. kind:
    its kind in the recipe, which is set when it is compiled. origin: what the manifest says of the files that its
    documents are read from; None where they are made. from_files: whether its items are rows of files, in their order.
    speed: about how many tokens a second one core makes; None if as many as its kind.

    The defaults are those of plain documents about nobody; a kind overrides what differs.
    """

    labels: tuple[str, ...] = ("",)
    roles: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    exposures: int | None = 1
    mean_tokens: Fraction
    longest: int | None = None
    world: World | None = None
    kind: str = ""
    origin: Mapping[str, Any] | None = None
    from_files: bool = False
    speed: float | None = None

    @abstractmethod
    def __init__(self, spec: Any, context: Context) -> None:
        """SpecError, `at` below the spec, if the source cannot be compiled."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of items."""

    @property
    def files(self) -> tuple[File, ...]:
        """The files that its documents are read from, as they were when the plan was made; none where they are made."""
        return ()

    def check_files(self) -> None:
        """SpecError where one of `files` is no longer what it was."""
        check_all(self.files)

    @abstractmethod
    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """One document for each row of item and exposure, int64 (d,) both; it does not depend on the other rows.

        spans: mark names and values, rows (start, length, label). parts: mark roles, rows (start, length, role).
        """

    @property
    def rendered(self) -> bool:
        """Whether its documents take the slow path: rendered as text, and encoded one by one."""
        return False

    def token_ids(self) -> I64 | None:
        """The ids that its documents can have, int64 (n,), ascending; None if not known before they are encoded."""
        return None

    def beside(self) -> tuple[str, Callable[[BinaryIO], None]] | None:
        """What a dataset keeps of it that no byte of a row depends on: a name below BESIDE, and what writes the file.

        The file is one of kept_arrays.py, sealed by the last step of its name. None where there is nothing to keep.
        """
        return None

    def individuals(self, item: I64) -> I64:
        """The individual that each item (d,) is about: int64 (d,), -1 for none."""
        return np.full(item.size, -1, np.int64)

    def topics(self, item: I64) -> list[str]:
        """The topic of each item (d,), in a word such as the question that it asks; "" if it has no single topic."""
        return [""] * item.size


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


def prefix(spec: DocumentsSpec) -> Piece | None:
    """The prefix of a source's documents: its tag, or None."""
    return spec.tag.piece() if spec.tag else None


def mask_of(spec: DocumentsSpec, roles: tuple[str, ...]) -> tuple[str, ...]:
    """The masked roles of a spec. SpecError if one is not in `roles`, the roles that its documents have."""
    for i, role in enumerate(spec.mask):
        if role not in roles:
            has = f"It has: {', '.join(roles)}." if roles else "Its documents have none."
            raise SpecError(f"no part of these documents is of the role {role}", has, ("mask", i))
    return tuple(spec.mask)


def number_of(role: str) -> int:
    """The number that stands for a role in `Documents.parts`: its index in ROLES."""
    return ROLES.index(role)


def lengths_of(source: Source, item: I64, exposure: I64) -> I64:
    """The number of tokens of each document, int64 (d,): computed if the source can, otherwise by making them."""
    computed = source.lengths(item, exposure) if isinstance(source, Measured) else None
    if computed is not None:
        return computed
    lengths = np.empty(item.size, np.int64)
    for first in range(0, item.size, MEASURED):
        chunk = slice(first, first + MEASURED)
        lengths[chunk] = source.documents(item[chunk], exposure[chunk], spans=False).tokens.lengths
    return lengths


def is_measured(source: Source) -> bool:
    """Whether the source knows the lengths of its documents without making them."""
    nothing = np.empty(0, np.int64)
    return isinstance(source, Measured) and source.lengths(nothing, nothing) is not None


def sample_lengths(source: Source, sample: int = SAMPLE, *, spread: bool = False) -> I64:
    """The number of tokens of the first `sample` items (all, if there are fewer) at exposure 0: int64 (n,).

    spread: take as many items with even gaps, for a source whose later items differ from the first.
    """
    count = min(sample, len(source))
    item = np.arange(count, dtype=np.int64)
    if spread:
        item = np.array([number * len(source) // count for number in range(count)], np.int64)
    return source.documents(item, np.zeros_like(item), spans=False).tokens.lengths


def sample_mean(source: Source, sample: int = SAMPLE, *, spread: bool = False) -> Fraction:
    """The mean of `sample_lengths`, for a source whose mean cannot be computed."""
    lengths = sample_lengths(source, sample, spread=spread)
    return Fraction(int(lengths.sum()), len(lengths))
