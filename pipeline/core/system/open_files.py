"""Files that others named or wrote, opened one way: regular files only, and no more of them than was expected.

A pipe without a writer is waited for for ever, a device like /dev/zero never ends, and a file of a terabyte does not
fit into memory. All three are an OSError here, whose `strerror` says in words what is wrong, as the system's own does.
"""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pipeline.core.errors import StorageError


def expanded(path: str | Path) -> Path:
    """A path as the user means it: `~` and `~name` are homes, where there are such. Other paths stay as they are.

    >>> expanded("data/bios")
    PosixPath('data/bios')
    """
    return Path(os.path.expanduser(path))  # which, unlike Path.expanduser, leaves an unknown home as it is


def destination(path: str | Path) -> Path:
    """The same for a path at which something may be made. StorageError for the home of somebody who is not known.

    >>> destination("~x-y/z")
    Traceback (most recent call last):
    pipeline.core.errors.StorageError: ~x-y/z: '~x-y' is nobody's home. Write ./~x-y/z for a folder of that name.
    """
    meant = expanded(path)
    if str(path).startswith("~") and not meant.is_absolute():
        who = str(path).partition("/")[0]
        problem = f"'{who}' is nobody's home" if who != "~" else "this user has no home"
        raise StorageError(problem, f"Write ./{path} for a folder of that name.", str(path))
    return meant


def opened(path: str | Path, most: int | None = None) -> BinaryIO:
    """A regular file, open for reading. OSError for anything else, and for one of more than `most` bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe is not waited for
    except ValueError:  # the name holds a NUL, or half a character
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))
        if most is not None and status.st_size > most:
            raise OSError(errno.EFBIG, f"it has {status.st_size:,} bytes, and may have {most:,}", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def contents(path: str | Path, most: int) -> bytes:
    """All of a regular file. OSError for anything else, and for one of more than `most` bytes."""
    with opened(path, most) as file:
        data = file.read(os.fstat(file.fileno()).st_size + 1)  # to be asked for more bytes takes room for them
        while len(data) <= most and (more := file.read(2**16)):  # a file of /proc says that it has none, and goes on
            data += more
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return data


@contextmanager
def created(path: Path, partials: Path | None = None) -> Iterator[BinaryIO]:
    """A file that takes its name when the block ends, in the place of one that has it, and is gone when it raises.

    partials: the folder in which it lies until then, on the same disk (default: that of the file, under a name that
    begins with a point). Both folders are made where they are not there. OSError as the system has it.
    """
    name = f"{path.name}.{uuid.uuid4().hex}"
    partial = partials / name if partials else path.with_name(f".{name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as file:
            yield file
        os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
