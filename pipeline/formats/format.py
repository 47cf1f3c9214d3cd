"""Format: how a split becomes files, and which of its columns these files can hold.

A format gets what the manifest states of a split (`Split`, `Shard`), reads columns (`Rows`) and writes files (`Files`).
It knows no folder, recipe or source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key_

from pipeline.core.documents import Ragged
from pipeline.core.errors import SpecError, suggest
from pipeline.core.json_layouts import STRICT, Count, ExportFile, FileHash, OpenLayout
from pipeline.core.narrow_integers import narrowed
from pipeline.core.spec import Name, Spec
from pipeline.core.table import Columns


class ExportSpec(Spec):
    """The options that every format has. Each adds `kind`, its name, after its own: their order is in export.json."""

    if TYPE_CHECKING:
        kind: str

    splits: list[Name] | None = Key_(None, min_length=1, description="Which of the dataset's; default: all.")
    columns: list[Name] | None = Key_(
        None, min_length=1, description="Which of the shards'; default: all, refused where one has no place."
    )


@dataclass(frozen=True)
class Shard:
    """One shard of the dataset, as the manifest counts it."""

    number: int
    sequences: int
    documents: int
    tokens: int


@dataclass(frozen=True)
class Split:
    """What is known of a split before its shards are read.

    rows: whether each row is one document, of `length` real tokens; else documents are packed one after another. pure:
    whether no document continues from one window into the next. closed: whether every document is complete and ends
    with the end token. columns: all columns of the shards. ids: dtype of the token ids. end: id of the end token.
    shards: empty where a recipe is checked before it is built. empties: whether a document may be the end token alone.
    """

    name: str
    length: int
    rows: bool
    pure: bool
    closed: bool
    columns: tuple[str, ...]
    ids: np.dtype[Any]
    end: int
    shards: tuple[Shard, ...] = ()
    empties: bool = False

    @property
    def filled(self) -> tuple[Shard, ...]:
        """The shards that have rows. (A shard has none where packing dropped all of its documents.)"""
        return tuple(shard for shard in self.shards if shard.sequences)


@dataclass(frozen=True)
class Part:
    """Whole shards that become files of their own. An interrupted export keeps the finished parts."""

    split: Split
    number: int
    of: int
    shards: tuple[Shard, ...]

    @property
    def tokens(self) -> int:
        """Tokens of all its documents."""
        return sum(shard.tokens for shard in self.shards)


class File(Protocol):
    """A file that is being written. `facts` go into its record, with size and hash, for the index and export.json."""

    facts: dict[str, Any]

    def write(self, data: Any) -> int: ...


class Files(Protocol):
    """Where a format writes."""

    def create(self, name: str) -> AbstractContextManager[File]:
        """A new file. It gets its name when the block ends, and is removed when the block raises."""
        ...


class Rows(Protocol):
    """Where a format reads."""

    def of(self, shard: Shard) -> Iterator[Columns]:
        """The chosen columns of a shard, some rows at a time. Each call begins at the first row."""
        ...

    def texts(self, documents: Ragged) -> list[str]:
        """The text of each document, with U+FFFD for bytes that are not valid UTF-8."""
        ...

    def broken(self, documents: Ragged) -> bool:
        """Whether any of the documents is not valid UTF-8."""
        ...


Written = Mapping[str, Any]  # the record of a file: file, bytes, file_hash, and its facts


class FileRecord(OpenLayout):
    """The keys that the record of every exported file has, beside its facts."""

    file: ExportFile
    bytes: Count
    file_hash: FileHash


class CountedRecord(FileRecord):
    """The record of a file of documents: how many, and their tokens."""

    model_config = STRICT

    documents: Count
    tokens: Count


class Format(ABC):
    """How a split becomes files, by default one part per shard that has rows, and no index. One instance per export.

    Record: the layout of the record of a file that `write` makes. reads: columns that it needs whether or not they are
    exported. Every method but `__init__` may raise SpecError for what the format cannot hold.
    """

    Record: ClassVar[type[FileRecord]] = CountedRecord
    reads: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __init__(self, spec: Any) -> None:
        """spec: the options, as the format's own Spec has them."""

    @abstractmethod
    def place(self, split: Split, column: str) -> bool:
        """Whether the format can hold a column, or finds documents by it."""

    def check(self, split: Split) -> None:
        """SpecError where the format cannot hold the split, whatever its columns: by default one without rows."""
        if split.shards and not split.filled:
            raise SpecError(
                f"split '{split.name}' has no rows: every document of it was dropped",
                "Leave it out with --split or `splits`, or build it with a bigger packing.length.",
                ("splits",),
            )

    def parts(self, split: Split) -> list[Part]:
        """The split in parts, at least one. The files of a part depend on no other part."""
        return [Part(split, i, len(split.filled), (shard,)) for i, shard in enumerate(split.filled)]

    @abstractmethod
    def write(self, part: Part, rows: Rows, files: Files) -> None:
        """All files of a part."""

    def index(self, written: Mapping[str, Sequence[Written]]) -> dict[str, str]:
        """The index files, name → text, written last. written: split → records of its files, at least one."""
        return {}


@dataclass(frozen=True)
class FormatKind:
    """A format as its file declares it at its foot. summary: a line for `export --help`."""

    spec: type[ExportSpec]
    format: type[Format]
    summary: str

    @property
    def name(self) -> str:
        """The name in recipes and `--to`: the only value of `kind` in its options."""
        name: str = self.spec.model_fields["kind"].default
        return name


def selected(format_: Format, spec: ExportSpec, splits: Mapping[str, Split]) -> dict[str, tuple[str, ...]]:
    """Split → the columns to export. SpecError where the format cannot hold a split or a column."""
    for i, name in enumerate(spec.splits or ()):
        if name not in splits:
            raise SpecError(f"no split '{name}'", suggest(name, splits), ("splits", i))
    chosen = [split for name, split in splits.items() if spec.splits is None or name in spec.splits]
    known = {column for split in chosen for column in split.columns}
    for i, name in enumerate(spec.columns or ()):
        if name not in known:
            raise SpecError(f"no column '{name}'", suggest(name, known), ("columns", i))
    for split in chosen:
        format_.check(split)
    return {split.name: _columns_exported(format_, spec, split) for split in chosen}


def _columns_exported(format_: Format, spec: ExportSpec, split: Split) -> tuple[str, ...]:
    """The columns of a split to export. SpecError for a column that the format cannot hold."""
    wanted = split.columns if spec.columns is None else [name for name in split.columns if name in spec.columns]
    homeless = [name for name in wanted if not format_.place(split, name)]
    if not wanted or homeless:
        fitting = [name for name in split.columns if format_.place(split, name)]
        raise SpecError(
            f"split '{split.name}': "
            + (f"no place for {', '.join(homeless)}" if homeless else "none of these columns"),
            f"In a recipe: columns: [{', '.join(fitting)}]. Or: --columns {','.join(fitting)}.",
            ("columns",),
        )
    return tuple(wanted)


def little(values: NDArray[Any], kind: str = "", what: str = "number") -> memoryview:
    """The bytes of an array, little-endian, in C order; cast to the dtype `kind` if given.

    what: what messages call the numbers. RunError where one of them does not fit `kind`.
    """
    cast = narrowed(values, kind, what) if kind else values
    return np.ascontiguousarray(cast, cast.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
