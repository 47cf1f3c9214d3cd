"""Plans of recipes, compiled once for all tests."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from pipeline.core.files import library
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load

RECIPES = sorted(path.stem for path in library("recipes").rglob("*.yaml"))
KINDS = [name for name in RECIPES if name == "bioS_100K_100" or not re.fullmatch(r"bioS_\d+[KM]_\d+", name)]
"""The recipes without those that differ from another in nothing but numbers."""


@lru_cache(maxsize=24)  # tens of megabytes each
def plan_of(recipe: str, *overrides: str) -> Plan:
    """The plan of a recipe in `recipes/`."""
    return compile_plan(load(recipe, overrides))


def small(recipe: str) -> Plan:
    """The plan of a recipe at its full size, with shards of some 65,000 tokens."""
    return plan_of(recipe, "shard_tokens=65536")


def plan_at(path: Path, text: str) -> Plan:
    """The plan of a recipe written to `path`."""
    path.write_text(text)
    return compile_plan(load(str(path)))
