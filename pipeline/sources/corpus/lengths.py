"""The number of tokens of every row of a corpus: encoded once, kept in the user's cache, memory-mapped from there.

Where rows are split, what they are encoded to is kept too, if there is room: each shard that has a window of a row
would encode all of it.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.documents import Ragged, offsets_of
from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.system import kept_arrays
from pipeline.core.system.progress import bar
from pipeline.core.system.reliance import rely_on
from pipeline.sources.corpus.beside import Entry
from pipeline.sources.corpus.texts import RowTexts
from pipeline.sources.files.opening import keeping
from pipeline.text.encoding.proof import refutation

TOGETHER = 1024  # rows that are encoded at once, by all cores
LENGTHS = "lengths"
IDS = "ids"  # what is kept where the ids of all rows are kept beside their lengths
MOST = 2**32  # bytes of ids that are kept, and no more than a quarter of what the disk has free


class _Refuted(Exception):
    """The encoder was found to be wrong while it counted."""


@dataclass(frozen=True)
class RowLengths:
    """Tokens of the text of each row. Pickles without them; they are opened, or made, at the first use.

    name: all that they depend on. what: LENGTHS, or IDS where the ids are kept too.
    """

    texts: RowTexts
    name: str
    what: str = LENGTHS

    @cached_property
    def of_rows(self) -> I64:
        """int64 (rows,), read-only. SpecError if a row cannot be encoded, or the file not be written."""
        if self.texts.encoder.verdict.stands:
            rely_on(self.texts.encoder.verdict.proof)
        beside = self.texts.rows.beside
        if beside and not kept_arrays.kept(self.what, self._named_here):
            known = beside.lengths(self.named, len(self.texts))
            if known is not None:
                return known
        while True:
            named = self._named_here
            with suppress(_Refuted), keeping(self._file, "the lengths of the rows"):
                return kept_arrays.stored(self.what, named, self._count).arrays[LENGTHS]

    def pieces(self, rows: I64, firsts: I64, lengths: I64) -> Ragged | None:
        """So many ids (d,) from these places (d,) of the rows with these numbers (d,), as they were encoded once.

        None where the ids are not kept, such as on another machine, or what encoded them is refuted by now.
        """
        proof, values = self._ids
        if values is None or refutation(proof):
            return None
        if proof:
            rely_on(proof)
        begins = (self._offsets[rows] + firsts).tolist()
        parts = [values[begin : begin + count] for begin, count in zip(begins, lengths.tolist(), strict=True)]
        return Ragged(np.concatenate([values[:0], *parts]), offsets_of(lengths))

    @cached_property
    def _ids(self) -> tuple[str, NDArray[Any] | None]:
        """What proves that the ids of all rows are right, and these (n,), read-only; None where they are not kept."""
        found = kept_arrays.kept(self.what, self._named_here)
        ids = found.arrays.get(IDS) if found else None
        if found is None or ids is None or len(ids) != self._offsets[-1]:
            return "", None
        return found.facts["proof"], ids

    @cached_property
    def _offsets(self) -> I64:
        return offsets_of(self.of_rows)

    @property
    def named(self) -> str:
        """All that they depend on, and whether an encoder that counted them was wrong since: then they are others."""
        return json.dumps([self.name, self.texts.encoder.verdict.refuted])

    @property
    def _named_here(self) -> str:
        """The same on this machine, for its cache."""
        return self.named + self.texts.rows.here

    @property
    def _file(self) -> Path:
        return kept_arrays.place(self.what, self._named_here)

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
        rows, before, verdict = len(self.texts), self.named, self.texts.encoder.verdict
        out.facts = {"proof": verdict.proof if verdict.stands else ""}
        room = self._room()
        lengths = [np.empty(0, np.int64)]
        with bar("lengths of rows", rows, "rows") as shown:
            for first in range(0, rows, TOGETHER):
                some = np.arange(first, min(first + TOGETHER, rows))
                ids = self.texts.ids(some, parallel=True)
                lengths.append(ids.lengths.astype(np.int64, copy=False))
                room -= ids.values.nbytes
                if room >= 0:
                    out.add(IDS, ids.values)
                shown.update(len(some))
                if self.named != before:
                    raise _Refuted
        out.add(LENGTHS, np.concatenate(lengths))

    def _room(self) -> int:
        """Bytes that ids may take; -1 where they are not kept, or would hardly fit: text has twice as many bytes."""
        if self.what != IDS:
            return -1
        kept_arrays.make_room()
        room = min(MOST, shutil.disk_usage(self._file.parent).free // 4)
        return room if sum(file.size for file in self.texts.rows.files) // 2 <= room else -1

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in ("texts", "name", "what")}
