"""What the file of a shard may hold: which columns, of which types, and no token id below zero.

A shard may have been made by anybody, with the right hashes: nothing of it is looked at before its layout is known to
be one that `arrow.write` writes. Numbers that point into a row or a list are held against their bounds by who follows
them: see `Dataset.entries` and `stream.documents`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.core.table import Columns

DENSE = {
    "input_ids": ("uint16", "int32"),
    "loss_mask": ("uint8",),
    "segment_ids": ("uint16", "int32", "uint32"),
    "boundaries": ("uint8",),
}
"""Columns (S, L), and the types of their numbers."""

SINGLE = {
    "length": ("int32",),
    "individual": ("int64",),
    "question": ("string",),
    "prompt": ("string",),
    "hint": ("string",),
    "answer": ("string",),
    "op": ("int32",),
    "retries": ("uint8", "int32"),
    "parameters": ("string",),
}
"""Columns (S,)."""

LISTS = {
    "documents": {
        "start": "int32", "length": "int32", "offset": "int32", "source": "uint16", "item": "int64", "exposure": "int32"
    },
    "spans": {"start": "int32", "length": "int32", "attribute": "uint8"},
    "parts": {"start": "int32", "length": "int32", "role": "uint8"},
    "labels": {"necessary": "uint8", "value": "int64", "depends": "uint64"},
    "steps": {"position": "int32", "parameter": "uint8", "known": "uint64", "ready": "uint64"},
    "probes": {"attribute": "uint8", "position": "int32", "first_token": "int32", "value": "int32"},
}  # fmt: skip
"""Columns of lists of records: field → type."""

_LIST = re.compile(r"list<item: struct<(.*)>>")


@dataclass(frozen=True)
class ShardLayout:
    """Of the shards of a split: the names of their columns, and how many tokens a row has."""

    columns: tuple[str, ...]
    length: int

    def check_types(self, types: Mapping[str, str], names: int) -> None:
        """ValueError unless these are the columns, name → type as pyarrow writes it. names: how many there are."""
        if names != len(types) or set(types) != set(self.columns):
            shown = ", ".join(types)[:200]
            raise ValueError(f"it has the columns {shown} instead of {', '.join(self.columns)}")
        for name, kind in types.items():
            if not self._may_be(name, kind):
                raise ValueError(f"the column '{name}' is of the type {kind[:200]}, which no shard has")

    def _may_be(self, name: str, kind: str) -> bool:
        if name in DENSE:
            return kind in {f"fixed_size_list<item: {number}>[{self.length}]" for number in DENSE[name]}
        if name == "ancestors":
            inner = r"fixed_size_list<item: fixed_size_list<item: int16>\[[1-9][0-9]{0,2}\]>"
            return bool(re.fullmatch(rf"{inner}\[{self.length}\]", kind))
        if name in SINGLE:
            return kind in SINGLE[name]
        found = _LIST.fullmatch(kind)
        fields = [tuple(field.split(": ", 1)) for field in found[1].split(", ")] if found else []
        return bool(fields) and len(set(fields)) == len(fields) and set(fields) <= set(LISTS[name].items())

    def check_rows(self, columns: Columns) -> None:
        """ValueError for a token id below zero."""
        ids = columns["input_ids"]
        assert isinstance(ids, np.ndarray)
        if ids.dtype.kind == "i" and ids.size and ids.min() < 0:
            raise ValueError(f"it has the token id {ids.min()}, and they begin with 0")


def id_beyond(columns: Columns, vocabulary: int) -> str:
    """What is wrong with token ids of which one is not below the size of a vocabulary; "" where all are."""
    ids = columns["input_ids"]
    assert isinstance(ids, np.ndarray), "the layout says so"
    if not ids.size or ids.max() < vocabulary:
        return ""
    return f"it has the token id {ids.max()}, and the tokenizer {vocabulary} ids"
