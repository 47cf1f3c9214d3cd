"""Files of the formats, read byte by byte as their layouts say: rows as dicts of plain values, or documents."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np


def mds(folder: Path) -> list[dict[str, Any]]:
    """The samples of a split's folder, in order."""
    found = []
    for shard in json.loads((folder / "index.json").read_text())["shards"]:
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        (count,) = struct.unpack("<I", data[:4])
        offsets = struct.unpack(f"<{count + 1}I", data[4 : 8 + 4 * count])
        assert (count, offsets[-1]) == (shard["samples"], len(data))
        described = json.loads(data[8 + 4 * count : offsets[0]])
        keys = ("column_names", "column_encodings", "column_sizes")
        assert all(described[key] == shard[key] for key in keys)
        columns = list(zip(*(shard[key] for key in keys), strict=True))
        found += [_sample(data[a:b], columns) for a, b in pairwise(offsets)]
    return found


def _sample(data: bytes, columns: list[tuple[str, str, int | None]]) -> dict[str, Any]:
    varying = [name for name, _, size in columns if size is None]
    sizes = dict(zip(varying, struct.unpack(f"<{len(varying)}I", data[: 4 * len(varying)]), strict=True))
    at, row = 4 * len(varying), {}
    for name, encoding, size in columns:
        size = sizes[name] if size is None else size
        row[name] = _cell(data[at : at + size], encoding)
        at += size
    assert at == len(data), "nothing is left over"
    return row


def _cell(data: bytes, encoding: str) -> Any:
    if encoding == "str":
        return data.decode()
    if encoding == "json":
        return json.loads(data)
    kind, _, shape = encoding.removeprefix("ndarray:").partition(":")
    values = np.frombuffer(data, np.dtype(kind).newbyteorder("<"))
    if not encoding.startswith("ndarray:"):
        (value,) = values.tolist()
        return value
    sides = [int(side) for side in shape.split(",")]
    assert values.size == prod(sides)
    return values.reshape(sides).tolist()


def litdata(folder: Path) -> list[int]:
    """The token ids of a split's folder."""
    index = json.loads((folder / "index.json").read_text())
    (form,) = index["config"]["data_format"]
    kind = {"no_header_tensor:16": "<i4", "no_header_tensor:20": "<u2"}[form]
    found: list[int] = []
    for chunk in index["chunks"]:
        data = (folder / chunk["filename"]).read_bytes()
        count, *offsets = np.frombuffer(data[: 8 + 4 * chunk["chunk_size"]], "<u4").tolist()
        assert (count, offsets[0], offsets[-1]) == (chunk["chunk_size"], 8 + 4 * count, len(data))
        ids = np.frombuffer(data[offsets[0] :], kind).tolist()
        assert len(ids) == chunk["dim"]
        found += ids
    return found


def nanogpt(path: Path) -> list[int]:
    """All token ids."""
    return np.memmap(path, "<u2", "r").tolist()


def llmc(path: Path) -> list[int]:
    """All token ids behind the header."""
    magic, version, count, *rest = np.fromfile(path, "<i4", 256).tolist()
    kind = {(20240520, 1): "<u2", (20240801, 7): "<u4"}[magic, version]
    ids = np.fromfile(path, kind, offset=1024).tolist()
    assert len(ids) == count
    assert not any(rest)
    return ids


def megatron(stem: Path) -> list[list[int]]:
    """The documents."""
    data = stem.with_suffix(".idx").read_bytes()
    magic, version, code, count, ends = struct.unpack("<9sQBQQ", data[:34])
    assert (magic, version, ends) == (b"MMIDIDX\0\0", 1, count + 1)
    kind = {8: "<u2", 4: "<i4"}[code]
    lengths = np.frombuffer(data, "<i4", count, 34)
    offsets = np.frombuffer(data, "<i8", count, 34 + 4 * count)
    assert np.frombuffer(data, "<i8", offset=34 + 12 * count).tolist() == list(range(count + 1))
    raw = stem.with_suffix(".bin").read_bytes()
    return [
        np.frombuffer(raw, kind, n, start).tolist() for n, start in zip(lengths.tolist(), offsets.tolist(), strict=True)
    ]


def jsonl(folder: Path, split: str) -> list[dict[str, Any]]:
    """The lines of a split's files."""
    paths = sorted((folder / "data").glob(f"{split}-*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").split("\n") if line]
