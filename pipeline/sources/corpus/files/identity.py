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
from pipeline.sources.corpus.files.opening import File, asking, content_hash, state_of
from pipeline.sources.corpus.files.parallel import in_parallel

SETTLED = 2 * 10**9  # nanoseconds after which a file that is written again has another time, on any disk

SUFFIX = ".hash"

Identity = Literal["content", "etag"]


def identified(files: Sequence[File], identity: Identity) -> tuple[File, ...]:
    """The files, each with its content if that is what names it. SpecError where one cannot be read."""
    if identity == "etag":
        return tuple(files)
    found = [_known(file) for file in files]
    missing = [file for file, known in zip(files, found, strict=True) if known is None]
    hashed = in_parallel("hash", missing, lambda file, _: _hashed(file))
    return tuple(known or next(hashed) for known in found)


def local_file(path: Path) -> File:
    """A file of a disk, with its content. SpecError where it cannot be read."""
    file = File(str(path.absolute()), "parquet", "", 0, "")
    return _known(file) or _hashed(file)


def _known(file: File) -> File | None:
    """The file with the hash that the user's cache has of it as it is now; None if it has none."""
    with asking(file.url):
        state = (file.size, file.stamp, "") if file.remote else state_of(file)
    kept = sealed.read(_key(file, state), SUFFIX)
    return replace(file, size=state[0], stamp=state[1], content=kept[0]) if kept else None


def _hashed(file: File) -> File:
    """The file with its hash, which is kept. SpecError if it changes meanwhile."""
    with asking(file.url):
        size, stamp, more = state = state_of(file)
        content = content_hash(file)
        if state_of(file) != state:
            raise file.changed()
    if _has_settled(stamp, more):
        sealed.write(_key(file, state), SUFFIX, content)
    return replace(file, size=size, stamp=stamp, content=content)


def _key(file: File, state: tuple[int, str, str]) -> str:
    """All that a disk or a store says of a file."""
    size, stamp, more = state
    return f"{file.url}\0{size}\0{stamp}\0{more}"


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
