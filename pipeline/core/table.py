"""The logical columns of a shard, before any file format: what is hashed, and what exports write.

Letters: S rows (sequences), L tokens in each, m entries of a list column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray


@dataclass(frozen=True)
class Lists:
    """A column of lists of records: row i has the entries offsets[i] … offsets[i + 1] - 1 of every field (m,).

    A field is an array, or Strings. A single one without a name, "", makes entries that are no records.
    """

    offsets: NDArray[np.int64]
    fields: Mapping[str, Any]

    @classmethod
    def of_texts(cls, lists: Sequence[Sequence[str]]) -> Lists:
        """The column that holds these lists of texts."""
        return cls(_offsets(lists), {"": Strings.of([text for texts in lists for text in texts])})

    @classmethod
    def of_ids(cls, lists: Sequence[Any]) -> Lists:
        """The column that holds these lists of token ids, as int32."""
        values = np.concatenate([np.empty(0, np.int32), *(np.asarray(ids, np.int32) for ids in lists)])
        return cls(_offsets(lists), {"": values})

    @classmethod
    def of_messages(cls, conversations: Sequence[Sequence[tuple[str, str]]]) -> Lists:
        """The column that holds these conversations, records of `role` and `content`."""
        flat = [message for messages in conversations for message in messages]
        fields = {"role": Strings.of([role for role, _ in flat]), "content": Strings.of([text for _, text in flat])}
        return cls(_offsets(conversations), fields)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row of each entry, int64 (m,).

        >>> Lists(np.array([0, 2, 2, 3]), {"start": np.array([0, 5, 0])}).rows.tolist()
        [0, 0, 2]
        """
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


@dataclass(frozen=True)
class Strings:
    """A column of texts: row i is bytes[offsets[i] : offsets[i + 1]], UTF-8 as uint8."""

    offsets: NDArray[np.int64]
    bytes: NDArray[np.uint8]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Strings:
        """The column that holds these texts."""
        encoded = [text.encode() for text in texts]
        offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return cls(offsets, np.frombuffer(b"".join(encoded), np.uint8))


def _offsets(lists: Sequence[Any]) -> NDArray[np.int64]:
    return np.cumsum([0, *map(len, lists)], dtype=np.int64)


MOST_OVER = 8  # times a row's tokens: the most that its spans (or parts), which may overlap, have together


def check_entries(lists: Lists, length: int, **below: int) -> None:
    """ValueError unless every entry (start, length, …) lies in a row of `length` tokens and respects the bounds.

    below: field → what all its numbers, from 0 on, are below. For shards that anybody may have made.

    >>> entries = {"start": np.array([3]), "length": np.array([2]), "role": np.array([7])}
    >>> check_entries(Lists(np.array([0, 1]), entries), 5, role=7)
    Traceback (most recent call last):
    ValueError: an entry has the role 7, and there are 7
    """
    bounds = {"start": length, "length": length + 1, **below}
    if lacking := [name for name in bounds if name not in lists.fields]:
        raise ValueError(f"its entries have no {', '.join(lacking)}")
    for name, bound in bounds.items():
        values = lists.fields[name]
        if values.size and not 0 <= (wrong := int(values.min() if values.min() < 0 else values.max())) < bound:
            raise ValueError(f"an entry has the {name} {wrong}, and there are {bound}")
    start, tokens = (lists.fields[name].astype(np.int64) for name in ("start", "length"))
    if (start + tokens > length).any():
        raise ValueError(f"an entry reaches beyond its row of {length} tokens")
    before = np.concatenate([[0], np.cumsum(tokens)])[lists.offsets]
    if (np.diff(before) > MOST_OVER * length).any():
        raise ValueError("the entries of a row have more tokens than it")


def values_of(column: Column) -> list[Any]:
    """The rows of a column that has one value, or one list, for each: numbers, texts, lists, or lists of dicts."""
    if isinstance(column, Strings):
        data, ends = column.bytes.tobytes(), column.offsets.tolist()
        return [data[first:last].decode() for first, last in pairwise(ends)]
    if isinstance(column, Lists):
        fields = {name: values_of(field) for name, field in column.fields.items()}
        records = zip(*fields.values(), strict=True)
        entries = fields[""] if "" in fields else [dict(zip(fields, record, strict=True)) for record in records]
        return [entries[first:last] for first, last in pairwise(column.offsets.tolist())]
    values: list[Any] = column.tolist()
    return values


Column = NDArray[Any] | Lists | Strings
Columns = Mapping[str, Column]
"""Name → dense (S, L), (S, L, …) or (S,), Lists over S rows, or Strings; all of one number of rows."""


def length_of(columns: Columns) -> int:
    """How many rows the columns have."""
    first = next(iter(columns.values()))
    return len(first) if isinstance(first, np.ndarray) else len(first.offsets) - 1


def take(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    """The rows with these numbers, int64 (r,), of all columns, copied."""
    return {name: _taken(column, rows) for name, column in columns.items()}


def _taken(column: Column, rows: NDArray[np.int64]) -> Column:
    if isinstance(column, np.ndarray):
        return column[rows]
    first, counts = column.offsets[rows], np.diff(column.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    entries = np.arange(offsets[-1]) + np.repeat(first - offsets[:-1], counts)
    if isinstance(column, Strings):
        return Strings(offsets, column.bytes[entries])
    fields = {name: _taken(field, entries) for name, field in column.fields.items()}
    return Lists(offsets, fields)


def content_hash(columns: Columns) -> str:
    """XXH3-128 of names, types, shapes and little-endian values: the same on every machine, whatever the format."""
    state = xxhash.xxh3_128()
    for name, column in columns.items():
        arrays = {"": column} if isinstance(column, np.ndarray) else {"/offsets": column.offsets, **_slashed(column)}
        for field, array in arrays.items():
            little = array.astype(array.dtype.newbyteorder("<"), copy=False)
            state.update(f"{name}{field} {array.dtype.name} {array.shape}\n".encode())
            state.update(np.ascontiguousarray(little).reshape(-1).view(np.uint8).data)
    return f"xxh3_128:{state.hexdigest()}"


def _slashed(column: Lists | Strings) -> dict[str, NDArray[Any]]:
    if isinstance(column, Strings):
        return {"/bytes": column.bytes}
    arrays: dict[str, NDArray[Any]] = {}
    for name, field in column.fields.items():
        nested: dict[str, NDArray[Any]] = {"": field}
        if isinstance(field, Strings):
            nested = {"/offsets": field.offsets, "/bytes": field.bytes}
        arrays |= {f"/{name}{part}": array for part, array in nested.items()}
    return arrays
