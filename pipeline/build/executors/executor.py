"""The protocol of an executor, and this process as one."""

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
        """The results as they come. `common` goes to each worker once; all of them write below `folder`."""
        ...


class Inline:
    """This process, one item after the other."""

    def run(self, work: Callable[[C, T], R], common: C, items: Sequence[T], folder: Folder) -> Iterator[R]:
        for item in items:
            yield work(common, item)
