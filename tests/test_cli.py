"""The command line as a user meets it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.commands.command import Command, commands
from pipeline.commands.parser import Parser
from pipeline.recipe.writing import OUTPUT_VERSION
from tests.plans import RECIPES

ROOT = Path(__file__).parents[1]
WITHOUT_DEFAULT = {"--cell", "--predictions", "--into", "--key-variable", "--recipe", "--code"}  # without one: nothing
SMALL = str(ROOT / "tests/golden/small.yaml")  # twenty people


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("bioS_multi5", "split train: 500,000 documents, about"),
        pytest.param("junk_domains", "documents, about", marks=pytest.mark.slow),
        pytest.param("bioS_long_tail", "documents, about", marks=pytest.mark.slow),
        ("bioD_N10K_K20", "documents, about"),
        ("products", "documents, about"),
    ],
)
def test_plan_says_what_a_recipe_would_build(recipe: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["plan", recipe]) == 0
    out = capsys.readouterr().out
    assert said in out
    assert "bits to know" in out
    assert "notice:" not in out


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
    arguments = ["preview", SMALL, "--source", "bios", "--item", "17", "--exposure", "2"]
    assert cli.run(arguments) == 0
    assert capsys.readouterr().out.startswith("bios · item 17 · exposure 2 · ")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["preview", SMALL, "--source", "bioss"], "Did you mean 'bios'?"),
        (["preview", SMALL, "--item", "20"], "no item 20"),
        (["where", SMALL, "--source", "bios", "--item", "-1"], "no item -1"),
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
    parts = re.split("\nSweeps:\n|\nExperiments:\n", capsys.readouterr().out)
    recipes, sweeps, experiments = (part.splitlines() for part in parts)
    assert sorted(line.split()[0] for line in recipes) == RECIPES
    assert [line.split()[0] for line in sweeps] == ["bioS_wordings", "exposures_by_junk"]
    assert "extraction" in [line.split()[0] for line in experiments]
    assert all(len(line.split()) > 5 for line in [*recipes, *sweeps, *experiments])


def test_schema_is_json_that_knows_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    keys = {
        "seed",
        "tokenizer",
        "worlds",
        "sources",
        "splits",
        "exports",
        "languages",
        "extends",
        "shard_tokens",
        "strict",
    }
    assert keys == set(schema["properties"])


def help_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as exit:
        cli.run([*arguments, "--help"])
    assert exit.value.code == 0
    return " ".join(capsys.readouterr().out.split())


def test_version_is_that_of_the_package_and_of_its_output(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        cli.run(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"{version('pretraining-recipes')} (output {OUTPUT_VERSION})\n"


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
def test_help_says_what_every_option_is_and_what_it_is_without_one(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An option with a value names its default, or that it may be given again; every argument is described."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)  # a default of --address
    parser = Parser()
    command.arguments(parser)
    for action in parser._actions:
        name = "/".join(action.option_strings) or action.dest
        said = parser._get_formatter()._expand_help(action) if action.help else ""
        assert re.match(r"[^(]", said), f"{name} is not described"
        if not action.option_strings or action.nargs == 0 or action.required or name in WITHOUT_DEFAULT:
            continue
        assert re.search("default|may be given again|without any", said), f"{name}: no default"
        default = f"{action.default:g}" if isinstance(action.default, int | float) else action.default
        if isinstance(default, str) and default:
            assert f"default {default}" in said, f"{name}: the default is {default}"


def test_help_names_every_file_that_declares_a_command_in_the_order_of_the_work(capsys: pytest.CaptureFixture[str]):
    shared = {"__init__", "asking", "command", "common", "executors", "parser", "progress", "sweep"}
    files = {path.stem for path in (ROOT / "pipeline/commands").glob("*.py")} - shared
    text = help_of(capsys)
    assert {command.name for command in commands()} == files
    places = [text.index(f" {command.name} {command.help}") for command in commands()]
    assert places == sorted(places)
    assert [command.name for command in commands()][:3] == ["plan", "preview", "build"]


def test_a_pipe_that_closes_early_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m pipeline schema | head -n 1", shell=True, cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_make_help_lists_the_targets_of_the_readme() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("dataset", "test", "list", "bench"):
        assert target in done.stdout


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """make, with a Python that says what it was given."""
    python = tmp_path / "environment/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[3:]))\n")
    python.chmod(0o755)
    ready = tmp_path / "environment/run"
    ready.touch()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["make", "--no-print-directory", f"VENV={tmp_path}/environment", "-o", str(ready), *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    return run


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (["plan", "RECIPE=tiny"], ["plan", "tiny"]),
        (["preview", 'RECIPE=my it\'s "x".yaml'], ["preview", 'my it\'s "x".yaml']),
        (["dataset", "RECIPE=~/a b.yaml", "OUT=~/o'ut x"], ["build", "~/a b.yaml", "--out", "~/o'ut x"]),
        (["verify", "RECIPE=my recipes/a.b c.yaml"], ["verify", "data/a.b c"]),
        (["report", "OUT=it's; echo no"], ["report", "it's; echo no"]),
        (["export", "RECIPE=tiny", "TO=a'b"], ["export", "data/tiny", "--to", "a'b"]),
        (["push", "OUT=x y", "REPO=it's/x"], ["push", "x y", "it's/x"]),
        (
            ["plan", "RECIPE=tiny", "SET=seed=7 a.b=[0, 0.025] c='it is'"],
            ["plan", "tiny", "--set", "seed=7", "--set", "a.b=[0, 0.025]", "--set", "c='it is'"],
        ),
        (["plan", "RECIPE=tiny", "ARGS=-n 3"], ["plan", "tiny", "-n", "3"]),
    ],
)
def test_make_hands_over_what_is_named_as_it_is(
    make: Callable[..., subprocess.CompletedProcess[str]], asked: list[str], given: list[str]
) -> None:
    done = make(*asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == given


@pytest.mark.parametrize("target", ["plan", "preview", "report", "verify", "export", "push"])
def test_make_without_a_recipe_goes_on_with_no_other(
    make: Callable[..., subprocess.CompletedProcess[str]], target: str
) -> None:
    done = make(target)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"make {target} RECIPE=bioS_multi5" in done.stderr


def test_make_dataset_without_a_recipe_says_which_it_takes(
    make: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    said, given = make("dataset").stdout.splitlines()
    assert said == "No RECIPE is given: this builds bioS_multi5."
    assert json.loads(given) == ["build", "bioS_multi5"]


def test_an_installed_wheel_finds_its_recipes_and_templates(tmp_path: Path) -> None:
    """Built as a release would be, unpacked beside nothing of the checkout, and run from there."""
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"  # what pip calls
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)  # as it is installed where there is nothing to compile
    code = (
        "import pipeline, sys; from pipeline.cli import run; print(pipeline.__file__); "
        "sys.exit(run(['plan', 'products']) or run(['list']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(target)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert str(target) in done.stdout
    assert "split train: 60,000 documents" in done.stdout
    assert "Part 3.1, section 4: what can be extracted" in done.stdout
