"""The name of the processor, for records of what was measured."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """The name of the processor, where Linux says it; else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, names), platform.machine())
