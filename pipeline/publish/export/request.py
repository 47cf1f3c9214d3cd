"""What is exported of which dataset, and the folder that it may lie in."""

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

EXPORTS = "exports"  # in a dataset's folder: where the exports that its recipe asks for lie
MARK = f"{STATE}/export"  # which export a folder is begun for


def own_place(dataset: Folder, spec: FormatSpec) -> Folder:
    """Where a dataset's own export of a kind lies. StorageError where a link there leads out of the dataset."""
    return dataset.below(f"{EXPORTS}/{spec.kind}")


@dataclass(frozen=True)
class Export:
    """What is exported of which dataset. columns: split → those that are; dataset: its fingerprint."""

    spec: FormatSpec
    format: Format
    dataset: str
    columns: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, spec: FormatSpec, dataset: str, splits: Mapping[str, Split]) -> Export:
        """What the options choose of these splits. SpecError where the format cannot hold it."""
        format_ = format_of(spec)
        return cls(spec, format_, dataset, selected(format_, spec, splits))

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What makes this export another than all others: the beginning of its export.json."""
        options = self.spec.model_dump(mode="json", exclude={"splits", "columns"})
        columns = {name: list(chosen) for name, chosen in self.columns.items()}
        return {"dataset": self.dataset, "sink": options, "columns": columns}

    def reads(self, split: Split) -> list[str]:
        """The columns of a split that the format needs: what it writes, and what it finds documents by."""
        return [name for name in split.columns if name in self.columns[split.name] or name in self.format.reads]

    def refuse_foreign(self, folder: Folder) -> None:
        """StorageError where the folder holds anything but this export, or the beginning of it.

        Its mark, or its export.json, says which export it is.
        """
        if not set(folder.names()) - {STATE}:  # nothing, or one that was killed before it had a file
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
