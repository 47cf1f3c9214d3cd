"""Work on many files at once, with a display of progress by their bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from pipeline.core.system.progress import Lines, bar
from pipeline.sources.files.file import File

ASKED_AT_ONCE = 32
SHOWN = 2**28  # bytes from which on a bar is shown: fewer are read in a moment
T = TypeVar("T")
Advance = Callable[[int], None]
"""To be called with the number of bytes of a file that have been read since the last call, if that is known."""


def in_parallel(name: str, files: Sequence[File], work: Callable[[File, Advance], T]) -> Iterator[T]:
    """What `work` gives for each file, in their order, as many at once as there are cores.

    The first file in order that fails raises; those behind it that have not begun are left. (pyarrow and BLAKE3 hold no
    lock of Python's, so threads are enough.)
    """
    if not files:
        return
    size = sum(file.size for file in files)
    with (bar if size >= SHOWN else Lines)(name, size, "bytes") as shown:
        lock = Lock()

        def watched(file: File) -> T:
            left = file.size

            def advance(count: int) -> None:
                nonlocal left
                left -= count
                with lock:
                    shown.update(count)

            result = work(file, advance)
            advance(left)
            return result

        yield from _pooled(watched, files, os.cpu_count() or 1)


def asked_of(files: Sequence[File], question: Callable[[File], T]) -> Iterator[T]:
    """The answers that stores give about their files, in order, many at once, as each takes a while to come.

    The first file in order that fails raises, as of `in_parallel`.
    """
    return _pooled(question, files, ASKED_AT_ONCE)


def _pooled(work: Callable[[File], T], files: Sequence[File], threads: int) -> Iterator[T]:
    pool = ThreadPoolExecutor(max(1, min(len(files), threads)))
    try:
        yield from pool.map(work, files)
    finally:
        pool.shutdown(cancel_futures=True)
