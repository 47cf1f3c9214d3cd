"""An export held against its export.json: every file of it, and nothing beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import StorageError
from pipeline.publish.export import records
from pipeline.publish.export.records import RECORD
from pipeline.storage import STATE, Folder
from pipeline.storage.local import hash_of


def faults(folder: Folder, fingerprint: str | None = None) -> list[str]:
    """What is wrong with an export, one line each. Every file is read whole. fingerprint: of its dataset, if known."""
    try:
        record = records.of_export(folder)
    except FileNotFoundError:
        return [f"{RECORD}: missing; the export is not complete"]
    except StorageError as error:
        return [f"{RECORD}: {error.problem}"]
    except ValueError:
        return [f"{RECORD}: its bytes have changed"]
    wrong = [] if fingerprint in (None, record["dataset"]) else [f"{RECORD}: an export of another dataset"]
    files = {file["file"]: file for file in record["files"]}
    for name, recorded in files.items():
        if fault := _fault_of_file(folder, recorded):
            wrong.append(f"{name}: {fault}")
    return wrong + [f"{name}: not in {RECORD}" for name in _strange(folder, set(files))]


def _fault_of_file(folder: Folder, recorded: Mapping[str, Any]) -> str:
    """Why a file is not the one recorded; "" where it is. One of another size is not read."""
    name = recorded["file"]
    try:
        if folder.size(name) != recorded["bytes"]:
            return "its bytes have changed"
        with folder.local(name) as path:
            return "" if hash_of(path) == recorded["file_hash"] else "its bytes have changed"
    except FileNotFoundError:
        return "missing"
    except StorageError as error:
        return error.problem
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _strange(folder: Folder, known: set[str]) -> list[str]:
    """Files that no export has written."""
    places = {name.rpartition("/")[0] for name in known}
    names = {f"{place}/{name}".lstrip("/") for place in ("", *places) for name in folder.names(place)}
    return sorted(names - known - places - {"", RECORD, STATE})
