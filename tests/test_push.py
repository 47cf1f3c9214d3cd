"""A built dataset on the Hub: sent once, whole or not called so, read back by `datasets`. The Hub is tests/hub.py."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from pipeline import cli
from pipeline.dataset.card_on_hub import on_hub
from pipeline.publish.hub import branch, client, commits
from tests.conftest import SMALL, built, compiled, contents
from tests.hub import DROP, Hub, serving

REPO = "user/name"
SHARDS = [f"train/shard-{k:05d}-of-00006.arrow" for k in range(6)]
PUT = r"^PUT /lfs/"
SENDING = r"^PUT |/preupload/|/commit/|/branch/"  # what changes something, but for making a repository
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")  # the client's own business
AGAIN = "Run the same command again: what has arrived is kept."


@pytest.fixture
def server() -> Iterator[Hub]:
    with serving(Hub()) as hub:
        yield hub


@pytest.fixture
def here(server: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The server, as the Hub of this process, which need not wait between its attempts."""
    point(monkeypatch, server.url)
    monkeypatch.setenv("HF_TOKEN", server.token)
    return server


def point(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """As HF_ENDPOINT does, which is read when the client is imported."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda seconds: None))
    for handler in logging.getLogger("huggingface_hub").handlers:  # which has the stderr of the test that imported it
        monkeypatch.setattr(handler, "stream", io.StringIO())


class Pusher:
    """`pipeline push` in this process. It never shows the token, nor a signature."""

    def __init__(self, out: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self.out, self.capsys, self.caplog = out, capsys, caplog

    def __call__(self, *more: str, code: int = 0, repo: str = REPO, out: str | Path | None = None) -> str:
        """What it says. A refusal is one line."""
        self.capsys.readouterr()
        self.caplog.clear()
        found = cli.run(["push", str(out or self.out), repo, *more])
        told = self.capsys.readouterr()
        shown = told.out + told.err + self.caplog.text
        assert found == code, shown
        assert "hf_" not in shown
        assert "secret" not in shown
        if code:
            refusals = [line for line in told.err.splitlines() if re.match("[A-Za-z]+Error: ", line)]
            assert len(refusals) == 1, told.err
            return refusals[0]
        return told.out


@pytest.fixture
def push(undisturbed: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Pusher:
    logging.getLogger("huggingface_hub").setLevel(logging.WARNING)
    return Pusher(undisturbed, capsys, caplog)


def expected(out: Path, repo: str = REPO) -> dict[str, bytes]:
    """What the Hub should hold."""
    files = contents(out)
    return {**files, "README.md": on_hub(files["README.md"].decode(), repo, "").encode()}


def another(tmp_path: Path) -> Path:
    """A small dataset of another recipe, in other shards."""
    out = tmp_path / "another"
    built(compiled(SMALL, ("seed=1", "shard_tokens=2048")), out)
    return out


# ── from end to end, in processes of their own ──────────────────────────────────────────────────────────────────────

READ_BACK = """
import json, sys
from datasets import load_dataset
whole = load_dataset(sys.argv[1], split="train").to_list()
streamed = list(load_dataset(sys.argv[1], split="train", streaming=True))
json.dump({"whole": whole, "streamed": streamed}, sys.stdout)
"""


@pytest.fixture(scope="module")
def story(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A push by somebody who has logged in, with one bad answer on the way, and what `datasets` reads elsewhere."""
    mine, theirs = tmp_path_factory.mktemp("mine"), tmp_path_factory.mktemp("theirs")
    with serving(Hub()) as server:
        (mine / "token").write_text(server.token + "\n")
        (theirs / "token").write_text(server.reader)
        shared = {"HF_ENDPOINT": server.url, "HF_HUB_DISABLE_TELEMETRY": "1"}
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        server.fail(PUT, 500)
        pushed = subprocess.run(
            [sys.executable, "-m", "pipeline", "push", str(undisturbed), REPO],
            env={**clean, **shared, "HF_HOME": str(mine)},
            capture_output=True,
            text=True,
        )
        assert pushed.returncode == 0, pushed.stderr
        requests = list(server.requests)
        read = subprocess.run(
            [sys.executable, "-c", READ_BACK, REPO],
            env={**clean, **shared, "HF_HOME": str(theirs)},
            capture_output=True,
            text=True,
        )
        assert read.returncode == 0, read.stderr
        return {"server": server, "pushed": pushed, "requests": requests, "read": json.loads(read.stdout)}


def test_a_folder_is_on_the_hub_as_it_is_in_one_private_commit(story: dict[str, Any], undisturbed: Path) -> None:
    server: Hub = story["server"]
    assert server.files(REPO) == expected(undisturbed)
    assert not any(".pipeline" in name for name in server.files(REPO))
    assert server.repos[REPO].private
    (title,) = server.titles(REPO)
    assert title == f"data, fingerprint {json.loads((undisturbed / 'manifest.json').read_text())['fingerprint'][:16]}"
    size = sum(len(data) for data in expected(undisturbed).values())
    assert story["pushed"].stdout == (
        f"{server.url}/datasets/user/name, private, main\n11 files ({size / 1e6:.1f} MB) new in 1 commit, 0 kept\n"
    )


def test_a_server_without_xet_is_sent_plain_lfs(story: dict[str, Any]) -> None:
    pytest.importorskip("hf_xet")  # the question is what happens where it is installed
    assert not [request for request in story["requests"] if "xet" in request.path]
    assert sum(request.method == "PUT" and request.status == 200 for request in story["requests"]) == len(SHARDS)


def test_neither_token_nor_signature_is_shown_or_sent_astray(story: dict[str, Any]) -> None:
    shown = story["pushed"].stdout + story["pushed"].stderr
    assert "HTTP Error 500 thrown while requesting PUT http://127.0.0.1" in shown
    assert not re.search("hf_|signature|secret", shown)
    assert {request.token for request in story["requests"] if request.method == "PUT"} == {""}


def test_datasets_reads_every_row_back_whole_and_as_a_stream(story: dict[str, Any], undisturbed: Path) -> None:
    rows = []
    for name in SHARDS:
        with pa.OSFile(str(undisturbed / name)) as file, pa.ipc.open_stream(file) as stream:
            rows += stream.read_all().to_pylist()
    assert story["read"]["whole"] == rows
    assert story["read"]["streamed"] == rows


# ── again ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_second_push_sends_nothing_and_makes_no_commit(here: Hub, push: Pusher) -> None:
    push()
    before, made = len(here.requests), here.titles(REPO)
    assert push().endswith("nothing new, 11 kept\n")
    assert here.asked(SENDING, before) == []
    assert here.titles(REPO) == made


@pytest.mark.parametrize(
    ("pattern", "status", "after", "problem"),
    [
        (PUT, 507, 3, "the Hub fails (507"),
        (PUT, 500, 3, "the Hub fails (500"),
        (PUT, DROP, 3, "it cannot be reached"),
        ("/preupload/", 429, 1, "the Hub has had too many requests (429"),
        ("/lfs/verify", 503, 2, "the Hub fails (503"),
        ("/lfs/objects/batch", 403, 3, "this token may not write there (403: injected for (token))"),
        ("POST .*/commit/", 413, 1, "this is more than the Hub takes (413: injected for (token))"),
        ("POST .*/commit/", DROP, 2, "it cannot be reached"),
        ("GET .*/tree/", DROP, 0, "it cannot be reached"),
    ],
)
def test_what_stops_a_push_loses_nothing_and_the_same_command_goes_on(
    here: Hub,
    push: Pusher,
    undisturbed: Path,
    monkeypatch: pytest.MonkeyPatch,
    pattern: str,
    status: int,
    after: int,
    problem: str,
) -> None:
    monkeypatch.setattr(commits, "BATCH", 2)
    here.fail(pattern, status, after=after, times=1000)  # beyond the client's own attempts
    refused = push(code=2)
    assert refused.startswith(f"HubError: {here.url}/datasets/user/name: {problem}")
    assert refused.endswith(AGAIN)
    assert "manifest.json" not in here.files(REPO)
    here.faults.clear()
    push()
    assert here.files(REPO) == expected(undisturbed)
    arrived = [request.path for request in here.asked(PUT) if request.status == 200]
    assert len(arrived) == len(set(arrived)) == len(SHARDS)


def test_a_bad_answer_and_a_lost_connection_do_not_stop_it(here: Hub, push: Pusher, undisturbed: Path) -> None:
    here.fail(PUT, 503)
    here.fail(PUT, DROP)
    here.fail("/preupload/", DROP)
    push()
    assert here.files(REPO) == expected(undisturbed)
    assert len(here.asked(PUT)) == len(SHARDS) + 2


def test_only_the_last_of_several_commits_has_a_manifest(
    here: Hub, push: Pusher, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "BATCH", 4)
    push("--message", "Six shards")
    history = list(reversed(here.repos[REPO].history("main")))[1:]
    assert [commit.title for commit in history] == ["Six shards (part 1)", "Six shards"]
    assert ["manifest.json" in commit.files for commit in history] == [False, True]
    assert here.files(REPO) == expected(undisturbed)


def test_what_somebody_took_away_is_sent_again(here: Hub, push: Pusher, undisturbed: Path) -> None:
    push()
    head = here.repos[REPO].at("main")
    here.repos[REPO].commit("main", "oops", {name: b for name, b in head.files.items() if name != SHARDS[2]})
    here.objects.clear()
    before = len(here.requests)
    assert "1 file (0.0 MB) new in 1 commit, 10 kept" in push()
    assert here.files(REPO) == expected(undisturbed)
    assert len(here.asked(PUT, before)) == 1


def test_a_commit_by_somebody_else_at_the_same_time_is_not_mixed_with_ours(here: Hub, push: Pusher) -> None:
    here.create(REPO)
    here.meanwhile("POST .*/commit/", lambda: here.put(REPO, {"note.txt": b"hello"}))
    assert "somebody else has changed the repository meanwhile (412" in push(code=2)
    assert list(here.files(REPO)) == ["note.txt"]
    push()
    assert here.files(REPO)["note.txt"] == b"hello"


def test_an_answer_that_never_comes_is_asked_for_again(
    here: Hub, push: Pusher, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, came = Event(), []
    here.meanwhile("GET .*/tree/", lambda: came.append(released.wait(60)))
    monkeypatch.setattr(client, "PATIENCE", 2.0)
    push()
    assert came == []  # the first answer is still out
    released.set()
    assert here.files(REPO) == expected(undisturbed)


def test_a_server_with_xet_is_sent_xet(
    here: Hub, push: Pusher, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hf_xet")

    def upload(additions: list[Any], **told: Any) -> None:
        for addition in additions:
            with addition.as_file() as file:
                here.objects[addition.upload_info.sha256.hex()] = file.read()

    monkeypatch.setattr("huggingface_hub._commit_api._upload_xet_files", upload)  # there is no such server here
    here.transfer = "xet"
    push()
    assert here.files(REPO) == expected(undisturbed)
    assert here.asked(PUT) == []


# ── options ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_public_is_for_a_repository_that_is_made(here: Hub, push: Pusher) -> None:
    assert "/user/name, public, main\n" in push("--public")
    assert not here.repos[REPO].private
    here.create("user/secluded")
    told = push("--public", repo="user/secluded")
    assert told.startswith("notice: the repository was private before and stays so")
    assert here.repos["user/secluded"].private
    push()
    assert not here.repos[REPO].private


def test_a_branch_is_made_of_nothing_else_and_the_others_stay(
    here: Hub, push: Pusher, undisturbed: Path, tmp_path: Path
) -> None:
    push(out=another(tmp_path))
    main = here.files(REPO)
    to_branch = ("--revision", "seed0/a", "--message", "Seed 0")
    assert push(*to_branch).endswith("/user/name, private, seed0/a\n11 files (0.1 MB) new in 1 commit, 0 kept\n")
    assert push(*to_branch).endswith("nothing new, 11 kept\n")
    assert here.titles(REPO, "seed0/a") == ["Seed 0"]
    assert here.files(REPO, "seed0/a") == expected(undisturbed)
    assert here.files(REPO) == main


def test_another_dataset_is_left_alone_unless_it_is_to_be_replaced(
    here: Hub, push: Pusher, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "BATCH", 4)
    push("--licence", "mit", out=another(tmp_path))
    here.put(REPO, {"NOTES.md": b"mine"})
    before, count = here.files(REPO), len(here.titles(REPO))
    assert "it holds another dataset (fingerprint " in push(code=2)
    assert here.files(REPO) == before
    push("--replace")
    assert here.files(REPO) == {**expected(undisturbed), "NOTES.md": b"mine"}  # nor another dataset's licence
    (first, last) = list(reversed(here.repos[REPO].history("main")))[1 + count :]
    assert set(first.files).isdisjoint({"manifest.json", "README.md"})
    assert {name for name in first.files if name.endswith(".arrow")} == set(SHARDS[:4])
    assert "manifest.json" in last.files


def test_a_card_that_is_too_big_to_be_ours_is_not_fetched(
    here: Hub, push: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    push()
    monkeypatch.setattr(branch, "MOST_READ", 10**4)
    here.put(REPO, {"README.md": b"x" * (10**4 + 1)})
    before = here.files(REPO)
    assert "its README.md has 10,001 bytes, and may have 10,000" in push(code=2)
    assert here.files(REPO) == before


def test_shards_of_something_else_would_be_read_and_are_refused(here: Hub, push: Pusher, undisturbed: Path) -> None:
    here.create(REPO)
    strange = {"train/more.arrow": b"1", "exam/shard-00000-of-00001.arrow": b"2", "other/data.arrow": b"3"}
    here.put(REPO, strange)
    told = push(code=2)
    assert "it holds shards of something else: exam/shard-00000-of-00001.arrow, train/more.arrow. --replace" in told
    push("--replace")
    assert here.files(REPO) == {**expected(undisturbed), "other/data.arrow": b"3"}


def test_a_licence_stands_in_the_header_and_stays(here: Hub, push: Pusher) -> None:
    here.create(REPO)
    here.put(REPO, {"README.md": b"---\nlicense: other\nlicense_name: mine\nlanguage: en\n---\nTo come.\n"})
    push()
    assert b"---\nlicense: other\nlicense_name: mine\ntask_categories" in here.files(REPO)["README.md"]
    push("--licence", "cc-by-4.0")
    assert b"---\nlicense: cc-by-4.0\ntask_categories" in here.files(REPO)["README.md"]
    assert push().endswith("nothing new, 11 kept\n")
    refused = push("--licence", "made-up", code=2)
    assert 'the Hub does not take this (400: Invalid metadata; "license" must be one of [mit, …])' in refused
    assert b"license: cc-by-4.0\n" in here.files(REPO)["README.md"]


def test_what_a_person_writes_into_the_card_on_the_hub_stays(
    here: Hub, push: Pusher, undisturbed: Path, tmp_path: Path
) -> None:
    """Also beside a newer card of ours; what the folder says anew comes to the Hub; both at once are not guessed at."""

    def edited(card: bytes) -> None:
        here.put(REPO, {"README.md": card})

    def card() -> bytes:
        return here.files(REPO)["README.md"]

    out = tmp_path / "data"
    shutil.copytree(undisturbed, out)
    push(out=out)
    edited(card().replace(b"\n---\n", b"\nlanguage: en\n---\n", 1) + b"\n## Results\n\nGood.\n")
    right = card()
    assert push(out=out).endswith("nothing new, 11 kept\n")
    edited(right.replace(b"Token ids, packed", b"Words, packed"))
    push(out=out)
    assert card() == right
    push("--licence", "mit", out=out)
    assert b"license: mit\ntask_categories" in card()
    assert card().endswith(b"\n## Results\n\nGood.\n")
    assert push(out=out).endswith("nothing new, 11 kept\n")

    with (out / "README.md").open("a") as file:
        file.write("Mine.\n")
    told = push(code=2, out=out)
    assert "the card was edited there and in the folder too. Copy what was written there into the README.md" in told
    with (out / "README.md").open("a") as file:
        file.write("\n## Results\n\nGood.\n")
    (out / "README.md").write_text((out / "README.md").read_text().replace("\n---\n", "\nlanguage: en\n---\n", 1))
    push(out=out)
    assert card().endswith(b"Mine.\n\n## Results\n\nGood.\n")
    (out / "README.md").write_text((out / "README.md").read_text().replace("Good.", "Better."))
    push(out=out)
    assert card().endswith(b"Mine.\n\n## Results\n\nBetter.\n")
    assert b"license: mit\n" in card()


def test_a_card_that_was_there_before_the_dataset_stays(here: Hub, push: Pusher, undisturbed: Path) -> None:
    here.create(REPO)
    here.put(REPO, {"README.md": b"---\nlanguage: en\n---\n# Mine\n\nData will come.\n"})
    push()
    found = here.files(REPO)["README.md"]
    assert found.index(b"# Mine\n\nData will come.\n\n<!--") < found.index(b"# data\n")
    assert b"\nlanguage: en\n---\n" in found
    assert push().endswith("nothing new, 11 kept\n")


def test_a_gitignore_does_not_make_holes(here: Hub, push: Pusher, undisturbed: Path) -> None:
    here.create(REPO)
    here.put(REPO, {".gitignore": b"*.json\n*.arrow\n"})
    push()
    assert here.files(REPO) == {**expected(undisturbed), ".gitignore": b"*.json\n*.arrow\n"}


@pytest.mark.parametrize("large", [True, False])
def test_a_folder_in_a_bucket_is_sent_as_well(here: Hub, push: Pusher, undisturbed: Path, large: bool) -> None:
    """Also to a server that takes shards as git's own files, which go with the commit."""
    import fsspec

    if not large:
        here.is_large = lambda path, size: False
    memory = fsspec.filesystem("memory")
    for name, data in contents(undisturbed).items():
        memory.pipe(f"/push/data/{name}", data)
    try:
        push(out="memory://push/data")
        assert push(out="memory://push/data").endswith("nothing new, 11 kept\n")
    finally:
        memory.rm("/push", recursive=True)
    assert here.files(REPO) == expected(undisturbed)


def test_a_shard_that_a_bucket_holds_otherwise_is_not_sent(here: Hub, push: Pusher, undisturbed: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    for name, data in contents(undisturbed).items():
        changed = data[:5000] + bytes([data[5000] ^ 1]) + data[5001:] if name == SHARDS[2] else data
        memory.pipe(f"/push/data/{name}", changed)
    try:
        refused = push(out="memory://push/data", code=2)
    finally:
        memory.rm("/push", recursive=True)
    assert f"memory://push/data/{SHARDS[2]}: its bytes have changed. Run build, which mends it." in refused
    assert "manifest.json" not in here.files(REPO)
    assert SHARDS[2] not in here.files(REPO)


# ── refusals before anything is sent ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    ["no manifest", "missing shard", "short shard", "changed byte", "no recipe"]
    + ["other recipe", "other tokenizer", "other card"],
)
def test_a_folder_that_is_not_whole_is_not_sent(
    here: Hub, push: Pusher, undisturbed: Path, tmp_path: Path, fault: str
) -> None:
    out = tmp_path / "data"
    shutil.copytree(undisturbed, out)
    shard = out / SHARDS[4]
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    match fault:
        case "no manifest":
            (out / "manifest.json").unlink()
        case "missing shard":
            shard.unlink()
        case "short shard":
            shard.write_bytes(data[:-1])
        case "changed byte":
            shard.write_bytes(data)
        case "no recipe":
            (out / "recipe.yaml").unlink()
        case "other recipe" | "other tokenizer" | "other card":
            path = out / {"r": "recipe.yaml", "t": "tokenizer/tokenizer.json", "c": "README.md"}[fault.split()[1][0]]
            path.write_text(path.read_text().replace("e", "a", 7))
    problem = {"no manifest": "there is no manifest.json", "no recipe": "recipe.yaml is missing"}
    problem |= {"other recipe": "not as recorded: recipe.yaml; nothing was sent"}
    problem |= {"other tokenizer": "not as recorded: tokenizer/tokenizer.json; nothing was sent"}
    problem |= {"other card": "not as recorded: README.md (our keys in its header have changed); nothing was sent"}
    refused = push(out=out, code=2)
    assert problem.get(fault, f"missing or not as recorded: {SHARDS[4]}; nothing was sent") in refused
    assert here.requests == []


@pytest.mark.parametrize(
    "words",
    [["name"], ["user/"], ["a/b/c"], ["datasets/user/name"], ["user/na me"], ["user/a--b"], ["user/x.git"], ["ü/n"]]
    + [[REPO, "--revision", "a b"], [REPO, "--revision", "refs/pr/1"], [REPO, "--licence", "mit\nx: y"]],
)
def test_words_that_the_hub_would_not_take_are_refused_at_once(here: Hub, push: Pusher, words: list[str]) -> None:
    assert "Write" in push(*words[1:], repo=words[0], code=2)
    assert here.requests == []


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        ("", "there is no token"),
        ("hf_wrong", "the Hub does not know this token (401"),
        ("hf_reader", "this token may not write there (403"),
        ("hf_bad\x07sign", "the token has signs that no token has"),
        ("hf_bäd", "the token has signs that no token has"),
    ],
)
def test_a_token_that_does_not_do_is_refused_and_not_shown(
    here: Hub, push: Pusher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str, problem: str
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))  # nobody has logged in
    monkeypatch.setenv("HF_TOKEN", token)
    here.create(REPO)
    assert problem in push(code=2)
    assert here.files(REPO) == {}


def test_a_namespace_of_somebody_else_is_refused(here: Hub, push: Pusher) -> None:
    assert "this token may not write there (403" in push(repo="company/name", code=2)
    assert here.repos == {}


def test_no_network_is_said_as_it_is(push: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    with serving(Hub()) as server:
        closed = server.url
    point(monkeypatch, closed)
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    assert f"{closed}/datasets/user/name: it cannot be reached" in push(code=2)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set, so nothing is sent" in push(code=2)


def test_the_client_is_left_as_it_was(here: Hub, push: Pusher) -> None:
    from huggingface_hub import constants
    from huggingface_hub.utils import are_progress_bars_disabled, get_session

    hooks = get_session().event_hooks
    push()
    assert get_session().event_hooks == hooks
    assert get_session().follow_redirects
    assert constants.HF_HUB_DISABLE_XET is False
    assert get_session().timeout.read is None
    assert not are_progress_bars_disabled()
    assert not any(handler.filters for handler in logging.getLogger("huggingface_hub").handlers)
