"""Attributes that follow from others by arithmetic: finite tables, exact counts and bits, the fast path."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.plan import summary
from pipeline.text.fragments import Fragments
from pipeline.worlds.joined_words import two_ways
from pipeline.worlds.knowledge import entropy, knowledge_of
from pipeline.worlds.spec import WorldSpec
from pipeline.worlds.world import World
from tests.plans import plan_at

ATTRIBUTES = {
    "name": {"kind": "name", "pools": {"a": {"values": list("abcdefghij")}, "b": {"values": list("klmnopqrst")}}},
    "low": {"kind": "integer", "first": 10, "last": 30},
    "more": {"kind": "integer", "first": 1, "last": 9, "step": 2},
    "high": {"kind": "computed", "value": "low + more"},
    "twice": {"kind": "computed", "value": "2 * high - low // 3"},
    "after": {"kind": "integer", "first": "high + 5", "last": "high + 20", "step": 5},
    "born": {"kind": "date", "first_year": 1990, "years": 20},
    "adult": {"kind": "computed", "value": "born.year + 18", "forms": {"so": [f"in {2008 + i}" for i in range(20)]}},
}


def world(size: int = 100, **changed: Any) -> World:
    spec = WorldSpec.model_validate({"size": size, "attributes": {**ATTRIBUTES, **changed}})
    return World("people", spec, Key.root(3))


def test_every_individual_has_the_values_that_the_arithmetic_gives() -> None:
    people = world()
    seen = set()
    for item in range(100):
        v = people.values(item)
        assert v["high"] == v["low"] + v["more"]
        assert v["twice"] == 2 * v["high"] - v["low"] // 3
        assert v["after"] - v["high"] in (5, 10, 15, 20)
        assert int(v["adult"]) == int(v["born"].year) + 18
        assert v["adult"].so == f"in {int(v['adult'])}"
        seen.add(v["after"] - v["high"])
    assert seen == {5, 10, 15, 20}


def test_another_attribute_of_the_same_name_moves_nobody_else() -> None:
    one, other = world(), world(high={"kind": "computed", "value": "low - more"})
    before, after = ([people.values(item) for item in range(100)] for people in (one, other))
    assert [(v["low"], v["more"], str(v["born"])) for v in before] == [
        (v["low"], v["more"], str(v["born"])) for v in after
    ]


def test_probabilities_are_those_of_all_pairs() -> None:
    people = world()
    (slot,) = people.fields["high"].slots
    sums = [low + more for low, more in product(range(10, 31), range(1, 10, 2))]
    column = people.fields["high"].format[0]
    assert not isinstance(column, str)
    assert people.probability(slot) == tuple(Fraction(sums.count(value), len(sums)) for value in column.values)
    (slot,) = people.fields["twice"].slots  # which depends on two numbers that depend on each other
    twice = [2 * (low + more) - low // 3 for low, more in product(range(10, 31), range(1, 10, 2))]
    column = people.fields["twice"].format[0]
    assert not isinstance(column, str)
    assert people.probability(slot) == tuple(Fraction(twice.count(value), len(twice)) for value in column.values)
    assert set(twice) <= set(column.values), "and more, which do not occur"
    assert sum(people.probability(next(iter(people.fields["after"].slots)))) == 1


def test_what_follows_adds_no_bits_but_what_is_drawn_for_it() -> None:
    people = world()
    assert entropy(people, "low") == log2(21)
    assert entropy(people, "after") == log2(4)
    assert knowledge_of(people).values == pytest.approx(log2(21) + log2(5) + log2(4) + log2(12 * 28) + log2(20))


RECIPE = """
tokenizer: gpt2
worlds:
  alloys:
    size: 500
    attributes:
      name: {kind: name, pools: {first: [Alba, Bora, Cato, Dido, Ebro], last: {faker: last_name, count: 400}}}
      pronoun: {kind: pronoun, values: [it]}
      melts: {kind: integer, first: 200, last: 3500}
      range: {kind: integer, first: 1, last: 400}
      liquid: {kind: computed, value: melts + range}
sources:
  sheets:
    kind: biographies
    world: alloys
    templates:
      melts: ["{{ subject }} begins to melt at {{ melts }} K, is liquid at {{ LIQUID }} K."]
      range: ["It boils late."]
  who: {kind: questions, world: alloys, templates: {of: ["{{ name }}? | {{ liquid }}, {{ other_liquid }}."]}}
splits:
  train: {mixture: {sheets: {exposures: 2}, who: {}}, packing: {method: rows, length: 64}, columns: [spans]}
"""


@pytest.mark.parametrize("liquid", ["liquid", "melts + range"])
def test_a_melting_range_keeps_the_fast_path_and_is_exact(tmp_path: Path, liquid: str) -> None:
    plan = plan_at(tmp_path / "r.yaml", RECIPE.replace("LIQUID", liquid))
    for source in plan.sources.values():
        assert isinstance(source._renderer, Fragments), source.notices
        item = np.arange(500)
        made = source.documents(item, np.zeros_like(item), spans=True).tokens
        rows = [made.values[a:b].tolist()[:-1] for a, b in zip(made.offsets[:-1], made.offsets[1:], strict=True)]
        texts = plan.tokenizer.decode_all(rows)
        assert [encoding.ids for encoding in plan.tokenizer.encodings(texts)] == rows
        assert source.world is not None
        values = [source.world.values(i) for i in range(500)]
        assert all(f" {v['melts'] + v['range']}" in shown for v, shown in zip(values, texts, strict=True))
        assert abs(float(source.mean_tokens) - made.lengths.mean()) < 0.2
    assert summary.of_split(plan, "train")["alloys"]["value_bits"] == pytest.approx(log2(3301) + log2(400), abs=1e-4)


def test_what_is_shown_beside_what_it_follows_from_has_a_mean_of_a_sample(tmp_path: Path) -> None:
    shown = "{{ liquid }} K{% if liquid > 220 and range > 20 %}, hot{% endif %}"
    few = RECIPE.replace("last: 3500", "last: 240").replace("last: 400", "last: 40")
    plan = plan_at(tmp_path / "r.yaml", few.replace("{{ LIQUID }} K", shown))
    source = plan.sources["sheets"]
    assert isinstance(source._renderer, Fragments)
    item = np.arange(500)
    made = source.documents(item, np.zeros_like(item), spans=False).tokens
    assert float(source.mean_tokens) == made.lengths.mean()


def test_plan_says_how_long_the_slow_path_takes(tmp_path: Path) -> None:
    slow = RECIPE.replace("{{ LIQUID }}", "{{ [melts, range] | join('+') }}")
    plan = plan_at(tmp_path / "r.yaml", slow)
    notices = [str(notice) for group, name, notice in plan.notices if (group, name) == ("splits", "train")]
    tokens = round(float(plan.splits["train"].expected["sheets"]))
    assert f"sheets is on the slow path: its {tokens:,} tokens take less than a second of one core" in notices
    assert not any("who is on" in notice for notice in notices)
    fast = plan_at(tmp_path / "r.yaml", RECIPE.replace("LIQUID", "liquid"))
    costs = [summary.of_plan(one)["core_seconds"] for one in (plan, fast)]
    assert costs[0] > 20 * costs[1]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"adult": {"kind": "computed", "value": "low * born.day * more"}}, "combinations of values"),
        ({"adult": {"kind": "computed", "value": "low + born.month"}}, "is no whole number"),
        ({"high": {"kind": "computed", "value": "low // (more - 1)"}}, "divides by 0"),
        ({"high": {"kind": "computed", "value": "low * 9223372036854775807"}}, "only whole numbers"),
        ({"high": {"kind": "computed", "value": "low * 922337203685477580"}}, "too large"),
        ({"after": {"kind": "integer", "first": 1, "last": "low"}}, "10 numbers for some values, and 30 for others"),
        ({"after": {"kind": "integer", "first": "low", "last": 20}}, "no number between the ends for some values"),
        (
            {"adult": {"kind": "computed", "value": "born.year", "forms": {"so": ["a"]}}},
            "1 texts of a form of 20 values",
        ),
    ],
)
def test_what_cannot_be_computed_ahead_is_refused(changed: dict[str, Any], problem: str) -> None:
    huge = {"low": {"kind": "integer", "first": 10, "last": 9999}} if "combinations" in problem else {}
    with pytest.raises(SpecError, match=problem) as refusal:
        world(**huge, **changed)
    assert refusal.value.remedy


# ── names joined by any text ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("joined", ["", "-", " of ", "·"])
def test_names_are_joined_as_asked_and_stay_unique(joined: str) -> None:
    pools = {
        "a": {"values": ["Ann", "Bo", "Cy", "Di"]},
        "b": {"values": ["Lee", "Mo", "Nu"]},
        "c": {"values": ["X", "Y"]},
    }
    people = world(24, name={"kind": "name", "pools": pools, "joined": joined})
    names = [people.values(item)["name"] for item in range(24)]
    assert {str(name) for name in names} == {
        joined.join(words) for words in product(*(pool["values"] for pool in pools.values()))
    }
    assert all(str(name) == joined.join([name.a, name.b, name.c]) for name in names)
    spaced = world(24, name={"kind": "name", "pools": pools})
    assert [str(spaced.values(item)["name"]) for item in range(24)] == [" ".join([n.a, n.b, n.c]) for n in names]


def test_a_joined_name_that_two_choices_give_is_found_wherever_there_is_one() -> None:
    rng = np.random.default_rng(1)
    found = 0
    for _ in range(3000):
        letters = ["".join(rng.choice(list("ab-"), rng.integers(1, 4))) for _ in range(9)]
        pools = [sorted(set(letters[:3])), sorted(set(letters[3:6])), sorted(set(letters[6:]))]
        joined = str(rng.choice(["", "-", "a"]))
        names = [joined.join(words) for words in product(*pools)]
        twice = {name for name in names if names.count(name) > 1}
        assert two_ways(pools, joined) in (twice or {""})
        found += bool(twice)
    assert found > 100
