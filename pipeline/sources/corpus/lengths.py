"""The number of tokens of every row of a corpus: encoded once, kept in the user's cache, memory-mapped from there."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.system import kept_arrays
from pipeline.core.system.progress import bar
from pipeline.core.system.reliance import rely_on
from pipeline.sources.corpus.beside import Entry
from pipeline.sources.corpus.texts import RowTexts
from pipeline.sources.files.opening import keeping

TOGETHER = 1024  # rows that are encoded at once, by all cores
LENGTHS = "lengths"


class _Refuted(Exception):
    """The encoder was found to be wrong while it counted."""


@dataclass(frozen=True)
class RowLengths:
    """Tokens of the text of each row. Pickles without them; they are opened, or made, at the first use.

    name: all that they depend on.
    """

    texts: RowTexts
    name: str

    @cached_property
    def of_rows(self) -> I64:
        """int64 (rows,), read-only. SpecError if a row cannot be encoded, or the file not be written."""
        if self.texts.encoder.verdict.stands:
            rely_on(self.texts.encoder.verdict.proof)
        beside = self.texts.rows.beside
        if beside and not kept_arrays.kept(LENGTHS, self.named):
            known = beside.lengths(self.named, len(self.texts))
            if known is not None:
                return known
        while True:
            named = self.named
            with suppress(_Refuted), keeping(self._file, "the lengths of the rows"):
                return kept_arrays.stored(LENGTHS, named, self._count).arrays[LENGTHS]

    @property
    def named(self) -> str:
        """All that they depend on, and whether an encoder that counted them was wrong since: then they are others."""
        return json.dumps([self.name, self.texts.encoder.verdict.refuted])

    @property
    def _file(self) -> Path:
        return kept_arrays.place(LENGTHS, self.named)

    def check(self, rows: I64, counted: I64) -> None:
        """SpecError unless the rows with these numbers (d,) have so many tokens (d,)."""
        wrong = rows[self.of_rows[rows] != counted]
        if wrong.size:
            raise SpecError(
                f"row {wrong[0]} does not have the {self.of_rows[wrong[0]]:,} tokens that were counted",
                f"Remove {self._file}, and run the same command.",
                ("files",),
            )

    @property
    def entry(self) -> Entry:
        """The lengths, to be kept beside a dataset, in as few bytes as they need."""
        most = int(self.of_rows.max(initial=0))
        return LENGTHS, self.named, None, {LENGTHS: self.of_rows.astype(np.min_scalar_type(most))}

    def _count(self, out: kept_arrays.Out) -> None:
        """Write the lengths of all rows, by encoding them. _Refuted where the encoder is found wrong meanwhile."""
        rows, before = len(self.texts), self.named
        out.add(LENGTHS, np.empty(0, np.int64))
        with bar("lengths of rows", rows, "rows") as shown:
            for first in range(0, rows, TOGETHER):
                some = np.arange(first, min(first + TOGETHER, rows))
                out.add(LENGTHS, self.texts.ids(some, parallel=True).lengths.astype(np.int64, copy=False))
                shown.update(len(some))
                if self.named != before:
                    raise _Refuted

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "of_rows"}
