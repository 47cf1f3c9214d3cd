"""What was built: the record of a shard, and the manifest of a dataset. No clock, host or worker count is in either."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.core.errors import StorageError
from pipeline.storage import Folder


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

    @classmethod
    def of(cls, folder: Folder) -> Manifest:
        """That of the dataset in a folder. StorageError where there is none, or not a whole one."""
        try:
            manifest = cls.loads(folder.read("manifest.json").decode())
            if not all(manifest.shards_of(split) and its["columns"] for split, its in manifest.splits.items()):
                raise ValueError("a split without shards or columns")
        except FileNotFoundError:
            raise StorageError(
                "there is no manifest.json, so the dataset is not complete", "Run build.", folder.url
            ) from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StorageError(f"manifest.json cannot be read: {error}", "Run build.", folder.url) from None
        return manifest

    def shards_of(self, split: str) -> list[ShardRecord]:
        """The records of a split, in order."""
        return [ShardRecord(**record) for record in self.splits[split]["shards"]]

    @property
    def shards(self) -> list[ShardRecord]:
        """The records of all splits."""
        return [record for split in self.splits for record in self.shards_of(split)]


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
