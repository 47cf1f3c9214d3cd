"""The template file that is extended: what stands in it stays, byte for byte; new lines follow a comment.

{# 200 lines written by Qwen/Qwen3-8B: temperature 0.9; 2026-11-29 #}
{{ subject }} first saw the light of day in {{ birth_city }}.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.errors import StorageError
from pipeline.core.files import library
from pipeline.core.system.open_files import contents, created, destination
from pipeline.core.system.reading import BLANKS, MOST_BYTES
from pipeline.wordings.asking.request import Settings
from pipeline.wordings.paraphrase.frame import Frame


def folder_for(frame: Frame, out: str | None) -> Path:
    """The folder whose files are extended. StorageError where it is the package's own, or the recipe names none."""
    if out is not None:
        return destination(out)
    if frame.folder is None:
        raise StorageError(
            "the templates stand in the recipe itself", "Name a folder for the files: --out FOLDER.", frame.sentence
        )
    if frame.folder.resolve().is_relative_to(library("templates").resolve()):
        raise StorageError(
            "these templates come with the package", "Name a folder of your own: --out FOLDER.", str(frame.folder)
        )
    return frame.folder


def comment(lines: int, settings: Settings, day: str) -> str:
    """The comment above lines: how many, by which model, with which settings, when."""
    return f"{{# {lines} line{'s' * (lines != 1)} written by {settings.model}: {settings.described()}; {day} #}}"


def extend(frame: Frame, folder: Path, lines: Sequence[str], settings: Settings, day: str) -> tuple[Path, int]:
    """Add lines to `<sentence>.j2` in a folder; returns the file, and how many lines were new to it.

    A folder that lacks files of the source's gets copies of them, so that a recipe can name it. StorageError where
    something cannot be read or written; a file is complete or as it was.
    """
    path = folder / f"{frame.sentence}.j2"
    try:
        if frame.folder is not None and frame.folder.resolve() != folder.resolve():
            for file in sorted(frame.folder.glob("*.j2")):
                if not (folder / file.name).exists():
                    _write(folder / file.name, contents(file, MOST_BYTES))
        before = (
            contents(path, MOST_BYTES) if path.exists() else "".join(f"{line.text}\n" for line in frame.lines).encode()
        )
        there = {line.strip(BLANKS + "\r") for line in before.decode("utf-8-sig").split("\n")}
        new = [line for line in dict.fromkeys(lines) if line not in there]
        if new:
            text = "".join(f"{line}\n" for line in (comment(len(new), settings, day), *new))
            _write(path, before + b"\n" * (bool(before) and not before.endswith(b"\n")) + text.encode())
    except UnicodeDecodeError:
        raise StorageError("it is not UTF-8", "Save it as UTF-8.", str(path)) from None
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror or error}", "Look at its rights.", str(path)) from None
    return path, len(new)


def _write(path: Path, data: bytes) -> None:
    with created(path) as file:
        file.write(data)
