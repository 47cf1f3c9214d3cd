"""Machine code belongs to the contents of all the files it was made from: never older, and made once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import pytest

import pipeline
from pipeline.core import jit

PACKAGE = Path(pipeline.__file__).parent
SOURCES = {
    "core/kernels/draws.py": {"core/hashing.py"},
    "core/kernels/rendering.py": {"core/slack.py", "core/vectors.py"},
    "core/bitstreams.py": {"core/hashing.py"},
    "grammars/kernels/sampler.py": {
        "core/bitstreams.py",
        "core/hashing.py",
        "core/slack.py",
        "core/vectors.py",
        "grammars/tables.py",
    },
    "grammars/kernels/parser.py": {"core/sets.py", "grammars/tables.py"},
    "sources/puzzles/kernels/mano.py": {
        "core/bitstreams.py",
        "core/hashing.py",
        "sources/puzzles/kernels/__init__.py",
    },
}
DRAW = """
import json
import numpy as np
from pipeline.core.kernels import draws
from pipeline.sources.puzzles.kernels import mano

rule = np.array([3, 3, 23, 0, 0])
law = np.array([2**63], np.uint64)
out, offsets = np.zeros(4096, np.int32), np.zeros(9, np.int64)
answers, first, size = np.zeros((8, 2), np.int32), np.zeros(9, np.int64), np.zeros(8, np.int64)
item = np.arange(8)
mano.draw(rule, law, np.array([[1, 2]], np.uint64), item, item, out, offsets, answers, first, size)
functions = [f for module in (draws, mano) for f in vars(module).values() if hasattr(f, "stats")]
hits = sum(sum(f.stats.cache_hits.values()) for f in functions)
misses = sum(sum(f.stats.cache_misses.values()) for f in functions)
print(json.dumps([out[: offsets[-1]].tolist(), hits, misses]))
"""


@pytest.mark.parametrize("file", SOURCES)
def test_the_sources_of_a_kernel_are_all_the_files_that_it_imports(file: str) -> None:
    found = jit.sources_of(PACKAGE / file) - {PACKAGE / "core/jit.py", PACKAGE / file}
    assert {path.relative_to(PACKAGE).as_posix() for path in found} == SOURCES[file]


def test_the_name_of_machine_code_has_its_sources_and_the_versions_of_its_makers_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed helper of a helper, a changed decorator, another numba, llvmlite or numpy: another name each time."""
    assert Path(jit.__file__) in jit.sources_of(PACKAGE / "core/hashing.py"), "its decorators count as well"
    monkeypatch.setattr(jit, "PACKAGE", package := tmp_path / "pipeline")
    package.mkdir()
    for name, text in {"a": "import pipeline.b", "b": "from pipeline import c", "c": "", "other": ""}.items():
        (package / f"{name}.py").write_text(text)

    def name() -> str:
        jit._imported.cache_clear()
        return jit.stamp_of.__wrapped__(package / "a.py")

    names = [name()]
    (package / "other.py").write_text("changed")
    assert [name()] == names
    for text in ("def f(): pass", "def f(): ..."):
        (package / "c.py").write_text(text)
        names.append(name())
    for maker in (jit.numba, jit.llvmlite, jit.np):
        monkeypatch.setattr(maker, "__version__", "0.0.1")
        names.append(name())
    assert len(set(names)) == len(names)


def test_a_signature_is_made_of_texts_dtypes_and_tuples() -> None:
    point = np.dtype([("x", np.int64), ("near", np.float64, 2)])

    @jit.numba.njit(jit.signature("f8", point, Pair, Mixed))
    def f(points, pair, mixed):  # type: ignore[no-untyped-def]
        points[1].x += pair.a + pair.b
        return points[1].near[1] * mixed.scale

    points = np.zeros(2, point)
    points["near"] = 1.5
    assert f(points, Pair(1, 2), Mixed(2.0, np.zeros(1, np.int32))) == 3.0
    assert points["x"].tolist() == [0, 3]


class Pair(NamedTuple):
    a: Annotated[int, "i8"]
    b: Annotated[int, "i8"]


class Mixed(NamedTuple):
    scale: Annotated[float, "f8"]
    rows: Annotated[Any, "i4[::1]"]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package as it is, with its machine code, elsewhere."""
    shutil.copytree(PACKAGE, tmp_path / "pipeline")
    return tmp_path


NOTHING_WRITABLE = """
import errno, os, pwd, sys, tempfile

def unknown(user):
    raise KeyError(user)

pwd.getpwuid = unknown
TemporaryFile = tempfile.TemporaryFile  # by which it is tried out whether a folder can be written

def elsewhere(*given, dir=None, **options):
    if dir is not None and not str(dir).startswith(tempfile.gettempdir()):
        raise OSError(errno.EROFS, "Read-only file system")
    return TemporaryFile(*given, dir=dir, **options)

tempfile.TemporaryFile = elsewhere
"""
FUNCTION = """
from pipeline.core.jit import njit

@njit
def doubled(x):
    return 2 * x

assert doubled(21) == 42
print(sum(doubled.stats.cache_hits.values()), doubled._cache.cache_path)
"""


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
    helper = copy / "pipeline/core/bitstreams.py"
    text, times = helper.read_text("utf-8"), helper.stat()
    old, new = "np.int64(scaled(next_bits(stream), np.uint64(n)))", "np.int64(scaled(next_bits(stream), np.uint64(1)))"
    assert text.count(old) == 1
    helper.write_text(text.replace(old, new), "utf-8")
    os.utime(helper, ns=(times.st_atime_ns, times.st_mtime_ns))
    for stale in helper.parent.glob("__pycache__/bitstreams.*.pyc"):
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
    assert all(place.from_function(drawn, str(file)) is None for place in jit._PLACES)
    assert set(caching.CacheImpl._locator_classes[: len(jit._PLACES)]) == set(jit._PLACES)
    assert len(caching.CacheImpl._locator_classes) > len(jit._PLACES)


# ── where it is kept ────────────────────────────────────────────────────────────────────────────────────────────────


def ran(program: str, folder: Path, **variables: str) -> tuple[str, str]:
    """What a program prints that finds the package in a folder, and has `tmp` there for temporary files."""
    (folder / "tmp").mkdir(exist_ok=True)
    variables = {"PYTHONPATH": str(folder), "TMPDIR": str(folder / "tmp"), **variables}
    environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "XDG_CACHE_HOME")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=folder, env=environment | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def doubling(copy: Path, program: str = "", **variables: str) -> tuple[int, Path, str]:
    """Whether the code of a kernel was there, where it is kept, and what is said of it."""
    (copy / "pipeline/core/doubled.py").write_text(FUNCTION)
    out, said = ran(program + "import pipeline.core.doubled", copy, **variables)
    hits, place = out.split()
    return int(hits), Path(place), said


def test_where_nothing_can_be_written_code_is_kept_until_the_process_ends_and_one_line_says_so(copy: Path) -> None:
    """No home, no rights beside the files: the folder is new and private, and goes with the process."""
    _, place, said = doubling(copy, NOTHING_WRITABLE)
    private = place.parents[1]
    assert (private.parent, private.name[:20]) == (copy / "tmp", "pretraining-recipes-")
    assert said.count("\n") == 1
    assert said.startswith("notice: no cache of yours can be written: ")
    assert f" go to {private}, " in said
    assert "NUMBA_CACHE_DIR" in said
    assert not list((copy / "tmp").iterdir())
    assert not (copy / "~").exists()


@pytest.mark.slow
def test_code_that_was_compiled_at_set_up_is_taken_where_nothing_can_be_written(copy: Path) -> None:
    hits, place, said = doubling(copy, HOME=str(copy / "home"))
    assert (hits, place, said) == (0, copy / "pipeline/core/__pycache__", "")
    hits, place, said = doubling(copy, NOTHING_WRITABLE)
    assert (hits, said) == (1, "")
    assert place.is_relative_to(copy / "tmp")


@pytest.mark.slow
def test_workers_take_the_folder_of_the_process_that_started_them(copy: Path) -> None:
    (copy / "pipeline/core/doubled.py").write_text(FUNCTION)
    program = NOTHING_WRITABLE + "import pipeline.core.doubled"
    out, said = ran(f"{program}\nimport subprocess\nsubprocess.run([sys.executable, '-c', {program!r}])", copy)
    first, second = (line.split() for line in sorted(out.splitlines()))
    assert (first[0], second[0], first[1]) == ("0", "1", second[1])
    assert said.count("\n") == 1


def test_the_home_is_expanded_in_a_place_that_is_named(copy: Path) -> None:
    _, place, said = doubling(copy, NUMBA_CACHE_DIR="~/kept", HOME=str(copy / "home"))
    assert place.is_relative_to(copy / "home/kept")
    assert (said, (copy / "~").exists()) == ("", False)


@pytest.mark.parametrize(("mode", "owner"), [(0o777, 0), (0o1777, 0), (0o755, 54321)])
def test_code_is_not_taken_from_a_folder_in_which_a_stranger_could_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, owner: int
) -> None:
    """Machine code is loaded with pickle. Sticky or not: the names of files can be known beforehand."""
    if owner and os.geteuid():
        pytest.skip("only root can give a folder away")
    monkeypatch.setattr(jit, "PACKAGE", tmp_path)
    (file := tmp_path / "kernel.py").write_text("")
    beside = tmp_path / "__pycache__"
    beside.mkdir()
    assert jit._Beside.from_function(ran, str(file)) is not None
    beside.chmod(mode)
    if owner:
        os.chown(beside, owner, owner)
    assert jit._Beside.from_function(ran, str(file)) is None


def test_a_folder_is_trusted_as_the_folders_above_it_are(tmp_path: Path) -> None:
    source, folder = tmp_path / "package/kernel.py", tmp_path / "shared/mine"
    source.parent.mkdir()
    source.write_text("")
    folder.mkdir(parents=True)
    modes = {0o755: True, 0o775: True, 0o777: False, 0o1777: True}  # which others can put another folder in its place
    for mode, trusted in modes.items():
        folder.parent.chmod(mode)
        assert jit.trusted(folder, source) is trusted, oct(mode)
    source.parent.chmod(0o777)  # as in images in which everything is: the source itself is no safer
    beside = source.parent / "__pycache__"
    beside.mkdir()
    beside.chmod(0o777)
    assert jit.trusted(beside, source)
