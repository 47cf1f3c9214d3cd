"""warm: compiles the kernels before they are needed."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from pipeline.commands.command import Command
from pipeline.commands.common import bar
from pipeline.core.errors import RunError
from pipeline.core.system import output

HELP = "Compile the kernels, once a machine."
LOOK = 0.02  # seconds between two checks of the processes
FIRST = "pipeline.core.kernels"  # every source uses it, so it is compiled first


def arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> int:
    """Compile the kernels of all kinds of sources, by importing them, on all cores. Returns the exit code."""
    from pipeline.sources.registry import kernels

    began = time.perf_counter()
    modules = kernels()
    with bar("warm", 1 + len(modules), "kernels") as shown:
        _import([FIRST], shown.update)
        _import(modules, shown.update)
    output.say(f"kernels ready in {time.perf_counter() - began:.1f} s")
    return 0


def _import(modules: Sequence[str], done: Callable[[int], object]) -> None:
    """Import each module in its own process; all are stopped with this one. done: called after each."""
    waiting, running = list(modules), dict[str, subprocess.Popen[bytes]]()
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                module = waiting.pop(0)
                running[module] = _importing(module)
            for module in [name for name, process in running.items() if process.poll() is not None]:
                if running.pop(module).returncode:
                    raise RunError(f"{module} cannot be compiled", "What was said above is why.")
                done(1)
            time.sleep(LOOK)
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def _importing(module: str) -> subprocess.Popen[bytes]:
    """A process that imports a module. Ctrl-C, which reaches it too, ends it silently."""
    program = f"import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); import {module}"
    return subprocess.Popen([sys.executable, "-c", program])  # noqa: S603  # a constant of ours


COMMAND = Command(140, "warm", HELP, run, arguments)
