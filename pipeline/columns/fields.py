"""The physical types of a shard's columns, checked by the names of Arrow types.

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
        """Whether the Arrow type `kind`, as pyarrow writes it, is allowed for this column. length: tokens of a row."""


class Dense(Field):
    """(S, L): a number for each token. numbers: allowed Arrow types."""

    def __init__(self, *numbers: str) -> None:
        self.numbers = numbers

    def allows(self, kind: str, length: int) -> bool:
        return kind in {f"fixed_size_list<item: {number}>[{length}]" for number in self.numbers}


class Levels(Field):
    """(S, L, levels): a number for each token and level, with 1 to 999 levels."""

    def __init__(self, number: str) -> None:
        self.number = number

    def allows(self, kind: str, length: int) -> bool:
        inner = rf"fixed_size_list<item: fixed_size_list<item: {self.number}>\[[1-9][0-9]{{0,2}}\]>"
        return bool(re.fullmatch(rf"{inner}\[{length}\]", kind))


class Single(Field):
    """(S,): a number or a text ("string") for each row. kinds: allowed Arrow types."""

    per_row = True

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def allows(self, kind: str, length: int) -> bool:
        return kind in self.kinds


class Entries(Field):
    """A list for each row, of numbers or of texts ("string"), as tables of documents have a place for."""

    per_row = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def allows(self, kind: str, length: int) -> bool:
        return kind == f"list<item: {self.kind}>"


class Messages(Field):
    """The messages of a conversation for each row, as trainers read them: role and content."""

    per_row = True

    def allows(self, kind: str, length: int) -> bool:
        return kind == "list<item: struct<role: string, content: string>>"


class Either(Field):
    """One of several types, all of them with one value for each row."""

    per_row = True

    def __init__(self, *fields: Field) -> None:
        self.fields = fields

    def allows(self, kind: str, length: int) -> bool:
        return any(field.allows(kind, length) for field in self.fields)


SPOKEN = Either(Single("string"), Messages())
"""What somebody says: a text, or the messages of a conversation."""


class Records(Field):
    """A list of records for each row. fields: name of a field → Arrow type of its numbers.

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
