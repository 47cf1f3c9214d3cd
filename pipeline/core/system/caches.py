"""The folder of the user's caches, or a temporary one. The first that applies:

    XDG_CACHE_HOME               if it is set
    ~/.cache                     if it can be written
    a folder of this process     if there is no home, or a read-only one; removed when the process ends

The temporary folder is new, can be read by the user alone, and has a name that nobody can predict. XDG_CACHE_HOME is
set to it, so that child processes, and libraries with caches of their own, use it too.
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
    """The folder of the user's caches. RunError if there is none and none can be made.

    It can be written, unless XDG_CACHE_HOME names one that cannot.
    """
    named = expanded(os.environ.get(VARIABLE, ""))
    if named.is_absolute():  # the XDG specification says to ignore relative paths
        return named
    usual = expanded("~/.cache")
    return usual if usual.is_absolute() and writable(usual) else temporary_cache()


@lru_cache(1)
def temporary_cache() -> Path:
    """A folder for caches that is removed when this process ends. RunError if none can be made."""
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
    """Make the temporary folder the home of a user without a home, because Ray needs one to start."""
    if not expanded("~").is_absolute():
        os.environ["HOME"] = str(temporary_cache())


def say_if_temporary(folder: Path) -> None:
    """Tell the user, once, if files put into `folder` are lost when the process ends: it is below temporary_cache."""
    if temporary_cache.cache_info().currsize and temporary_cache() in folder.parents:
        _say(temporary_cache())


@lru_cache(1)
def _say(folder: Path) -> None:
    output.complain(
        f"notice: no cache of yours can be written: machine code and rows of corpora go to {folder}, and are made again"
        " by the next command. To keep them, set NUMBA_CACHE_DIR and XDG_CACHE_HOME to folders that you can write."
    )


def writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is created if it does not exist."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not a forked child
        shutil.rmtree(folder, ignore_errors=True)
