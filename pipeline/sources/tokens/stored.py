"""Arrays that take long to make, in the user's cache: written once, piece by piece, and mapped into memory.

    found = stored("what they depend on", lambda out: out.add("documents", rows), files)

    a file of the cache     array · array · …  as bytes  │  JSON: facts, places of the arrays  │  its length  │  seal

The seal is BLAKE3 of all before it, keyed by what the arrays depend on. Every process checks it; a file that was
changed, truncated or exchanged is made again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from pipeline.core.errors import SpecError
from pipeline.core.system.caches import say_if_temporary, user_cache
from pipeline.sources.tokens.contents import KnownFile

READING = 1  # version of the layouts' readers: increase it when the same files would give other arrays
SEAL = 32  # bytes
ALIGNED = 64  # bytes, at multiples of which arrays begin
CONTEXT = "pretraining-recipes: arrays about files of tokens"


@dataclass
class Out:
    """A file that is being written. facts: a dict of JSON values, stored beside the arrays."""

    _file: BinaryIO
    facts: dict[str, Any] = field(default_factory=dict)
    _arrays: dict[str, tuple[str, list[int], int]] = field(default_factory=dict)
    _at: int = 0

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Put an array (n, …) behind the one of this name that was added last, or begin a new one."""
        if name not in self._arrays:
            self._write(b"\0" * (-self._at % ALIGNED))
            self._arrays[name] = (values.dtype.str, [0, *values.shape[1:]], self._at)
        assert name == next(reversed(self._arrays)), "arrays are written one after the other"
        self._arrays[name][1][0] += len(values)
        self._write(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)

    def read(self, name: str) -> NDArray[Any]:
        """An array that was written, mapped into memory."""
        self._file.flush()
        return _array(mapped(Path(self._file.name)), *self._arrays[name])

    def end(self) -> None:
        """Write where the arrays are."""
        text = json.dumps({"facts": self.facts, "arrays": self._arrays}).encode()
        self._write(text + len(text).to_bytes(8, "little"))

    def _write(self, data: bytes | memoryview) -> None:
        self._at += self._file.write(data)


@dataclass(frozen=True)
class Stored:
    """What was found: arrays by name, mapped into memory and read-only, and facts."""

    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]


def stored(depends_on: str, write: Callable[[Out], None], files: Sequence[KnownFile]) -> Stored:
    """The arrays that depend on a text and on the contents of files: from the cache, or written there by `write`.

    One process of a machine writes, the others wait. SpecError if the cache cannot be used, or a file has changed.
    """
    named = " ".join([str(READING), depends_on, *(file.content for file in files)]).encode()
    key = blake3(named, derive_key_context=CONTEXT).digest()
    path = user_cache() / "pretraining-recipes" / "tokens" / blake3(named).hexdigest(16)
    say_if_temporary(path)
    try:
        return _opened(path, key) or _written(path, key, write, files)
    except OSError as error:
        problem = f"cannot keep what was found in the files in {path}: {error.strerror or error}"
        raise SpecError(problem, "XDG_CACHE_HOME can name another place.", ("files",)) from None


def mapped(path: Path) -> NDArray[np.uint8]:
    """The bytes of a file, mapped into memory and read-only; (0,) of an empty one. OSError if it cannot be read.

    The file is closed: thousands may be mapped, and the system lets a process have few open.
    """
    import pyarrow

    if not os.path.getsize(path):
        return np.empty(0, np.uint8)
    with pyarrow.memory_map(os.fsencode(path)) as file:
        return np.frombuffer(file.read_buffer(), np.uint8)


def _seal(data: NDArray[np.uint8], key: bytes) -> bytes:
    return blake3(data.data, key=key, max_threads=blake3.AUTO).digest()


def _opened(path: Path, key: bytes) -> Stored | None:
    """What a file of the cache holds; None if it is not there, or its seal is wrong."""
    try:
        data = mapped(path)
    except FileNotFoundError:
        return None
    body = data[: max(data.size - SEAL, 0)]
    if body.size < 8 or _seal(body, key) != data[body.size :].tobytes():
        return None
    text = int.from_bytes(body[-8:].tobytes(), "little")
    tree = json.loads(body[-8 - text : -8].tobytes())
    arrays = {name: _array(data, *place) for name, place in tree["arrays"].items()}
    return Stored(arrays, tree["facts"])


def _array(data: NDArray[np.uint8], dtype: str, shape: list[int], begin: int) -> NDArray[Any]:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return data[begin : begin + size].view(dtype).reshape(shape)


def _written(path: Path, key: bytes, write: Callable[[Out], None], files: Sequence[KnownFile]) -> Stored:
    """Write a file of the cache, which gets its name when it is complete, and open it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := _opened(path, key):  # another process has written it meanwhile
            return found
        partial = path.with_suffix(".partial")
        try:
            with open(partial, "wb") as file:
                out = Out(file)
                write(out)
                out.end()
            for one in files:
                one.check()  # what was read is what was planned
            seal = _seal(mapped(partial), key)
            with open(partial, "ab") as file:
                file.write(seal)
            partial.rename(path)
        finally:
            partial.unlink(missing_ok=True)
        if found := _opened(path, key):
            return found
        raise OSError("what was written is not what is read")
