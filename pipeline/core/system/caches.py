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
import stat
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


def is_temporary(folder: Path) -> bool:
    """Whether files put into `folder` are lost when the process ends: it is below temporary_cache."""
    return bool(temporary_cache.cache_info().currsize) and temporary_cache() in folder.parents


def say_if_temporary(folder: Path) -> None:
    """Tell the user, once, if files put into `folder` are lost when the process ends."""
    if is_temporary(folder):
        _say(temporary_cache())


@lru_cache(1)
def _say(folder: Path) -> None:
    output.complain(
        f"notice: no cache of yours can be written: machine code and rows of corpora go to {folder}, and are made again"
        " by the next command. To keep them, set NUMBA_CACHE_DIR and XDG_CACHE_HOME to folders that you can write."
    )


def trusted(folder: Path, source: Path | None = None) -> bool:
    """Whether what is in a folder may be loaded as code: nobody but this user and root can put anything there.

    Not if it belongs to somebody else, nor if it or, without the sticky bit, a folder above it is open to everybody.
    Those of the same group are trusted, as in the folders of any program. source: a file of code that the folder
    belongs to; whoever owns it, or could change it, is trusted too.
    """
    folder = folder.resolve()
    owners = {0, os.geteuid()}
    beside: tuple[Path, ...] = ()
    if source is not None:
        source = source.resolve()
        owners, beside = {*owners, source.stat().st_uid}, tuple(source.parents)
    if folder.stat().st_uid not in owners:
        return False
    if source is not None and folder.parent == source.parent and _open_to_all(source.parent):
        return True  # who could write there could change the source
    above = (place for place in folder.parents if place not in beside)
    return not folder.stat().st_mode & stat.S_IWOTH and not any(map(_open_to_all, above))


def _open_to_all(folder: Path) -> bool:
    """Whether everybody may remove and replace what is in a folder."""
    return folder.stat().st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH


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
