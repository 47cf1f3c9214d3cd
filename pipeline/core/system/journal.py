"""Results as they come, a JSON object a line, in a file that survives a kill.

A line is written whole and flushed before the next one; a last line without its end was cut off, and goes. One
process writes at a time. What cannot be read is skipped, so it is made again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from pipeline.core.errors import StorageError
from pipeline.core.system.open_files import opened
from pipeline.core.system.reading import raw_lines

MOST_LINE = 2**24


class Journal:
    """A journal at `path`, open to be appended to, as a context manager. StorageError where that is not possible."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = open(path, "a+b")  # noqa: SIM115  (closed by __exit__)
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", "Look at its rights.", str(path)) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise StorageError("another process is writing it", "Wait for it, or stop it.", str(path)) from None
        self._end_whole()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def entries(self) -> Iterator[dict[str, Any]]:
        """What was written before, in order."""
        return entries(self.path)

    def append(self, entry: dict[str, Any]) -> None:
        """Write an entry. StorageError where the disk does not take it."""
        try:
            self._file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise StorageError(f"cannot be written: {error.strerror}", "Free some space.", str(self.path)) from None

    def _end_whole(self) -> None:
        """Remove a last line without its end."""
        size = self._file.seek(0, os.SEEK_END)
        end = size
        while end:
            first = max(end - 2**16, 0)
            self._file.seek(first)
            at = self._file.read(end - first).rfind(b"\n")
            if at >= 0:
                end = first + at + 1
                break
            end = first
        if end < size:
            self._file.truncate(end)


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """The entries of a journal, in order; none where there is no file."""
    return (entry for _, entry in placed_entries(path))


def placed_entries(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(first byte, entry) of the entries of a journal, in order; none where there is no file."""
    try:
        file = opened(path)
    except FileNotFoundError:
        return
    at = 0
    with file:
        for _, raw in raw_lines(file, MOST_LINE):
            entry = _entry(raw)
            if entry is not None:
                yield at, entry
            at += len(raw)


def entry_at(file: BinaryIO, at: int) -> dict[str, Any]:
    """The entry that begins at a byte of an open journal. ValueError where there is none."""
    file.seek(at)
    entry = _entry(file.readline(MOST_LINE + 1))
    if entry is None:
        raise ValueError("the journal was changed")
    return entry


def _entry(raw: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and raw.endswith(b"\n") else None
