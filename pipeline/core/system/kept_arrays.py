"""What took long to find out about files, in the user's cache: facts and arrays, written once, mapped into memory.

    found = stored("documents", "all that they depend on", lambda out: out.add("begins", begins))
    keep("hash", "path, size and times of a file", hash_of_it);   kept("hash", "path, size and times of a file")

    a file of the cache     array · array · …  as bytes  │  JSON: facts, places of the arrays  │  its length  │  seal

The seal is BLAKE3 of all before it, keyed by what they depend on. Every process checks it: what was changed, truncated
or exchanged is as if it were not there. A file appears whole or not at all, so any number of processes may read and
write; of those that write the same through `stored`, one works and the others wait. What nobody has used for a month is
removed when something large is written.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from pipeline.core.errors import RunError
from pipeline.core.system.caches import say_if_temporary, user_cache
from pipeline.core.system.open_files import contents, created

T = TypeVar("T")
FOLDER = "files"
BESIDE = "corpora"  # the folder of such files in a dataset
SEAL, LENGTH = 32, 8  # bytes
ALIGNED = 64  # bytes, at multiples of which arrays begin
PARTIAL = ".partial-"  # what the name of a file begins with while it is written
DAY = 24 * 3600
OLDEST = 30 * DAY  # seconds without use after which a file is removed
SMALL = 2**20  # bytes of a file that is read, and not mapped
CONTEXT = "pretraining-recipes: facts and arrays about files"


@dataclass
class Out:
    """A file that is being written. facts: what JSON can hold, stored beside the arrays."""

    _file: BinaryIO
    depends_on: str
    facts: Any = field(default_factory=dict)
    _arrays: dict[str, tuple[str, list[int], int]] = field(default_factory=dict)
    _at: int = 0

    def __post_init__(self) -> None:
        self._seal = _sealing(self.depends_on)

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
        """Write where the arrays are, and the seal."""
        text = json.dumps({"facts": self.facts, "arrays": self._arrays}).encode()
        self._write(text + len(text).to_bytes(LENGTH, "little"))
        self._file.write(self._seal.digest())

    def _write(self, data: bytes | memoryview) -> None:
        self._seal.update(data)
        self._file.write(data)
        self._at += len(data)


@dataclass(frozen=True)
class Stored:
    """What was found: arrays by name, read-only, large ones mapped into memory; and facts."""

    arrays: Mapping[str, NDArray[Any]]
    facts: Any


def place(what: str, depends_on: str) -> Path:
    """Where something is kept. what: a word, the suffix of its name. RunError where there is no cache at all."""
    digest = blake3(depends_on.encode("utf-8", "surrogatepass")).hexdigest(20)
    path = user_cache() / "pretraining-recipes" / FOLDER / f"{digest}.{what}"
    say_if_temporary(path)
    return path


def kept(what: str, depends_on: str) -> Stored | None:
    """What is kept; None where it is missing or damaged, or the cache cannot be read."""
    with suppress(OSError, RunError):
        path = place(what, depends_on)
        if found := opened(path, depends_on):
            used(path)
            return found
    return None


def keep(what: str, depends_on: str, facts: Any, arrays: Mapping[str, NDArray[Any]] | None = None) -> None:
    """Keep facts, which JSON can hold, and arrays. A cache that cannot be written only costs time."""
    with suppress(OSError, RunError):
        path = place(what, depends_on)
        with created(path) as file:
            out = Out(file, depends_on, facts)
            for name, values in (arrays or {}).items():
                out.add(name, values)
            out.end()


def stored(what: str, depends_on: str, write: Callable[[Out], object]) -> Stored:
    """What is kept, or else what `write` writes now. OSError, of its file, where the cache cannot be used.

    One process of a machine writes, the others wait.
    """
    path = place(what, depends_on)
    if found := opened(path, depends_on):
        used(path)
        return found
    with alone(what, depends_on):
        if found := opened(path, depends_on):  # another process has written it meanwhile
            return found
        unless_removed(lambda: _write(path, depends_on, write))
        if found := opened(path, depends_on):
            return found
    raise OSError("what was written is not what is read")


def _write(path: Path, depends_on: str, write: Callable[[Out], object]) -> None:
    with created(path) as file:
        out = Out(file, depends_on)
        write(out)
        out.end()


def unless_removed(make: Callable[[], T]) -> T:
    """What is made, once more if what was being written has been removed meanwhile, with all of the cache perhaps."""
    try:
        return make()
    except FileNotFoundError:
        return make()


def used(path: Path) -> None:
    """Note that a file of the cache was used: what is not used goes when room is made."""
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > DAY:
            os.utime(path)


def make_room() -> None:
    """Remove what nobody has used for long, and what was being written when its process was killed."""
    with suppress(OSError, RunError):
        for entry in os.scandir(place("", "").parent):
            with suppress(OSError):  # another process may remove it too
                age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                if age > (DAY if entry.name.startswith(".") else OLDEST) and not entry.name.endswith(".lock"):
                    shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)


@contextmanager
def alone(what: str, depends_on: str) -> Iterator[None]:
    """No other process of the machine is in such a block for the same thing. OSError where the cache cannot be used."""
    path = place(what, depends_on)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f"{path.name[:2]}.{what}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def opened(path: Path, depends_on: str) -> Stored | None:
    """What a file holds; None if it is not there, or its seal is wrong. OSError if it cannot be read."""
    try:
        data = _bytes_of(path)
    except FileNotFoundError:
        return None
    body = data[: max(data.size - SEAL, 0)]
    if body.size < LENGTH or _seal(body, depends_on) != data[body.size :].tobytes():
        return None
    text = int.from_bytes(body[-LENGTH:].tobytes(), "little")
    try:
        tree = json.loads(body[-LENGTH - text : -LENGTH].tobytes())
        arrays = {name: _array(data, *where) for name, where in tree["arrays"].items()}
        return Stored(arrays, tree["facts"])
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError):
        return None  # somebody sealed something else


def mapped(path: Path) -> NDArray[np.uint8]:
    """The bytes of a file, mapped into memory and read-only; (0,) of an empty one. OSError if it cannot be read.

    The file is closed: thousands may be mapped, and the system lets a process have few open.
    """
    import pyarrow

    if not os.path.getsize(path):
        return np.empty(0, np.uint8)
    with pyarrow.memory_map(os.fsencode(path)) as file:
        return np.frombuffer(file.read_buffer(), np.uint8)


def _bytes_of(path: Path) -> NDArray[np.uint8]:
    if os.path.getsize(path) > SMALL:
        return mapped(path)
    return np.frombuffer(contents(path, 2 * SMALL), np.uint8)


def _sealing(depends_on: str, threads: int = 1) -> blake3:
    key = blake3(depends_on.encode("utf-8", "surrogatepass"), derive_key_context=CONTEXT).digest()
    return blake3(key=key, max_threads=threads)


def _seal(data: NDArray[np.uint8], depends_on: str) -> bytes:
    threads = blake3.AUTO if data.size > SMALL else 1
    return _sealing(depends_on, threads).update(data.data).digest()


def _array(data: NDArray[np.uint8], dtype: str, shape: list[int], begin: int) -> NDArray[Any]:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return data[begin : begin + size].view(dtype).reshape(shape)
