"""Work on many files at once, with a display of progress by their bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pipeline.core.system.progress import bar
from pipeline.sources.corpus.opening import File

T = TypeVar("T")


def in_parallel(name: str, files: Sequence[File], work: Callable[[File], T]) -> Iterator[T]:
    """What `work` gives for each file, in their order, as many at once as there are cores.

    The first file in order that fails raises; those behind it that have not begun are left. (pyarrow and BLAKE3 hold no
    lock of Python's, so threads are enough.)
    """
    if not files:
        return
    with bar(name, sum(file.size for file in files), "bytes") as shown:
        pool = ThreadPoolExecutor(min(len(files), os.cpu_count() or 1))
        try:
            for file, result in zip(files, pool.map(work, files), strict=True):
                shown.update(file.size)
                yield result
        finally:
            pool.shutdown(cancel_futures=True)
