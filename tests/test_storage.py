"""Files are complete or absent, whatever the disk does; and one builder at a time."""

from __future__ import annotations

import builtins
import errno
import io
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import pytest

from pipeline import cli
from pipeline.core.errors import StorageError
from pipeline.core.system import open_files, stores
from pipeline.plan import Plan
from pipeline.storage import LocalFolder
from pipeline.storage.arrow import HashingFile
from pipeline.storage.local import hash_of
from tests.conftest import built, contents, run, written
from tests.plans import plan_at

SMALL = Path(__file__).parent / "golden/small.yaml"


REMEDY = "Free some space and run the same command: what is complete is kept."


def files(folder: Path) -> list[str]:
    """Every file below a folder, the state of builds too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class Disk:
    """A disk with `room` bytes: as on Linux, a write takes what still fits, and fails when nothing does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        disk = self

        class File(io.FileIO):
            def write(self, data: Any) -> int:
                view = memoryview(data).cast("B")[: disk.room]
                if not view and len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                disk.room -= super().write(view)
                return len(view)

        def opened(path: Path, mode: str = "r", buffering: int = -1, **options: Any) -> Any:
            if mode != "wb":
                return builtins.open(path, mode, buffering, **options)
            return File(path, "w") if buffering == 0 else io.BufferedWriter(File(path, "w"))

        monkeypatch.setattr(open_files, "open", opened, raising=False)


# ── one file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_takes_its_name_when_the_block_ends_and_not_before(tmp_path: Path) -> None:
    with LocalFolder(tmp_path).creating("train/x.arrow") as file:
        file.write(b"abc")
        assert not (tmp_path / "train/x.arrow").exists()
    assert files(tmp_path) == ["train/x.arrow"]
    assert (tmp_path / "train/x.arrow").read_bytes() == b"abc"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(errno.EIO, "broken")])
def test_a_block_that_raises_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises((type(error), StorageError)), LocalFolder(tmp_path).creating("train/x.arrow") as file:
        file.write(b"abc")
        raise error
    assert files(tmp_path) == []


def test_a_block_that_raises_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path)
    folder.write("x", "old")
    with pytest.raises(ValueError, match="no"), folder.creating("x") as file:
        file.write(b"new")
        raise ValueError("no")
    assert files(tmp_path) == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_a_text_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    folder = LocalFolder(tmp_path)
    folder.write("x", "same")
    before = (tmp_path / "x").stat()
    folder.write("x", "same")
    assert (tmp_path / "x").stat().st_ino == before.st_ino
    folder.write("x", "other")
    assert (tmp_path / "x").read_text() == "other"


def test_the_hash_of_a_file_is_blake3_and_the_same_while_it_is_written(tmp_path: Path) -> None:
    with LocalFolder(tmp_path).creating("x") as raw:
        file = HashingFile(raw)
        assert [file.write(piece) for piece in (b"a", memoryview(b"b"), b"", bytearray(b"c"))] == [1, 1, 0, 1]
    assert (tmp_path / "x").read_bytes() == b"abc"
    assert (file.size, file.hash) == (3, hash_of(tmp_path / "x"))
    assert file.hash == "blake3:6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_reported_with_its_remedy(tmp_path: Path, number: int) -> None:
    with pytest.raises(StorageError) as caught, LocalFolder(tmp_path).creating("train/x.arrow") as file:
        file.write(b"abc")
        raise OSError(number, os.strerror(number))
    assert caught.value.exit_code == 2
    assert caught.value.remedy == REMEDY
    assert caught.value.place == str(tmp_path / "train/x.arrow")
    assert files(tmp_path) == []


@pytest.mark.parametrize("room", [0, 1, 999])
def test_a_text_that_does_not_fit_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """The disk takes a part of it, and says so by a short count only."""
    Disk(monkeypatch, room)
    with pytest.raises(StorageError, match="no space left"):
        LocalFolder(tmp_path).write("x", "y" * 1000)
    assert files(tmp_path) == []


# ── a build on a full disk ──────────────────────────────────────────────────────────────────────────────────────────


HEAD = ("recipe.yaml", "tokenizer/tokenizer.json", "tokenizer/tokenizer_config.json")
SHARD = "train/shard-00000-of-00006.arrow"


@pytest.mark.parametrize("kept", range(7))
@pytest.mark.parametrize("part", [0, 0.5, 1])
def test_a_disk_that_fills_up_leaves_only_whole_files_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan, undisturbed: Path, kept: int, part: float
) -> None:
    """There is room for `kept` shards with their records, and for a part of the next file, or all of it but a byte."""
    right = contents(undisturbed)
    records = sorted((undisturbed / ".pipeline/records").iterdir())
    shards = [len(right[name]) for name in sorted(right) if name.endswith(".arrow")]
    room = len(plan.fingerprint) + sum(len(right[name]) for name in HEAD)
    room += sum(shards[:kept]) + sum(record.stat().st_size for record in records[:kept])
    room += int(part * ([*shards, len(right["README.md"])][kept] - 1))
    out = tmp_path / "data"
    with monkeypatch.context() as patch:
        Disk(patch, room)
        with pytest.raises(StorageError) as caught:
            built(plan, out)
    assert caught.value.remedy == REMEDY
    there = contents(out)
    assert there == {name: right[name] for name in there}
    assert len(there) == len(HEAD) + kept
    assert not [name for name in files(out) if "partial" in name]
    new, old = built(plan, out)
    assert (len(new), len(old)) == (6 - kept, kept)
    assert contents(out) == right


@pytest.mark.parametrize("name", [*HEAD, "README.md", "manifest.json"])
@pytest.mark.parametrize("lacking", [1, 100])
def test_a_file_beside_the_shards_that_does_not_fit_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan, undisturbed: Path, name: str, lacking: int
) -> None:
    out = tmp_path / "data"
    shutil.copytree(undisturbed, out)
    (out / name).unlink()
    with monkeypatch.context() as patch:
        Disk(patch, (undisturbed / name).stat().st_size - lacking)
        with pytest.raises(StorageError, match="no space left"):
            built(plan, out)
    assert not (out / name).exists()
    assert len(built(plan, out)[1]) == 6
    assert contents(out) == contents(undisturbed)


def test_a_shard_without_room_for_its_record_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan, undisturbed: Path
) -> None:
    right = contents(undisturbed)
    out = tmp_path / "data"
    with monkeypatch.context() as patch:
        Disk(patch, len(plan.fingerprint) + sum(len(right[name]) for name in (*HEAD, SHARD)) + 100)
        with pytest.raises(StorageError, match="no space left"):
            built(plan, out)
    assert not list((out / ".pipeline/records").iterdir())
    new, _ = built(plan, out)
    assert SHARD in new
    assert contents(out) == right


def test_a_full_disk_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Disk(monkeypatch, 10_000)
    assert run("build", tmp_path / "data") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("StorageError: ")
    assert told.err.endswith(f"{REMEDY}\n")
    assert told.err.count("\n") == 1


LIMITED = """
import resource, sys
limit, *arguments = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
from pipeline.cli import main
main(arguments)
"""


def limited_to(limit: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, in a process in which the kernel lets no file grow beyond `limit` bytes."""
    return subprocess.run([sys.executable, "-c", LIMITED, str(limit), *arguments], capture_output=True, text=True)


@pytest.mark.slow
def test_a_limit_on_file_sizes_is_reported_and_a_run_without_it_completes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kernel refuses, half way: the shards of `narrow` are smaller than the limit, those of `wide` are not."""
    recipe = tmp_path / "two.yaml"
    recipe.write_text(
        "extends: tiny\n"
        "worlds: {people: {size: 20000}}\n"
        "splits:\n"
        "  train: null\n"
        "  narrow: {mixture: {biographies: {exposures: 1}}}\n"
        "  wide: {mixture: {biographies: {exposures: 1}}, columns: [loss_mask, segment_ids, documents, spans]}\n"
        "shard_tokens: 800_000\n"
    )
    out = tmp_path / "data"
    arguments = ["build", str(recipe), "--executor", "inline", "--out", str(out)]
    limited = limited_to(2_500_000, *arguments)
    assert limited.returncode == 2, limited.stderr
    assert limited.stderr.startswith("StorageError: ")
    assert limited.stderr.endswith(f"{REMEDY}\n")
    assert limited.stderr.count("\n") == 1
    narrow = written(out)
    shards = sorted(name for name in narrow if name.endswith(".arrow"))
    assert shards == [f"narrow/shard-{k:05d}-of-00002.arrow" for k in range(2)]
    assert not (out / "manifest.json").exists()
    assert not [name for name in files(out) if "partial" in name]
    assert cli.run(arguments) == 0
    assert "2 shards built, 2 kept" in capsys.readouterr().out
    assert {name: written(out)[name] for name in shards} == {name: narrow[name] for name in shards}


def test_a_file_that_the_kernel_cuts_short_is_no_file(tmp_path: Path) -> None:
    """The tokenizer is written in one piece: a limit inside it gives a short write, and no error."""
    recipe, out = tmp_path / "r.yaml", tmp_path / "data"
    recipe.write_text(f"extends: {SMALL}\ntokenizer: {{name: gpt2}}\n")
    limited = limited_to(1_000_000, "build", str(recipe), "--executor", "inline", "--out", str(out))
    assert not (out / "tokenizer/tokenizer.json").exists()
    assert limited.returncode == 2
    assert REMEDY in limited.stderr


# ── a folder that cannot be written ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("out", ["file", "file/data", "file/deeper/data"])
def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, plan: Plan, out: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError):
        built(plan, tmp_path / out)
    assert (tmp_path / "file").read_text() == "mine"
    assert files(tmp_path) == ["file"]


# ── one builder at a time ───────────────────────────────────────────────────────────────────────────────────────────

PAUSED = """
import pickle, sys
from pathlib import Path
from pipeline.build import build

class Paused:
    def run(self, work, common, items, folder):
        yield work(common, items[0])
        print("paused", flush=True)
        sys.stdin.read()

out, plan = map(Path, sys.argv[1:])
build(pickle.loads(plan.read_bytes()), out, Paused())
"""


@contextmanager
def another_build(plan: Plan, out: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has built one shard, and holds still."""
    sent = out.parent / "plan"
    sent.write_bytes(pickle.dumps(plan))
    command = [sys.executable, "-c", PAUSED, str(out), str(sent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "paused\n"
            yield process
        finally:
            process.kill()


def test_a_second_builder_is_refused_until_the_first_is_gone_and_a_killed_one_leaves_no_lock(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], plan: Plan, undisturbed: Path
) -> None:
    out = tmp_path / "data"
    with another_build(plan, out) as other:
        before = written(out)
        assert run("build", out) == 2
        assert "another build is writing to this folder" in capsys.readouterr().err
        assert run("verify", out) == 2
        assert "not complete" in capsys.readouterr().err
        assert written(out) == before
        other.send_signal(signal.SIGKILL)
        assert other.wait() == -signal.SIGKILL
        new, old = built(plan, out)
    assert (len(new), old) == (5, {SHARD})
    assert contents(out) == contents(undisturbed)


def test_two_builds_of_different_recipes_that_begin_at_once_do_not_mix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    """The second runs as a whole in the moment in which the first has seen an empty folder, and writes its claim."""
    out = tmp_path / "data"
    other = plan_at(tmp_path / "r.yaml", f"extends: {SMALL}\nseed: 2\n")
    real = LocalFolder.write
    second: list[StorageError | None] = []

    def write(folder: LocalFolder, name: str, text: str) -> None:
        if not second:
            second.append(None)
            try:
                built(plan, out)
            except StorageError as error:
                second[0] = error
        real(folder, name, text)

    monkeypatch.setattr(LocalFolder, "write", write)
    try:
        built(other, out)
        first = None
    except StorageError as error:
        first = error
    assert second
    assert (first is None) != (second[0] is None), "one of them has the folder, the other is refused"
    alone = tmp_path / "alone/data"
    monkeypatch.undo()
    built(other if first is None else plan, alone)
    assert contents(out) == contents(alone)


def test_a_file_is_written_atomically_beside_itself(tmp_path: Path):
    target = tmp_path / "folder/page.html"
    with open_files.created(target) as file:
        file.write(b"whole")
        assert not target.exists()
        assert [path.name[:11] for path in target.parent.iterdir()] == [".page.html."]
    with pytest.raises(ZeroDivisionError), open_files.created(target) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert [path.read_bytes() for path in target.parent.iterdir()] == [b"whole"]


# ── what stores' clients say (make test-stores: the clients themselves) ─────────────────────────────────────────────


class OfClient(Exception):
    """An error of a store's client, with the status of the answer as adlfs (status_code) or gcsfs (code) gives it."""

    def __init__(self, said: str, **status: object) -> None:
        super().__init__(said)
        self.__dict__ |= status


@pytest.mark.parametrize(
    ("error", "denied", "missing", "reason"),
    [
        (PermissionError("Access Denied"), True, False, "Access Denied"),
        (
            OSError("Forbidden: http://store/b/x\nno storage.objects.create access"),
            True,
            False,
            "no storage.objects.create access",
        ),
        (OfClient("Anonymous caller", code="401"), True, False, "Anonymous caller"),
        (OfClient("Not authorized.\nRequestId:1", status_code=403), True, False, "Not authorized."),
        (
            OfClient("The container does not exist.\nRequestId:1", status_code=404),
            False,
            True,
            "The container does not exist.",
        ),
        (FileNotFoundError("gone"), False, True, "gone"),
        (OfClient("out of order", code=500), False, False, "out of order"),
        (TimeoutError(), False, False, "TimeoutError"),
    ],
)
def test_what_a_client_raises_says_whether_something_is_denied_or_missing(
    error: Exception, denied: bool, missing: bool, reason: str
) -> None:
    assert (stores.is_denied(error), stores.is_missing(error), stores.reason_of(error)) == (denied, missing, reason)


def test_a_client_that_would_wait_for_ever_is_told_how_long_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [stores._patience("gs")["requests_timeout"].sock_read, stores._patience("s3")] == [60.0, {}]
    monkeypatch.setitem(fsspec.config.conf, "gs", {"requests_timeout": 5})
    assert stores._patience("gs") == {}, "the user's own"
