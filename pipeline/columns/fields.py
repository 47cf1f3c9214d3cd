"""The physical types that columns of a shard have, by the names of Arrow's types.

Letters: S rows (sequences), L tokens in each, m entries of a list column.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

_LIST = re.compile(r"list<item: struct<(.*)>>")


class Field(ABC):
    """The type of one column."""

    per_row = False
    """Whether it holds one value of the whole row, as tables of documents (jsonl) have a place for."""

    @abstractmethod
    def allows(self, kind: str, length: int) -> bool:
        """Whether a column may be of the Arrow type `kind`, as pyarrow writes it, where rows have `length` tokens."""


class Dense(Field):
    """(S, L): a number for each token, of one of these types."""

    def __init__(self, *numbers: str) -> None:
        self.numbers = numbers

    def allows(self, kind: str, length: int) -> bool:
        return kind in {f"fixed_size_list<item: {number}>[{length}]" for number in self.numbers}


class Levels(Field):
    """(S, L, levels): as many numbers for each token as there are levels, 1 to 999 of them."""

    def __init__(self, number: str) -> None:
        self.number = number

    def allows(self, kind: str, length: int) -> bool:
        inner = rf"fixed_size_list<item: fixed_size_list<item: {self.number}>\[[1-9][0-9]{{0,2}}\]>"
        return bool(re.fullmatch(rf"{inner}\[{length}\]", kind))


class Single(Field):
    """(S,): a number, or a text ("string"), of each row."""

    per_row = True

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def allows(self, kind: str, length: int) -> bool:
        return kind in self.kinds


class Records(Field):
    """Lists of records, m in all rows: name of a field → type of its numbers.

    >>> Records(start="int32").allows("list<item: struct<start: int32>>", 512)
    True
    """

    def __init__(self, **fields: str) -> None:
        self.fields = fields

    def allows(self, kind: str, length: int) -> bool:
        listed = _LIST.fullmatch(kind)
        if not listed:
            return False
        fields = [tuple(field.split(": ", 1)) for field in listed[1].split(", ")]
        return len(set(fields)) == len(fields) and set(fields) <= set(self.fields.items())
