"""Lists of kinds are made from what files declare: a new kind is a new file, and no list names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.core.registry import declared
from pipeline.recipe.json_schema import schema
from pipeline.worlds.attributes import ATTRIBUTE_KINDS

PAGE = (Path(__file__).parents[1] / "docs/how-to/declare-a-world.md").read_text("utf-8")


@dataclass(frozen=True)
class Kind:
    name: str


def test_what_files_declare_is_found_in_the_order_of_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "kinds_for_this_test"
    (package / "folder").mkdir(parents=True)
    declaration = f"from {__name__} import Kind\nKIND = Kind(__name__)\n"
    for file in ("__init__.py", "b.py", "a.py", "folder/__init__.py", "folder/c.py"):
        (package / file).write_text(declaration)
    (package / "shared.py").write_text(f"from {__name__} import Kind\nOTHERS = [Kind('x')]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = declared(package.name, Kind)
    assert [kind.name for kind in found] == [f"{package.name}.a", f"{package.name}.b"]


def test_every_kind_of_attribute_is_a_file_and_has_its_name_and_its_words():
    folder = Path(__file__).parents[1] / "pipeline/worlds/attributes"
    shared = {"__init__", "attribute", "drawn", "forms"}
    assert list(ATTRIBUTE_KINDS) == sorted({path.stem for path in folder.glob("*.py")} - shared)
    words = schema()["$defs"]["WorldSpec"]["properties"]["attributes"]["description"]
    for name, kind in ATTRIBUTE_KINDS.items():
        assert f"| `{name}` |" in PAGE
        assert f"{name}: {kind.summary}" in words
