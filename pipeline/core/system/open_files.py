"""Opens files that others named or wrote: regular files only, of at most an expected size.

Opening a pipe without a writer would block for ever, a device like /dev/zero never ends, and a terabyte does not fit
into memory. All three raise OSError here; its `strerror` says in words what is wrong.
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
    """A path with a leading `~` or `~name` replaced by that home, if it exists; any other path unchanged.

    >>> expanded("data/bios")
    PosixPath('data/bios')
    """
    return Path(os.path.expanduser(path))  # which, unlike Path.expanduser, leaves an unknown home as it is


def destination(path: str | Path) -> Path:
    """As `expanded`, for a path that may be written to. StorageError for the home of an unknown user.

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
    """A regular file, open for reading. OSError for any other kind of file, and for more than `most` bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # does not block on a pipe
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
    """The content of a regular file. OSError for any other kind of file, and for more than `most` bytes."""
    with opened(path, most) as file:
        data = file.read(os.fstat(file.fileno()).st_size + 1)  # not `most`: read() allocates what it is asked for
        while len(data) <= most and (more := file.read(2**16)):  # a file of /proc has content, though its size is 0
            data += more
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return data


def _check_replaceable(path: Path) -> None:
    """OSError for a pipe or a device. What a link stands for stays, as the link is replaced."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:  # it is not there, or the writing itself will say what is wrong
        return
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(path))


@contextmanager
def created(path: Path, partials: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write that replaces `path` when the block ends, and is removed if the block raises.

    partials: the folder that holds it until then, on the same disk (default: the folder of `path`, under a name that
    begins with a dot). Both folders are created if missing. OSError as the system raises it, and where `path` is a pipe
    or a device: replaced, /dev/null would be a file for all.
    """
    _check_replaceable(path)
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
