"""An export from beginning to end.

The parts of each split are written one after another. A part gets a record when all its files are complete, so an
interrupted export continues with the next part. Then the index files are written, and export.json last.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pipeline.core.errors import ExportError, RunError, SpecError, StorageError
from pipeline.dataset import Dataset
from pipeline.dataset.shard_record import ShardRecord
from pipeline.formats import FormatSpec
from pipeline.publish.export import records, writing
from pipeline.publish.export.records import PARTS, RECORD
from pipeline.publish.export.request import EXPORTS, MARK, Export, own_place
from pipeline.publish.export.splits import ShardRows, splits_of, tokenizer_of
from pipeline.publish.export.writing import Progress
from pipeline.storage import Folder, folder_at


@dataclass(frozen=True)
class Exported:
    """A complete export. kept: whether it existed before, so that nothing was written."""

    folder: Folder
    files: Sequence[Mapping[str, Any]]
    kept: bool

    @property
    def bytes(self) -> int:
        """Bytes of all its files."""
        return sum(file["bytes"] for file in self.files)


def export(
    dataset: Dataset, spec: FormatSpec, out: str | Path | None = None, *, done: Progress = lambda _: None
) -> Exported:
    """Export the dataset in the format of `spec`, to the path or URL `out`; by default to exports/ in its own folder.

    done: called with the tokens of every finished part. ExportError where the format cannot hold the dataset; nothing
    is left behind then. StorageError for a folder that holds something else, and for a damaged or incomplete dataset.
    """
    with _refused(dataset.folder):
        tokenizer = tokenizer_of(dataset)
        splits = splits_of(dataset, tokenizer)
        request = Export.of(spec, dataset.manifest.fingerprint, splits)
        folder = own_place(dataset.folder, spec) if out is None else folder_at(out)
        request.refuse_foreign(folder)
        if files := writing.whole(folder, records.files_of_export(folder, request.dataset)):
            return Exported(folder, files, True)
        with folder.locked():
            request.refuse_foreign(folder)  # another process may have begun here meanwhile
            with _leaving(request, folder, dataset.folder):
                folder.write(MARK, json.dumps(request.identity))
                folder.remove(RECORD)
                written = {}
                for name in request.columns:
                    rows = ShardRows(dataset, tokenizer, name, request.reads(splits[name]))
                    written[name] = writing.write_split(request, splits[name], rows, folder, done)
                indices = writing.write_indices(request.format, written, folder)
                files = [file for name in written for file in written[name]] + indices
                content = {**request.identity, "files": files, **_phases(dataset, written)}
                folder.write(RECORD, records.sealed(content, request.dataset))
    return Exported(folder, files, False)


def _phases(dataset: Dataset, splits: Iterable[str]) -> dict[str, Any]:
    """What export.json says of the phases of splits that have some: how much of each split they are, in order."""
    amounts = {}
    for name in splits:
        shards = iter(dataset.manifest.shards_of(name))
        phases = dataset.manifest.phases_of(name)
        if phases[0]["name"]:
            amounts[name] = [_amounts(phase["name"], islice(shards, phase["shards"])) for phase in phases]
    return {"phases": amounts} if amounts else {}


def _amounts(phase: str, shards: Iterable[ShardRecord]) -> dict[str, Any]:
    """The name of a phase, and what is in its shards."""
    listed = list(shards)
    counts = {key: sum(getattr(record, key) for record in listed) for key in ("documents", "sequences", "tokens")}
    return {"name": phase, **counts}


@contextmanager
def _leaving(request: Export, folder: Folder, dataset: Folder) -> Iterator[None]:
    """On failure, keep finished parts; remove everything where the export can never succeed."""
    try:
        yield
    except BaseException as error:
        with suppress(StorageError):
            if isinstance(error, SpecError | RunError):
                writing.remove_parts(request, folder)
            if not folder.names(PARTS):
                folder.dissolve()
                dataset.below(EXPORTS).dissolve()
        raise


@contextmanager
def _refused(dataset: Folder) -> Iterator[None]:
    """Turn a SpecError or RunError of a format into an ExportError."""
    try:
        yield
    except RunError as error:  # a number too large for the format
        raise ExportError(error.problem, error.remedy, dataset.url) from None
    except SpecError as error:
        option = f": {error.at[0]}" if error.at else ""
        raise ExportError(error.problem, error.remedy, f"{dataset.url}{option}") from None
