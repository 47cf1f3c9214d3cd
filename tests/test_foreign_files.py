"""Files that others wrote, which a recipe or a command names: what is no file, no text or endless is one line."""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.core import files
from pipeline.core.errors import PipelineError
from pipeline.core.system import reading
from pipeline.evaluate.capacity.per_token import PerToken
from pipeline.evaluate.predictions import by_row
from tests.plans import plan_at

FILLER = "splits: {train: {mixture: {bios: {exposures: 1}}, packing: {length: 64}}}\n"
WORLD = """\
worlds:
  people:
    size: 4
    attributes:
      name: {kind: name, pools: {first: [Ann, Bo], last: [Lee, Poe]}}
      pronoun: {kind: pronoun}
      city: CITY
sources: {bios: {kind: biographies, world: people, templates: TEMPLATES}}
"""
LINES = '{city: ["{{ subject }} is from {{ city }}."]}'
CORPUS = "sources: {bios: {kind: corpus, files: FILES}}\n"
GRAMMAR = "tokenizer: symbols\nsources: {bios: {kind: grammar, grammar: FILES, instances: 4}}\n"
RECIPES = {  # where a file is named: the recipe, and what the file is called
    "a value list": (WORLD.replace("CITY", "{kind: choice, file: it.txt}").replace("TEMPLATES", LINES), "it.txt"),
    "a column": (
        WORLD.replace("CITY", "{kind: choice, file: it.csv, column: a}").replace("TEMPLATES", LINES),
        "it.csv",
    ),
    "a template": (
        WORLD.replace("CITY", "{kind: choice, values: [Rome]}").replace("TEMPLATES", "said"),
        "said/city.j2",
    ),
    "a grammar": (GRAMMAR.replace("FILES", "it.cfg"), "it.cfg"),
    "a stored grammar": (GRAMMAR.replace("FILES", "it.json"), "it.json"),
    "rows of JSON": (CORPUS.replace("FILES", "it.jsonl"), "it.jsonl"),
    "lines of text": (CORPUS.replace("FILES", "it.txt"), "it.txt"),
    "Parquet": (CORPUS.replace("FILES", "it.parquet"), "it.parquet"),
}


def as_pipe(path: Path) -> None:
    os.mkfifo(path)


def as_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(path.parent)  # names of sockets are short
        one.bind(path.name)
        os.chdir(here)


def as_folder(path: Path) -> None:
    path.mkdir()


def as_huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**42)


def refusal_of(folder: Path, case: str, make: Callable[[Path], object]) -> str:
    """The refusal of a recipe that names a file which is made so."""
    recipe, name = RECIPES[case]
    (folder / name).parent.mkdir(exist_ok=True)
    make(folder / name)
    with pytest.raises(PipelineError) as refusal:
        plan_at(folder / "r.yaml", recipe + FILLER)
    line = str(refusal.value)
    assert "\n" not in line
    assert name in line
    assert re.search(r"r\.yaml:\d+: (worlds|sources)\.", line), line
    return line


@pytest.mark.parametrize("case", RECIPES)
@pytest.mark.parametrize("make", [as_pipe, as_socket, as_folder])
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, case: str, make: Callable[[Path], None]):
    line = refusal_of(tmp_path, case, make)
    said = {as_pipe: "it is a pipe or a device", as_socket: "No such device", as_folder: "is a folder"}
    assert said[make] in line


@pytest.mark.parametrize("case", [case for case in RECIPES if "kind: corpus" not in RECIPES[case][0]])
def test_a_file_without_end_is_refused_with_how_many_bytes_it_may_have(tmp_path: Path, case: str):
    assert f"has {2**42:,} bytes, and may have {reading.MOST_BYTES:,}" in refusal_of(tmp_path, case, as_huge)


@pytest.mark.parametrize("case", [case for case in RECIPES if case != "Parquet"])
@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [("{}\nb\n".encode("utf-16"), 1, "it is UTF-16"), (b"a\n\nbc\xe9d\n", 3, "byte 3 of the line (0xe9) is not UTF-8")],
)
def test_what_is_not_utf8_is_refused_with_line_and_byte(
    tmp_path: Path, case: str, data: bytes, line: int, problem: str
):
    if case == "rows of JSON":
        data = data.replace(b"a\n", b'{"text": "a"}\n')
    name = RECIPES[case][1]
    refusal = refusal_of(tmp_path, case, lambda path: path.write_bytes(data))
    assert re.search(rf"{re.escape(name)}:{line}: .*{re.escape(problem)}", refusal), refusal


def test_a_byte_order_mark_is_not_counted_out_of_place(tmp_path: Path):
    line = refusal_of(tmp_path, "a value list", lambda path: path.write_bytes(b"\xef\xbb\xbfa\xff"))
    assert "it.txt:1: byte 5 of the line (0xff) is not UTF-8" in line


@pytest.mark.parametrize("case", ["a value list", "a column", "a template", "a grammar"])
def test_a_file_of_more_lines_than_a_table_may_have_is_refused(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(files, "MOST_VALUES", 5)
    line = refusal_of(tmp_path, case, lambda path: path.write_text("a\n" + "".join(f"b{i}\n" for i in range(6))))
    assert "has more than 5 lines. It may have 5" in line


@pytest.mark.parametrize("case", ["rows of JSON", "lines of text"])
def test_a_row_without_end_is_refused_at_its_line(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipeline.sources.corpus.reading.lines.MOST_LINE", 100)
    row = b'{"text": "a"}\n' if case == "rows of JSON" else b"a\n"
    line = refusal_of(tmp_path, case, lambda path: path.write_bytes(row + b"\0" * 1000))
    assert re.search(r"it\.\w+:2 has more than 100 bytes", line), line


@pytest.mark.parametrize("place", ["file", "folder", "nested", "nowhere", "circle"])
def test_a_link_out_of_the_folder_is_not_followed_to_templates(tmp_path: Path, place: str):
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    (outside / "city.j2").write_text("{{ subject }} is from {{ city }}.\n")
    if place == "folder":
        (home / "said").symlink_to(outside)
    else:
        (home / "said").mkdir()
        (home / "link").symlink_to(outside)
        ends = {"nested": home / "link/city.j2", "nowhere": outside / "no.j2", "circle": home / "said/city.j2"}
        (home / "said" / "city.j2").symlink_to(ends.get(place, outside / "city.j2"))
    with pytest.raises(PipelineError, match=r"r\.yaml:8: .*templates: ('said.*' is a link that leaves|no file 'said)"):
        plan_at(home / "r.yaml", RECIPES["a template"][0] + FILLER)


def test_a_link_inside_the_folder_is_followed_to_templates(tmp_path: Path):
    (tmp_path / "said").mkdir()
    (tmp_path / "other.j2").write_text("{{ subject }} is from {{ city }}.\n")
    (tmp_path / "said" / "city.j2").symlink_to("../other.j2")
    assert plan_at(tmp_path / "r.yaml", RECIPES["a template"][0] + FILLER).splits["train"].documents == 4


# ── what models said ────────────────────────────────────────────────────────────────────────────────────────────────


def predictions_of(path: Path) -> str:
    with pytest.raises(PipelineError) as refusal:
        list(by_row(path, 3, "predictions"))
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("make", [as_pipe, as_folder])
def test_predictions_that_are_no_file_are_refused_at_once(tmp_path: Path, make: Callable[[Path], None]):
    make(tmp_path / "p.jsonl")
    assert re.search(r"p\.jsonl: cannot be read: it is a (pipe|folder)", predictions_of(tmp_path / "p.jsonl"))
    assert "it is a pipe or a device" in predictions_of(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b'{"prediction": "a"}\n\xff', r"p\.jsonl:2: not JSON: byte 1 of the line \(0xff\) is not UTF-8"),
        (b'{"prediction": "a"}\n' + b"[" * 90, r"p\.jsonl:2: not JSON"),
        (b'{"prediction": "a"}\n' + b" " * 90 + b"x" * 90, r"p\.jsonl:2: the line has more than 100 bytes"),
        ('{"prediction": "a"}'.encode("utf-16"), r"p\.jsonl:1: not JSON: it is UTF-16"),
    ],
)
def test_predictions_that_are_no_lines_of_json_are_refused_at_their_line(
    tmp_path: Path, data: bytes, refusal: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.evaluate.predictions.MOST_LINE", 100)
    (tmp_path / "p.jsonl").write_bytes(data)
    assert re.search(refusal, predictions_of(tmp_path / "p.jsonl"))


def test_predictions_nested_without_end_are_refused(tmp_path: Path):
    (tmp_path / "p.jsonl").write_bytes(b"[" * 100_000)
    assert "p.jsonl:1: not JSON: nested too deeply" in predictions_of(tmp_path / "p.jsonl")


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000000, 256)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 4)}",  # 16 bytes, modulo 2⁶⁴
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999, 256)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 256)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}",
        "(" * 5000,
        "x" * 60_000,
        "",
    ],
)
def test_an_array_whose_header_is_not_that_of_its_bytes_is_refused(tmp_path: Path, header: str):
    path = tmp_path / "losses.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n" + bytes(16))
    with pytest.raises(
        PipelineError, match=r"losses\.npy: (its header says|cannot be read).*saved by numpy\.save"
    ) as one:
        PerToken("losses", path, "f", (2, 2))
    assert not re.search("pickle|max_header_size|\n", str(one.value))


@pytest.mark.parametrize("make", [as_pipe, as_folder])
def test_an_array_that_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None]):
    make(tmp_path / "losses.npy")
    with pytest.raises(PipelineError, match=r"losses\.npy: cannot be read: it is a (pipe|folder)"):
        PerToken("losses", tmp_path / "losses.npy", "f", (2, 2))


def test_an_array_is_read_as_numpy_saves_it(tmp_path: Path):
    losses = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "losses.npy", losses)
    read = PerToken("losses", tmp_path / "losses.npy", "f", (2, 3))(0, np.zeros((2, 3), np.int64))
    assert np.array_equal(read, losses)
