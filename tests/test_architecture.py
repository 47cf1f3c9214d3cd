from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import pipeline
from pipeline.commands import warm
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
}

# Which modules, or folders of them, may import a package that is made for a purpose.
OWNERS: dict[str, tuple[str, ...]] = {
    "pyarrow": ("pipeline.storage.arrow", "pipeline.formats.parquet", "pipeline.sources.rows"),
    "numba": ("pipeline.core.jit", "pipeline.core.vectors"),
    "ray": ("pipeline.build.executors.ray", "pipeline.build.executors.local"),
    "faker": ("pipeline.core.faker_process",),
    "yaml": ("pipeline.recipe",),
    "fsspec": ("pipeline.storage.bucket",),
    "jinja2": ("pipeline.text", "pipeline.inspect.report.page"),
    "huggingface_hub": ("pipeline.publish.hub", "pipeline.text"),
    "torch": ("pipeline.training.torch",),
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
    "dataset": {"core", "packing", "columns", "storage", "plan"},
    "shard": {"core", "packing", "sources", "columns", "plan"},
    "evaluate": {"core", "grammars", "text", "worlds", "sources", "recipe", "dataset"},
    "publish": {"core", "text", "columns", "storage", "formats", "dataset"},
    "training": {"core", "storage", "plan", "dataset", "shard"},
    "__init__": {"recipe", "plan", "dataset", "training"},
    "build": {"core", "text", "columns", "storage", "recipe", "plan", "dataset", "shard", "publish"},
    "inspect": {"core", "text", "worlds", "sources", "columns", "recipe", "plan", "dataset", "build"},
    "commands": {
        "core",
        "sources",
        "formats",
        "recipe",
        "plan",
        "dataset",
        "shard",
        "evaluate",
        "publish",
        "build",
        "inspect",
    },
    "cli": {"core", "commands"},
    "__main__": {"cli"},
}


def name_of(path: Path) -> str:
    return ".".join(("pipeline", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def part_of(module: str) -> str:
    return (module.split(".") + ["__init__"])[1]


def imported(module: str) -> Iterator[str]:
    """The modules of the package that a module imports, wherever it does so."""
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "pipeline")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            if node.module and node.module.split(".")[0] == "pipeline":
                for alias in node.names:
                    below = f"{node.module}.{alias.name}"
                    yield below if below in MODULES else node.module


def test_the_table_names_every_part_of_the_package():
    assert {part_of(module) for module in MODULES} == set(MAY)


def test_what_is_imported_exists():
    assert {name for module in MODULES for name in imported(module)} <= set(MODULES)


def test_an_import_goes_down_or_stays_inside_its_folder():
    upwards = [
        f"{module} imports {name}"
        for module in MODULES
        for name in imported(module)
        if part_of(name) not in MAY[part_of(module)] | {part_of(module)}
    ]
    assert not upwards


def test_the_table_itself_has_floors():
    built: set[str] = set()
    while ready := {part for part in MAY if part not in built and MAY[part] <= built}:
        built |= ready
    assert built == set(MAY), "parts that need each other"


def test_no_module_imports_itself_by_way_of_others():
    needs = {module: set(imported(module)) - {module} for module in MODULES}
    while ready := [module for module, others in needs.items() if not others & needs.keys()]:
        for module in ready:
            del needs[module]
    assert not needs, "these import each other"


def test_only_their_owners_know_the_packages_that_they_are_made_for():
    strangers = []
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            owners = [OWNERS.get(name.split(".")[0], (module,)) for name in names]
            strangers += [f"{module} imports {names}" for some in owners if not module.startswith(some)]
    assert not strangers


def test_what_is_imported_is_declared_and_what_is_declared_is_locked():
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text("utf-8"))["project"]
    needed, optional = (
        project["dependencies"],
        [name for extra in project["optional-dependencies"].values() for name in extra],
    )
    declared = {name_of_package(requirement) for requirement in [*needed, *optional]}
    owners = packages_distributions()
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for package in {name.partition(".")[0] for name in names} - {"pipeline", *sys.stdlib_module_names}:
                packages = {name_of_package(name) for name in owners.get(package, [package])}
                assert packages & declared, f"{module} imports {package}"
    locked = (ROOT.parent / "requirements/run.txt").read_text("utf-8")
    assert {name_of_package(name) for name in needed} <= set(re.findall(r"^([a-z0-9-]+)==", locked, re.MULTILINE))


def name_of_package(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def test_all_that_is_compiled_is_compiled_at_set_up():
    compiled = {module for module in MODULES if "pipeline.core.jit" in imported(module)}
    named = {warm.FIRST, *kernels()}
    assert named < compiled
    reached, pending = set(named), [*named]
    while pending:
        new = set(imported(pending.pop())) - reached
        reached |= new
        pending += new
    assert compiled <= reached, "kernels that no source names, nor those that it names import"


def loaded_after(program: str, folder: Path) -> set[str]:
    """The packages in memory after a program, in a process of its own."""
    program += "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("program", "allowed"),
    [
        ("import pipeline", set()),
        ("import pipeline.cli", set()),
        ("from pipeline import cli; assert cli.run(['list']) == 0", set()),
        ("from pipeline import cli; assert cli.run(['schema']) == 0", set()),
        ("from pipeline import cli; assert cli.run(['plan', 'tiny']) == 0", set()),
        ("from pipeline import cli; assert cli.run(['plan', 'no such']) == 2", set()),
        ("from pipeline import cli; assert cli.run(['plan', 'products']) == 0", {"faker"}),
    ],
)
def test_heavy_packages_are_loaded_only_by_what_needs_them(tmp_path: Path, program: str, allowed: set[str]):
    assert loaded_after(program, tmp_path) & HEAVY <= allowed


def test_reading_a_dataset_loads_no_sources(tmp_path: Path):
    """Each worker of a loader would pay for what only planning and making rows needs."""
    program = "from pipeline.dataset import Dataset; from pipeline.training.streams import Stream; import sys"
    program += "\nassert not [name for name in sys.modules if name.startswith(('pipeline.sources', 'pipeline.worlds'))]"
    assert not loaded_after(program, tmp_path) & {"jinja2", "tokenizers"}


def test_help_loads_neither_numpy_nor_pydantic(tmp_path: Path):
    program = "from pipeline import cli\ntry:\n    cli.run(['--help'])\nexcept SystemExit:\n    pass"
    loaded = loaded_after(program, tmp_path)
    assert "pipeline" in loaded
    assert not loaded & {"numpy", "pydantic", "yaml", "jinja2", "tokenizers"}


@pytest.mark.slow
def test_the_type_check_refuses_what_newer_pythons_warn_of(tmp_path: Path):
    """`~` of a bool is a warning in Python 3.12, and so an error in our tests; `make lint` finds it in 3.11 too."""
    (tmp_path / "inverted.py").write_text("def inverted(flag: bool) -> int:\n    return ~flag\n")
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT.parent / "pyproject.toml"), "inverted.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "inverted.py:2: error: function builtins.bool.__invert__ is deprecated" in done.stdout
