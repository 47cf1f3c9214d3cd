"""The examples in docstrings are true, and the README names what there is."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "pipeline").rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_are_true(module: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(module))
    assert tried
    assert not failed


def test_every_recipe_is_in_the_gallery() -> None:
    gallery = (ROOT / "docs" / "recipes.md").read_text()
    for recipe in (ROOT / "recipes").rglob("*.yaml"):
        assert f"`{recipe.stem}`" in gallery
