"""All that the package prints: one writer for stdout and one for stderr.

What others wrote (values, templates, documents, names of files, messages of libraries) may hold sequences that move the
cursor, change the terminal's title or turn the direction of writing. Here every control character is written out as
Python writes it in quotes. Our own colours are added to parts that are already so (`colour.py`), and pass as they are.

A character that the encoding of a stream lacks is written out too. A stdout that cannot take what is written ends the
command with exit code 1: what was printed to a full disk has not been printed. A reader that has left (`… | head`) is
no error. A stderr that cannot be written has nobody who reads it, and is let be.
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

LAID_OUT = "\n\t"  # what a text of several lines, as a document is, may hold


class ReaderGone(Exception):
    """Nobody reads stdout any more."""


def prepare() -> None:
    """Make the three standard streams of a process what the rest relies on. To be called before a file is opened.

    One that is closed is opened, lest a file of a dataset take its number and what we print land in it: stdin and
    stderr are empty and swallow, and writing to stdout fails, as it does where it is closed.
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
    """A stream, also for one that Python found closed, that writes out what its encoding lacks."""
    if not isinstance(stream, io.TextIOWrapper):
        stream = open(descriptor, "w", closefd=False)  # noqa: SIM115  (as long as the process)
    stream.reconfigure(errors="backslashreplace")
    return stream


def say(line: str = "") -> None:
    """Print one line. RunError where stdout cannot be written; ReaderGone where nobody reads it. So all of these."""
    _write(escaped(line, keep="\t") + "\n")


def show(text: str) -> None:
    """Print a text of any number of lines, as it is laid out."""
    _write(escaped(text, keep=LAID_OUT) + "\n")


def show_painted(text: str) -> None:
    """Print a text with colours of ours in it, whose other parts are escaped: those of `colour.py`."""
    _write(text + "\n")


def show_json(value: Any) -> None:
    """Print a value as JSON in ASCII, indented."""
    _write(json.dumps(value, indent=2).replace("\x7f", "\\u007f") + "\n")


def flush() -> None:
    """Hand over all that was printed, which is when a full disk is noticed: a part of every command."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _lost(error)


def complain(line: str) -> None:
    """Print one line to stderr, where that can be written: a refusal, a notice, how far a command is."""
    complain_laid_out(escaped(line, keep="\t") + "\n")


def complain_laid_out(text: str) -> None:
    """The same for a text of several lines, as it is laid out: its line breaks are its own."""
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
    """What a stream still holds goes nowhere: Python would complain of it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _warned(message: Warning | str, *_: Any, **__: Any) -> None:
    """What Python calls to show a warning: as a line like our own."""
    complain(f"warning: {message}")
