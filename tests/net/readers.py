"""Other trainers' files, read byte by byte as their formats say, without a line of ours: rows, or documents."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

Rows = list[dict[str, Any]]
Lines = list[list[int]]


def parquet(folder: Path, split: str) -> Rows:
    """The rows of a split."""
    from pyarrow import parquet

    files = sorted((folder / "data").glob(f"{split}-?????-of-*.parquet"))
    return [row for file in files for row in parquet.ParquetFile(file).read().to_pylist()]


def mds(folder: Path, split: str) -> Rows:
    """As streaming's MDSReader does it."""
    rows: Rows = []
    for shard in json.loads((folder / split / "index.json").read_text("utf-8"))["shards"]:
        data = (folder / split / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        (count,) = struct.unpack_from("<I", data)
        assert count == shard["samples"]
        offsets = struct.unpack_from(f"<{count + 1}I", data, 4)
        for first, last in pairwise(offsets):
            rows.append(_sample(data[first:last], shard))
    return rows


def _sample(data: bytes, shard: dict[str, Any]) -> dict[str, Any]:
    sizes = list(shard["column_sizes"])
    varying = [i for i, size in enumerate(sizes) if size is None]
    for i, size in zip(varying, struct.unpack_from(f"<{len(varying)}I", data), strict=True):
        sizes[i] = size
    at, row = 4 * len(varying), {}
    for name, encoding, size in zip(shard["column_names"], shard["column_encodings"], sizes, strict=True):
        row[name] = _cell(data[at : at + size], encoding)
        at += size
    assert at == len(data), "a sample is as long as its columns say"
    return row


def _cell(data: bytes, encoding: str) -> Any:
    kind, *more = encoding.split(":")
    if kind == "str":
        return data.decode()
    if kind == "json":
        return json.loads(data)
    if kind == "ndarray":
        dtype, shape = more
        values = np.frombuffer(data, np.dtype(dtype).newbyteorder("<"))
        return values.reshape(tuple(map(int, shape.split(",")))).tolist()
    (number,) = np.frombuffer(data, np.dtype(kind).newbyteorder("<"))
    return number.item()


def litdata(folder: Path, split: str) -> Rows:
    """As TokensLoader does it: blocks of tokens, whichever file they are in."""
    index = json.loads((folder / split / "index.json").read_text("utf-8"))
    kind = {"no_header_tensor:16": "<i4", "no_header_tensor:20": "<u2"}[index["config"]["data_format"][0]]
    rows: Rows = []
    for chunk in index["chunks"]:
        data = (folder / split / chunk["filename"]).read_bytes()
        assert len(data) == chunk["chunk_bytes"]
        count, *offsets = struct.unpack_from(f"<{chunk['chunk_size'] + 2}I", data)
        assert count == chunk["chunk_size"]
        assert offsets[-1] == len(data)
        rows += [{"input_ids": np.frombuffer(data[a:b], kind).tolist()} for a, b in pairwise(offsets)]
        assert sum(len(row["input_ids"]) for row in rows[-count:] if count) == chunk["dim"]
    return rows


def nanogpt(folder: Path, split: str) -> list[int]:
    """The line of tokens."""
    return np.fromfile(folder / f"{split}.bin", "<u2").tolist()


def megatron(folder: Path, split: str) -> Lines:
    """The documents, as IndexedDataset finds them."""
    index = (folder / f"{split}.idx").read_bytes()
    assert index[:9] == b"MMIDIDX\0\0"
    version, code, count, documents = struct.unpack_from("<QBQQ", index, 9)
    assert (version, documents) == (1, count + 1)
    dtype = {8: "<u2", 4: "<i4"}[code]
    at = 9 + 25
    lengths = np.frombuffer(index, "<i4", count, at)
    offsets = np.frombuffer(index, "<i8", count, at + 4 * count)
    numbers = np.frombuffer(index, "<i8", count + 1, at + 12 * count)
    assert len(index) == at + 12 * count + 8 * (count + 1)
    assert numbers.tolist() == list(range(count + 1))
    line = (folder / f"{split}.bin").read_bytes()
    assert len(line) == int(lengths.sum()) * np.dtype(dtype).itemsize
    places = zip(lengths.tolist(), offsets.tolist(), strict=True)
    return [np.frombuffer(line, dtype, count, first).tolist() for count, first in places]


def llmc(folder: Path, split: str) -> list[int]:
    """The lines of tokens of all files, one after the other."""
    line: list[int] = []
    for file in sorted(folder.glob(f"{split}_??????.bin")):
        data = file.read_bytes()
        magic, version, count = struct.unpack_from("<3i", data)
        dtype = {(20240520, 1): "<u2", (20240801, 7): "<u4"}[magic, version]
        ids = np.frombuffer(data, dtype, offset=1024)
        assert len(ids) == count
        line += ids.tolist()
    return line


def jsonl(folder: Path, split: str) -> Rows:
    """A line a document."""
    rows: Rows = []
    for file in sorted((folder / "data").glob(f"{split}-?????-of-*.jsonl")):
        rows += [json.loads(line) for line in file.read_bytes().decode().split("\n") if line]
    return rows
