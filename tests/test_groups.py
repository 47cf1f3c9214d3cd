"""Groups: named parts of a world, and sources that are about one of them only."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import RecipeError, SpecError
from pipeline.core.key import Key
from pipeline.worlds.spec import WorldSpec
from pipeline.worlds.world import World
from tests.plans import plan_at

SMALL = Path(__file__).parent / "golden/small.yaml"  # 20 people


def groups(size: int, **given: list[Any]) -> dict[str, range]:
    attributes = {"age": {"kind": "integer", "first": 1, "last": 9}}
    spec = {"size": size, "attributes": attributes, "groups": given}
    return World("people", WorldSpec.model_validate(spec), Key.root(0)).groups


@pytest.mark.parametrize("parts", [2, 3, 7])
@pytest.mark.parametrize("size", [7, 8, 9, 10, 100, 101, 2**40 - 1])
def test_parts_that_follow_each_other_hold_everybody_once_in_sizes_that_differ_by_one(parts: int, size: int):
    made = groups(size, **{f"g{i}": [Fraction(i, parts), Fraction(i + 1, parts)] for i in range(parts)}).values()
    ends = [(group.start, group.stop) for group in made]
    assert [first for first, _ in ends] == [0, *(last for _, last in ends[:-1])]
    assert ends[-1][1] == size
    assert {len(group) for group in made} <= {size // parts, size // parts + 1}


@pytest.mark.parametrize(
    ("size", "ends", "people"),
    [
        (5, ["0", "0.5"], range(2)),
        (5, ["0.5", "1"], range(2, 5)),
        (10, ["0.1", "0.3"], range(1, 3)),
        (100, ["0.29", "0.57"], range(29, 57)),  # as floats 28.999… and 56.999…
        (10**9, ["1/3", "2/3"], range(333_333_333, 666_666_666)),
        (3, ["0", "0.99"], range(2)),
        (1, ["0", "1"], range(1)),
    ],
)
def test_a_group_is_from_one_fraction_to_the_other_rounded_down(
    tmp_path: Path, size: int, ends: list[str], people: range
):
    world = f"{{size: {size}, groups: {{g: [{', '.join(ends)}]}}, attributes: {{a: {{kind: pronoun}}}}}}"
    made = plan_at(tmp_path / "r.yaml", f"extends: {SMALL}\nworlds: {{w: {world}}}")
    assert made.worlds["w"].groups == {"g": people}


@pytest.mark.parametrize(
    ("ends", "problem"),
    [
        (["1/2", "1/2"], "goes from 0.5 to 0.5"),
        (["3/5", "1/2"], "goes from 0.6 to 0.5"),
        (["-1/10", "1/2"], "goes from -0.1 to 0.5"),
        (["1/2", "11/10"], "goes from 0.5 to 1.1"),
        (["0", "1/21"], "has nobody in it"),
        (["51/100", "54/100"], "has nobody in it"),
    ],
)
def test_bounds_that_hold_nobody_are_refused(ends: list[str], problem: str):
    with pytest.raises(SpecError, match=problem) as error:
        groups(20, half=[0, Fraction(1, 2)], wrong=list(map(Fraction, ends)))
    assert error.value.at == ("groups", "wrong")
    assert error.value.remedy


@pytest.mark.parametrize("ends", ["[0.5]", "[0, 0.5, 1]", "0.5", "[0, half]", "[]"])
def test_what_is_not_two_fractions_is_refused_with_its_line(tmp_path: Path, ends: str):
    with pytest.raises(RecipeError) as error:
        plan_at(tmp_path / "r.yaml", f"extends: {SMALL}\nworlds:\n  people:\n    groups:\n      wrong: {ends}\n")
    assert str(error.value).startswith(f"{tmp_path / 'r.yaml'}:5: worlds.people.groups.wrong")


# ── sources about a group ───────────────────────────────────────────────────────────────────────────────────────────

HALVES = f"""\
extends: {SMALL}
worlds: {{people: {{size: 19, groups: {{some: [0, 0.5], others: [0.5, 1]}}}}}}
sources: {{some: {{extends: bios, only: some}}, others: {{extends: bios, only: others}}}}
splits: {{train: {{mixture: {{bios: null, some: {{exposures: 2}}, others: {{exposures: 3}}}}}}}}
"""


def test_the_sources_of_two_groups_tell_everybody_between_them(tmp_path: Path):
    made = plan_at(tmp_path / "r.yaml", HALVES)
    assert (len(made.sources["some"]), len(made.sources["others"]), len(made.sources["bios"])) == (9, 10, 19)
    assert made.splits["train"].documents == 2 * 9 + 3 * 10
    about = [made.sources[name].individuals(np.arange(len(made.sources[name]))) for name in ("some", "others")]
    assert np.concatenate(about).tolist() == list(range(19))


def test_an_item_of_a_group_is_told_by_its_own_name(tmp_path: Path):
    made = plan_at(tmp_path / "r.yaml", HALVES)
    items = np.arange(9)
    for name in ("some", "others"):
        source = made.sources[name]
        tokens = source.documents(items, np.zeros_like(items), spans=False).tokens
        for i, person in enumerate(source.individuals(items).tolist()):
            text = made.tokenizer.decode(tokens.slice(i, i + 1).values)
            assert text.startswith(f" {made.worlds['people'].values(person)['name']} ")


def test_a_group_that_there_is_not_is_refused_with_a_suggestion(tmp_path: Path):
    text = f"extends: {SMALL}\nworlds: {{people: {{groups: {{some: [0, 0.5]}}}}}}\nsources:\n  bios:\n    only: sme\n"
    with pytest.raises(RecipeError) as error:
        plan_at(tmp_path / "r.yaml", text)
    place = f"{tmp_path / 'r.yaml'}:5: sources.bios.only"
    assert str(error.value) == f"{place}: the world 'people' has no group 'sme'. Did you mean 'some'?"
