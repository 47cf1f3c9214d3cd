"""Warnings of work that goes on, perhaps in another process: they reach whoever asked for that work.

    with collected() as lines:      what runs the work, such as a worker that builds a shard
        ...warn("…")                what notices something, at any depth

Where nobody collects them, they are printed at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pipeline.core.system import output

_LINES: ContextVar[list[str] | None] = ContextVar("lines", default=None)


def warn(line: str) -> None:
    """Warn of something, where the work goes on."""
    lines = _LINES.get()
    if lines is None:
        output.complain(f"warning: {line}")
    else:
        lines.append(line)


@contextmanager
def collected() -> Iterator[list[str]]:
    """The warnings of the block, in a list that grows."""
    lines: list[str] = []
    token = _LINES.set(lines)
    try:
        yield lines
    finally:
        _LINES.reset(token)
