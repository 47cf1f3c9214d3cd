"""Export: what is exported of which dataset; and the folder that it may be written to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.core.errors import StorageError
from pipeline.formats import Format, FormatSpec, format_of
from pipeline.formats.format import Split, selected
from pipeline.publish.export import records
from pipeline.storage import STATE, Folder

EXPORTS = "exports"  # the folder, in a dataset's, of the exports that its recipe asks for
MARK = f"{STATE}/export"  # states which export was begun in a folder


def own_place(dataset: Folder, spec: FormatSpec) -> Folder:
    """The folder of an export inside the dataset's. StorageError where a link there leads out of the dataset."""
    return dataset.below(f"{EXPORTS}/{spec.kind}")


@dataclass(frozen=True)
class Export:
    """What is exported of which dataset. dataset: its fingerprint; columns: split → the exported columns."""

    spec: FormatSpec
    format: Format
    dataset: str
    columns: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, spec: FormatSpec, dataset: str, splits: Mapping[str, Split]) -> Export:
        """The export that the options select from these splits. SpecError where the format cannot hold it."""
        format_ = format_of(spec)
        return cls(spec, format_, dataset, selected(format_, spec, splits))

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The keys of export.json that distinguish this export from others."""
        options = self.spec.model_dump(mode="json", exclude={"splits", "columns"})
        columns = {name: list(chosen) for name, chosen in self.columns.items()}
        return {"dataset": self.dataset, "sink": options, "columns": columns}

    def reads(self, split: Split) -> list[str]:
        """The columns of a split to read: those that are exported, and those by which documents are found."""
        return [name for name in split.columns if name in self.columns[split.name] or name in self.format.reads]

    def refuse_foreign(self, folder: Folder) -> None:
        """StorageError where the folder holds anything but this export, complete or begun.

        Its mark or its export.json states which export it is.
        """
        if not set(folder.names()) - {STATE}:  # empty, or an export that was killed before its first file
            return
        mark = ""
        with suppress(FileNotFoundError):
            mark = folder.read(MARK).decode("utf-8", "replace")
        if mark == json.dumps(self.identity):
            return
        try:
            record = records.of_export(folder)
            if {key: record[key] for key in self.identity} == self.identity:
                return
        except (FileNotFoundError, ValueError):
            if not mark:
                problem = "this is not empty and no export of ours"
                raise StorageError(problem, "Give another --out.", folder.url) from None
        remedy = "Give another folder, or remove this one."
        raise StorageError("this folder has another export, or one of another dataset", remedy, folder.url)
