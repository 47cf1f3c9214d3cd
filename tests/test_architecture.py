from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import pipeline
from pipeline.sources.registry import kernels

ROOT = Path(pipeline.__file__).parent
HEAVY = {
    "ray",
    "datasets",
    "torch",
    "numba",
    "llvmlite",
    "faker",
    "pyarrow",
    "pandas",
    "transformers",
    "huggingface_hub",
    "gigatoken",
    "awkward",
}

# Which modules, or folders of them, may import a package that is made for a purpose.
OWNERS: dict[str, tuple[str, ...]] = {
    "pyarrow": (
        "pipeline.storage.arrow",
        "pipeline.core.system.kept_arrays",
        "pipeline.formats.parquet",
        "pipeline.sources.corpus",
        "pipeline.sources.files",
        "pipeline.text.encoding.unassigned",
        "pipeline.sources.rewritten",
        "pipeline.sources.tokens",
    ),
    "gigatoken": ("pipeline.text.encoding.engines",),
    "awkward": ("pipeline.text.encoding.engines",),
    "numba": ("pipeline.core.jit", "pipeline.core.vectors"),
    "ray": ("pipeline.build.executors.ray", "pipeline.build.executors.local"),
    "faker": ("pipeline.core.faker_process",),
    "yaml": ("pipeline.recipe",),
    "fsspec": ("pipeline.core.system.stores",),
    "jinja2": (
        "pipeline.text",
        "pipeline.sources.corpus.reading.row_template",
        "pipeline.inspect.report.page",
        "pipeline.laboratory.report.page",
    ),
    "huggingface_hub": ("pipeline.publish.hub", "pipeline.text"),
    "torch": (
        "pipeline.training.torch",
        *(
            f"pipeline.laboratory.{name}"
            for name in ("data", "device", "model", "training", "examination", "probing", "running")
        ),
    ),
}

# What each part of the package may import, beside itself.
MAY: dict[str, set[str]] = {
    "core": set(),
    "grammars": {"core"},
    "packing": {"core"},
    "text": {"core"},
    "worlds": {"core", "text"},
    "sources": {"core", "grammars", "text", "worlds"},
    "columns": {"core", "packing", "text", "worlds", "sources"},
    "storage": {"core", "columns"},
    "formats": {"core", "columns", "storage"},
    "recipe": {"core", "packing", "text", "worlds", "sources", "columns", "formats"},
    "plan": {"core", "packing", "text", "worlds", "sources", "columns", "recipe"},
    "sweeps": {"core", "recipe", "plan"},
    "wordings": {"core", "text", "worlds", "sources", "recipe", "plan"},
    "dataset": {"core", "packing", "columns", "storage", "plan"},
    "shard": {"core", "packing", "sources", "columns", "plan"},
    "evaluate": {"core", "grammars", "text", "worlds", "sources", "recipe", "dataset"},
    "publish": {"core", "text", "columns", "storage", "formats", "dataset"},
    "training": {"core", "storage", "plan", "dataset", "shard"},
    "__init__": {"plan", "sweeps", "dataset", "training"},
    "build": {"core", "text", "columns", "storage", "recipe", "plan", "sweeps", "dataset", "shard", "publish"},
    "laboratory": {"core", "grammars", "recipe", "plan", "sweeps", "dataset", "training", "evaluate", "build"},
    "inspect": {"core", "text", "worlds", "sources", "columns", "recipe", "plan", "sweeps", "dataset", "build"},
    "commands": {
        "core",
        "sources",
        "formats",
        "recipe",
        "plan",
        "sweeps",
        "laboratory",
        "dataset",
        "shard",
        "evaluate",
        "publish",
        "build",
        "inspect",
        "wordings",
    },
    "cli": {"core", "commands"},
    "__main__": {"cli"},
}


def name_of(path: Path) -> str:
    return ".".join(("pipeline", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_bytes())


def part_of(module: str) -> str:
    return (module.split(".") + ["__init__"])[1]


def imported(module: str) -> Iterator[str]:
    """The modules of the package that a module imports, wherever it does so."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "pipeline")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            if node.module and node.module.split(".")[0] == "pipeline":
                for alias in node.names:
                    below = f"{node.module}.{alias.name}"
                    yield below if below in MODULES else node.module


def outside(module: str) -> Iterator[str]:
    """The packages, and modules of them, that a module imports."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_an_import_goes_down_or_stays_inside_its_folder_and_never_round():
    needs = {module: set(imported(module)) for module in MODULES}
    assert {part_of(module) for module in MODULES} == set(MAY), "the table names every part"
    assert set().union(*needs.values()) <= set(MODULES), "what is imported exists"
    upwards = [
        f"{module} imports {name}"
        for module, names in needs.items()
        for name in names
        if part_of(name) not in MAY[part_of(module)] | {part_of(module)}
    ]
    assert not upwards
    assert not circular(MAY), "parts that need each other"
    assert not circular({module: names - {module} for module, names in needs.items()}), "these import each other"


def circular(needs: dict[str, set[str]]) -> set[str]:
    """What needs itself by way of others, or needs what does."""
    left = dict(needs)
    while ready := [name for name, others in left.items() if not others & left.keys()]:
        for name in ready:
            del left[name]
    return set(left)


def test_packages_are_declared_locked_and_known_to_their_owners_alone():
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {name_of_package(name) for name in project["dependencies"]}
    optional = {name_of_package(name) for extra in project["optional-dependencies"].values() for name in extra}
    providers = packages_distributions()
    for module in MODULES:
        for name in outside(module):
            package = name.partition(".")[0]
            assert module.startswith(OWNERS.get(package, module)), f"{module} imports {name}"
            if package not in {"pipeline", *sys.stdlib_module_names}:
                packages = {name_of_package(provider) for provider in providers.get(package, [package])}
                assert packages & (needed | optional), f"{module} imports {package}"
    locked = (ROOT.parent / "requirements/run.txt").read_text("utf-8")
    assert needed <= set(re.findall(r"^([a-z0-9-]+)==", locked, re.MULTILINE))


def name_of_package(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_all_that_is_compiled_is_compiled_at_set_up():
    compiled = {module for module in MODULES if "pipeline.core.jit" in imported(module)}
    compiled.remove("pipeline.core.compile_first")  # which asks where machine code is
    named = {*kernels()}
    assert named < compiled
    reached, pending = set(named), [*named]
    while pending:
        new = set(imported(pending.pop())) - reached
        reached |= new
        pending += new
    assert compiled <= reached, "kernels that no source names, nor those that it names import"


LOADED = """
import json, os, sys

def loaded(step):
    print(json.dumps([step, sorted(sys.modules)]), file=sys.stderr, flush=True)

import pipeline
import pipeline.cli
from pipeline.cli import run
loaded("start")
try:
    run(["--help"])
except SystemExit:
    loaded("help")
if not (child := os.fork()):
    from pipeline.dataset import Dataset
    from pipeline.training.streams import Stream
    loaded("reading")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
for step in ("list", "schema", "plan tiny", "plan no-such", "plan products"):
    assert run(step.split()) == 2 * (step == "plan no-such"), step
    loaded(step)
"""


def test_heavy_packages_are_loaded_only_by_what_needs_them(tmp_path: Path):
    """Step by step in one process, as no step may need more than those after it; reading alone, from the first on."""
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    steps = dict(json.loads(line) for line in done.stderr.splitlines() if line.startswith("["))
    assert list(steps) == ["start", "help", "reading", "list", "schema", "plan tiny", "plan no-such", "plan products"]
    packages = {step: {name.partition(".")[0] for name in names} for step, names in steps.items()}
    assert "pipeline" in packages["help"]
    assert not packages["help"] & {"numpy", "pydantic", "yaml", "jinja2", "tokenizers"}
    for step in steps.keys() - {"reading"}:
        assert packages[step] & HEAVY <= ({"faker"} if step == "plan products" else set()), step
    # Each worker of a loader would pay for what only planning and making rows needs.
    assert not packages["reading"] & {"jinja2", "tokenizers"}
    assert not [name for name in steps["reading"] if name.startswith(("pipeline.sources", "pipeline.worlds"))]


@pytest.mark.slow
def test_the_type_check_refuses_what_newer_pythons_warn_of(tmp_path: Path):
    """`~` of a bool is a warning in Python 3.12, and so an error in our tests; `make lint` finds it in 3.11 too."""
    (tmp_path / "inverted.py").write_text("def inverted(flag: bool) -> int:\n    return ~flag\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT.parent / "pyproject.toml"), "inverted.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "inverted.py:2: error: function builtins.bool.__invert__ is deprecated" in done.stdout
