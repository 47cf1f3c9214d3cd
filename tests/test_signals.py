"""Ctrl-C, `kill` and a terminal that goes away, sent to real processes at the moments at which they hurt.

Each process says that it has come to such a moment, and is signalled then: nothing here depends on how fast it is.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.build.executors.signals import held
from pipeline.core.system import signals

ROOT = Path(__file__).parents[1]
SMALL = str(ROOT / "tests/golden/small.yaml")
START = """
import atexit, concurrent.futures, os, sys, time
from pipeline import cli
from dataclasses import replace
from pipeline.commands import list as command

def ready():
    os.write(1, b"ready\\n")
    time.sleep(60)
"""
# What the command does, and what `ready` is called in once a first signal has come, if it is to come twice.
AT_WORK = """
def run(options):
    ready()
"""
DROPPED = """
class Held:
    def __del__(self):
        ready()

def run(options):
    held = Held()
    del held
    time.sleep(60)
"""
CLEANING_UP = """
def run(options):
    try:
        ready()
    finally:
        ready()
"""
IN_A_POOL = """
def run(options):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        pool.submit(time.sleep, 60)
        ready()
"""
LEAVING = """
def run(options):
    atexit.register(ready)
    ready()
"""
TEARING_DOWN = """
class Held:
    def __del__(self, write=os.write, sleep=time.sleep):
        write(1, b"ready\\n")
        sleep(60)

held = Held()
run = lambda options: ready()
"""
IN_AN_IMPORT = """
import importlib.abc

class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "pipeline.recipe":
            ready()

sys.meta_path.insert(0, Slow())
run = command.COMMAND.run
"""


@contextmanager
def process(program: str) -> Iterator[subprocess.Popen[str]]:
    program = (
        f"{START}{program}\ncommand.COMMAND = replace(command.COMMAND, run=run)\nsys.argv[1:] = ['list']\ncli.main()"
    )
    pipe = subprocess.PIPE
    started = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def signalled(started: subprocess.Popen[str], number: int) -> None:
    """Once it says that it is there."""
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    started.send_signal(number)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=lambda value: str(value),
)
def test_the_first_signal_unwinds_and_is_one_line(number: int, code: int) -> None:
    with process(AT_WORK) as started:
        signalled(started, number)
        out, err = started.communicate(timeout=30)
    assert (started.returncode, out, err) == (code, "", cli.STOPPED + "\n")


@pytest.mark.parametrize("program", [DROPPED, IN_AN_IMPORT])
def test_a_signal_that_comes_where_python_drops_it_or_imports_unwinds_too(program: str) -> None:
    with process(program) as started:
        signalled(started, signal.SIGINT)
        _, err = started.communicate(timeout=30)
    assert (started.returncode, err) == (130, cli.STOPPED + "\n")


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("program", [CLEANING_UP, LEAVING, TEARING_DOWN])
def test_a_second_signal_ends_it_at_once_and_without_a_traceback(program: str, second: int) -> None:
    with process(program) as started:
        signalled(started, signal.SIGINT)
        signalled(started, second)
        _, err = started.communicate(timeout=30)
    assert started.returncode == -second  # which a shell shows as 128 and its number
    assert err in ("", cli.STOPPED + "\n")


def test_a_signal_after_the_end_of_the_command_is_no_traceback() -> None:
    """Also where the command was none."""
    program = "run = None\natexit.register(ready)\nsys.argv[1:] = ['no such command']\ncli.main()"
    with process(program) as started:
        signalled(started, signal.SIGINT)
        _, err = started.communicate(timeout=30)
    assert started.returncode == -signal.SIGINT
    assert err.splitlines()[-1].startswith("pipeline: error: ")


def test_a_second_signal_ends_it_while_it_waits_for_its_threads() -> None:
    with process(IN_A_POOL) as started:
        signalled(started, signal.SIGINT)
        while handles(started, signal.SIGINT):  # until the first has been taken
            assert started.poll() is None
        started.send_signal(signal.SIGINT)
        _, err = started.communicate(timeout=30)
    assert (started.returncode, err) == (-signal.SIGINT, "")


def handles(started: subprocess.Popen[str], number: int) -> bool:
    """Whether a process has a handler for a signal."""
    lines = Path(f"/proc/{started.pid}/status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt:")).split()[1]
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_processes_that_compile_end_with_the_one_that_started_them() -> None:
    program = """
from pipeline.core import compile_first
compile_first._PROGRAM = "import time; print('ready', flush=True); time.sleep(60)"
run = lambda options: list(compile_first._compiled(["kernels"]))
"""
    with process(program) as started:
        signalled(started, signal.SIGTERM)
        _, err = started.communicate(timeout=30)  # which waits for all that have its stdout
    assert (started.returncode, err) == (143, cli.STOPPED + "\n")


def test_a_signal_that_was_ignored_from_the_start_stays_ignored() -> None:
    program = "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + AT_WORK
    with process(program) as started:
        signalled(started, signal.SIGHUP)
        started.send_signal(signal.SIGTERM)
        _, err = started.communicate(timeout=30)
    assert (started.returncode, err) == (143, cli.STOPPED + "\n")


def test_handlers_of_a_program_that_uses_the_package_are_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    before = [signal.getsignal(number) for number in signals.HANDLED]
    assert cli.run(["list"]) == 0
    assert [signal.getsignal(number) for number in signals.HANDLED] == before
    assert capsys.readouterr().err == ""


IN_A_FILE = """
from pipeline.storage import arrow
write, written = arrow.write, []

def half(columns, file):
    write(columns, file)
    written.append(file)
    if len(written) == 2:
        ready()

arrow.write = half
sys.argv[1:] = ARGUMENTS
cli.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_a_build_that_is_stopped_in_a_file_leaves_none_that_is_not_whole_and_goes_on(
    tmp_path: Path, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a process leaves that is ended at once, as by a second signal, the next run cleans up."""
    out = tmp_path / "out"
    arguments = ["build", SMALL, "--executor", "inline", "--out", str(out)]
    with process(IN_A_FILE.replace("ARGUMENTS", repr(arguments))) as started:
        signalled(started, number)
        _, err = started.communicate(timeout=60)
    assert (started.returncode, err) == ((130, cli.STOPPED + "\n") if number == signal.SIGINT else (-number, ""))
    assert len(list(out.rglob("*.arrow"))) == 1
    assert len(list(out.glob(".pipeline/partial/*"))) == (number == signal.SIGKILL)
    assert cli.run(arguments) == 0
    assert "2 shards built, 1 kept" in capsys.readouterr().out
    assert not list(out.glob(".pipeline/partial/*"))


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, directly or not."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    below, new = set[int](), [pid]
    while new:
        new = [child for one in new for child in children.get(one, ())]
        below.update(new)
    return below


@pytest.mark.slow
def test_kill_ends_a_build_with_ray_in_one_line_and_its_processes_with_it(tmp_path: Path) -> None:
    """Ray would print the stack of native code, and leave with another exit code."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "pipeline", "build", "bioS_multi5", "--out", str(out), "--workers", "1"]
    command += ["--set", "shard_tokens=100_000"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as started:
        try:
            while not list(out.glob("train/*.arrow")):
                assert started.poll() is None
                time.sleep(0.1)
            rays = descendants(started.pid)
            started.terminate()
            _, err = started.communicate(timeout=120)
        finally:
            started.kill()
    assert (started.returncode, err) == (143, cli.STOPPED + "\n")
    assert len(rays) > 2
    while {pid for pid in rays if Path(f"/proc/{pid}/exe").exists()}:  # they are ending
        time.sleep(0.1)
    assert not list(out.glob(".pipeline/partial/*"))


@pytest.mark.parametrize("number", signals.HANDLED)
def test_a_signal_that_is_held_comes_when_the_block_is_left(number: signal.Signals) -> None:
    came: list[int] = []
    before = signal.signal(number, lambda number, frame: came.append(number))
    try:
        with held():
            signal.raise_signal(number)
            assert came == []
        assert came == [number]
    finally:
        signal.signal(number, before)
