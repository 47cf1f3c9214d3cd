"""What was built: the record of a shard, and the manifest of a dataset. No clock, host or worker count is in either.

Both are read as files that anybody may have written: their layout is checked, names that could be paths too, and each
carries a hash of its own content, so that a changed number is noticed. Where several numbers say one thing, they agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, create_model
from pydantic_core import PydanticCustomError

from pipeline.columns import COLUMNS
from pipeline.core import layouts
from pipeline.core.errors import StorageError
from pipeline.core.layouts import (
    STRICT,
    ContentHash,
    Count,
    FileHash,
    Fingerprint,
    HeadFile,
    Layout,
    OpenLayout,
    ShardFile,
)
from pipeline.core.spec import Name
from pipeline.packing.spec import PackingSpec
from pipeline.storage import Folder
from pipeline.storage.local import hash_of_bytes

MANIFEST, README, RECIPE = "manifest.json", "README.md", "recipe.yaml"
MEND = "Run build, which mends it."
SUFFIX = ".arrow"
LEAST_TOKEN = 2  # bytes of a token in a shard


def _counted(counts: Mapping[str, int]) -> Mapping[str, int]:
    if not {"documents", "tokens"} <= counts.keys() <= {"documents", "tokens", "dropped", "cut"}:
        raise PydanticCustomError("counts", "documents and tokens are needed, and may be dropped and cut")
    return counts


SourceCounts = Annotated[Mapping[str, Count], AfterValidator(_counted)]
"""See `shard.Counts`."""


def seal(fingerprint: str, text: str) -> str:
    """The hash that a text of a dataset carries: of the text, and of the dataset that it belongs to."""
    return hash_of_bytes(f"{fingerprint}\n{text}".encode())


def sealed(text: str, fingerprint: str) -> str:
    """A recipe with a comment, after its first line, that seals it."""
    title, rest = text.split("\n", 1)
    return f"{title}\n# {seal(fingerprint, text)}\n{rest}"


def is_sealed(data: bytes, fingerprint: str) -> bool:
    """Whether a recipe is as it was written."""
    try:
        title, _, rest = data.decode().split("\n", 2)
    except ValueError:
        return False
    return sealed(f"{title}\n{rest}", fingerprint).encode() == data


def shard_file(split: str, k: int, shards: int) -> str:
    """Where shard k of a split lies below the dataset's folder.

    >>> shard_file("train", 3, 6)
    'train/shard-00003-of-00006.arrow'
    """
    return f"{split}/shard-{k:05d}-of-{shards:05d}{SUFFIX}"


@dataclass(frozen=True)
class ShardRecord:
    """One shard, exactly. sources: name → {documents, tokens}. tokens has end tokens and no padding."""

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

    def dumps(self, fingerprint: str, stamp: str = "") -> str:
        """As one line of JSON, sealed as a record of the dataset of this fingerprint. stamp: see `Folder.stamp`."""
        content = {**asdict(self), "stamp": stamp}
        return json.dumps({"hash": seal(fingerprint, json.dumps(content)), **content})

    @classmethod
    def loads(cls, text: str, fingerprint: str) -> tuple[ShardRecord, str]:
        """The way back, to the record and the stamp. ValueError for a changed record, or one of another dataset."""
        tree = layouts.parsed(text)
        if not isinstance(tree, dict):
            raise ValueError("a mapping is needed")
        record, stamp = {key: tree[key] for key in tree if key not in ("hash", "stamp")}, tree.get("stamp")
        made = layouts.checked(_record_adapter(), record)
        if not isinstance(stamp, str) or made.dumps(fingerprint, stamp) != text:
            raise ValueError("its hash is that of another record")
        return made, stamp


@lru_cache(1)
def _record_adapter() -> TypeAdapter[ShardRecord]:
    return TypeAdapter(ShardRecord)


@dataclass(frozen=True)
class Manifest:
    """A complete dataset. worlds: name → what there is to know. splits: name → totals, per source too, and the shards
    in order. files: name → bytes and file_hash of what follows from the fingerprint beside the shards: the tokenizer.

    (The recipe as a file and the card are no part of it: a title, the folder's name and exports change them. Both carry
    their own seal.)
    """

    fingerprint: str
    output_version: int
    versions: Mapping[str, str]
    worlds: Mapping[str, Mapping[str, Any]]
    splits: Mapping[str, Mapping[str, Any]]
    recipe: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def dumps(self) -> str:
        """As JSON, with a hash of all that it says."""
        content = {one.name: getattr(self, one.name) for one in fields(self)}
        own = hash_of_bytes(json.dumps(content).encode())
        return json.dumps({"hash": own, **content}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, text: str) -> Manifest:
        """The way back, as far as the layout goes. ValueError for other keys and types, numbers below zero, paths."""
        tree = layouts.parsed(text)
        layouts.checked(_Layout, tree)
        return cls(**{one.name: tree[one.name] for one in fields(cls) if one.name in tree})

    @classmethod
    def of(cls, folder: Folder) -> Manifest:
        """That of the dataset in a folder. StorageError where there is none, or not one as `build` writes it."""
        manifest, wrong = cls.examined(folder)
        if wrong:
            raise StorageError(wrong[0], MEND, f"{folder.url}/{MANIFEST}")
        return manifest

    @classmethod
    def examined(cls, folder: Folder) -> tuple[Manifest, list[str]]:
        """The same, and what is wrong in it, a line each. StorageError only where it cannot be read as a manifest."""
        try:
            text = folder.read(MANIFEST).decode()
            manifest = cls.loads(text)
            changed = manifest.dumps() != text
        except FileNotFoundError:
            raise StorageError(
                f"there is no {MANIFEST}, so the dataset is not complete", "Run build.", folder.url
            ) from None
        except ValueError as error:
            raise StorageError(f"{MANIFEST} cannot be read: {error}", "Run build.", folder.url) from None
        return manifest, ["its bytes have changed"] * changed + manifest.contradictions()

    def contradictions(self) -> list[str]:
        """Where its numbers do not agree: shards out of order or left out, totals that are no sums. A line each."""
        wrong = []
        for name, split in self.splits.items():
            records = self.shards_of(name)
            for k, record in enumerate(records):
                says = f"shard {record.shard} of {record.split} in {record.file}"
                expected = f"shard {k} of {name} in {shard_file(name, k, len(records))}"
                if says != expected:
                    wrong.append(f"splits.{name}.shards.{k} is {says} instead of {expected}")
            wrong += [
                f"splits.{name}.{what} is {split[what]} where its shards make {total}"
                for what, total in _summed(records).items()
                if split[what] != total
            ]
            wrong += self._unlike_recipe(name)
            wrong += [
                f"splits.{name}.shards.{record.shard} has more sequences than its bytes hold"
                for record in records
                if record.sequences * split["length"] * LEAST_TOKEN > record.bytes
            ]
        return wrong

    def _unlike_recipe(self, name: str) -> list[str]:
        """Where a split is not the one that the recipe describes. A line each."""
        split = self.splits[name]
        if name not in self.recipe["splits"] or {*split["source_names"]} - self.recipe["sources"].keys():
            return [f"recipe has not the split {name}, or not all of its sources"]
        said = self.recipe["splits"][name]["packing"]
        packed = {"method": split["packing"], "length": split["length"]}
        if any(said.get(key, value) != value for key, value in packed.items()):
            return [f"splits.{name} is packed in another way than the recipe says"]
        return []

    def packing(self, split: str) -> PackingSpec:
        """How the documents of a split became sequences."""
        return PackingSpec(**self.recipe["splits"][split]["packing"])

    def sources(self, split: str) -> list[Mapping[str, Any]]:
        """What the recipe says of the sources of a split, in their order."""
        return [self.recipe["sources"][name] for name in self.splits[split]["source_names"]]

    def shards_of(self, split: str) -> list[ShardRecord]:
        """The records of a split, in order."""
        return [ShardRecord(**record) for record in self.splits[split]["shards"]]

    @property
    def shards(self) -> list[ShardRecord]:
        """The records of all splits."""
        return [record for split in self.splits for record in self.shards_of(split)]


def totals(records: Sequence[ShardRecord], **facts: Any) -> dict[str, Any]:
    """A split's entry in the manifest, from the records of all its shards; `facts` stand beside the totals."""
    return {**_summed(records), **facts, "shards": [asdict(record) for record in records]}


def _summed(records: Sequence[ShardRecord]) -> dict[str, Any]:
    sources: dict[str, dict[str, int]] = {}
    for record in records:
        for name, counts in record.sources.items():
            total = sources.setdefault(name, dict.fromkeys(counts, 0))
            for what, count in counts.items():
                total[what] = total.get(what, 0) + count
    summed = {
        what: sum(getattr(r, what) for r in records)
        for what in ("documents", "tokens", "sequences", "padding", "bytes")
    }
    return {**summed, "sources": sources}


# ── the layout of manifest.json ─────────────────────────────────────────────────────────────────────────────────────


class _World(Layout):
    individuals: Count
    name_bits: float
    value_bits: float
    bits: Count
    parameters_at_2_bits: Count
    parameters_at_1_bit: Count


class _Exposures(Layout):
    world: Name | None
    items: Count
    first: Annotated[Count, Field(alias="from")]
    least: Count
    mean: float
    most: Count
    tokens_each: float


class _AnySplit(Layout):
    documents: Count
    tokens: Count
    sequences: Count
    padding: Count
    bytes: Count
    sources: dict[Name, SourceCounts]
    length: Annotated[Count, Field(ge=1)]
    packing: str
    columns: Annotated[list[Name], Field(min_length=1)]
    source_names: list[Name]
    attributes: list[str] = Field([])
    roles: list[str] = Field([])
    exposures: dict[Name, _Exposures] = Field({})
    worlds: dict[Name, _World] = Field({})
    shards: Annotated[list[ShardRecord], Field(min_length=1)]


_FACTS: dict[str, Any] = {name: (type_, None) for kind in COLUMNS.values() for name, type_ in kind.facts.items()}
_Split = create_model("_Split", __base__=_AnySplit, **_FACTS)
"""With the facts of each kind of column, which are there where the split has it."""


class _File(Layout):
    bytes: Count
    file_hash: FileHash


class _RecipeSource(OpenLayout):
    kind: str = ""
    eos: bool = True


class _RecipeSplit(OpenLayout):
    packing: PackingSpec


class _Recipe(OpenLayout):
    """As far as readers of every dataset look into it; what checks of answers read of a source: `checking/kinds.py`."""

    sources: dict[Name, _RecipeSource]
    splits: dict[Name, _RecipeSplit]


class _Layout(Layout):
    hash: FileHash
    fingerprint: Fingerprint
    output_version: Count
    versions: dict[str, str]
    worlds: dict[Name, _World]
    splits: Annotated[dict[Name, _Split], Field(min_length=1)]
    recipe: _Recipe
    files: dict[HeadFile, _File]
