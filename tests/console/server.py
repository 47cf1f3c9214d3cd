"""A process that has imported and compiled what pages use, and runs each page in a fork of itself, in a new folder.

Forks, because pages change the working directory and register kinds; one process before them, because what it has ready
takes two seconds, for every page. It is a process of its own, `python -m tests.console.server`, so that no thread of
pytest is forked: reads lines of JSON, {"page", "folder"}, and answers each with a line.
"""

from __future__ import annotations

import atexit
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import traceback
from dataclasses import asdict
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.console.pages import ROOT
from tests.console.session import Difference, differences

LINKS = ("recipes", "templates", "examples", "Makefile")
LONGEST = 600  # seconds of a page: one that hangs is ended
NOT_OURS = ("MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "ARGS", "RAY_ADDRESS", "PYTHONWARNINGS")
"""Variables of the environment in which tests are run that a reader does not have."""


def examined(page: Path) -> list[Difference]:
    """What differs on a page, whose blocks are run in a new process and a new folder."""
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        for name in LINKS:
            (Path(folder) / name).symlink_to(ROOT / name)
        server = _server()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps({"page": str(page), "folder": os.path.realpath(folder)}) + "\n")
        server.stdin.flush()
        answer = json.loads(server.stdout.readline())
    assert "error" not in answer, answer["error"]
    return [Difference(**{**found, "shown": tuple(found["shown"])}) for found in answer["found"]]


@cache
def _server() -> subprocess.Popen[str]:
    """The server of this process."""
    place = tempfile.TemporaryDirectory(prefix="pages-")
    home, programs = Path(place.name) / "home", Path(place.name) / "programs"
    home.mkdir()
    programs.mkdir()
    for name, module in (("pipeline", "-m pipeline "), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {module}"$@"\n')
        (programs / name).chmod(0o755)
    command = [sys.executable, "-m", "tests.console.server"]
    server = subprocess.Popen(
        command, cwd=ROOT, env=_environment(home, programs), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def stop() -> None:
        server.communicate()  # the end of its input ends it
        place.cleanup()

    atexit.register(stop)
    return server


def _environment(home: Path, programs: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    return {
        **kept,
        "HOME": str(home),
        "PATH": f"{programs}:{kept.get('PATH', '')}",
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "TOKENIZERS_PARALLELISM": "false",  # no threads, which a fork would lack
    }


def _prepare() -> None:
    """Import and load what most pages use: libraries, kernels, GPT-2's tokenizer, the plan of `tiny`."""
    import datasets  # noqa: F401

    from pipeline import plan as package
    from pipeline.recipe import load
    from pipeline.shard import make_shard
    from pipeline.sources.registry import kernels

    for module in kernels():
        import_module(module)
    _remember_plans(package)
    make_shard(package.compile_plan(load("tiny")), "train", 0)


def _remember_plans(package: Any) -> None:
    """Have a recipe that a page plans, shows and builds compiled once: most of the time that a page takes."""
    plans: dict[tuple[str, str], Any] = {}
    compile_plan = package.compile_plan

    def remembered(loaded: Any) -> Any:
        if Path(loaded.recipe.tokenizer.name).exists():  # a file, which the page may change
            return compile_plan(loaded)
        key = (loaded.recipe.model_dump_json(), loaded.title)
        if key not in plans:
            plans[key] = compile_plan(loaded)
        return plans[key]

    package.compile_plan = remembered


def _answer(page: Path, folder: str, pipe: int) -> None:
    """Run a page, in a process for it alone, and write what differs into a pipe."""
    signal.alarm(LONGEST)
    os.chdir(folder)
    os.environ["FOLDER"] = folder
    sys.path.insert(0, folder)
    try:
        answer: dict[str, Any] = {"found": [asdict(difference) for difference in differences(page)]}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    with os.fdopen(pipe, "w") as out:
        out.write(json.dumps(answer) + "\n")


def _serve() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # what nobody captures is no answer
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # as on a terminal
    _prepare()
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _answer(Path(request["page"]), request["folder"], answers)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status:
            os.write(answers, (json.dumps({"error": f"ended by {os.waitstatus_to_exitcode(status)}"}) + "\n").encode())


if __name__ == "__main__":
    _serve()
