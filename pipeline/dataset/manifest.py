"""manifest.json: what was built, written last. It contains no clock, host or worker count.

Reading trusts nothing: layout and names (which could be paths) are checked, a hash of the content reveals any change,
and numbers that follow from each other must agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from pydantic import Field, create_model

from pipeline.columns import COLUMNS
from pipeline.core import json_layouts
from pipeline.core.errors import StorageError
from pipeline.core.json_layouts import Count, FileHash, Fingerprint, HeadFile, Layout, OpenLayout
from pipeline.core.spec import Name
from pipeline.dataset.shard_record import ShardRecord, SourceCounts, shard_file
from pipeline.dataset.sweep_index import holds_sweep, several_datasets
from pipeline.packing.spec import PackingSpec
from pipeline.storage import Folder
from pipeline.storage.local import hash_of_bytes

MANIFEST, README, RECIPE = "manifest.json", "README.md", "recipe.yaml"
MEND = "Run build, which mends it."
LEAST_TOKEN = 2  # bytes of a token in a shard
UNSAID = ("vocabulary", "corpora")  # keys that are left out where there is nothing to say


@dataclass(frozen=True)
class Manifest:
    """A complete dataset.

    worlds: name → bits of knowledge. splits: name → totals, of each source too, and the shard records in order. files:
    name → bytes and file_hash of the tokenizer's files, and of the code of sources. vocabulary: how many ids a
    tokenizer that is reduced to the tokens in use has (`ids`), and how many of them are `in_use`, which are the first;
    None, and not written, of any other. corpora: source → how many files and rows it reads, and leaves out; None, and
    not written, where no source reads files. (recipe.yaml and README.md are not listed: they depend on more than the
    fingerprint, such as the folder's name. Each carries its own seal.)
    """

    fingerprint: str
    output_version: int
    versions: Mapping[str, str]
    worlds: Mapping[str, Mapping[str, Any]]
    splits: Mapping[str, Mapping[str, Any]]
    recipe: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    vocabulary: Mapping[str, int] | None = None
    corpora: Mapping[str, Mapping[str, Any]] | None = None

    def dumps(self) -> str:
        """The manifest as JSON, with a hash of its content."""
        content = {key.name: getattr(self, key.name) for key in fields(self)}
        content = {name: value for name, value in content.items() if name not in UNSAID or value}
        own = hash_of_bytes(json.dumps(content).encode())
        return json.dumps({"hash": own, **content}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, text: str) -> Manifest:
        """The manifest in a JSON text. ValueError for unknown keys, wrong types, negative numbers and names that are
        paths; hash and sums are not checked."""
        tree = json_layouts.parsed(text)
        json_layouts.checked(_Layout, tree)
        return cls(**{key.name: tree[key.name] for key in fields(cls) if key.name in tree})

    @classmethod
    def of(cls, folder: Folder) -> Manifest:
        """The manifest in a folder. StorageError where it is missing, or not as `build` writes it."""
        manifest, wrong = cls.examined(folder)
        if wrong:
            raise StorageError(wrong[0], MEND, f"{folder.url}/{MANIFEST}")
        return manifest

    @classmethod
    def examined(cls, folder: Folder) -> tuple[Manifest, list[str]]:
        """(manifest, faults) of a folder, a line for each fault. StorageError where it cannot be read."""
        try:
            text = folder.read(MANIFEST).decode()
            manifest = cls.loads(text)
            changed = manifest.dumps() != text
        except FileNotFoundError:
            if holds_sweep(folder):
                raise several_datasets(folder) from None
            raise StorageError(
                f"there is no {MANIFEST}, so the dataset is not complete", "Run build.", folder.url
            ) from None
        except ValueError as error:
            raise StorageError(f"{MANIFEST} cannot be read: {error}", "Run build.", folder.url) from None
        return manifest, ["its bytes have changed"] * changed + manifest.contradictions()

    def contradictions(self) -> list[str]:
        """A line for each contradiction: shards out of order or missing, totals that are not the sums."""
        wrong = []
        for name, split in self.splits.items():
            records = self.shards_of(name)
            for k, record in enumerate(records):
                actual = f"shard {record.shard} of {record.split} in {record.file}"
                expected = f"shard {k} of {name} in {shard_file(name, k, len(records))}"
                if actual != expected:
                    wrong.append(f"splits.{name}.shards.{k} is {actual} instead of {expected}")
            wrong += [
                f"splits.{name}.{key} is {split[key]} where its shards make {total}"
                for key, total in _summed(records).items()
                if split[key] != total
            ]
            wrong += self._unlike_recipe(name)
            wrong += [
                f"splits.{name}.shards.{record.shard} has more sequences than its bytes hold"
                for record in records
                if record.sequences * split["length"] * LEAST_TOKEN > record.bytes
            ]
        if self.vocabulary and self.vocabulary["in_use"] > self.vocabulary["ids"]:
            wrong.append("vocabulary has more ids in use than it has")
        return wrong

    def _unlike_recipe(self, name: str) -> list[str]:
        """A line for each way in which a split differs from its recipe."""
        split = self.splits[name]
        if name not in self.recipe["splits"] or {*split["source_names"]} - self.recipe["sources"].keys():
            return [f"recipe has not the split {name}, or not all of its sources"]
        packing = self.recipe["splits"][name]["packing"]
        packed = {"method": split["packing"], "length": split["length"]}
        if any(packing.get(key, value) != value for key, value in packed.items()):
            return [f"splits.{name} is packed in another way than the recipe says"]
        phases = [phase["name"] for phase in self.phases_of(name)]
        if phases != [phase["name"] for phase in self.recipe["splits"][name].get("phases") or [{"name": ""}]]:
            return [f"splits.{name} has other phases than the recipe"]
        if sum(phase["shards"] for phase in self.phases_of(name)) != len(split["shards"]):
            return [f"splits.{name}.phases have not the shards of the split"]
        return []

    def phases_of(self, split: str) -> list[Mapping[str, Any]]:
        """The phases of a split, in order: name, shards, order in words, keeps_order. Without phases, one named ""."""
        entry = self.splits[split]
        whole = {"name": "", "shards": len(entry["shards"]), "order": "shuffled", "keeps_order": False}
        return entry.get("phases") or [whole]

    def packing(self, split: str) -> PackingSpec:
        """The packing of a split, from its recipe."""
        return PackingSpec(**self.recipe["splits"][split]["packing"])

    def sources(self, split: str) -> list[Mapping[str, Any]]:
        """The recipe's entries of the sources of a split, in order."""
        return [self.recipe["sources"][name] for name in self.splits[split]["source_names"]]

    def shards_of(self, split: str) -> list[ShardRecord]:
        """The shard records of a split, in order."""
        return [ShardRecord(**record) for record in self.splits[split]["shards"]]

    @property
    def shards(self) -> list[ShardRecord]:
        """The shard records of all splits."""
        return [record for split in self.splits for record in self.shards_of(split)]


def code_file(source: str) -> str:
    """Where the text of the Python file of a source is kept, below the dataset's folder."""
    return f"code/{source}.py"


def totals(records: Sequence[ShardRecord], **facts: Any) -> dict[str, Any]:
    """A split's entry in the manifest, from the records of all its shards; `facts` are added as they are."""
    return {**_summed(records), **facts, "shards": [record.content() for record in records]}


def _summed(records: Sequence[ShardRecord]) -> dict[str, Any]:
    """Sums over shards; under `sources`, the sums of each source."""
    sources: dict[str, dict[str, int]] = {}
    for record in records:
        for name, counts in record.sources.items():
            total = sources.setdefault(name, dict.fromkeys(counts, 0))
            for key, count in counts.items():
                total[key] = total.get(key, 0) + count
    summed = {
        key: sum(getattr(record, key) for record in records)
        for key in ("documents", "tokens", "sequences", "padding", "bytes")
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


class _Phase(Layout):
    name: str
    shards: Annotated[Count, Field(ge=1)]
    order: str
    keeps_order: bool


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
    source_names: Annotated[list[Name], Field(min_length=1)]
    attributes: list[str] = Field([])
    roles: list[str] = Field([])
    exposures: dict[Name, _Exposures] = Field({})
    worlds: dict[Name, _World] = Field({})
    phases: list[_Phase] = Field([])
    shards: Annotated[list[ShardRecord], Field(min_length=1)]


_FACTS: dict[str, Any] = {name: (type_, None) for kind in COLUMNS.values() for name, type_ in kind.facts.items()}
_Split = create_model("_Split", __base__=_AnySplit, **_FACTS)
"""With the facts of each kind of column, which are there where the split has it."""


class _File(Layout):
    bytes: Count
    file_hash: FileHash


class _Vocabulary(Layout):
    in_use: Count
    ids: Count


class _RecipeSource(OpenLayout):
    kind: str = ""
    eos: bool = True


class _RecipePhase(OpenLayout):
    name: str


class _RecipeSplit(OpenLayout):
    packing: PackingSpec
    phases: list[_RecipePhase] | None = None


class _Recipe(OpenLayout):
    """The keys that every reader uses; those that only checks use are in `evaluate/checking/verifier.py`."""

    seed: Count = 0
    sources: dict[Name, _RecipeSource]
    splits: dict[Name, _RecipeSplit]


class _Corpus(Layout):
    files: Count
    rows: Count
    skipped: dict[str, Count]
    filtered: Count
    identity: str


class _Layout(Layout):
    hash: FileHash
    fingerprint: Fingerprint
    output_version: Count
    versions: dict[str, str]
    worlds: dict[Name, _World]
    splits: Annotated[dict[Name, _Split], Field(min_length=1)]
    recipe: _Recipe
    files: dict[HeadFile, _File]
    vocabulary: _Vocabulary | None = None
    corpora: dict[Name, _Corpus] | None = None
