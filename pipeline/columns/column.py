"""The base class of every kind of column, and what its methods receive when it is planned, measured and made.

Letters: S rows (sequences), L tokens in each, d documents.

Whoever reads a dataset imports the kinds for their types, so they import sources only where they plan or make rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from pipeline.columns.fields import Field
from pipeline.core.documents import Documents, Ragged
from pipeline.core.draws import I64
from pipeline.core.errors import KeyPath, SpecError
from pipeline.core.narrow_integers import narrowed
from pipeline.core.notices import whole
from pipeline.core.table import Column, Lists

if TYPE_CHECKING:
    from pipeline.packing.sequences import Sequences
    from pipeline.packing.spec import PackingSpec
    from pipeline.sources.source import Source
    from pipeline.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class PlannedSplit:
    """A split being planned: its packing, its sources by name, and the kinds of columns that it requests."""

    packing: PackingSpec
    sources: Mapping[str, Source]
    columns: Sequence[str]

    @property
    def attributes(self) -> tuple[str, ...]:
        """The labels of all sources, each once; the number of a span's attribute is an index into it. 0 is not used."""
        return tuple(dict.fromkeys(label for source in self.sources.values() for label in source.labels))

    def at(self, column: str) -> KeyPath:
        """The path at which the split requests a column, below its spec."""
        return "columns", self.columns.index(column)

    def check_rows(self, column: str) -> None:
        """SpecError unless each row holds one document, as this column needs."""
        if self.packing.method != "rows":
            at = self.at(column)
            among = [("columns",), at, ("packing",), ("packing", "method")]
            raise SpecError(f"{column} need a document a row", "Set packing.method to rows.", at, among)

    def check_range(self, column: str, what: str, count: int, limit: int, remedy: str) -> None:
        """SpecError if `count` things, called `what`, exceed the `limit` of the column's integer type."""
        if count > limit:
            raise SpecError(f"{count:,} {what}, but the column '{column}' numbers {limit:,}", remedy, self.at(column))


@dataclass(frozen=True)
class SplitSize:
    """The expected size of a split.

    tokens: on disk, padding included. segments: stretches of one document inside one sequence. values: an upper bound
    of marked values in a document.
    """

    packing: PackingSpec
    documents: int
    tokens: Fraction
    values: int

    @property
    def segments(self) -> int:
        """One for each document, and one more for each cut between two sequences."""
        return self.documents + self.tokens // self.packing.length


@dataclass(frozen=True)
class PackedDocuments:
    """The documents of a shard, or of some of its rows, in their sequences.

    sources: of the split. attributes: what the number of a span means. source, item, exposure (d,): identify each
    document; source is an index into `sources`.
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
        """The documents, cut as the sequences hold them."""
        return self.sequences.documents

    def by_source(self) -> Iterator[tuple[Source, I64]]:
        """Each source with the numbers of its documents, int64 (k,)."""
        for number, source in enumerate(self.sources):
            yield source, np.flatnonzero(self.source == number)

    @cached_property
    def individual(self) -> I64:
        """The individual that each document is about, int64 (d,); -1 for none."""
        individuals = np.full(len(self.documents), -1, np.int64)
        for source, rows in self.by_source():
            individuals[rows] = source.individuals(self.item[rows])
        return individuals

    def topics(self) -> list[str]:
        """The topic of each document (d,), such as the question that it asks; "" for none."""
        topics = [""] * len(self.documents)
        for source, rows in self.by_source():
            for row, topic in zip(rows.tolist(), source.topics(self.item[rows]), strict=True):
                topics[row] = topic
        return topics


class ColumnKind:
    """A kind of column that a split may request.

    name: as in `columns:` of a recipe. order: sorts its fields among those of other kinds. summary: what it holds, in a
    line. fields: column of a shard → its type. facts: key that it adds to a split's entry in the manifest → its type.
    needs_spans: whether sources must mark values in documents. of_trainers: whether trainers read it in place of the
    token ids, so that they say themselves where there is loss.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    summary: ClassVar[str]
    fields: ClassVar[Mapping[str, Field]]
    facts: ClassVar[Mapping[str, Any]] = {}
    needs_spans: ClassVar[bool] = False
    of_trainers: ClassVar[bool] = False

    def needs_parts(self, sources: Sequence[Source]) -> bool:
        """Whether these sources must mark the parts of documents (prompt, answer, …)."""
        return False

    def check(self, split: PlannedSplit) -> None:
        """Called if the split requests it. SpecError if it cannot be made, or its types cannot hold it."""

    def check_missing(self, split: PlannedSplit) -> None:
        """Called if the split does not request it. SpecError if it must."""

    def texts(self, split: PlannedSplit) -> Iterable[str]:
        """Texts, other than documents, whose tokens its entries may name."""
        return ()

    def check_shard(self, split: PlannedSplit, tokens: Fraction) -> None:
        """SpecError if the column of a shard with `tokens` tokens would be too large for a file."""

    def bytes(self, size: SplitSize) -> Fraction | int:
        """About how many bytes the column takes on disk."""
        raise NotImplementedError

    def make(self, packed: PackedDocuments) -> dict[str, Column]:
        """The column's fields by name, S rows each."""
        raise NotImplementedError

    def facts_of(self, sources: Sequence[Source]) -> dict[str, Any]:
        """The values of `facts`, by key."""
        return {}

    def meaning(self, split: Mapping[str, Any]) -> str:
        """What its numbers mean, in Markdown, or "". split: the split's entry in the manifest."""
        return ""


LONG_TOKEN = 16  # bytes: more than the tokens of any text have on average


def check_texts(split: PlannedSplit, column: str, tokens: Fraction) -> None:
    """SpecError if the texts of a shard with `tokens` tokens may have more bytes than Arrow's offsets can count."""
    if tokens * LONG_TOKEN >= 2**31:
        raise SpecError(
            f"the texts of a shard of {whole(tokens)} tokens may have 2^31 bytes or more",
            f"Lower shard_tokens to {2**31 // LONG_TOKEN - 1}.",
            split.at(column),
        )


def marked(rows: Ragged, meaning: str) -> Lists:
    """Rows (start, length, number) of sequences, as a list column with the fields start, length and `meaning`."""
    start, length, number = rows.values.T
    fields = {"start": start.copy(), "length": length.copy(), meaning: narrowed(number, np.uint8, meaning)}
    return Lists(rows.offsets, fields)
