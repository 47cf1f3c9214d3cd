"""The example trains: its loss falls, and a run that was stopped goes on to the same losses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import SMALL

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
import train as example

SIZES = ["--layers", "1", "--width", "32", "--heads", "2", "--batch", "4", "--every", "4", "--lr", "0.01"]


def losses(*arguments: str) -> list[float]:
    return example.train(example.parsed([*arguments, *SIZES]))


@pytest.fixture(autouse=True)
def _single_thread() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def test_the_loss_falls_and_is_told_by_source_and_on_spans(capsys: pytest.CaptureFixture[str], undisturbed: Path):
    history = losses(str(undisturbed), "--steps", "24")
    assert history[-1] < history[0] - 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert all(" · bios " in line and " · spans " in line for line in lines)


def test_stream_and_shards_train_alike(undisturbed: Path):
    assert losses(SMALL, "--steps", "4") == losses(str(undisturbed), "--steps", "4")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_goes_on_from_its_checkpoint_to_the_same_losses(undisturbed: Path, tmp_path: Path, workers: str):
    data = (str(undisturbed), "--workers", workers)
    whole = losses(*data, "--steps", "8")
    saved = ("--checkpoint", str(tmp_path / "run.pt"))
    begun = losses(*data, "--steps", "4", *saved)
    assert begun + losses(*data, "--steps", "8", *saved) == whole
