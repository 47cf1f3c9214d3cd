"""What `verify` finds and `build` mends: every file outside the state of builds, and every number of the manifest."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import pipeline
from pipeline import cli
from pipeline.build.executors import Inline
from pipeline.build.verification import verify
from pipeline.core.errors import RunError, StorageError
from pipeline.dataset import Dataset
from pipeline.dataset.manifest import MEND, Manifest
from pipeline.plan import Plan
from pipeline.storage import LocalFolder
from tests.conftest import SMALL, built, compiled, contents, run
from tests.damages import empty, extend, flip, truncate

SHARDS = [f"train/shard-{k:05d}-of-00006.arrow" for k in range(6)]
NOISE = random.Random(7).randbytes(3000)


@pytest.fixture
def out(tmp_path: Path, undisturbed: Path) -> Path:
    """A copy of the small dataset, to be damaged."""
    shutil.copytree(undisturbed, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with another seed. Not to be changed."""
    out = tmp_path_factory.mktemp("other") / "data"
    built(compiled(SMALL, ("seed=1",)), out)
    return out


def mended(plan: Plan, out: Path, undisturbed: Path, new: Sequence[str] = ()) -> None:
    """A build makes the folder what it should be, and `verify` says so."""
    assert built(plan, out) == (set(new), set(SHARDS) - set(new))
    assert contents(out) == contents(undisturbed)
    assert verify(out) == []


# ── the files beside the shards ─────────────────────────────────────────────────────────────────────────────────────


def exchanged(path: Path) -> None:
    """A tokenizer.json with the ids of `a` and `e` exchanged."""
    tree = json.loads(path.read_text())
    words = tree["model"]["vocab"]
    words["a"], words["e"] = words["e"], words["a"]
    path.write_text(json.dumps(tree))


def noise(path: Path) -> None:
    path.write_bytes(NOISE)


def halved(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def titled(path: Path) -> None:
    path.write_text(path.read_text().replace("Twenty", "Thirty", 1))


BESIDE = ["recipe.yaml", "README.md", "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json"]


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("tokenizer/tokenizer.json", exchanged),
        *((name, damage) for name in BESIDE for damage in (flip, truncate, extend, Path.unlink)),
        *(pytest.param(name, damage, marks=pytest.mark.slow) for name in BESIDE for damage in (noise, halved, empty)),
        ("recipe.yaml", titled),
    ],
)
def test_a_damaged_file_beside_the_shards_is_named_by_verify_and_mended_by_build(
    out: Path, plan: Plan, undisturbed: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(out / name)
    assert [line.split(":")[0] for line in verify(out)] == [name]
    mended(plan, out, undisturbed)


@pytest.mark.parametrize("name", BESIDE[:3])
def test_that_of_another_dataset_is_not_ours(out: Path, plan: Plan, undisturbed: Path, other: Path, name: str) -> None:
    (out / name).write_bytes((other / name).read_bytes())
    if name.startswith("tokenizer"):  # the two have the same
        exchanged(out / name)
    assert [line.split(":")[0] for line in verify(out)] == [name]
    mended(plan, out, undisturbed)


def test_a_tokenizer_that_has_changed_is_not_decoded_with(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exchanged(out / "tokenizer/tokenizer.json")
    assert cli.run(["export", str(out), "--to", "jsonl", "--columns", "input_ids", "--out", str(out / "../x")]) == 2
    assert f"{out}/tokenizer/tokenizer.json: its bytes have changed. {MEND}\n" in capsys.readouterr().err
    assert not (out / "../x").exists()


def test_what_no_build_has_written_is_named_and_left(out: Path, plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("notes.txt", "tokenizer/more.json", "train/deep/more.arrow", "old/shard.arrow", "train/x.arrow"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("mine")
    (out / "link").symlink_to("/etc")
    (out / "nothing").mkdir()
    (out / "report.html").write_text("<p>")  # where `report` puts its page
    before = contents(out)
    named = ["link", "notes.txt", "nothing", "old", "tokenizer/more.json", "train/deep", "train/x.arrow"]
    assert verify(out) == [f"{name}: not in the manifest" for name in named]
    assert built(plan, out) == (set(), set(SHARDS))
    assert contents(out) == before
    assert run("verify", out) == 1
    assert capsys.readouterr().out.endswith("7 faults; build mends what is missing or damaged, and leaves the rest\n")


# ── the manifest ────────────────────────────────────────────────────────────────────────────────────────────────────


def setting(*path: Any, to: Any) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        for step in path[:-1]:
            tree = tree[step]
        if callable(to):
            tree[path[-1]] = to(tree[path[-1]])
        else:
            tree[path[-1]] = to

    return change


def taking(*path: Any) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        for step in path[:-1]:
            tree = tree[step]
        del tree[path[-1]]

    return change


TRAIN = ("splits", "train")
FIRST = (*TRAIN, "shards", 0)
UNREADABLE = {  # what is no manifest, whoever has written it
    "a text for a number": setting(*TRAIN, "tokens", to="x"),
    "a text for a number of a shard": setting(*FIRST, "tokens", to="45042"),
    "a truth for a number": setting(*FIRST, "shard", to=False),
    "a fraction for a number": setting(*FIRST, "tokens", to=lambda n: n + 0.5),
    "below zero": setting(*FIRST, "padding", to=-1),
    "beyond 64 bits": setting(*TRAIN, "bytes", to=2**70),
    "not a number": setting("worlds", "people", "name_bits", to=float("nan")),
    "a list for a mapping": setting("splits", to=[]),
    "no split": setting("splits", to={}),
    "no shard": setting(*TRAIN, "shards", to=[]),
    "no column": setting(*TRAIN, "columns", to=[]),
    "a mapping for a list": setting(*TRAIN, "attributes", to={}),
    "null": setting("recipe", to=None),
    "a path upwards": setting(*FIRST, "file", to="../data/train/shard-00000-of-00006.arrow"),
    "an absolute path": setting(*FIRST, "file", to="/etc/passwd"),
    "a path as the name of a split": lambda tree: tree["splits"].update({"../x": tree["splits"].pop("train")}),
    "a path beside the shards": setting("files", to=lambda files: {"../x.json": next(iter(files.values()))}),
    "no hash": setting(*FIRST, "file_hash", to="blake3:0"),
    "a key too few": taking(*FIRST, "tokens"),
    "a key too few at the top": taking("worlds"),
    "a key too many": setting("more", to=1),
    "a key too many of a shard": setting(*FIRST, "more", to=1),
    "a short fingerprint": setting("fingerprint", to=lambda text: text[:-1]),
}
CONTRADICTORY = {  # what contradicts itself, although it may carry the right hash
    "shards in reverse order": setting(*TRAIN, "shards", to=lambda shards: shards[::-1]),
    "two shards exchanged": setting(*TRAIN, "shards", to=lambda s: [s[1], s[0], *s[2:]]),
    "a shard too few": setting(*TRAIN, "shards", to=lambda shards: shards[:-1]),
    "a shard twice": setting(*TRAIN, "shards", to=lambda shards: [*shards[:-1], shards[0]]),
    "a shard of another split": setting(*FIRST, "split", to="test"),
    "tokens": setting(*TRAIN, "tokens", to=lambda n: n + 1),
    "documents": setting(*TRAIN, "documents", to=lambda n: n + 1),
    "bytes": setting(*TRAIN, "bytes", to=lambda n: n + 1),
    "tokens of a shard": setting(*FIRST, "tokens", to=lambda n: n + 1),
    "tokens of a source": setting(*TRAIN, "sources", "bios", "tokens", to=lambda n: n + 1),
    "a source": setting(*TRAIN, "sources", to=lambda counts: {"others": counts["bios"]}),
    "a source that the recipe has not": setting(*TRAIN, "source_names", to=["others"]),
}
CHANGED = {  # what its hash alone tells
    "attributes": setting(*TRAIN, "attributes", to=lambda names: names[::-1]),
    "roles": setting(*TRAIN, "roles", to=[]),
    "length": setting(*TRAIN, "length", to=512),
    "packing": setting(*TRAIN, "packing", to="rows"),
    "columns": setting(*TRAIN, "columns", to=lambda names: names[:-1]),
    "bits": setting("worlds", "people", "bits", to=1),
    "exposures": setting(*TRAIN, "exposures", "bios", "most", to=5),
    "versions": setting("versions", "pyarrow", to="1"),
    "recipe": setting("recipe", "seed", to=5),
    "fingerprint": setting("fingerprint", to="0" * 64),
    "output version": setting("output_version", to=2),
    "a file's hash": setting("files", "tokenizer/tokenizer.json", "file_hash", to="blake3:" + "0" * 64),
    "its own hash": setting("hash", to="blake3:" + "0" * 64),
}


def changed(out: Path, change: Callable[[Any], None], sealed: bool = False) -> None:
    """The manifest changed; sealed: with the hash of what it says then."""
    path = out / "manifest.json"
    tree = json.loads(path.read_text())
    change(tree)
    if sealed:
        del tree["hash"]
        path.write_text(Manifest(**tree).dumps())
    else:
        path.write_text(json.dumps(tree, indent=1, ensure_ascii=False) + "\n")


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(StorageError) as caught:
        work()
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_what_is_no_manifest_is_refused_by_every_reader_and_written_again(
    out: Path, plan: Plan, undisturbed: Path, subtests: pytest.Subtests
) -> None:
    for name, change in UNREADABLE.items():
        with subtests.test(name):
            shutil.copy(undisturbed / "manifest.json", out)
            changed(out, change)
            assert "manifest.json cannot be read: " in refused(lambda: verify(out))
            assert "manifest.json cannot be read: " in refused(lambda: Dataset.at(out))
            mended(plan, out, undisturbed)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": "\\ud800"}', "9" * 5000, "\ufeff{}"])
def test_no_text_is_more_than_refused(out: Path, text: str) -> None:
    (out / "manifest.json").write_text(text)
    assert "manifest.json cannot be read: " in refused(lambda: Dataset.at(out))


@pytest.mark.parametrize("sealed", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_manifest_that_contradicts_itself_is_found_by_verify_refused_by_readers_and_mended(
    out: Path, plan: Plan, undisturbed: Path, sealed: bool, subtests: pytest.Subtests
) -> None:
    for name, change in CONTRADICTORY.items():
        with subtests.test(name):
            shutil.copy(undisturbed / "manifest.json", out)
            changed(out, change, sealed)
            found = [line for line in verify(out) if line.startswith("manifest.json: ")]
            assert ("manifest.json: its bytes have changed" in found) != sealed
            assert len(found) > (not sealed)
            assert f"{out}/manifest.json: {found[0].removeprefix('manifest.json: ')}. {MEND}" == refused(
                lambda: pipeline.read(out, "train")
            )
            mended(plan, out, undisturbed)


def test_a_changed_manifest_is_found_by_verify_refused_by_readers_and_mended(
    out: Path, plan: Plan, undisturbed: Path, subtests: pytest.Subtests
) -> None:
    for name, change in CHANGED.items():
        with subtests.test(name):
            shutil.copy(undisturbed / "manifest.json", out)
            changed(out, change)
            assert "manifest.json: its bytes have changed" in verify(out)
            assert "its bytes have changed" in refused(lambda: pipeline.read(out, "train"))
            mended(plan, out, undisturbed)


@pytest.mark.parametrize("what", ["recipe", "fingerprint", "output version", "length", "a file's hash"])
def test_what_can_be_computed_is_whatever_the_hash_says(out: Path, what: str) -> None:
    changed(out, CHANGED[what], sealed=True)
    assert verify(out)


def test_a_manifest_in_other_words_is_not_the_one_that_was_written(out: Path, plan: Plan, undisturbed: Path) -> None:
    path = out / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert verify(out) == ["manifest.json: its bytes have changed"]
    mended(plan, out, undisturbed)


@pytest.mark.parametrize("change", [UNREADABLE["a text for a number"], CONTRADICTORY["shards in reverse order"]])
def test_every_command_that_reads_a_dataset_refuses_such_a_manifest_in_one_line(
    out: Path, tmp_path: Path, change: Callable[[Any], None], capsys: pytest.CaptureFixture[str]
) -> None:
    changed(out, change)
    (tmp_path / "said.jsonl").write_text('{"prediction": "x"}\n')
    for command, *more in (
        ("report",),
        ("export", "--to", "parquet"),
        ("push", "user/name"),
        ("score", str(tmp_path / "said.jsonl"), "--split", "train"),
        ("check", str(tmp_path / "said.jsonl"), "--split", "train"),
    ):
        assert cli.run([command, str(out), *more]) == 2, command
        error = capsys.readouterr().err
        assert error.startswith(f"StorageError: {out}"), command
        assert "manifest.json" in error
        assert error.count("\n") == 1


# ── the records ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tokens", 1),
        ("tokens", "x"),
        ("padding", -1),
        ("content_hash", "xxh3_128:" + "0" * 32),
        ("file", "../data/train/shard-00002-of-00006.arrow"),
        ("sources", {}),
        ("sources", None),
        ("more", 1),
        ("hash", "blake3:" + "0" * 64),
    ],
)
def test_a_changed_record_is_a_missing_one(out: Path, plan: Plan, undisturbed: Path, key: str, value: Any) -> None:
    path = out / ".pipeline/records/train-00002.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    mended(plan, out, undisturbed, [SHARDS[2]])
    assert path.read_bytes() == (undisturbed / ".pipeline/records/train-00002.json").read_bytes()


def test_a_shard_of_another_dataset_is_not_kept_although_its_record_is_there(
    out: Path, plan: Plan, undisturbed: Path, other: Path
) -> None:
    for name in (SHARDS[2], ".pipeline/records/train-00002.json"):
        shutil.copy(other / name, out / name)
    mended(plan, out, undisturbed, [SHARDS[2]])


# ── whose folder it is ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mark", [None, b"", b"nonsense", NOISE, b"0" * 64])
@pytest.mark.parametrize("manifest", [True, False])
def test_a_lost_or_damaged_mark_does_not_matter_where_manifest_or_records_tell(
    out: Path, plan: Plan, undisturbed: Path, mark: bytes | None, manifest: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    path = out / ".pipeline/fingerprint"
    path.unlink() if mark is None else path.write_bytes(mark)
    if not manifest:
        (out / "manifest.json").unlink()
    if manifest:
        assert run("build", out, "--set", "seed=1") == 2
        assert "this folder was built from another recipe" in capsys.readouterr().err
    mended(plan, out, undisturbed)
    assert path.read_text() == plan.fingerprint


def test_shards_that_nothing_tells_the_recipe_of_are_left_alone(
    out: Path, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(out / ".pipeline")
    (out / "manifest.json").unlink()
    before = contents(out)
    assert run("build", out) == 2
    error = capsys.readouterr().err
    assert "has lost its manifest, its records and what says so. Give another folder." in error
    assert "emove" not in error
    assert contents(out) == before


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_read_checks_the_bytes_of_a_shard_when_it_is_first_opened(out: Path) -> None:
    def ids(check: bool | None) -> list[int]:
        return [int(row["input_ids"][0]) for row in pipeline.read(out, "train", check=check)]

    right = ids(True)
    assert ids(None) == ids(False) == right
    once, always = (iter(pipeline.read(out, "train", epochs=2, check=check)) for check in (None, True))
    for _ in right:
        next(once), next(always)
    data = bytearray((out / SHARDS[3]).read_bytes())
    data[len(data) // 2] ^= 1  # a token
    (out / SHARDS[3]).write_bytes(data)
    assert len(list(once)) == len(right), "it was checked in the first epoch"
    assert "its bytes have changed" in refused(lambda: list(always))
    for check in (True, None):
        assert refused(lambda: ids(check)) == f"{out / SHARDS[3]}: its bytes have changed. {MEND}"  # noqa: B023
    assert len(ids(False)) == len(right)


def test_a_shard_in_a_bucket_is_checked_as_well(out: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    data = bytearray((out / SHARDS[3]).read_bytes())
    data[len(data) // 2] ^= 1
    (out / SHARDS[3]).write_bytes(data)
    for name, content in contents(out).items():
        memory.pipe(f"/verify/data/{name}", content)
    try:
        assert len(list(pipeline.read("memory://verify/data", "train", check=False))) == 49
        for check in (None, True):
            with pytest.raises(StorageError, match="its bytes have changed"):
                list(pipeline.read("memory://verify/data", "train", check=check))
    finally:
        memory.rm("/verify", recursive=True)


# ── a folder that goes away ─────────────────────────────────────────────────────────────────────────────────────────


class Meddled(Inline):
    """After the third shard, or another one, somebody does something to the folder."""

    def __init__(self, what: Callable[[], object], after: int = 2) -> None:
        self.what, self.after = what, after

    def run(self, work: Callable[[Any, Any], Any], common: Any, items: Sequence[Any], folder: Any) -> Iterator[Any]:
        for i, item in enumerate(items):
            yield work(common, item)
            if i == self.after:
                self.what()


GOING = {
    "moved": lambda out: out.rename(out.with_name("moved")),
    "removed": shutil.rmtree,
    "replaced by another": lambda out: (out.rename(out.with_name("moved")), (out / ".pipeline").mkdir(parents=True)),
    "all shards removed": lambda out: shutil.rmtree(out / "train"),
    "a shard removed": lambda out: (out / SHARDS[1]).unlink(),
    "a shard cut": lambda out: halved(out / SHARDS[0]),
    "tokenizer removed": lambda out: shutil.rmtree(out / "tokenizer"),
    "recipe removed": lambda out: (out / "recipe.yaml").unlink(),
}


@pytest.mark.parametrize("going", GOING.values(), ids=GOING)
def test_a_folder_that_goes_away_while_it_is_built_gets_no_manifest(
    tmp_path: Path, plan: Plan, undisturbed: Path, going: Callable[[Path], object]
) -> None:
    out = tmp_path / "data"
    with pytest.raises(RunError, match=r"Run the same command again: it builds what is missing\.") as caught:
        built(plan, out, Meddled(lambda: going(out)))
    assert caught.value.place == str(out)
    assert not (out / "manifest.json").exists()
    built(plan, out)
    assert contents(out) == contents(undisturbed)
    assert verify(out) == []


def test_that_is_one_line_and_another_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    monkeypatch.setattr("pipeline.build.executors.Inline", lambda: Meddled(lambda: shutil.rmtree(out)))
    assert run("build", out) == 1
    assert capsys.readouterr().err == (
        f"RunError: {out}: the folder was moved, removed or taken by another build while this one wrote to it."
        " Run the same command again: it builds what is missing.\n"
    )


def test_objects_that_go_away_in_a_bucket_are_missed_too(plan: Plan, undisturbed: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    url = "memory://going/data"
    try:
        with pytest.raises(RunError, match=f"somebody has removed or changed {SHARDS[1]} during the build"):
            built(plan, url, Meddled(lambda: memory.rm(f"/going/data/{SHARDS[1]}")))  # type: ignore[arg-type]
        assert not memory.exists("/going/data/manifest.json")
        with pytest.raises(RunError, match="the folder was moved, removed or taken"):
            built(plan, url, Meddled(lambda: memory.rm("/going", recursive=True), 0))  # type: ignore[arg-type]
        built(plan, url)  # type: ignore[arg-type]
        found = {name.removeprefix("/going/data/"): memory.cat(name) for name in memory.find("/going/data")}
        assert {n: b for n, b in found.items() if not n.startswith(".pipeline")} == contents(undisturbed)
    finally:
        memory.rm("/going", recursive=True)


def test_the_lock_that_is_held_is_the_one_in_the_folder(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path / "data")
    with folder.locked() as held:
        held()
        folder.path(".pipeline/lock").unlink()
        folder.path(".pipeline/lock").touch()
        with pytest.raises(RunError, match="the folder was moved, removed or taken"):
            held()
