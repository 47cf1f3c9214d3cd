"""An export checked against its export.json: every file is as recorded, and there are no others."""

from __future__ import annotations

from pipeline.core.errors import StorageError
from pipeline.dataset.recorded import fault_of
from pipeline.publish.export import records
from pipeline.publish.export.records import RECORD
from pipeline.storage import STATE, Folder


def faults(folder: Folder, fingerprint: str | None = None) -> list[str]:
    """Faults of an export, a line each; [] if none. Reads all files. fingerprint: of its dataset, if known."""
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
        if fault := fault_of(folder, name, recorded["bytes"], recorded["file_hash"]):
            wrong.append(f"{name}: {fault}")
    return wrong + [f"{name}: not in {RECORD}" for name in _strange(folder, set(files))]


def _strange(folder: Folder, known: set[str]) -> list[str]:
    """Files that no export has written."""
    places = {name.rpartition("/")[0] for name in known}
    names = {f"{place}/{name}".lstrip("/") for place in ("", *places) for name in folder.names(place)}
    return sorted(names - known - places - {"", RECORD, STATE})
