"""A built dataset, to be read: its manifest, and the rows of its splits in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.columns import Columns
from pipeline.core.errors import StorageError, suggest
from pipeline.manifest import Manifest, ShardRecord
from pipeline.sinks import arrow
from pipeline.storage import Folder, folder_at

MEND = "Run build, which mends it."


@dataclass(frozen=True)
class Dataset:
    """What `build` made in a folder, whole or refused."""

    folder: Folder
    manifest: Manifest

    @classmethod
    def at(cls, place: str | Path) -> Dataset:
        """The dataset at a path or URL. StorageError where there is none, or not all of it."""
        folder = folder_at(place)
        return cls(folder, Manifest.of(folder))

    def split(self, name: str) -> Mapping[str, Any]:
        """The split's entry in the manifest. StorageError where there is none."""
        if name not in self.manifest.splits:
            raise StorageError(f"no split '{name}'", suggest(name, self.manifest.splits), self.folder.url)
        return self.manifest.splits[name]

    def batches(self, split: str) -> Iterator[Any]:
        """The pyarrow.RecordBatches of a split, in order, memory-mapped. StorageError where a shard is damaged."""
        for record in self.manifest.shards_of(split):
            yield from self.shard(record)

    def shard(self, record: ShardRecord) -> Iterator[Any]:
        """The record batches of one shard."""
        place, rows = f"{self.folder.url}/{record.file}", 0
        try:
            with self.folder.local(record.file) as path:
                if path.stat().st_size != record.bytes:
                    raise StorageError(f"{path.stat().st_size} bytes instead of {record.bytes}", MEND, place)
                for batch in arrow.read(path):
                    rows += batch.num_rows
                    yield batch
        except (OSError, ValueError) as error:
            raise StorageError(f"the shard cannot be read: {error}", MEND, place) from None
        if rows != record.sequences:  # a stream that was cut between two batches can be read
            raise StorageError(f"{rows} rows instead of {record.sequences}", MEND, place)

    def columns(self, record: ShardRecord) -> Columns:
        """The columns of one shard, as `make_shard` made them."""
        return arrow.columns_from(list(self.shard(record)))

    def end_of_text(self) -> str:
        """The text of the token that ends documents."""
        name = "tokenizer/tokenizer_config.json"
        place = f"{self.folder.url}/{name}"
        try:
            end = json.loads(self.folder.read(name))["eos_token"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StorageError(f"cannot be read: {error}", MEND, place) from None
        if not isinstance(end, str) or not end:
            raise StorageError("its eos_token is no text", MEND, place)
        return end

    def tokenizer(self) -> Any:
        """The `tokenizers.Tokenizer` that lies beside the data."""
        import tokenizers

        try:
            return tokenizers.Tokenizer.from_str(self.folder.read("tokenizer/tokenizer.json").decode())
        except Exception as error:  # the Rust side raises plain Exception for every fault
            raise StorageError(
                f"cannot be read: {error}", MEND, f"{self.folder.url}/tokenizer/tokenizer.json"
            ) from None
