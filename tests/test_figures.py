"""The numbers that a paper needs: bits, parameters, exposures."""

from __future__ import annotations

from fractions import Fraction
from math import log2
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.key import Key
from pipeline.plan import summary
from pipeline.recipe import load
from pipeline.worlds.knowledge import knowledge_of
from pipeline.worlds.spec import WorldSpec
from pipeline.worlds.world import World
from tests.plans import RECIPES, plan_of
from tests.test_plan import plan

# ── bits ────────────────────────────────────────────────────────────────────────────────────────────────────────────

TABLE = {  # Part 3.3, R^max · P of bioS(N), with as many digits as are known
    "10K": "6.16e+05",
    "20K": "1.21e+06",
    "50K": "2.96e+06",
    "100K": "5.82e+06",
    "200K": "1.145e+07",
    "500K": "2.80e+07",
    "1M": "5.49e+07",
    "2M": "1.078e+08",
    "5M": "2.63e+08",
    "10M": "5.16e+08",
    "20M": "1.012e+09",
}
BRIEFLY = (  # told in one template: it states all that there is to know
    "sources.biographies.templates=null",
    "sources.biographies.templates={birth_date: ['{{ subject }}, {{ pronoun }}: {{ birth_date }}, {{ birth_city }}, "
    "{{ university }}, {{ major }}, {{ employer }}, {{ company_city }}']}",
    "sources.biographies.sentences=[birth_date]",
)
S0 = 2 * (12 * 28 * 200) * 200 * 300 * 100 * 263
PEOPLE = {name: int(name[:-1]) * {"K": 1000, "M": 10**6}[name[-1]] for name in TABLE}


def test_bits_of_bios_are_those_of_the_table():
    world = plan_of("bioS_100K_100", *BRIEFLY).worlds["people"]
    for name, size in PEOPLE.items():
        known = knowledge_of(World("people", world.spec.model_copy(update={"size": size}), Key.root(0)))
        assert f"{known.total:.{TABLE[name].index('e') - 2}e}" == TABLE[name]
    known = knowledge_of(world)
    assert known.names == pytest.approx(log2(400 * 400 * 1000), rel=1e-12)
    assert known.values == pytest.approx(log2(S0), rel=1e-12)
    assert known.sets == 0


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name.startswith("bioS_") and name[5].isdigit()])
def test_each_capacity_recipe_has_the_people_and_exposures_of_its_name(recipe: str):
    _, people, exposures = recipe.split("_")
    made = load(recipe).recipe
    assert made.worlds["people"].size == PEOPLE[people]
    assert made.splits["train"].mixture["biographies"].exposures == int(exposures)


def test_there_is_a_recipe_for_every_row_of_the_paper():
    rows = [f"bioS_{people}_{exposures}" for people in TABLE for exposures in (100, 1000)]
    assert set(rows) <= set(RECIPES)


def test_figures_of_a_world_are_rounded_and_parameters_hold_two_bits_or_one():
    made = plan_of("bioS_100K_100", *BRIEFLY)
    bits = round(knowledge_of(made.worlds["people"]).total)
    assert summary.of_worlds(made) == {
        "people": {
            "individuals": 100_000,
            "name_bits": 27.2535,
            "value_bits": round(log2(S0), 4),
            "bits": bits,
            "parameters_at_2_bits": round(bits / 2),
            "parameters_at_1_bit": bits,
        }
    }


LETTERS = {"kind": "choice", "values": ["A", "B", "C", "D"]}


@pytest.mark.parametrize(
    ("attributes", "bits"),
    [
        ({"a": LETTERS}, 2),
        ({"a": {**LETTERS, "weights": [1, 1, 2, 4]}}, 1.75),
        ({"a": {**LETTERS, "weights": [1, 0, 0, 1]}}, 1),
        ({"a": {**LETTERS, "weights": [0, 0, 5, 0]}}, 0),
        ({"a": {**LETTERS, "weights": [Fraction(1, 3)] * 4}}, 2),
        ({"a": {**LETTERS, "weights": "zipf"}}, -sum(12 / 25 / r * log2(12 / 25 / r) for r in (1, 2, 3, 4))),
        ({"a": LETTERS, "b": {"kind": "lookup", "of": "a", "values": ["X", "Y", "Y", "Z"]}}, 2),
        ({"a": LETTERS, "p": {"kind": "pronoun"}, "n": {"kind": "integer", "first": 1, "last": 8}}, 6),
        ({"d": {"kind": "date", "years": 64, "days": 16}}, log2(12) + 10),
        ({"id": {"kind": "codes", "repeat": 3, "chunks": 2, "diversity": 4, "vocabulary": 4}}, 12),
    ],
)
def test_an_attribute_has_the_bits_of_its_entropy(attributes: dict[str, Any], bits: float):
    spec = WorldSpec.model_validate({"size": 100, "attributes": attributes})
    known = knowledge_of(World("people", spec, Key.root(0)))
    assert (known.names, known.values) == (0, pytest.approx(bits, abs=1e-9))
    assert known.total == pytest.approx(100 * bits, abs=1e-6)


def test_names_are_worth_less_the_more_of_them_are_taken():
    pools = {"kind": "name", "pools": {"a": list("ABCDEFGH"), "b": list("ABCDEFGH")}}
    for size, bits in ((1, 6), (2, 10), (16, 32), (64, 0)):
        world = World("w", WorldSpec.model_validate({"size": size, "attributes": {"n": pools}}), Key.root(0))
        assert knowledge_of(world).total == pytest.approx(bits, abs=1e-9)


# ── exposures ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("amount", "least", "mean", "most"),
    [
        ("{exposures: 3}", 3, 3, 3),
        ("{exposures: 0}", 0, 0, 0),
        ("{exposures: 0.25}", 0, 0.25, 1),
        ("{exposures: 2.5}", 2, 2.5, 3),
        ("{exposures: {zipf: 0, most: 4}}", 4, 4, 4),
        ("{exposures: {zipf: 1, most: 10}}", 1, 1.85, 10),  # 10 5 3 2 2 and 15 times 1, or 37 / 20
        ("{exposures: {zipf: 1, most: 10, least: 0}}", 0, 1.35, 10),  # 10 5 3 2 2 1 1 1 1 1 and 10 times 0
        ("{exposures: {zipf: 2, most: 5, least: 2}}", 2, 2.15, 5),  # 5 and 19 times 2
    ],
)
def test_exposures_are_fewest_mean_and_most_of_an_item(tmp_path: Path, amount: str, least: int, mean: float, most: int):
    made = plan(tmp_path, f"{{mixture: {{bios: {amount}, dogs: {{exposures: 1}}}}}}")
    found = summary.of_exposures(made, "it")["bios"]
    assert (found["least"], found["mean"], found["most"]) == (least, mean, most)
    assert (found["items"], found["world"]) == (20, "people")
    assert found["tokens_each"] == round(float(made.sources["bios"].mean_tokens), 4)


def test_exposures_of_ratios_and_groups_count_their_own_items(tmp_path: Path):
    made = plan(
        tmp_path,
        "{mixture: {bios: {exposures: 2}, dogs: {ratio: 2, to: bios}}}",
        "worlds.people.groups={half: [0, 0.5]}",
        "sources.bios.only=half",
    )
    found = summary.of_exposures(made, "it")
    assert (found["bios"]["items"], found["bios"]["least"], found["bios"]["most"]) == (10, 2, 2)
    documents = made.splits["it"].documents_of("dogs")
    assert found["dogs"]["items"] == 7
    assert (found["dogs"]["least"], found["dogs"]["most"]) == (documents // 7, -(-documents // 7))
    assert found["dogs"]["mean"] == round(documents / 7, 6)
