"""What the tests of whole builds share: one small dataset, and how to build it and to look at it."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

import pytest

from pipeline import cli
from pipeline.build.building import build
from pipeline.build.executors import Executor, Inline
from pipeline.core.files import library
from pipeline.dataset.manifest import Manifest
from pipeline.dataset.reader import tokenizer_of
from pipeline.plan import Plan, compile_plan, planned
from pipeline.recipe import Recipe, load, writing
from pipeline.recipe.reading import read_file
from pipeline.recipe.yaml_tree import Node
from pipeline.storage import LocalFolder
from pipeline.storage.local import hash_of
from tests.object_stores import PROTOCOLS, Server, forgotten, served

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["SSL_CERT_DIR"] = str(Path(__file__).parent)  # no authorities: reading all is a fifth of a test of the Hub
for _name in (
    "ARGS",
    "MAKEFLAGS",
    "MAKEOVERRIDES",
    "MFLAGS",
):  # of `make test ARGS=…`: makes in tests take them
    os.environ.pop(_name, None)
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # where it is set, each process that a test starts compiles everything
sys.dont_write_bytecode = False
for _number, _default in ((signal.SIGHUP, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
    if signal.getsignal(_number) is signal.SIG_IGN:  # a shell's background job, or nohup: tests of signals would wait
        signal.signal(_number, _default)

GOLDEN = Path(__file__).parent / "golden"
SMALL = str(Path(__file__).parent / "six_shards.yaml")


def pytest_collection_finish() -> None:
    """All that is there once the tests are known stays; not to look for garbage in it saves a tenth of their time."""
    gc.collect()
    gc.freeze()


@lru_cache(16)
def compiled(recipe: str = SMALL, overrides: tuple[str, ...] = ()) -> Plan:
    """The plan of a recipe of the library, or of the small dataset."""
    return planned(load(recipe, overrides))


def built(plan: Plan, out: Path, executor: Executor | None = None) -> tuple[set[str], set[str]]:
    """A build, by default inline; the files of the shards that it built, and of those that it kept."""
    new: list[str] = []
    old: list[str] = []
    build(
        plan,
        out,
        executor or Inline(),
        built=lambda record: new.append(record.file),
        kept=lambda record: old.append(record.file),
    )
    assert len(new) + len(old) == len({*new, *old}), "a shard is reported once"
    return set(new), set(old)


def run(command: str, out: Path, *more: str) -> int:
    """`pipeline build` of the small dataset, or another command with its folder, in this process; its exit code.

    What is built is compiled once: a second is most of what a build of it takes.
    """
    if command == "build":
        with patch("pipeline.commands.build.compiled", lambda options: compiled(options.recipe, tuple(options.set))):
            return cli.run(["build", SMALL, "--executor", "inline", "--out", str(out), *more])
    return cli.run([command, str(out), *more])


def contents(out: Path) -> dict[str, bytes]:
    """Every file of a dataset, without the state of builds. A folder is named in its card: call them all the same."""
    files = (path for path in out.rglob("*") if path.is_file() and ".pipeline" not in path.parts)
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def written(out: Path) -> dict[str, tuple[int, int]]:
    """Every file of a dataset: when it was written, and which file it is."""
    return {name: ((out / name).stat().st_mtime_ns, (out / name).stat().st_ino) for name in contents(out)}


def recorded(out: Path, name: str) -> None:
    """Have the manifest say that a changed file beside the shards is the right one."""
    manifest = Manifest.of(LocalFolder(out))
    facts = {"bytes": (out / name).stat().st_size, "file_hash": hash_of(out / name)}
    (out / "manifest.json").write_text(replace(manifest, files={**manifest.files, name: facts}).dumps())


@pytest.fixture(scope="session", autouse=True)
def _dumped_once() -> Iterator[None]:
    """The resolved recipe of a plan that is built again and again is written as YAML once: most of what that takes."""
    texts: dict[tuple[int, str], tuple[Recipe, str]] = {}
    dump = writing.dump

    def remembered(of: Recipe, header: str) -> str:
        if (id(of), header) not in texts:
            if len(texts) == 16:
                texts.pop(next(iter(texts)))
            texts[id(of), header] = (of, dump(of, header))  # kept, so that no other recipe gets its id
        return texts[id(of), header][1]

    with patch("pipeline.build.metadata_files.dump", remembered):
        yield


@pytest.fixture(scope="session", autouse=True)
def _parsed_once() -> Iterator[None]:
    """A recipe of the library, and the tokenizer of a dataset, are parsed once: most of what reading either takes."""
    kept = lru_cache(64)(read_file)
    known = (library("recipes"), GOLDEN, Path(SMALL))

    def remembered(path: Path, distance: int) -> Node:
        return (kept if any(place in (path, *path.parents) for place in known) else read_file)(path, distance)

    tokenizers = patch("pipeline.dataset.reader.tokenizer_of", lru_cache(8)(tokenizer_of))
    with patch("pipeline.recipe.merging.read_file", remembered), tokenizers:
        yield


@pytest.fixture(scope="session", autouse=True)
def _compiled_anew() -> Iterator[None]:
    """Commands in this process compile their plans, and keep nothing: a test may have changed what compiles them."""
    anew = patch("pipeline.core.system.object_cache.kept", lambda kind, digest, make: make())
    with patch("pipeline.plan.planned", compile_plan), anew:
        yield


@pytest.fixture(scope="session")
def plan() -> Plan:
    """The plan of the small dataset."""
    return compiled()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Path:
    """The small dataset as it should be. Not to be changed."""
    out = tmp_path_factory.mktemp("undisturbed") / "data"
    built(plan, out)
    return out


@pytest.fixture(scope="module")
def s3() -> Iterator[Server]:
    """A store on loopback, of which s3fs remembers nothing from other modules."""
    yield from _served("s3")


@pytest.fixture(scope="module", params=PROTOCOLS)
def store(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A store on loopback of each protocol whose client is installed, which remembers nothing from other modules."""
    yield from _served(request.param)


def _served(protocol: str) -> Iterator[Server]:
    with served(protocol) as server, forgotten(protocol):
        yield server
