"""What the file of a shard may contain: which columns, of which types, and no negative token ids.

Anybody may have made a shard, with the right hashes, so its layout is checked before anything in it is used. Numbers
that point into a row or a list are checked where they are used: see `Dataset.entries` and `formats`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.columns import FIELDS
from pipeline.core.table import Columns


@dataclass(frozen=True)
class ShardLayout:
    """The layout of a split's shards: names of the columns, and tokens in a row."""

    columns: tuple[str, ...]
    length: int

    def check_types(self, types: Mapping[str, str], names: int) -> None:
        """ValueError unless `types` (name → type, as pyarrow writes it) fits. names: how many columns the file has."""
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
    """What is wrong where a token id is not below `vocabulary`; "" where all are."""
    ids = columns["input_ids"]
    assert isinstance(ids, np.ndarray), "the layout says so"
    if not ids.size or ids.max() < vocabulary:
        return ""
    return f"it has the token id {ids.max()}, and the tokenizer {vocabulary} ids"
