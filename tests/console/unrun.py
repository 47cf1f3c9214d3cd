"""What can be said of a block that is not run: that its Python can be read, and that its commands exist."""

from __future__ import annotations

import contextlib
import io
import shlex
import subprocess
import sys
from collections.abc import Iterator
from doctest import DocTestParser

from pipeline import cli
from tests.console.pages import ROOT, Block, steps


def problems(block: Block) -> Iterator[str]:
    """What would stop the block wherever it is run."""
    if block.language == "console":
        for step in steps(block):
            yield from _of_command(step.code.replace("\\\n", " "))
        return
    examples = [example.source for example in DocTestParser().get_examples(block.text)]
    for code in examples if block.language == "pycon" else [block.text]:
        try:
            compile(code, "page", "exec")
        except SyntaxError as error:
            yield f"{error.msg}: {error.text}"


def _of_command(line: str) -> Iterator[str]:
    match shlex.split(line, comments=True):
        case ["make", *arguments]:
            command = ["make", "-n", "-o", ".venv/run", "-o", ".venv/dev", f"PY={sys.executable}", *arguments]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                yield done.stderr
            for printed in done.stdout.splitlines():
                if printed.startswith(sys.executable):
                    yield from _of_command(printed)
        case ["pipeline", *arguments] | [_, "-m", "pipeline", *arguments]:
            said = io.StringIO()
            with contextlib.redirect_stderr(said):
                try:
                    cli._parser().parse_args(arguments)
                except SystemExit:
                    yield said.getvalue()
        case [_, script, *_] if script.startswith("examples/") and not (ROOT / script).is_file():
            yield f"there is no {script}"
