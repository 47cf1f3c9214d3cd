"""What is kept about files: written once, whole, sealed; as if it were not there where it was damaged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.system import kept_arrays
from pipeline.core.system.kept_arrays import Out, keep, kept, stored

ROWS = np.arange(300_000, dtype=np.int64)  # more than a file that is read has


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pretraining-recipes" / "files"


def write(out: Out) -> None:
    out.facts = {"of": "rows"}
    for first in range(0, len(ROWS), 70_000):
        out.add("rows", ROWS[first : first + 70_000])
    assert out.read("rows")[-1] == ROWS[-1]
    out.add("pairs", np.array([[1, 2], [3, 4]], np.int32))
    out.add("none", np.empty(0, np.uint16))


def test_arrays_and_facts_come_back_as_they_were() -> None:
    for found in (stored("it", "a", write), stored("it", "a", lambda out: pytest.fail("again")), kept("it", "a")):
        assert found is not None
        assert found.facts == {"of": "rows"}
        assert np.array_equal(found.arrays["rows"], ROWS)
        assert found.arrays["pairs"].tolist() == [[1, 2], [3, 4]]
        assert found.arrays["none"].dtype == np.uint16
        assert not any(array.flags.writeable for array in found.arrays.values())
    assert kept("it", "b") is None
    assert kept("other", "a") is None


def test_names_may_be_anything() -> None:
    for name in ("", "a\0b", "\udc80 half", "x" * 10**6, "a/../b\n"):
        keep("it", name, [name[:5]])
        found = kept("it", name)
        assert found is not None
        assert found.facts == [name[:5]]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[:-1],
    "empty": lambda data: b"",
    "short": lambda data: data[:20],
    "longer": lambda data: data + b"\0",
    "a letter": lambda data: data[:9] + bytes([data[9] ^ 1]) + data[10:],
    "its end": lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("large", [True, False])
def test_what_was_damaged_is_not_there_and_is_made_again(cache: Path, damage: str, large: bool) -> None:
    make = write if large else (lambda out: out.add("rows", ROWS[:10]))
    stored("it", "a", make)
    (file,) = cache.glob("*.it")
    right = file.read_bytes()
    changed = file.with_name("new")
    changed.write_bytes(DAMAGES[damage](right))
    changed.replace(file)
    assert kept("it", "a") is None
    stored("it", "a", make)
    assert file.read_bytes() == right


@pytest.mark.parametrize(
    "text",
    [b"", b"5", b"{", b"[" * 10_000, b'{"facts": 1}', b'{"facts": 1, "arrays": 5}', b'{"arrays": {"a": 1}, "facts": 1}',
     b'{"facts": 1, "arrays": {"a": ["O", [1], 0]}}', b'{"facts": 1, "arrays": {"a": ["<i8", [-5], 0]}}',
     b'{"facts": 1, "arrays": {"a": ["<i8", [9999999999999999999999], 0]}}',
     b'{"facts": 1, "arrays": {"a": ["nothing", [1], 0]}}', b'{"facts": 1, "arrays": {"a": ["<i8", ["x"], 0]}}'],
)  # fmt: skip
def test_what_somebody_else_sealed_is_not_there(tmp_path: Path, text: bytes) -> None:
    body = b"\0" * 64 + text + len(text).to_bytes(8, "little")
    (tmp_path / "it").write_bytes(body + kept_arrays._sealing("a").update(body).digest())
    assert kept_arrays.opened(tmp_path / "it", "a") is None
    huge = text + (2**62).to_bytes(8, "little")
    (tmp_path / "it").write_bytes(huge + kept_arrays._sealing("a").update(huge).digest())
    assert kept_arrays.opened(tmp_path / "it", "a") is None


def test_what_is_exchanged_is_not_there(cache: Path) -> None:
    keep("it", "a", 1)
    keep("it", "b", 2)
    a, b = (kept_arrays.place("it", name) for name in "ab")
    os.replace(a, b)
    assert kept("it", "b") is None


def test_a_cache_that_cannot_be_used_costs_time_or_is_an_error(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file")
    keep("it", "a", 1)
    assert kept("it", "a") is None
    with pytest.raises(NotADirectoryError):
        stored("it", "a", write)


def test_what_fails_leaves_nothing(cache: Path) -> None:
    def fail(out: Out) -> None:
        out.add("rows", ROWS)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        stored("it", "a", fail)
    assert {path.suffix for path in cache.iterdir()} == {".lock"}


MANY = """
import json, os, sys, time
import numpy as np
from pipeline.core.system.kept_arrays import stored
def write(out):
    open(sys.argv[1], "a").write("written\\n")
    time.sleep(0.2)
    out.add("rows", np.arange(5))
print(json.dumps(stored("it", "a", write).arrays["rows"].tolist()))
"""


def test_of_several_processes_one_writes_and_all_have_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", MANY, str(log)]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [json.loads(process.communicate()[0]) for process in started] == [[0, 1, 2, 3, 4]] * 4
    assert log.read_text() == "written\n"
