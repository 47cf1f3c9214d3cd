"""What can happen to a file."""

from __future__ import annotations

import os
from pathlib import Path


def flip(path: Path) -> None:
    """A bit in the middle of it."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    """Its last byte is lost."""
    os.truncate(path, path.stat().st_size - 1)


def extend(path: Path) -> None:
    """A byte more."""
    with path.open("ab") as file:
        file.write(b"\0")


def empty(path: Path) -> None:
    """All of it is lost but its name."""
    os.truncate(path, 0)
