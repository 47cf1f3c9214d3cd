"""What leads out of a dataset's folder, by a name or by a link, is refused in one line and left alone."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pipeline
from pipeline import cli
from pipeline.build.verification import verify
from pipeline.core.errors import StorageError
from pipeline.dataset import Dataset
from pipeline.plan.plan import Plan
from pipeline.storage import LocalFolder, folder_at
from tests.conftest import built, contents, run
from tests.plans import usual

SHARD = "train/shard-00000-of-00006.arrow"
JSONL = ("--to", "jsonl", "--columns", "input_ids")
NAMES = ["../x", "/etc/passwd", "a/../../x", "a//b", "./a", "a/", "a\\b", "a\0b", "\ud800", "..", "../" * 5000]


@pytest.fixture
def out(tmp_path: Path, undisturbed: Path) -> Iterator[Path]:
    """A copy of the small dataset, beside a folder that nobody may touch."""
    (tmp_path / "beside/deep").mkdir(parents=True)
    (tmp_path / "beside/victim").write_text("mine")
    shutil.copytree(undisturbed, tmp_path / "data")
    before = contents(tmp_path / "beside")
    yield tmp_path / "data"
    assert contents(tmp_path / "beside") == before
    assert sorted(path.name for path in tmp_path.rglob("beside/*")) == ["deep", "victim"]


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(StorageError) as caught:
        work()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def one_line(capsys: pytest.CaptureFixture[str], said: str) -> None:
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert said in error


# ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["disk", "bucket"])
def test_a_name_that_is_no_path_below_the_folder_is_refused_by_every_way_in(
    tmp_path: Path, place: str, name: str
) -> None:
    folder = folder_at(tmp_path / "data" if place == "disk" else "memory://links/data")

    def creating() -> None:
        with folder.creating(name):
            pass

    def local() -> None:
        with folder.local(name):
            pass

    ways: list[Callable[[], object]] = [
        creating, local, lambda: folder.write(name, "x"), lambda: folder.read(name), lambda: folder.size(name),
        lambda: folder.names(name), lambda: folder.sizes(name), lambda: folder.remove(name),
        lambda: folder.below(name), lambda: folder.has(name, 1, "blake3:"),
    ]  # fmt: skip
    for way in ways:
        assert "is not the name of a file in a folder" in refused(way)
    assert list(tmp_path.iterdir()) == []


# ── links ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "target", usual(["../beside/victim", "/dev/zero", "/etc/passwd"], "../beside/victim", "/dev/zero")
)
def test_a_shard_that_is_a_link_out_of_the_folder_is_a_fault_and_nobody_reads_it(
    out: Path, plan: Plan, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    (out / SHARD).unlink()
    (out / SHARD).symlink_to(target if target.startswith("/") else f"../{target}")
    assert verify(out) == [f"{SHARD}: a link leads out of the folder here"]
    remedy = "a link leads out of the folder here. Put the file itself in the place of the link."
    assert refused(lambda: next(iter(pipeline.read(out, "train")))) == f"{out}/{SHARD}: {remedy}"
    assert refused(lambda: built(plan, out)) == f"{out}/{SHARD}: {remedy}"
    for command, *more in (("export", *JSONL), ("report",), ("push", "user/name")):
        assert run(command, out, *more) == 2, command
        one_line(capsys, remedy)


def test_a_folder_of_shards_that_is_a_link_is_one_too(out: Path) -> None:
    (out / "train").rename(out / "../moved")
    (out / "train").symlink_to("../moved")
    assert verify(out)[:6] == [
        f"train/shard-{k:05d}-of-00006.arrow: a link leads out of the folder here" for k in range(6)
    ]


def test_a_link_inside_the_folder_is_as_good_as_what_it_names(out: Path) -> None:
    (out / "train").rename(out / "kept")
    (out / "train").symlink_to("kept")
    assert verify(out) == ["kept: not in the manifest"]
    assert len(list(pipeline.read(out, "train"))) > 0


@pytest.mark.parametrize("link", [".pipeline", ".pipeline/partial", ".pipeline/records", "tokenizer", "README.md"])
def test_a_build_writes_through_no_link(out: Path, plan: Plan, link: str) -> None:
    shutil.rmtree(out / link) if (out / link).is_dir() else (out / link).unlink(missing_ok=True)
    (out / link).symlink_to(out / "../beside/deep" if link != "README.md" else out / "../beside/victim")
    (out / "manifest.json").unlink()
    (out / SHARD).unlink()
    assert "a link leads out of the folder here" in refused(lambda: built(plan, out))


@pytest.mark.parametrize(
    "link", ["exports", "exports/jsonl", "exports/jsonl/.pipeline", "exports/jsonl/data", "exports/jsonl/export.json"]
)
def test_an_export_writes_through_no_link(out: Path, capsys: pytest.CaptureFixture[str], link: str) -> None:
    assert run("export", out, *JSONL) == 0
    shutil.rmtree(out / link) if (out / link).is_dir() else (out / link).unlink()
    (out / link).symlink_to(out / "../beside/deep")
    if link == "exports/jsonl/data":  # so that there is something to write
        (out / "exports/jsonl/export.json").unlink()
        shutil.rmtree(out / "exports/jsonl/.pipeline/parts")
    capsys.readouterr()
    assert run("export", out, *JSONL) == 2
    one_line(capsys, "a link leads out of the folder here")
    if link not in (
        "exports/jsonl/.pipeline",
        "exports/jsonl/data",
    ):  # state, or not made yet
        assert any("a link leads out of the folder here" in line for line in verify(out))


@pytest.mark.parametrize("target", ["../../../../beside/victim", "../../../recipe.yaml", "../export.json"])
def test_a_lock_that_is_a_link_empties_nothing(out: Path, capsys: pytest.CaptureFixture[str], target: str) -> None:
    assert run("export", out, *JSONL) == 0
    lock = out / "exports/jsonl/.pipeline/lock"
    lock.unlink()
    lock.symlink_to(target)
    (out / "exports/jsonl/data/train-00000-of-00006.jsonl").unlink()
    before = contents(out)
    capsys.readouterr()
    assert run("export", out, *JSONL) == 2
    one_line(capsys, "link")
    assert contents(out) == before


def test_what_is_in_a_lock_stays(tmp_path: Path) -> None:
    (tmp_path / ".pipeline").mkdir()
    (tmp_path / "other").write_text("mine")
    os.link(tmp_path / "other", tmp_path / ".pipeline/lock")
    with LocalFolder(tmp_path).locked():
        pass
    assert (tmp_path / "other").read_text() == "mine"


def test_a_snapshot_of_the_hubs_cache_is_read_through_its_links_and_nothing_else_is(
    tmp_path: Path, undisturbed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = tmp_path / "datasets--user--name"
    snapshot, blobs = repo / "snapshots/0123abcd", repo / "blobs"
    blobs.mkdir(parents=True)
    for i, (name, data) in enumerate(contents(undisturbed).items()):
        (blobs / f"{i:040x}").write_bytes(data)
        (snapshot / name).parent.mkdir(parents=True, exist_ok=True)
        (snapshot / name).symlink_to(os.path.relpath(blobs / f"{i:040x}", (snapshot / name).parent))
    assert verify(snapshot) == []
    assert len(list(pipeline.read(snapshot, "train"))) > 0
    assert run("export", snapshot, "--to", "parquet", "--out", str(tmp_path / "parquet")) == 0
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs/other").write_bytes((snapshot / SHARD).read_bytes())
    (snapshot / SHARD).unlink()
    (snapshot / SHARD).symlink_to(tmp_path / "blobs/other")
    assert verify(snapshot) == [f"{SHARD}: a link leads out of the folder here"]
    blobs.rename(repo / "others")
    blobs.symlink_to("others")
    assert "a link leads out of the folder here" in refused(lambda: Dataset.at(snapshot))


# ── what is no file ─────────────────────────────────────────────────────────────────────────────────────────────────


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's path is short
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**42)


NO_FILES = {
    "a pipe": (fifo, "0 bytes instead of"),
    "a socket": (listening, "0 bytes instead of"),
    "a folder": (Path.mkdir, "bytes instead of"),
    "terabytes of nothing": (sparse, f"{2**42} bytes instead of"),
}


@pytest.mark.parametrize(("make", "said"), NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file_is_named_at_once(out: Path, make: Callable[[Path], None], said: str) -> None:
    (out / SHARD).unlink()
    make(out / SHARD)
    (fault,) = verify(out)
    assert fault.startswith(f"{SHARD}: ")
    assert said in fault
    assert said in refused(lambda: next(iter(pipeline.read(out, "train"))))


@pytest.mark.parametrize("make", [fifo, listening, Path.mkdir, sparse])
@pytest.mark.parametrize("name", ["manifest.json", "tokenizer/tokenizer.json", "README.md", "recipe.yaml"])
def test_nor_is_it_waited_for_beside_the_shards(out: Path, make: Callable[[Path], None], name: str) -> None:
    (out / name).unlink()
    make(out / name)
    if name == "manifest.json":
        assert f"{out}/manifest.json: cannot be read: " in refused(lambda: verify(out))
    else:
        assert [line.partition(": ")[:2] for line in verify(out)] == [(name, ": ")]


# ── what cannot be read ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [errno.EACCES, pytest.param(errno.EIO, marks=pytest.mark.slow)])
def test_a_shard_that_cannot_be_read_is_one_line_for_everybody(
    out: Path,
    tmp_path: Path,
    plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    real = os.open

    def opening(path: str | Path, *more: int, **options: int) -> int:
        if str(path).endswith(SHARD):
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *more, **options)

    monkeypatch.setattr("pipeline.core.system.open_files.os.open", opening)
    said = f"cannot be read: {os.strerror(number)}"
    assert verify(out) == [f"{SHARD}: {said}"]
    assert said in refused(lambda: built(plan, out))
    assert said in refused(lambda: next(iter(pipeline.read(out, "train"))))
    for command, *more in (("export", *JSONL), ("report",), ("push", "user/name")):
        assert run(command, out, *more) == 2, command
        one_line(capsys, f"{out}/{SHARD}: {said}. Check its rights and the disk.")
    assert run("verify", out) == 1
    assert capsys.readouterr().err == ""


def test_a_disk_that_fails_in_the_middle_of_a_shard_is_one_line(
    out: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    def failing(path: Path) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr("pipeline.storage.local.hash_of", failing)
    assert "cannot be read: Input/output error" in refused(lambda: built(plan, out))


# ── what a record of an export names ────────────────────────────────────────────────────────────────────────────────


def test_an_export_that_names_a_file_elsewhere_is_none(out: Path, subtests: pytest.Subtests) -> None:
    from pipeline.publish.export.records import sealed

    assert run("export", out, *JSONL) == 0
    path = out / "exports/jsonl/export.json"
    whole = path.read_text()
    for name in ("../../../beside/victim", "/etc/passwd", ".pipeline/lock", "a/../b", "a\nb", ""):
        with subtests.test(name):
            tree = json.loads(whole)
            del tree["hash"]
            tree["files"][0]["file"] = name
            path.write_text(sealed(tree, tree["dataset"]))
            assert "exports/jsonl/export.json: its bytes have changed" in verify(out)
            assert cli.run(["export", str(out), *JSONL]) == 0
            assert verify(out) == []
