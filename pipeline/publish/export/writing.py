"""Parts of an export become files. A part leaves a record when all its files are there, and is kept then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pipeline.formats import Format
from pipeline.formats.format import File, Part, Rows, Split
from pipeline.publish.export import records
from pipeline.publish.export.records import PARTS
from pipeline.publish.export.request import Export
from pipeline.storage import Folder, arrow

Progress = Callable[[int], object]
FilesWritten = list[dict[str, Any]]  # of each: file, bytes, file_hash, and its facts


def write_split(request: Export, split: Split, rows: Rows, folder: Folder, done: Progress) -> FilesWritten:
    """The files of a split's parts, in order; those of parts that are there and whole stay as they are.

    The tokens of every part are reported to `done`.
    """
    written = []
    for part in request.format.parts(split):
        name = f"{PARTS}/{split.name}-{part.number:06d}.json"
        files = whole(folder, records.files_of_part(folder, name, request.dataset, request.format.Record))
        if not files:
            files = _write_part(request.format, part, rows, folder)
            folder.write(name, records.sealed({"dataset": request.dataset, "files": files}, request.dataset))
        written += files
        done(part.tokens)
    return written


def write_indices(format_: Format, written: Mapping[str, Sequence[Mapping[str, Any]]], folder: Folder) -> FilesWritten:
    """The files that name the others: split → its files."""
    files = _Files(folder)
    for name, text in format_.index(written).items():
        with files.create(name) as file:
            file.write(text.encode())
    return files.written


def remove_parts(request: Export, folder: Folder) -> None:
    """Take away every part that is finished: its files, then its record."""
    for name in folder.names(PARTS):
        for file in records.files_of_part(folder, f"{PARTS}/{name}", request.dataset, request.format.Record):
            folder.remove(file["file"])
        folder.remove(f"{PARTS}/{name}")


def whole(folder: Folder, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Recorded files, where all of them are there as recorded; else nothing."""
    return files if all(folder.has(file["file"], file["bytes"], file["file_hash"]) for file in files) else []


def _write_part(format_: Format, part: Part, rows: Rows, folder: Folder) -> FilesWritten:
    """The files of a part: all of them, or none."""
    files = _Files(folder)
    try:
        format_.write(part, rows, files)
    except BaseException:
        for file in files.written:
            folder.remove(file["file"])
        raise
    return files.written


@dataclass(frozen=True)
class _Files:
    """Files in a folder, each with size, hash and facts once it has its name."""

    folder: Folder
    written: FilesWritten = field(default_factory=list)

    @contextmanager
    def create(self, name: str) -> Iterator[File]:
        with self.folder.creating(name) as raw:
            file = _File(raw)
            yield file
        self.written.append({"file": name, "bytes": file.size, "file_hash": file.hash, **file.facts})


class _File(arrow.HashingFile):
    """One that facts can be kept with."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.facts: dict[str, Any] = {}
