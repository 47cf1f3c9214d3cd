"""The rows of a shard of ours, one behind the other, and stretches of documents on that line.

Letters: S rows, L tokens in each, n tokens, s segments, d documents, b record batches, m entries of a list column.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import offsets_of
from pipeline.core.draws import I64
from pipeline.core.system.kept_arrays import mapped


@dataclass(frozen=True)
class Line:
    """The rows of a shard, of `length` tokens each, in its record batches.

    ids: those of each batch, (n,). firsts: where each batch begins on the line, int64 (b + 1,). places: where its ids
    begin in the file, counted in ids, int64 (b,).
    """

    ids: list[NDArray[Any]]
    firsts: I64
    places: I64
    batches: list[Any]
    length: int

    @classmethod
    def of(cls, path: Path, length: int) -> Line:
        """The line of a file whose rows have `length` tokens. ValueError for one that is no shard."""
        import pyarrow as pa

        data = mapped(path)
        batches = list(pa.ipc.open_stream(pa.BufferReader(pa.py_buffer(data))))
        ids, places = [], []
        for batch in batches:
            batch.validate(full=True)
            array = batch.column("input_ids")
            fixed = pa.types.is_fixed_size_list(array.type) and pa.types.is_integer(array.type.value_type)
            if not fixed or array.type.list_size != length:
                raise ValueError(f"input_ids are {array.type}, and a row has {length} tokens")
            values = array.flatten().to_numpy()
            begin, width = values.ctypes.data - data.ctypes.data, values.dtype.itemsize
            if values.size and not (0 <= begin <= data.size - values.nbytes and begin % width == 0):
                raise ValueError("it is compressed")
            ids.append(values)
            places.append(begin // width if values.size else 0)
        if not sum(map(len, ids)):
            raise ValueError("it has no rows")
        return cls(ids, offsets_of(np.array([len(one) for one in ids])), np.array(places), batches, length)

    def column(self, name: str, count: int) -> NDArray[Any]:
        """A column of `count` integers, a row or a token each, of all batches. ValueError for any other column."""
        from pyarrow import types

        arrays = [batch.column(name) for batch in self.batches]
        flat = [array.flatten() if types.is_fixed_size_list(array.type) else array for array in arrays]
        if not all(types.is_integer(array.type) for array in flat) or sum(map(len, flat)) != count:
            raise ValueError(f"the column '{name}' is of {arrays[0].type}")
        return np.concatenate([array.to_numpy() for array in flat])

    def entries(self, name: str, *fields: str) -> tuple[I64, list[I64]]:
        """The row of each entry of a column of lists, and its fields, int64 (m,) all. ValueError for another column."""
        from pyarrow import types

        rows, first = [], 0
        values: list[list[I64]] = [[] for _ in fields]
        for batch in self.batches:
            array = batch.column(name)
            entry = array.type.value_type if types.is_list(array.type) else array.type
            known = {field.name for field in entry if types.is_integer(field.type)} if types.is_struct(entry) else set()
            if not known.issuperset(fields) or entry is array.type:
                raise ValueError(f"the column '{name}' is of {array.type}")
            offsets = array.offsets.to_numpy().astype(np.int64)
            rows.append(first + np.repeat(np.arange(len(array)), np.diff(offsets)))
            inner = array.values.slice(offsets[0], offsets[-1] - offsets[0])
            for into, field in zip(values, fields, strict=True):
                into.append(inner.field(field).to_numpy().astype(np.int64))
            first += len(array)
        return np.concatenate(rows), [np.concatenate(parts) for parts in values]

    def at(self, places: I64) -> NDArray[Any]:
        """The ids at places of the line, (k,)."""
        batch = np.searchsorted(self.firsts, places, "right") - 1
        values = np.empty(len(places), np.int64)
        for number in np.unique(batch).tolist():
            within = batch == number
            values[within] = self.ids[number][places[within] - self.firsts[number]]
        return values


@dataclass(frozen=True)
class Segments:
    """Stretches of documents on the line, in the order of documents: begin, length and document of each, (s,)."""

    begin: I64
    length: I64
    document: I64

    @property
    def count(self) -> int:
        """How many documents they are of."""
        return int(self.document[-1]) + 1 if self.document.size else 0
