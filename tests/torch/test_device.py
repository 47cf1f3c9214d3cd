"""Experiments on a device that is not the CPU, and compiled in bf16; neither needs a card."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipeline.laboratory import device
from pipeline.laboratory.experiment import read_experiment
from pipeline.laboratory.results import RunRecord, read_record, run_folder
from pipeline.laboratory.running import run_task, tasks
from tests.test_experiments import SMALL
from tests.torch.card import card

ALL_MEASURES = f"""\
sweep:
  base: {SMALL}
  set:
    sources.names: {{kind: names, world: people}}
    sources.questions:
      {{kind: questions, world: people, templates: {{city: ["Where does {{{{ name }}}} live? | {{{{ city }}}}."]}}}}
    splits.train: {{columns: [segment_ids, documents, spans], packing: {{length: 128}}}}
    splits.exam: {{mixture: {{questions: {{}}}}, packing: {{method: rows, length: 64}}, columns: [answers]}}
    splits.names: {{mixture: {{names: {{}}}}, packing: {{method: rows, length: 24}}, columns: [probes]}}
  axes: {{only: {{one: {{}}}}}}
scales:
  small: {{model: {{layers: 2, width: 16, heads: 2}}, training: {{tokens: 20_480, batch: 4, rate: 0.01}}}}
measures:
  exam: {{kind: exam, split: exam, times: 2}}
  bits: {{kind: capacity, split: train}}
  probed: {{kind: probe, split: names, rank: 4, steps: 3}}
"""
GRAMMAR = """\
sweep:
  base: cfg3b_like
  set:
    splits.train.mixture.sentences.tokens: 20_000
    sources.exam_50.instances: 20
    splits.apart: {mixture: {sentences: {tokens: 5_000}}, packing: {method: rows, length: 1024}}
  axes: {only: {one: {}}}
scales:
  small: {model: {layers: 1, width: 16, heads: 2}, training: {tokens: 10_240, batch: 4, rate: 0.01}}
measures:
  completions: {kind: check, split: exam_50, rows: 8, tokens: 64}
  divergence: {kind: divergence, split: apart, rows: 4}
"""


@pytest.fixture(autouse=True)
def _single_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yaml"
    path.write_text(ALL_MEASURES, "utf-8")
    return path


def _run(file: Path, out: Path) -> RunRecord:
    (task,) = tasks(read_experiment(str(file)), out, 0)
    return run_task(task)


@pytest.mark.parametrize("text", [ALL_MEASURES, GRAMMAR])
def test_an_experiment_gives_the_same_on_a_card_as_on_the_cpu(text: str, file: Path, tmp_path: Path):
    """Everything that training and measures touch is moved to the card, and what is written back from it."""
    file.write_text(text, "utf-8")
    right = _run(file, tmp_path / "cpu")
    subprocess.run([sys.executable, "-m", "tests.torch.card", str(file), str(tmp_path / "card")], check=True)
    found = read_record(run_folder(tmp_path / "card", 0, right.cell))
    assert found
    assert [loss for _, loss in found.curve] == pytest.approx([loss for _, loss in right.curve], rel=1e-4)
    for name, points in right.measures.items():
        assert [point.numbers for point in found.measures[name]] == [
            pytest.approx(point.numbers, rel=1e-3, abs=1e-3) for point in points
        ]


def test_what_is_left_on_the_cpu_is_refused_by_the_card_of_these_tests():
    with card() as pretended:
        here, there = torch.ones(3), torch.ones(3).to(pretended)
        assert (there + 2 * there).device == pretended
        assert (there + there).cpu().tolist() == [2.0, 2.0, 2.0]
        with pytest.raises(AssertionError, match="on the CPU beside"):
            here + there
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")  # of torch, by torch
def test_compiled_and_in_bf16_a_run_learns_as_much(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    right = _run(file, tmp_path / "whole")
    monkeypatch.setattr(device, "FAST", ("cpu",))
    found = _run(file, tmp_path / "fast")
    assert [tokens for tokens, _ in found.curve] == [tokens for tokens, _ in right.curve]
    losses = [loss for _, loss in right.curve]
    assert [loss for _, loss in found.curve] == pytest.approx(losses, rel=0.01)
    assert found.curve != right.curve
    assert losses[-1] < 0.9 * losses[0]
