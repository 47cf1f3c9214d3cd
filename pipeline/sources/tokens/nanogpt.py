"""nanoGPT: uint16 ids and nothing else; the end token follows each document."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import SpecError
from pipeline.core.system.kept_arrays import Out, mapped
from pipeline.sources.tokens.cutting import Cutter, Found, Reading, cut_stream


def find(path: Path, reading: Reading, out: Out) -> None:
    """Write where the documents of a file are. SpecError for a file of no whole number of ids."""
    data = mapped(path)
    if data.size % 2:
        raise SpecError(
            f"'{path}' has {data.size:,} bytes, and ids of uint16 have two each",
            "The file may be cut off; or say which `layout` it has.",
            ("files",),
        )
    out.facts["type"] = "<u2"
    found = Found(str(path), out)
    cut_stream(data.view("<u2"), 0, found, Cutter(reading, found))
    found.end()
