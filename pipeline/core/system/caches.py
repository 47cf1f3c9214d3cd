"""Where the caches of the user lie, and what stands in for them where nothing can be kept.

    XDG_CACHE_HOME, where that is set        the user has said where
    ~/.cache, where that can be written      usual
    a folder of this process alone           no home, or one on a read-only disk; removed when the process ends

The last is a new folder that only the user can read, never one whose name others could know beforehand. It is put into
XDG_CACHE_HOME, so that processes which this one starts, and libraries with caches of their own, take it too.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from pipeline.core.errors import RunError
from pipeline.core.system import output
from pipeline.core.system.open_files import expanded

VARIABLE = "XDG_CACHE_HOME"


def user_cache() -> Path:
    """The folder of the user's caches. RunError where there is none and none can be made.

    One that XDG_CACHE_HOME names may be one that cannot be written; any other can.
    """
    named = expanded(os.environ.get(VARIABLE, ""))
    if named.is_absolute():  # others are to be ignored, its specification says
        return named
    usual = expanded("~/.cache")
    return usual if usual.is_absolute() and writable(usual) else temporary_cache()


@lru_cache(1)
def temporary_cache() -> Path:
    """The folder that stands in for the user's cache until this process ends. RunError where none can be made."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="pretraining-recipes-"))
    except OSError as error:
        raise RunError(
            f"no folder can be made for temporary files: {error.strerror}", "Set TMPDIR to one that can be written."
        ) from None
    os.environ[VARIABLE] = str(folder)
    atexit.register(_remove, folder, os.getpid())
    return folder


def lend_home() -> None:
    """Make the temporary folder the home of a user without one: for Ray, which does not start without."""
    if not expanded("~").is_absolute():
        os.environ["HOME"] = str(temporary_cache())


def say_if_temporary(folder: Path) -> None:
    """Say once that what is put into a folder of temporary_cache will not be there for the next command."""
    if temporary_cache.cache_info().currsize and temporary_cache() in folder.parents:
        _say(temporary_cache())


@lru_cache(1)
def _say(folder: Path) -> None:
    output.complain(
        f"notice: no cache of yours can be written: machine code and rows of corpora go to {folder}, and are made again"
        " by the next command. To keep them, set NUMBA_CACHE_DIR and XDG_CACHE_HOME to folders that you can write."
    )


def writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made where it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # a process that was forked off leaves it
        shutil.rmtree(folder, ignore_errors=True)
