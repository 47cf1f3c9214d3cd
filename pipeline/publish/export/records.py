"""The records of an export: one for each finished part, and export.json for the whole, written last.

Each carries a hash of itself together with the dataset's fingerprint. A changed record counts as missing: its files are
written again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from pipeline.core import json_layouts
from pipeline.core.json_layouts import Count, Fingerprint, Layout
from pipeline.core.spec import Name
from pipeline.dataset.seals import seal
from pipeline.formats.format import FileRecord
from pipeline.storage import STATE, Folder

RECORD = "export.json"
PARTS = f"{STATE}/parts"  # a record for each finished part


class _PartRecord(Layout):
    dataset: Fingerprint
    files: list[FileRecord]


class _Phase(Layout):
    name: Name
    documents: Count
    sequences: Count
    tokens: Count


class _ExportRecord(_PartRecord):
    sink: dict[str, Any]
    columns: dict[Name, list[Name]]
    phases: dict[Name, list[_Phase]] = Field({})


def sealed(record: Mapping[str, Any], dataset: str) -> str:
    """A record as JSON, with its hash. dataset: the fingerprint, which is hashed too."""
    return json.dumps({"hash": seal(dataset, json.dumps(record)), **record}, indent=1) + "\n"


def of_export(folder: Folder) -> dict[str, Any]:
    """The content of export.json: dataset, sink (the options), columns, files, phases.

    FileNotFoundError where there is none; ValueError for a changed record, or another layout.
    """
    return _record(folder, RECORD, _ExportRecord)


def files_of_export(folder: Folder, dataset: str) -> list[dict[str, Any]]:
    """file, bytes and file_hash of each file of a complete export; [] without a valid record of this dataset."""
    try:
        record = of_export(folder)
    except (FileNotFoundError, ValueError):
        return []
    return _files(record, dataset)


def files_of_part(folder: Folder, name: str, dataset: str, layout: type[FileRecord]) -> list[dict[str, Any]]:
    """The files of a finished part, with their facts; [] where `name` is not a valid record of this dataset.

    layout: the format's layout of the record of a file.
    """
    try:
        record = _record(folder, name, _PartRecord)
        json_layouts.checked(list[layout], record["files"])  # type: ignore[valid-type]
    except (FileNotFoundError, ValueError):
        return []
    return _files(record, dataset)


def _record(folder: Folder, name: str, layout: type[_PartRecord]) -> dict[str, Any]:
    """The content of a record. FileNotFoundError where there is none; ValueError for a changed or foreign one."""
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
