"""A file that changes between a plan and its build: the build is refused by its name, whatever reads the file."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tokenizers

from pipeline.core.errors import PlanError
from pipeline.plan import Plan
from pipeline.storage import STATE
from tests.conftest import GOLDEN, built
from tests.corpora import write
from tests.object_stores import Server
from tests.plans import plan_at

ROWS = [{"text": f"This is row {number} of a file."} for number in range(200)]
TOKENIZER = tokenizers.Tokenizer.from_file(str(GOLDEN / "byte_tokenizer.json"))  # an id for each byte
END = 256
RECIPE = """\
tokenizer: {tokenizer}
shard_tokens: 1024
sources: {{it: {{{source}}}}}
splits: {{train: {{mixture: {{it: {{}}}}, packing: {{length: 64}}, columns: [loss_mask]}}}}
"""
CORPORA = {
    "one by one": ("rows.jsonl", ""),
    "in blocks": ("rows.jsonl", "order: blocks"),
    "windows": ("rows.jsonl", "split: {tokens: 16}"),
    "exact": ("rows.jsonl", "balance: exact"),
    "by its time": ("rows.jsonl", "identity: etag"),
    "compressed": ("rows.jsonl.gz", ""),
    "compressed, in blocks": ("rows.txt.zst", "order: blocks"),
    "a table": ("rows.parquet", ""),
    "conversations": ("rows.csv", "chat: {template: chatml, request: [Go on.]}"),
}
"""How a corpus is read: the name of its file, and keys."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def plan_with(folder: Path, source: str) -> Plan:
    return plan_at(folder / "recipe.yaml", RECIPE.format(tokenizer=GOLDEN / "byte_tokenizer.json", source=source))


def exchanged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


CHANGES: dict[str, Callable[[Path], object]] = {
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"more\n"),
    "shorter": lambda path: os.truncate(path, path.stat().st_size - 5),
    "another of its size": exchanged,
    "gone": Path.unlink,
}


def refused(plan: Plan, folder: Path, change: str, path: Path) -> None:
    """The build of a plan is refused once the file has changed, leaves nothing, and is done once it is as it was."""
    saved = shutil.copy2(path, path.with_name("saved"))
    CHANGES[change](path)
    with pytest.raises(PlanError) as caught:
        built(plan, folder / "data")
    said = "No such file" if change == "gone" else "has changed since the plan was made"
    assert caught.value.place == "sources: it"
    assert f"'{path}'" in caught.value.problem
    assert said in caught.value.problem
    assert {one.name for one in (folder / "data").iterdir()} == {STATE}
    shutil.copy2(saved, path)
    assert built(plan, folder / "data")[0]


EVERY_CHANGE = [(reading, change) for reading in ("one by one", "in blocks") for change in CHANGES]
OTHERS = [(reading, "another of its size") for reading in CORPORA if reading not in dict(EVERY_CHANGE)]


@pytest.mark.parametrize(("reading", "change"), EVERY_CHANGE + OTHERS)
def test_a_file_of_a_corpus(tmp_path: Path, reading: str, change: str) -> None:
    name, keys = CORPORA[reading]
    path = write(tmp_path / name, ROWS)
    refused(plan_with(tmp_path, f"kind: corpus, files: {name}, {keys}"), tmp_path, change, path)


def nanogpt(path: Path) -> Path:
    np.array([token for row in ROWS for token in (*TOKENIZER.encode(row["text"]).ids, END)], "<u2").tofile(path)
    return path


def megatron(path: Path) -> Path:
    """Ids and, beside them, where each document begins, as Megatron's own builder writes them."""
    lengths = [len(row["text"].encode()) + 1 for row in ROWS]
    path = nanogpt(path)
    places = np.cumsum([0, *lengths[:-1]], dtype="<i8") * 2
    header = b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 8, len(ROWS), len(ROWS) + 1)
    arrays = (np.array(lengths, "<i4"), places, np.arange(len(ROWS) + 1, dtype="<i8"))
    path.with_suffix(".idx").write_bytes(header + b"".join(array.tobytes() for array in arrays))
    return path


@pytest.mark.parametrize("change", ["shorter", "another of its size", "gone"])
@pytest.mark.parametrize(("make", "which"), [(nanogpt, ".bin"), (megatron, ".idx")])
def test_a_file_of_tokens(tmp_path: Path, make: Callable[[Path], Path], which: str, change: str) -> None:
    path = make(tmp_path / "ids.bin")
    refused(plan_with(tmp_path, "kind: tokens, files: ids.bin"), tmp_path, change, path.with_suffix(which))


@pytest.mark.parametrize("source", ["kind: corpus, files: {}", "kind: corpus, order: blocks, files: {}"])
def test_a_file_in_a_store_though_there_is_a_copy_of_it(tmp_path: Path, store: Server, source: str) -> None:
    url = store.send(write(tmp_path / "rows.jsonl", ROWS), "changed/rows.jsonl")
    plan = plan_with(tmp_path, source.format(url))
    store.send(write(tmp_path / "rows.jsonl", ROWS[::-1]), "changed/rows.jsonl")
    with pytest.raises(PlanError, match=f"sources: it: '{url}' has changed since the plan was made"):
        built(plan, tmp_path / "data")
    store.send(write(tmp_path / "rows.jsonl", ROWS), "changed/rows.jsonl")
    assert built(plan, tmp_path / "data")[0]


def test_what_is_no_file_any_more_is_refused_with_what_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROWS)
    plan = plan_with(tmp_path, "kind: corpus, files: rows.jsonl")
    path.unlink()
    for make, said in ((os.mkfifo, "it is a pipe or a device, not a file"), (os.mkdir, "it is a folder, not a file")):
        make(path)
        with pytest.raises(PlanError) as caught:
            built(plan, tmp_path / "data")
        expected = f"sources: it: cannot read '{path}': {said}. It must be a file that can be read."
        assert str(caught.value) == expected
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_the_first_of_many_that_has_changed_is_named(tmp_path: Path) -> None:
    for number in range(40):
        write(tmp_path / f"files/{number:02}.txt", ROWS[:5])
    plan = plan_with(tmp_path, "kind: corpus, files: files")
    (tmp_path / "files/31.txt").unlink()
    write(tmp_path / "files/17.txt", ROWS[:6])
    with pytest.raises(PlanError, match=r"files/17\.txt' has changed"):
        built(plan, tmp_path / "data")


def test_what_is_complete_needs_its_files_no_more(tmp_path: Path) -> None:
    plan = plan_with(tmp_path, f"kind: corpus, files: {write(tmp_path / 'rows.jsonl', ROWS).name}")
    new, _ = built(plan, tmp_path / "data")
    (tmp_path / "rows.jsonl").unlink()
    assert built(plan, tmp_path / "data") == (set(), new)
    assert json.loads((tmp_path / "data/manifest.json").read_text())["fingerprint"] == plan.fingerprint
