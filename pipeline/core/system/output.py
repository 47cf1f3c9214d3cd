"""Prints everything that the package prints: the only writers of stdout and stderr.

Texts of others (values, templates, documents, file names, messages of libraries) may contain sequences that move the
cursor, change the terminal's title or reverse the direction of writing. So every control character is replaced by its
Python escape, and so is a character that the stream's encoding lacks. Only `show_painted` lets our own colours pass.

If stdout cannot be written (a full disk), the command ends with exit code 1. If its reader has left (`… | head`), that
is no error. If stderr cannot be written, that is ignored, as nobody reads it.
"""

from __future__ import annotations

import io
import json
import os
import sys
import warnings
from typing import Any, TextIO

from pipeline.core.errors import RunError
from pipeline.core.system.escaping import escaped

LAID_OUT = "\n\t"  # control characters that a text of several lines, such as a document, may keep


class ReaderGone(Exception):
    """Nobody reads stdout any more."""


def prepare() -> None:
    """Set up the three standard streams of the process. Call this before any file is opened.

    A closed stream is opened on the null device; otherwise a dataset's file could get its number, and what we print
    would land in that file. Then stdin is empty, stderr discards, and writing to stdout fails, as if still closed.
    """
    for descriptor, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # it is the lowest number that is free
    sys.stdout = _lenient(sys.stdout, 1)
    sys.stderr = _lenient(sys.stderr, 2)
    warnings.showwarning = _warned


def _lenient(stream: TextIO | None, descriptor: int) -> TextIO:
    """A stream (a new one if Python found it closed) that escapes characters its encoding lacks."""
    if not isinstance(stream, io.TextIOWrapper):
        stream = open(descriptor, "w", closefd=False)  # noqa: SIM115  (as long as the process)
    stream.reconfigure(errors="backslashreplace")
    return stream


def say(line: str = "") -> None:
    """Print one line. As all writers of stdout: RunError if it cannot be written, ReaderGone if nobody reads it."""
    _write(escaped(line, keep="\t") + "\n")


def show(text: str) -> None:
    """Print a text of any number of lines, keeping line breaks and tabs."""
    _write(escaped(text, keep=LAID_OUT) + "\n")


def show_painted(text: str) -> None:
    """Print a text that contains our own colours and is otherwise escaped already."""
    _write(text + "\n")


def show_json(value: Any) -> None:
    """Print a value as JSON in ASCII, indented."""
    _write(json.dumps(value, indent=2).replace("\x7f", "\\u007f") + "\n")


def flush() -> None:
    """Flush stdout, which is when a full disk is noticed. Every command calls it."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _lost(error)


def complain(line: str) -> None:
    """Print one line to stderr, if it can be written: an error, a notice, or progress."""
    complain_laid_out(escaped(line, keep="\t") + "\n")


def complain_laid_out(text: str) -> None:
    """As `complain`, for a text of several lines, keeping line breaks and tabs."""
    try:
        sys.stderr.write(escaped(text, keep=LAID_OUT))
        sys.stderr.flush()
    except OSError:
        _silence(sys.stderr)


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
    except OSError as error:
        _lost(error)


def _lost(error: OSError) -> None:
    _silence(sys.stdout)
    if isinstance(error, BrokenPipeError):
        raise ReaderGone from None
    raise RunError(f"cannot be written: {error.strerror or error}", "Give it another place.", "stdout") from None


def _silence(stream: TextIO) -> None:
    """Discard what a stream still buffers; Python would complain about it at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _warned(message: Warning | str, *_: Any, **__: Any) -> None:
    """Python's hook to show a warning: prints it as a line like our own."""
    complain(f"warning: {message}")
