"""warm: the kernels, compiled."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from pipeline.core import output

HELP = "Compile the kernels, once a machine."
FIRST = "pipeline.core.kernels"  # which the others call
OTHERS = (
    "pipeline.sources.reasoning.igsm.graphs",
    "pipeline.sources.reasoning.igsm.saying",
    "pipeline.grammars.parsing",
    "pipeline.grammars.sampling",
    "pipeline.sources.structure.compiled.brevo",
    "pipeline.sources.structure.compiled.depo",
    "pipeline.sources.structure.compiled.mano",
    "pipeline.sources.structure.compiled.copying",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> int:
    """Import the kernels, which compiles them: those that are long in it first, on all cores."""
    began = time.perf_counter()
    _imported(FIRST)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # its threads do nothing but wait for the processes
        list(pool.map(_imported, OTHERS))
    output.say(f"kernels ready in {time.perf_counter() - began:.1f} s")
    return 0


def _imported(module: str) -> None:
    """A module, compiled or loaded from the cache by being imported, in a process of its own."""
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)  # noqa: S603  # a constant of ours
