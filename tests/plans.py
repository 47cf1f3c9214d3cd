"""Plans of recipes, compiled once for all tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.plan import Plan, compile_plan, planned
from pipeline.recipe import load, paths

RECIPES = sorted(paths.recipes())
_MORE = (
    r"bioS_\d+[KM]_\d+(?<!100K_100)|.*multi2.*|.*permute[12].*|bioS_single_permute5.*|.*couple[12]|.*reverse[12]"
    r"|.*bioS_.*mixed_[25]0|.*mistakes_10|igsm_(?!med_pq$|med_pq_retry_50|med_qp_weak_10|hard_pq_miss_50).*"
    r"|depo1_(?!N225_K8).*|depo2_(?!N75_K16).*|brevo1_(?!N70).*|brevo2_(?!N30).*|mano_(?!L10).*"
    r"|cfg3(?!b_).*|lano_(?!cfg3f_).*"
)
KINDS = [name for name in RECIPES if not re.fullmatch(_MORE, name)]
"""The recipes without those that differ from another in nothing but numbers."""


def usual(names: Sequence[str], *chosen: str) -> list[Any]:
    """Parameters of a test: the chosen names for `make test`, all of them for `make test-all`."""
    assert set(chosen) <= set(names), "all of them are names"
    return [name if name in chosen else pytest.param(name, marks=pytest.mark.slow) for name in names]


@lru_cache(maxsize=24)  # tens of megabytes each
def plan_of(recipe: str, *overrides: str) -> Plan:
    """The plan of a recipe in `recipes/`."""
    return planned(load(recipe, overrides))


def small(recipe: str) -> Plan:
    """The plan of a recipe at its full size, with shards of some 65,000 tokens."""
    return plan_of(recipe, "shard_tokens=65536")


def plan_at(path: Path, text: str) -> Plan:
    """The plan of a recipe written to `path`."""
    path.write_text(text)
    return compile_plan(load(str(path)))
