"""A dataset as a format sees it: what is known of its splits, and the columns of their shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from pipeline.columns import stored
from pipeline.core.documents import Ragged
from pipeline.core.errors import StorageError
from pipeline.core.table import Columns
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import MEND
from pipeline.dataset.shard_record import ShardRecord
from pipeline.formats.format import Shard, Split
from pipeline.storage import arrow
from pipeline.storage.shard_layout import id_beyond
from pipeline.text.tokenizer import Tokenizer


def tokenizer_of(dataset: Dataset) -> Tokenizer:
    """The dataset's own tokenizer. StorageError where it has no token that ends documents."""
    tokenizer = Tokenizer(dataset.tokenizer(), dataset.end_of_text())
    if tokenizer.backend.token_to_id(tokenizer.eos_token) is None:
        raise StorageError(f"no token '{tokenizer.eos_token}' in it", MEND, f"{dataset.folder.url}/tokenizer")
    return tokenizer


def splits_of(dataset: Dataset, tokenizer: Tokenizer) -> dict[str, Split]:
    """Name → split of a dataset, as formats see it."""
    return {name: _split(dataset, tokenizer, name) for name in dataset.manifest.splits}


def _split(dataset: Dataset, tokenizer: Tokenizer, name: str) -> Split:
    entry = dataset.manifest.splits[name]
    sources, packing = dataset.manifest.sources(name), dataset.manifest.packing(name)
    rows = entry["packing"] == "rows"
    records = dataset.manifest.shards_of(name)
    return Split(
        name=name,
        length=entry["length"],
        rows=rows,
        pure=packing.method == "aligned" or packing.pure(len(sources)),
        closed=packing.uncut and all(source.get("eos", True) for source in sources),
        columns=stored(rows, entry["columns"]),
        ids=tokenizer.dtype,
        end=tokenizer.eos,
        shards=tuple(Shard(record.shard, record.sequences, record.documents, record.tokens) for record in records),
        empties=any(source.get("kind") in ("corpus", "tokens") for source in sources),
    )


@dataclass(frozen=True)
class ShardRows:
    """The columns `names` of a split's shards. Each shard is checked before it is read."""

    dataset: Dataset
    tokenizer: Tokenizer
    split: str
    names: Sequence[str]

    @cached_property
    def _records(self) -> dict[int, ShardRecord]:
        return {record.shard: record for record in self.dataset.manifest.shards_of(self.split)}

    def of(self, shard: Shard) -> Iterator[Columns]:
        """The columns of each record batch of a shard. StorageError where the shard is not as recorded."""
        record = self._records[shard.number]
        folder = self.dataset.folder
        if not folder.has(record.file, record.bytes, record.file_hash):
            raise StorageError("missing, or its bytes have changed", MEND, f"{folder.url}/{record.file}")
        for batch in self.dataset.shard(record):
            columns = arrow.columns_from([batch.select(self.names)])
            if "input_ids" in columns and (fault := id_beyond(columns, self.tokenizer.vocabulary)):
                raise StorageError(fault, MEND, f"{folder.url}/{record.file}")
            yield columns

    def texts(self, documents: Ragged) -> list[str]:
        """The text of each document, with U+FFFD for bytes that are not valid UTF-8."""
        return self.tokenizer.decode_all(_ids_of(documents))

    def broken(self, documents: Ragged) -> bool:
        """Whether any of the documents is not valid UTF-8."""
        return not all(map(self.tokenizer.is_text, _ids_of(documents)))


def _ids_of(documents: Ragged) -> list[list[int]]:
    ids, ends = documents.values.tolist(), documents.offsets.tolist()
    return [ids[first:last] for first, last in pairwise(ends)]
