"""What every kind of column is, and what it is planned, measured and made from.

Letters: S rows (sequences), L tokens in each, d documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.columns.fields import Field
from pipeline.core.documents import Documents, Ragged
from pipeline.core.draws import I64
from pipeline.core.errors import KeyPath, SpecError
from pipeline.core.narrow_integers import narrowed
from pipeline.core.notices import whole
from pipeline.core.table import Column, Lists
from pipeline.packing.sequences import Sequences
from pipeline.packing.spec import PackingSpec
from pipeline.sources.source import Source
from pipeline.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class PlannedSplit:
    """A split while it is planned: how it is packed, its sources by name, and the kinds of columns that it asks for."""

    packing: PackingSpec
    sources: Mapping[str, Source]
    columns: Sequence[str]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The labels of all sources, each once: what the number of a span's attribute means; number 0 is not used."""
        return tuple(dict.fromkeys(label for source in self.sources.values() for label in source.labels))

    def at(self, column: str) -> KeyPath:
        """Where the split asks for a column, below its spec."""
        return "columns", self.columns.index(column)

    def check_rows(self, column: str) -> None:
        """SpecError where a column needs a document a row, and sequences hold several."""
        if self.packing.method != "rows":
            at = self.at(column)
            among = [("columns",), at, ("packing",), ("packing", "method")]
            raise SpecError(f"{column} need a document a row", "Set packing.method to rows.", at, among)

    def check_range(self, column: str, what: str, count: int, limit: int, remedy: str) -> None:
        """SpecError where a column has to number more things than its type has numbers for."""
        if count > limit:
            raise SpecError(f"{count:,} {what}, but the column '{column}' numbers {limit:,}", remedy, self.at(column))


@dataclass(frozen=True)
class SplitSize:
    """How big a split is expected to be.

    tokens: on disk, padding included. segments: stretches of a document inside one sequence. values: marked values of a
    document, at most.
    """

    packing: PackingSpec
    documents: int
    tokens: Fraction
    values: int

    @property
    def segments(self) -> int:
        """A cut between two sequences adds one."""
        return self.documents + self.tokens // self.packing.length


@dataclass(frozen=True)
class PackedDocuments:
    """The documents of a shard, or of some of its rows, in their sequences.

    sources: of the split. attributes: what the number of a span means. source, item, exposure (d,): which document each
    is; source is an index into `sources`.
    """

    sources: Sequence[Source]
    attributes: Sequence[str]
    tokenizer: Tokenizer
    sequences: Sequences
    source: NDArray[np.uint16]
    item: I64
    exposure: I64

    @property
    def documents(self) -> Documents:
        """Their tokens, spans and parts, as far as the sequences hold them."""
        return self.sequences.documents

    def by_source(self) -> Iterator[tuple[Source, I64]]:
        """Each source, and which of the documents are its own, int64 (k,)."""
        for number, source in enumerate(self.sources):
            yield source, np.flatnonzero(self.source == number)

    @cached_property
    def individual(self) -> I64:
        """Whom of its world each document is about, int64 (d,); -1 for nobody."""
        individuals = np.full(len(self.documents), -1, np.int64)
        for source, rows in self.by_source():
            individuals[rows] = source.individuals(self.item[rows])
        return individuals


class ColumnKind:
    """A kind of column that a split may ask for.

    name: as `columns:` in a recipe has it. order: where its fields stand among those of the others. summary: what it
    holds, in a line. fields: the columns of a shard that it becomes, and their types. facts: keys of its own in a
    split's entry in the manifest, and their types. needs_spans: whether sources have to mark values in documents.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    summary: ClassVar[str]
    fields: ClassVar[Mapping[str, Field]]
    facts: ClassVar[Mapping[str, Any]] = {}
    needs_spans: ClassVar[bool] = False

    def needs_parts(self, sources: Sequence[Source]) -> bool:
        """Whether these sources have to mark what the parts of documents are for."""
        return False

    def check(self, split: PlannedSplit) -> None:
        """SpecError where the split asks for it and it cannot be made, or its types cannot hold it."""

    def check_missing(self, split: PlannedSplit) -> None:
        """SpecError where the split does not ask for it and should."""

    def check_shard(self, split: PlannedSplit, tokens: Fraction) -> None:
        """SpecError where a shard of so many tokens has more of it than a file can hold."""

    def bytes(self, size: SplitSize) -> Fraction | int:
        """About how many bytes it takes on disk."""
        raise NotImplementedError

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        """Its fields, S rows each."""
        raise NotImplementedError

    def facts_of(self, sources: Sequence[Source]) -> dict[str, Any]:
        """The values of `facts`."""
        return {}

    def meaning(self, split: Mapping[str, Any]) -> str:
        """What its numbers mean, in Markdown, by a split's entry in the manifest; "" where there is nothing to say."""
        return ""


LONG_TOKEN = 16  # bytes: more than the tokens of any text have on average


def check_texts(split: PlannedSplit, column: str, tokens: Fraction) -> None:
    """SpecError where the texts of a shard of so many tokens may be more bytes than Arrow's offsets count."""
    if tokens * LONG_TOKEN >= 2**31:
        raise SpecError(
            f"the texts of a shard of {whole(tokens)} tokens may have 2^31 bytes or more",
            f"Lower shard_tokens to {2**31 // LONG_TOKEN - 1}.",
            split.at(column),
        )


def marked(rows: Ragged, meaning: str) -> Lists:
    """Rows (start, length, number) of sequences as a list column, the number being called `meaning`."""
    start, length, number = rows.values.T
    fields = {"start": start.copy(), "length": length.copy(), meaning: narrowed(number, np.uint8, meaning)}
    return Lists(rows.offsets, fields)
