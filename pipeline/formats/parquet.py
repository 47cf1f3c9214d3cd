"""Parquet as the Hugging Face Hub stores it: `data/train-00000-of-00002.parquet`, one file per shard, all columns.

Shards without rows are left out. A split without rows becomes one empty file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar, Literal

from pydantic import Field as Key_

from pipeline.core.json_layouts import STRICT, Count
from pipeline.core.spec import Name
from pipeline.formats import tables
from pipeline.formats.format import ExportSpec, File, FileRecord, Files, Format, FormatKind, Part, Rows, Split, Written


class ParquetSpec(ExportSpec):
    """The options."""

    kind: Literal["parquet"] = "parquet"
    compression: Literal["zstd", "snappy", "none"] = Key_("zstd", description="Of the pages of a file.")


class ParquetRecord(FileRecord):
    """The facts of a file."""

    model_config = STRICT

    rows: Count
    columns: dict[Name, str]


class Parquet(Format):
    """The format."""

    Record: ClassVar[type[FileRecord]] = ParquetRecord

    def __init__(self, spec: ParquetSpec) -> None:
        self._compression = spec.compression

    def place(self, split: Split, column: str) -> bool:
        return True

    def check(self, split: Split) -> None:
        """Nothing is refused: a file without rows still has its columns."""

    def parts(self, split: Split) -> list[Part]:
        return super().parts(split) or [Part(split, 0, 1, split.shards[:1])]

    def write(self, part: Part, rows: Rows, files: Files) -> None:
        from pipeline.storage import arrow

        (shard,) = part.shards
        batches = map(arrow.record_batch, rows.of(shard))
        first = next(batches)
        with (
            files.create(tables.name_of(part, "parquet")) as file,
            self._writer(file, first.schema) as writer,
        ):
            for batch in chain([first], batches):
                if batch.num_rows:
                    writer.write_batch(batch)  # a row group each; `datasets` cannot read one without rows
            file.facts = {"rows": shard.sequences, "columns": {field.name: str(field.type) for field in first.schema}}

    def index(self, written: Mapping[str, Sequence[Written]]) -> dict[str, str]:
        return tables.readme(written, "parquet")

    def _writer(self, file: File, schema: Any) -> Any:
        import pyarrow as pa
        from pyarrow import parquet

        return parquet.ParquetWriter(pa.PythonFile(file, mode="w"), schema, compression=self._compression)


KIND = FormatKind(ParquetSpec, Parquet, "sequences: all columns, as the Hub stores them and `load_dataset` opens them")
