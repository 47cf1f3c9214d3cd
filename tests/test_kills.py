"""Builds into a bucket and exports, killed: nothing half-made, and the same command again makes all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.plan.plan import Plan
from pipeline.storage import bucket
from tests.conftest import SMALL, built, contents
from tests.kills import files, shown
from tests.object_stores import Server


@pytest.fixture(scope="module")
def server(store: Server) -> Server:
    return store


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "where", "least"), [("build", "bucket", 15), ("export", "disk", 5), ("export", "bucket", 7)]
)
def test_killed_at_any_step_the_same_command_goes_on(
    server: Server, tmp_path: Path, what: str, where: str, least: int
) -> None:
    """See `tests/kills.py` for what is asserted."""
    place = server.at(what) if where == "bucket" else str(tmp_path / "out")
    command = [sys.executable, "-m", "tests.kills", what, str(tmp_path / "dataset/data"), place]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= least


@pytest.mark.slow
def test_killed_while_a_shard_is_on_its_way_there_is_none_and_the_same_command_sends_it(
    server: Server, plan: Plan, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.at("sending/data")
    server.failing("PUT POST", "shard-00002", "hang")
    command = [sys.executable, "-m", "pipeline", "build", SMALL, "--executor", "inline", "--out", url]
    with subprocess.Popen(command, env={**os.environ}, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while not server.failed:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    server.fail = lambda request: ""
    found = shown(files(url))
    assert "train/shard-00001-of-00006.arrow" in found
    assert "train/shard-00002-of-00006.arrow" not in found
    assert found.items() <= contents(undisturbed).items()
    monkeypatch.setattr(bucket, "LEASE", timedelta(seconds=-1))
    new, old = built(plan, url)  # type: ignore[arg-type]
    assert old == {"train/shard-00000-of-00006.arrow", "train/shard-00001-of-00006.arrow"}
    assert len(new) == 4
    assert shown(files(url)) == contents(undisturbed)
