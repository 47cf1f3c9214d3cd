"""Sweeps: which cells there are, that each is the recipe that it says, and that all of them lie in one folder."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import yaml

import pipeline
from pipeline import cli
from pipeline.build import sweeping
from pipeline.build.executors import Auto, Executor, Inline, Ray, local
from pipeline.build.sweeping import build_sweep
from pipeline.build.verification import verify
from pipeline.core.errors import PipelineError, PlanError, RecipeError, RunError, StorageError
from pipeline.dataset.sweep_index import SweepIndex
from pipeline.plan import compile_plan, summary
from pipeline.recipe import load, paths
from pipeline.recipe.places import Origin
from pipeline.recipe.reading import read_text
from pipeline.recipe.validating import validated
from pipeline.recipe.writing import described
from pipeline.recipe.yaml_tree import Mark
from pipeline.storage import LocalFolder
from pipeline.sweeps import Sweep, SweepSpec, read_sweep, sweep_of
from pipeline.sweeps.conditions import condition
from pipeline.sweeps.json_schema import schema
from pipeline.sweeps.planning import planned_sweep
from pipeline.sweeps.table import HEAD, lines
from pipeline.worlds.attributes.choice import ChoiceSpec
from tests.conftest import built, contents

SMALL = Path(__file__).parent / "golden/small.yaml"  # twenty people
EXPOSURES = "splits.train.mixture.bios.exposures"
SWEEP = f"""\
# A few people, a few times.
base: {SMALL}
set: {{shard_tokens: 1024}}
axes:
  people: {{key: worlds.people.size, values: [20, 10]}}
  seen:
    twice: {{{EXPOSURES}: 2}}
    four_times: {{splits: {{train: {{mixture: {{bios: {{exposures: 4}}}}}}}}}}
    as_written: {{}}
"""
AXIS = "base: small\naxes:\n  a: "
REFUSED = yaml.load((Path(__file__).parent / "sweep_refusals.yaml").read_text("utf-8"), yaml.CSafeLoader)
NAMES = [f"people={people},seen={seen}" for people in (20, 10) for seen in ("twice", "four_times", "as_written")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the sweep s.yaml in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SWEEP)
    return tmp_path


def sweep(text: str, *overrides: str) -> Sweep:
    """The sweep in a text, as s.yaml in the current folder."""
    Path("s.yaml").write_text(text)
    return read_sweep("s.yaml", overrides)


def make(out: str | Path, *patterns: str, executor: Executor | None = None, overrides: Sequence[str] = ()) -> list[str]:
    """Build s.yaml; the cells whose datasets had shards to be made, in the order in which they were complete."""
    of = read_sweep("s.yaml", overrides)
    new: list[str] = []
    build_sweep(
        of,
        planned_sweep(of, of.selected(patterns)),
        out,
        executor or Inline(),
        finished=lambda part, manifest, made: new.append(part.folder) if made else None,
    )
    return new


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command prints; a refusal is one line."""
    assert cli.run(arguments) == code
    captured = capsys.readouterr()
    if code:
        assert captured.err.count("\n") == 1
    return captured.err if code else captured.out


# ── cells ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_cells_are_named_by_their_coordinates_in_the_order_of_the_axes(folder: Path) -> None:
    cells = read_sweep("s.yaml").cells
    assert [cell.name for cell in cells] == NAMES
    assert cells[1].coordinates == {"people": "20", "seen": "four_times"}


def test_values_are_named_as_yaml_1_2_reads_them(folder: Path) -> None:
    values = "[no, yes, true, null, 1_000, 2e3, 0.50, 1/4, -2, off]"
    assert sweep(f"base: tiny\naxes: \n  a: {{key: x, values: {values}}}\n").axes["a"] == (
        *("no", "yes", "true", "null", "1000", "2000", "0.5", "0.25", "-2", "off"),
    )
    assert sweep("base: tiny\naxes:\n  tag: {no: {}, yes: {}, 1.0: {}, null: {}}\n").axes["tag"] == (
        *("no", "yes", "1.0", "null"),
    )


AXES = {"wording": ("single", "multi5"), "junk": ("0", "1", "7"), "tag": ("no", "yes")}
GRID = [(wording, junk, tag) for wording in AXES["wording"] for junk in AXES["junk"] for tag in AXES["tag"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wording == 'single'", lambda w, j, t: w == "single"),
        ('wording != "single" and junk > 0', lambda w, j, t: w != "single" and int(j) > 0),
        ("junk == 0 or tag == yes and junk >= 7", lambda w, j, t: j == "0" or (t == "yes" and j == "7")),
        ("(junk == 0 or tag == yes) and junk < 7", lambda w, j, t: (j == "0" or t == "yes") and j != "7"),
        ("not tag == no and not (junk in [0, 7])", lambda w, j, t: t != "no" and j == "1"),
        ("junk not in [0,7]", lambda w, j, t: j == "1"),
        ("not not junk <= 0.5", lambda w, j, t: j == "0"),
        ("junk == 7.0", lambda w, j, t: j == "7"),
    ],
)
def test_conditions_mean_what_they_say(text: str, expected: Callable[[str, str, str], bool]) -> None:
    holds = condition(text, AXES)
    assert [cell for cell in GRID if holds(dict(zip(AXES, cell, strict=True)))] == [c for c in GRID if expected(*c)]


def test_excluded_cells_are_left_out(folder: Path) -> None:
    cells = sweep(SWEEP + 'exclude: ["people < 20 and seen == twice", "seen in [as_written]"]\n').cells
    assert [cell.name for cell in cells] == [NAMES[0], NAMES[1], NAMES[4]]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([], NAMES),
        (["people=10"], NAMES[3:]),
        (["seen=twice", "people=10,seen=four_times"], [NAMES[0], NAMES[3], NAMES[4]]),
        (["seen=twice,people=20"], NAMES[:1]),
        (["twice, 20", "people = 10"], [NAMES[0], *NAMES[3:]]),
    ],
)
def test_patterns_choose_cells_by_some_of_their_coordinates(
    folder: Path, patterns: list[str], expected: list[str]
) -> None:
    assert [cell.name for cell in read_sweep("s.yaml").selected(patterns)] == expected


# ── each cell is the recipe that it says ────────────────────────────────────────────────────────────────────────────

EVERYTHING = f"""\
base: other
set:
  shard_tokens: 2048
  sources.bios.tag: <a>
  exports: [parquet, {{kind: mds}}]
axes:
  recipe:
    other: {{sources.bios.tag: null}}
    small: {{base: {SMALL}}}
  packed:
    no: {{}}
    yes: {{splits.train: {{packing: {{length: 32}}, columns: [documents]}}, exports.1.splits: [train]}}
  rare: {{key: {EXPOSURES}, values: [0.5, 3]}}
"""


def test_a_cell_has_the_plan_of_its_base_with_the_same_overrides(folder: Path) -> None:
    Path("other.yaml").write_text(f"extends: {SMALL}\nseed: 7\nsources: {{bios: {{tag: <b>}}}}\n")
    of = sweep(EVERYTHING, "worlds.people.attributes.shoes.last=46")
    for cell in of.cells:
        recipe, packed, rare = cell.coordinates.values()
        overrides = [
            "shard_tokens=2048",
            "sources.bios.tag=<a>",
            "exports=[parquet, {kind: mds}]",
        ]
        overrides += ["sources.bios.tag=null"] * (recipe == "other")
        if packed == "yes":
            overrides += ["splits.train={packing: {length: 32}, columns: [documents]}", "exports.1.splits=[train]"]
        overrides += [f"{EXPOSURES}={rare}", "worlds.people.attributes.shoes.last=46"]
        base = "./other.yaml" if recipe == "other" else str(SMALL)
        expected, loaded = load(base, overrides), of.load(cell)
        assert loaded.recipe == expected.recipe
        assert compile_plan(loaded).fingerprint == compile_plan(expected).fingerprint
    assert len(of.cells) == 8


def test_files_that_a_level_names_lie_beside_the_sweep(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "below/cities.txt").write_text("Rome\nParis\n")
    city = "worlds.people.attributes.city: {values: null, weights: null, file: cities.txt}"
    country = "worlds.people.attributes.country: {values: [Italy, France]}"
    (folder / "below/s.yaml").write_text(f"base: {SMALL}\naxes:\n  cities:\n    two: {{{city}, {country}}}\n")
    of = read_sweep("below/s.yaml")
    city = of.load(of.cells[0]).recipe.worlds["people"].attributes["city"]
    assert isinstance(city, ChoiceSpec)
    assert city.values == ["Rome", "Paris"]


def test_a_sweep_can_stand_inside_another_spec_and_knows_its_places(folder: Path) -> None:
    text = (
        f"what: an experiment\nsweep:\n  base: {SMALL}\n  axes:\n    people: {{key: worlds.people.siz, values: [9]}}\n"
    )
    tree = read_text(text, "e.yaml", Mark(folder / "e.yaml", 1))
    node = tree.child("sweep")
    assert node
    of = sweep_of(validated(SweepSpec, node.plain(), Origin(node)), node, ("sweep",))
    with pytest.raises(RecipeError, match=r"e.yaml:5: worlds.people.siz: unknown key, in the cell people=9. Did you"):
        of.load(of.cells[0])


LIBRARY = {
    "bioS_wordings": {
        "wording=single,questions=no": "bioS_single",
        "wording=single_permute1,questions=no": "bioS_single_permute1",
        "wording=multi5,questions=no": "bioS_multi5",
        "wording=multi5_permute,questions=half": "bioS_mixed_50",
        "wording=multi5_permute_fullname,questions=no": "bioS_multi5_permute_fullname",
    },
    "exposures_by_junk": {
        "exposures=100,junk=0,tag=no": "bioS_100K_100",
        "exposures=1000,junk=0,tag=no": "bioS_100K_1000",
        "exposures=100,junk=7,tag=no": "junk_random",
        "exposures=100,junk=7,tag=yes": "junk_tagged",
    },
}


@pytest.mark.parametrize("name", LIBRARY)
def test_cells_of_the_library_are_the_recipes_of_the_papers(name: str) -> None:
    of = read_sweep(name)
    for cell, recipe in LIBRARY[name].items():
        loaded = of.load(of.one(cell))
        assert described(loaded.recipe) == described(load(recipe).recipe), cell
        assert loaded.title == f"{of.title.rstrip('.')}: {cell}."
    assert {*paths.sweeps()} == {*LIBRARY}


# ── plan ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_json_of_a_sweep_has_for_each_cell_what_that_of_a_recipe_has(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = json.loads(said(capsys, "plan", "s.yaml", "--json"))
    assert [cell["cell"] for cell in table["cells"]] == NAMES
    assert [cell["dataset"] for cell in table["cells"]] == [*NAMES[:2], NAMES[1], *NAMES[3:5], NAMES[4]]
    overrides = ("--set", "shard_tokens=1024", "--set", "worlds.people.size=10", "--set", f"{EXPOSURES}=2")
    single = json.loads(said(capsys, "plan", str(SMALL), "--json", *overrides))
    assert {**table["cells"][3], "title": ""} == {
        **single,
        "title": "",
        "cell": NAMES[3],
        "coordinates": {"people": "10", "seen": "twice"},
        "dataset": NAMES[3],
    }
    plan = compile_plan(load(str(SMALL), ["shard_tokens=1024", "worlds.people.size=10", f"{EXPOSURES}=2"]))
    assert single == json.loads(json.dumps(summary.of_plan(plan)))
    assert single["documents"] == 20
    assert single["worlds"]["people"]["parameters_at_2_bits"] == round(single["worlds"]["people"]["bits"] / 2)
    once = [table["cells"][i] for i in (0, 1, 3, 4)]
    assert table["totals"] == summary.summed(once)
    assert table["totals"]["documents"] == 40 + 80 + 20 + 40


def test_the_table_has_a_line_for_each_cell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "plan", "s.yaml").splitlines()
    assert shown[0] == "A few people, a few times."
    head, *rows = (line.split() for line in shown[1:9])
    assert head == " ".join(["people", "seen", *HEAD]).split()
    assert [f"people={row[0]},seen={row[1]}" for row in rows[:6]] == NAMES
    assert rows[6][0] == "total"
    assert "6 cells, 4 datasets" in shown
    assert f"the same dataset, built once: {NAMES[1]} and {NAMES[2]}" in shown
    assert "1 cell, 1 dataset" in said(capsys, "plan", "s.yaml", "--cell", NAMES[0]).splitlines()


def test_cells_that_cannot_be_planned_are_named_and_the_others_are_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of = sweep(SWEEP.replace("10]", "40]"))
    planned = planned_sweep(of, of.cells)
    assert [one.cell.name for one in planned.cells] == NAMES[:3]
    expected = (
        "s.yaml:5: worlds.people.size: 40 items but only 25 names (5 × 5), in the cell people=40,seen=twice and 2"
        " others. Enlarge a pool or lower the size."
    )
    assert [str(refusal) for refusal in planned.refusals] == [expected]
    assert cli.run(["plan", "s.yaml"]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"RecipeError: {expected}\n"
    assert "four_times" in captured.out
    assert expected in said(capsys, "build", "s.yaml", code=2)
    assert not Path("data").exists()


def test_notices_of_equal_words_are_shown_once(folder: Path) -> None:
    untold = "sources.bios.templates: {born: null, shoes: null}"
    of = sweep(f"base: {SMALL}\nset: {{{untold}}}\naxes: {{seed: {{key: seed, values: [1, 2]}}}}\n")
    notices = [line for line in lines(of, planned_sweep(of, of.cells)) if line.startswith("notice:")]
    assert notices
    assert all("of born" in line or "born" in line for line in notices)
    assert all(line.endswith(" (in all cells)") for line in notices)
    assert len({*notices}) == len(notices)


# ── build, read, verify ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def undisturbed_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The datasets of SWEEP as they should be. Not to be changed."""
    place = tmp_path_factory.mktemp("sweep")
    (place / "s.yaml").write_text(SWEEP)
    of = read_sweep(str(place / "s.yaml"))
    build_sweep(of, planned_sweep(of, of.cells), place / "out", Inline())
    return place / "out"


@pytest.fixture
def out(folder: Path, undisturbed_sweep: Path) -> Path:
    """A copy of these datasets, to be damaged."""
    shutil.copytree(undisturbed_sweep, folder / "out")
    return folder / "out"


def test_equal_datasets_are_built_once_and_found_by_both_cells(out: Path) -> None:
    assert sorted(path.name for path in out.iterdir() if path.name != ".pipeline") == sorted(
        [NAMES[0], NAMES[1], NAMES[3], NAMES[4], "sweep.json"]
    )
    index = SweepIndex.of(LocalFolder(out))
    assert [index.cells[name]["folder"] for name in NAMES] == [*NAMES[:2], NAMES[1], *NAMES[3:5], NAMES[4]]
    assert verify(out) == []
    assert make(out) == []


def test_a_dataset_of_a_sweep_has_the_bytes_of_that_of_its_recipe(out: Path, tmp_path: Path) -> None:
    plan = compile_plan(load(str(SMALL), ["shard_tokens=1024", "worlds.people.size=10"]))
    built(plan, tmp_path / "alone")
    alone, swept = contents(tmp_path / "alone"), contents(out / NAMES[4])
    assert alone.keys() == swept.keys()
    assert [name for name in alone if alone[name] != swept[name]] == ["README.md", "recipe.yaml"]  # their titles


def test_a_stream_of_a_cell_gives_the_rows_that_are_built(out: Path) -> None:
    for cell in (NAMES[0], NAMES[2], "seen=twice,people=10"):
        made = list(iter(pipeline.stream("s.yaml", "train", cell=cell)))
        read = list(iter(pipeline.read(out, "train", cell=cell)))
        assert len(made) == len(read) > 10
        for one, other in zip(made, read, strict=True):
            assert one.keys() == other.keys()
            assert all(np.array_equal(one[name], other[name]) for name in one)
    with_override = pipeline.stream(Path("s.yaml"), "train", ["seed=2"], cell=NAMES[0])
    assert not np.array_equal(next(iter(with_override))["input_ids"], next(iter(made))["input_ids"])


class Stopping:
    """An executor that is stopped after so many shards."""

    def __init__(self, shards: int) -> None:
        self.left = shards

    def run(self, work: Any, common: Any, items: Sequence[Any], folder: LocalFolder) -> Iterator[Any]:
        for item in items:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            yield work(common, item)


@pytest.mark.parametrize("together", [1, 32])
def test_a_build_that_is_stopped_goes_on_where_it_was(
    folder: Path, undisturbed_sweep: Path, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "MOST_TOGETHER", together)
    with pytest.raises(KeyboardInterrupt):
        make("out", executor=Stopping(4))  # of 3, 6, 2 and 3
    assert not Path("out/sweep.json").exists()
    assert Path("out", NAMES[0], "manifest.json").exists()
    assert not Path("out", NAMES[1], "manifest.json").exists()
    kept: list[str] = []
    of = read_sweep("s.yaml")
    build_sweep(of, planned_sweep(of, of.cells), "out", Inline(), kept=lambda record: kept.append(record.file))
    assert len(kept) == 4
    assert contents(Path("out")) == contents(undisturbed_sweep)


def test_cells_are_built_one_by_one_into_the_same_folder(folder: Path, undisturbed_sweep: Path) -> None:
    assert make("out", NAMES[2]) == [NAMES[2]]
    assert [*SweepIndex.of(LocalFolder(Path("out"))).cells] == [NAMES[2]]
    assert make("out", "seen=twice") == [NAMES[0], NAMES[3]]
    assert make("out") == [NAMES[4]]
    index = SweepIndex.of(LocalFolder(Path("out").resolve()))
    assert [index.cells[name]["folder"] for name in NAMES] == [NAMES[0], NAMES[2], NAMES[2], *NAMES[3:5], NAMES[4]]
    assert verify("out") == []
    assert make("out", NAMES[1]) == []


def test_a_failure_names_the_cell_and_the_others_stay(folder: Path) -> None:
    class Failing(Inline):
        def run(self, work: Any, common: Any, items: Sequence[Any], folder: LocalFolder) -> Iterator[Any]:
            with patch("pipeline.build.building.make_shard", self.made(items[-1])):
                yield from super().run(work, common, items, folder)

        def made(self, last: Any) -> Callable[..., Any]:
            from pipeline.shard.shard import make_shard

            def shard(plan: Any, split: str, k: int) -> Any:
                if (plan.recipe.worlds["people"].size, k) == (10, last[2]):
                    raise PlanError("no luck")
                return make_shard(plan, split, k)

            return shard

    with pytest.raises(RunError, match=rf"shard . of train: no luck, in the cell {NAMES[4]}"):
        make("out", executor=Failing())
    assert {name for name in NAMES if Path("out", name, "manifest.json").exists()} == {NAMES[0], NAMES[1], NAMES[3]}


def test_a_file_that_changes_between_plan_and_build_is_noticed(folder: Path) -> None:
    Path("base.yaml").write_text(f"extends: {SMALL}\n")
    of = sweep("base: base.yaml\naxes: {people: {key: worlds.people.size, values: [5]}}\n")
    planned = planned_sweep(of, of.cells)
    Path("base.yaml").write_text(f"extends: {SMALL}\nseed: 9\n")
    with pytest.raises(RunError, match="what its recipe names has changed since it was planned, in the cell people=5"):
        build_sweep(read_sweep("s.yaml"), planned, "out", Inline())
    assert not Path("out/people=5").exists()


def test_one_ray_makes_the_shards_of_all_cells(
    folder: Path, undisturbed_sweep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[int | None] = []
    started = local.started

    @contextmanager
    def counted(workers: int | None, url: str) -> Iterator[Callable[[], bool]]:
        starts.append(workers)
        with started(workers, url) as alive:
            yield alive

    monkeypatch.setattr(sweeping, "MOST_TOGETHER", 2)
    monkeypatch.setattr(local, "started", counted)
    ray = Ray(1)
    assert len(make("out", executor=ray)) == 4
    assert starts == [1]
    assert not ray.connected
    assert contents(Path("out")) == contents(undisturbed_sweep)


def test_verify_reads_every_dataset_of_a_sweep(out: Path) -> None:
    shard = next((out / NAMES[3] / "train").iterdir())
    shard.write_bytes(shard.read_bytes() + b"x")
    (out / NAMES[4] / "manifest.json").unlink()
    (out / "more").mkdir()
    for moved, place in ((NAMES[0], "kept"), (NAMES[1], NAMES[0]), ("kept", NAMES[1])):
        (out / moved).rename(out / place)
    size = shard.stat().st_size
    assert [line.partition(" sealed")[0] for line in verify(out) if "README" not in line] == [
        f"{NAMES[0]}: it is another dataset than sweep.json says",
        f"{NAMES[1]}: it is another dataset than sweep.json says",
        f"{NAMES[3]}/train/{shard.name}: {size} bytes instead of {size - 1}",
        f"{NAMES[4]}: there is no manifest.json, so the dataset is not complete",
        "more: not in sweep.json",
    ]


def test_a_changed_index_is_refused_by_readers_and_mended_by_build(out: Path) -> None:
    index = out / "sweep.json"
    right = index.read_bytes()
    index.write_bytes(right.replace(b'"twice"', b'"thrice"', 1))
    with pytest.raises(
        StorageError, match=r"sweep.json cannot be read: its bytes have changed. Run build, which mends"
    ):
        pipeline.read(out, "train", cell=NAMES[0])
    assert make(out) == []
    assert index.read_bytes() == right


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda tree: tree["cells"][NAMES[1]].update(folder="../x"), "cells.*folder: the name of a cell is needed"),
        (lambda tree: tree["cells"].update(x={}), "cells.x: the name of a cell is needed"),
        (lambda tree: tree.update(cells={}), "cells: the number of entries must be at least 1"),
        (lambda tree: tree.update(more=1), "more: there is no such key"),
    ],
)
def test_an_index_of_a_stranger_names_no_paths(out: Path, change: Callable[[Any], object], problem: str) -> None:
    tree = json.loads((out / "sweep.json").read_text())
    change(tree)
    (out / "sweep.json").write_text(json.dumps(tree))
    with pytest.raises(StorageError, match=problem):
        pipeline.read(out, "train", cell=NAMES[0])


def test_folders_of_others_are_refused_before_anything_is_built(out: Path, folder: Path) -> None:
    before = contents(out)
    cases: list[tuple[Callable[[], object], str]] = [
        (lambda: make(out / NAMES[0]), "this is the folder of one dataset, and not of a sweep"),
        (lambda: make(folder), "the sweep has no cells for what lies here: out, s.yaml"),
        (lambda: make(out, overrides=["seed=2"]), f"built from another recipe, in the cell {NAMES[0]}"),
        (lambda: built(compile_plan(load(str(SMALL))), out), "this is not empty and not a dataset of ours"),
    ]
    for work, problem in cases:
        with pytest.raises(StorageError, match=problem):
            work()
    (folder / "s.yaml").write_text(SWEEP.replace("20, 10", "20"))
    with pytest.raises(
        StorageError, match="the sweep has no cells for what lies here: people=10,seen=four_times, people"
    ):
        make(out)
    assert contents(out) == before


def test_too_little_space_for_all_is_said_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalFolder, "free", lambda self: 20_000)
    with pytest.raises(StorageError, match=r"about 0.00 GB are needed and 0.00 GB are free. .*choose cells by --cell"):
        make("out")
    assert make("out", "people=10") == [NAMES[3], NAMES[4]]


def test_auto_counts_the_work_of_all_cells(folder: Path) -> None:
    seen: list[tuple[float, float]] = []

    class Looking(Auto):
        def run(self, work: Any, common: Any, items: Sequence[Any], folder: Any) -> Iterator[Any]:
            seen.append((sum(map(self.weight, items)), self.later))
            yield from super().run(work, common, items, folder)

    with patch.object(sweeping, "MOST_TOGETHER", 3), patch.object(sweeping.Part, "seconds", 5.0):
        make("out", executor=Looking(Ray(1), 2))
    assert seen == [(pytest.approx(15), 5), (pytest.approx(5), 0)]


# ── where one recipe, one dataset or a sweep is needed ──────────────────────────────────────────────────────────────


def test_commands_take_one_cell(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "preview", "s.yaml", "--cell", NAMES[0], "-n", "1").startswith("bios · item 0 · exposure 0 ·")
    where = ("where", "s.yaml", "--cell", "people=10,seen=twice", "--source", "bios", "--item", "3")
    assert said(capsys, *where).startswith("train: position ")
    assert said(capsys, "verify", "out", "--cell", NAMES[2]) == f"out/{NAMES[1]}: whole and as recorded\n"
    export = ("export", "out", "--to", "parquet", "--cell", NAMES[0])
    assert said(capsys, *export).startswith(f"out/{NAMES[0]}/exports/parquet: parquet, ")
    assert said(capsys, "report", "out", "--cell", NAMES[0]).startswith(f"out/{NAMES[0]}/report.html: ")
    assert verify(out) == []
    again = said(capsys, "build", "s.yaml", "--cell", "people=10", "--out", "out", "--executor", "inline").splitlines()
    assert again[0].endswith(": 1,497 tokens, 0 shards built, 2 kept")
    assert again[2].startswith("out: 6 cells, 4 datasets, 0 shards built, ")


def test_an_override_of_what_an_axis_sets_is_refused_however_it_is_written(folder: Path) -> None:
    for override in ("worlds={people: {size: 5}}", "worlds.people={size: 5}", "worlds.people.size=5"):
        with pytest.raises(RecipeError, match=r"the axis people sets this \(s.yaml:5\)"):
            read_sweep("s.yaml", [override])
    assert read_sweep("s.yaml", ["worlds.people.attributes.city.weights=null"])


@pytest.mark.parametrize("arguments", REFUSED["commands"])
def test_a_sweep_where_one_recipe_is_needed_is_refused_in_a_line_that_says_what_to_do(
    out: Path, arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("extending.yaml").write_text("extends: s.yaml\n")
    Path("flow.yaml").write_text("{base: tiny, axes: {seed: {key: seed, values: [1]}}}\n")
    refusal = REFUSED["commands"][arguments]
    words = {"SMALL": str(SMALL), "OUT": str(out), "CELL": NAMES[0]}
    for word, meant in words.items():
        arguments, refusal = arguments.replace(word, meant), refusal.replace(word, meant)
    assert said(capsys, *arguments.split(), code=2) == f"{refusal}\n"


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


def written(text: str) -> str:
    """A text of the table, in full."""
    text = re.sub("⟨(.+?)×([0-9]+)⟩", lambda run: run[1] * int(run[2]), text)
    return AXIS + text.removeprefix("A ") if text.startswith("A ") else text


@pytest.mark.parametrize("text", REFUSED["sweeps"])
def test_what_is_no_sweep_is_refused_with_place_problem_and_remedy(folder: Path, text: str) -> None:
    shutil.copy(SMALL, "small.yaml")
    shutil.copy(SMALL.parent / "byte_tokenizer.json", "byte_tokenizer.json")
    try:
        of = sweep(written(text))
        (refusal,) = planned_sweep(of, of.cells).refusals
    except PipelineError as error:
        refusal = error
    assert f"{type(refusal).__name__}: {refusal}" == written(REFUSED["sweeps"][text])
    assert refusal.exit_code == 2


@pytest.mark.parametrize("text", REFUSED["conditions"])
def test_what_is_no_condition_is_refused(folder: Path, text: str) -> None:
    head = f"base: {SMALL}\naxes:\n  a: {{x: {{}}, y: {{}}}}\n  n: {{key: seed, values: [1, 2]}}\n"
    with pytest.raises(RecipeError) as caught:
        sweep(f"{head}exclude:\n  - n == 2\n  - {json.dumps(written(text))}\n")
    assert str(caught.value) == f"s.yaml:7: exclude.1: {REFUSED['conditions'][text]}"


def test_a_grid_of_too_many_cells_is_refused_before_it_is_made(folder: Path) -> None:
    axes = "".join(f"  a{i}: {{key: k{i}, values: {list(range(100))}}}\n" for i in range(20))
    with pytest.raises(
        RecipeError, match=r"s.yaml:2: axes: a grid of 100000…000 .41 digits. cells, and there are at most 10,000"
    ):
        sweep(f"base: small\naxes:\n{axes}")


def test_the_schema_of_sweeps_describes_every_key(capsys: pytest.CaptureFixture[str]) -> None:
    tree = json.loads(said(capsys, "schema", "--sweep"))
    assert tree == schema()
    assert {*tree["properties"]} == {"base", "set", "axes", "exclude"}
    specs = [tree, *tree["$defs"].values()]
    assert all(value["description"] for spec in specs for value in spec["properties"].values())
