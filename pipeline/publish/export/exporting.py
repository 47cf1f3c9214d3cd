"""An export from beginning to end.

Parts of a split are written one after the other, shard by shard; each leaves a record when all its files are there, so
that an interrupted export goes on where it was. Then come the files that name the others, and last of all export.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import ExportError, RunError, SpecError, StorageError
from pipeline.dataset import Dataset
from pipeline.formats import FormatSpec
from pipeline.publish.export import records, writing
from pipeline.publish.export.records import PARTS, RECORD
from pipeline.publish.export.request import EXPORTS, MARK, Export, own_place
from pipeline.publish.export.splits import ShardRows, splits_of, tokenizer_of
from pipeline.publish.export.writing import Progress
from pipeline.storage import Folder, folder_at


@dataclass(frozen=True)
class Exported:
    """What an export has written, or found. kept: whether all of it was there already."""

    folder: Folder
    files: Sequence[Mapping[str, Any]]
    kept: bool

    @property
    def bytes(self) -> int:
        """Of all its files."""
        return sum(file["bytes"] for file in self.files)


def export(
    dataset: Dataset, spec: FormatSpec, out: str | Path | None = None, *, done: Progress = lambda _: None
) -> Exported:
    """The dataset in the format that `spec` describes, in the folder, or below the URL, `out`; by default in its own.

    The tokens of every part are reported to `done`. ExportError for what the format cannot hold, of which nothing is
    left; StorageError for a folder that holds something else and for a dataset that is damaged or half built.
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
            request.refuse_foreign(folder)  # somebody else may have been faster
            with _leaving(request, folder, dataset.folder):
                folder.write(MARK, json.dumps(request.identity))
                folder.remove(RECORD)
                written = {}
                for name in request.columns:
                    rows = ShardRows(dataset, tokenizer, name, request.reads(splits[name]))
                    written[name] = writing.write_split(request, splits[name], rows, folder, done)
                indices = writing.write_indices(request.format, written, folder)
                files = [file for name in written for file in written[name]] + indices
                folder.write(RECORD, records.sealed({**request.identity, "files": files}, request.dataset))
    return Exported(folder, files, False)


@contextmanager
def _leaving(request: Export, folder: Folder, dataset: Folder) -> Iterator[None]:
    """What a failure leaves behind: the parts that are finished; nothing, where the export can never be made."""
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
    """What a format refuses, as the refusal of an export."""
    try:
        yield
    except RunError as error:  # a number that the format has no room for
        raise ExportError(error.problem, error.remedy, dataset.url) from None
    except SpecError as error:
        option = f": {error.at[0]}" if error.at else ""
        raise ExportError(error.problem, error.remedy, f"{dataset.url}{option}") from None
