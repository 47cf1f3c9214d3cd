"""`check` of conversations: what the user asks and what the assistant says, without the words of the chat template."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import pipeline
from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.core.errors import StorageError
from pipeline.dataset import Dataset
from pipeline.evaluate.checking.files import check_split
from pipeline.evaluate.checking.kinds import rules_for
from pipeline.plan import compile_plan
from pipeline.recipe import load

ROWS = "packing: {method: rows, length: 1500}"
EXAM = "splits: {exam: {mixture: {it: {}}, " + ROWS + ", columns: [answers, loss_mask, messages]}}"
PROBLEMS = "sources: {it: {kind: igsm, family: med, op: [2, 6], problems: 40, chat: {template: chatml}}}\n" + EXAM
SUMS = "sources: {it: {kind: python, file: sums.py, function: addition, items: 40, chat: {template: chatml}}}\n" + EXAM
CODE = """
from dataclasses import dataclass
from pipeline.sources import Document

@dataclass
class Options:
    largest: int = 1000

def addition(rng, options: Options) -> Document:
    a, b = (int(n) for n in rng.integers(0, options.largest, 2))
    return Document({"prompt": f"{a} + {b} =", "answer": f" {a + b}"})

def verify(prompt, answer):
    a, _, b, _ = prompt.split()
    return answer == str(int(a) + int(b))
"""


def built(tmp_path: Path, text: str, *overrides: str) -> Dataset:
    (tmp_path / "sums.py").write_text(CODE)
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    build(compile_plan(load(str(path), overrides, allow_code=True)), tmp_path / "data", Inline())
    return Dataset.at(tmp_path / "data")


def said(data: Dataset) -> list[str]:
    """What the assistant says in each conversation."""
    return [row["messages"][-1]["content"] for row in pipeline.read(data.folder.url, "exam")]


def accuracy(data: Dataset, predictions: Sequence[str], **options: object) -> float:
    path = Path(data.folder.url).parent / "predictions.jsonl"
    path.write_text("".join(json.dumps({"prediction": text}) + "\n" for text in predictions))
    return check_split(data, "exam", path, rules_for(data, "exam", None, options)).all.accuracy


@pytest.mark.parametrize(("recipe", "options"), [(PROBLEMS, {}), (SUMS, {"allow_code": True})])
def test_what_the_assistant_should_say_is_right_up_to_the_end_of_its_turn(
    recipe: str, options: dict[str, object], tmp_path: Path
) -> None:
    data = built(tmp_path, recipe)
    options |= {"code": str(tmp_path / "sums.py")} if options else {}
    right = said(data)
    assert accuracy(data, right, **options) == 1
    assert accuracy(data, [f"{text}<|im_end|>\n<|im_start|>user\nmore" for text in right], **options) == 1
    assert accuracy(data, [*right[1:], right[0]], **options) < 0.2  # the answers to other problems


def test_conversations_without_their_messages_are_refused(tmp_path: Path) -> None:
    data = built(tmp_path, PROBLEMS, "splits.exam.columns=[answers, loss_mask]")
    with pytest.raises(StorageError, match="are conversations, and do not say what"):
        accuracy(data, ["Define nothing."] * 40)
