"""The kinds that docs/how-to/write-a-kind-of-your-own.md adds to the package are one file each, and work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pipeline

PACKAGE = Path(pipeline.__file__).parent
PAGE = PACKAGE.parent / "docs" / "how-to" / "write-a-kind-of-your-own.md"
FILE = re.compile(r"<!-- not run: a file of the package, (\S+) -->\n```python\n(.*?)```", re.DOTALL)

RECIPE = """
worlds:
  trains:
    size: 9
    attributes:
      name: {kind: name, pools: {city: {values: [Basel, Genoa, Turin]}, number: {values: ["1", "2", "3"]}}}
      leaves: {kind: hour}
sources: {timetable: {kind: biographies, world: trains, templates: {leaves: ["{{ name }} leaves at {{ leaves }}."]}}}
splits: {train: {mixture: {timetable: {}}, packing: {length: 32}, columns: [ends]}}
"""

PROGRAM = """
import pipeline
from pipeline.cli import run

assert run(["preview", "trains.yaml", "-n", "1"]) == 0
assert run(["build", "trains.yaml", "--executor", "inline"]) == 0
assert run(["export", "data/trains", "--to", "numbers", "--columns", "input_ids"]) == 0
rows = list(pipeline.read("data/trains", "train"))
assert all(int(row["last"]) == int(row["input_ids"][-1]) for row in rows)
ids = [token for row in rows for token in row["input_ids"].tolist()]
lines = [[int(number) for number in line.split()] for line in open("data/trains/exports/numbers/train.txt")]
assert len(lines) == 9
assert sum(lines, []) == ids[: sum(map(len, lines))]
"""


def test_an_attribute_a_column_and_a_format_of_the_page_are_built_and_exported(tmp_path: Path) -> None:
    files = FILE.findall(PAGE.read_text())
    assert [path.rsplit("/", 1)[0] for path, _ in files] == [
        "pipeline/worlds/attributes", "pipeline/columns", "pipeline/formats"
    ]  # fmt: skip
    shutil.copytree(PACKAGE, tmp_path / "pipeline")  # with its compiled kernels
    for beside in ("templates", "recipes"):
        (tmp_path / beside).symlink_to(PACKAGE.parent / beside)
    for path, text in files:
        assert not (tmp_path / path).exists()
        (tmp_path / path).write_text(text)
    (tmp_path / "trains.yaml").write_text(RECIPE)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"leaves at \d+:(00|15|30|45)\.", done.stdout)
