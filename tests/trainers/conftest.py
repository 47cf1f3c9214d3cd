"""The exports, made once, and what trainers need beside them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that builder.py fills, with the main environment, which cannot be this one."""
    folder = tmp_path_factory.mktemp("made")
    subprocess.run([os.environ["BUILDER"], "-m", "tests.trainers.builder", str(folder)], cwd=ROOT, check=True)
    return folder
