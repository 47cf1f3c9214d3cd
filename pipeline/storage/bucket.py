"""A prefix of an object store: S3, Google, Azure, the Hub, whatever fsspec speaks.

An object appears only when the store has all of it. So a file is written to the local disk first and sent as a whole:
a store never shows half a shard, and the store's own client retries a failed attempt. On every worker, credentials and
endpoints come from where that client looks for them (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, ~/.aws, …).
"""

from __future__ import annotations

import json
import platform
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Event, Thread
from typing import Any, BinaryIO

from pipeline.core.errors import RunError, StorageError
from pipeline.core.system.stores import checked_protocol, is_denied, is_missing, reason_of, stamp_of, store_of
from pipeline.storage.folder import AGAIN, GONE, MOST_READ, STATE, checked_name
from pipeline.storage.local import hash_of

LEASE = timedelta(seconds=60)  # how long a lock is valid after its builder last renewed it
PATIENCE = 60.0  # seconds to wait for the answer to an upload, plus its size / SLOWEST
SLOWEST = 10**6  # bytes a second: the slowest upload that we wait for
ATTEMPTS = 3
CLOCK = f"{STATE}/clock"  # an object that is written to read the store's time


@dataclass(frozen=True)
class BucketFolder:
    """A dataset's folder below `url`, protocol://bucket/prefix."""

    url: str

    @classmethod
    def at(cls, url: str) -> BucketFolder:
        """The folder at a URL. StorageError where no installed package speaks its protocol."""
        protocol, path = checked_protocol(url), url.partition("://")[2]
        if not path.strip("/") or ".." in path.split("/"):
            raise StorageError("this is no folder in a bucket", f"Write {protocol}://bucket/prefix.", url)
        return cls(f"{protocol}://{path.rstrip('/')}")

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    @cached_property
    def _store(self) -> Any:
        with self._asking():
            return store_of(self.url)

    def __getstate__(self) -> dict[str, str]:
        return {"url": self.url}  # each worker opens its own connection

    def _path(self, name: str) -> str:
        return f"{self.url}/{checked_name(name, self.url)}" if name else self.url

    def below(self, name: str) -> BucketFolder:
        return BucketFolder(self._path(name))

    @contextmanager
    def _asking(self, place: str = "") -> Iterator[None]:
        """Turn errors of the store's client in the block into StorageError, or into FileNotFoundError."""
        try:
            yield
        except (FileNotFoundError, StorageError):
            raise
        except Exception as error:  # each store's client has its own exceptions
            said = reason_of(error)
            if is_missing(error):
                raise FileNotFoundError(said) from error
            if is_denied(error):
                problem, remedy = f"no permission: {said}", "Check the credentials and the bucket's policy."
            else:
                problem = f"the store does not answer as it should: {said}"
                remedy = "Run the same command again: what is complete is kept."
            raise StorageError(problem, remedy, place or self.url) from error

    @contextmanager
    def creating(self, name: str) -> Iterator[BinaryIO]:
        with tempfile.NamedTemporaryFile(prefix="shard-") as file:
            try:
                yield file  # type: ignore[misc]
                file.flush()
            except OSError as error:
                raise StorageError(
                    f"cannot be written before it is sent: {error.strerror or error}",
                    "Make room there, or name another place in TMPDIR.",
                    file.name,
                ) from error
            self._send(name, self._store.put_file, file.name, self._path(name), size=Path(file.name).stat().st_size)

    def write(self, name: str, text: str) -> None:
        self._send(name, self._store.pipe_file, self._path(name), text.encode(), size=len(text))

    def _send(self, name: str, sending: Callable[..., object], *what: Any, size: int) -> None:
        """Call `sending(*what)`, and again where no answer comes in time. size: bytes sent.

        The clients retry failures, but an upload may wait for its answer for ever.
        """
        patience = PATIENCE + size / SLOWEST
        limit = {"timeout": patience} if getattr(self._store, "async_impl", False) else {}
        with self._asking(self._path(name)):
            for attempts_left in reversed(range(ATTEMPTS)):
                try:
                    sending(*what, **limit)
                    return
                except TimeoutError:
                    if not attempts_left:
                        raise
                except Exception as error:
                    if is_missing(error):
                        raise StorageError("there is no such bucket", "Make it first.", self.url) from None
                    raise

    def size(self, name: str) -> int:
        return int(self._info(name)["size"])

    def read(self, name: str) -> bytes:
        size = self.size(name)
        if size > MOST_READ:
            raise StorageError(
                f"it has {size:,} bytes, and may have {MOST_READ:,}", "It is none of ours.", self._path(name)
            )
        with self._asking(self._path(name)):
            data: bytes = self._store.cat_file(self._path(name))
            return data

    @contextmanager
    def local(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="shard-") as place:
            path = Path(place) / Path(name).name
            with self._asking(self._path(name)):
                self._store.get_file(self._path(name), str(path))
            yield path

    def names(self, below: str = "") -> list[str]:
        try:
            with self._asking(self._path(below)):
                paths = self._store.ls(self._path(below), detail=False)
        except FileNotFoundError:
            return []
        return sorted({path.rstrip("/").rpartition("/")[2] for path in paths} - {""})

    def sizes(self, below: str = "") -> dict[str, int]:
        try:
            with self._asking(self._path(below)):
                entries = self._store.ls(self._path(below), detail=True)
        except FileNotFoundError:
            return {}
        files = [entry for entry in entries if entry["type"] == "file"]
        sizes = {entry["name"].rpartition("/")[2]: int(entry["size"]) for entry in files}
        return {name: size for name, size in sizes.items() if name}

    def stamp(self, name: str) -> str:
        return stamp_of(self._info(name))

    def has(self, name: str, size: int, file_hash: str, stamp: str = "") -> bool:
        """Equal size and stamp mean equal bytes, since a store checks what it receives and keeps."""
        try:
            info = self._info(name)
            if info["size"] != size or not stamp or stamp_of(info) == stamp:
                return bool(info["size"] == size)
            with self.local(name) as path:  # another stamp: sent again, perhaps in other parts
                return hash_of(path) == file_hash
        except FileNotFoundError:
            return False

    def _info(self, name: str) -> dict[str, Any]:
        with self._asking(self._path(name)):
            info: dict[str, Any] = self._store.info(self._path(name))
            return info

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError), self._asking(self._path(name)):
            self._store.rm_file(self._path(name))

    def dissolve(self) -> None:
        with suppress(FileNotFoundError), self._asking():
            self._store.rm(self._path(STATE), recursive=True)

    def free(self) -> int | None:
        return None

    @contextmanager
    def locked(self) -> Iterator[Callable[[], None]]:
        """A lease: an object that the builder rewrites while it lives. Its age is measured by the store's clock.

        Stores cannot lock, so two builders that start in the same second may both go on. They would write the same
        bytes, because a folder holds one plan.
        """
        lock = f"{STATE}/lock"
        lease = json.dumps({"host": platform.node(), "lease": uuid.uuid4().hex})
        age = self._age(lock)
        if age is not None and age < LEASE:
            wait = int((LEASE - age).total_seconds()) + 1
            raise StorageError(
                "another build is writing to this folder, or was stopped a moment ago",
                f"If none runs any more, the same command works in {wait} s. Or give another folder.",
                self.url,
            )
        self.write(lock, lease)
        ended = Event()

        def renew() -> None:
            while not ended.wait(LEASE.total_seconds() / 4):
                with suppress(StorageError):  # the next renewal may succeed
                    self.write(lock, lease)

        def held() -> None:
            try:
                same = self.read(lock) == lease.encode()
            except FileNotFoundError:
                same = False
            if not same:
                raise RunError(GONE, AGAIN, self.url)

        renewing = Thread(target=renew, daemon=True)
        renewing.start()
        try:
            yield held
        finally:
            ended.set()
            renewing.join()
            for name in (lock, CLOCK):  # the clock may be left by a killed builder
                with suppress(StorageError):
                    self.remove(name)

    def _age(self, name: str) -> timedelta | None:
        """The age of an object, by the store's clock; None where there is no object."""
        written = self._modified(name)
        if written is None:
            return None
        self.write(CLOCK, "")
        now = self._modified(CLOCK)
        self.remove(CLOCK)
        return (now or written) - written

    def _modified(self, name: str) -> datetime | None:
        try:
            with self._asking(self._path(name)):
                modified: datetime = self._store.modified(self._path(name))
                return modified
        except FileNotFoundError:
            return None
