"""Worlds that extend another one, and worlds that share no name with each other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import RecipeError, SpecError
from pipeline.core.key import Key
from pipeline.plan.plan import Plan
from pipeline.recipe import load
from pipeline.worlds.spec import WorldSpec
from pipeline.worlds.world import World
from tests.plans import plan_at, plan_of

SMALL = Path(__file__).parent / "golden/small.yaml"  # 20 people, 5 × 5 names


def lines(*worlds: str) -> str:
    """A recipe that has worlds beside those of small.yaml, which it extends; the first of them stands in line 3."""
    return "\n".join([f"extends: {SMALL}", "worlds:", *(f"  {world}" for world in worlds), ""])


def refused(path: Path, text: str) -> str:
    with pytest.raises(RecipeError) as error:
        plan_at(path, text)
    return str(error.value)


def names(world: World, items: Sequence[int] | None = None) -> list[str]:
    return [str(world.values(item)["name"]) for item in (range(world.size) if items is None else items)]


# ── worlds that extend another ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return tmp_path / "r.yaml"


def test_a_world_has_what_the_one_that_it_extends_has_and_its_own_keys_before_that(recipe: Path):
    worlds = plan_at(recipe, lines("strangers: {extends: people, size: 7, attributes: {shoes: {last: 40}}}")).worlds
    people, strangers = worlds["people"], worlds["strangers"]
    assert (people.size, strangers.size) == (20, 7)
    assert list(strangers.fields) == list(people.fields)
    assert [len(world.fields["shoes"].format[0].values) for world in (people, strangers)] == [11, 6]
    others = [name for name in people.spec.attributes if name != "shoes"]
    assert all(strangers.spec.attributes[name] == people.spec.attributes[name] for name in others)


def test_a_world_that_extends_another_holds_other_people_and_leaves_those_as_they_were(recipe: Path):
    alone = plan_at(recipe, lines("{}")).worlds["people"]
    worlds = plan_at(recipe, lines("strangers: {extends: people, attributes: {city: null, country: null}}")).worlds
    assert worlds["people"].spec == alone.spec
    assert np.array_equal(worlds["people"].rows(np.arange(20)), alone.rows(np.arange(20)))
    assert set(alone.fields) - set(worlds["strangers"].fields) == {"city", "country"}
    assert names(worlds["strangers"]) != names(alone)


def test_an_attribute_of_another_kind_replaces_the_inherited_one(recipe: Path):
    other = "strangers: {extends: people, attributes: {country: null, city: {kind: integer, first: 1, last: 3}}}"
    assert plan_at(recipe, lines(other)).worlds["strangers"].spec.attributes["city"].model_dump() == {
        "kind": "integer",
        "first": 1,
        "last": 3,
        "step": 1,
        "forms": {},
    }


def test_worlds_extend_each_other_in_a_chain_in_whichever_order_they_stand(recipe: Path):
    chain = ["c: {extends: b, groups: {all: [0, 1]}}", "b: {extends: a, attributes: {shoes: null}}"]
    chain += ["a: {extends: people, size: 9}"]
    for written in (chain, chain[::-1]):
        c = plan_at(recipe, lines(*written)).worlds["c"]
        assert (c.size, "shoes" in c.fields, c.groups) == (9, False, {"all": range(9)})


def test_what_a_world_inherits_follows_the_recipe_that_changes_it(tmp_path: Path):
    (tmp_path / "first.yaml").write_text(lines("strangers: {extends: people}"))
    text = "extends: first\nworlds: {people: {size: 5}}\n"
    assert plan_at(tmp_path / "second.yaml", text).worlds["strangers"].size == 5
    overridden = load(str(tmp_path / "second.yaml"), ["worlds.people.size=3"])
    assert overridden.recipe.worlds["strangers"].size == 3


@pytest.mark.parametrize("take", ["file", "--set"])
def test_null_removes_what_a_world_or_a_source_of_the_base_recipe_would_inherit(tmp_path: Path, take: str):
    (tmp_path / "first.yaml").write_text(
        lines("people: {groups: {half: [0, 0.5]}}", "strangers: {extends: people}")
        + "sources: {bios: {tag: <a>}, junk: {extends: bios, world: strangers}}\n"
    )
    nulls = "worlds: {strangers: {groups: null}}\nsources: {junk: {tag: null}}\n"
    (tmp_path / "second.yaml").write_text("extends: first\n" + nulls * (take == "file"))
    overrides = ["worlds.strangers.groups=null", "sources.junk.tag=null"] if take == "--set" else []
    made = load(str(tmp_path / "second.yaml"), overrides).recipe
    assert (made.worlds["people"].groups, made.worlds["strangers"].groups) == ({"half": [0, 0.5]}, {})
    assert made.sources["bios"].tag is not None
    assert made.sources["junk"].tag is None


def test_only_the_useful_biographies_of_junk_tagged_begin_with_the_tag():
    made = plan_of(
        "junk_tagged", "worlds.people.size=50", "worlds.strangers.size=50", "sources.biographies.sentences=[major]"
    )
    tag = made.tokenizer.backend.token_to_id("<Wikipedia.org>")
    for name, begins in (("biographies", True), ("junk", False)):
        tokens = made.sources[name].documents(np.arange(50), np.zeros(50, np.int64), spans=False).tokens
        assert ((tokens.values[tokens.offsets[:-1]] == tag).all(), (tokens.values == tag).any()) == (begins, begins)


def test_files_that_an_inherited_key_names_lie_beside_the_recipe_that_names_them(tmp_path: Path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/towns.txt").write_text("Oslo\nBern\nRome\n")
    base = lines("people: {attributes: {city: {values: null, file: towns.txt}}}")
    (tmp_path / "base/base.yaml").write_text(base)
    text = "extends: base/base.yaml\nworlds: {strangers: {extends: people}}\n"
    city = plan_at(tmp_path / "r.yaml", text).worlds["strangers"].fields["city"]
    assert city.format[0].values == ("Oslo", "Bern", "Rome")


@pytest.mark.parametrize(
    ("worlds", "problem"),
    [
        (["a: {extends: a}"], ":3: worlds.a.extends: worlds extend each other in a circle."),
        (["a: {extends: c}", "b: {extends: a}", "c: {extends: b}"], "extends: worlds extend each other in a circle."),
        (["a: {size: 3}", "b: {extends: peple}"], ":4: worlds.b.extends: no world 'peple'. Did you mean 'people'?"),
        (
            ["a: {extends: [people]}"],
            ":3: worlds.a.extends: the name of another world is needed, not a list. Write one.",
        ),
    ],
)
def test_worlds_that_extend_nothing_or_themselves_are_refused_with_their_line(
    recipe: Path, worlds: list[str], problem: str
):
    message = refused(recipe, lines(*worlds))
    assert message.startswith(f"{recipe}:")
    assert problem in message


def test_a_world_that_null_has_removed_cannot_be_extended(tmp_path: Path):
    (tmp_path / "first.yaml").write_text(lines("strangers: {extends: people}"))
    message = refused(tmp_path / "second.yaml", "extends: first\nworlds: {people: null}\n")
    assert message.startswith(f"{tmp_path / 'first.yaml'}:3: worlds.strangers.extends: no world 'people'.")


def test_too_many_people_for_inherited_names_are_refused_where_their_number_stands(recipe: Path):
    message = refused(recipe, lines("strangers: {extends: people, size: 26}"))
    assert message.startswith(f"{recipe}:3: worlds.strangers.size: 26 items but only 25 names")


def test_a_fault_in_a_key_of_its_own_is_shown_where_that_stands(recipe: Path):
    own = ["strangers:", "  extends: people", "  attributes:", "    city:", "      weights: [1, 2]"]
    message = refused(recipe, lines(*own))
    assert message.startswith(f"{recipe}:7: worlds.strangers.attributes.city.weights: 2 weights for 3 values")
    unknown = refused(recipe, lines("strangers:", "  extends: people", "  sizes: 3"))
    assert unknown.startswith(f"{recipe}:5: worlds.strangers.sizes: unknown key. Did you mean 'size'?")


# ── worlds that share no name ───────────────────────────────────────────────────────────────────────────────────────

NAMES = {2: (1, 2), 5: (1, 5), 6: (2, 3), 25: (5, 5), 24: (4, 6)}  # so many names: pools of these sizes
ABOVE = ("people", "strangers", "third", "fourth")


def disjoint(sizes: Sequence[int], pools: tuple[int, int]) -> list[World]:
    """So many worlds, each disjoint from all before it."""
    key, made = Key.root(0).child("worlds"), dict[str, World]()
    words = {"first": [f"a{i}" for i in range(pools[0])], "last": [f"b{i}" for i in range(pools[1])]}
    attributes = {"name": {"kind": "name", "pools": words}, "age": {"kind": "integer", "first": 1, "last": 99}}
    for name, size in zip(ABOVE, sizes, strict=False):
        spec = {"size": size, "attributes": attributes, "disjoint_from": list(made) or None}
        made[name] = World(name, WorldSpec.model_validate(spec), key.child(name), made)
    return list(made.values())


def full(count: int, worlds: int) -> list[list[int]]:
    """All sizes of so many worlds that use up so many names."""
    half = count // 2
    low = [[half]] if worlds < 4 else [[n, half - n] for n in range(1, half)]
    if worlds == 2:
        return [[n, count - n] for n in range(1, count)]
    return [[a[0], b, count - half - b, *a[1:]] for a in low for b in range(1, count - half)]


@pytest.mark.parametrize("count", NAMES)
@pytest.mark.parametrize("worlds", [2, 3, 4])
def test_disjoint_worlds_have_every_name_once_up_to_the_last_one(worlds: int, count: int):
    every = sorted(names(disjoint([count], NAMES[count])[0]))
    assert len(set(every)) == count
    for sizes in full(count, worlds):
        told = [name for world in disjoint(sizes, NAMES[count]) for name in names(world)]
        assert sorted(told) == every, sizes


@pytest.mark.parametrize("count", [24, 25])
def test_the_names_of_each_world_go_from_their_end_of_the_one_bijection(count: int):
    line = names(disjoint([count], NAMES[count])[0])
    people, strangers, third, fourth = (names(world) for world in disjoint([5, 6, 5, 6], NAMES[count]))
    middle = count // 2
    assert people == line[:5]
    assert strangers == line[::-1][:6]
    assert third == line[middle : middle + 5]
    assert fourth == line[:middle][::-1][:6]


def test_nobody_moves_when_any_world_grows():
    before = disjoint([3, 3, 3, 3], (5, 5))
    for grown in ([9, 3, 3, 3], [3, 9, 3, 3], [3, 3, 9, 3], [3, 3, 3, 9], [6, 6, 6, 6]):
        for one, two in zip(before, disjoint(grown, (5, 5)), strict=True):
            assert np.array_equal(one.rows(np.arange(3)), two.rows(np.arange(3)))


def test_worlds_of_120_million_people_end_where_the_other_begins():
    specs, key = load("junk_random").recipe.worlds, Key.root(0).child("worlds")
    sizes = {"people": 20_000_000, "strangers": 100_000_000}
    worlds: dict[str, World] = {}
    for name, size in sizes.items():
        worlds[name] = World(name, specs[name].model_copy(update={"size": size}), key.child(name), worlds)
    whole = World("people", specs["people"].model_copy(update={"size": 160_000_000}), key.child("people"))
    assert names(worlds["people"], [0, 19_999_999]) == names(whole, [0, 19_999_999])
    assert names(worlds["strangers"], [0, 99_999_999]) == names(whole, [159_999_999, 60_000_000])


def test_being_disjoint_changes_the_names_alone(recipe: Path):
    def of(more: str) -> Plan:
        return plan_at(recipe, lines(f"strangers: {{extends: people, size: 5{more}}}"))

    apart, near = of(", disjoint_from: people"), of("")
    rows = [plan.worlds["strangers"].rows(np.arange(5)) for plan in (apart, near)]
    assert (rows[0] != rows[1]).any(axis=0).tolist() == [False, True, True, *[False] * (rows[0].shape[1] - 3)]
    everybody = np.arange(20)
    assert np.array_equal(apart.worlds["people"].rows(everybody), near.worlds["people"].rows(everybody))


def test_the_first_world_need_not_stand_first(recipe: Path):
    worlds = ["b: {extends: a, disjoint_from: [a, people]}", "a: {extends: people, size: 5, disjoint_from: people}"]
    for written in (worlds, worlds[::-1]):
        made = plan_at(recipe, lines("people: {size: 12}", *written)).worlds
        told = [name for world in ("people", "a", "b") for name in names(made[world])]
        assert len(set(told)) == len(told) == 12 + 5 + 5


@pytest.mark.parametrize(
    ("sizes", "clash"),
    [
        ([20, 6], (6, 20)),
        ([1, 25], (25, 1)),
        ([12, 14, 1], (14, 12)),
        ([12, 5, 9], (9, 5)),
        ([13, 5, 5], (5, 13)),
        ([6, 14, 5], (5, 14)),
        ([6, 6, 6, 7], (7, 6)),
    ],
)
def test_more_people_than_names_are_refused_with_the_arithmetic(sizes: list[int], clash: tuple[int, int]):
    """The third and fourth begin in the middle, so 13 + 5 + 5 are too many for 25: that number has to be said."""
    with pytest.raises(SpecError, match="individuals are more than the names") as error:
        disjoint(sizes, (5, 5))
    assert error.value.at == ("disjoint_from",)
    assert {*map(str, clash), "25"} <= set(error.value.problem.replace(",", "").split())


@pytest.mark.parametrize(
    ("world", "problem"),
    [
        ("a: {extends: people, disjoint_from: peple}", "no world 'peple' to be disjoint from. Did you mean 'people'?"),
        ("a: {extends: people, disjoint_from: a}", "worlds are disjoint from each other in a circle"),
        ("a: {size: 1, disjoint_from: people, attributes: {n: {kind: pronoun}}}", "are not from the pools of 'people'"),
        (
            "a: {extends: people, size: 1, disjoint_from: people, attributes: {name: {pools: {last: [Moe, Nye]}}}}",
            "the names of 'a' are not from the pools of 'people'",
        ),
    ],
)
def test_worlds_that_cannot_be_kept_apart_are_refused_with_their_line(recipe: Path, world: str, problem: str):
    message = refused(recipe, lines("", world))
    assert message.startswith(f"{recipe}:4: worlds.a.disjoint_from: ")
    assert problem in message


def test_a_circle_of_disjoint_worlds_is_refused(recipe: Path):
    circle = ["a: {extends: people, size: 1, disjoint_from: b}", "b: {extends: people, size: 1, disjoint_from: a}"]
    assert "worlds are disjoint from each other in a circle" in refused(recipe, lines(*circle))


def test_a_fifth_world_and_worlds_of_two_bijections_are_refused(recipe: Path):
    sized = "{extends: people, disjoint_from: [people"
    worlds = ["people: {size: 1}"] + [f"w{n}: {sized}{''.join(f', w{i}' for i in range(2, n))}]}}" for n in range(2, 6)]
    assert set(plan_at(recipe, lines(*worlds[:4])).worlds) == {"people", "w2", "w3", "w4"}
    assert "five worlds cannot be kept apart" in refused(recipe, lines(*worlds))
    apart = ["people: {size: 1}", "a: {extends: people}", f"b: {sized}, a]}}"]
    assert "these worlds do not share their names" in refused(recipe, lines(*apart))


# ── flat ────────────────────────────────────────────────────────────────────────────────────────────────────────────

ONE_SHARD = """
import resource, sys
from pipeline.plan import compile_plan
from pipeline.recipe import load
from pipeline.shard import make_shard
people, strangers = sys.argv[1:]
sizes = [f"worlds.people.size={people}", f"worlds.strangers.size={strangers}"]
plan = compile_plan(load("junk_random", [*sizes, "splits.score=null", "shard_tokens=500000"]))
shard = make_shard(plan, "train", plan.splits["train"].shards // 2)
print(plan.splits["train"].documents, *(shard.sources[name].tokens for name in ("biographies", "junk")))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_a_shard_of_20_million_useful_and_100_million_junk_people_takes_no_more_memory_than_one_of_thousands():
    peaks: list[int] = []
    for sizes in (("20000", "100000"), ("20000000", "100000000")):
        arguments = [sys.executable, "-c", ONE_SHARD, *sizes]
        done: Any = subprocess.run(arguments, capture_output=True, text=True, check=True)
        documents, useful, junk, peak = map(int, done.stdout.split())
        assert documents == pytest.approx(8 * 100 * int(sizes[0]), rel=0.01)
        assert junk / useful == pytest.approx(7, rel=0.1)
        peaks.append(peak)
    assert all(after < before + 16 * 1024 for before, after in pairwise(peaks)), "KiB; a byte a person is 117,000"
