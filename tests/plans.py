"""Plans of recipes, compiled once for all tests."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from pipeline.core.files import library
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load

RECIPES = sorted(path.stem for path in library("recipes").rglob("*.yaml"))
_VARIANTS = re.compile(r"bioS_\d+[KM]_\d+|igsm_(med|hard)_[pq]{2}_(retry|weak|miss)_\d+")
_EXAMPLES = {"bioS_100K_100", "igsm_med_pq_retry_50", "igsm_med_qp_weak_10", "igsm_hard_pq_miss_50"}
KINDS = [name for name in RECIPES if name in _EXAMPLES or not _VARIANTS.fullmatch(name)]
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
