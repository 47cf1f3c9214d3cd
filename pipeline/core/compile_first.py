"""Compiles modules of kernels that are needed and have no machine code yet, in processes of their own, with progress.

Importing such a module compiles it as well, but one after the other and silently. A package of kernels that belong
together therefore asks for all of them before the first is imported:

    compile_first("pipeline.core.kernels.draws", "pipeline.core.kernels.rendering")

Whether a module has machine code is noted by an empty file beside that code, under the same name (jit.py): it comes and
goes with the code, and belongs to the same sources. Where it is missing or wrong, time is lost and nothing else.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.core.system.progress import bar

COMMON = ("pipeline.core.kernels.draws", "pipeline.core.kernels.rendering", "pipeline.core.kernels.packing")
"""The modules of kernels that every recipe needs."""
LOOK = 0.02  # seconds between two checks of the processes
_CHILD = "PIPELINE_COMPILES"  # set in the processes that compile, which do not begin others
_PROGRAM = """\
import importlib, json, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C, which reaches it too, ends it silently
sys.path[:] = json.loads(sys.argv[1])
importlib.import_module(sys.argv[2])
"""


def compile_first(*modules: str) -> list[str]:
    """Compile those of the modules that have no machine code, several at a time; all are stopped with this process.

    Returns those that cannot be compiled: their import will say why. Another process that compiles is waited for.
    """
    if _CHILD in os.environ:
        return []
    notes = {module: _note_of(module) for module in modules}
    if all(note.exists() for note in notes.values()):
        return []
    with _alone(next(iter(notes.values())).with_name("compiling.lock")):
        missing = [module for module, note in notes.items() if not note.exists()]
        if missing:
            with bar("compiling, once", len(missing), "kernels") as shown:
                for module in _compiled(missing):
                    missing.remove(module)
                    shown.update()
                    with suppress(OSError):  # of a full disk: then it is looked at again the next time
                        notes[module].touch()
    return missing


def _note_of(module: str) -> Path:
    """The file that says that a module has machine code."""
    from pipeline.core import jit

    package, *steps = module.split(".")
    if package == jit.PACKAGE.name:  # find_spec would import the package that the module is in
        return jit.note_of(jit.PACKAGE.joinpath(*steps).with_suffix(".py"))
    specification = importlib.util.find_spec(module)
    if specification is None or specification.origin is None:
        raise ModuleNotFoundError(f"no module named {module}")
    return jit.note_of(Path(specification.origin))


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Only one process at a time is in the block; where there can be no lock, all are."""
    try:
        file = open(lock, "w")  # noqa: SIM115
    except OSError:
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compiled(modules: Sequence[str]) -> Iterator[str]:
    """Import each module in its own process, as many at a time as there are cores. Those that could be imported."""
    waiting, running = list(modules), dict[str, subprocess.Popen[bytes]]()
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                module = waiting.pop(0)
                running[module] = _importing(module)
            for module in [name for name, process in running.items() if process.poll() is not None]:
                if not running.pop(module).returncode:
                    yield module
            time.sleep(LOOK)
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def _importing(module: str) -> subprocess.Popen[bytes]:
    """A process that imports a module, and says nothing: what is wrong will be said by the import in this one."""
    command = [sys.executable, "-c", _PROGRAM, json.dumps(sys.path), module]
    environment = {**os.environ, _CHILD: "1"}
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
