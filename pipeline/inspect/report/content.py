"""What a report says: its numbers, examples and texts, as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.inspect.highlight import Run
from pipeline.inspect.report.diversity import Coverage, Repeated
from pipeline.inspect.report.marginals import Marginals


@dataclass(frozen=True)
class Example:
    """A document as it reads. tokens: all of them; shown: those of the runs."""

    item: int
    exposure: int
    position: int
    tokens: int
    shown: int
    runs: tuple[Run, ...]

    @property
    def cut(self) -> int:
        """Tokens that are not shown."""
        return self.tokens - self.shown


@dataclass(frozen=True)
class Source:
    """A source in a split. amount: that of the recipe, in words. expected: tokens, by the plan. sampled: documents.

    lengths: tokens of a document → documents sampled. exposures: exposures of an item → items with so many, exactly.
    """

    name: str
    kind: str
    world: str
    amount: str
    documents: int
    tokens: int
    expected: float
    sampled: int
    lengths: Mapping[int, int]
    exposures: Mapping[int, int]
    mean: float
    grams: tuple[tuple[int, int], ...]
    grams_documents: int
    repeated: Repeated
    wordings: tuple[Coverage, ...]
    orders: tuple[int, int] | None
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Row:
    """One row as it lies in its shard. padding: how many of its tokens; None where no column says it."""

    runs: tuple[Run, ...]
    shown: int
    length: int
    padding: int | None

    @property
    def cut(self) -> bool:
        """Whether tokens that are no padding are not shown."""
        return self.shown < self.length - (self.padding or 0)


@dataclass(frozen=True)
class Split:
    """A split. sequences_a_shard: fewest and most. read: sequences that spans were read from, 0 where from sampled
    documents."""

    name: str
    method: str
    windows: str
    length: int
    columns: tuple[str, ...]
    documents: int
    tokens: int
    sequences: int
    padding: int
    bytes: int
    shards: int
    sequences_a_shard: tuple[int, int]
    sources: tuple[Source, ...]
    marginals: tuple[Marginals, ...]
    read: int
    row: Row | None

    @property
    def padded(self) -> float:
        """Which share of the tokens on disk is padding."""
        return self.padding / max(self.sequences * self.length, 1)


@dataclass(frozen=True)
class Built:
    """A run of `build`: when it ended, its seconds, shards built, and about how many tokens they have."""

    ended: str
    seconds: float
    shards: int
    of: int
    tokens: int


@dataclass(frozen=True)
class Report:
    """All that the page says."""

    name: str
    title: str
    fingerprint: str
    seed: int
    tokenizer: str
    vocabulary: int
    end_of_text: str
    attributes: tuple[str, ...]
    versions: Mapping[str, str]
    splits: tuple[Split, ...]
    worlds: Mapping[str, Mapping[str, Any]]
    builds: tuple[Built, ...]
