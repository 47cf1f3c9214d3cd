"""Megatron-LM, NeMo, GPT-NeoX: ids in a .bin file; an .idx file beside it says where sequences and documents begin."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from pipeline.core.documents import offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.system.kept_arrays import Out, mapped
from pipeline.core.token_files import MEGATRON_MAGIC, MEGATRON_TYPES, MEGATRON_VERSION
from pipeline.sources.tokens.cutting import Found, Reading, cut_all_rows

HEAD = struct.Struct("<9sQBQQ")


def index_of(path: Path) -> Path:
    """The .idx file of a .bin file."""
    return path.with_suffix(".idx")


def find(path: Path, index: Path, reading: Reading, out: Out) -> None:
    """Write where the documents of a file are, as its index says. SpecError for an index that contradicts it."""
    type_, lengths = _documents(index, path)
    out.facts["type"] = np.dtype(type_).newbyteorder("<").str
    ids = mapped(path).view(out.facts["type"])
    found = Found(str(path), out)
    cut_all_rows(ids, offsets_of(lengths), reading, found)
    found.end()


def _documents(index: Path, path: Path) -> tuple[str, I64]:
    """The type of ids, and how many tokens each document has, one behind the other, int64 (d,)."""
    data = mapped(index)
    magic, version, code, count, entries = HEAD.unpack(data[: HEAD.size].tobytes().ljust(HEAD.size, b"\0"))
    if magic != MEGATRON_MAGIC:
        raise _wrong(index, f"it does not begin with {MEGATRON_MAGIC!r}")
    if version != MEGATRON_VERSION or code not in MEGATRON_TYPES:
        raise _wrong(index, f"it is of version {version} with ids of type {code}, which cannot be read")
    if data.size - HEAD.size < 12 * count + 8 * entries:
        raise _wrong(index, f"it has {data.size:,} bytes, too few for {count:,} sequences and {entries:,} documents")
    ends = HEAD.size + np.cumsum([0, 4 * count, 8 * count, 8 * entries], dtype=np.int64)
    if data.size != ends[-1] and data.size != ends[-1] + count:  # a byte more of each sequence, where there are modes
        raise _wrong(index, f"it has {data.size:,} bytes, and {int(ends[-1]):,} are said")
    kinds = ("<i4", "<i8", "<i8")
    lengths, places, firsts = (data[ends[i] : ends[i + 1]].view(kind) for i, kind in enumerate(kinds))
    width = np.dtype(MEGATRON_TYPES[code]).itemsize
    before = offsets_of(lengths)
    if (lengths < 0).any():
        raise _wrong(index, f"sequence {int(np.argmax(lengths < 0)):,} has {int(lengths.min()):,} tokens")
    if (wrong := np.flatnonzero(places != before[:-1] * width)).size:
        where = f"byte {int(places[wrong[0]]):,}, and the one before it ends at {int(before[wrong[0]]) * width:,}"
        raise _wrong(index, f"sequence {wrong[0]:,} begins at {where}")
    if path.stat().st_size != before[-1] * width:
        raise _wrong(index, f"its sequences have {int(before[-1]) * width:,} bytes, the .bin {path.stat().st_size:,}")
    if entries < 1 or firsts[0] != 0 or firsts[-1] != count or (np.diff(firsts) < 0).any():
        raise _wrong(index, f"its documents do not begin one after the other among {count:,} sequences")
    return MEGATRON_TYPES[code], np.diff(before[firsts])


def _wrong(index: Path, problem: str) -> SpecError:
    return SpecError(f"'{index}' is no index of its .bin: {problem}", "Make both files again, together.", ("files",))
