"""What a format is: which files a split becomes, and which of its columns have a place in them.

A format is given what the manifest states of a split (`Split`, `Shard`), reads columns (`Rows`) and writes files
(`Files`). It knows no folder, recipe or source.
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
    """What is known of a split before any of it is read.

    rows: one document per row, its real tokens counted in `length`; else documents are packed one after the other.
    pure: windows that stand each for itself. closed: every document is complete and ends with the end token. columns:
    the names of all that the shards hold. ids: the dtype of the token ids. end: the id that ends documents. shards:
    empty where a recipe is checked before it is built. empties: whether a document may be nothing but the end token.
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
        """The shards that have rows: of one whose documents were all dropped there is nothing to export."""
        return tuple(shard for shard in self.shards if shard.sequences)


@dataclass(frozen=True)
class Part:
    """Whole shards of a split that become files of their own: what an interrupted export keeps is finished parts."""

    split: Split
    number: int
    of: int
    shards: tuple[Shard, ...]

    @property
    def tokens(self) -> int:
        """Of all its documents."""
        return sum(shard.tokens for shard in self.shards)


class File(Protocol):
    """A file that is being written. `facts` are kept with its size and hash, for the index and for export.json."""

    facts: dict[str, Any]

    def write(self, data: Any) -> int: ...


class Files(Protocol):
    """Where a format writes."""

    def create(self, name: str) -> AbstractContextManager[File]:
        """A file that takes its name when the block ends, and leaves nothing behind when it raises."""
        ...


class Rows(Protocol):
    """Where a format reads."""

    def of(self, shard: Shard) -> Iterator[Columns]:
        """The chosen columns of a shard, some rows at a time; from the beginning whenever it is called."""
        ...

    def texts(self, documents: Ragged) -> list[str]:
        """Token ids as text, with U+FFFD for bytes that are no character."""
        ...

    def broken(self, documents: Ragged) -> bool:
        """Whether the tokens of any of the documents are no whole characters."""
        ...


Written = Mapping[str, Any]  # of a file: file, bytes, file_hash, and its facts


class FileRecord(OpenLayout):
    """What a record of an export says of a file, whatever its facts are."""

    file: ExportFile
    bytes: Count
    file_hash: FileHash


class CountedRecord(FileRecord):
    """Of a file of documents: how many, and their tokens."""

    model_config = STRICT

    documents: Count
    tokens: Count


class Format(ABC):
    """How a split becomes files, by default one part per shard that has rows, and no index. One instance per export.

    Record: what is recorded of a file that `write` makes. reads: the columns that it needs, whichever are chosen. Every
    method but `__init__` may raise SpecError for what the format cannot hold.
    """

    Record: ClassVar[type[FileRecord]] = CountedRecord
    reads: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __init__(self, spec: Any) -> None:
        """spec: the options, as the format's own Spec has them."""

    @abstractmethod
    def place(self, split: Split, column: str) -> bool:
        """Whether a column has a place in the format, or is what its documents are found by."""

    def check(self, split: Split) -> None:
        """SpecError where the format cannot hold the split, whatever its columns are: no reader opens empty files."""
        if split.shards and not split.filled:
            raise SpecError(
                f"split '{split.name}' has no rows: every document of it was dropped",
                "Leave it out with --split or `splits`, or build it with a bigger packing.length.",
                ("splits",),
            )

    def parts(self, split: Split) -> list[Part]:
        """The split in parts, at least one. What is written of one depends on no other."""
        return [Part(split, i, len(split.filled), (shard,)) for i, shard in enumerate(split.filled)]

    @abstractmethod
    def write(self, part: Part, rows: Rows, files: Files) -> None:
        """All files of a part."""

    def index(self, written: Mapping[str, Sequence[Written]]) -> dict[str, str]:
        """The files, name → text, that name the others (split → its files, at least one); written after all of them."""
        return {}


@dataclass(frozen=True)
class FormatKind:
    """A format as its file declares it at its foot. summary: a line for `export --help`."""

    spec: type[ExportSpec]
    format: type[Format]
    summary: str

    @property
    def name(self) -> str:
        """What recipes and `--to` call it: the only `kind` that its options allow."""
        name: str = self.spec.model_fields["kind"].default
        return name


def selected(format_: Format, spec: ExportSpec, splits: Mapping[str, Split]) -> dict[str, tuple[str, ...]]:
    """Which columns of which splits are exported: split → columns. SpecError where the format cannot hold them."""
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
    """The columns of a split that are exported. SpecError for one without a place."""
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
    """An array as the bytes that files hold: in order, little-endian; of type `kind` where one is given.

    what: what the numbers are. RunError where one of them does not fit `kind`.
    """
    cast = narrowed(values, kind, what) if kind else values
    return np.ascontiguousarray(cast, cast.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data
