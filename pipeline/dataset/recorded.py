"""A file held against what is recorded of it: its size, then its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import StorageError
from pipeline.dataset.manifest import MEND
from pipeline.storage import Folder
from pipeline.storage.local import hash_of


@contextmanager
def recorded_file(folder: Folder, name: str, size: int, file_hash: str) -> Iterator[Path]:
    """A file as one on this machine's disk, while the block lasts. One of another size is not read.

    file_hash: "" where its bytes are not to be checked. FileNotFoundError where there is none, StorageError where it is
    not the one recorded, OSError where it cannot be read.
    """
    actual = folder.size(name)
    if actual != size:
        raise StorageError(f"{actual} bytes instead of {size}", MEND, f"{folder.url}/{name}")
    with folder.local(name) as path:
        if file_hash and hash_of(path) != file_hash:
            raise StorageError("its bytes have changed", MEND, f"{folder.url}/{name}")
        yield path


def fault_of(
    folder: Folder, name: str, size: int, file_hash: str, fault_inside: Callable[[Path], str] = lambda path: ""
) -> str:
    """Why a file is not the one recorded; "" where it is. fault_inside: what is wrong within one of the right bytes."""
    try:
        with recorded_file(folder, name, size, file_hash) as path:
            return fault_inside(path)
    except FileNotFoundError:
        return "missing"
    except StorageError as error:
        return error.problem
    except (OSError, ValueError) as error:
        return f"it cannot be read: {error}"
