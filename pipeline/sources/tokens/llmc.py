"""llm.c, build-nanogpt, modded-nanogpt: ids behind a header; the end token stands before each document."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import SpecError
from pipeline.core.system.kept_arrays import Out, mapped
from pipeline.core.token_files import LLMC_FORMS, LLMC_HEADER
from pipeline.sources.tokens.cutting import Cutter, Found, Reading, cut_stream

MAGIC = tuple(magic.to_bytes(4, "little") for magic in LLMC_FORMS)
"""What files begin with."""


def find(path: Path, reading: Reading, out: Out) -> None:
    """Write where the documents of a file are. SpecError for a file that is not what its header says."""
    data, size = mapped(path), 4 * LLMC_HEADER
    if data.size < size or data[:4].tobytes() not in MAGIC:
        raise SpecError(
            f"'{path}' has no header of llm.c: it does not begin with {' or '.join(map(str, LLMC_FORMS))}",
            "Say which `layout` it has.",
            ("files",),
        )
    magic, version, tokens = data[:12].view("<i4").tolist()
    expected, type_ = LLMC_FORMS[magic]
    width = int(type_.removeprefix("uint")) // 8
    if version != expected:
        raise SpecError(f"'{path}' is of version {version}, and {expected} can be read", "Convert it.", ("files",))
    if data.size != size + width * tokens:
        raise SpecError(
            f"'{path}' has {data.size:,} bytes, and with the {tokens:,} tokens of its header it has "
            f"{size + width * tokens:,}",
            "The file may be cut off: copy it again.",
            ("files",),
        )
    out.facts["type"] = f"<u{width}"
    found = Found(str(path), out)
    cut_stream(data.view(f"<u{width}"), size // width, found, Cutter(reading, found, leading=True))
    found.end()
