"""warm: the kernels, compiled."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

HELP = "Compile the kernels, once a machine."


def arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(options: argparse.Namespace) -> int:
    """Import the kernels, which compiles them."""
    began = time.perf_counter()
    from pipeline.core import kernels  # compiled, or loaded from the cache, by being imported
    from pipeline.sources.reasoning.igsm import graphs, saying

    names = ", ".join(Path(str(one.__file__)).name for one in (kernels, graphs, saying))
    print(f"kernels ready in {time.perf_counter() - began:.1f} s ({names})")
    return 0
