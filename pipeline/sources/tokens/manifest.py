"""What the manifest of a dataset of ours says about a split: as much of it as is needed to read its documents.

Reading trusts nothing: the manifest has a hash of itself, and the hash of each shard.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from blake3 import blake3
from pydantic import Field

from pipeline.core import json_layouts
from pipeline.core.errors import SpecError, suggest
from pipeline.core.json_layouts import Count, FileHash, OpenLayout, ShardFile
from pipeline.core.system.open_files import contents

MANIFEST = "manifest.json"
TOKENIZER, TOKENIZER_CONFIG = "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json"
MOST_BYTES = 2**28  # of a manifest, or a file of the tokenizer
MEND = "Run build, which mends it."


class ShardEntry(OpenLayout):
    """A shard: its file below the folder, the hash of that, and its counts."""

    file: ShardFile
    file_hash: FileHash
    documents: Count
    tokens: Count


class SplitEntry(OpenLayout):
    """A split."""

    length: Annotated[int, Field(ge=1, lt=2**31)]
    packing: str
    columns: list[str]
    attributes: list[str] = Field([])
    roles: list[str] = Field([])
    source_names: Annotated[list[str], Field(min_length=1)]
    shards: Annotated[list[ShardEntry], Field(min_length=1)]


class _Packing(OpenLayout):
    windows: str = "mixed"


class _RecipeSplit(OpenLayout):
    packing: _Packing


class _Recipe(OpenLayout):
    splits: dict[str, _RecipeSplit]


class _File(OpenLayout):
    file_hash: FileHash


class _Manifest(OpenLayout):
    hash: FileHash
    splits: Annotated[dict[str, SplitEntry], Field(min_length=1)]
    recipe: _Recipe
    files: dict[str, _File]


@dataclass(frozen=True)
class Described:
    """What is known of a split, beside its files. counts: documents and tokens of each shard.

    pure: whether each sequence has documents of one source only. tokenizer: its tokenizer.json. end: the text of the
    token that ends documents.
    """

    length: int
    packing: str
    pure: bool
    columns: tuple[str, ...]
    attributes: tuple[str, ...]
    roles: tuple[str, ...]
    counts: tuple[tuple[int, int], ...]
    tokenizer: Path
    end: str

    @property
    def meaning(self) -> str:
        """What the documents depend on, beside the files."""
        return repr([getattr(self, key.name) for key in fields(self) if key.name not in ("counts", "tokenizer")])


def described(folder: Path, split: str) -> tuple[Described, list[ShardEntry]]:
    """A split of the dataset in a folder, and its shards in order.

    SpecError where there is no such split, or where the manifest is not as it was written.
    """
    manifest = _read(folder)
    if split not in manifest.splits or split not in manifest.recipe.splits:
        raise SpecError(f"'{folder}' has no split '{split}'", suggest(split, manifest.splits), ("split",))
    entry = manifest.splits[split]
    _recorded(folder, TOKENIZER, manifest)
    try:
        config = json_layouts.parsed(_recorded(folder, TOKENIZER_CONFIG, manifest))
        end = json_layouts.checked(_Config, config).eos_token
    except ValueError as error:
        raise SpecError(f"'{folder / TOKENIZER_CONFIG}' cannot be read: {error}", MEND, ("files",)) from None
    known = Described(
        length=entry.length,
        packing=entry.packing,
        pure=manifest.recipe.splits[split].packing.windows == "pure" and len(entry.source_names) > 1,
        columns=tuple(entry.columns),
        attributes=tuple(entry.attributes),
        roles=tuple(entry.roles),
        counts=tuple((shard.documents, shard.tokens) for shard in entry.shards),
        tokenizer=folder / TOKENIZER,
        end=end,
    )
    return known, entry.shards


class _Config(OpenLayout):
    eos_token: Annotated[str, Field(min_length=1, max_length=1000)]


def _read(folder: Path) -> _Manifest:
    path = folder / MANIFEST
    try:
        tree: Any = json_layouts.parsed(contents(path, MOST_BYTES))
        manifest = json_layouts.checked(_Manifest, tree)
    except OSError as error:
        raise SpecError(f"cannot read '{path}': {error.strerror or error}", MEND, ("files",)) from None
    except ValueError as error:
        raise SpecError(f"'{path}' is no manifest: {error}", MEND, ("files",)) from None
    content = {key: value for key, value in tree.items() if key != "hash"}
    if manifest.hash != f"blake3:{blake3(json.dumps(content).encode()).hexdigest()}":
        raise SpecError(f"'{path}': its bytes have changed", MEND, ("files",))
    return manifest


def _recorded(folder: Path, name: str, manifest: _Manifest) -> bytes:
    """A file beside the shards. SpecError where it is not the one recorded."""
    try:
        data = contents(folder / name, MOST_BYTES)
    except OSError as error:
        raise SpecError(f"cannot read '{folder / name}': {error.strerror or error}", MEND, ("files",)) from None
    recorded = manifest.files.get(name)
    if recorded is None or recorded.file_hash != f"blake3:{blake3(data).hexdigest()}":
        raise SpecError(f"'{folder / name}': its bytes have changed", MEND, ("files",))
    return data
