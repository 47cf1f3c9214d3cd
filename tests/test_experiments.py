"""Experiments, as far as they need no torch: what they say, plan, claim and report. tests/torch/ trains them."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from pipeline import cli
from pipeline.core.errors import PipelineError, PlanError, SpecError, StorageError
from pipeline.dataset import Dataset
from pipeline.evaluate.prompts import prompt_ids
from pipeline.laboratory.claims import Quantity, read_claim
from pipeline.laboratory.experiment import Experiment, experiments, read_experiment
from pipeline.laboratory.measures import MEASURES
from pipeline.laboratory.planning import PlannedRun, parameters_of, planned_runs
from pipeline.laboratory.report import write_report
from pipeline.laboratory.results import (
    Point,
    Results,
    RunRecord,
    finished,
    read_record,
    run_folder,
    tokens_left,
    write_record,
)
from pipeline.laboratory.spec import ModelSpec
from tests.conftest import built
from tests.plans import plan_at, usual

SMALL = Path(__file__).parent / "golden/small.yaml"
EXPERIMENT = f"""\
# Two wordings or one.
sweep:
  base: {SMALL}
  set:
    sources.questions:
      {{kind: questions, world: people, templates: {{city: ["Where does {{{{ name }}}} live? | {{{{ city }}}}."]}}}}
    splits.exam: {{mixture: {{questions: {{}}}}, packing: {{method: rows, length: 64}}, columns: [answers]}}
  axes:
    wording: {{key: sources.bios.paraphrases, values: [1, 2]}}
    seen: {{once: {{splits.train.mixture.bios.exposures: 1}}, often: {{splits.train.mixture.bios.exposures: 9}}}}
scales:
  small: {{model: {{layers: 1, width: 16, heads: 2}}, training: {{tokens: 4096, batch: 4, rate: 0.01, seeds: [0, 7]}}}}
  large:
    set: {{worlds.people.size: 25}}
    model: {{layers: 2, width: 32, heads: 2}}
    training: {{tokens: 8192, batch: 4, rate: 0.01}}
measures:
  exam: {{kind: exam, split: exam, times: 2}}
paper:
  exam: {{source: "Figure 1", figures: {{"1,often": 0.25, "2,often": 0.5}}}}
claims:
  - {{claim: Two are better., test: "exam[2,often] >= 2 * exam[1,often]"}}
  - {{claim: Once is not enough., test: "exam[wording=2,seen=once] < 10%"}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(EXPERIMENT, "utf-8")
    return path


# ── what an experiment says ─────────────────────────────────────────────────────────────────────────────────────────


def test_cells_are_named_by_their_levels_where_only_one_axis_has_them(file: Path):
    experiment = read_experiment(str(file))
    assert experiment.cells == tuple(f"wording={w},seen={s}" for w in (1, 2) for s in ("once", "often"))
    assert experiment.cell("2,often") == experiment.cell("seen=often,2") == "wording=2,seen=often"
    assert experiment.figures("exam") == {"wording=1,seen=often": 0.25, "wording=2,seen=often": 0.5}
    for pattern, problem in {"often": "2 cells are 'often'", "3": "no cell '3'", "word=1": "no axis 'word'"}.items():
        with pytest.raises(SpecError, match=problem):
            experiment.cell(pattern)


def test_a_sweep_of_another_file_is_found_from_the_experiments_own(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tree = yaml.safe_load(EXPERIMENT)
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids/grid.yaml").write_text(yaml.safe_dump(tree["sweep"], sort_keys=False), "utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    inline = list(planned_runs(read_experiment(str(file), "large")))
    for name in ("grids/grid.yaml", "grids/grid"):
        file.write_text(yaml.safe_dump({**tree, "sweep": name}, sort_keys=False), "utf-8")
        assert list(planned_runs(read_experiment("../small.yaml", "large"))) == inline
    for name, problem in {
        "grids/grd.yaml": r"small.yaml:1: sweep: no recipe 'grids/grd.yaml'",
        str(SMALL): r"small.yaml:1: sweep: this is a recipe, where a sweep is needed",
    }.items():
        file.write_text(
            yaml.safe_dump({"sweep": name, **{key: tree[key] for key in ("scales", "measures")}}, sort_keys=False)
        )
        with pytest.raises(PipelineError, match=problem):
            assert read_experiment(str(file)).cells


def test_a_scale_and_a_seed_change_the_recipes_of_all_cells(file: Path):
    small, large = read_experiment(str(file)), read_experiment(str(file), "large", ["sources.bios.full_name=all"])
    assert small.scale == "small"
    for experiment, people, name in ((small, 20, "first"), (large, 25, "all")):
        sweep = experiment.sweep(7)
        for cell in sweep.cells:
            recipe = sweep.load(cell).recipe
            assert (recipe.seed, recipe.worlds["people"].size) == (7, people)
            assert recipe.sources["bios"].full_name == name


def test_a_plan_is_what_would_be_run(file: Path):
    runs = list(planned_runs(read_experiment(str(file))))
    assert [run.passes for run in runs[::2]] == pytest.approx([run.passes * 9 for run in runs[1::2]])
    for run in runs:
        assert (run.vocabulary, run.context, run.steps, run.tokens) == (258, 64, 16, 4096)
        assert run.parameters == parameters_of(ModelSpec(layers=1, width=16, heads=2), 258) == 258 * 16 + 3312
        assert run.flops == 6 * run.parameters * 4096


@pytest.mark.parametrize("name", experiments())
def test_every_experiment_of_the_library_is_read_at_every_scale(name: str):
    whole = read_experiment(name)
    assert whole.title
    for scale in whole.spec.scales:
        experiment = read_experiment(name, scale)
        sweep = experiment.sweep(experiment.sizes.training.seeds[0])
        for cell in sweep.cells:
            assert sweep.load(cell).recipe.splits


@pytest.mark.parametrize("cells", usual(["the last", "all"], "the last"))
@pytest.mark.parametrize("name", experiments())
def test_every_experiment_of_the_library_is_planned(name: str, cells: str):
    whole = cells == "all"
    once = ["tokenizer.vocabulary=null"]  # a reduced vocabulary is compiled twice
    experiment = read_experiment(name, overrides=[] if whole else once)
    chosen = experiment.cells if whole else experiment.cells[-1:]
    assert [run.cell for run in planned_runs(experiment, chosen)] == list(chosen)


# ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("test", "holds"),
    [
        ("a[x] > 2 * a[y]", False),
        ("a[x] >= 2 * a[y]", True),
        ("a[x] - a[y] * 2 <= 0 and a[x] > 50%", True),
        ("a[x] - (a[y] - 0.1) == 0.5", None),
        ("0 < a[y] < a[x] < 1", True),
        ("0 < a[x] < a[y]", False),
        ("-a[y] < -10% / 1", True),
        ("a[x] / a.zero[z] > 0", False),
        ("a[x]", None),
        ("a[x] > ", None),
        ("a[x] > b", None),
        ("a[x] > 1 or a[y] > 1", None),
        ("__import__('os') > 1", None),
        ("(" * 30 + "1" + ")" * 30 + " > 0", None),
        ("1 > 0 " * 400, None),
    ],
)
def test_a_claim_is_decided_by_arithmetic_alone(test: str, holds: bool | None):
    values = {Quantity("a", "", "x"): 0.6, Quantity("a", "", "y"): 0.3, Quantity("a", "zero", "z"): 0.0}
    if holds is None:
        with pytest.raises(SpecError):
            read_claim(test)
    else:
        assert read_claim(test).holds(values.__getitem__) is holds


# ── the report ──────────────────────────────────────────────────────────────────────────────────────────────────────


def record(run: PlannedRun, accuracy: float) -> RunRecord:
    points = [Point(2048, {"accuracy": 0.0}, 0.1), Point(4096, {"accuracy": accuracy}, 0.1)]
    return RunRecord(
        run=run.digest,
        experiment="small",
        scale="small",
        cell=run.cell,
        seed=run.seed,
        fingerprint="f" * 64,
        complete=True,
        steps=16,
        tokens=4096,
        parameters=7440,
        vocabulary=258,
        context=64,
        seconds=2.0,
        device="two cores",
        versions={"torch": "2.13"},
        curve=[(2048, 5.0), (4096, 3.0)],
        measures={"exam": points},
    )


def told(out: Path, experiment: Experiment, of: dict[str, tuple[float, float]]) -> None:
    """Records of the runs of cells, a number for each of the two seeds."""
    for cell, numbers in of.items():
        for seed, number in zip((0, 7), numbers, strict=True):
            (run,) = planned_runs(experiment, [cell], seed)
            folder = run_folder(out, seed, run.cell)
            folder.mkdir(parents=True)
            write_record(folder, record(run, number))


class Loads(HTMLParser):
    """Whatever a page would load, or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] * (tag in ("script", "link", "img", "iframe", "object", "embed"))
        self.found += [name for name, _ in attrs if name in ("src", "href") or name.startswith("on")]


def test_means_of_complete_runs_decide_the_claims_and_stand_beside_the_papers_figures(file: Path, tmp_path: Path):
    experiment = read_experiment(str(file))
    told(tmp_path, experiment, {"1,often": (0.2, 0.3), "2,often": (0.6, 0.5), "1,once": (0.0, 0.0)})
    assert [verdict[2] for verdict in Results.of(experiment, tmp_path).decided()] == [True, None]
    page, text = (path.read_text("utf-8") for path in write_report(experiment, [tmp_path]))
    assert "| Two are better. | `exam[2,often] >= 2 * exam[1,often]` | yes |" in text
    assert "| Once is not enough. | `exam[wording=2,seen=once] < 10%` | not yet |" in text
    assert "| wording=2,seen=often | 55.0% | 60.0%, 50.0% | 50.0% |" in text
    assert "| wording=2,seen=once | – | – | – |" in text
    assert "Not complete: 2 runs are missing." in text
    assert "| wording=1,seen=once | 0 | 7,440 | 258 | 4,096 | 2 s | 2,048 | ffffffffffffffff |" in text
    assert "55.0%" in page
    assert "Figure 1" in page
    page_of_all = tmp_path / "all.md"
    page_of_all.write_text(
        "# All\n\nAbove.\n\n<!-- report of small, small -->\nold\n<!-- end of small, small -->\nBelow.\n"
    )
    for _ in range(2):
        write_report(experiment, [tmp_path], page_of_all)
        whole = f"<!-- report of small, small -->\n{text}<!-- end of small, small -->\n"
        assert page_of_all.read_text("utf-8") == f"# All\n\nAbove.\n\n{whole}Below.\n"
    page_of_all.write_text("# All\n")
    write_report(experiment, [tmp_path], page_of_all)
    assert page_of_all.read_text("utf-8") == f"# All\n\n{whole}"
    loads = Loads()
    loads.feed(page)
    assert loads.found == []
    assert not re.search(r"url\(|@import|https?://", page)


def test_runs_of_several_folders_count_each_once(file: Path, tmp_path: Path):
    experiment = read_experiment(str(file))
    here, there = tmp_path / "here", tmp_path / "there"
    told(here, experiment, {"1,often": (0.2, 0.4), "2,often": (0.6, 0.5)})
    told(there, experiment, {"1,often": (0.9, 0.3), "1,once": (0.0, 0.0), "2,often": (0.8, 0.7)})
    unfinished = run_folder(here, 7, "wording=2,seen=often")
    begun = read_record(unfinished)
    assert begun
    write_record(unfinished, replace(begun, complete=False))
    results = Results.of(experiment, here, there)
    assert results.values("exam", "accuracy", "wording=1,seen=often") == [0.2, 0.4]
    assert results.values("exam", "accuracy", "wording=2,seen=often") == [0.6, 0.7]
    assert results.values("exam", "accuracy", "wording=1,seen=once") == [0.0, 0.0]


def test_runs_of_other_data_or_sizes_count_in_no_number_and_are_named(file: Path, tmp_path: Path):
    told(tmp_path, read_experiment(str(file)), {"1,often": (0.2, 0.4), "2,often": (0.6, 0.5)})
    for old, new, overrides in (
        ("training: {tokens: 4096", "training: {tokens: 8192", []),
        ("model: {layers: 1", "model: {layers: 2", []),
        ("rate: 0.01, seeds", "rate: 0.02, seeds", []),
        ("", "", ["worlds.people.size=21"]),
    ):
        file.write_text(EXPERIMENT.replace(old, new, 1), "utf-8")
        experiment = read_experiment(str(file), overrides=overrides)
        results = Results.of(experiment, tmp_path)
        assert not any(results.runs.values())
        assert [(run.cell, run.seed) for run in results.others] == [
            (f"wording={wording},seen=often", seed) for seed in (0, 7) for wording in (1, 2)
        ]
        assert [verdict[2] for verdict in results.decided()] == [None, None]
    text = write_report(experiment, [tmp_path])[1].read_text("utf-8")
    assert "Not complete: 8 runs are missing." in text
    assert "of other data or sizes than the experiment has now: wording=1,seen=often, seed 0; wording=2," in text


def test_only_seeds_of_the_experiment_are_run(file: Path):
    experiment = read_experiment(str(file))
    seeds = experiment.sizes.training.seeds
    assert experiment.chosen_seeds(None) == seeds
    assert experiment.chosen_seeds([seeds[1], seeds[1]]) == [seeds[1]]
    with pytest.raises(PlanError, match=r"the scale 'small' has no seed 99. It has: "):
        experiment.chosen_seeds([99])


def test_a_run_that_is_not_complete_counts_in_no_mean(file: Path, tmp_path: Path):
    experiment = read_experiment(str(file))
    told(tmp_path, experiment, {"1,often": (0.2, 0.3)})
    folder = tmp_path / "seed=7/runs/wording=1,seen=often"
    found = read_record(folder)
    assert found
    write_record(folder, replace(found, complete=False))
    assert Results.of(experiment, tmp_path).values("exam", "accuracy", "wording=1,seen=often") == [0.2]


def test_what_is_no_record_is_refused(file: Path, tmp_path: Path):
    (tmp_path / "run.json").write_text('{"run": 1}')
    with pytest.raises(PipelineError, match=r"no record of a run.*Remove it: the run begins anew"):
        read_record(tmp_path)


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"seconds": INFINITE}, "seconds: Input should be a finite number"),
        ({"tokens": -1}, "tokens: Input should be greater than or equal to 0"),
        ({"curve": [[0, 1.0]]}, r"curve\.0\.0: Input should be greater than 0"),
        ({"curve": [[64, NAN]]}, r"curve\.0\.1: Input should be a finite number"),
        (
            {"measures": {"exam": [{"tokens": 64, "numbers": {"accuracy": NAN}, "seconds": 1}]}},
            r"measures\.exam\.0\.numbers\.accuracy: Input should be a finite number",
        ),
    ],
)
def test_a_record_with_what_is_no_number_is_refused(
    file: Path, tmp_path: Path, changed: dict[str, object], problem: str
):
    (run, *_) = planned_runs(read_experiment(str(file)), ["1,once"])
    (tmp_path / "run.json").write_text(json.dumps({**asdict(record(run, 0.5)), **changed}))
    with pytest.raises(StorageError, match=problem):
        read_record(tmp_path)


def test_a_record_that_is_a_folder_or_a_pipe_is_refused(file: Path, tmp_path: Path):
    (tmp_path / "folder/run.json").mkdir(parents=True)
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe/run.json")
    (tmp_path / "file").write_text("")
    for name, problem in {"folder": "it is a folder", "pipe": "it is a pipe", "file": "below a file"}.items():
        with pytest.raises(StorageError, match=problem):
            read_record(tmp_path / name if name != "file" else tmp_path / "file/seed=0")


def test_a_measure_that_was_not_taken_or_otherwise_is_still_to_be_done(file: Path, tmp_path: Path):
    told(tmp_path, read_experiment(str(file)), {"1,often": (0.2, 0.4)})
    folder = run_folder(tmp_path, 0, "wording=1,seen=often")
    for new, lacking in {
        "times: 3}": [],
        "times: 2}\n  other: {kind: exam, split: exam}": ["other"],
        "times: 2, rows: 5}": ["exam"],
    }.items():
        found = read_record(folder)
        assert found
        write_record(folder, replace(found, asked={"exam": read_experiment(str(file)).spec.measures["exam"].digest}))
        file.write_text(EXPERIMENT.replace("times: 2}", new), "utf-8")
        experiment = read_experiment(str(file))
        (run,) = planned_runs(experiment, ["1,often"], 0)
        found = read_record(folder)
        assert found
        assert found.lacking(experiment.spec.measures) == lacking
        assert (finished(run, [tmp_path], experiment.spec.measures) is None) == bool(lacking)
        numbers = Results.of(experiment, tmp_path).values("exam", "accuracy", run.cell)
        assert numbers == ([0.4] if "exam" in lacking else [0.2, 0.4]), (
            "the record of the other seed says nothing of it"
        )
        text = write_report(experiment, [tmp_path])[1].read_text("utf-8")
        noted = [line for line in text.splitlines() if line.startswith("Not measured, or not as the experiment has it")]
        assert bool(noted) == bool(lacking)
        if lacking:
            assert f"{lacking[0]} of wording=1,seen=often, seed 0" in noted[0]
        file.write_text(EXPERIMENT, "utf-8")


def test_a_number_that_no_run_gives_is_named(file: Path, tmp_path: Path):
    file.write_text(EXPERIMENT.replace("2 * exam[1,often]", "2 * exam.accuracy.town[1,often]"), "utf-8")
    experiment = read_experiment(str(file))
    told(tmp_path, experiment, {"1,often": (0.2, 0.4), "2,often": (0.6, 0.5)})
    text = write_report(experiment, [tmp_path])[1].read_text("utf-8")
    assert "\nNo run has a number exam.accuracy.town[wording=1,seen=often], which a claim is about.\n" in text


def test_what_is_left_counts_begun_runs_of_this_folder_and_complete_ones_of_others(file: Path, tmp_path: Path):
    experiment = read_experiment(str(file))
    here, there = tmp_path / "here", tmp_path / "there"
    told(here, experiment, {"1,often": (0.2, 0.4)})
    told(there, experiment, {"1,often": (0.2, 0.4), "1,once": (0.2, 0.4)})
    for out, seed, cell, changed in (
        (here, 0, "wording=1,seen=often", {"complete": False, "tokens": 2048}),
        (there, 0, "wording=1,seen=often", {"complete": False, "tokens": 3072}),
        (here, 7, "wording=1,seen=often", {"run": "of other data"}),
        (there, 7, "wording=1,seen=often", {"complete": False, "tokens": 3072}),
        (there, 7, "wording=1,seen=once", {"run": "of other data"}),
    ):
        found = read_record(run_folder(out, seed, cell))
        assert found
        write_record(run_folder(out, seed, cell), replace(found, **changed))  # type: ignore[arg-type]
    assert tokens_left(experiment, [here, there], [0], ["often"]) == 2048 + 4096
    assert tokens_left(experiment, [here, there], [0], ["once"]) == 4096
    assert tokens_left(experiment, [here, there], [7], ["1"]) == 4096 + 4096


def test_a_title_a_claim_and_a_source_are_text_in_one_line(file: Path, tmp_path: Path):
    text = EXPERIMENT.replace("# Two wordings or one.", "# <script>alert(1)</script> & more")
    text = text.replace("claim: Two are better.", 'claim: "a | b\\n\\n<img src=x onerror=alert(1)>"')
    text = text.replace('"exam[2,often] >= 2', '"exam[2,often]\\n\\n >= 2').replace('"Figure 1"', '"<b>1</b>\\n\\n2"')
    file.write_text(text, "utf-8")
    experiment = read_experiment(str(file))
    told(tmp_path, experiment, {"1,often": (0.2, 0.3)})
    page, text = (path.read_text("utf-8") for path in write_report(experiment, [tmp_path]))
    assert "\n&lt;script>alert(1)&lt;/script> &amp; more\n" in text
    assert "\n| a \\| b &lt;img src=x onerror=alert(1)> | `exam[2,often] >= 2 * exam[1,often]` | not yet |\n" in text
    assert "the paper: &lt;b>1&lt;/b> 2\n" in text
    loads = Loads()
    loads.feed(page)
    assert loads.found == []


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_around_a_report_in_a_page_everything_stays(file: Path, tmp_path: Path, newline: str):
    experiment = read_experiment(str(file))
    (tmp_path / "real.md").write_bytes(
        newline.join(
            ["A", "<!-- report of small, small -->", "before", "<!-- end of small, small -->", "B", ""]
        ).encode()
    )
    page = tmp_path / "page.md"
    page.symlink_to("real.md")
    for _ in range(2):
        write_report(experiment, [tmp_path], page)
        written = page.read_bytes().decode()
        assert written.startswith(f"A{newline}<!-- report of small, small -->")
        assert written.endswith(f"<!-- end of small, small -->{newline}B{newline}")
        assert "before" not in written
    assert page.is_symlink()


BEGIN, END = "<!-- report of small, small -->\n", "<!-- end of small, small -->\n"


@pytest.mark.parametrize(
    "text", [f"A\n{BEGIN}B\n", f"A\n{END}B\n", f"{END}A\n{BEGIN}B\n", f"{BEGIN}A\n{BEGIN}{END}B\n", "\udcff"]
)
def test_a_page_with_half_of_a_report_and_no_text_are_refused_before_anything_is_written(
    file: Path, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
):
    page = tmp_path / "page.md"
    page.write_bytes(text.encode(errors="surrogateescape"))
    before = page.read_bytes()
    assert cli.run(["experiment", "report", str(file), "--out", str(tmp_path / "out"), "--into", str(page)]) == 2
    assert capsys.readouterr().err.startswith(f"StorageError: {page}: ")
    assert page.read_bytes() == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--out", "FILE"], "FILE/seed=0/runs/wording=1,seen=once: this is below a file, and not a folder."),
        (["--out", "DATA"], "DATA: this is the folder of a dataset, and not of an experiment. Give another --out."),
        (["--out", "SWEEP"], "SWEEP: this is the folder of a sweep, and not of an experiment. Give another --out."),
        (["--out", "OUT", "--into", "FOLDER"], "FOLDER: cannot be read: it is a folder, not a file."),
        (["--out", "OUT", "--into", "PIPE"], "PIPE: cannot be read: it is a pipe or a device, not a file."),
        (["--out", "OUT", "--into", "FILE/page.md"], "FILE/page.md: cannot be written: "),
        (["--out", "OUT", "--runs-of", "NONE"], "NONE: there is no such folder."),
        (["--out", "~x-y/z"], "~x-y/z: '~x-y' is nobody's home."),
    ],
)
def test_a_place_that_cannot_be_read_or_written_is_named(
    file: Path, tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "FILE").write_text("hello")
    (tmp_path / "FOLDER").mkdir()
    os.mkfifo(tmp_path / "PIPE")
    for name, inside in {"DATA": "manifest.json", "SWEEP": "sweep.json"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / inside).write_text("{}")
    words = "FILE", "FOLDER", "PIPE", "NONE", "OUT", "DATA", "SWEEP"
    places = [str(tmp_path / one) if one.split("/")[0] in words else one for one in options]
    assert cli.run(["experiment", "report", str(file), *places]) == 2
    said = capsys.readouterr().err
    assert said.replace(f"{tmp_path}/", "").startswith(f"StorageError: {message}")
    assert said.count("\n") == 1
    assert (tmp_path / "FILE").read_text() == "hello"


# ── prompts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("tokenizer", ["byte_tokenizer.json", "gpt2"])
def test_ids_of_a_prompt_are_those_with_which_its_row_begins(tmp_path: Path, tokenizer: str):
    """Its text has no space in front, which the rows have: encoded, it would be other tokens than a model knows."""
    name = tokenizer if tokenizer == "gpt2" else str(SMALL.parent / tokenizer)
    tree = yaml.safe_load(EXPERIMENT)["sweep"]["set"]
    text = yaml.safe_dump({"extends": str(SMALL), "tokenizer": {"name": name}, **_nested(tree)})
    built(plan_at(tmp_path / "r.yaml", text), tmp_path / "data")
    data = Dataset.at(tmp_path / "data")
    rows = [row for batch in data.batches("exam") for row in batch.to_pylist()]
    prompts = list(prompt_ids(data, "exam"))
    assert len(prompts) == len(rows) == 20
    for row, ids in zip(rows, prompts, strict=True):
        assert row["input_ids"][: len(ids)] == ids
        assert data.tokenizer().decode(ids) == f" {row['prompt']}"
        rest = data.tokenizer().decode(row["input_ids"][len(ids) :], skip_special_tokens=False)
        assert rest.startswith(f" {row['answer']}")
    assert list(prompt_ids(data, "exam", 3)) == prompts[:3]


def _nested(settings: dict[str, object]) -> dict[str, object]:
    """{"a.b": c} as {"a": {"b": c}}."""
    nested: dict[str, dict[str, object]] = {}
    for path, value in settings.items():
        group, _, key = path.partition(".")
        nested.setdefault(group, {})[key] = value
    return dict(nested)


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    "measures:\n  exam: {kind: exam, split: exam, times: 2}": {
        "measures:\n  exam: {kind: exm, split: exam}": "measures.exam.kind: 'exm' is not possible here. "
        "Did you mean 'exam'?",
        "measures:\n  exam: {kind: exam}": "measures.exam: 'split' is missing. Write `split: …` there.",
    },
    "exam[2,often] >=": {
        "exm[2,often] >=": "claims.0.test: nothing is measured as 'exm'. Did you mean 'exam'?",
        "exam[3,often] >=": "claims.0.test: no cell '3'. It can be: 1, 2, often, once.",
        "exam.speed[2,often] >=": "claims.0.test: exam has no number 'speed'. It can be: accuracy.",
        "exam[often] >=": "claims.0.test: 2 cells are 'often'. Name one whole: wording=1,seen=often.",
        "exam[2,often] ≥": "claims.0.test: no claim has '≥ 2 * exam[1,often]'. "
        "Example: exam[multi5] >= 10 * exam[single].",
    },
    'figures: {"1,often"': {
        'figures: {"often,1": 0.5, "1,often"': "paper.exam.figures.1,often: '1,often' is the cell 'often,1', which has "
        "a figure. Remove one.",
        'figures: {"1,oft"': "paper.exam.figures.1,oft: no cell 'oft'. Did you mean 'often'?",
    },
    "heads: 2}, training: {tokens: 4096": {
        "heads: 3}, training: {tokens: 4096": "scales.small.model.heads: a width of 16 is no even number of features "
        "for each of 3 heads. Give a width such as 12.",
        "heads: 2}, training: {tokens: 1, passes: 1": "scales.small.training: both `tokens` and `passes` are given. "
        "Give one of them.",
        "heads: 2}, training: {seeds: [3, 0, 3], tokens: 4096, batch: 4, rate: 0.01}}\n  x: {model: {layers: 1, "
        "width: 8, heads: 2}, training: {tokens: 4096": "scales.small.training: the seed 3 stands twice in `seeds`, "
        "and would count twice. Remove one.",
        "heads: 2}, training: {rate: 1e400, batch: 4, tokens: 4096}}\n  x: {model: {layers: 1, width: 8, heads: 2}, "
        "training: {tokens: 4096": "scales.small.training.rate: must be less than or equal to 1000000000000000, "
        "not 100000…000 (401 digits). Lower it.",
        "heads: 2}, training: {tokens: -1": "scales.small.training.tokens: must be greater than 0, not -1. Raise it.",
    },
    "scales:\n  small: {model": {
        "scales:\n  small: {set: {seed: 1}, model": "scales.small.set.seed: scales.small.training.seeds sets the seed. "
        "Take it out here.",
    },
    "key: sources.bios.paraphrases, ": {
        "key: seed, ": "RecipeError: seed: the axis wording sets this (FILE:9). Take it out: "
        "scales.small.training.seeds sets the seed.",
    },
    "key: sources.bios.paraphrases": {
        "key: sources.bios.paraphrase": "sources.bios.paraphrase: unknown key, in the cell wording=1,seen=once. "
        "Did you mean 'paraphrases'?",
    },
    "columns: [answers]": {
        "columns: [loss_mask]": "small: exam: the split 'exam' of the cell wording=1,seen=once has no column "
        "'answers'. Add it to splits.exam.columns.",
    },
    "split: exam, times": {
        "split: exm, times": "small: exam: the cell wording=1,seen=once has no split 'exm'. It has: train, exam.",
    },
}


@pytest.mark.parametrize(
    ("old", "new", "message"), [(old, new, words) for old, cases in REFUSED.items() for new, words in cases.items()]
)
def test_what_does_not_fit_is_refused_in_one_line(
    file: Path, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
):
    assert old in EXPERIMENT
    file.write_text(EXPERIMENT.replace(old, new, 1), "utf-8")
    assert cli.run(["experiment", "plan", str(file)]) == 2
    said = capsys.readouterr().err.replace(str(file), "FILE")
    assert said.endswith(f"{message}\n")
    assert said.count("\n") == 1


def test_a_name_or_a_scale_that_is_not_there_is_refused(file: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["experiment", "plan", "extractoin"]) == 2
    assert capsys.readouterr().err == "RecipeError: no experiment 'extractoin'. Did you mean 'extraction'?\n"
    assert cli.run(["experiment", "plan", str(file), "--scale", "huge"]) == 2
    assert capsys.readouterr().err == "PlanError: --scale: no scale 'huge'. It can be: large, small.\n"


def test_rows_longer_than_the_models_context_are_refused_where_they_are_read_whole(
    file: Path, capsys: pytest.CaptureFixture[str]
):
    long = "splits.long: {mixture: {bios: {}}, packing: {length: LENGTH}, columns: [documents, spans]}"
    text = EXPERIMENT.replace("    splits.exam:", f"    {long}\n    splits.exam:")
    text = text[: text.index("paper:")].replace("{kind: exam, split: exam", "{kind: capacity, split: long")
    for length, code in {"128": 2, "64": 0}.items():
        file.write_text(text.replace("LENGTH", length), "utf-8")
        assert cli.run(["experiment", "plan", str(file)]) == code
    assert capsys.readouterr().err == (
        "PlanError: small: exam: the rows of the split 'long' of the cell wording=1,seen=once have 128 tokens, and the "
        "model has a context of 64. Set splits.long.packing.length to 64 or less.\n"
    )


def test_a_seed_of_the_command_line_is_one_of_the_experiments(file: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.run(["experiment", "plan", str(file), "--set", "seed=5"]) == 2
    said = "RecipeError: --set seed=5: scales.small.training.seeds sets the seed. Choose one of them by --seed.\n"
    assert capsys.readouterr().err == said


def test_without_torch_the_line_that_installs_it_is_said(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pipeline.commands.experiment.find_spec", lambda name: None)
    assert cli.run(["experiment", "run", str(file)]) == 2
    assert "pip install 'pretraining-recipes[torch]'" in capsys.readouterr().err


def test_every_kind_of_measure_says_what_it_gives():
    assert list(MEASURES) == ["capacity", "check", "divergence", "exam", "probe"]
    for kind in MEASURES.values():
        assert kind.spec.NUMBERS
        assert kind.summary.endswith(".")
