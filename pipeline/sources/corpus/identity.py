"""What names the bytes of the files of a corpus: the hashes of their contents, or names, sizes and stamps.

The hash of a file is kept in the user's cache, under all that its disk or store says of it, so that a file is hashed
once. One that was written a moment ago is hashed again: it might be written again in the same tick of the clock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from blake3 import blake3

from pipeline.sources.corpus import sealed
from pipeline.sources.corpus.opening import File, asking, content_hash, state_of
from pipeline.sources.corpus.parallel import in_parallel

SETTLED = 2 * 10**9  # nanoseconds after which a file that is written again has another time, on any disk

Identity = Literal["content", "etag"]


def identified(files: Sequence[File], identity: Identity) -> tuple[File, ...]:
    """The files, each with its content if that is what names it. SpecError where one cannot be read."""
    return tuple(files) if identity == "etag" else tuple(in_parallel("hash", files, _with_content))


def _with_content(file: File) -> File:
    with asking(file.url):
        size, stamp, more = before = (file.size, file.stamp, "") if file.remote else state_of(file)
        key = f"{file.url}\0{size}\0{stamp}\0{more}"
        known = sealed.read(key, ".hash")
        content = known[0] if known else content_hash(file)
        if not known and state_of(file) != before:
            raise file.changed()
        if not known and _has_settled(stamp, more):
            sealed.write(key, ".hash", content)
    return replace(file, size=size, stamp=stamp, content=content)


def _has_settled(stamp: str, more: str) -> bool:
    """Whether a file of a disk was written some time ago; one in a store has an ETag instead of a time."""
    times = [int(stamp), int(more.split()[0])] if more else [0]
    return time.time_ns() - max(times) > SETTLED


def content_of(files: Sequence[File]) -> str:
    """What names the bytes of several files, in order, without their paths: `blake3:…`; `etag:…` of their stamps."""
    state, etag = blake3(), not all(file.content for file in files)
    for file in files:
        kind = file.kind + file.compression
        state.update(kind.encode() + (f" {file.identity}\n".encode() if etag else bytes.fromhex(file.content)))
    return f"{'etag' if etag else 'blake3'}:{state.hexdigest()}"


def local_file(path: Path) -> File:
    """A file of a disk, with its content. SpecError where it cannot be read."""
    with asking(str(path)):
        found = File(str(path.absolute()), "parquet", "", 0, "")
    return _with_content(found)
