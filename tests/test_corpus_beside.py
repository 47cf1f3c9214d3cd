"""What a dataset keeps of its corpora: who has it and the files, and no cache of ours, indexes and counts nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import cli
from pipeline.build.verification import verify
from pipeline.core.errors import PipelineError, RecipeError
from pipeline.core.system import kept_arrays
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.sources.corpus.lengths import RowLengths
from pipeline.sources.corpus.reading import rows
from pipeline.sources.files import known
from tests.conftest import built, contents
from tests.corpora import KINDS, write
from tests.object_stores import Server
from tests.plans import plan_at
from tests.test_corpus import digest, recipe

BOTH = ", order: blocks, balance: exact"
TABLE = [{"text": f"row {i}: " + "word " * (i % 40)} for i in range(400)]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(known, "SETTLED", -(2**62))  # files that were written just now are believed too
    return tmp_path / "cache"


def dataset(folder: Path, files: str, keys: str = ", order: blocks") -> tuple[Plan, Path]:
    """A corpus, built."""
    plan = plan_at(folder / "recipe.yaml", recipe(f"files: '{files}'{keys}"))
    built(plan, folder / "data")
    return plan, folder / "data"


def index_of(data: Path) -> Path:
    (path,) = (data / "corpora").iterdir()
    return path


@pytest.fixture
def elsewhere(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """To be called when the dataset is built: as on another machine, where nothing may be indexed or counted.

    copied: except for a copy of the rows.
    """

    def go(copied: bool = False) -> None:
        shutil.rmtree(cache)
        real = rows.made_index
        monkeypatch.setattr(rows, "made_index", lambda *all: real(*all) if copied else pytest.fail("indexed anew"))
        monkeypatch.setattr(rows, "footer_index", lambda *_: pytest.fail("indexed anew"))
        monkeypatch.setattr(RowLengths, "_count", lambda *_: pytest.fail("counted anew"))

    return go


@pytest.mark.parametrize(
    ("kind", "keys"),
    [*((kind, ", order: blocks") for kind in KINDS), (".jsonl", ", split: {tokens: 60}"), (".csv", BOTH)],
)
def test_who_has_the_dataset_and_the_files_indexes_and_counts_nothing(
    tmp_path: Path, kind: str, keys: str, elsewhere: Callable[..., None]
) -> None:
    path = write(tmp_path / f"rows{kind}", TABLE)
    plan, data = dataset(tmp_path, str(path), keys)
    made = digest(plan)
    elsewhere("blocks" not in keys)
    again = compile_plan(load(str(data / "recipe.yaml")))
    assert again.fingerprint == plan.fingerprint
    assert digest(again) == made
    assert verify(data) == []
    assert cli.run(["build", str(data / "recipe.yaml"), "--out", str(tmp_path / "other"), "--executor", "inline"]) == 0
    titled = {"README.md", "recipe.yaml"}  # which say that it is the recipe of a dataset
    mine, theirs = contents(data), contents(tmp_path / "other")
    assert {name: mine[name] for name in mine.keys() - titled} == {
        name: theirs[name] for name in theirs.keys() - titled
    }


def test_it_is_the_same_wherever_the_files_lie_and_the_manifest_does_not_know_it(tmp_path: Path) -> None:
    seen = []
    for name in ("one", "other"):
        path = write(tmp_path / name / "rows.jsonl", TABLE)
        _, data = dataset(tmp_path / name, str(path), ", order: blocks, balance: exact")
        index = index_of(data)
        assert str(tmp_path).encode() not in index.read_bytes()
        assert index.name not in (data / "manifest.json").read_text()
        seen.append((index.name, index.read_bytes(), (data / "manifest.json").read_bytes()))
    assert seen[0] == seen[1]


def test_where_rows_are_copied_there_is_nothing_to_keep(tmp_path: Path) -> None:
    _, data = dataset(tmp_path, str(write(tmp_path / "rows.jsonl", TABLE)), "")
    assert not (data / "corpora").exists()


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[:-1],
    "empty": lambda data: b"",
    "a letter": lambda data: data[:9] + bytes([data[9] ^ 1]) + data[10:],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_by_verify_mended_by_build_and_does_no_harm(tmp_path: Path, cache: Path, damage: str) -> None:
    plan, data = dataset(tmp_path, str(write(tmp_path / "rows.jsonl", TABLE)))
    index = index_of(data)
    right = index.read_bytes()
    index.write_bytes(DAMAGES[damage](right))
    assert verify(data) == [f"corpora/{index.name}: its bytes have changed"]
    shutil.rmtree(cache)
    assert digest(compile_plan(load(str(data / "recipe.yaml")))) == digest(plan)
    built(plan, data)
    assert index.read_bytes() == right
    assert verify(data) == []
    index.unlink()
    assert verify(data) == []


# ── lies ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def told(index: Path, change: Callable[[dict[str, Any], dict[str, np.ndarray[Any, Any]]], object]) -> None:
    """An index that says something else, with the right seal."""
    found = kept_arrays.opened(index, index.name)
    assert found is not None
    arrays = {name: values.copy() for name, values in found.arrays.items()}
    entries = {what: [what, *rest] for what, *rest in found.facts}
    change(entries, arrays)
    with open(index, "wb") as file:
        out = kept_arrays.Out(file, index.name, [*entries.values()])
        for name, values in arrays.items():
            out.add(name, values)
        out.end()


def blocks(at: Any, value: int) -> Callable[[Any, Any], object]:
    return lambda entries, arrays: arrays["0 blocks"].__setitem__(at, value)


NOT_BELIEVED: dict[str, Callable[[Any, Any], object]] = {
    "a block before the file": blocks((0, 0), -5),
    "a block behind it": blocks((-1, 1), 10**15),
    "less than no rows": blocks((0, 3), -1),
    "more rows than there are numbers": blocks((0, 3), 2**62),
    "backwards": blocks((1, 0), 0),
    "another shape": lambda entries, arrays: arrays.update({"0 blocks": np.arange(8)}),
    "other numbers": lambda entries, arrays: arrays.update({"0 blocks": arrays["0 blocks"].astype(np.float64)}),
    "no blocks": lambda entries, arrays: entries["index"].__setitem__(3, []),
    "facts that are none": lambda entries, arrays: entries["index"].__setitem__(2, {"skipped": 5}),
    "a place that is none": lambda entries, arrays: entries["index"][2]["facts"].update(places=["x"]),
    "entries that are none": lambda entries, arrays: entries.update(more=5),
}


@pytest.mark.parametrize("lie", NOT_BELIEVED)
def test_an_index_that_cannot_be_right_is_made_anew(tmp_path: Path, cache: Path, lie: str, small: None) -> None:
    plan, data = dataset(tmp_path, str(write(tmp_path / "rows.jsonl", TABLE)))
    told(index_of(data), NOT_BELIEVED[lie])
    shutil.rmtree(cache)
    again = compile_plan(load(str(data / "recipe.yaml")))
    assert digest(again) == digest(plan)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.corpus.reading.lines.BLOCK", 5000)


def shifted(entries: Any, arrays: Any) -> None:
    """The second block begins a byte later."""
    found = arrays["0 blocks"]
    found[0, 1] += 1
    found[1, 0] += 1
    found[1, 1] -= 1


@pytest.mark.parametrize("kind", [".jsonl", ".txt", ".csv"])
@pytest.mark.parametrize("lie", [shifted, blocks((1, 3), 7)])
def test_an_index_that_lies_about_a_block_is_refused_where_it_is_read(
    tmp_path: Path, cache: Path, kind: str, lie: Callable[[Any, Any], object], small: None
) -> None:
    monkey = pytest.MonkeyPatch()
    monkey.setattr("pipeline.sources.corpus.reading.whole_text.BLOCK", 5000)
    _, data = dataset(tmp_path, str(write(tmp_path / f"rows{kind}", TABLE)))
    monkey.undo()
    told(index_of(data), lie)
    shutil.rmtree(cache)
    with pytest.raises(PipelineError, match=r"has changed since the plan was made|is not a JSON object"):
        digest(compile_plan(load(str(data / "recipe.yaml"))))


def test_lengths_of_other_rows_are_not_taken(tmp_path: Path, cache: Path) -> None:
    plan, data = dataset(tmp_path, str(write(tmp_path / "rows.jsonl", TABLE)), ", balance: exact")
    for lengths in (np.arange(399, dtype=np.int32), np.arange(400) - 1, np.ones((400, 1), np.uint8), np.ones(400)):
        told(index_of(data), lambda entries, arrays: arrays.update({"0 lengths": lengths}))  # noqa: B023
        shutil.rmtree(cache)
        again = compile_plan(load(str(data / "recipe.yaml")))
        assert again.sources["text"].mean_tokens == plan.sources["text"].mean_tokens


# ── stores ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def put(folder: Path, name: str, table: Any) -> None:
    import boto3

    boto3.client("s3").upload_file(str(write(folder / "sent" / name, table)), "bucket", name)


def test_of_a_bucket_only_the_blocks_that_are_needed_are_fetched(
    tmp_path: Path, s3: Server, elsewhere: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "rows.jsonl", TABLE)
    plan, data = dataset(tmp_path, "s3://bucket/rows.jsonl")
    elsewhere()
    with monkeypatch.context() as patch:
        patch.setattr(known, "content_hash", lambda *_: pytest.fail("hashed anew"))
        assert digest(compile_plan(load(str(data / "recipe.yaml")))) == digest(plan)


def test_a_hash_that_is_not_that_of_the_recipe_is_not_believed(tmp_path: Path, cache: Path, s3: Server) -> None:
    put(tmp_path, "told.jsonl", TABLE)
    plan, data = dataset(tmp_path, "s3://bucket/told.jsonl")
    for wrong in ("0" * 64, "x" * 64, 5, None):
        told(index_of(data), lambda entries, arrays: entries["hash"].__setitem__(2, wrong))  # noqa: B023
        shutil.rmtree(cache)
        assert digest(compile_plan(load(str(data / "recipe.yaml")))) == digest(plan)
    put(tmp_path, "told.jsonl", TABLE[:-1])
    with pytest.raises(RecipeError, match="the files are not those that the recipe was made with"):
        load(str(data / "recipe.yaml"))


def test_another_recipe_does_not_look_beside_itself(tmp_path: Path, cache: Path) -> None:
    path = write(tmp_path / "rows.jsonl", TABLE)
    _, data = dataset(tmp_path, str(path))
    told(index_of(data), blocks((0, 3), 3))
    shutil.rmtree(cache)
    (data / "mine.yaml").write_text(recipe(f"files: '{path}', order: blocks"))
    assert len(compile_plan(load(str(data / "mine.yaml"))).sources["text"]) == len(TABLE)
    kept = json.dumps([str(one) for one in (data / "corpora").iterdir()])
    assert "index" in kept
