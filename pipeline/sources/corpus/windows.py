"""Long rows as several documents: windows of so many tokens, each begun some tokens before the end of the one before.

row of 10 tokens, {tokens: 4, overlap: 1}      0 1 2 3 | 3 4 5 6 | 6 7 8 9
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field as Key_
from pydantic import model_validator

from pipeline.core.documents import offsets_of
from pipeline.core.draws import I64
from pipeline.core.spec import Spec, refused
from pipeline.sources.corpus.lengths import RowLengths

MOST = 2**31 - 1


class WindowsSpec(Spec):
    """Rows with more tokens become several documents, each with its tag and its end token."""

    tokens: int = Key_(ge=1, le=MOST, description="The most tokens of text in a document.")
    overlap: int = Key_(0, ge=0, le=MOST, description="How many tokens of a document its successor repeats.")

    @model_validator(mode="after")
    def _goes_on(self) -> WindowsSpec:
        if self.overlap >= self.tokens:
            raise refused(
                f"windows of {self.tokens} tokens that overlap by {self.overlap} never go on",
                "Lower overlap below tokens.",
                among=[("overlap",), ("tokens",)],
            )
        return self


class Windows(NamedTuple):
    """Parts of rows: numbers of rows, first tokens and lengths, int64 (d,) each."""

    rows: I64
    firsts: I64
    lengths: I64


@dataclass(frozen=True)
class WindowedRows:
    """All windows of all rows, numbered row by row. Pickles without their numbers."""

    lengths: RowLengths
    tokens: int
    overlap: int

    def __len__(self) -> int:
        return int(self._before[-1])

    @property
    def total(self) -> int:
        """The tokens of all windows together."""
        repeated = (len(self) - len(self.lengths.of_rows)) * self.overlap
        return int(self.lengths.of_rows.sum()) + repeated

    def at(self, numbers: I64) -> Windows:
        """The windows with these numbers (d,)."""
        rows = np.searchsorted(self._before, numbers, side="right") - 1
        firsts = (numbers - self._before[rows]) * (self.tokens - self.overlap)
        return Windows(rows, firsts, np.minimum(self.lengths.of_rows[rows] - firsts, self.tokens))

    def before(self, rows: I64) -> I64:
        """The number of windows before each of these rows, int64 (k,); a row may be the number of all rows."""
        return self._before[rows]

    @cached_property
    def _before(self) -> I64:
        """The number of windows before each row, and of all of them: int64 (rows + 1,)."""
        step = self.tokens - self.overlap
        return offsets_of(1 + np.maximum(-(-(self.lengths.of_rows - self.tokens) // step), 0))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_before"}
