"""The net (tests/net/): random recipes, and those that once went wrong, from the plan to what other trainers read.

Plan says yes: built, verified, streamed, exported and read back, found, killed, damaged and mended, and built again by
another process. Plan says no: one line, and nothing written.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, note, seed, settings

from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.plan import compile_plan
from pipeline.recipe import load
from tests.conftest import contents
from tests.net.known import case as changed
from tests.net.known import known
from tests.net.promises import DAMAGES, EDITS, FOLDER, STATES, Built, damage, edit_manifest, edit_state, hold
from tests.net.recipes import Case, cases
from tests.plans import usual

KNOWN = known()
REFUSED = (
    "codes", "address in memory", "split tokenizer", "split exports", "nothing fits whose length is not known",
)  # fmt: skip
PARTS, EXAMPLES = 1, 2  # of `make test`
MORE_PARTS, MORE_EXAMPLES = 20, 60  # of `make test-all`


@pytest.mark.parametrize("name", usual(list(KNOWN), *list(KNOWN)[::2]))
def test_what_once_went_wrong(name: str, tmp_path: Path):
    assert (hold(KNOWN[name], tmp_path) is None) == (name in REFUSED)


@pytest.mark.parametrize(
    ("part", "examples"),
    [(part, EXAMPLES) for part in range(PARTS)]
    + [pytest.param(part, MORE_EXAMPLES, marks=pytest.mark.slow) for part in range(PARTS, PARTS + MORE_PARTS)],
)
def test_whatever_is_planned_is_true_all_the_way(part: int, examples: int, tmp_path: Path):
    """All in one, and at the end everything again, in one other process with other hashes of texts."""
    accepted: dict[str, Case] = {}

    @seed(part)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cases())
    def holds(case: Case) -> None:
        note(repr(case))
        folder = tmp_path / "one"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if made := hold(case, folder):
            accepted[f"{len(accepted)}"] = case
            folder.rename(tmp_path / f"case-{len(accepted) - 1}")
            _keep_only_hashes(tmp_path / f"case-{len(accepted) - 1}", made)

    holds()
    assert accepted
    in_another_process(tmp_path, len(accepted))


def _keep_only_hashes(folder: Path, made: Built) -> None:
    """The recipe with its files, and the hashes of what was built."""
    (folder / "hashes.json").write_text(json.dumps(hashes(made.files)))
    shutil.rmtree(folder / "whole")


def hashes(files: dict[str, bytes]) -> dict[str, str]:
    """Of each file."""
    return {name: sha256(content).hexdigest() for name, content in files.items()}


def in_another_process(folder: Path, count: int) -> None:
    """Builds the recipes in case-0, case-1, …: all files are those that were hashed."""
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "tests.test_net", str(folder), str(count)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == [f"case-{i}" for i in range(count)]


def main(folder: Path, count: int) -> None:
    """What the other process does."""
    for name in (f"case-{i}" for i in range(count)):
        out = folder / name / "again" / FOLDER
        build(compile_plan(load(str(folder / name / "recipe.yaml"))), out, Inline())
        expected = json.loads((folder / name / "hashes.json").read_text())
        assert hashes(contents(out)) == expected, (folder / name / "recipe.yaml").read_text("utf-8")
        print(name)


# ── every file, every edit ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A dataset of two splits, several shards and an export. Not to be changed."""
    columns = ["loss_mask", "documents"]
    split = {"mixture": {"s": {"exposures": 30}}, "packing": {"length": 32}, "columns": columns}
    case = changed(splits={"train": split, "exam": split}, exports=[{"kind": "mds", "columns": ["input_ids"]}])
    folder = tmp_path_factory.mktemp("net")
    recipe = case.write(folder)
    made = Built(case, recipe, compile_plan(load(str(recipe))), folder / "whole" / FOLDER)
    build(made.plan, made.out, Inline())
    made.files = contents(made.out)
    assert min(split.shards for split in made.plan.splits.values()) > 1
    return made


@pytest.fixture
def copy(whole: Built, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(whole.out, tmp_path / FOLDER))


@pytest.mark.parametrize("how", usual(DAMAGES, "flip", "lose"))
def test_damage_of_any_file_is_named_and_mended(whole: Built, copy: Path, how: str):
    for name in whole.files:
        damage(whole, copy, name, how)


@pytest.mark.parametrize("how", EDITS)
def test_an_edited_manifest_is_seen(whole: Built, copy: Path, how: str):
    for luck in range(3):
        edit_manifest(whole, copy, how, Random(luck))


@pytest.mark.parametrize("how", STATES)
def test_records_are_believed_no_further_than_they_are_true(whole: Built, copy: Path, how: str):
    for luck in range(6 if how in ("type", "count") else 2):
        edit_state(whole, copy, how, Random(luck))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
