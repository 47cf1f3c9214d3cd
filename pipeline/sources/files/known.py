"""What names the bytes of files: the hashes of their contents, or names, sizes and stamps.

Hashing a terabyte takes minutes. So the hash of a file is kept in the user's cache, under all that its disk or store
says of it, and no process hashes it again while that is as it was. A file that was written a moment ago, and may be
written again within the same tick of the clock, is hashed each time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Literal

from blake3 import blake3

from pipeline.core.errors import SpecError
from pipeline.core.system import kept_arrays
from pipeline.core.system.progress import Lines
from pipeline.sources.files.file import File, State, asking, content_hash, state_of
from pipeline.sources.files.parallel import asked_of, in_parallel

SETTLED = 2 * 10**9  # nanoseconds after which a file that is written again has another time, on any disk
HASH = "hash"

Identity = Literal["content", "etag"]


def identified(
    files: Sequence[File], identity: Identity = "content", told: Callable[[str], str | None] = lambda _: None
) -> tuple[File, ...]:
    """The files as they are now, each with its content if that is what names it. SpecError where one cannot be read.

    told: `key_of` of a file in a store → its hash, where somebody else says it.
    """
    refuse_packed(files)
    if identity == "etag":
        return tuple(files)
    found = [_known(file) or _told(file, told) for file in files]
    missing = [file for file, known in zip(files, found, strict=True) if known is None]
    hashed = in_parallel("hash", missing, lambda file, _: _hashed(file))
    return tuple(known or next(hashed) for known in found)


def refuse_packed(files: Sequence[File]) -> None:
    """SpecError for a file that its store's client would unpack while it reads."""
    for file in files:
        if file.encoding:
            problem = (
                f"'{file.url}' has the content encoding '{file.encoding}', by which it would be unpacked as it is read"
            )
            raise SpecError(problem, "Store it without one; a name may end with .gz instead.", ("files",))


def local_file(path: Path, kind: str = "") -> File:
    """A file of a disk, not identified yet."""
    return File(str(path.absolute()), kind, "", 0, "")  # workers have other working directories


def check(file: File) -> None:
    """SpecError where a file is no longer what it was when the plan was made.

    Where its stamp differs, its content decides: the same bytes may have been copied to another machine.
    """
    with asking(file.url):
        state = state_of(file)
    more = file.more if file.content and not file.remote else state.more
    if state == (file.size, file.stamp, more):
        return
    now = replace(file, size=state.size, stamp=state.stamp, content="")
    if state.size != file.size or not file.content or identified([now])[0].content != file.content:
        raise file.changed()


def check_all(files: Sequence[File]) -> None:
    """`check` of each, with lines of progress."""
    on_disk = map(check, [file for file in files if not file.remote])
    in_stores = asked_of([file for file in files if file.remote], check)
    with Lines("check", len(files), "files") as shown:
        for _ in chain(on_disk, in_stores):
            shown.update()


def _known(file: File) -> File | None:
    """The file with the hash that the user's cache has of it as it is now; None if it has none."""
    with asking(file.url):
        state = State(file.size, file.stamp, "") if file.remote and file.stamp else state_of(file)
    found = kept_arrays.kept(HASH, _key(file, state))
    return _as(file, state, found.facts) if found else None


def _told(file: File, told: Callable[[str], str | None]) -> File | None:
    """The file with the hash that somebody else says it has, if it is in a store; None if nobody does."""
    content = told(key_of(file)) if file.remote and file.stamp else None
    return None if content is None else replace(file, content=content)


def key_of(file: File) -> str:
    """All that a store says of a file in it: the same wherever it is asked from."""
    return _key(file, State(file.size, file.stamp, ""))


def _hashed(file: File) -> File:
    """The file with its hash, which is kept. SpecError if it changes meanwhile."""
    with asking(file.url):
        state = state_of(file)
        content = content_hash(file)
        if state_of(file) != state:
            raise file.changed()
    note(file, state, content)
    return _as(file, state, content)


def note(file: File, state: State, content: str) -> None:
    """Keep the hash of a file in a certain state, if a later version of it cannot be in the same one."""
    if _has_settled(state):
        kept_arrays.keep(HASH, _key(file, state), content)


def _as(file: File, state: State, content: str) -> File:
    more = state.more if _has_settled(state) else ""
    return replace(file, size=state.size, stamp=state.stamp, content=content, more=more)


def _key(file: File, state: State) -> str:
    """All that a disk or a store says of a file."""
    return "\0".join([file.url, *map(str, state)])


def _has_settled(state: State) -> bool:
    """Whether a file of a disk was written some time ago; one in a store has an ETag instead of a time."""
    times = [int(state.stamp), int(state.more.split()[0])] if state.more else [0]
    return time.time_ns() - max(times) > SETTLED


def content_of(files: Sequence[File]) -> str:
    """What names the bytes of several files, in order, without their paths: `blake3:…`; `etag:…` of their stamps."""
    state, etag = blake3(), not all(file.content for file in files)
    for file in files:
        kind = file.kind + file.compression
        named = f" {file.identity}\n".encode("utf-8", "surrogateescape") if etag else bytes.fromhex(file.content)
        state.update(kind.encode() + named)
    return f"{'etag' if etag else 'blake3'}:{state.hexdigest()}"
