"""What the file of a shard may hold: which columns, of which types, and no token id below zero.

A shard may have been made by anybody, with the right hashes: nothing of it is looked at before its layout is known to
be one that `arrow.write` writes. Numbers that point into a row or a list are held against their bounds by who follows
them: see `Dataset.entries` and `formats`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.columns import FIELDS
from pipeline.core.table import Columns


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
            if not FIELDS[name].allows(kind, self.length):
                raise ValueError(f"the column '{name}' is of the type {kind[:200]}, which no shard has")

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
