"""The base class of sources: a number of items, and documents as a pure function of (item, exposure).

source.documents(item, exposure)      int64 (d,), int64 (d,) → d documents; each depends on its own row only
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, BinaryIO

import numpy as np

from pipeline.core.documents import ROLES, Documents
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError, suggest
from pipeline.core.key import Key
from pipeline.core.notices import Notice
from pipeline.sources.files.file import File
from pipeline.sources.files.known import check_all
from pipeline.sources.spec import AboutSpec, DocumentsSpec
from pipeline.text.pieces import Piece
from pipeline.text.symbols import NO_SYMBOLS, Symbols
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds.world import World


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
