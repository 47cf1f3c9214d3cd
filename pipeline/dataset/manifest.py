"""manifest.json: what was built, written last. No clock, host or worker count is in it.

It is read as a file that anybody may have written: its layout is checked, names that could be paths too, and it carries
a hash of its own content, so that a changed number is noticed. Where several numbers say one thing, they must agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any

from pydantic import Field, create_model

from pipeline.columns import COLUMNS
from pipeline.core import json_layouts
from pipeline.core.errors import StorageError
from pipeline.core.json_layouts import Count, FileHash, Fingerprint, HeadFile, Layout, OpenLayout
from pipeline.core.spec import Name
from pipeline.dataset.shard_record import ShardRecord, SourceCounts, shard_file
from pipeline.packing.spec import PackingSpec
from pipeline.storage import Folder
from pipeline.storage.local import hash_of_bytes

MANIFEST, README, RECIPE = "manifest.json", "README.md", "recipe.yaml"
MEND = "Run build, which mends it."
LEAST_TOKEN = 2  # bytes of a token in a shard


@dataclass(frozen=True)
class Manifest:
    """A complete dataset.

    worlds: name → what there is to know. splits: name → totals, per source too, and the shards in order. files: name →
    bytes and file_hash of the files beside the shards that follow from the fingerprint: the tokenizer's.

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
        """As JSON, with a hash of its content."""
        content = {key.name: getattr(self, key.name) for key in fields(self)}
        own = hash_of_bytes(json.dumps(content).encode())
        return json.dumps({"hash": own, **content}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, text: str) -> Manifest:
        """The manifest in a text, of which only the layout is checked. ValueError for other keys and types, numbers
        below zero, paths."""
        tree = json_layouts.parsed(text)
        json_layouts.checked(_Layout, tree)
        return cls(**{key.name: tree[key.name] for key in fields(cls) if key.name in tree})

    @classmethod
    def of(cls, folder: Folder) -> Manifest:
        """The manifest in a folder. StorageError where there is none, or not one as `build` writes it."""
        manifest, wrong = cls.examined(folder)
        if wrong:
            raise StorageError(wrong[0], MEND, f"{folder.url}/{MANIFEST}")
        return manifest

    @classmethod
    def examined(cls, folder: Folder) -> tuple[Manifest, list[str]]:
        """The manifest in a folder, and what is wrong with it, a line each. StorageError where it cannot be read."""
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
                actual = f"shard {record.shard} of {record.split} in {record.file}"
                expected = f"shard {k} of {name} in {shard_file(name, k, len(records))}"
                if actual != expected:
                    wrong.append(f"splits.{name}.shards.{k} is {actual} instead of {expected}")
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
        packing = self.recipe["splits"][name]["packing"]
        packed = {"method": split["packing"], "length": split["length"]}
        if any(packing.get(key, value) != value for key, value in packed.items()):
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
    """The totals of shards, and under `sources` those of each source."""
    sources: dict[str, dict[str, int]] = {}
    for record in records:
        for name, counts in record.sources.items():
            total = sources.setdefault(name, dict.fromkeys(counts, 0))
            for what, count in counts.items():
                total[what] = total.get(what, 0) + count
    summed = {
        what: sum(getattr(record, what) for record in records)
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
    """As far as readers of every dataset look into it; what checks read: `evaluate/checking/verifier.py`."""

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
