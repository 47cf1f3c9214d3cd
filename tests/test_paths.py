"""A path is meant as its user means it, wherever one is taken: `~` is a home, and never a folder of that name."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import pipeline
from pipeline import cli
from pipeline.core.errors import PipelineError, StorageError
from pipeline.core.system.open_files import created, destination
from pipeline.evaluate import predictions
from pipeline.evaluate.capacity.per_token import opened_array
from pipeline.evaluate.checking.igsm.rules import IgsmRules
from pipeline.storage import LocalFolder, folder_at

RECIPE = f"extends: {Path(__file__).parent}/golden/small.yaml\n"
CORPUS = """\
worlds: {}
sources: {text: {kind: corpus, files: ~/rows.jsonl}}
splits: {train: {mixture: {text: {}}, packing: {length: 64}}}
tokenizer: ~/tokenizer.json
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with files in it; the working folder is another, and empty."""
    (home := tmp_path / "home").mkdir()
    (here := tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(here)
    (home / "r.yaml").write_text(RECIPE)
    (home / "rows.jsonl").write_text(json.dumps({"text": "a row"}) + "\n")
    return home


def ran(*arguments: str) -> None:
    assert cli.run(arguments) == 0, arguments
    assert not os.listdir()


def test_every_command_knows_the_home(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for recipe in ("~/r.yaml", "~/r"):
        ran("plan", recipe)
    ran("preview", "~/r.yaml", "-n", "1")
    ran("where", "~/r.yaml", "--source", "bios", "--item", "1")
    ran("build", "~/r.yaml", "--out", "~/out", "--executor", "inline")
    ran("verify", "~/out")
    ran("report", "~/out", "--out", "~/pages/page.html")
    ran("report", "~/out")
    ran("export", "~/out", "--to", "parquet", "--out", "~/rows")
    assert (home / "out/manifest.json").is_file()
    assert (home / "pages/page.html").read_bytes() == (home / "out/report.html").read_bytes()
    assert list((home / "rows").rglob("*.parquet"))
    read, made = (next(iter(rows)) for rows in (pipeline.read("~/out", "train"), pipeline.stream("~/r.yaml", "train")))
    assert np.array_equal(read["input_ids"], made["input_ids"])


def test_keys_of_a_recipe_know_the_home(home: Path) -> None:
    (home / "below.yaml").write_text("extends: ~/r.yaml\nseed: 5\n")
    ran("plan", "~/below.yaml")
    shutil.copy(Path(__file__).parent / "golden/byte_tokenizer.json", home / "tokenizer.json")
    (home / "corpus.yaml").write_text(CORPUS)
    ran("plan", "~/corpus.yaml")


def test_files_of_answers_losses_and_words_know_the_home(home: Path) -> None:
    (home / "p.jsonl").write_text('{"prediction": "yes"}\n')
    np.save(home / "l.npy", np.zeros((2, 3)))
    assert [line["prediction"] for _, line in predictions.lines("~/p.jsonl", ("prediction",), "", "")] == ["yes"]
    assert opened_array("~/l.npy").shape == (2, 3)
    with pytest.raises(PipelineError, match=f"^{home}/words: no lists of items"):
        IgsmRules.of(vocabulary="~/words")


def test_a_device_or_a_pipe_is_no_file_of_losses_or_answers(home: Path) -> None:
    os.mkfifo(home / "pipe")
    for place in ("/dev/zero", "~/pipe"):
        with pytest.raises(StorageError, match="it is a pipe or a device, not a file"):
            opened_array(place)
        with pytest.raises(PipelineError, match="it is a pipe or a device, not a file"):
            next(predictions.lines(place, (), "", "predictions"))


@pytest.mark.parametrize("arguments", [("build", "~/r.yaml", "--executor", "inline", "--out"), ("verify",)])
def test_the_home_of_somebody_who_is_not_known_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert cli.run([*arguments, "~no-one-here/x"]) == 2
    refusal = "~no-one-here/x: '~no-one-here' is nobody's home. Write ./~no-one-here/x for a folder of that name."
    assert capsys.readouterr().err == f"StorageError: {refusal}\n"
    assert not os.listdir()


def test_a_user_without_a_home_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # KeyError: no such user
    with pytest.raises(StorageError, match=r"^~/x: this user has no home\. Write \./~/x for a folder of that name\.$"):
        destination("~/x")
    assert destination("./~/x") == Path("~/x")


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("file:///data/a%20b%23c", "/data/a b#c"),
        ("file://localhost/data/x", "/data/x"),
        ("/data/a%20b", "/data/a%20b"),  # a path is no URL
        ("file://~/x", "{home}/x"),
        ("./~x", "{here}/~x"),
    ],
)
def test_urls_of_files_are_read_as_such(home: Path, place: str, path: str) -> None:
    folder = folder_at(place)
    assert isinstance(folder, LocalFolder)
    assert str(folder.root) == path.format(home=home, here=Path.cwd())


def test_a_url_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(StorageError, match="a path cannot hold %00"):
        folder_at("file:///data/%00")


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is a pipe or a device, not a file"), created(pipe) as file:
        file.write(b"x")
    assert pipe.is_fifo()
    assert not list(tmp_path.glob(".pipe.*"))
    link = tmp_path / "link"
    link.symlink_to("pipe")
    with created(link) as file:
        file.write(b"x")
    assert link.read_bytes() == b"x"
    assert pipe.is_fifo()
