"""Which rows of a file are documents, and what their texts are: a column or a template, a filter, broken rows.

    columns of a block, or rows of it  ──where──►  rows that count  ──column or template──►  texts, and faults

The same rows give the same texts on both ways: as Arrow columns, many at once, and as Python values, one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipeline.core.errors import SpecError, holds_surrogate, suggest
from pipeline.sources.corpus.reading.faults import HALF, NO_COLUMN, NO_TEXT, NOT_UTF8, NULL, TEMPLATE, Fault
from pipeline.sources.corpus.reading.row_template import NotRendered, RowTemplate

MISSING = object()
"""The value of a column that a row does not have."""


@dataclass(frozen=True)
class Condition:
    """What a column must be: one of `among` if there are any, none of `but`, a number from `least` to `most`.

    Texts equal texts, truth values equal truth values; numbers are compared as float64. null fits no condition.
    """

    among: tuple[str | bool | float, ...] = ()
    but: tuple[str | bool | float, ...] = ()
    least: float | None = None
    most: float | None = None

    def holds(self, value: Any) -> bool:
        """Whether a value fits."""
        if isinstance(value, int) and not isinstance(value, bool):
            value = _as_double(value)
        if not isinstance(value, str | bool | float):
            return False
        alike = [(type(one), one) for one in self.among]
        if self.among and (type(value), value) not in alike:
            return False
        if (type(value), value) in [(type(one), one) for one in self.but]:
            return False
        if self.least is None and self.most is None:
            return True
        if not isinstance(value, float):
            return False
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    @property
    def kinds(self) -> set[type]:
        """The types of the values that it speaks of."""
        bounds = {float} if (self.least, self.most) != (None, None) else set()
        return {type(one) for one in (*self.among, *self.but)} | bounds


def _as_double(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


@dataclass(frozen=True)
class Chosen:
    """The documents of a block. texts: `pyarrow.LargeStringArray` (n,), no nulls. filtered: rows that do not count."""

    texts: Any
    faults: tuple[Fault, ...] = ()
    filtered: int = 0


@dataclass(frozen=True)
class Reading:
    """How the rows of files become texts. where: (column, condition) of those that count."""

    column: str = "text"
    template: RowTemplate | None = None
    where: tuple[tuple[str, Condition], ...] = field(default=())

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it looks at."""
        shown = self.template.columns if self.template else (self.column,)
        return tuple(dict.fromkeys((*shown, *(name for name, _ in self.where))))

    @property
    def named(self) -> str:
        """Everything that the texts of a file depend on beside its bytes."""
        return repr((self.column, self.template and self.template.text, self.where))

    @property
    def nothing(self) -> Chosen:
        """No documents."""
        return self.of_rows([])

    def of_columns(self, columns: Mapping[str, Any], first: int, *, sure: bool = False) -> Chosen:
        """The documents of a block of Arrow columns, name → array, all that `columns` names. first: the first's row.

        sure: whether all texts are known to be UTF-8.
        """
        import pyarrow as pa

        length = len(next(iter(columns.values())))
        counts = np.ones(length, bool)
        for name, condition in self.where:
            counts &= _mask(columns[name], condition)
        chosen = {name: array if counts.all() else array.filter(pa.array(counts)) for name, array in columns.items()}
        places = first + np.flatnonzero(counts)
        filtered = length - len(places)
        try:
            joined = self._joined(chosen, sure)
        except pa.ArrowInvalid:  # a text is not UTF-8
            joined = None
        if joined is None:
            of_rows = replace(self, where=()).of_rows(_rows_of(chosen, places.tolist()))
            return replace(of_rows, filtered=filtered)
        faults: tuple[Fault, ...] = ()
        if joined.null_count:
            nulls = joined.is_null().to_numpy(zero_copy_only=False)
            faults = tuple(Fault(place, NULL) for place in places[nulls].tolist())
            joined = joined.drop_null()
        return Chosen(joined, faults, filtered)

    def _joined(self, columns: Mapping[str, Any], sure: bool) -> Any:
        """The texts, null where a part is; None where only rendering the rows one by one tells them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.template is None:
            return as_texts(columns[self.column], sure=sure)
        if self.template.parts is None:
            return None
        parts: list[Any] = []
        for part in self.template.parts:
            if isinstance(part, str):
                parts.append(pa.scalar(part, pa.large_string()))
                continue
            array = nested(columns[part[0]], part[1:])
            if array is None or not is_text(array.type):
                return None  # numbers are shown as Python shows them
            parts.append(as_texts(array, sure=sure))
        return pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string()))

    def of_rows(self, rows: Sequence[tuple[int, Mapping[str, Any] | Fault]]) -> Chosen:
        """The documents of a block of rows, (place, row or what is wrong with it) each."""
        import pyarrow as pa

        texts, faults, filtered = [], [], 0
        for place, row in rows:
            if isinstance(row, Fault):
                faults.append(row)
            elif not all(condition.holds(value_at(row, name)) for name, condition in self.where):
                filtered += 1
            elif isinstance(text := self._text(row, place), Fault):
                faults.append(text)
            else:
                texts.append(text)
        return Chosen(pa.array(texts, pa.large_string()), tuple(faults), filtered)

    def _text(self, row: Mapping[str, Any], place: int) -> str | Fault:
        if self.template:
            try:
                value = self.template.rendered(row)
            except NotRendered as error:
                return Fault(place, TEMPLATE, str(error))
        else:
            value = value_at(row, self.column)
        if value is MISSING:
            return Fault(place, NO_COLUMN, self.column, tuple(map(str, row)))
        if value is None:
            return Fault(place, NULL)
        if not isinstance(value, str):
            return Fault(place, NO_TEXT)
        return Fault(place, HALF) if holds_surrogate(value) else value


def value_at(row: Mapping[str, Any], name: str) -> Any:
    """The value of a column, which may be nested (`meta.text`); MISSING where there is none.

    >>> value_at({"meta": {"text": "a"}}, "meta.text")
    'a'
    """
    if name in row:
        return row[name]
    outer, dot, inner = name.partition(".")
    above = row.get(outer) if dot else None
    return value_at(above, inner) if isinstance(above, dict) else MISSING


def column_of(table: Any, name: str, file: str, key: str) -> Any:
    """The array of a column, perhaps nested, of a record batch. SpecError at `key` where it has none."""
    if name in table.schema.names:
        return table.column(table.schema.get_field_index(name))
    outer, *inner = name.split(".")
    array = table.column(table.schema.get_field_index(outer)) if outer in table.schema.names else None
    array = None if array is None else nested(array, tuple(inner))
    if array is None:
        raise SpecError(f"{file} has no column '{name}'", suggest(name, _names(table.schema)), (key,))
    return array


def nested(array: Any, path: tuple[str, ...]) -> Any:
    """The array of a field of structs, null where one above is; None where there is no such field."""
    import pyarrow.compute as pc
    from pyarrow import types

    for step in path:
        if not types.is_struct(array.type) or array.type.get_field_index(step) < 0:
            return None
        array = pc.struct_field(array, step)
    return array


def _names(schema: Any) -> list[str]:
    from pyarrow import types

    inner = (f"{one.name}.{field.name}" for one in schema if types.is_struct(one.type) for field in one.type)
    return [*schema.names, *inner]


def _rows_of(columns: Mapping[str, Any], places: list[int]) -> list[tuple[int, dict[str, Any] | Fault]]:
    """The rows of some columns as (place, values), a fault where a text is not UTF-8."""
    import pyarrow as pa

    values = {}
    for name, array in columns.items():
        kept = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
        values[name] = (kept.cast(pa.large_binary()) if is_text(kept.type) else kept).to_pylist()
    return [(place, _row_of(values, i, place)) for i, place in enumerate(places)]


def _row_of(columns: Mapping[str, list[Any]], i: int, place: int) -> dict[str, Any] | Fault:
    row = {name: values[i] for name, values in columns.items()}
    for name, value in row.items():
        if isinstance(value, bytes):
            try:
                row[name] = value.decode()
            except UnicodeDecodeError as error:
                return Fault(place, NOT_UTF8, f"byte {error.start + 1:,} of '{name}' is not UTF-8")
    return row


def is_text(kind: Any) -> bool:
    """Whether an Arrow type holds texts."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def as_texts(array: Any, *, sure: bool = False) -> Any:
    """An array of texts as a `pyarrow.LargeStringArray`. ValueError (pyarrow's) where one is not UTF-8.

    sure: whether that is known.
    """
    import pyarrow as pa

    array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    if not sure:
        array.validate(full=True)
    return array.cast(pa.large_string())


def _mask(array: Any, condition: Condition) -> Any:
    """Whether each value of a column fits, bool (n,): each different value is looked at once."""
    encoded = array if hasattr(array, "dictionary") else array.dictionary_encode()
    fits = np.array([*map(condition.holds, encoded.dictionary.to_pylist()), False])
    index = encoded.indices.fill_null(len(fits) - 1).to_numpy(zero_copy_only=False)
    return fits[index]
