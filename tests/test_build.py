"""Whole builds: the same files however they come about, nothing lost, nothing kept that is not whole."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tokenizers import Tokenizer

from pipeline import cli
from pipeline.build.verification import verify
from pipeline.core.errors import RunError, StorageError
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.storage import LocalFolder
from tests.conftest import SMALL, built, compiled, contents, run, written
from tests.damages import empty, extend, flip, truncate
from tests.plans import usual

ROOT = Path(__file__).parents[1]
ALL_COLUMNS = "[loss_mask, segment_ids, documents, spans]"

SHARDS = [f"train/shard-{k:05d}-of-00006.arrow" for k in range(6)]


@pytest.fixture
def out(tmp_path: Path, undisturbed: Path) -> Path:
    """A copy of the small dataset, to be damaged."""
    shutil.copytree(undisturbed, tmp_path / "data")
    return tmp_path / "data"


def table(path: Path) -> pa.Table:
    """A shard, read without our own reader."""
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        return stream.read_all()


def pieces(rows: Sequence[Any]) -> Iterator[tuple[int, dict[str, int]]]:
    """(sequence, entry) for every entry of the column `documents`."""
    return ((row, entry) for row, entries in enumerate(rows) for entry in entries)


# ── the same files however they come about ──────────────────────────────────────────────────────────────────────────


def test_a_second_build_keeps_everything_and_writes_nothing(
    out: Path, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    before, bytes_before = written(out), contents(out)
    assert built(plan, out) == (set(), set(SHARDS))
    assert run("build", out) == 0
    assert "0 shards built" in capsys.readouterr().out
    assert written(out) == before
    assert contents(out) == bytes_before


def test_shards_built_one_by_one_in_reversed_order_by_workers_that_share_nothing_are_the_same_files(
    tmp_path: Path, plan: Plan, undisturbed: Path
) -> None:
    class Reversed:
        def run(
            self, work: Callable[[Any, Any], Any], common: Any, items: Sequence[Any], folder: LocalFolder
        ) -> Iterator[Any]:
            packed = pickle.dumps(common)
            for item in reversed(items):
                yield work(pickle.loads(packed), item)

    out = tmp_path / "data"
    assert built(plan, out, Reversed()) == (set(SHARDS), set())
    assert contents(out) == contents(undisturbed)


def test_a_process_with_another_hash_seed_and_time_zone_writes_the_same_manifest(
    tmp_path: Path, undisturbed: Path
) -> None:
    """This process has some seed, and another one in each run of the tests."""
    subprocess.run(
        [sys.executable, "-m", "pipeline", "build", SMALL, "--executor", "inline", "--out", str(tmp_path / "data")],
        env={**os.environ, "PYTHONHASHSEED": "4242", "TZ": "XXX4", "LC_ALL": "C"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    assert contents(tmp_path / "data") == contents(undisturbed)


@pytest.mark.parametrize("tokenizer", usual(["gpt2", "own"], "own"))
def test_the_resolved_recipe_alone_with_its_tokenizer_builds_the_same_dataset(
    tmp_path: Path, undisturbed: Path, tokenizer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, alone = tmp_path / "first/data", tmp_path / "second/data", tmp_path / "alone"
    mine = tmp_path / "mine"
    mine.mkdir()
    shutil.copy(undisturbed / "tokenizer/tokenizer.json", mine / "my.json")
    name = "gpt2" if tokenizer == "gpt2" else "my.json"
    (mine / "own.yaml").write_text(f"extends: {SMALL}\ntokenizer: {{name: {name}, eos: <|endoftext|>}}\n")
    assert cli.run(["build", str(mine / "own.yaml"), "--executor", "inline", "--out", str(first)]) == 0
    shutil.rmtree(mine)
    shutil.copytree(first / "tokenizer", alone / "tokenizer")
    shutil.copy(first / "recipe.yaml", alone)
    assert cli.run(["build", str(alone / "recipe.yaml"), "--executor", "inline", "--out", str(second)]) == 0
    old, new = contents(first), contents(second)
    assert new.keys() == old.keys()
    for name in (name for name in old if name.endswith((".arrow", ".json"))):
        assert new[name] == old[name]
    capsys.readouterr()
    assert cli.run(["build", str(alone / "recipe.yaml"), "--executor", "inline", "--out", str(first)]) == 0
    assert "0 shards built" in capsys.readouterr().out


# ── nothing lost ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_after_sigkill_the_same_command_builds_what_is_missing_and_the_manifest_is_that_of_an_undisturbed_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, quiet = tmp_path / "data", tmp_path / "quiet/data"
    arguments = [SMALL, "--set", "splits.train.mixture.bios.exposures=80", "--executor", "inline"]  # 117 shards
    records = out / ".pipeline/records"
    with subprocess.Popen([sys.executable, "-m", "pipeline", "build", *arguments, "--out", str(out)]) as process:
        while not (records.is_dir() and any(records.iterdir())):
            assert process.poll() is None
            time.sleep(0.001)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    whole = {json.loads(record.read_text())["file"] for record in records.iterdir()}
    assert not (out / "manifest.json").exists()
    assert whole
    before = written(out)
    assert cli.run(["build", *arguments, "--out", str(quiet)]) == 0
    total = len(list((quiet / "train").iterdir()))
    capsys.readouterr()
    assert cli.run(["build", *arguments, "--out", str(out)]) == 0
    assert f"{total - len(whole)} shards built, {len(whole)} kept" in capsys.readouterr().out
    assert len(whole) < total
    assert contents(out) == contents(quiet)
    assert {name: written(out)[name] for name in whole} == {name: before[name] for name in whole}


KILLED_AT_EVERY_STEP = """
import os, signal, sys
from pathlib import Path
from pipeline.build import build
from pipeline.build.executors import Inline
from pipeline.plan import compile_plan
from pipeline.recipe import load
from pipeline.shard import make_shard

plan = compile_plan(load(sys.argv[2], ["worlds.people.size=14"]))  # two shards
make_shard(plan, "train", 0)
real = os.replace

def child(work):
    if not (pid := os.fork()):
        try:
            work()
        except BaseException as error:
            print("FAILED", repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]

def killed(step, after, out):
    steps = iter(range(10**6))
    def replace(*names):
        last = next(steps) == step
        if last and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*names)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
    os.replace = replace
    build(plan, out, Inline())

for after in (False, True):
    for step in range(10**6):
        out = Path(sys.argv[1]) / f"{step}-{'after' if after else 'before'}" / "data"
        if child(lambda: killed(step, after, out)) == 0:
            break
        print(out, (out / "manifest.json").exists(), child(lambda: build(plan, out, Inline())), flush=True)
print(out, flush=True)
"""


def test_a_build_killed_at_any_step_goes_on_with_the_same_command(tmp_path: Path) -> None:
    """Killed before and after each file takes its name. A process that forks keeps this to a few seconds."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EVERY_STEP, str(tmp_path), str(ROOT / "tests/golden/small.yaml")],
        capture_output=True,
        text=True,
        check=True,
    )
    *killed, quiet = done.stdout.splitlines()
    right = contents(Path(quiet))
    shards = len([name for name in right if name.endswith(".arrow")])
    steps = len(right) + shards + 2  # its files, a record a shard, the fingerprint, and the log after the manifest
    assert shards > 1
    assert len(killed) == 2 * steps, done.stdout
    for line in killed:
        out, manifest, status = line.rsplit(" ", 2)
        assert status == "0", done.stdout
        assert contents(Path(out)) == right
        written = out.endswith((f"{steps - 2}-after/data", f"{steps - 1}-before/data", f"{steps - 1}-after/data"))
        assert manifest == str(written)
        assert not list(Path(out).glob(".pipeline/partial/*"))


def test_there_is_no_manifest_while_a_shard_is_missing(out: Path, plan: Plan, undisturbed: Path) -> None:
    """Not in a fresh folder, nor in one that was complete and has lost two shards."""
    (out / SHARDS[1]).unlink()
    (out / SHARDS[4]).unlink()
    seen = []

    class Stopped:
        def run(
            self, work: Callable[[Any, Any], Any], common: Any, items: Sequence[Any], folder: LocalFolder
        ) -> Iterator[Any]:
            seen.append(folder.path("manifest.json").exists())
            yield work(common, items[0])
            seen.append(folder.path("manifest.json").exists())
            raise RunError("stopped")

    for folder in (out, out.parent / "fresh"):
        with pytest.raises(RunError, match="stopped"):
            built(plan, folder, Stopped())
        assert not (folder / "manifest.json").exists()
        with pytest.raises(StorageError, match="not complete"):
            verify(folder)
    assert seen == [False] * 4
    assert built(plan, out) == ({SHARDS[4]}, {*SHARDS} - {SHARDS[4]})
    assert contents(out) == contents(undisturbed)


def replace_by_another(path: Path) -> None:
    shutil.copy(path.with_name(Path(SHARDS[0]).name), path)


@pytest.mark.parametrize("damage", [flip, truncate, extend, empty, replace_by_another, Path.unlink])
def test_a_damaged_shard_is_named_by_verify_and_rebuilt_alone(
    out: Path,
    plan: Plan,
    undisturbed: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
) -> None:
    assert run("verify", out) == 0
    before = written(out)
    damage(out / SHARDS[3])
    capsys.readouterr()
    assert run("verify", out) == 1
    told = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in told[:-1]] == [SHARDS[3]]
    assert built(plan, out) == ({SHARDS[3]}, {*SHARDS} - {SHARDS[3]})
    assert contents(out) == contents(undisturbed)
    after = written(out)
    assert {name for name in after if after[name] != before[name]} == {SHARDS[3], "manifest.json"}
    assert run("verify", out) == 0


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "{}", '{"split": "train"}'])
def test_a_shard_whose_record_cannot_be_read_is_built_again(
    out: Path, plan: Plan, undisturbed: Path, text: str
) -> None:
    (out / ".pipeline/records/train-00002.json").write_text(text)
    assert built(plan, out) == ({SHARDS[2]}, {*SHARDS} - {SHARDS[2]})
    assert contents(out) == contents(undisturbed)


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "{}"])
def test_a_manifest_that_cannot_be_read_is_refused_by_verify_and_written_again_by_build(
    out: Path, plan: Plan, undisturbed: Path, text: str
) -> None:
    (out / "manifest.json").write_text(text)
    with pytest.raises(StorageError, match=r"manifest\.json"):
        verify(out)
    assert built(plan, out) == (set(), set(SHARDS))
    assert contents(out) == contents(undisturbed)


def test_verify_names_a_file_among_the_shards_that_the_manifest_does_not_know(out: Path) -> None:
    shutil.copy(out / SHARDS[0], out / "train/extra.arrow")
    assert verify(out) == ["train/extra.arrow: not in the manifest"]


# ── clear refusals ──────────────────────────────────────────────────────────────────────────────────────────────────


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything in a folder, the state of builds and empty folders too."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
        if path.name != "lock"
    }


def test_a_folder_of_another_recipe_is_refused_and_untouched(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(out)
    assert run("build", out, "--set", "seed=1") == 2
    assert "this folder was built from another recipe" in capsys.readouterr().err
    assert snapshot(out) == before


def test_a_folder_of_something_else_is_refused_and_untouched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "thesis"
    (out / "chapter").mkdir(parents=True)
    (out / "chapter/1.tex").write_text("…")
    before = snapshot(out)
    assert run("build", out) == 2
    assert "not a dataset of ours" in capsys.readouterr().err
    assert snapshot(out) == before
    assert [path.name for path in out.iterdir()] == ["chapter"]


def test_an_empty_folder_is_taken(tmp_path: Path, plan: Plan, undisturbed: Path) -> None:
    (tmp_path / "data").mkdir()
    assert built(plan, tmp_path / "data") == (set(SHARDS), set())
    assert contents(tmp_path / "data") == contents(undisturbed)


def test_a_disk_that_is_too_small_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan, undisturbed: Path
) -> None:
    """Nor is the folder claimed: a smaller recipe may have it."""
    size = sum(len(data) for name, data in contents(undisturbed).items() if name.endswith(".arrow"))
    out = tmp_path / "data"
    other = compiled(SMALL, ("seed=1",))
    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, "free", lambda folder: size // 2)
        with pytest.raises(StorageError, match="are needed and") as caught:
            built(other, out)
    assert caught.value.exit_code == 2
    assert contents(out) == {}
    assert built(plan, out) == (set(SHARDS), set())
    assert contents(out) == contents(undisturbed)


@pytest.mark.parametrize("columns", usual(["[]", "[documents]", "[spans]", ALL_COLUMNS], ALL_COLUMNS))
def test_the_space_that_is_asked_for_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """And not far too much: what a disk can hold is built."""
    overrides = ["worlds.people.size=2000", "shard_tokens=1000000", f"splits.train.columns={columns}"]
    plan = compile_plan(load("tiny", overrides))
    (name,), _ = built(plan, tmp_path / "first")
    size = (tmp_path / "first" / name).stat().st_size
    monkeypatch.setattr(LocalFolder, "free", lambda folder: size - 1)
    with pytest.raises(StorageError, match="are needed and"):
        built(plan, tmp_path / "second")
    monkeypatch.setattr(LocalFolder, "free", lambda folder: size * 5 // 4)
    built(plan, tmp_path / "second")


def test_only_what_is_missing_must_fit_on_the_disk(out: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    room = (out / SHARDS[0]).stat().st_size * 2
    (out / SHARDS[5]).unlink()
    monkeypatch.setattr(LocalFolder, "free", lambda folder: room)
    assert built(plan, out) == ({SHARDS[5]}, {*SHARDS[:5]})
    with pytest.raises(StorageError, match="are needed and"):
        built(plan, out.parent / "all")


# ── what is in it ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_manifest_counts_what_a_reader_of_the_files_counts(undisturbed: Path, plan: Plan) -> None:
    manifest = json.loads((undisturbed / "manifest.json").read_text())
    split = manifest["splits"]["train"]
    told = set()
    for record, name in zip(split["shards"], SHARDS, strict=True):
        rows = table(undisturbed / name)
        mask = rows["loss_mask"].combine_chunks().flatten().to_numpy()
        starts = [entry for _, entry in pieces(rows["documents"].to_pylist()) if entry["offset"] == 0]
        tokens = sum(entry["length"] for _, entry in pieces(rows["documents"].to_pylist()))
        assert record["file"] == name
        assert record["bytes"] == (undisturbed / name).stat().st_size
        assert record["sequences"] == rows.num_rows
        assert record["documents"] == len(starts)
        assert record["tokens"] == tokens == int(mask.sum())
        assert record["padding"] == int((mask == 0).sum())
        told |= {(entry["source"], entry["item"], entry["exposure"]) for entry in starts}
    for what in ("bytes", "sequences", "documents", "tokens", "padding"):
        assert split[what] == sum(record[what] for record in split["shards"])
    assert told == {(0, item, exposure) for item in range(20) for exposure in range(4)}
    assert split["documents"] == len(told)
    assert split["sources"] == {"bios": {"documents": split["documents"], "tokens": split["tokens"]}}


OPENED_BY_DATASETS = """
import json, sys
import datasets, pyarrow as pa
from pathlib import Path
out, cache = Path(sys.argv[1]), sys.argv[2]
data = datasets.load_dataset(str(out), split="train", cache_dir=cache)
shard = sorted((out / "train").iterdir())[2]
before = pa.total_allocated_bytes()
mapped = datasets.Dataset.from_file(str(shard))
json.dump({
    "rows": data.num_rows,
    "features": {name: str(data.features.arrow_schema.field(name).type) for name in data.column_names},
    "ids": data["input_ids"][:],
    "row": data[0],
    "mapped": type(mapped.data).__name__,
    "mapped_file": mapped.cache_files[0]["filename"],
    "allocated": pa.total_allocated_bytes() - before,
    "mapped_ids": mapped["input_ids"][:],
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def opened(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `datasets` sees, in a process of its own, without a network."""
    home = tmp_path_factory.mktemp("huggingface")
    done = subprocess.run(
        [sys.executable, "-c", OPENED_BY_DATASETS, str(undisturbed), str(home / "cache")],
        env={**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_load_dataset_opens_the_folder_with_every_row_in_order(opened: dict[str, Any], undisturbed: Path) -> None:
    tables = [table(undisturbed / name) for name in SHARDS]
    assert opened["features"] == {field.name: str(field.type).replace("not null", "") for field in tables[0].schema}
    assert list(opened["features"]) == ["input_ids", "loss_mask", "segment_ids", "documents", "spans"]
    assert opened["ids"] == [row for rows in tables for row in rows["input_ids"].to_pylist()]
    assert opened["row"] == tables[0].slice(0, 1).to_pylist()[0]


def test_a_shard_is_memory_mapped_by_datasets(opened: dict[str, Any], undisturbed: Path) -> None:
    assert opened["mapped"] == "MemoryMappedTable"
    assert opened["mapped_file"] == str(undisturbed / SHARDS[2])
    assert opened["allocated"] < 1_000
    assert opened["mapped_ids"] == table(undisturbed / SHARDS[2])["input_ids"].to_pylist()


def test_the_tokenizer_beside_the_data_gives_readable_biographies(opened: dict[str, Any], undisturbed: Path) -> None:
    tokenizer = Tokenizer.from_file(str(undisturbed / "tokenizer/tokenizer.json"))
    row = opened["row"]
    whole = [entry for entry in row["documents"] if entry["offset"] == 0]
    assert len(whole) > 1
    for entry in whole[:-1]:  # the last may go on in the next sequence
        ids = row["input_ids"][entry["start"] : entry["start"] + entry["length"]]
        text = tokenizer.decode(ids, skip_special_tokens=False)
        assert re.fullmatch(r" ?[A-Z][a-z]+( [A-Z][\w'.-]+)+ [^|]+\.<\|endoftext\|>", text), text
        spans = [span for span in row["spans"] if entry["start"] <= span["start"] < entry["start"] + entry["length"]]
        assert len(spans) >= 7
        assert all(tokenizer.decode(row["input_ids"][s["start"] : s["start"] + s["length"]]) in text for s in spans)


def test_where_finds_the_document_that_the_column_documents_records_there(
    undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A document inside a sequence, and one over a cut, told piece by piece."""
    tokenizer = Tokenizer.from_file(str(undisturbed / "tokenizer/tokenizer.json"))
    rows = table(undisturbed / SHARDS[4])
    ids = rows["input_ids"].to_pylist()
    stands: dict[tuple[int, int], list[tuple[int, int, str]]] = {}
    for row, entry in pieces(rows["documents"].to_pylist()):
        first, last = entry["start"], entry["start"] + entry["length"]
        text = tokenizer.decode(ids[row][first:last], skip_special_tokens=False)
        stands.setdefault((entry["item"], entry["exposure"]), []).append((row, first, text))
    for count in (1, 2):
        (item, exposure), expected = next(entry for entry in stands.items() if len(entry[1]) == count)
        named = ["--source", "bios", "--item", str(item), "--exposure", str(exposure)]
        assert cli.run(["where", SMALL, *named]) == 0
        head, *lines = capsys.readouterr().out.splitlines()
        assert re.fullmatch(rf"train: position \d+ of 80, {SHARDS[4]}", head)
        assert len(lines) == count
        for line, (row, first, text) in zip(lines, expected, strict=True):
            assert line.startswith(f"  sequence {row}, tokens {first} to ")
            assert line.split(": ", 1)[1] in (text, text.removesuffix("<|endoftext|>"))


def test_where_says_that_a_document_is_in_no_split(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["where", SMALL, "--source", "bios", "--item", "7", "--exposure", "4"]) == 1
    assert "is in no split" in capsys.readouterr().out


def test_datasets_tells_two_datasets_in_folders_of_one_name_apart(tmp_path: Path) -> None:
    """Its cache knows a folder by its last name and its card: another one there must not show the first one's rows."""
    from datasets import load_dataset

    seen = []
    for seed in (0, 1):
        out = tmp_path / str(seed) / "data"
        built(compiled(SMALL, (f"seed={seed}",)), out)
        seen.append(load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))["input_ids"][:2])
        with pa.ipc.open_stream(out / "train/shard-00000-of-00006.arrow") as shard:
            assert seen[-1] == shard.read_next_batch()["input_ids"].to_pylist()[:2]
    assert seen[0] != seen[1]
