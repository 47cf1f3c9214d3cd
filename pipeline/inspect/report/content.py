"""Report: the numbers, examples and texts that the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.inspect.highlight import Run
from pipeline.inspect.report.diversity import Coverage, Repeated
from pipeline.inspect.report.marginals import Marginals


@dataclass(frozen=True)
class Example:
    """A sampled document. tokens: how many it has; shown: how many of them are in `runs`."""

    item: int
    exposure: int
    position: int
    tokens: int
    shown: int
    runs: tuple[Run, ...]

    @property
    def cut(self) -> int:
        """How many tokens are not shown."""
        return self.tokens - self.shown


@dataclass(frozen=True)
class Source:
    """A source in a split. amount: in the recipe's words. expected: tokens by the plan. sampled: number of documents.

    lengths: tokens of a document → sampled documents. exposures: exposures of an item → items, exact; mean: of these.
    grams: for n = 1 to 4, (different, all) n-grams in `grams_documents` documents. orders: of sentences, (seen,
    possible); None where the order is fixed.
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
    """One row of a shard. padding: how many of its tokens are padding; None where no column states it."""

    runs: tuple[Run, ...]
    shown: int
    length: int
    padding: int | None

    @property
    def cut(self) -> bool:
        """Whether some tokens other than padding are not shown."""
        return self.shown < self.length - (self.padding or 0)


@dataclass(frozen=True)
class Phase:
    """A phase of a split: its name ("" for a split without phases), its order in words, and what its shards hold.

    amounts: source → its amount in the recipe's words.
    """

    name: str
    order: str
    amounts: Mapping[str, str]
    shards: int
    documents: int
    tokens: int


@dataclass(frozen=True)
class Split:
    """A split. phases: at least one. sequences_a_shard: (fewest, most).

    read: how many sequences spans were read from; 0 where they are those of sampled documents.
    """

    name: str
    method: str
    windows: str
    length: int
    columns: tuple[str, ...]
    phases: tuple[Phase, ...]
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
        """The share of padding in the tokens on disk, 0 to 1."""
        return self.padding / max(self.sequences * self.length, 1)


@dataclass(frozen=True)
class Built:
    """A run of `build`: when it ended, its seconds, the shards built, `of` all shards, and about how many tokens."""

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
