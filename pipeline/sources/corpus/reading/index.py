"""The index of a file: its blocks, the documents of each, and what is left out. Made once, then in the user's cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.system import kept_arrays
from pipeline.sources.corpus.beside import Beside
from pipeline.sources.corpus.reading.choosing import Reading
from pipeline.sources.corpus.reading.faults import REASONS, refusal
from pipeline.sources.corpus.reading.readers import reader_of, rows_of_footer
from pipeline.sources.files.file import File
from pipeline.sources.files.opening import local, seekable
from pipeline.sources.files.parallel import Advance

READER = 4  # version of the readers: increase it when the same files would give other rows or blocks
WHOLE, FOOTER = "index", "footer"  # what an index was made from, as the suffix of its file

Broken = Literal["refuse", "skip"]


@dataclass(frozen=True)
class FileIndex:
    """What is known of a file. blocks: (offset, size, first, documents) of each, int64 (b, 4); see `readers.Part`.

    skipped: reason → rows left out because they are broken. filtered: rows left out by `where`. facts: of its reader.
    """

    blocks: I64
    skipped: dict[str, int] = field(default_factory=dict)
    filtered: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The number of documents."""
        return int(self.blocks[:, 3].sum())

    @property
    def known(self) -> dict[str, Any]:
        """All but its blocks, as JSON can hold it."""
        return {"skipped": self.skipped, "filtered": self.filtered, "facts": self.facts}


def key_of(file: File, reading: Reading) -> str:
    """All that the documents of a file depend on, on this machine."""
    return _key(file, file.identity_here, reading)


def key_beside(file: File, reading: Reading) -> str:
    """The same on any machine, without a path."""
    return _key(file, file.identity, reading)


def _key(file: File, identity: str, reading: Reading) -> str:
    return f"{READER} {file.kind}{file.compression} {identity} {reading.named}"


def kept_index(
    file: File, reading: Reading, broken: Broken, *, footer: bool, beside: Beside | None = None
) -> FileIndex | None:
    """The index in the user's cache; None where there is none, or one with broken rows while these are refused.

    footer: whether one made from a footer alone, which does not know which texts are not UTF-8, is taken too. beside:
    where to look next.
    """
    key = key_of(file, reading)
    kinds = (WHOLE, FOOTER) if footer else (WHOLE,)
    found = next(filter(None, (kept_arrays.kept(what, key) for what in kinds)), None)
    if not found and beside:
        found = next(filter(None, (beside.index(what, key_beside(file, reading), file) for what in kinds)), None)
    if not found or (found.facts["skipped"] and broken == "refuse"):
        return None
    return FileIndex(found.arrays["blocks"], **found.facts)


def footer_index(file: File, reading: Reading) -> FileIndex | None:
    """The index of a Parquet file whose footer tells all of it; None for any other."""
    if file.kind != "parquet":
        return None
    with seekable(file) as raw:
        rows = rows_of_footer(raw, file.url, reading)
    if rows is None:
        return None
    groups, counts = np.arange(len(rows)), np.array(rows, np.int64)
    index = FileIndex(np.column_stack([groups, 0 * groups, np.cumsum(counts) - counts, counts]))
    _keep(file, reading, index, FOOTER)
    return index


def made_index(
    file: File, reading: Reading, broken: Broken, take: Callable[[Any], object], advance: Advance
) -> FileIndex:
    """The index, from reading all of the file. take: is handed the texts, some documents at once, in their order.

    SpecError for a broken row where these are refused, and for a file that cannot be read or has changed.
    """
    reader = reader_of(file, reading)
    counts: dict[tuple[int, int, int], int] = {}
    skipped: Counter[str] = Counter()
    filtered = read = 0
    with local(file) as path:
        for part in reader.parts(path):
            faults, texts = part.chosen.faults, part.chosen.texts
            if faults and broken == "refuse":
                raise refusal(faults[0], file.url, reading.column, by_line=reader.by_line)
            skipped.update(fault.reason for fault in faults)
            filtered += part.chosen.filtered
            counts[part.place] = counts.get(part.place, 0) + len(texts)
            advance(part.read - read)
            read = part.read
            take(texts)
    blocks = np.array([(*place, count) for place, count in counts.items()], np.int64).reshape(-1, 4)
    in_order = {reason: skipped[reason] for reason in REASONS if skipped[reason]}
    index = FileIndex(blocks, in_order, filtered, reader.facts)
    _keep(file, reading, index, WHOLE)
    return index


def _keep(file: File, reading: Reading, index: FileIndex, suffix: str) -> None:
    kept_arrays.keep(suffix, key_of(file, reading), index.known, {"blocks": index.blocks})
