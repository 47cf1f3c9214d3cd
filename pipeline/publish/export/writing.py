"""Parts of an export into files. A part gets a record when all its files are complete; then it is kept."""

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
FilesWritten = list[dict[str, Any]]  # the record of each: file, bytes, file_hash, and its facts


def write_split(request: Export, split: Split, rows: Rows, folder: Folder, done: Progress) -> FilesWritten:
    """Write the parts of a split and return the records of their files, in order. Finished parts are kept.

    done: called with the tokens of every part.
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
    """Write the index files and return their records. written: split → records of its files."""
    files = _Files(folder)
    for name, text in format_.index(written).items():
        with files.create(name) as file:
            file.write(text.encode())
    return files.written


def remove_parts(request: Export, folder: Folder) -> None:
    """Remove every finished part: its files, then its record."""
    for name in folder.names(PARTS):
        for file in records.files_of_part(folder, f"{PARTS}/{name}", request.dataset, request.format.Record):
            folder.remove(file["file"])
        folder.remove(f"{PARTS}/{name}")


def whole(folder: Folder, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records `files` if every file is as recorded; else []."""
    return files if all(folder.has(file["file"], file["bytes"], file["file_hash"]) for file in files) else []


def _write_part(format_: Format, part: Part, rows: Rows, folder: Folder) -> FilesWritten:
    """Write all files of a part and return their records; on failure, remove them."""
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
    """Creates files in a folder; `written` has the record of each complete one."""

    folder: Folder
    written: FilesWritten = field(default_factory=list)

    @contextmanager
    def create(self, name: str) -> Iterator[File]:
        with self.folder.creating(name) as raw:
            file = _File(raw)
            yield file
        self.written.append({"file": name, "bytes": file.size, "file_hash": file.hash, **file.facts})


class _File(arrow.HashingFile):
    """A hashing file with facts."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.facts: dict[str, Any] = {}
