"""Machine code belongs to the contents of all the files it was made from: never older, and made once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.core import compiled

PACKAGE = Path(pipeline.__file__).parent
SOURCES = {
    "core/kernels.py": set(),
    "core/streams.py": {"core/kernels.py"},
    "grammars/sampling.py": {"core/kernels.py", "core/streams.py"},
    "grammars/parsing.py": {"core/sets.py"},
    "sources/structure/compiled/mano.py": {
        "core/kernels.py",
        "core/streams.py",
        "sources/structure/compiled/__init__.py",
    },
}
DRAW = """
import json
import numpy as np
from pipeline.core import kernels
from pipeline.sources.structure.compiled import mano

rule = np.array([3, 3, 23, 0, 0])
law = np.array([2**63], np.uint64)
out, offsets = np.zeros(4096, np.int32), np.zeros(9, np.int64)
answers, first, size = np.zeros((8, 1), np.int32), np.zeros(8, np.int64), np.zeros(8, np.int64)
item = np.arange(8)
mano.draw(rule, law, np.array([[1, 2]], np.uint64), item, item, out, offsets, answers, first, size)
functions = [f for module in (kernels, mano) for f in vars(module).values() if hasattr(f, "stats")]
hits = sum(sum(f.stats.cache_hits.values()) for f in functions)
misses = sum(sum(f.stats.cache_misses.values()) for f in functions)
print(json.dumps([out[: offsets[-1]].tolist(), hits, misses]))
"""


@pytest.mark.parametrize("file", SOURCES)
def test_the_sources_of_a_kernel_are_all_the_files_that_it_imports(file: str) -> None:
    found = compiled.sources_of(PACKAGE / file) - {PACKAGE / "core/compiled.py", PACKAGE / file}
    assert {path.relative_to(PACKAGE).as_posix() for path in found} == SOURCES[file]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package as it is, with its machine code, elsewhere."""
    shutil.copytree(PACKAGE, tmp_path / "pipeline")
    return tmp_path


def drawn(folder: Path) -> tuple[list[int], int, int]:
    """What a kernel draws, and how many functions came from the cache, and how many did not, in another process."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", DRAW]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ids, hits, misses = json.loads(done.stdout)
    return ids, hits, misses


def test_a_copy_of_the_sources_takes_over_their_machine_code(copy: Path) -> None:
    """Also where every file is younger than it, as after a fresh checkout."""
    ids, _, _ = drawn(PACKAGE.parent)  # which compiles what is not yet compiled
    shutil.copytree(PACKAGE, copy / "pipeline", dirs_exist_ok=True)
    for file in copy.rglob("*.py"):
        os.utime(file, (2e9, 2e9))
    again, hits, misses = drawn(copy)
    assert again == ids
    assert hits > 0
    assert misses == 0


@pytest.mark.slow
def test_machine_code_is_made_anew_where_a_helper_in_another_file_has_changed(copy: Path) -> None:
    """Its time and its size stay as they were: only what it says is other."""
    before, _, _ = drawn(copy)
    helper = copy / "pipeline/core/streams.py"
    text, times = helper.read_text("utf-8"), helper.stat()
    old, new = "np.int64(_scale(next_bits(stream), np.uint64(n)))", "np.int64(_scale(next_bits(stream), np.uint64(1)))"
    assert text.count(old) == 1
    helper.write_text(text.replace(old, new), "utf-8")
    os.utime(helper, ns=(times.st_atime_ns, times.st_mtime_ns))
    for stale in helper.parent.glob("__pycache__/streams.*.pyc"):
        stale.unlink()  # Python's own, which looks at time and size alone
    after, _, misses = drawn(copy)
    assert misses > 0
    assert after != before
    helper.write_text(text, "utf-8")
    os.utime(helper, ns=(times.st_atime_ns, times.st_mtime_ns))
    again, _, misses = drawn(copy)
    assert (again, misses) == (before, 0), "the code of the old sources is still there, and is theirs"


def test_machine_code_of_other_packages_stays_with_numba(tmp_path: Path) -> None:
    from numba.core import caching

    file = tmp_path / "other.py"
    file.write_text("def f(x):\n    return x\n")
    assert all(place.from_function(drawn, str(file)) is None for place in compiled._PLACES)
    assert set(caching.CacheImpl._locator_classes[:3]) == set(compiled._PLACES)
    assert len(caching.CacheImpl._locator_classes) > 3
