"""Files with the same rows in each kind and compression, and the rows that a corpus of them has."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from pipeline.core.files import Files
from pipeline.core.key import Key
from pipeline.sources.corpus.reading.rows import Rows
from pipeline.sources.corpus.spec import CorpusSpec

KINDS = (".jsonl", ".json", ".array.json", ".txt", ".csv", ".parquet", ".file.arrow", ".stream.arrow")
COMPRESSIONS = ("", ".gz", ".bz2", ".xz", ".zst")
Table = Sequence[Mapping[str, Any]]


def spec_of(folder: Path, files: str | list[str], **keys: Any) -> CorpusSpec:
    """A corpus of files of a folder, materialised."""
    named = Files(("sources", "text"), lambda at: folder, Key.root(0))
    return CorpusSpec.model_validate({"kind": "corpus", "files": files, **keys}).materialise(named)


def rows_at(folder: Path, files: str | list[str], **keys: Any) -> Rows:
    return spec_of(folder, files, **keys).rows()


def texts_at(folder: Path, files: str | list[str], **keys: Any) -> list[str]:
    """All documents, in order."""
    rows = rows_at(folder, files, **keys)
    return rows.texts(np.arange(len(rows)))


def write(path: Path, table: Table) -> Path:
    """A file of rows in the form that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    compression = next((end for end in COMPRESSIONS[1:] if path.name.endswith(end)), "")
    data = content_of(path.name.removesuffix(compression), table)
    path.write_bytes(compressed(data, compression))
    return path


def compressed(data: bytes, compression: str) -> bytes:
    if compression == ".zst":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(data)
        return sink.getvalue().to_pybytes()
    pack = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    return pack[compression](data)


def content_of(name: str, table: Table) -> bytes:
    if name.endswith(".array.json"):
        return json.dumps(list(table), indent=1).encode()
    if name.endswith((".jsonl", ".json")):
        return "".join(json.dumps(row, ensure_ascii=i % 2 == 0) + "\n" for i, row in enumerate(table)).encode()
    if name.endswith(".txt"):
        return "".join(f"{row['text']}\n" for row in table).encode()
    if name.endswith(".csv"):
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, list(table[0]) if table else ["text"])
        writer.writeheader()
        writer.writerows(table)
        return out.getvalue().encode()
    arrow = pa.Table.from_pylist(list(table)) if table else pa.table({"text": pa.array([], pa.string())})
    sink = pa.BufferOutputStream()
    if name.endswith(".parquet"):
        parquet.write_table(arrow, sink, row_group_size=70)
    else:
        new = pa.ipc.new_file if name.endswith(".file.arrow") else pa.ipc.new_stream
        with new(sink, arrow.schema) as writer:
            writer.write_table(arrow, max_chunksize=70)
    return sink.getvalue().to_pybytes()
