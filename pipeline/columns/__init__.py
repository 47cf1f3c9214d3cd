"""What a row holds beside its token ids. A kind of column is one file, which declares it at its foot as COLUMN.

    column.py        the base class: fields, requirements, size, how to make and describe the column
    fields.py        the physical types of fields in a shard
    all other files  a kind each

A new kind is a new file here, and its test. Recipes, plans, shards, manifests, cards and exports read COLUMNS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.columns.column import ColumnKind
from pipeline.columns.fields import Dense, Field, Single
from pipeline.core.registry import declared

COLUMNS: Mapping[str, ColumnKind] = {
    kind.name: kind for kind in sorted(declared(__name__, ColumnKind), key=lambda kind: kind.order)
}
"""Name, as in `columns:` of a recipe → kind, in the order in which shards have them."""

FIELDS: Mapping[str, Field] = {
    "input_ids": Dense("uint16", "int32"),
    "length": Single("int32"),
    **{name: field for kind in COLUMNS.values() for name, field in kind.fields.items()},
}
"""Name of a column of a shard → its type. Every shard has `input_ids`; `length` those with a document a row."""


def stored(rows: bool, names: Iterable[str]) -> tuple[str, ...]:
    """Names of the columns in a split's shards, if it requests the kinds `names`. rows: one document in each row.

    >>> stored(True, ["answers", "loss_mask"])
    ('input_ids', 'length', 'loss_mask', 'individual', 'question', 'prompt', 'hint', 'answer')
    """
    held = {"input_ids", "length"} if rows else {"input_ids"}
    for name in names:
        held |= COLUMNS[name].fields.keys() if name in COLUMNS else {name}
    return tuple(name for name in FIELDS if name in held)


__all__ = ["COLUMNS", "FIELDS", "ColumnKind", "stored"]
