"""What is known of a corpus, kept beside a dataset too: for whoever has the dataset and the files, and not our cache.

    corpora/<digest of the source>.index      entries as in the user's cache, in one sealed file
        hash      of each file in a store, by URL, size and ETag
        index     of each file whose rows are read from it (`order: blocks`)
        lengths   of all rows, if they were counted

It holds no time of a disk and no path, so it is the same on every machine; the manifest does not depend on it. It comes
from files, so it is believed in nothing that cannot be checked: hashes together must give `content` of the recipe, an
index has to fit its file, and each block the rows that it states. It is used where it lies, never copied to the cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from pydantic import Field

from pipeline.core import json_layouts
from pipeline.core.json_layouts import Count, OpenLayout
from pipeline.core.system import kept_arrays
from pipeline.core.system.kept_arrays import BESIDE, Out, Stored
from pipeline.sources.files.file import TEXTUAL, File

MOST_ROWS = 2**48
MOST_BLOCK = 2**31  # bytes of a block of text that has documents
Entry = tuple[str, str, Any, Mapping[str, NDArray[Any]]]
"""What it is, all that it depends on, facts and arrays: see kept_arrays.py."""


def name_of(described: str) -> str:
    """Where it lies below the folder of a dataset. described: the source, as the recipe says it."""
    return f"{BESIDE}/{blake3(described.encode()).hexdigest(12)}.index"


def write(file: BinaryIO, name: str, entries: Iterator[Entry]) -> None:
    """Write a file that is called `name`."""
    out = Out(file, Path(name).name, facts=[])
    for number, (what, depends_on, facts, arrays) in enumerate(entries):
        for array, values in arrays.items():
            out.add(f"{number} {array}", values)
        out.facts.append([what, depends_on, facts, list(arrays)])
    out.end()


class _Facts(OpenLayout):
    """What an index may state beside its blocks, and what a reader looks at."""

    class _OfReader(OpenLayout):
        array: bool | None = None
        header: list[str] | None = None
        places: Annotated[list[Count] | None, Field(max_length=2**24)] = None

    skipped: dict[str, Count]
    filtered: Count
    facts: _OfReader


@dataclass(frozen=True)
class Beside:
    """Such a file. It pickles as its path; what cannot be read there is not known."""

    path: Path

    def hash(self, depends_on: str) -> str | None:
        """The hash of a file in a store."""
        found = self._entries.get(("hash", depends_on))
        said = found.facts if found else None
        return said if isinstance(said, str) and re.fullmatch("[0-9a-f]{64}", said) else None

    def index(self, what: str, depends_on: str, file: File) -> Stored | None:
        """An index that may be that of a file."""
        found = self._entries.get((what, depends_on))
        blocks = found.arrays.get("blocks") if found else None
        if found is None or blocks is None or not _may_be_blocks(blocks, file):
            return None
        try:
            json_layouts.checked(_Facts, found.facts)
        except ValueError:
            return None
        return Stored(found.arrays, {key: found.facts[key] for key in ("skipped", "filtered", "facts")})

    def lengths(self, depends_on: str, rows: int) -> NDArray[np.int64] | None:
        """The tokens of so many rows, int64 (rows,)."""
        found = self._entries.get(("lengths", depends_on))
        lengths = found.arrays.get("lengths") if found else None
        if lengths is None or lengths.shape != (rows,) or lengths.dtype.kind not in "iu":
            return None
        return lengths.astype(np.int64) if not lengths.size or 0 <= int(lengths.min()) <= int(lengths.max()) else None

    @cached_property
    def _entries(self) -> dict[tuple[str, str], Stored]:
        with suppress(Exception):  # of what anybody may have written, which may be any
            found = kept_arrays.opened(self.path, self.path.name)
            return dict(_entries_of(found)) if found else {}
        return {}

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}


def _entries_of(found: Stored) -> Iterator[tuple[tuple[str, str], Stored]]:
    for number, (what, depends_on, facts, names) in enumerate(found.facts):
        yield (what, depends_on), Stored({name: found.arrays[f"{number} {name}"] for name in names}, facts)


def _may_be_blocks(blocks: NDArray[Any], file: File) -> bool:
    """Whether these may be the blocks of a file: (offset, size, first, documents) each, forwards, all of a text."""
    if blocks.dtype != np.int64 or blocks.ndim != 2 or blocks.shape[1] != 4:
        return False
    if not blocks.size:
        return True
    offset, size, first, documents = blocks.T
    fits = blocks.min() >= 0 and max(first.max(), documents.max()) <= MOST_ROWS and (np.diff(first) >= 0).all()
    if file.kind not in TEXTUAL or len(blocks) == 1:
        return bool(fits and (np.diff(offset) > 0).all())
    small = (size <= MOST_BLOCK) | (documents == 0)
    ends = np.append(offset[1:], file.size)
    return bool(fits and small.all() and (offset + size == ends).all())
