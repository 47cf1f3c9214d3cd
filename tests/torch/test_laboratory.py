"""The laboratory trains: generation, losses, checkpoints, and an experiment from its file to its report."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from pipeline import cli
from pipeline.core.errors import StorageError
from pipeline.dataset import Dataset
from pipeline.evaluate.capacity import measure as capacity
from pipeline.evaluate.checking.puzzles.sentences import Language
from pipeline.laboratory.data import batches
from pipeline.laboratory.examination import generated, losses_of
from pipeline.laboratory.experiment import read_experiment
from pipeline.laboratory.measures.divergence import DivergenceSpec, SymbolIds
from pipeline.laboratory.measures.measure import Subject
from pipeline.laboratory.model import GPT, Cache, Shape, rotated
from pipeline.laboratory.planning import parameters_of, planned_runs
from pipeline.laboratory.probing import Probed, accuracies_of, read_probed
from pipeline.laboratory.results import RunRecord, finished, read_record
from pipeline.laboratory.running import run_task, tasks
from pipeline.laboratory.spec import ModelSpec, TrainingSpec
from pipeline.laboratory.training import learning_rate, mean_loss, new_run, token_losses
from pipeline.training.streams import of_dataset
from tests.test_experiments import EXPERIMENT, SMALL

SHAPE = Shape(vocabulary=50, length=24, layers=2, width=16, heads=2)


@pytest.fixture(autouse=True)
def _single_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(EXPERIMENT, "utf-8")
    return path


# ── the model ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_model_has_as_many_parameters_as_are_planned():
    assert GPT(SHAPE).parameters_in_all == parameters_of(ModelSpec(layers=2, width=16, heads=2), 50)


def test_a_token_does_not_see_other_documents_nor_what_stands_behind_it():
    model = GPT(SHAPE)
    segments = torch.tensor([[1, 1, 1, 2, 2, 2]])
    ids, other = torch.tensor([[5, 6, 7, 8, 9, 10]]), torch.tensor([[1, 2, 3, 8, 9, 11]])
    assert torch.equal(model(ids, segments)[0, 3:5], model(other, segments)[0, 3:5])
    assert torch.allclose(model(ids)[0, :3], model(ids[:, :3])[0], atol=1e-6)
    assert not torch.allclose(model(ids)[0, 3], model(other)[0, 3])


def test_what_does_not_count_is_left_out():
    batch = {
        "input_ids": torch.tensor([[5, 6, 7, 8, 9, 9]]),
        "segment_ids": torch.tensor([[1, 1, 2, 2, 2, 0]]),
        "loss_mask": torch.tensor([[True, True, True, False, True, False]]),
    }
    losses, counts = token_losses(GPT(SHAPE), batch)
    assert counts.tolist() == [[True, False, False, True, False]]
    assert mean_loss(GPT(SHAPE), batch).shape == ()
    assert losses.shape == (1, 5)


def test_places_are_told_apart_by_their_distance_only():
    model = GPT(SHAPE)
    x = torch.randn(1, 1, 1, 8).expand(1, 1, 8, 8)
    turned = rotated(x, model.rotation[:, :8])[0, 0]
    products = turned @ turned.T
    assert torch.allclose(products.diagonal(1), products[0, 1].expand(7), atol=1e-5)
    assert torch.allclose(products.diagonal(3), products[0, 3].expand(5), atol=1e-5)
    assert not torch.allclose(products[0, 1], products[0, 3], atol=1e-3)


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine_to_its_end():
    spec = TrainingSpec(tokens=1, batch=1, rate=Fraction(2), warmup=Fraction(1, 10), final=Fraction(1, 4))
    rates = [learning_rate(spec, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * step for step in range(1, 11)])
    assert rates[10] == pytest.approx(2)
    assert rates[55] == pytest.approx((2 + 0.5) / 2)
    assert rates[99] == pytest.approx(0.5, abs=1e-3)


def test_with_a_cache_logits_are_those_without():
    model, ids = GPT(SHAPE), torch.randint(0, 50, (3, 20))
    cache = Cache()
    parts = [model(ids[:, :7], cache=cache), *(model(ids[:, at : at + 1], cache=cache) for at in range(7, 20))]
    assert torch.allclose(torch.cat(parts, 1), model(ids), atol=1e-5)


def test_what_is_generated_is_the_likeliest_token_each_time_up_to_the_end_or_the_context():
    model = GPT(SHAPE)
    torch.nn.init.normal_(model.embedding.weight)
    prompts = [torch.randint(0, 50, (length,)).tolist() for length in (3, 9, 3, 1, 23, 24, 9)]
    right = []
    for prompt in prompts:
        ids = list(prompt)
        while len(ids) < min(24, len(prompt) + 12):
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
            if ids[-1] == 7:
                ids.pop()
                break
        right.append(ids[len(prompt) :])
    assert generated(model, prompts, end=7, most=12) == right
    assert {len(answer) for answer in right} > {0, 1}


def test_losses_are_those_of_the_model_with_a_zero_in_front(undisturbed: Path):
    data = Dataset.at(undisturbed)
    model = GPT(Shape(258, 128, 1, 16, 2))
    rows = list(of_dataset(data, "train"))[:5]
    losses = np.concatenate(list(losses_of(model, iter(rows), 2)))
    assert losses.shape == (5, 128)
    for row, loss in zip(rows, losses, strict=True):
        ids = torch.tensor(row["input_ids"].astype(np.int64))[None]
        segments = torch.tensor(row["segment_ids"].astype(np.int64))[None]
        odds = model(ids, segments).log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])[:, 0]
        assert np.allclose(loss, [0, *(-odds).tolist()], atol=1e-4)


# ── probes, and the distance from a grammar ─────────────────────────────────────────────────────────────────────────


def test_a_probe_reads_what_states_hold_and_nothing_else():
    ids = torch.randint(0, 4, (400, 6))
    places = torch.full((400, 1), 2)
    right = torch.stack([ids[:, 2], torch.randint(0, 4, (400,))], 1)  # what stands at the first place; nothing
    probed = Probed(["seen", "unseen"], ids, places, right, torch.arange(400))
    accuracies = [accuracies_of(GPT(SHAPE), probed, number, rank=8, steps=200, batch=50) for number in (0, 1)]
    assert accuracies[0][0] > 0.95
    assert max(accuracies[1]) < 0.4


def test_a_probe_changes_no_parameter_of_the_model_and_learns_from_even_individuals_only():
    model = GPT(SHAPE)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    ids = torch.randint(0, 50, (60, 4))
    right = torch.where(torch.arange(60) % 2 == 0, 0, 1)[:, None]
    probed = Probed(["parity"], ids, torch.full((60, 1), 3), right, torch.arange(60))
    assert accuracies_of(model, probed, 0, rank=2, steps=300, batch=10) == [0.0], "it has never seen class 1"
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert probed.rows(examined=True).tolist() == list(range(1, 60, 2))


PROBED = f"""\
sweep:
  base: {SMALL}
  set:
    sources.names: {{kind: names, world: people}}
    splits.train.packing.length: 128
    splits.p: {{mixture: {{bios: {{exposures: 1}}}}, packing: {{method: rows, length: 128}}, columns: [spans, probes]}}
    splits.q: {{mixture: {{names: {{}}}}, packing: {{method: rows, length: 24}}, columns: [probes]}}
  axes: {{only: {{one: {{}}}}}}
scales:
  small: {{model: {{layers: 1, width: 16, heads: 2}}, training: {{tokens: 4000, batch: 4, rate: 0.01}}}}
measures: {{p: {{kind: probe, split: p, steps: 3}}, q: {{kind: probe, split: q, rank: 16, steps: 3, rows: ROWS}}}}
"""


def test_probes_read_at_every_place_of_biographies_and_at_the_end_of_names(tmp_path: Path):
    path = tmp_path / "probed.yaml"
    path.write_text(PROBED.replace("ROWS", "20"), "utf-8")
    (task,) = tasks(read_experiment(str(path)), tmp_path / "out", 0)
    probed = read_probed(task.data, "p", rows=100, target="value", attributes=None, context=128)
    assert probed.attributes == ["city", "country", "shoes"], "of birth dates there are more than 10 in 20 rows"
    stored = next(iter(of_dataset(task.data, "p")))["probes"]
    assert probed.places[0].tolist() == sorted(stored["position"].tolist())
    record = run_task(task)
    assert list(record.measures["q"][0].numbers) == ["accuracy", *(f"accuracy.{name}.1" for name in probed.attributes)]
    numbers = record.measures["p"][0].numbers
    places = probed.places.shape[1]
    assert places == 4
    each = [f"accuracy.{name}.{place}" for name in probed.attributes for place in range(1, places + 1)]
    assert list(numbers) == ["accuracy", *each]
    assert numbers["accuracy"] == pytest.approx(sum(numbers[f"accuracy.{name}.1"] for name in probed.attributes) / 3)


@pytest.mark.parametrize(
    ("rows", "context", "people", "refusal"),
    [
        (
            "3",
            "128",
            20,
            "q: no attribute has so few classes that each could have two of 3 rows. Probe more rows, `first_token`,",
        ),
        (
            "20",
            "128",
            1,
            "p: none of 4 rows is about an individual of odd number, and a probe needs both halves. Probe more",
        ),
        (
            "20",
            "32",
            20,
            "p: a row is read up to token 83, and the model has a context of 32. Train on longer sequences",
        ),
    ],
)
def test_a_split_that_cannot_be_probed_is_refused_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, context: str, people: int, refusal: str
):
    path = tmp_path / "probed.yaml"
    text = PROBED.replace("ROWS", rows).replace("train.packing.length: 128", f"train.packing.length: {context}")
    text = text.replace("{bios: {exposures: 1}}", "{bios: {exposures: 4}}") if people == 1 else text
    path.write_text(text.replace("  set:\n", f"  set:\n    worlds.people.size: {people}\n"))
    assert cli.run(["experiment", "run", str(path), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith(f"PlanError: {refusal}")
    assert not list((tmp_path / "out").glob("seed=0/runs/*/checkpoint.pt"))


class Knowing:
    """A model that gives each next token of some text its true chance, or the same to all."""

    shape = SHAPE
    embedding = torch.nn.Embedding(1, 1)

    def __init__(self, language: Language, ids: SymbolIds, knows: bool):
        self.language, self.ids, self.knows = language, ids, knows

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        symbols = [self.ids.terminals.index(token) for token in ids[0, 1:].tolist()]
        true = torch.full((len(symbols) + 1, 50), 1e-30)
        chances = self.language.parser.next_symbols(symbols) if self.knows else 0.5
        columns = [*self.ids.terminals, self.ids.ends[-1]]  # <bos>, as where documents have no end token
        true[:, columns] = torch.as_tensor(chances, dtype=torch.float32).clamp(1e-30)
        return true.log()[None]

    def eval(self) -> None: ...

    def train(self) -> None: ...


def test_a_model_that_knows_the_grammar_has_no_divergence_and_one_that_knows_nothing_all_of_it(tmp_path: Path):
    rules = ["3 -> 2 1 | 1 2", "1 -> a b | b a a", "2 -> b b | a"]
    recipe = {
        "tokenizer": "symbols",
        "sources": {"sentences": {"kind": "grammar", "grammar": rules, "instances": 30}},
        "splits": {"train": {"mixture": {"sentences": {}}, "packing": {"method": "rows", "length": 16}}},
    }
    path = tmp_path / "grammar.yaml"
    path.write_text(json.dumps(recipe), "utf-8")
    assert cli.run(["build", str(path), "--out", str(tmp_path / "data"), "--executor", "inline"]) == 0
    data, language = Dataset.at(tmp_path / "data"), Language(rules)
    spec = DivergenceSpec(kind="divergence", split="train")
    ids = SymbolIds.of(language, data)
    assert [data.tokenizer().id_to_token(token) for token in ids.ends] == ["<eos>", "<bos>"]
    known, unknown = (
        spec.measured("kl", Subject(Knowing(language, ids, knows), data, tmp_path)) for knows in (True, False)
    )
    assert known["bits"] == pytest.approx(0, abs=1e-6)
    assert unknown["bits"] == pytest.approx(np.log2(3) - unknown["entropy"], abs=1e-6)
    assert known["entropy"] == unknown["entropy"] > 0.5


# ── streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_goes_on_behind_the_last_row_of_a_batch(undisturbed: Path):
    data = Dataset.at(undisturbed)
    whole = [batch["input_ids"] for batch, _ in batches(of_dataset(data, "train", epochs=2), 7)]
    (first, state), *_ = batches(of_dataset(data, "train", epochs=2), 7)
    stream = of_dataset(data, "train", epochs=2)
    stream.load_state_dict(state)
    assert torch.equal(first["input_ids"], whole[0])
    assert torch.equal(torch.stack([batch["input_ids"] for batch, _ in batches(stream, 7)]), torch.stack(whole[1:]))


# ── experiments ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_experiment_is_trained_measured_and_reported(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    command = ["experiment", "run", str(file), "--out", str(out)]
    assert cli.run(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8 + 2
    experiment = read_experiment(str(file))
    for planned in planned_runs(experiment):
        record = read_record(out / f"seed=7/runs/{planned.cell}")
        assert record
        assert record.complete
        assert (record.tokens, record.parameters, record.context) == (planned.tokens, planned.parameters, 64)
        assert [point.tokens for point in record.measures["exam"]] == [2048, 4096]
        assert record.curve[-1][1] < 5.6  # the logarithm of 258
    assert "| Two are better. |" in (out / "report.md").read_text()
    before = {path: path.stat().st_mtime_ns for path in out.glob("seed=*/runs/*/checkpoint.pt")}
    assert cli.run(command) == 0, "there is nothing to do"
    assert {path: path.stat().st_mtime_ns for path in before} == before
    shutil.rmtree(out / "seed=7/runs/wording=1,seen=once")
    capsys.readouterr()
    here = tmp_path / "here"
    assert cli.run([*command[:-1], str(here), "--runs-of", str(out)]) == 0
    assert [path.parent.name for path in here.glob("seed=*/runs/*/checkpoint.pt")] == ["wording=1,seen=once"]
    assert sorted(capsys.readouterr().out.splitlines()[:8]) == sorted(lines[:8])
    assert "Not complete" not in (here / "report.md").read_text()


KILLED = """
import sys
from pipeline.laboratory import running
running.SECONDS = 0
import torch; torch.set_num_threads(1)
from pathlib import Path
from pipeline.laboratory.experiment import read_experiment
for task in running.tasks(read_experiment(sys.argv[1]), Path(sys.argv[2]), 0, ["wording=1,seen=often"]):
    running.run_task(task, lambda tokens: print(tokens, flush=True))
"""


def test_a_run_that_is_killed_goes_on_to_the_same_losses_and_answers(file: Path, tmp_path: Path):
    file.write_text(EXPERIMENT.replace("tokens: 4096", "tokens: 20_480"), "utf-8")
    experiment = read_experiment(str(file))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    (task,) = tasks(experiment, whole, 0, ["wording=1,seen=often"])
    right = run_task(task)
    for steps in (3, 9):
        command = [sys.executable, "-c", KILLED, str(file), str(killed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            for _ in range(steps):
                process.stdout.readline()
            time.sleep(0.02)
            os.kill(process.pid, signal.SIGKILL)
    (task,) = tasks(experiment, killed, 0, ["wording=1,seen=often"])
    begun = read_record(task.folder)
    assert begun
    assert 0 < begun.steps < right.steps
    found = run_task(task)
    assert found.curve == right.curve
    assert found.steps == right.steps == 80
    numbers = [[point.numbers for point in one.measures["exam"]] for one in (found, right)]
    assert numbers[0] == numbers[1]
    for name in ("exam.jsonl",):
        assert (task.folder / name).read_text() == (whole / f"seed=0/runs/{task.planned.cell}/{name}").read_text()


def test_a_checkpoint_of_another_experiment_is_refused(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    command = ["experiment", "run", str(file), "--out", str(out), "--cell", "wording=1,seen=once"]
    assert cli.run(command) == 0
    file.write_text(EXPERIMENT.replace("rate: 0.01, seeds", "rate: 0.02, seeds"), "utf-8")
    capsys.readouterr()
    assert cli.run(command) == 2
    said = capsys.readouterr().err
    checkpoint = out / "seed=0/runs/wording=1,seen=once/checkpoint.pt"
    assert said.startswith(f"StorageError: {checkpoint}: the checkpoint of another run: sizes or data have changed.")
    assert said.endswith("Remove it, and the run begins anew; or give another --out.\n")
    checkpoint.write_bytes(b"PK")
    assert cli.run(command) == 2
    assert "no checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("changed", [{"model": {}}, {"optimizer": 5}, {"step": "x"}, {"rows": None}, None])
def test_a_checkpoint_that_lacks_something_is_refused(file: Path, tmp_path: Path, changed: dict[str, object] | None):
    spec = TrainingSpec(tokens=1, batch=1, rate=Fraction(1, 100))
    run, path = new_run("a", SHAPE, spec, 0, torch.device("cpu")), tmp_path / "checkpoint.pt"
    run.save(path)
    state = torch.load(path, weights_only=True)
    torch.save({**state, **changed} if changed else {"name": "a", "shape": state["shape"]}, path)
    with pytest.raises(StorageError, match="no checkpoint"):
        run.load(path)


def test_a_disk_that_is_full_is_named_and_keeps_the_earlier_checkpoint(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    command = ["experiment", "run", str(file), "--out", str(out), "--seed", "0", "--cell", "1,once"]
    assert cli.run(command) == 0
    checkpoint = out / "seed=0/runs/wording=1,seen=once/checkpoint.pt"
    before = checkpoint.read_bytes()
    file.write_text(EXPERIMENT.replace("exam, times: 2", "exam, rows: 5"), "utf-8")
    capsys.readouterr()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
        assert cli.run(command) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert capsys.readouterr().err.startswith(f"StorageError: {checkpoint.parent}: cannot be written: ")
    assert checkpoint.read_bytes() == before
    assert sorted(path.name for path in checkpoint.parent.iterdir()) == [
        ".lock",
        "checkpoint.pt",
        "exam.jsonl",
        "run.json",
    ]
    assert cli.run(command) == 0


def test_a_run_at_which_another_process_is_is_left_to_it(file: Path, tmp_path: Path):
    (task,) = tasks(read_experiment(str(file)), tmp_path, 0, ["1,once"])
    task.folder.mkdir(parents=True)
    with (task.folder / ".lock").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StorageError, match=r"another process is at this run. Wait for it, or choose other runs"):
            run_task(task)
    assert [path.name for path in task.folder.iterdir()] == [".lock"]
    assert run_task(task).complete


@pytest.mark.parametrize("width", ["65534", "16"])
def test_short_memory_is_said_in_a_line(
    file: Path, tmp_path: Path, width: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def short(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    if width == "16":
        monkeypatch.setattr("pipeline.laboratory.running.new_run", short)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    file.write_text(EXPERIMENT.replace("width: 16, heads: 2", f"width: {width}, heads: 1"), "utf-8")
    try:
        resource.setrlimit(resource.RLIMIT_AS, (2**35, limits[1]))  # a matrix of the model would need 51 GB
        assert cli.run(["experiment", "run", str(file), "--out", str(tmp_path / "out")]) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    said = capsys.readouterr().err
    assert "seed=0/runs/wording=1,seen=once: memory is too short for a model of " in said
    assert said.count("\n") == 1


def test_a_measure_that_is_added_or_changed_is_taken_of_the_finished_model(file: Path, tmp_path: Path):
    def done() -> tuple[Path, RunRecord]:
        (task,) = tasks(read_experiment(str(file)), tmp_path, 0, ["2,often"])
        return task.folder, run_task(task)

    _, first = done()
    few = "times: 2, rows: 5}\n  more: {kind: exam, split: exam, times: 2, tokens: 3}"
    file.write_text(EXPERIMENT.replace("times: 2}", few), "utf-8")
    folder, second = done()
    assert second.curve == first.curve
    assert [[point.tokens for point in second.measures[name]] for name in ("exam", "more")] == [[4096], [4096]]
    assert len((folder / "exam.jsonl").read_text().splitlines()) == 5
    assert len((folder / "more.jsonl").read_text().splitlines()) == 20
    (folder / "checkpoint.pt").unlink()
    assert done()[1] == second, "there is nothing to do"
    file.write_text(EXPERIMENT, "utf-8")
    with pytest.raises(
        StorageError, match=r"exam cannot be measured: the run is complete, and its checkpoint.pt is gone"
    ):
        done()
    assert read_record(folder) == second


def test_records_and_checkpoints_without_digests_of_measures_count_as_they_are(file: Path, tmp_path: Path):
    experiment = read_experiment(str(file))
    (task,) = tasks(experiment, tmp_path, 0, ["2,often"])
    whole = run_task(task)
    old = json.loads((task.folder / "run.json").read_text())
    del old["asked"]
    (task.folder / "run.json").write_text(json.dumps(old))
    state = torch.load(task.folder / "checkpoint.pt", weights_only=True)
    del state["asked"]
    torch.save(state, task.folder / "checkpoint.pt")
    assert finished(task.planned, [tmp_path], experiment.spec.measures)
    (task.folder / "run.json").unlink()
    assert run_task(task).measures == whole.measures


def test_predictions_of_a_run_are_what_score_reads(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out"
    (task,) = tasks(read_experiment(str(file)), out, 0, ["wording=2,seen=often"])
    record = run_task(task)
    lines = [json.loads(line) for line in (task.folder / "exam.jsonl").read_text().splitlines()]
    assert [line["row"] for line in lines] == list(range(20))
    assert cli.run(["score", task.data.folder.url, str(task.folder / "exam.jsonl")]) == 0
    shown = f"{record.measures['exam'][-1].numbers['accuracy']:.2%}"
    assert shown in capsys.readouterr().out.splitlines()[-1]


def test_a_run_that_was_killed_behind_its_last_checkpoint_has_its_record_written(file: Path, tmp_path: Path):
    (task,) = tasks(read_experiment(str(file)), tmp_path / "out", 0, ["wording=1,seen=once"])
    right = run_task(task)
    (task.folder / "run.json").unlink()
    assert run_task(task) == right


def test_a_loss_that_is_no_number_ends_the_run(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file.write_text(EXPERIMENT.replace("rate: 0.01, seeds", "rate: 10000000000, seeds"), "utf-8")
    assert cli.run(["experiment", "run", str(file), "--out", str(tmp_path / "out")]) == 1
    assert "Lower the learning rate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "measure", "refusal"),
    [
        ("{}", "{kind: check, split: exam}", "what is of the kind 'questions' cannot be checked."),
        (
            "{splits.train.packing: {length: 16}}",
            "{kind: exam, split: exam}",
            "a prompt of 'exam' has 25 tokens, and the",
        ),
        (
            "{splits.train: {columns: [documents, spans]}}",
            "{kind: capacity, split: train}",
            "no document of 'bios' lies wholly in a sequence of 'train'",
        ),
        (
            "{splits.exam.columns: [documents, spans]}",
            "{kind: capacity, split: exam}",
            "'exam' has no sources of biographies.",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused_before_training(
    tmp_path: Path, settings: str, measure: str, refusal: str, capsys: pytest.CaptureFixture[str]
):
    tree = yaml.safe_load(EXPERIMENT)["sweep"]["set"] | yaml.safe_load(settings)
    if exam := tree.pop("splits.exam.columns", None):
        tree["splits.exam"]["columns"] = exam
    path, out = tmp_path / "other.yaml", tmp_path / "out"
    path.write_text(OTHERS.format(base=SMALL, set=json.dumps(tree), measure=measure), "utf-8")
    assert cli.run(["experiment", "run", str(path), "--out", str(out)]) == 2
    assert refusal in capsys.readouterr().err
    assert list((out / "seed=0").iterdir()) == [out / "seed=0/data"]


@pytest.mark.parametrize(
    ("source", "split", "refusal"),
    [
        ({"bos": False}, "train", "rows of 'train' begin with a symbol of the sentence, which nothing predicts."),
        ({}, "packed", "the rows of the split 'packed' of the cell only=one have several documents, or parts of one."),
    ],
)
def test_a_divergence_is_refused_where_rows_are_no_sentences_with_something_before_them(
    tmp_path: Path, source: dict[str, object], split: str, refusal: str, capsys: pytest.CaptureFixture[str]
):
    rules = ["3 -> 2 1 | 1 2", "1 -> a b | b a a", "2 -> b b | a"]
    mixture = {"mixture": {"sentences": {}}}
    recipe = {
        "tokenizer": "symbols",
        "sources": {"sentences": {"kind": "grammar", "grammar": rules, "instances": 30, **source}},
        "splits": {
            "train": {**mixture, "packing": {"method": "rows", "length": 16}},
            "packed": {**mixture, "packing": {"length": 16}},
        },
    }
    base, path = tmp_path / "recipe.yaml", tmp_path / "other.yaml"
    base.write_text(json.dumps(recipe), "utf-8")
    path.write_text(OTHERS.format(base=base, set="{}", measure=f"{{kind: divergence, split: {split}}}"), "utf-8")
    assert cli.run(["experiment", "run", str(path), "--out", str(tmp_path / "out")]) == 2
    assert refusal in capsys.readouterr().err


OTHERS = """\
sweep:
  base: {base}
  set: {set}
  axes: {{only: {{one: {{}}}}}}
scales:
  small: {{model: {{layers: 1, width: 16, heads: 2}}, training: {{tokens: 4096, batch: 4, rate: 0.01}}}}
measures: {{it: {measure}}}
"""


@pytest.mark.parametrize(
    ("base", "settings", "measure", "numbers"),
    [
        (
            str(SMALL),
            "{splits.train.columns: [documents, spans], splits.train.packing: {length: 256}}",
            "{kind: capacity, split: train}",
            ["per_parameter", "bits", "names", "values", "known"],
        ),
        (
            "cfg3b_like",
            "{splits.train.mixture.sentences.tokens: 20_000, sources.exam_50.instances: 20}",
            "{kind: check, split: exam_50, rows: 8, tokens: 64}",
            ["accuracy", "accuracy.50"],
        ),
    ],
)
def test_bits_and_completions_are_measured(tmp_path: Path, base: str, settings: str, measure: str, numbers: list[str]):
    path = tmp_path / "other.yaml"
    path.write_text(OTHERS.format(base=base, set=settings, measure=measure), "utf-8")
    (task,) = tasks(read_experiment(str(path)), tmp_path / "out", 0)
    (point,) = run_task(task).measures["it"]
    assert list(point.numbers) == numbers
    assert all(np.isfinite(number) for number in point.numbers.values())
    if "bits" in numbers:
        losses = np.load(task.folder / "it.npy")
        found = capacity(task.data.folder.url, "train", losses, parameters=task.planned.parameters)
        assert point.numbers["bits"] == pytest.approx(found.total_bits)
        assert point.numbers["per_parameter"] == pytest.approx(found.ratio)
