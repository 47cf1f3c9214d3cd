"""The bytes of every recipe stay as they are. A difference is a breaking change: see tests/golden."""

from __future__ import annotations

import pytest

from tests.golden import observe, stored
from tests.plans import RECIPES


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_gives_the_same_documents_and_bytes_as_ever(recipe: str) -> None:
    golden = stored()[recipe]
    seen = observe(recipe)
    assert seen["documents"] == golden["documents"]
    assert seen["hashes"] == golden["hashes"]


def test_every_recipe_has_a_golden_and_every_golden_a_recipe() -> None:
    assert sorted(stored()) == RECIPES
