"""Python objects that took long to make, kept in the user's cache under a digest of all that they depend on.

    plan = kept("plans", digest_of([...]), lambda: make_it())

An object of other sources is never loaded, because every digest covers the code of this package and the releases of
Python and of the libraries that pickled objects come from. A file appears whole or not at all, so any number of
processes may read and write at once; one that is damaged, or that cannot be loaded, is made again. Pickle runs what it
loads, so a folder is used only if nobody but this user and root can write to it. Only the newest MOST files stay.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

from pipeline.core.errors import RunError
from pipeline.core.system.caches import is_temporary, trusted, user_cache
from pipeline.core.system.open_files import created

MOST = 200  # files of a kind, a few megabytes each
PACKAGE = Path(__file__).parents[2]
LIBRARIES = ("jinja2", "numpy", "pyarrow", "pydantic", "tokenizers")  # whose objects, or results, are in what is kept
OPTIONAL = ("gigatoken",)  # the same, of packages that need not be installed
_SEAL = hashlib.sha256().digest_size  # bytes in front of the pickle: its hash

T = TypeVar("T")


def digest_of(parts: Iterable[str]) -> str:
    """The digest of what an object depends on beside the code, as 64 hexadecimal digits."""
    state = hashlib.sha256(_code().encode())
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()


def kept(kind: str, digest: str | None, make: Callable[[], T]) -> T:
    """The object with this digest: read from the cache, or else made and put there. kind: the name of a folder.

    digest: None if nobody knows what the object depends on: it is made. Whatever `make` raises is raised. A cache that
    cannot be read or written only costs time.
    """
    folder = _folder(kind) if digest else None
    if folder is None:
        return make()
    file = folder / f"{digest}.pickle"
    with suppress(Exception):  # of reading and of unpickling, which may be any
        return _read(file)
    made = make()
    with suppress(OSError, pickle.PicklingError, TypeError, AttributeError):
        _write(file, pickle.dumps(made, pickle.HIGHEST_PROTOCOL))
    return made


@lru_cache(1)
def _code() -> str:
    """A digest of the sources of this package and of the releases that it runs with."""
    releases = [f"{name} {_release(name)}" for name in (*LIBRARIES, *OPTIONAL)]
    state = hashlib.sha256(" ".join([sys.version, *releases]).encode())
    for source in sorted(PACKAGE.rglob("*.py")):
        data = source.read_bytes()
        state.update(f"\0{source.relative_to(PACKAGE).as_posix()}\0{len(data)}\0".encode() + data)
    return state.hexdigest()


def _release(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"


def _folder(kind: str) -> Path | None:
    """The folder of a kind; None where there is no cache that outlives the process and belongs to this user alone."""
    try:
        folder = user_cache() / "pretraining-recipes" / kind
        if is_temporary(folder):
            return None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder if trusted(folder) else None
    except (OSError, RunError):
        return None


def _read(file: Path) -> T:  # type: ignore[type-var]  # of whatever was kept under the digest
    data = file.read_bytes()
    seal, pickled = data[:_SEAL], data[_SEAL:]
    if hashlib.sha256(pickled).digest() != seal:
        raise ValueError("damaged")
    with suppress(OSError):
        os.utime(file)  # it is among the newest again
    return pickle.loads(pickled)  # type: ignore[no-any-return]  # noqa: S301  # a folder of this user's


def _write(file: Path, pickled: bytes) -> None:
    with created(file) as out:
        out.write(hashlib.sha256(pickled).digest() + pickled)
    _make_room(file.parent)


def _make_room(folder: Path) -> None:
    """Remove the oldest files of a folder. Another process may remove the same ones."""
    ages = []
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):
            ages.append((entry.stat().st_mtime_ns, entry.path))
    for _, path in sorted(ages)[:-MOST]:
        with suppress(FileNotFoundError):
            os.unlink(path)
