"""warm: compiles the kernels before they are needed."""

from __future__ import annotations

import argparse
import time

from pipeline.commands.command import Command
from pipeline.core.errors import RunError
from pipeline.core.system import output

HELP = "Compile the kernels of all kinds of sources, as for the nodes of a cluster."


def arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> int:
    """Compile all kernels, on all cores. Returns the exit code."""
    from pipeline.core.compile_first import compile_first
    from pipeline.sources.registry import kernels

    began = time.perf_counter()
    for module in compile_first(*kernels()):
        raise RunError(f"{module} cannot be compiled", f'python -c "import {module}" says why.')
    output.say(f"kernels ready in {time.perf_counter() - began:.1f} s")
    return 0


COMMAND = Command(140, "warm", HELP, run, arguments)
