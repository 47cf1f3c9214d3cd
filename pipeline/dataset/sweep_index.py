"""sweep.json: in which folder the dataset of each cell of a sweep lies. It is written last.

Cells with equal datasets have one folder, that of one of them: a reader looks here, and there are no links.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from pipeline.core import json_layouts
from pipeline.core.cell_names import one_selected
from pipeline.core.errors import StorageError
from pipeline.core.json_layouts import CellName, FileHash, Fingerprint, Layout
from pipeline.core.spec import Name
from pipeline.storage import Folder, folder_at, place_below
from pipeline.storage.local import hash_of_bytes

SWEEP = "sweep.json"


@dataclass(frozen=True)
class SweepIndex:
    """The cells of a built sweep.

    axes: axis → its levels. cells: name → `folder`, which is the name of a cell with the same dataset, and
    `fingerprint`.
    """

    title: str
    axes: Mapping[str, Sequence[str]]
    cells: Mapping[str, Mapping[str, str]]

    @property
    def folders(self) -> list[str]:
        """The folders of datasets, each once, in the order of cells."""
        return list(dict.fromkeys(cell["folder"] for cell in self.cells.values()))

    def folder_of(self, pattern: str | None) -> str:
        """The folder of the one cell that a pattern selects. PlanError where it selects several, or none."""
        return self.cells[one_selected(pattern, self.cells)]["folder"]

    def dumps(self) -> str:
        """The index as JSON, with a hash of its content."""
        content = {key.name: getattr(self, key.name) for key in fields(self)}
        own = hash_of_bytes(json.dumps(content).encode())
        return json.dumps({"hash": own, **content}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def loads(cls, text: str) -> SweepIndex:
        """The index in a JSON text. ValueError for one that `dumps` has not written, or whose folders are no cells."""
        tree: dict[str, Any] = json_layouts.parsed(text)
        json_layouts.checked(_Layout, tree)
        index = cls(**{key.name: tree[key.name] for key in fields(cls)})
        if index.dumps() != text:
            raise ValueError("its bytes have changed")
        for name, cell in index.cells.items():
            if index.cells.get(cell["folder"]) != cell:
                raise ValueError(f"{name} has the folder of another dataset")
        return index

    @classmethod
    def of(cls, folder: Folder) -> SweepIndex:
        """The index in a folder. StorageError where there is none, or another one than `build` writes."""
        try:
            return cls.loads(folder.read(SWEEP).decode())
        except FileNotFoundError:
            problem = f"there is no {SWEEP}, so this is no sweep, or not a complete one"
            raise StorageError(problem, "Leave out the cell, or build the sweep.", folder.url) from None
        except ValueError as error:
            raise StorageError(f"{SWEEP} cannot be read: {error}", "Run build, which mends it.", folder.url) from None


def dataset_place(place: str | Path, cell: str | None) -> str | Path:
    """The path or URL of one dataset: `place` itself, or in the sweep that was built there the one of a cell.

    cell: its name, or those of its coordinates that no other cell has together. StorageError where there is no sweep;
    PlanError where it has no such cell, or several.
    """
    return place if cell is None else place_below(place, SweepIndex.of(folder_at(place)).folder_of(cell))


def holds_sweep(folder: Folder) -> bool:
    """Whether a sweep was built into a folder."""
    try:
        folder.size(SWEEP)
    except FileNotFoundError:
        return False
    return True


def several_datasets(folder: Folder) -> StorageError:
    """The refusal of the folder of a sweep where one dataset is needed."""
    index = SweepIndex.of(folder)
    problem = f"this is a sweep of {len(index.cells):,} cells, where one dataset is needed"
    return StorageError(problem, f"Give one of them: --cell {next(iter(index.cells))}, in Python cell=….", folder.url)


class _Cell(Layout):
    folder: CellName
    fingerprint: Fingerprint


class _Layout(Layout):
    hash: FileHash
    title: str
    axes: dict[Name, list[str]]
    cells: Annotated[dict[CellName, _Cell], Field(min_length=1)]
