"""A file of the user's cache that is checked where it is read: sealed, memory-mapped, of any size.

    what it holds │ BLAKE3 of each PIECE of that │ JSON: facts, the size of what it holds │ its size │ seal

The seal is a hash of what follows the content, keyed by what the content depends on; a piece is compared with its hash
when this process first reads from it. So a file that was changed, truncated or exchanged is found out, and opening one
of a terabyte takes no time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from blake3 import blake3

from pipeline.core.draws import I64
from pipeline.core.system import kept_arrays

PIECE = 2**18  # bytes
DIGEST, SEAL, LENGTH = 16, 32, 8  # bytes


class Damaged(OSError):
    """A file is not what was written."""


def write(path: Path, key: str, put: Callable[[BinaryIO], dict[str, int]]) -> None:
    """Write a file, which gets its name when it is whole. OSError as the system's; what `put` raises.

    key: all that the content depends on. put: writes it, and returns facts about it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{kept_arrays.PARTIAL}{path.name}")
    try:
        with open(partial, "w+b") as file:
            facts = put(file)
            size = file.tell()
            text = json.dumps({**facts, "size": size}).encode()
            after = _digests(file, size) + text + len(text).to_bytes(LENGTH, "little")
            file.write(after + _seal(key, after))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _digests(file: BinaryIO, size: int) -> bytes:
    """The hashes of the pieces of a file, of which `size` bytes are written."""
    file.seek(0)
    digests = [blake3(file.read(min(PIECE, size - first))).digest(DIGEST) for first in range(0, size, PIECE)]
    return b"".join(digests)


def _seal(key: str, after: bytes) -> bytes:
    named = key.encode("utf-8", "surrogatepass")
    secret = blake3(named, derive_key_context="pretraining-recipes: a copy of rows").digest()
    return blake3(after, key=secret, max_threads=blake3.AUTO).digest()


class Sealed:
    """An open file. facts: those that were written, and `size`, the bytes of `content`, a `pyarrow.Buffer`."""

    def __init__(self, path: Path, key: str) -> None:
        """Open it. Damaged where it is none, or that of something else; FileNotFoundError where there is none."""
        import pyarrow as pa

        try:
            mapped = pa.memory_map(os.fsencode(path)).read_buffer()
        except pa.ArrowException as error:
            raise Damaged(str(error)) from None
        self.facts, self._digests = _opened(mapped, key)
        self.content = mapped.slice(0, self.facts["size"])
        self._known = np.zeros(len(self._digests) // DIGEST, bool)

    def check(self, first: I64, last: I64) -> None:
        """Damaged where the bytes first … last - 1, int64 (n,) both, are not what was written."""
        begins, ends = first // PIECE, np.maximum(last - 1, first) // PIECE
        if self._known[begins].all() and self._known[ends].all() and (ends - begins <= 1).all():
            return
        places = np.unique(np.column_stack([begins, ends]), axis=0).tolist()
        span = np.unique(np.concatenate([np.arange(begin, end + 1) for begin, end in places]))
        for piece in span[~self._known[span]].tolist():
            digest = blake3(self.content[piece * PIECE : (piece + 1) * PIECE]).digest(DIGEST)
            if digest != self._digests[piece * DIGEST : (piece + 1) * DIGEST]:
                raise Damaged("a piece of it is not what was written")
            self._known[piece] = True

    def check_all(self) -> None:
        """Damaged where any byte is not what was written."""
        if self.content.size:
            self.check(np.zeros(1, np.int64), np.array([self.content.size]))


def _opened(mapped: Any, key: str) -> tuple[dict[str, int], bytes]:
    """(facts, hashes of the pieces) of a mapped file. Damaged where its end is not as it was written."""
    end = mapped.size - SEAL
    if end < LENGTH:
        raise Damaged("it is too short")
    length = int.from_bytes(mapped.slice(end - LENGTH, LENGTH).to_pybytes(), "little")
    if length > end - LENGTH or length > PIECE:
        raise Damaged("it does not end as such a file does")
    text = end - LENGTH - length
    try:
        facts = json.loads(mapped.slice(text, length).to_pybytes())
        after = facts["size"]
        if mapped.slice(end, SEAL).to_pybytes() == _seal(key, mapped.slice(after, end - after).to_pybytes()):
            return facts, mapped.slice(after, text - after).to_pybytes()
    except (ValueError, KeyError, TypeError, IndexError, OverflowError):
        pass
    raise Damaged("its seal is not right")
