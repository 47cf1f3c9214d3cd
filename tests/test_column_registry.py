"""A kind of column is one file: what knows columns knows a new one by that file alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.columns import COLUMNS, FIELDS, stored
from pipeline.columns.column import ColumnKind

ENDS = '''
"""`ends`: the last token of each row, and how many documents stand in it."""

from typing import ClassVar

import numpy as np

from pipeline.columns.column import ColumnKind
from pipeline.columns.fields import Records, Single
from pipeline.core.errors import SpecError


class Ends(ColumnKind):
    name = "ends"
    order = 10
    summary = "the last token of a row"
    fields: ClassVar = {"last": Single("int32"), "count": Single("int64")}
    facts: ClassVar = {"end": int}

    def check(self, split):
        split.check_range(self.name, "tokens in a row", split.packing.length, 64, "Shorten them.")

    def bytes(self, size):
        return 12 * size.tokens / size.packing.length

    def make(self, packed):
        ids = packed.sequences.input_ids
        return {"last": ids[:, -1].astype(np.int32), "count": packed.sequences.segments.lengths.astype(np.int64)}

    def facts_of(self, sources):
        return {"end": 7}

    def meaning(self, split):
        return f"`end` is {split['end']}"


COLUMN = Ends()
'''

PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
import pipeline
from pipeline.build.building import build
from pipeline.build.verification import verify
from pipeline.build.executors import Inline
from pipeline.core.errors import PipelineError
from pipeline.dataset import Dataset
from pipeline.plan import compile_plan
from pipeline.publish.export import export
from pipeline.recipe import load
from pipeline.recipe.loading import export_spec

def plan(length, columns="[ends]"):
    changes = [f"splits.train.columns={columns}", f"splits.train.packing={{length: {length}}}"]
    return compile_plan(load(sys.argv[2], changes))

try:
    plan(128)
except PipelineError as error:
    refused = str(error)
small = plan(64)
out = Path(sys.argv[1])
build(small, str(out), Inline())
verify(str(out))
dataset = Dataset.at(out)
export(dataset, export_spec("parquet", [], {"splits": ["train"]}), out / "parquet")
rows = list(pipeline.read(str(out), "train"))
print(json.dumps({
    "file": pipeline.__file__,
    "refused": refused,
    "bytes": small.bytes_of("train"),
    "without": plan(64, "[]").bytes_of("train"),
    "keys": sorted(rows[0]),
    "right": all(int(row["last"]) == int(row["input_ids"][-1]) for row in rows),
    "fact": dataset.split("train")["end"],
    "card": "`end` is 7" in (out / "README.md").read_text(),
    "parquet": len(list((out / "parquet").rglob("*.parquet"))),
}))
"""


def with_file(folder: Path, inside: str, name: str, text: str) -> Path:
    """A folder that holds the package, by links, and one more file in a folder of it."""
    package = Path(pipeline.__file__).parent
    copy = folder / "pipeline"
    (copy / inside).mkdir(parents=True)
    for path in package.iterdir():
        if path.name not in (inside, "__pycache__"):
            (copy / path.name).symlink_to(path)
    for path in (package / inside).glob("*.py"):
        (copy / inside / path.name).symlink_to(path)
    (copy / inside / name).write_text(text)
    for beside in ("templates", "recipes"):
        (folder / beside).symlink_to(package.parent / beside)
    return folder


def test_a_new_column_is_one_file(tmp_path: Path):
    home = with_file(tmp_path / "home", "columns", "ends.py", ENDS)
    environment = {**os.environ, "PYTHONPATH": str(home)}
    small = Path(__file__).parent / "golden/small.yaml"
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "data"), str(small)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["file"].startswith(str(home))
    assert "128 tokens in a row, but the column 'ends' numbers 64. Shorten them." in seen["refused"]
    assert seen["bytes"] > seen["without"]
    assert seen["keys"] == ["count", "input_ids", "last"]
    assert seen["right"]
    assert (seen["fact"], seen["card"], seen["parquet"] > 0) == (7, True, True)


def test_each_field_of_a_column_has_its_place_in_a_shard():
    assert list(COLUMNS) == [
        "loss_mask", "segment_ids", "documents", "spans", "parts", "answers", "probes", "steps", "tree", "messages",
        "completion", "preference", "reward", "choices",
    ]  # fmt: skip
    assert {name for kind in COLUMNS.values() for name in kind.fields} | {"input_ids", "length"} == set(FIELDS)
    assert stored(False, ["spans", "tree", "loss_mask"]) == (
        "input_ids", "loss_mask", "spans", "ancestors", "boundaries"
    )  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_says_what_it_holds(name: str):
    kind = COLUMNS[name]
    assert kind.summary
    assert type(kind).__doc__ != ColumnKind.__doc__
    assert type(kind).make is not ColumnKind.make
    assert type(kind).bytes is not ColumnKind.bytes
