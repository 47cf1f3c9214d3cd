"""The records of an export: one for each part that is finished, and export.json, last, for all of it.

Each carries a hash of itself, and of the dataset that it is about. A record that anybody has changed is as good as
none: what it was about is written anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.core import json_layouts
from pipeline.core.json_layouts import Fingerprint, Layout
from pipeline.core.spec import Name
from pipeline.dataset.seals import seal
from pipeline.formats.format import FileRecord
from pipeline.storage import STATE, Folder

RECORD = "export.json"
PARTS = f"{STATE}/parts"  # the record of each that is finished


class _PartRecord(Layout):
    dataset: Fingerprint
    files: list[FileRecord]


class _ExportRecord(_PartRecord):
    sink: dict[str, Any]
    columns: dict[Name, list[Name]]


def sealed(record: Mapping[str, Any], dataset: str) -> str:
    """A record as it is written: with a hash of itself, and of the dataset that it is about."""
    return json.dumps({"hash": seal(dataset, json.dumps(record)), **record}, indent=1) + "\n"


def of_export(folder: Folder) -> dict[str, Any]:
    """The record of a whole export: dataset, sink, columns, files. FileNotFoundError without one; ValueError for one
    that was changed, or has another layout."""
    return _record(folder, RECORD, _ExportRecord)


def files_of_export(folder: Folder, dataset: str) -> list[dict[str, Any]]:
    """The files of a whole export of a dataset: file, bytes, file_hash; nothing where its record is not that."""
    try:
        record = of_export(folder)
    except (FileNotFoundError, ValueError):
        return []
    return _files(record, dataset)


def files_of_part(folder: Folder, name: str, dataset: str, layout: type[FileRecord]) -> list[dict[str, Any]]:
    """The files of a part of an export, with their facts; nothing where the record `name` is not that.

    layout: what the format records of a file.
    """
    try:
        record = _record(folder, name, _PartRecord)
        json_layouts.checked(list[layout], record["files"])  # type: ignore[valid-type]
    except (FileNotFoundError, ValueError):
        return []
    return _files(record, dataset)


def _record(folder: Folder, name: str, layout: type[_PartRecord]) -> dict[str, Any]:
    """A record, read back. FileNotFoundError where there is none; ValueError for a changed one, or another layout."""
    tree = json_layouts.parsed(folder.read(name))
    if not isinstance(tree, dict):
        raise ValueError("no record")
    own = tree.pop("hash", None)
    record: dict[str, Any] = tree
    json_layouts.checked(layout, record)
    if own != seal(record["dataset"], json.dumps(record)):
        raise ValueError("its hash is that of another record")
    return record


def _files(record: Mapping[str, Any], dataset: str) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = record["files"]
    return files if record["dataset"] == dataset else []
