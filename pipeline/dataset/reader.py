"""A built dataset for reading: its manifest, and the rows of its splits in order.

Checked: the whole manifest, when the dataset is opened; the tokenizer, when it is read; size and number of rows of a
shard, always; its bytes, as `check` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from pipeline.columns import stored
from pipeline.core import json_layouts
from pipeline.core.draws import I64
from pipeline.core.errors import StorageError, suggest
from pipeline.core.json_layouts import OpenLayout
from pipeline.core.table import Columns, Lists, check_entries
from pipeline.dataset.manifest import MEND, RECIPE, Manifest
from pipeline.dataset.recorded import recorded_file
from pipeline.dataset.shard_record import ShardRecord
from pipeline.storage import Folder, arrow, folder_at
from pipeline.storage.local import hash_of_bytes
from pipeline.storage.shard_layout import ShardLayout

TOKENIZER, TOKENIZER_CONFIG = "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json"


class _TokenizerConfig(OpenLayout):
    eos_token: Annotated[str, Field(min_length=1, max_length=1000)]


def end_of(config: bytes) -> str:
    """The text of the end token in a tokenizer_config.json. ValueError where it states none."""
    return json_layouts.checked(_TokenizerConfig, json_layouts.parsed(config)).eos_token


def layout_of(split: Mapping[str, Any]) -> ShardLayout:
    """The columns of a split's shards and their types. split: its entry in the manifest."""
    return ShardLayout(stored(split["packing"] == "rows", split["columns"]), split["length"])


@dataclass(frozen=True)
class Dataset:
    """A complete dataset in a folder.

    check: when the bytes of a shard are compared with their hash. None: when this process first opens the shard, which
    costs a fraction of reading its rows. True: each time it is opened. False: never.
    """

    folder: Folder
    manifest: Manifest
    check: bool | None = None
    _checked: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def at(cls, place: str | Path, check: bool | None = None) -> Dataset:
        """The dataset at a path or URL. StorageError where there is none, or an incomplete one."""
        folder = folder_at(place)
        return cls(folder, Manifest.of(folder), check)

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
        """The pyarrow.RecordBatches of one shard, in order. StorageError where it is missing or damaged."""
        place, rows = f"{self.folder.url}/{record.file}", 0
        try:
            expected_hash = record.file_hash if self._to_check(record.file) else ""
            with recorded_file(self.folder, record.file, record.bytes, expected_hash) as path:
                if expected_hash:
                    self._checked.add(record.file)
                for batch in arrow.read(path, layout_of(self.manifest.splits[record.split])):
                    rows += batch.num_rows
                    yield batch
        except FileNotFoundError:
            raise StorageError("the shard is missing", MEND, place) from None
        except (OSError, ValueError) as error:
            raise StorageError(f"the shard cannot be read: {error}", MEND, place) from None
        if rows != record.sequences:  # a stream that was cut between two batches can be read
            raise StorageError(f"{rows} rows instead of {record.sequences}", MEND, place)

    def _to_check(self, file: str) -> bool:
        return file not in self._checked if self.check is None else self.check

    def columns(self, record: ShardRecord) -> Columns:
        """The columns of one shard, equal to those of `make_shard`. StorageError where it is missing or damaged."""
        return arrow.columns_from(list(self.shard(record)))

    def entries(self, batch: Any, column: str, length: int, **below: int) -> tuple[I64, dict[str, I64]]:
        """The m entries of a list column of a batch: the row of each, int64 (m,), and name → its field, int64 (m,).

        length, below: see `check_entries`. StorageError where an entry is not within its bounds.
        """
        lists = arrow.columns_from([batch.select([column])])[column]
        assert isinstance(lists, Lists), "the layout of a shard says so"
        try:
            check_entries(lists, length, **below)
        except ValueError as error:
            raise StorageError(f"column '{column}': {error}", MEND, self.folder.url) from None
        return lists.rows, {name: values.astype(np.int64) for name, values in lists.fields.items()}

    @contextmanager
    def recipe(self) -> Iterator[Path]:
        """The path of a copy of its recipe.yaml, beside its tokenizer, while the block lasts. StorageError where
        there is none. (A copy, since a recipe may name files, and anybody may have put files there.)"""
        with TemporaryDirectory(prefix="recipe-") as place:
            for name in (RECIPE, TOKENIZER):
                path = Path(place) / name
                path.parent.mkdir(exist_ok=True)
                try:
                    path.write_bytes(self.folder.read(name))
                except FileNotFoundError:
                    raise StorageError("there is no such file", MEND, f"{self.folder.url}/{name}") from None
            yield Path(place) / RECIPE

    def end_of_text(self) -> str:
        """The text of the token that ends documents."""
        place = f"{self.folder.url}/{TOKENIZER_CONFIG}"
        try:
            return end_of(self._read(TOKENIZER_CONFIG))
        except ValueError as error:
            raise StorageError(f"cannot be read: {error}", MEND, place) from None

    def tokenizer(self) -> Any:
        """The dataset's `tokenizers.Tokenizer`."""
        try:
            return tokenizer_of(self.tokenizer_text())
        except ValueError as error:
            raise StorageError(str(error), MEND, f"{self.folder.url}/{TOKENIZER}") from None

    def tokenizer_text(self) -> str:
        """The text of its tokenizer.json. StorageError where it is not as recorded."""
        place = f"{self.folder.url}/{TOKENIZER}"
        try:
            return self._read(TOKENIZER).decode()
        except UnicodeDecodeError:
            raise StorageError("it is no text in UTF-8", MEND, place) from None

    def _read(self, name: str) -> bytes:
        """A file beside the shards. StorageError where it is missing, or not the one recorded."""
        place = f"{self.folder.url}/{name}"
        try:
            data = self.folder.read(name)
        except FileNotFoundError:
            raise StorageError("it is missing", MEND, place) from None
        recorded = self.manifest.files.get(name)
        if recorded and recorded["file_hash"] != hash_of_bytes(data):
            raise StorageError("its bytes have changed", MEND, place)
        return data


def tokenizer_of(text: str) -> Any:
    """The `tokenizers.Tokenizer` of a tokenizer.json. ValueError, in one line, where it is invalid."""
    import tokenizers

    try:
        return tokenizers.Tokenizer.from_str(text)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # the Rust side raises plain Exception for every fault, and more for a panic
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"it is no tokenizer: {reason}") from None
