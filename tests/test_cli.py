"""The command line as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import cli
from tests.plans import RECIPES

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("recipe", ["bioS_multi5", "junk_domains", "bioS_long_tail", "bioD_N10K_K20", "products"])
def test_plan_says_what_a_recipe_would_build(recipe: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["plan", recipe]) == 0
    out = capsys.readouterr().out
    assert "documents, about" in out
    assert "bits to know" in out
    assert "notice:" not in out


def test_plan_of_bios_multi5_has_half_a_million_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["plan", "bioS_multi5"]) == 0
    assert "split train: 500,000 documents" in capsys.readouterr().out


def test_plan_gives_notice_of_the_slow_path(capsys: pytest.CaptureFixture[str]) -> None:
    templates = "sources.biographies.templates={birth_city: ['{{ subject }}, {{ birth_city ~ employer ~ major }}.']}"
    assert cli.run(["plan", "tiny", "--set", templates, "--set", "sources.biographies.sentences=[birth_city]"]) == 0
    assert "notice: source biographies: slow path" in capsys.readouterr().out


def test_preview_reads_like_biographies(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["preview", "bioS_multi5", "-n", "2"]) == 0
    first, second = capsys.readouterr().out.strip().split("\n\n")
    assert first.startswith("biographies · item 0 · exposure 0 · ")
    assert second.count(". ") >= 5
    assert second.endswith(".<|endoftext|>")


def test_preview_shows_one_document_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["preview", "tiny", "--source", "biographies", "--item", "17", "--exposure", "2"]
    assert cli.run(arguments) == 0
    assert capsys.readouterr().out.startswith("biographies · item 17 · exposure 2 · ")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["preview", "tiny", "--source", "biography"], "Did you mean 'biographies'?"),
        (["preview", "tiny", "--item", "1000"], "no item 1000"),
        (["where", "tiny", "--source", "biographies", "--item", "-1"], "no item -1"),
        (["plan", "bioS_mutli5"], "Did you mean 'bioS_multi5'?"),
        (["build", "tiny", "--workers", "0"], "0 workers"),
        (["verify", "nowhere"], "there is no manifest.json"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_code_2(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    captured = capsys.readouterr()
    assert problem in captured.err
    assert captured.err.count("\n") == 1


def test_list_names_the_recipes_with_their_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[0] for line in lines) == RECIPES
    assert all(len(line.split()) > 5 for line in lines)


def test_schema_is_json_that_knows_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    keys = {"seed", "tokenizer", "worlds", "sources", "splits", "sinks", "extends", "shard_tokens", "strict"}
    assert keys == set(schema["properties"])


def test_a_pipe_that_closes_early_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m pipeline schema | head -n 1", shell=True, cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_make_help_lists_the_targets_of_the_readme() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("dataset", "test", "list", "bench"):
        assert target in done.stdout


def test_an_installed_wheel_finds_its_recipes_and_templates(tmp_path: Path) -> None:
    """Built as a release would be, unpacked beside nothing of the checkout, and run from there."""
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    code = (
        "import pipeline, sys; from pipeline.cli import run; print(pipeline.__file__); sys.exit(run(['plan', 'tiny']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(target)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert str(target) in done.stdout
    assert "3,000 documents" in done.stdout
