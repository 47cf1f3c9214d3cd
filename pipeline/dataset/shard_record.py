"""The record of a shard: its counts and hashes, sealed in a file while a build goes on, then part of the manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, TypeAdapter
from pydantic_core import PydanticCustomError

from pipeline.core import json_layouts
from pipeline.core.json_layouts import STRICT, ContentHash, Count, FileHash, ShardFile
from pipeline.core.spec import Name
from pipeline.dataset.seals import seal

SUFFIX = ".arrow"
OUTSIDE = ("proofs", "warnings", "disproved")  # fields that are no part of what manifests have of a shard


def _counted(counts: Mapping[str, int]) -> Mapping[str, int]:
    if not {"documents", "tokens"} <= counts.keys() <= {"documents", "tokens", "dropped", "cut"}:
        raise PydanticCustomError("counts", "documents and tokens are needed, and may be dropped and cut")
    return counts


SourceCounts = Annotated[Mapping[str, Count], AfterValidator(_counted)]
"""See `shard.Counts`."""


def shard_file(split: str, k: int, shards: int) -> str:
    """Where shard k of a split lies below the dataset's folder.

    >>> shard_file("train", 3, 6)
    'train/shard-00003-of-00006.arrow'
    """
    return f"{split}/shard-{k:05d}-of-{shards:05d}{SUFFIX}"


@dataclass(frozen=True)
class ShardRecord:
    """One shard. sources: name → {documents, tokens}. tokens: end tokens included, padding not.

    proofs: what it relies on (core/system/reliance.py), part of its own file alone. warnings: what came up while it was
    made, and disproved: proof → why, of what was found to be wrong: for whoever asked for it, part of no file.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    split: Name
    shard: Count
    file: ShardFile
    bytes: Count
    file_hash: FileHash
    content_hash: ContentHash
    sequences: Count
    documents: Count
    tokens: Count
    padding: Count
    sources: Mapping[Name, SourceCounts]
    proofs: tuple[str, ...] = field(default=(), compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    disproved: Mapping[str, str] = field(default_factory=dict, compare=False)

    def content(self) -> dict[str, Any]:
        """What files have of it."""
        return {name: value for name, value in asdict(self).items() if name not in OUTSIDE}

    def dumps(self, fingerprint: str, stamp: str = "") -> str:
        """As one line of JSON, sealed as a record of the dataset of this fingerprint. stamp: see `Folder.stamp`."""
        proofs = {"proofs": list(self.proofs)} if self.proofs else {}
        content = {**self.content(), **proofs, "stamp": stamp}
        return json.dumps({"hash": seal(fingerprint, json.dumps(content)), **content})

    @classmethod
    def loads(cls, text: str, fingerprint: str) -> tuple[ShardRecord, str]:
        """(record, stamp) from the text of `dumps`. ValueError for a changed record, or one of another dataset."""
        tree = json_layouts.parsed(text)
        if not isinstance(tree, dict):
            raise ValueError("a mapping is needed")
        content, stamp = {key: tree[key] for key in tree if key not in ("hash", "stamp")}, tree.get("stamp")
        record = json_layouts.checked(_adapter(), content)
        if not isinstance(stamp, str) or record.dumps(fingerprint, stamp) != text:
            raise ValueError("its hash is that of another record")
        return record, stamp


@lru_cache(1)
def _adapter() -> TypeAdapter[ShardRecord]:
    return TypeAdapter(ShardRecord)
