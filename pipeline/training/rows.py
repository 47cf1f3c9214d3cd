"""One row out of the columns of a shard."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.table import Column, Columns, Lists, Strings, take, values_of

Row = dict[str, Any]
"""One row: an array (L,) of each dense column, a number, a text, a dict of arrays of a column of lists of numbers, or a
list: of messages (dicts), of texts, of token ids."""


def row_of(columns: Columns, at: int) -> Row:
    """Row `at`: column → its value, without the first axis; a list column as a dict of arrays."""
    return {name: _value(column, at) for name, column in columns.items()}


def _value(column: Column, at: int) -> Any:
    if isinstance(column, np.ndarray):
        return column[at]
    within = slice(int(column.offsets[at]), int(column.offsets[at + 1]))
    if isinstance(column, Strings):
        return column.bytes[within].tobytes().decode()
    assert isinstance(column, Lists)
    if "" in column.fields or any(isinstance(field, Strings) for field in column.fields.values()):
        (value,) = values_of(take({"": column}, np.array([at]))[""])
        return value
    return {name: values[within] for name, values in column.fields.items()}
