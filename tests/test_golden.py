"""The plan and the bytes of every recipe stay as they are. A difference is a breaking change: see tests/golden."""

from __future__ import annotations

import pytest

from tests.golden import gallery, observe, stored
from tests.plans import RECIPES, small, usual

USUAL = (
    "tiny", "products", "bioS_multi5_reverse6", "bioS_multilingual", "bioS_mistakes_masked", "bioS_comparison",
    "junk_domains", "bioD_N10K_K20", "igsm_med_pq_retry_50", "depo2_N75_K16", "brevo1_N70", "mano_L10",
    "cfg3b_like_perturbed", "multi_hop",
)  # fmt: skip
"""One of each mechanism: what the others do, one of these does too, with other numbers or words."""


@pytest.mark.parametrize("recipe", usual(RECIPES, *USUAL))
def test_a_recipe_gives_the_same_sizes_documents_and_bytes_as_ever_by_the_fast_path(recipe: str) -> None:
    golden = stored()[recipe]
    seen = observe(recipe)
    assert seen["documents"] == golden["documents"]
    assert seen["sizes"] == golden["sizes"]
    assert seen["hashes"] == golden["hashes"]
    notices = [notice for source in small(recipe).sources.values() for notice in source.notices]
    assert not [notice for notice in notices if "slow path" in notice]


def test_every_recipe_has_a_golden_and_every_golden_a_recipe() -> None:
    assert sorted(stored()) == RECIPES


def test_the_gallery_shows_the_recipes_as_they_are() -> None:
    assert gallery.FILE.read_text() == gallery.gallery(stored())
