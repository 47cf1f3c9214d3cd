"""The example trains: its loss falls, and a run that was stopped goes on to the same losses."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
import train as example

SMALL = ["--layers", "1", "--width", "32", "--heads", "2", "--batch", "4", "--every", "4", "--lr", "0.01"]


def losses(*arguments: str) -> list[float]:
    return example.train(example.parsed([*arguments, *SMALL]))


@pytest.fixture(autouse=True)
def _single_thread() -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def test_the_loss_falls_and_is_told_by_source_and_on_spans(capsys: pytest.CaptureFixture[str], undisturbed: Path):
    history = losses(str(undisturbed), "--steps", "24")
    assert history[-1] < history[0] - 2
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert all(" · biographies " in line and " · spans " in line for line in lines)


def test_stream_and_shards_train_alike(undisturbed: Path, monkeypatch: pytest.MonkeyPatch):
    from pipeline import recipe
    from tests.conftest import OVERRIDES

    load = recipe.load
    monkeypatch.setattr(recipe, "load", lambda name: load(name, OVERRIDES))
    assert losses("tiny", "--steps", "4") == losses(str(undisturbed), "--steps", "4")


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_run_goes_on_from_its_checkpoint_to_the_same_losses(undisturbed: Path, tmp_path: Path, workers: str):
    data = (str(undisturbed), "--workers", workers)
    whole = losses(*data, "--steps", "8")
    saved = ("--checkpoint", str(tmp_path / "run.pt"))
    begun = losses(*data, "--steps", "4", *saved)
    assert begun + losses(*data, "--steps", "8", *saved) == whole


def test_a_token_does_not_see_other_documents():
    torch.manual_seed(0)
    model = example.GPT(50, 6, layers=2, width=16, heads=2)
    segments = torch.tensor([[1, 1, 1, 2, 2, 2]])
    ids = torch.tensor([[5, 6, 7, 8, 9, 10]])
    other = torch.tensor([[1, 2, 3, 8, 9, 10]])
    assert torch.equal(model(ids, segments)[0, 3:], model(other, segments)[0, 3:])
    assert not torch.allclose(model(ids, None)[0, 3:], model(other, None)[0, 3:])


def test_what_does_not_count_is_left_out():
    model = example.GPT(50, 6, layers=1, width=16, heads=2)
    batch = {
        "input_ids": torch.tensor([[5, 6, 7, 8, 9, 9]]),
        "segment_ids": torch.tensor([[1, 1, 2, 2, 2, 0]]),
        "loss_mask": torch.tensor([[True, True, True, False, True, False]]),
    }
    _, counts = example.losses_of(model, batch)
    assert counts.tolist() == [[True, False, False, True, False]]


def test_places_are_told_apart_by_their_distance_only():
    model: ModuleType = example.GPT(50, 8, layers=1, width=16, heads=2)
    x = torch.randn(1, 1, 1, 8).expand(1, 1, 8, 8)
    turned = example.turned(x, model.rotation)[0, 0]
    products = turned @ turned.T
    assert torch.allclose(products.diagonal(1), products[0, 1].expand(7), atol=1e-5)
    assert torch.allclose(products.diagonal(3), products[0, 3].expand(5), atol=1e-5)
    assert not torch.allclose(products[0, 1], products[0, 3], atol=1e-3)
