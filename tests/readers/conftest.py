"""What the readers read, built once; and what it holds, taken from the shards themselves."""

from __future__ import annotations

import os
import subprocess
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

ROOT = Path(__file__).parents[2]
END = {"small": 50256, "wide": 100512}

for name, what in (("torchvision.datasets", "VisionDataset"), ("torchvision.transforms.functional", "to_tensor")):
    sys.modules[name] = types.ModuleType(name)  # streaming imports them for its pictures; there is no torchvision here
    setattr(sys.modules[name], what, object)


@dataclass(frozen=True)
class Built:
    """A dataset."""

    folder: Path
    end: int

    @property
    def dtype(self) -> type:
        return np.uint16 if self.end < 2**16 else np.int32

    def table(self, split: str) -> pa.Table:
        """All rows of a split."""
        files = sorted((self.folder / split).glob("*.arrow"))
        return pa.concat_tables(pa.ipc.open_stream(file.read_bytes()).read_all() for file in files)

    def ids(self, split: str) -> np.ndarray:
        """The sequences (S, L)."""
        column = self.table(split)["input_ids"].combine_chunks()
        return column.flatten().to_numpy().reshape(len(column), -1)

    def documents(self, split: str) -> list[list[int]]:
        """Token ids of each document with its end token, as the columns of the shards say where they are.

        With pure windows, of each piece.
        """
        rows = self.table(split)
        ids = self.ids(split)
        if split == "exam":
            return [row[:length].tolist() for row, length in zip(ids, rows["length"].to_pylist(), strict=True)]
        found: list[list[int]] = []
        for row, pieces in zip(ids, rows["documents"].to_pylist(), strict=True):
            for piece in pieces:
                tokens = row[piece["start"] : piece["start"] + piece["length"]].tolist()
                if piece["offset"] and split != "pure":
                    found[-1] += tokens
                else:
                    found.append(tokens)
        return found


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that builder.py fills, with the main environment, which cannot be this one."""
    folder = tmp_path_factory.mktemp("made")
    subprocess.run([os.environ["BUILDER"], "-m", "tests.readers.builder", str(folder)], cwd=ROOT, check=True)
    return folder


@pytest.fixture(params=["small", "wide"])
def built(made: Path, request: pytest.FixtureRequest) -> Built:
    return Built(made / request.param, END[request.param])


@pytest.fixture
def small(made: Path) -> Built:
    return Built(made / "small", END["small"])
