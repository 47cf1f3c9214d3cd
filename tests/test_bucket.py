"""A dataset in an object store is the one on a disk, whatever the store does.

S3 is a real server on loopback, Google's and Azure's are ours, tried where their clients are installed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest

from pipeline.build.executors import Ray
from pipeline.build.verification import verify
from pipeline.core.errors import StorageError
from pipeline.dataset.manifest import Manifest
from pipeline.plan import Plan
from pipeline.storage import STATE, bucket, folder_at
from pipeline.storage.bucket import BucketFolder
from tests.conftest import SMALL, built, compiled, contents, run
from tests.object_stores import Server, give_up_soon, lose_patience
from tests.plans import usual


@pytest.fixture(scope="module")
def server(store: Server) -> Server:
    return store


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A prefix of its own, in which nothing fails yet; clients that lose patience soon."""
    lose_patience(server.protocol, monkeypatch)
    monkeypatch.setattr(bucket, "PATIENCE", 1.0)
    name = request.node.originalname + str(len(server.requests))
    yield f"{server.protocol}://bucket/{name}/data"
    server.fail = lambda request: ""
    server.failed.clear()


@pytest.fixture(scope="module")
def plan() -> Plan:
    """That of the small dataset in three shards: each is a dozen requests."""
    return compiled(SMALL, ("shard_tokens=2048",))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Path:
    """What should be in the bucket. Not to be changed."""
    out = tmp_path_factory.mktemp("undisturbed") / "data"
    built(plan, out)
    return out


def client_of(url: str) -> Any:
    return fsspec.filesystem(url.partition("://")[0], use_listings_cache=False)


def objects(url: str) -> dict[str, bytes]:
    """Every object of a dataset, without the state of builds."""
    store = client_of(url)
    found = {path.removeprefix(url.partition("://")[2] + "/"): path for path in store.find(url)}
    return {name: store.cat_file(path) for name, path in found.items() if not name.startswith(STATE)}


def objects_of_builds(url: str) -> list[str]:
    store = client_of(url)
    return [path.partition("/data/")[2] for path in store.find(url) if STATE in path]


# ── all is well ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_ray_workers_build_into_the_bucket_what_they_build_on_a_disk(url: str, plan: Plan, undisturbed: Path):
    new, old = built(plan, url, Ray(workers=2))
    assert objects(url) == contents(undisturbed)
    assert len(new) == len(plan.shards)
    assert not old
    assert verify(url) == []
    assert not [name for name in objects_of_builds(url) if "lock" in name or "clock" in name]
    assert built(plan, url) == (set(), new), "a second build has nothing to do"


def test_datasets_reads_it_where_it_lies(url: str, plan: Plan, undisturbed: Path, tmp_path: Path):
    from datasets import load_dataset

    built(plan, url)
    files = {"train": f"{url}/train/*.arrow"}
    streamed = load_dataset("arrow", data_files=files, split="train", streaming=True)
    right = load_dataset(str(undisturbed), split="train", cache_dir=str(tmp_path))
    assert [row["input_ids"] for row in streamed] == right["input_ids"][:]


def test_only_what_is_missing_or_of_another_size_is_built_again(url: str, plan: Plan, undisturbed: Path):
    built(plan, url)
    store = client_of(url)
    shards = sorted(name for name in objects(url) if name.endswith(".arrow"))
    store.rm_file(f"{url}/{shards[1]}")
    store.pipe_file(f"{url}/{shards[2]}", objects(url)[shards[2]][:-8])
    assert len(verify(url)) == 2
    new, old = built(plan, url)
    assert new == {shards[1], shards[2]}
    assert old == set(shards) - new
    assert objects(url) == contents(undisturbed)


def test_verify_reads_every_byte(url: str, plan: Plan):
    built(plan, url)
    name = Manifest.of(folder_at(url)).shards[2].file
    damaged = bytearray(objects(url)[name])
    damaged[5000] ^= 1
    client_of(url).pipe_file(f"{url}/{name}", bytes(damaged))
    assert verify(url) == [f"{name}: its bytes have changed"]
    assert built(plan, url)[0] == {name}, "by its stamp, though its size is the same"
    assert verify(url) == []


def test_a_shard_that_was_sent_in_other_pieces_is_read_and_kept(server: Server, url: str, plan: Plan):
    if server.protocol != "s3":
        pytest.skip("its stamps do not depend on pieces")
    import boto3

    built(plan, url)
    name = Manifest.of(folder_at(url)).shards[2].file
    before, bucket_of = folder_at(url).stamp(name), boto3.client("s3")
    where = {"Bucket": "bucket", "Key": f"{url.removeprefix('s3://bucket/')}/{name}"}
    upload = {**where, "UploadId": bucket_of.create_multipart_upload(**where)["UploadId"]}
    part = bucket_of.upload_part(**upload, PartNumber=1, Body=objects(url)[name])
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    bucket_of.complete_multipart_upload(**upload, MultipartUpload=parts)
    assert folder_at(url).stamp(name) != before
    assert built(plan, url)[0] == set()


# ── the store fails ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", ["500", "hang"])
@pytest.mark.parametrize("method", usual(["PUT POST", "GET", "HEAD"], "PUT POST"))
def test_a_store_that_fails_at_times_makes_no_difference(
    server: Server, url: str, plan: Plan, undisturbed: Path, method: str, how: str
):
    server.failing(method, "", how, times=2)
    built(plan, url)
    assert len(server.failed) == (0 if (server.protocol, method) == ("gs", "HEAD") else 2)
    assert objects(url) == contents(undisturbed)


def test_a_store_that_goes_on_failing_is_reported_and_the_same_command_goes_on(
    server: Server, url: str, undisturbed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    give_up_soon(server.protocol, monkeypatch)
    server.failing("PUT POST", "shard-00002", "500")
    assert run("build", url, "--set", "shard_tokens=2048") == 2  # type: ignore[arg-type]
    error = capsys.readouterr().err
    assert error.startswith(f"StorageError: {url}/train/shard-00002-of-")
    assert error.endswith("Run the same command again: what is complete is kept.\n")
    assert "manifest.json" not in objects(url)
    assert "train/shard-00001-of-00003.arrow" in objects(url)
    server.fail = lambda request: ""
    assert run("build", url, "--set", "shard_tokens=2048") == 0  # type: ignore[arg-type]
    assert "2 kept" in capsys.readouterr().out
    assert objects(url) == contents(undisturbed)


def test_a_bucket_without_permission_is_refused(server: Server, url: str, plan: Plan):
    server.failing("PUT POST", "", "403")
    with pytest.raises(StorageError, match="no permission") as caught:
        built(plan, url)
    assert caught.value.exit_code == 2
    assert "credentials" in caught.value.remedy
    assert not objects(url)


def test_a_bucket_that_is_not_there_is_refused(server: Server, url: str, plan: Plan):
    with pytest.raises(StorageError, match="no such bucket") as caught:
        built(plan, f"{server.protocol}://nobodys/data")
    assert caught.value.remedy == "Make it first."


@pytest.mark.slow
def test_a_store_that_nobody_runs_is_refused(server: Server, url: str, plan: Plan, monkeypatch: pytest.MonkeyPatch):
    give_up_soon(server.protocol, monkeypatch)
    for name, value in os.environ.items():
        if server.url in value:
            monkeypatch.setenv(name, value.replace(server.url, "http://127.0.0.1:9"))
    monkeypatch.setitem(fsspec.config.conf, server.protocol, {"skip_instance_cache": True})
    with pytest.raises(StorageError, match="does not answer") as caught:
        built(plan, url)
    assert "Run the same command again" in caught.value.remedy


# ── other hands ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_of_another_recipe_and_a_foreign_one_are_refused(url: str, plan: Plan):
    built(plan, url)
    before = objects(url)
    with pytest.raises(StorageError, match="built from another recipe"):
        built(compiled(SMALL, ("seed=1",)), url)
    assert objects(url) == before
    with pytest.raises(StorageError, match="not empty and not a dataset of ours"):
        built(plan, url.removesuffix("/data"))


def test_one_builder_at_a_time(url: str, plan: Plan):
    with folder_at(url).locked(), pytest.raises(StorageError, match="another build is writing") as caught:
        built(plan, url)
    assert "the same command works in" in caught.value.remedy
    assert len(built(plan, url)[0]) == len(plan.shards)


def test_a_builder_that_was_killed_keeps_the_folder_for_the_lease_only(
    url: str, plan: Plan, monkeypatch: pytest.MonkeyPatch
):
    folder = folder_at(url)
    folder.write(f"{STATE}/lock", json.dumps({"host": "gone", "lease": "0"}))
    with pytest.raises(StorageError, match="another build"), folder.locked():
        pass
    monkeypatch.setattr(BucketFolder, "_age", lambda folder, name: timedelta(seconds=61))
    with folder.locked():
        assert b"gone" not in folder.read(f"{STATE}/lock")


def test_what_a_builder_left_that_was_killed_while_it_looked_at_the_clock_goes_with_the_next(url: str, plan: Plan):
    folder_at(url).write(bucket.CLOCK, "")
    built(plan, url)
    assert folder_at(url).names(STATE) == ["builds.jsonl", "fingerprint", "records"]


def test_the_lease_is_renewed_while_its_builder_lives(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bucket, "LEASE", timedelta(seconds=0.2))
    renewed: list[str] = []
    write = BucketFolder.write
    monkeypatch.setattr(BucketFolder, "write", lambda self, *what: (renewed.append(what[0]), write(self, *what))[1])
    with folder_at(url).locked():
        while renewed.count(f"{STATE}/lock") < 3:
            pass
    assert folder_at(url).names(STATE) == []


# ── addresses ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("s4://bucket/x", "unknown protocol 's4'"),
        ("gs://bucket/x", "'gs' needs a package. Install it: pip install gcsfs."),
        ("abfs://bucket@mine.dfs.core.windows.net/x", "an account is not named in the address"),
        ("az://mine.blob.core.windows.net/bucket/x", "write az://container/path"),
        ("s3://", "this is no folder in a bucket"),
        ("s3://bucket/../other", "this is no folder in a bucket"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(place: str, said: str, monkeypatch: pytest.MonkeyPatch):
    def absent(protocol: str) -> Any:
        raise ImportError(protocol)

    if place.startswith("gs"):
        monkeypatch.setattr(fsspec, "get_filesystem_class", absent)
    with pytest.raises(StorageError, match=said.replace(".", r"\.")):
        folder_at(place)


def test_what_is_read_is_what_was_written(url: str):
    folder = folder_at(f"{url}/")
    assert folder.url == url
    assert folder.name == "data"
    with folder.creating("a/b") as file:
        file.write(b"abc")
        assert folder.names("a") == [], "not before it is whole"
    folder.write("a/c", "text")
    assert folder.read("a/b") == b"abc"
    assert folder.names("a") == ["b", "c"]
    assert folder.names() == ["a"]
    with folder.local("a/c") as path:
        assert path.read_text() == "text"
    assert folder.has("a/c", 4, "")
    assert not folder.has("a/c", 5, "")
    folder.remove("a/c")
    folder.remove("a/c")
    assert folder.names("a") == ["b"]
    for missing in (folder.read, lambda name: folder.local(name).__enter__()):
        with pytest.raises(FileNotFoundError):
            missing("a/c")


@pytest.mark.parametrize("size", [0, 2**18 + 1, 6 * 2**20 + 1])
def test_a_file_of_any_size_is_sent_whole(url: str, size: int):
    """The clients send large files in parts."""
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with folder_at(url).creating("large") as file:
        file.write(data)
    with folder_at(url).local("large") as path:
        assert path.read_bytes() == data
    assert folder_at(url).read("large") == data
    assert folder_at(url).sizes() == {"large": size}


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_block_that_raises_leaves_nothing(url: str, error: BaseException):
    with pytest.raises(type(error)), folder_at(url).creating("x") as file:
        file.write(b"abc")
        raise error
    assert objects(url) == {}
