"""What a page does, run in the current process and folder: its files, its commands, its Python."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.console.comparison import agrees
from tests.console.pages import ROOT, Block, Step, blocks, steps

SHOWN_AS = "/home/you"  # how pages show the folder
PIPELINE = ("pipeline", ".venv/bin/pipeline")
PYTHON = ("python", sys.executable)

_SIMPLE = re.compile(r"""(?:[^'"|<>&;#$`*?~()\\]|'[^']*'|"[^"$`\\]*")*""")
"""The beginning of a command that a shell would hand over as it is, but for quotes."""


@dataclass(frozen=True)
class Difference:
    """A command that did not print what the page shows. first, last: the lines of the page that show it, from 1.

    output: whether these lines are output, which `--update` writes; else code that fails, or a file.
    """

    code: str
    shown: tuple[str, ...]
    printed: str
    first: int
    last: int
    output: bool = True


def differences(page: Path) -> Iterator[Difference]:
    """Run the blocks of a page in the current folder. Stops behind code that fails, as later blocks build on it."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page.read_text()):
        if block.file:
            yield from _file(block)
        elif not block.runs or block.reason:
            continue
        elif block.language == "python":
            printed = _printed(partial(_execute, block.text, page, block.first, "exec", names))
            if printed.endswith(FAILED):
                yield Difference(block.text, (), printed.removesuffix(FAILED), block.first, block.first, output=False)
                return
        else:
            for step in steps(block):
                printed = _printed(partial(_step, block, step, page, names))
                if not agrees(step.shown, printed.removesuffix(FAILED)):
                    yield Difference(step.code, step.shown, printed.removesuffix(FAILED), step.first, step.last)


def _file(block: Block) -> Iterator[Difference]:
    """Write the file that a block shows, or hold the block against the repository's file of this name."""
    known = ROOT / block.file
    if not known.is_file():
        path = Path(block.file)
        assert not path.is_absolute()
        assert ".." not in path.parts
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    elif not agrees(tuple(f"…\n{block.text}…".splitlines()), known.read_text()):
        last = block.first + len(block.lines)
        yield Difference(f"the file {block.file}", block.lines, known.read_text(), block.first, last, output=False)


def _step(block: Block, step: Step, page: Path, names: dict[str, Any]) -> None:
    if block.language == "console":
        run(step.code.replace("\\\n", " "))
    else:
        _execute(step.code + "\n", page, step.first - 1 - step.code.count("\n"), "single", names)


def _execute(text: str, page: Path, line: int, mode: str, names: dict[str, Any]) -> None:
    """Run Python that begins at a line of the page, which tracebacks name."""
    exec(compile("\n" * (line - 1) + text, str(page), mode), names)


FAILED = "\0"  # ends what is printed where Python fails


def _printed(do: Callable[[], object]) -> str:
    """What `do` prints, by whatever process, to stdout and stderr in the order in which it came."""
    with tempfile.TemporaryFile() as file, _to(file.fileno(), 1, 2):
        failed = ""
        try:
            do()
        except Exception as error:
            print("Traceback (most recent call last):", "…", *traceback.format_exception_only(error), sep="\n", end="")
            failed = FAILED
        _flush()
        file.seek(0)
        text = file.read().decode(errors="replace")
    return text.replace(os.environ["FOLDER"], SHOWN_AS) + failed


@contextmanager
def _to(target: int, *descriptors: int) -> Iterator[None]:
    """Have what is written to the descriptors go to a file."""
    _flush()
    kept = [os.dup(descriptor) for descriptor in descriptors]
    for descriptor in descriptors:
        os.dup2(target, descriptor)
    try:
        yield
    finally:
        _flush()
        for descriptor, old in zip(descriptors, kept, strict=True):
            os.dup2(old, descriptor)
            os.close(old)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def run(command: str) -> int:
    """Run a line of a shell, what can be in this process; its exit code."""
    simple = _SIMPLE.match(command)
    assert simple is not None
    rest = command[simple.end() :]
    words = shlex.split(simple[0])
    here = _here(words)
    if here and (not rest or rest.startswith("#")):
        return here()
    if here and re.match(r"\|[^|]|>[^&]", rest) and not simple[0].endswith("2"):
        with tempfile.TemporaryFile() as file:
            with _to(file.fileno(), 1):
                here()
            file.seek(0)
            return _shell(rest.removeprefix("|") if rest[0] == "|" else f"cat {rest}", file.fileno())
    return _shell(command)


def _shell(command: str, stdin: int = subprocess.DEVNULL) -> int:
    return subprocess.run(["bash", "-c", command], stdin=stdin, check=False).returncode


def _here(words: list[str]) -> Callable[[], int] | None:
    """What these words do, if it is done in this process."""
    match words:
        case ["cd", folder]:
            return partial(_cd, folder)
        case ["export", setting] if "=" in setting:
            return partial(_export, *setting.split("=", 1))
        case ["make", *arguments]:
            return lambda: _make(arguments)
        case [program, *arguments] if program in PIPELINE:
            return lambda: _pipeline(arguments)
        case [program, "-m", "pipeline", *arguments] if program in PYTHON:
            return lambda: _pipeline(arguments)
        case [program, script, *arguments] if program in PYTHON and script.endswith(".py"):
            return lambda: _script(script, arguments)
    return None


def _cd(folder: str) -> int:
    os.chdir(folder)
    return 0


def _export(name: str, value: str) -> int:
    os.environ[name] = value
    return 0


def _make(arguments: list[str]) -> int:
    """Run what make would run, without the set-up before it. Where it fails, make's own last line follows."""
    ready = ["-o", ".venv/run", "-o", ".venv/dev"]
    command = ["make", "-n", *ready, f"PY={sys.executable}", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    for line in done.stdout.replace("\\\n", "").splitlines():
        if code := run(line):
            target = next(word for word in arguments if "=" not in word)
            print(f"make: *** [Makefile: {target}] Error {code}", file=sys.stderr)
            return code
    return done.returncode


def _pipeline(arguments: list[str]) -> int:
    from pipeline import cli

    return _exit_code(lambda: cli.main(arguments))


def _script(script: str, arguments: list[str]) -> int:
    sys.argv = [script, *arguments]
    return _exit_code(lambda: runpy.run_path(script, run_name="__main__"))


def _exit_code(do: Callable[[], object]) -> int:
    """Do what may exit; the code with which it does."""
    try:
        do()
    except SystemExit as left:
        if isinstance(left.code, str):
            print(left.code, file=sys.stderr)
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    return 0
