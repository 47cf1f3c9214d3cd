"""Executor, the protocol; Inline, this process as an executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from pipeline.storage import Folder

C = TypeVar("C")  # what all items have in common
T = TypeVar("T")  # an item
R = TypeVar("R")  # its result


class Executor(Protocol):
    """Runs `work(common, item)` for every item."""

    def run(self, work: Callable[[C, T], R], common: C, items: Sequence[T], folder: Folder) -> Iterator[R]:
        """The results, in any order. `common` is sent to each worker once; all workers write below `folder`."""
        ...


class Inline:
    """Runs items in this process, one after another."""

    def run(self, work: Callable[[C, T], R], common: C, items: Sequence[T], folder: Folder) -> Iterator[R]:
        for item in items:
            yield work(common, item)
