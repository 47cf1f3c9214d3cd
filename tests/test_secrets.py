"""Tokens and passwords: found nowhere but where they are needed."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from pipeline import cli
from pipeline.core import faker_values
from pipeline.core.errors import StorageError
from pipeline.core.system.secrets import has_secret, is_secret, needed, redacted
from pipeline.storage import folder_at
from tests.conftest import SMALL, run
from tests.object_stores import Server, served
from tests.plans import usual
from tests.test_ray import driver

PLANTED = {
    "HF_TOKEN": "hf_Planted0Token0OfTheHub0",
    "HUGGING_FACE_HUB_TOKEN": "hf_Planted0Token0OfOld0Times",
    "AWS_SECRET_ACCESS_KEY": "planted/secret+of/aws0",
    "AWS_SESSION_TOKEN": "planted-session-of-aws",
    "AZURE_STORAGE_CONNECTION_STRING": "AccountKey=planted-azure==",
    "WANDB_API_KEY": "planted-key-of-wandb",
    "GITHUB_TOKEN": "planted-token-of-github",
    "FSSPEC_SFTP_PASSWORD": "planted-password-of-sftp",
    "HTTPS_PROXY": "http://me:planted-password-of-proxy@127.0.0.1:9",
}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)


def shows_secret(text: str | bytes) -> list[str]:
    """Which of them stand in a text."""
    data = text if isinstance(text, bytes) else text.encode()
    return [name for name, value in PLANTED.items() if value.encode() in data or b"planted-password" in data]


# ── in the environment ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [*PLANTED, "OPENAI_API_KEY", "PGPASSWORD", "npm_token", "DB_CREDENTIALS", "FSSPEC_S3"])
def test_a_variable_whose_name_or_value_says_so_is_a_secret(name: str) -> None:
    assert is_secret(name, PLANTED.get(name, "x"))


@pytest.mark.parametrize(
    "name",
    ["HOME", "TOKENIZERS_PARALLELISM", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "HF_HOME", "KEYBOARD", "SSH_AUTH_SOCK"]
    + ["GOOGLE_APPLICATION_CREDENTIALS_FILE", "AWS_SHARED_CREDENTIALS_FILE", "RAY_AUTH_TOKEN_PATH", "MONKEY"],
)
def test_other_variables_are_none(name: str) -> None:
    assert not is_secret(name, "https://host/path")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("/data/x", set()),
        ("s3://bucket/x", {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HTTPS_PROXY"}),
        ("S3A://bucket/x", {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HTTPS_PROXY"}),
        ("hf://datasets/a/b", {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HTTPS_PROXY"}),
        ("abfs://bucket/x", {"AZURE_STORAGE_CONNECTION_STRING", "HTTPS_PROXY"}),
        ("gs://bucket/x", {"HTTPS_PROXY"}),
        ("sftp://host/x", set(PLANTED)),
    ],
)
def test_a_worker_is_given_what_the_store_of_its_folder_asks_for(url: str, kept: set[str]) -> None:
    others = {"HOME": "/home/me", "AWS_ENDPOINT_URL": "http://host", "RAY_AUTH_TOKEN": "of Ray's own"}
    assert needed({**PLANTED, **others}, url) == {name: PLANTED[name] for name in kept} | others


def test_a_worker_is_given_what_the_stores_of_its_corpora_ask_for_too() -> None:
    assert needed(PLANTED, "/data/x", "hf://", "s3://").keys() == {
        "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HTTPS_PROXY",
    }  # fmt: skip


def test_the_process_that_asks_faker_has_none(planted: None) -> None:
    process = faker_values._process(-1)
    try:
        while not (environment := Path(f"/proc/{process.pid}/environ").read_bytes()):  # it is about to begin
            time.sleep(0.01)
    finally:
        faker_values._end(process)
    assert b"PATH=" in environment
    assert shows_secret(environment) == []


# ── in texts ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("PUT s3://me:word@host/a failed", "PUT s3://(hidden)@host/a failed"),
        ("'https://host/a?X-Amz-Signature=abc&b=c': 403", "'https://host/a?(hidden)': 403"),
        ("Authorization: Bearer abcdefgh.ijk", "Authorization: Bearer (hidden)"),
        ("header 'authorization': 'Basic dXNlcjpwYXNz'", "header 'authorization': 'Basic (hidden)'"),
        ("token hf_abcdefghijklmnopqrst is bad", "token (token) is bad"),
        (f"key {PLANTED['WANDB_API_KEY']}.", "key (WANDB_API_KEY)."),
        ("in a URL: planted%2Fsecret%2Bof%2Faws0", "in a URL: (AWS_SECRET_ACCESS_KEY)"),
        ("hf://datasets/user/name@main/x and a: b@c? no.", "hf://datasets/user/name@main/x and a: b@c? no."),
        ("did you mean 'exposures'?", "did you mean 'exposures'?"),
    ],
)
def test_a_text_is_shown_without_secrets(text: str, shown: str) -> None:
    assert redacted(text, PLANTED) == shown


def test_a_short_value_is_no_secret() -> None:
    assert redacted("a test of it", {"AWS_SECRET_ACCESS_KEY": "test"}) == "a test of it"


def test_an_error_of_a_worker_is_shown_without_secrets(planted: None) -> None:
    assert shows_secret(str(StorageError(f"said {PLANTED['HF_TOKEN']}", "", "s3://a:planted-password@b"))) == []


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("s3://key:word@bucket/x", True),
        ("sftp://me:word@host/x", True),
        ("https://host/x?sig=abc", True),
        ("abfs://container@account.dfs.core.windows.net/x", False),
        ("hf://datasets/user/name@branch/x", False),
        ("s3://bucket/a:b@c/x", False),
        ("s3://bucket/part-?.txt", False),
        ("s3://bucket/part-?.txt?X-Amz-Signature=abc", True),
        ("s3://me:word@bucket/part-?.txt", True),
        ("https://host/x?abc", True),
    ],
)
def test_a_url_with_a_password_or_a_signature_is_refused_and_not_shown(
    url: str, secret: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert has_secret(url) == secret
    if not secret:
        return
    with pytest.raises(StorageError, match="is seen by all"):
        folder_at(url)
    for command in (
        ["build", str(Path(__file__).parent / "golden/small.yaml"), "--out", url],
        ["verify", url],
        ["export", url, "--to", "jsonl"],
        ["report", url],
    ):
        assert cli.run(command) == 2
        out, error = capsys.readouterr()
        assert "is seen by all" in error
        assert "(hidden)" in error
        assert not {"word", "sig=abc"} & set(out.split() + error.replace("@", " ").replace(":", " ").split())


# ── in what a build leaves and says ─────────────────────────────────────────────────────────────────────────────────


def test_a_build_leaves_and_says_none(tmp_path: Path, planted: None, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "data"
    assert run("build", out) == 0
    assert run("export", out, "--to", "parquet") == 0
    assert "".join(capsys.readouterr()).count("\n") == 3
    files = [path for path in out.rglob("*") if path.is_file()]
    assert out / ".pipeline/builds.jsonl" in files
    assert [path for path in files if shows_secret(path.read_bytes())] == []


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with served("s3") as server:
        for name in ("AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY"):
            monkeypatch.setenv(name, PLANTED[name])
        monkeypatch.setitem(fsspec.config.conf, "s3", {"skip_instance_cache": True})
        monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("how", usual(["403", "500"], "500"))
def test_a_store_that_says_a_secret_or_a_signature_is_reported_without(
    server: Server, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.message = f"{PLANTED['AWS_SECRET_ACCESS_KEY']} at https://host/x?X-Amz-Signature=planted-password"
    server.failing("PUT", "", how)
    assert cli.run(["build", SMALL, "--executor", "inline", "--out", f"s3://bucket/{how}/data"]) == 2
    out, error = capsys.readouterr()
    assert "(AWS_SECRET_ACCESS_KEY) at https://host/x?(hidden)" in error
    assert shows_secret(out + error) == []
    assert error.count("\n") == 1


# ── in what Ray is given, shows and writes ──────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
@pytest.mark.parametrize(
    ("url", "needs"), [("/nowhere", set()), ("s3://bucket/x", {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"})]
)
def test_ray_is_given_what_it_needs_and_shows_and_writes_none(
    planted: None, monkeypatch: pytest.MonkeyPatch, url: str, needs: set[str]
) -> None:
    """Looked for in environment and command line of every process of Ray's while it works, and in all its files."""
    proxy = {"HTTPS_PROXY"} if needs else set()
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as base, driver(Path(base), url) as (process, processes):
        assert process.stdout
        assert process.stdout.readline() == "first\n"
        seen = processes()
        environments = {one: Path(f"/proc/{one}/environ").read_bytes() for one in seen}
        lines = [Path(f"/proc/{one}/cmdline").read_bytes() for one in (*seen, process.pid)]
        files = [path for path in Path(base).rglob("*") if path.is_file() and not path.is_symlink()]
        shown = {path.name: shows_secret(path.read_bytes()) for path in files}
        process.terminate()
        out, error = process.communicate()
    assert len(seen) >= 5
    assert all(b"PATH=" in environment for environment in environments.values())
    for environment in environments.values():
        names = {part.partition(b"=")[0].decode() for part in environment.split(b"\0")}
        assert names & PLANTED.keys() == needs | proxy
    assert [line for line in lines if shows_secret(line)] == []
    assert len(shown) > 5
    assert not any(shown.values()), shown
    assert shows_secret(out + error) == []
