"""The user's cache: what lies there is shown, goes after a month without use, or when it is asked for; a full disk."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline import cli
from pipeline.core.errors import SpecError
from pipeline.core.system import kept_arrays
from pipeline.core.system.kept_arrays import keep, kept
from pipeline.sources.corpus.reading import room
from pipeline.sources.corpus.reading.rows import Rows
from tests.corpora import compressed, rows_at, texts_at, write
from tests.test_corpus_files import refusal_of

TABLE = [{"text": f"row {i} " + "word " * 20} for i in range(2000)]
TEXTS = [row["text"] for row in TABLE]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pretraining-recipes" / "files"


def age(path: Path, days: float) -> None:
    os.utime(path, (time.time() - days * 24 * 3600,) * 2)


def suffixes(cache: Path) -> set[str]:
    return {path.suffix for path in cache.iterdir()}


def test_what_is_kept_is_shown_and_removed_by_kind_or_all(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["cache"]) == 0
    assert capsys.readouterr().out == f"{cache.parent}: 0.0 MB\n"
    for name in "ab":
        texts_at(tmp_path, write(tmp_path / f"{name}.jsonl", TABLE[: 500 + ord(name)]).name)
    keep("refuted", "", {"x": "why"})
    assert cli.run(["cache"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{cache.parent}: 0.")
    assert [line.split()[:3] for line in lines[1:]] == [
        ["rows", "2", "files"],
        ["index", "2", "files"],
        ["refuted", "1", "file"],
    ]
    assert cli.run(["cache", "--remove", "rows"]) == 0
    assert capsys.readouterr().out.startswith("2 files of 0.")
    assert suffixes(cache) == {".index", ".lock", ".refuted"}
    assert cli.run(["cache", "--remove"]) == 0
    assert suffixes(cache) == {".lock", ".refuted"}
    assert texts_at(tmp_path, "a.jsonl") == TEXTS[: 500 + ord("a")]
    assert cli.run(["cache", "--remove", "row"]) == 2
    assert "no kind 'row' of what is kept. Did you mean 'rows'?" in capsys.readouterr().err


def test_what_nobody_used_for_a_month_goes_when_something_is_copied(tmp_path: Path, cache: Path) -> None:
    for name in "abc":
        texts_at(tmp_path, write(tmp_path / f"{name}.jsonl", TABLE[: ord(name)]).name)
    keep("it", "old", 1)
    keep("it", "used", 2)
    for path in cache.iterdir():
        age(path, 40)
    (cache / ".partial-killed.rows").write_bytes(b"x")
    age(cache / ".partial-killed.rows", 2)
    (cache / ".partial-running.rows").write_bytes(b"x")
    texts_at(tmp_path, "b.jsonl")  # used now
    assert kept("it", "used") is not None
    texts_at(tmp_path, write(tmp_path / "d.jsonl", TABLE[:5]).name)
    left = sorted(path.name for path in cache.iterdir() if not path.name.endswith(".lock"))
    assert [path.suffix for path in cache.glob("[!.]*.rows")] == [".rows"] * 2
    assert [path.suffix for path in cache.glob("*.index")] == [".index"] * 2
    assert kept("it", "old") is None
    assert kept("it", "used") is not None
    assert ".partial-running.rows" in left
    assert ".partial-killed.rows" not in left
    assert texts_at(tmp_path, "a.jsonl") == TEXTS[: ord("a")]


def test_copies_that_are_gone_are_made_by_the_plan_together(tmp_path: Path, cache: Path) -> None:
    for name in "abc":
        write(tmp_path / f"data/{name}.jsonl", TABLE[: ord(name)])
    rows = ord("a") + ord("b") + ord("c")
    assert len(rows_at(tmp_path, "data", order="blocks")) == rows
    assert suffixes(cache) <= {".index", ".hash", ".lock"}
    for _ in range(2):  # from the order that needs none; and after they were removed
        assert len(rows_at(tmp_path, "data")) == rows
        assert len(list(cache.glob("*.rows"))) == 3
        assert cli.run(["cache", "--remove", "rows"]) == 0


def test_a_copy_that_is_in_use_may_be_removed(tmp_path: Path, cache: Path) -> None:
    write(tmp_path / "a.jsonl", TABLE)
    rows = rows_at(tmp_path, "a.jsonl")
    assert rows.texts(np.array([3])) == TEXTS[3:4]
    assert cli.run(["cache", "--remove"]) == 0
    assert rows.texts(np.array([5])) == TEXTS[5:6]
    again = Rows(rows.files, rows.reading, rows.content)
    assert again.texts(np.array([7])) == TEXTS[7:8]


GLOBAL = [(name, "global") for name in ("a.jsonl", "a.jsonl.gz", "a.txt.zst", "a.csv.xz", "a.parquet", "a.file.arrow")]
BLOCKS = [(name, "blocks") for name in ("a.jsonl.gz", "a.txt.zst", "a.csv.xz")]


@pytest.mark.parametrize(("name", "order"), GLOBAL + BLOCKS)
def test_a_disk_that_is_too_small_is_refused_before_it_is_full_with_the_arithmetic(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, name: str, order: str
) -> None:
    monkeypatch.setattr(room, "LOOK", 50_000)
    for module in ("lines", "whole_text"):
        monkeypatch.setattr(f"pipeline.sources.corpus.reading.{module}.BLOCK", 50_000)
    monkeypatch.setattr("pipeline.sources.files.opening.PIECE", 1000)
    table = [{"text": os.urandom(150).hex()} for _ in range(4000)]  # which no compression makes small
    write(tmp_path / name, table)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    assert texts_at(tmp_path, name, order=order) == [row["text"] for row in table]
    shutil.rmtree(cache)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    line = refusal_of(tmp_path, name, order=order)
    assert line.endswith("`order: blocks` copies only what is compressed.") == (order == "global")
    assert f"GB more are needed, where 0.00 GB are free in {cache}. Free some space, such as by" in line
    assert not list(cache.glob("*.rows")) + list(cache.glob("*.packed"))
    assert not list(cache.glob(".*"))


def test_room_is_reckoned_by_what_was_written_for_what_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3 * 10**9))
    copies = room.Room(tmp_path, 10**9)
    copies.wrote(10**9)  # nothing is known before something was read
    copies.read(500 * 10**6)
    copies.wrote(2 * 10**9)  # 3 GB of the first half: the second fits
    copies.read(10**8)
    with pytest.raises(SpecError) as refused:
        copies.wrote(2 * 10**9)
    assert str(refused.value).startswith(
        "5.00 GB of texts are copied of 0.60 GB of files, and for the other 0.40 GB about 3.33 GB more are needed, "
        f"where 3.00 GB are free in {tmp_path}. Free some space"
    )


def test_leftovers_of_a_killed_process_do_not_stand_in_the_way(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(compressed("\n".join(TEXTS).encode(), ".gz"))
    rows = rows_at(tmp_path, "a.txt.gz", order="blocks")
    copy = kept_arrays.place("packed", "x").parent
    copy.mkdir(parents=True)
    assert len(rows) == len(TEXTS)
    (made,) = cache.glob("*.packed")
    made.unlink()
    (cache / f"{kept_arrays.PARTIAL}{made.name}").write_bytes(b"half")
    assert texts_at(tmp_path, "a.txt.gz", order="blocks") == TEXTS
    assert not list(cache.glob(".*"))
