"""The registry of sources: a kind from outside the package is one file, and every list of kinds follows."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.core import compile_first
from pipeline.core.errors import RecipeError
from pipeline.dataset import Dataset
from pipeline.recipe import load
from pipeline.recipe.json_schema import schema
from pipeline.sources import SOURCES, SourceKind, register
from tests.conftest import built
from tests.plans import plan_at

TASK = '''
"""Succession: a number, and the next one.      <bos> 4 <ans> 5"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.evaluate.checking.puzzles.reading import ANSWER, answer_in, body, number
from pipeline.evaluate.checking.puzzles.rules import puzzle
from pipeline.evaluate.checking.puzzles.verdict import RIGHT, Reason, Verdict
from pipeline.sources import SourceKind, register
from pipeline.sources.puzzles.puzzle import Puzzle, SymbolsSpec


class NextSpec(SymbolsSpec):
    kind: Literal["next"]
    numbers: int = Field(ge=1, description="How many there are.")

    def names(self):
        return "<ans>", *map(str, range(self.numbers + 1))


class Next(Puzzle):
    def _most(self):
        return 3

    def _mean(self):
        return Fraction(3)

    def _draw(self, item, exposure):
        d, lead, number = item.size, self._frame.lead, item % self._spec.numbers
        room = self._room(d, 1)
        room.values.reshape(d, -1)[:, lead : lead + 3] = np.column_stack([number + 1, np.zeros(d), number + 2])
        room.offsets[:], room.first_answer[:] = np.arange(d + 1) * (room.values.size // max(d, 1)), np.arange(d + 1)
        room.answers[:] = lead + 1, 2
        return room._replace(size=number)


@dataclass
class Problem:
    number: int

    @property
    def sizes(self):
        return {"number": self.number}

    def verify(self, answer):
        names = answer_in(answer, ANSWER)
        return RIGHT if names == [str(self.number + 1)] else Verdict(Reason.VALUE, " ".join(names))


def read(prompt):
    return Problem(number(" ".join(body(prompt, ANSWER)), "number"))


VERIFIER = puzzle(("number",), lambda: read)

register(
    SourceKind(
        "next", NextSpec, Next, "a number, and the next one", kernels=("toy_kernels",), verifier=f"{__name__}:VERIFIER"
    )
)
'''

RECIPE = """
# a task from outside
tokenizer: symbols
sources: {numbers: {kind: next, numbers: 9, instances: 9}}
splits:
  train: {mixture: {numbers: {exposures: 2}}, packing: {length: 16}}
  exam: {mixture: {numbers: {}}, packing: {method: rows, length: 16}, columns: [answers]}
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The task, imported from a file of its own, for one test."""
    (tmp_path / "toy_task.py").write_text(TASK)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("toy_task")
    yield "next"
    del SOURCES["next"], sys.modules["toy_task"]


def said(capsys: pytest.CaptureFixture[str], *arguments: Any) -> str:
    """What a command prints that succeeds."""
    capsys.readouterr()
    assert cli.run([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_a_task_of_one_file_is_planned_built_and_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    plan, out = plan_at(tmp_path / "recipe.yaml", RECIPE), tmp_path / "data"
    assert (plan.splits["train"].documents, plan.splits["train"].tokens) == (18, 72)
    built(plan, out)
    assert said(capsys, "verify", out)
    rows = [row for batch in Dataset.at(out).batches("exam") for row in batch.to_pylist()]
    prompts = sorted((row["prompt"], row["answer"]) for row in rows)
    assert prompts[4] == ("<bos> 4", "<ans> 5")
    wrong = [{"prediction": row["answer"] if row["prompt"] != "<bos> 4" else "<ans> 6"} for row in rows]
    (tmp_path / "answers.jsonl").write_text("\n".join(map(json.dumps, wrong)))
    table = said(capsys, "check", out, tmp_path / "answers.jsonl")
    assert table.split()[:4] == ["number", "answers", "correct", "accuracy"]
    assert "all           9        8    88.89%" in table
    assert "4             1        0     0.00%" in table
    (tmp_path / "pairs.jsonl").write_text('{"prompt": "<bos> 17", "prediction": "<ans> 18"}')
    assert "all           1        1   100.00%" in said(capsys, "check", "--kind", task, tmp_path / "pairs.jsonl")


def test_every_list_of_kinds_has_a_task_from_outside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    assert "next          a number, and the next one\n" in said(capsys, "list", "--kinds")
    keys = schema()["$defs"]["NextSpec"]["properties"]
    assert keys["kind"]["anyOf"][0]["const"] == "next"
    assert {"numbers", "extends", "tag"} <= keys.keys()
    compiled: list[str] = []
    monkeypatch.setattr(compile_first, "compile_first", lambda *modules: compiled.extend(modules) or [])
    said(capsys, "warm")
    assert (compiled[0], compiled[-1]) == ("pipeline.core.kernels.draws", "toy_kernels")
    with pytest.raises(SystemExit):
        cli.run(["check", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "igsm, next (default:" in shown
    assert "number (next); default" in shown
    for changed, message in (
        ("kind: nex, numbers: 9", "Did you mean 'next'?"),
        ("kind: next, number: 9", "Did you mean 'numbers'?"),
        ("numbers: 9", "'kind' is missing.*names, next, preference"),
        ("kind: next, numbers: 0", "must be greater than or equal to 1"),
    ):
        (tmp_path / "other.yaml").write_text(RECIPE.replace("kind: next, numbers: 9", changed))
        with pytest.raises(RecipeError, match=message):
            load(str(tmp_path / "other.yaml"))


def test_a_task_that_is_not_there_is_in_no_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    with pytest.raises(RecipeError, match="'next' is not possible here"):
        load(str(tmp_path / "recipe.yaml"))
    assert "next" not in said(capsys, "list", "--kinds")
    assert "NextSpec" not in schema()["$defs"]


def test_a_kind_is_registered_once_under_a_name_of_its_spec() -> None:
    kind = SOURCES["mano"]
    with pytest.raises(ValueError, match="two kinds of sources are called 'mano'"):
        register(kind)
    with pytest.raises(ValueError, match="ManoSpec has the kinds mano, not 'sums'"):
        register(SourceKind("sums", kind.spec, kind.source, "sums"))
