"""Tables of texts as lines to print."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines, cells two blanks apart: the first cell of each row at the left, the others at the right.

    >>> aligned([["question", "rows"], ["birth_city", "1,000"]])
    ['question     rows', 'birth_city  1,000']
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in table]
