"""A file checked against its record: its size, then the hash of its bytes."""

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
    """The path of a file on this machine's disk, while the block lasts; checked first.

    file_hash: "" to check the size alone. FileNotFoundError where there is none, StorageError where it is not as
    recorded (a file of another size is not read), OSError where it cannot be read.
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
    """Why a file is not as recorded; "" where it is. fault_inside: path → fault of its content."""
    try:
        with recorded_file(folder, name, size, file_hash) as path:
            return fault_inside(path)
    except FileNotFoundError:
        return "missing"
    except StorageError as error:
        return error.problem
    except (OSError, ValueError) as error:
        return f"it cannot be read: {error}"
