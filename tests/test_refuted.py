"""gigatoken is wrong in the middle of a build: what is finished is what `tokenizers` makes, without work by hand."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import cli
from pipeline.build.building import BUILDS, build, build_shard
from pipeline.build.executors import Inline
from pipeline.build.resume import REFUTED, Refuted
from pipeline.build.verification import verify
from pipeline.core.system.reliance import noted
from pipeline.core.table import content_hash
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from pipeline.sources.corpus import source as corpus
from pipeline.sources.corpus import texts as of_rows
from pipeline.sources.corpus.lengths import RowLengths
from pipeline.storage import LocalFolder
from pipeline.text.encoding import fast_encoder, proof
from pipeline.text.tokenizer import Tokenizer
from tests.test_fast_encoder import Liar

BYTES = str(Path(__file__).parent / "golden" / "byte_tokenizer.json")  # a token a byte, nearly; quick to load
ROWS = 3000
TEXTS = [f"{i:05} a {'river' if i % 3 else 'lake'}" for i in range(ROWS)]
CHOSEN = np.flatnonzero(fast_encoder.bits(fast_encoder._CHOICE, np.arange(ROWS)) % np.uint64(1000) == 0).tolist()
LYING = [i for i in CHOSEN if "river" in TEXTS[i]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """gigatoken gives other ids of `river`, which stands behind what the proof and a sample of rows look at."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(of_rows, "BEGUN", 5)
    monkeypatch.setattr(corpus, "SAMPLE", 10)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return tmp_path / "cache"


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_encoder, "Fast", lambda tokenizer, plain: Liar(tokenizer, plain=plain))


def recipe(folder: Path, keys: str = "", more: str = "", mixture: str = "{text: {}}") -> str:
    """The path of a recipe whose dataset has several shards."""
    (folder / "recipe.yaml").write_text(
        f"worlds: {{}}\nsources:\n  text: {{kind: corpus, files: rows.jsonl{keys}}}\n{more}"
        f"splits: {{train: {{mixture: {mixture}, packing: {{length: 64}}}}}}\n"
        f"shard_tokens: 4096\ntokenizer: {BYTES}\n"
    )
    return str(folder / "recipe.yaml")


def hashes(plan: Plan) -> list[str]:
    return [content_hash(make_shard(plan, *shard).columns) for shard in plan.shards]


def right(folder: Path, monkeypatch: pytest.MonkeyPatch, *keys: str) -> tuple[list[str], dict[str, Any]]:
    """The hashes of the shards, and the manifest, where gigatoken is not installed."""
    with monkeypatch.context() as alone:
        alone.setattr(proof, "release", lambda: None)
        plan = compile_plan(load(recipe(folder, *keys)))
        manifest = build(plan, folder / "right", Inline())
        return hashes(plan), json.loads(manifest.dumps())


def built_hashes(data: Path) -> list[str]:
    manifest = json.loads((data / "manifest.json").read_text())
    return [record["content_hash"] for record in manifest["splits"]["train"]["shards"]]


@pytest.mark.parametrize(
    ("keys", "rows"),  # rows that are encoded at once: of 5, a shard is half made when the difference is found
    [("", 256), ("", 5), (", order: blocks", 256), (", split: {tokens: 10}", 256), (", balance: exact", 256)],
)
def test_the_command_that_finds_it_makes_everything_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], keys: str, rows: int
) -> None:
    monkeypatch.setattr(of_rows, "FIRST", rows)
    monkeypatch.setattr(of_rows, "PART", rows)
    expected, manifest = right(tmp_path, monkeypatch, keys)
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setattr(fast_encoder, "Fast", lambda tokenizer, plain: Liar(tokenizer, plain=plain))
    data = tmp_path / "data"
    assert cli.run(["build", recipe(tmp_path, keys), "--out", str(data), "--executor", "inline"]) == 0
    shown = capsys.readouterr()
    assert built_hashes(data) == expected
    assert json.loads((data / "manifest.json").read_text()) == manifest
    assert f"{len(expected)} shards built, 0 kept" in shown.out
    warned = re.findall(r"warning: .*gigatoken encodes document (\d+) otherwise than tokenizers: '(.*?)'", shown.err)
    assert warned
    for row, text in warned:
        assert int(row) in LYING
        assert text == TEXTS[int(row)]
    assert verify(data) == []
    later = compile_plan(load(recipe(tmp_path, keys))).sources["text"]
    assert "gigatoken: that was wrong in a build: gigatoken encodes document" in later.notices[0]


def some_shards(plan: Plan, data: Path) -> int:
    """Make the shards before the one in which a difference is found, as of a build that was killed; how many."""
    for made, shard in enumerate(plan.shards):
        record = build_shard((plan, LocalFolder(data)), shard)
        if record.disproved:
            for name in (record.file, f".pipeline/records/train-{record.shard:05d}.json"):
                (data / name).unlink()
            return made
    raise AssertionError("no difference was found")


@pytest.mark.usefixtures("lying")
def test_what_was_made_before_is_made_anew_by_a_later_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = right(tmp_path, monkeypatch)
    data = tmp_path / "data"
    assert some_shards(compile_plan(load(recipe(tmp_path))), data) > 1
    plan = compile_plan(load(recipe(tmp_path)))
    assert not plan.proofs
    new: list[int] = []
    build(plan, data, Inline(), built=lambda record: new.append(record.shard))
    assert sorted(new) == list(range(len(expected)))
    assert built_hashes(data) == expected
    del new[:]
    build(plan, data, Inline(), built=lambda record: new.append(record.shard))
    assert not new


@pytest.mark.usefixtures("lying")
def test_another_machine_learns_it_from_the_folder(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = right(tmp_path, monkeypatch)
    data = tmp_path / "data"
    with pytest.raises(Refuted, match=r"gigatoken encodes document \d+ otherwise .* Run the same command") as caught:
        build(compile_plan(load(recipe(tmp_path))), data, Inline())
    assert caught.value.exit_code == 1
    (line,) = (data / BUILDS).read_text().splitlines()
    (warning,) = json.loads(line)["warnings"]
    assert "gigatoken encodes document" in warning
    assert not (data / "manifest.json").exists()
    shutil.rmtree(cache)
    monkeypatch.setattr(proof, "_REFUTED", {})
    monkeypatch.setattr(fast_encoder, "COMPARED", 10**9)  # by chance, nothing would be found there
    plan = compile_plan(load(recipe(tmp_path)))
    assert plan.proofs
    with pytest.raises(Refuted):
        build(plan, data, Inline())
    build(compile_plan(load(recipe(tmp_path))), data, Inline())
    assert built_hashes(data) == expected
    for said in ('{"x": 5}', "{", '{"x": "y"}', "[]", json.dumps({"0" * 64: "x" * 3000})):  # it says nothing
        (data / REFUTED).write_text(said)
        build(compile_plan(load(recipe(tmp_path))), data, Inline())


@pytest.mark.usefixtures("lying")
def test_shards_without_a_text_are_made_anew_where_the_plan_counted_with_what_is_wrong(tmp_path: Path) -> None:
    other = "  other: {kind: copy, length: 5, instances: 50}\n"
    path = recipe(tmp_path, "", other, "{other: {exposures: 2}}")
    plan = compile_plan(load(path))
    build(plan, tmp_path / "data", Inline())
    (found,) = plan.proofs  # of the mean length of the texts
    proof.refute(found, "for a test")
    new: list[int] = []
    build(compile_plan(load(path)), tmp_path / "data", Inline(), built=lambda record: new.append(record.shard))
    assert len(new) == len(plan.shards)


@pytest.mark.usefixtures("lying")
def test_lengths_that_were_counted_by_what_is_wrong_are_counted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    real = RowLengths._count
    monkeypatch.setattr(RowLengths, "_count", lambda self, out: (counted.append(self.named), real(self, out)))
    monkeypatch.setattr(fast_encoder, "COMPARED", 10**9)
    path = recipe(tmp_path, ", balance: exact")
    plan = compile_plan(load(path))
    (found,) = plan.proofs
    proof.refute(found, "for a test")
    again = compile_plan(load(path))
    assert not again.proofs
    assert len(set(counted)) == len(counted) == 2
    assert again.sources["text"].mean_tokens < plan.sources["text"].mean_tokens  # the liar puts an id before each


def test_windows_of_rows_that_were_encoded_once_rely_on_what_encoded_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = compile_plan(load(recipe(tmp_path, ", split: {tokens: 10}")))
    anew: list[int] = []
    ids = of_rows.RowTexts.ids
    monkeypatch.setattr(of_rows.RowTexts, "ids", lambda *args, **more: (anew.append(1), ids(*args, **more))[1])
    before = hashes(plan)
    with noted() as reliance:  # the lengths have been read before
        assert hashes(plan) == before
    assert reliance.proofs == plan.proofs
    assert not anew
    (one,) = plan.proofs
    proof.refute(one, "for a test")
    assert hashes(plan) == before  # by tokenizers
    assert len(anew) >= len(plan.shards)


@pytest.mark.usefixtures("lying")
def test_workers_are_told_what_is_refuted(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proofs = compile_plan(load(recipe(tmp_path))).proofs
    for one in proofs:
        proof.refute(one, "for a test")
    plan = compile_plan(load(recipe(tmp_path)))
    shutil.rmtree(cache)
    monkeypatch.setattr(proof, "_REFUTED", {})
    record = build_shard((plan, LocalFolder(tmp_path / "data")), plan.shards[0])
    assert not record.proofs
    assert proof.refutations() == dict.fromkeys(proofs, "for a test")


def test_a_record_has_what_it_relies_on_in_its_file_and_a_manifest_has_not(tmp_path: Path) -> None:
    plan = compile_plan(load(recipe(tmp_path)))
    build(plan, tmp_path / "data", Inline())
    assert isinstance(plan.tokenizer, Tokenizer)
    record = json.loads((tmp_path / "data/.pipeline/records/train-00000.json").read_text())
    assert record["proofs"] == sorted(plan.proofs)
    assert len(plan.proofs) == 1
    assert "proofs" not in (tmp_path / "data/manifest.json").read_text()


@pytest.mark.usefixtures("lying")
def test_a_sweep_says_it_and_the_next_command_makes_all_cells_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected, _ = right(tmp_path, monkeypatch)
    (tmp_path / "sweep.yaml").write_text(
        f"base: {recipe(tmp_path)}\naxes: {{rows: {{key: splits.train.packing.length, values: [32, 64]}}}}\n"
    )
    command = ["build", str(tmp_path / "sweep.yaml"), "--out", str(tmp_path / "all"), "--executor", "inline"]
    assert cli.run(command) == 1
    assert "gigatoken encodes document" in (shown := capsys.readouterr().err)
    assert "Run the same command again" in shown
    assert cli.run(command) == 0
    assert built_hashes(tmp_path / "all" / "rows=64") == expected
    assert verify(tmp_path / "all") == []
