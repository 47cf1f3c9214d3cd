"""Compiled plans in the user's cache: found by all that they depend on, and by nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from pipeline.core.errors import PlanError
from pipeline.core.system import object_cache
from pipeline.core.system.object_cache import kept
from pipeline.plan import Plan, cached, compile_plan
from pipeline.plan.cached import plan_digest, planned
from pipeline.recipe import load
from pipeline.shard import make_shard
from pipeline.sources import SOURCES

GOLDEN = Path(__file__).parent / "golden"
SMALL = str(GOLDEN / "small.yaml")
TOKENIZER = (GOLDEN / "byte_tokenizer.json").read_text("utf-8")
OWN = """\
# A recipe of one's own
worlds:
  planets:
    size: 9
    attributes:
      name: {kind: name, pools: {name: [A, B, C, D, E, F, G, H, I]}}
      moons: {kind: integer, first: 1, last: 9}
sources:
  texts: {kind: corpus, files: rows.txt}
  lines: {kind: biographies, world: planets, templates: {moons: ["{{ name }} has {{ moons }} moons."]}}
splits: {train: {mixture: {texts: {}, lines: {exposures: 1}}, packing: {length: 32}}}
tokenizer: tokenizer.json
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of plans, in a cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/pretraining-recipes/plans"


@pytest.fixture
def compiled() -> Iterator[list[Plan]]:
    """The plans that were compiled, rather than read."""
    plans: list[Plan] = []

    def compiling(loaded: object) -> Plan:
        plans.append(compile_plan(loaded))  # type: ignore[arg-type]
        return plans[-1]

    with patch.object(cached, "compile_plan", compiling):
        yield plans


def own(folder: Path, text: str = OWN, rows: str = "One row.\n", tokenizer: str = TOKENIZER) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(text)
    (folder / "rows.txt").write_text(rows)
    (folder / "tokenizer.json").write_text(tokenizer)
    return folder / "recipe.yaml"


def test_a_plan_is_compiled_once_and_then_read_and_makes_the_same_rows(compiled: list[Plan], cache: Path) -> None:
    first, second = (planned(load(SMALL)) for _ in range(2))
    assert len(compiled) == 1
    assert len([*cache.iterdir()]) == 1
    assert "backend" not in vars(second.tokenizer), "a plan that is only looked at makes no tokenizer"
    assert second.fingerprint == first.fingerprint
    assert second.notices == first.notices
    assert second.tokenizer.files() == first.tokenizer.files()
    for split in first.splits:
        ours, read = (make_shard(plan, split, 0).columns["input_ids"] for plan in (first, second))
        assert read.tolist() == ours.tolist()
        assert second.tokenizer.decode(read[0]) == first.tokenizer.decode(ours[0])


def test_whatever_a_plan_depends_on_gives_it_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(path: Path, *overrides: str) -> str | None:
        return plan_digest(load(str(path), overrides))

    usual = digest(own(tmp_path / "a"))
    assert usual == digest(own(tmp_path / "a"))
    others = [
        digest(own(tmp_path / "b")),  # rows elsewhere: workers read them there
        digest(own(tmp_path / "a", OWN.replace("own", "mine"))),
        digest(own(tmp_path / "a", OWN.replace(" has ", " had "))),
        digest(own(tmp_path / "a", OWN.replace("[A, B", "[B, A"))),
        digest(own(tmp_path / "a", rows="Another row.\n")),
        digest(own(tmp_path / "a", tokenizer=json.dumps(json.loads(TOKENIZER)))),
        digest(own(tmp_path / "a"), "seed=1"),
        digest(own(tmp_path / "a"), "strict=true"),
        digest(own(tmp_path / "a"), "exports=[parquet]"),
        digest(own(tmp_path / "a"), "tokenizer=gpt2"),
    ]
    monkeypatch.setattr(object_cache, "_code", lambda: "other sources")
    others.append(digest(own(tmp_path / "a")))
    assert None not in others
    assert len({usual, *others}) == 1 + len(others)


def test_the_code_of_a_digest_is_all_sources_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_cache, "PACKAGE", tmp_path)
    (tmp_path / "below").mkdir()
    digests = []
    for name, text in (("a", "1"), ("a", "2"), ("below/b", ""), ("below/b", "3")):
        (tmp_path / f"{name}.py").write_text(text)
        digests.append(object_cache._code.__wrapped__())
    monkeypatch.setattr(object_cache, "version", lambda library: "0")
    digests.append(object_cache._code.__wrapped__())
    assert len({*digests}) == len(digests)


@pytest.mark.parametrize("damage", [b"", b"x" * 100, None])
def test_a_damaged_plan_is_compiled_again(compiled: list[Plan], cache: Path, damage: bytes | None) -> None:
    planned(load(SMALL))
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] if damage is None else damage)
    planned(load(SMALL))
    assert len(compiled) == 2
    assert file.read_bytes()[32:] == whole[32:] or file.stat().st_size > 100
    planned(load(SMALL))
    assert len(compiled) == 2


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_nothing_is_loaded_from_a_folder_in_which_a_stranger_could_put_it(
    compiled: list[Plan], cache: Path, mode: int
) -> None:
    planned(load(SMALL))
    cache.chmod(mode)
    planned(load(SMALL))
    assert len(compiled) == 2


def test_where_no_cache_can_be_written_a_plan_is_compiled(
    compiled: list[Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert [planned(load(SMALL)).title for _ in range(2)] == [compiled[0].title] * 2
    assert len(compiled) == 2


def test_what_is_refused_is_refused_each_time_and_kept_nowhere(cache: Path, tmp_path: Path) -> None:
    loaded = load(str(own(tmp_path / "a", OWN.replace("{length: 32}", "{length: 32}, columns: [probes]"))))
    for plan in (compile_plan, planned, planned):
        with pytest.raises(PlanError, match=r"recipe.yaml:\d+: splits.train.*probes need a document a row"):
            plan(loaded)
    assert not cache.exists() or not [*cache.iterdir()]


def test_a_kind_that_is_not_of_this_package_is_compiled_each_time() -> None:
    loaded = load(SMALL)
    foreign = type("Foreign", (SOURCES["biographies"].source,), {"__module__": "elsewhere"})
    with patch.dict(SOURCES, {"biographies": replace(SOURCES["biographies"], source=foreign)}):
        assert plan_digest(loaded) is None
    assert plan_digest(loaded) is not None


PLANNING = """
import sys
from pipeline.plan import planned
from pipeline.recipe import load
print(planned(load(sys.argv[1])).fingerprint)
"""


def test_processes_that_plan_at_the_same_time_leave_one_whole_plan(cache: Path) -> None:
    command = [sys.executable, "-c", PLANNING, SMALL]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) for _ in range(3)]
    said = {process.communicate()[0] for process in running}
    assert said == {compile_plan(load(SMALL)).fingerprint + "\n"}
    (file,) = cache.iterdir()
    assert isinstance(object_cache._read(file), Plan)


def test_only_the_newest_stay(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_cache, "MOST", 3)
    for number in range(5):
        kept("plans", f"{number}", lambda number=number: number)
        os.utime(cache / f"{number}.pickle", (number, number))
    assert kept("plans", "2", lambda: "anew") == 2, "reading it makes it the newest"
    kept("plans", "5", lambda: 5)
    assert sorted(file.name for file in cache.iterdir()) == ["2.pickle", "4.pickle", "5.pickle"]
