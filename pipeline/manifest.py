"""What was built: the record of a shard, and the manifest of a dataset. No clock, host or worker count is in either."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ShardRecord:
    """One shard, exactly. sources: name → {documents, tokens}. tokens has end tokens and no padding."""

    split: str
    shard: int
    file: str
    bytes: int
    file_hash: str
    content_hash: str
    sequences: int
    documents: int
    tokens: int
    padding: int
    sources: Mapping[str, Mapping[str, int]]

    def dumps(self) -> str:
        """As one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> ShardRecord:
        """The way back. ValueError or TypeError for anything else."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Manifest:
    """A complete dataset. worlds: name → what there is to know. splits: name → totals, per source too, and the shards
    in order."""

    fingerprint: str
    output_version: int
    versions: Mapping[str, str]
    worlds: Mapping[str, Mapping[str, Any]]
    splits: Mapping[str, Mapping[str, Any]]
    recipe: Mapping[str, Any]

    def dumps(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, text: str) -> Manifest:
        """The way back. ValueError or TypeError for anything else."""
        return cls(**json.loads(text))

    @property
    def shards(self) -> list[ShardRecord]:
        """The records of all splits."""
        return [ShardRecord(**record) for split in self.splits.values() for record in split["shards"]]


def totals(records: Sequence[ShardRecord], **facts: Any) -> dict[str, Any]:
    """A split's entry in the manifest, from the records of all its shards; `facts` stand beside the totals."""
    sources: dict[str, dict[str, int]] = {}
    for record in records:
        for name, counts in record.sources.items():
            total = sources.setdefault(name, dict.fromkeys(counts, 0))
            for what, count in counts.items():
                total[what] += count
    summed = {
        what: sum(getattr(r, what) for r in records)
        for what in ("documents", "tokens", "sequences", "padding", "bytes")
    }
    return {**summed, "sources": sources, **facts, "shards": [asdict(record) for record in records]}
