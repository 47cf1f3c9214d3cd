"""Hostile corpora and places: what is read is right, all else is refused in a line, and caches may go at any time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from pipeline.core.errors import SpecError
from pipeline.sources.corpus.reading import sealed
from pipeline.sources.corpus.reading.rows import Rows
from tests.corpora import rows_at, spec_of, texts_at, write
from tests.test_corpus_files import refusal_of

TABLE = [{"text": f"row {i}"} for i in range(300)]
TEXTS = [row["text"] for row in TABLE]
ORDERS = ("global", "blocks")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pretraining-recipes" / "files"


# ── names and links ─────────────────────────────────────────────────────────────────────────────────────────────────

NAMES = ["a b.txt", "a\nb.txt", "ü日.txt", "a#b.txt", "a?b.txt", "a[1].txt", "*.txt", "a%20b.txt", "'q\".txt", "-x.txt",
         "a::b.txt", "~.txt", "$HOME.txt"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_found_by_its_name_whatever_that_is(tmp_path: Path, name: str) -> None:
    for other in ("ab.txt", "a1.txt"):
        write(tmp_path / "data" / other, [{"text": "another"}])
    write(tmp_path / "data" / name, TABLE)
    assert texts_at(tmp_path, f"data/{name}") == TEXTS
    assert texts_at(tmp_path, f"{tmp_path}/data/{name}") == TEXTS


@pytest.mark.parametrize("identity", ["content", "etag"])
def test_a_name_that_is_no_text_may_lie_in_a_folder(tmp_path: Path, identity: str) -> None:
    write(tmp_path / "data" / "a.txt", TABLE[:2])
    with open(os.fsencode(tmp_path / "data") + b"/\xff.txt", "w") as file:
        file.write("raw\n")
    for order in ORDERS:
        assert texts_at(tmp_path, "data", identity=identity, order=order) == [*TEXTS[:2], "raw"]


def test_links_that_lead_in_circles_are_no_files(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write(folder / "a.txt", TABLE)
    (folder / "loop").symlink_to(folder)
    for named in ("data", "data/**/*.txt"):
        assert texts_at(tmp_path, named) == TEXTS
    (folder / "self.txt").symlink_to(folder / "self.txt")
    for named in ("data", "data/*.txt"):
        assert "self.txt': Too many levels of symbolic links" in refusal_of(tmp_path, named)
    (folder / "self.txt").unlink()
    (folder / "nowhere.txt").symlink_to("nothing")
    assert "no file" in refusal_of(tmp_path, "data")
    (folder / "nowhere.txt").unlink()
    os.mkfifo(folder / "pipe.txt")
    assert "it is a pipe or a device" in refusal_of(tmp_path, "data")


# ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────────

READ: dict[str, tuple[Any, dict[str, Any], list[str]]] = {
    "a dictionary": (pa.array(["a", "b", "a"]).dictionary_encode(), {}, ["a", "b", "a"]),
    "large": (pa.array(["a", "b"], pa.large_string()), {}, ["a", "b"]),
    "views": (pa.array(["a", "a text that is longer than twelve bytes"], pa.string_view()), {},
              ["a", "a text that is longer than twelve bytes"]),
    "nested": (pa.array([{"text": "a"}, None, {"text": None}]), {"column": "it.text", "broken": "skip"}, ["a"]),
    "a filter of a dictionary": (pa.array(["en", "de", None]).dictionary_encode(), {"where": {"it": "de"}}, ["2"]),
    "shown beside a dictionary": (pa.array(["a", None]).dictionary_encode(),
                                  {"template": "{{ it }}{{ text }}", "broken": "skip"}, ["a1"]),
    "none": (pa.array([], pa.string()), {}, []),
}  # fmt: skip
REFUSED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "bytes": (pa.array([b"a"]), {}, "the column 'it' of PATH is of binary. Name one of texts."),
    "lists": (pa.array([["a"]]), {}, "the column 'it' of PATH is of list"),
    "nothing": (pa.array([None]), {"broken": "skip"}, "the column 'it' of PATH is of null"),
    "in lists": (pa.array([[{"text": "a"}]]), {"column": "it.text"}, "PATH has no column 'it.text'"),
    "times": (pa.array([1], pa.timestamp("us")), {"where": {"it": 1}},
              "is of timestamp[us]. Name one of texts, numbers or truth values."),
    "a list shown": (pa.array([["a"]]), {"template": "{{ it }}"}, "cannot be rendered: an expression shows a list"),
    "a time shown": (pa.array([1], pa.timestamp("us")), {"template": "{{ it }}"}, "an expression shows a datetime"),
}  # fmt: skip


def table_at(path: Path, column: Any) -> str:
    """A table with a column `it`, and a column of texts, in the form that its name says."""
    table = pa.table({"it": column, "text": pa.array([str(i + 1) for i in range(len(column))], pa.string())})
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        with (pa.ipc.new_file if "file" in path.name else pa.ipc.new_stream)(path, table.schema) as writer:
            writer.write_table(table)
    return path.name


@pytest.mark.parametrize("case", READ)
@pytest.mark.parametrize("order", ORDERS)
def test_columns_of_texts_are_read_in_every_form(tmp_path: Path, case: str, order: str) -> None:
    column, keys, expected = READ[case]
    keys = {} if "where" in keys or "template" in keys else {"column": "it"} | keys
    keys |= READ[case][1]
    for name in ("a.parquet", "a.file.arrow", *([] if "dictionary" in case else ["a.stream.arrow"])):
        assert texts_at(tmp_path, table_at(tmp_path / name, column), order=order, **keys) == expected, name


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("order", ORDERS)
def test_columns_of_other_things_are_refused(tmp_path: Path, case: str, order: str) -> None:
    column, keys, said = REFUSED[case]
    keys = keys if "where" in keys or "template" in keys else {"column": "it"} | keys
    for name in ("a.parquet", "a.file.arrow"):
        line = refusal_of(tmp_path, table_at(tmp_path / name, column), order=order, **keys)
        assert said.replace("PATH", f"{tmp_path}/{name}") in line
        assert "\n" not in line


@pytest.mark.parametrize("data", [b"", b"ARROW1", b"ARROW1\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\xff\0\0\0\0"])
def test_an_arrow_file_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.arrow").write_bytes(data)
    for order in ORDERS:
        assert f"cannot read {tmp_path}/a.arrow: " in refusal_of(tmp_path, "a.arrow", order=order)


def test_numbers_of_any_length_are_numbers(tmp_path: Path) -> None:
    """Python refuses to read an integer of 4,301 digits, and pyarrow does not: rows are the same on both ways."""
    long = b'{"text": "long", "n": ' + b"9" * 5000 + b"}\n"
    (tmp_path / "a.jsonl").write_bytes(long)
    (tmp_path / "b.jsonl").write_bytes(long + b'{"text": "twice", "text": "again", "n": 1}\n')  # line by line
    (tmp_path / "c.json").write_bytes(b"[" + long.strip() + b"]")
    for keys in ({}, {"where": {"n": {"min": 2}}}):
        for name in "abc":
            found = texts_at(tmp_path, f"{name}.json{'' if name == 'c' else 'l'}", **keys)
            assert found == (["long", "again"] if name == "b" and not keys else ["long"])


# ── caches ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_cache_that_can_be_written_blocks_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.jsonl", TABLE)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert texts_at(tmp_path, "a.jsonl", order="blocks") == TEXTS
    assert "cannot keep the rows in" in refusal_of(tmp_path, "a.jsonl")
    write(tmp_path / "a.jsonl.gz", TABLE)
    assert "cannot keep the rows in" in refusal_of(tmp_path, "a.jsonl.gz", order="blocks")


@pytest.mark.parametrize("times", [1, 2])
def test_a_cache_that_is_removed_while_it_is_written_is_written_once_more(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    write(tmp_path / "a.jsonl", TABLE)
    real, left = os.replace, [None] * times

    def replace(source: Any, to: Any) -> None:
        if str(to).endswith(".rows") and left:
            left.pop()
            shutil.rmtree(cache)
        real(source, to)

    monkeypatch.setattr(os, "replace", replace)
    if times == 2:
        assert "cannot keep the rows in" in refusal_of(tmp_path, "a.jsonl")
        return
    assert texts_at(tmp_path, "a.jsonl") == TEXTS


def test_a_cache_that_is_removed_while_rows_are_read_is_made_again(tmp_path: Path, cache: Path) -> None:
    for name in "ab":
        write(tmp_path / f"{name}.jsonl", TABLE)
    write(tmp_path / "c.jsonl", TABLE[:5])
    found = rows_at(tmp_path, "*.jsonl")
    assert found.texts(np.array([3])) == TEXTS[3:4]
    shutil.rmtree(cache)
    assert found.texts(np.arange(len(found))) == TEXTS + TEXTS + TEXTS[:5]
    shutil.rmtree(cache)
    fresh = Rows(found.files, found.reading, found.content)
    assert fresh.texts(np.array([604])) == TEXTS[4:5]


BUILD = """
import sys
from pipeline import cli
sys.exit(cli.run(["build", sys.argv[1], "--out", sys.argv[2], "--executor", "inline"]))
"""


@pytest.mark.parametrize("order", ORDERS)
def test_a_copy_that_is_wrong_as_soon_as_it_is_made_is_refused_by_its_place(
    tmp_path: Path, cache: Path, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.txt.gz", TABLE)
    rows = rows_at(tmp_path, "a.txt.gz", order=order)
    assert len(rows) == 300

    def fail(self: sealed.Sealed, first: object, last: object) -> None:
        raise sealed.Damaged("a piece of it is not what was written")

    with monkeypatch.context() as failing, pytest.raises(SpecError) as refused:
        failing.setattr(sealed.Sealed, "check", fail)
        rows.texts(np.arange(300))
    (copy,) = cache.glob("*.rows" if order == "global" else "*.packed")
    assert refused.value.problem == f"cannot keep the rows in {copy}: a piece of it is not what was written"
    assert rows.texts(np.arange(300)) == TEXTS


def test_builds_at_once_that_share_an_empty_cache_make_the_same(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [{"text": f"row {i} " + "word " * (i % 30)} for i in range(3000)])
    tokenizer = Path(__file__).parent / "golden" / "byte_tokenizer.json"
    (tmp_path / "recipe.yaml").write_text(
        f"tokenizer: {tokenizer}\nsources: {{text: {{kind: corpus, files: a.jsonl, balance: exact}}}}\n"
        "splits: {train: {mixture: {text: {}}, packing: {length: 64}}}\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", BUILD, str(tmp_path / "recipe.yaml"), str(tmp_path / name)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "xyz"
    ]
    errors = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * 3, errors
    assert len({(tmp_path / name / "manifest.json").read_bytes() for name in "xyz"}) == 1


def test_a_description_of_files_is_the_same_text_for_the_same_bytes(tmp_path: Path) -> None:
    """Duplicate keys, a mark, line ends, NUL, halves of characters: the last key counts, the rest is as it stands."""
    (tmp_path / "a.jsonl").write_bytes(
        b'\xef\xbb\xbf{"text": "a", "text": "b"}\r\n{"text": "\\u0000\\ud83d\\ude00"}\r\n{"text": "\\ud83d"}\n'
    )
    for order in ORDERS:
        assert texts_at(tmp_path, "a.jsonl", order=order, broken="skip") == ["b", "\0😀"]
    with pytest.raises(SpecError, match=r"a\.jsonl:3 has half a character"):
        texts_at(tmp_path, "a.jsonl")
    assert json.loads(spec_of(tmp_path, "a.jsonl").model_dump_json())["content"].startswith("blake3:")
