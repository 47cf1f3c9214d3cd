"""MosaicML MDS (streaming, llm-foundry, composer): `train/index.json` and `train/shard.00000.000.mds`.

    .mds      u32 n  u32[n + 1] offsets from the file's beginning  the columns' description as JSON  samples
    sample    u32 size of each column of varying size  all columns, in the order of their names

A sample is a sequence. Lists of records (documents, spans, parts, probes) are JSON.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field as Key_

from pipeline.core.json_layouts import STRICT, Count
from pipeline.core.spec import Name
from pipeline.core.table import Column, Columns, Lists, Strings, values_of
from pipeline.formats.format import (
    ExportSpec,
    FileRecord,
    Files,
    Format,
    FormatKind,
    Part,
    Rows,
    Split,
    Written,
    little,
)

Described = Mapping[str, tuple[str, int | None]]  # columns of a file: name → (MDS encoding, bytes of a cell or None)


class MdsSpec(ExportSpec):
    """The options."""

    kind: Literal["mds"] = "mds"
    bytes: int = Key_(2**26, ge=2**10, le=2**31, description="Most bytes of a file.")


class MdsRecord(FileRecord):
    """The facts of a file."""

    model_config = STRICT

    samples: Count
    columns: dict[Name, tuple[str, Count | None]]


class Mds(Format):
    """The format."""

    Record: ClassVar[type[FileRecord]] = MdsRecord

    def __init__(self, spec: MdsSpec) -> None:
        self._most = spec.bytes

    def place(self, split: Split, column: str) -> bool:
        return True

    def write(self, part: Part, rows: Rows, files: Files) -> None:
        (shard,) = part.shards
        for number, (columns, samples) in enumerate(self._filled(map(_encoded, rows.of(shard)))):
            header = _description(columns, self._most)
            first = 4 + 4 * (len(samples) + 1) + len(header)
            offsets = first + np.cumsum([0, *map(len, samples)])
            with files.create(f"{part.split.name}/shard.{part.number:05d}.{number:03d}.mds") as file:
                file.write(struct.pack("<I", len(samples)) + little(offsets, "u4", "offset in an mds file") + header)
                file.write(b"".join(samples))
                file.facts = {"samples": len(samples), "columns": columns}

    def _filled(self, batches: Iterable[tuple[Described, list[bytes]]]) -> Iterator[tuple[Described, list[bytes]]]:
        """The samples of each file in turn."""
        columns: Described = {}
        held: list[bytes] = []
        size = 0
        for columns, samples in batches:
            room = self._most - 8 - len(_description(columns, self._most))
            for sample in samples:
                if held and size + 4 + len(sample) > room:
                    yield columns, held
                    held, size = [], 0
                held.append(sample)
                size += 4 + len(sample)
        yield columns, held

    def index(self, written: Mapping[str, Sequence[Written]]) -> dict[str, str]:
        return {f"{split}/index.json": self._index(files) for split, files in written.items()}

    def _index(self, files: Sequence[Written]) -> str:
        shards = [
            {
                **_keys(file["columns"], self._most),
                "raw_data": {"basename": file["file"].rpartition("/")[2], "bytes": file["bytes"], "hashes": {}},
                "samples": file["samples"],
                "zip_data": None,
            }
            for file in files
        ]
        return json.dumps({"shards": shards, "version": 2}, sort_keys=True) + "\n"


def _keys(columns: Described, most: int) -> dict[str, Any]:
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": [],
        "size_limit": most,
        "column_names": list(columns),
        "column_encodings": [encoding for encoding, _ in columns.values()],
        "column_sizes": [size for _, size in columns.values()],
    }


def _description(columns: Described, most: int) -> bytes:
    return json.dumps(_keys(columns, most), sort_keys=True).encode()


def _encoded(columns: Columns) -> tuple[Described, list[bytes]]:
    """The description of the columns, and each row as the bytes of a sample."""
    names = sorted(columns)
    described = {name: _encoding(columns[name]) for name in names}
    varying = [i for i, name in enumerate(names) if described[name][1] is None]
    samples = []
    for row in zip(*(_cells(columns[name]) for name in names), strict=True):
        sizes = struct.pack(f"<{len(varying)}I", *(len(row[i]) for i in varying))
        samples.append(b"".join((sizes, *row)))
    return described, samples


def _encoding(column: Column) -> tuple[str, int | None]:
    """The MDS encoding of a column, and the bytes of a cell; None where cells differ in size."""
    if isinstance(column, Strings):
        return "str", None
    if isinstance(column, Lists):
        return "json", None
    size = column.dtype.itemsize * math.prod(column.shape[1:])
    if column.ndim == 1:
        return column.dtype.name, size
    return f"ndarray:{column.dtype.name}:{','.join(map(str, column.shape[1:]))}", size


def _cells(column: Column) -> Iterator[bytes]:
    """The cells of a column, as bytes."""
    if isinstance(column, Strings):
        data = column.bytes.tobytes()
        yield from (data[first:last] for first, last in pairwise(column.offsets.tolist()))
    elif isinstance(column, Lists):
        yield from (json.dumps(cell).encode() for cell in values_of(column))
    else:
        data, size = bytes(little(column)), _encoding(column)[1]
        assert size, "an array has elements"
        yield from (data[first : first + size] for first in range(0, len(data), size))


KIND = FormatKind(MdsSpec, Mds, "sequences: all columns, for MosaicML's streaming, llm-foundry, composer")
