from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest

from pipeline.core.draws import bits
from pipeline.core.errors import SpecError
from pipeline.core.files import library
from pipeline.core.key import Key
from pipeline.recipe import load
from pipeline.worlds.spec import WorldSpec
from pipeline.worlds.world import World

KEY = Key.root(0).child("worlds", "people")
PEOPLE = np.arange(200_000)
NAME = {"kind": "name", "pools": {"first": ["Ann", "Bob", "Cid"], "last": ["Moe", "Nye"]}}
LETTERS = list("ABCDEFGHIJ")


def world(attributes: dict[str, Any], size: int = 6, key: Key = KEY) -> World:
    """A world whose values are all written out."""
    return World("people", WorldSpec.model_validate({"size": size, "attributes": attributes}), key)


def people(size: int = 100_000, **changed: Any) -> World:
    """The people of bioS."""
    spec = load("bioS_single").recipe.worlds["people"]
    return World("people", spec.model_copy(update={"size": size, **changed}), KEY)


def slots_of(made: World, attribute: str) -> list[int]:
    return sorted(made.fields[attribute].slots)


def drawn(made: World, attribute: str, items: np.ndarray = PEOPLE) -> np.ndarray:
    """The rows of an attribute's slots: (slots, items)."""
    return made.rows(items).T[slots_of(made, attribute)].astype(np.int64)


def distinct(numbers: np.ndarray) -> bool:
    return bool((np.diff(np.sort(numbers)) > 0).all())


def excess(counts: np.ndarray, expected: np.ndarray | float, freedom: int | None = None) -> float:
    """Chi-square in standard deviations (Wilson and Hilferty): beyond 6 once in a billion fair draws."""
    freedom = freedom or counts.size - 1
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    return ((chi_square / freedom) ** (1 / 3) - 1) / (2 / (9 * freedom)) ** 0.5 + (2 / (9 * freedom)) ** 0.5


@pytest.fixture(scope="module")
def bios() -> World:
    return people()


@pytest.fixture(scope="module")
def rows(bios: World) -> np.ndarray:
    return bios.rows(PEOPLE).T.astype(np.int64)


# ── a whole world ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_world_is_the_recorded_one(bios: World):
    assert bios.values(17) == {
        "name": "Pamela Tien Karimi",
        "pronoun": "she",
        "birth_date": "December 8, 2091",
        "birth_city": "New Orleans, LA",
        "university": "National University of Singapore",
        "major": "Fine Arts",
        "employer": "Humana",
        "company_city": "Louisville, KY",
    }


def test_slot_zero_is_that_of_literals_and_the_others_are_numbered_in_order(bios: World, rows: np.ndarray):
    assert not rows[0].any()
    numbers = {name: slots_of(bios, name) for name in bios.fields}
    assert numbers == {
        "name": [1, 2, 3],
        "pronoun": [4],
        "birth_date": [5, 6],
        "birth_city": [7],
        "university": [8],
        "major": [9],
        "employer": [10],
        "company_city": [10],
    }
    assert bios.labels == ("", *numbers)
    assert bios.rows(PEOPLE).dtype == np.int32


def test_no_two_people_have_one_name(bios: World):
    whole = people(200_000)
    first, middle, last = drawn(whole, "name")
    assert distinct((first * 400 + middle) * 1000 + last)
    pools = [column.values for column in whole.fields["name"].parts.values()]
    names = {f"{pools[0][f]} {pools[1][m]} {pools[2][n]}" for f, m, n in zip(first, middle, last, strict=True)}
    assert len(names) == PEOPLE.size
    assert whole.values(199_999)["name"] in names


def test_no_two_people_have_one_name_where_every_name_is_taken():
    whole = people(160_000_000, attributes={"name": people().spec.attributes["name"]})
    first, middle, last = drawn(whole, "name", np.arange(0, 160_000_000, 199))
    assert distinct((first * 400 + middle) * 1000 + last)


def test_all_names_of_a_full_small_world_are_told_once():
    full = world({"name": NAME}, 6)
    assert sorted(full.values(item)["name"] for item in range(6)) == [
        f"{first} {last}" for first in ("Ann", "Bob", "Cid") for last in ("Moe", "Nye")
    ]


@pytest.mark.parametrize("pool", [0, 1, 2])
@pytest.mark.slow  # the recorded person and the golden files fix who these are
def test_the_words_of_names_are_uniform(rows: np.ndarray, pool: int):
    size = (400, 400, 1000)[pool]
    assert abs(excess(np.bincount(rows[1 + pool], minlength=size), PEOPLE.size / size)) < 6


def test_a_person_stays_when_the_world_grows():
    items = np.arange(1000)
    grown = [people(size).rows(items) for size in (1000, 1001, 100_000, 160_000_000)]
    assert all(np.array_equal(one, two) for one, two in pairwise(grown))


def test_a_person_is_the_same_whoever_is_asked_for_beside(bios: World):
    items = np.argsort(bits(KEY, PEOPLE))[:5000]
    assert np.array_equal(bios.rows(items), bios.rows(PEOPLE)[items])
    assert np.array_equal(bios.rows(items[7:8]), bios.rows(items)[7:8])


@pytest.mark.parametrize("renamed", ["name", "pronoun", "birth_date", "birth_city", "university", "major", "employer"])
def test_changing_the_key_of_an_attribute_changes_it_alone(bios: World, renamed: str):
    attributes = {("other" if name == renamed else name): spec for name, spec in bios.spec.attributes.items()}
    if renamed == "employer":
        attributes["company_city"] = attributes["company_city"].model_copy(update={"of": "other"})
    changed = people(attributes=attributes)
    items = PEOPLE[:2000]
    for name in bios.fields:
        before, after = drawn(bios, name, items), drawn(changed, "other" if name == renamed else name, items)
        follows = name == renamed or (renamed == "employer" and name == "company_city")
        assert np.array_equal(before, after) != follows, name
        if follows:
            assert (before == after).mean() < 0.6


def test_an_attribute_more_or_in_another_place_disturbs_no_other(bios: World):
    told = dict(bios.spec.attributes)
    more = {"shoes": WorldSpec.model_validate({"size": 1, "attributes": {"s": INTEGER}}).attributes["s"], **told}
    backwards = {name: told[name] for name in ("employer", *reversed([n for n in told if n != "employer"]))}
    for attributes in (more, backwards):
        changed = people(attributes=attributes)
        for name in told:
            assert np.array_equal(drawn(changed, name, PEOPLE[:2000]), drawn(bios, name, PEOPLE[:2000])), name


def test_worlds_of_other_names_or_seeds_hold_other_people(bios: World):
    items = PEOPLE[:2000]
    for key in (Key.root(1).child("worlds", "people"), Key.root(0).child("worlds", "strangers")):
        other = World("people", bios.spec, key)
        same = (other.rows(items) == bios.rows(items)).mean(axis=0)
        assert (same[1:4] < 0.02).all()
        assert (same[5:] < 0.15).all()
        assert 0.4 < same[4] < 0.6


@pytest.mark.slow  # the recorded person and the golden files fix who these are
def test_any_two_attributes_are_independent(bios: World, rows: np.ndarray):
    sizes = [len(bios.probability(slot)) for slot in range(len(rows))]
    for one, two in combinations(range(1, len(rows)), 2):
        cells = sizes[one] * sizes[two]
        counts = np.bincount(rows[one] * sizes[two] + rows[two], minlength=cells)
        assert counts.size == cells
        assert abs(excess(counts, PEOPLE.size / cells)) < 6, (one, two)


@pytest.mark.slow  # the recorded person and the golden files fix who these are
def test_neighbours_in_the_world_have_nothing_in_common(bios: World, rows: np.ndarray):
    for slot in range(1, len(rows)):
        size = min(len(bios.probability(slot)), 100)
        row = rows[slot] % size
        pairs = np.bincount(row[1:] * size + row[:-1], minlength=size**2)
        single = np.bincount(row, minlength=size) / PEOPLE.size
        expected = np.outer(single, single).reshape(-1) * (PEOPLE.size - 1)
        assert abs(excess(pairs, expected, (size - 1) ** 2)) < 6, slot


def test_probabilities_sum_to_one_and_are_how_often_rows_come(bios: World, rows: np.ndarray):
    for slot in range(len(rows)):
        likely = bios.probability(slot)
        assert sum(likely) == 1
        counts = np.bincount(rows[slot], minlength=len(likely))
        assert counts.size == len(likely)
        if len(likely) > 1:
            assert abs(excess(counts, PEOPLE.size * np.array(list(map(float, likely))))) < 6, slot


def test_thirteen_in_a_hundred_people_work_in_new_york(bios: World, rows: np.ndarray):
    cities = bios.fields["company_city"].format[0].values
    share = sum(city == "New York, NY" for city in cities) / len(cities)
    told = sum(cities[row] == "New York, NY" for row in drawn(bios, "employer")[0]) / PEOPLE.size
    assert abs(told - share) < 0.005
    assert 0.12 < told < 0.15


def test_values_are_those_of_the_rows(bios: World):
    for item in (0, 17, 99_999):
        values, row = bios.values(item), bios.rows(np.array([item]))[0]
        assert values["major"] == bios.fields["major"].format[0].values[row[9]]
        date = bios.fields["birth_date"].parts
        month, day, year = (date[part].values[row[date[part].slot]] for part in ("month", "day", "year"))
        assert values["birth_date"] == f"{month} {day}, {year}"
        assert values["birth_date"].year == year
        assert values["name"] == " ".join(values["name"].__dict__.values())


# ── choice ──────────────────────────────────────────────────────────────────────────────────────────────────────────

INTEGER = {"kind": "integer", "first": 35, "last": 45}


def choice(weights: object = "uniform", values: list[str] | None = None) -> dict[str, object]:
    return {"kind": "choice", "values": values or LETTERS, "weights": weights}


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("uniform", [1] * 10),
        ("zipf", [Fraction(1, rank) for rank in range(1, 11)]),
        ({"zipf": 2}, [Fraction(1, rank**2) for rank in range(1, 11)]),
        ({"zipf": 0}, [1] * 10),
        ([0, 1, 2, 3, 4, 0, 4, 3, 2, 1], [0, 1, 2, 3, 4, 0, 4, 3, 2, 1]),
        ([Fraction(1, 3), *[Fraction(2, 27)] * 9], [9, *[2] * 9]),
    ],
)
def test_a_choice_comes_as_often_as_it_weighs(weights: object, expected: list[int]):
    made = world({"letter": choice(weights)})
    likely = made.probability(1)
    assert [float(one) for one in likely] == pytest.approx([float(one / sum(expected)) for one in expected], abs=1e-15)
    counts = np.bincount(drawn(made, "letter")[0], minlength=10)
    frequent = np.array(expected, float) > 0
    assert not counts[~frequent].any()
    assert abs(excess(counts[frequent], PEOPLE.size * np.array(list(map(float, likely)))[frequent])) < 6


def test_written_weights_are_exact():
    assert world({"letter": choice([1, 2], ["A", "B"])}).probability(1) == (Fraction(1, 3), Fraction(2, 3))


# ── date ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_dates_are_twelve_months_by_28_days_by_200_years(bios: World, rows: np.ndarray):
    date = bios.fields["birth_date"].parts
    month, day, year = (
        np.array(date[part].values)[rows[date[part].slot]].astype(np.int64) for part in ("month_number", "day", "year")
    )
    assert [(int(part.min()), int(part.max())) for part in (month, day, year)] == [(1, 12), (1, 28), (1900, 2099)]
    dates = ((month - 1) * 28 + day - 1) * 200 + year - 1900
    cells = 12 * 28 * 200
    assert abs(excess(np.bincount(dates, minlength=cells), PEOPLE.size / cells)) < 6
    for part, size in ((month, 12), (day, 28), (year, 200)):
        assert abs(excess(np.bincount(part - part.min(), minlength=size), PEOPLE.size / size)) < 6
    months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October"]
    months += ["November", "December"]
    names = dict(zip(date["month"].values, date["month_number"].values, strict=True))
    assert names == {name: number for number, name in enumerate(months, 1)}


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("{month} {day}, {year}", "January 1, 1900"),
        ("{year}-{month_number}-{day}", "1900-1-1"),
        ("{{{day}}}", "{1}"),
        ("{year}", "1900"),
    ],
)
def test_dates_are_written_as_their_format_says(form: str, shown: str):
    made = world({"day": {"kind": "date", "years": 1, "days": 1, "format": form}})
    items = range(100)
    january = next(item for item in items if made.values(item)["day"].month == "January")
    assert str(made.values(january)["day"]) == shown


def test_months_may_have_other_names():
    months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    made = world({"day": {"kind": "date", "months": months}})
    assert str(made.values(3)["day"]).split()[0] in months


# ── integer ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("first", "last", "step"), [(35, 45, 1), (0, 0, 1), (-5, 5, 5), (10, 99, 7), (1, 10, 100)])
def test_an_integer_is_any_from_first_to_last_by_its_step(first: int, last: int, step: int):
    made = world({"shoes": {"kind": "integer", "first": first, "last": last, "step": step}})
    values = made.fields["shoes"].format[0].values
    assert values == tuple(range(first, last + 1, step))
    counts = np.bincount(drawn(made, "shoes")[0], minlength=len(values))
    assert counts.size == len(values)
    if len(values) > 1:
        assert abs(excess(counts, PEOPLE.size / len(values))) < 6


def test_a_million_values_are_not_too_many():
    assert len(world({"shoes": {"kind": "integer", "first": 1, "last": 10**6}}).probability(1)) == 10**6


# ── lookup ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lookup_follows_its_parent(bios: World):
    file = library("recipes") / "values/people/employers.tsv"
    city_of = dict(line.split("\t") for line in file.read_text().splitlines()[1:])
    for item in range(500):
        values = bios.values(item)
        assert values["company_city"] == city_of[str(values["employer"])]


def test_a_lookup_of_a_lookup_an_integer_or_a_pronoun_follows_too():
    made = world(
        {
            "city": {"kind": "choice", "values": ["Oslo", "Bern", "Rome"]},
            "country": {"kind": "lookup", "of": "city", "values": ["Norway", "Switzerland", "Italy"]},
            "sea": {"kind": "lookup", "of": "country", "values": ["yes", "no", "yes"]},
            "age": {"kind": "integer", "first": 1, "last": 3},
            "word": {"kind": "lookup", "of": "age", "values": ["one", "two", "three"]},
            "pronoun": {"kind": "pronoun"},
            "title": {"kind": "lookup", "of": "pronoun", "values": ["Mr", "Ms"]},
        }
    )
    told = {"Oslo": ("Norway", "yes"), "Bern": ("Switzerland", "no"), "Rome": ("Italy", "yes")}
    seen = Counter()
    for item in range(200):
        values = made.values(item)
        assert (values["country"], values["sea"]) == told[str(values["city"])]
        assert values["word"] == ["one", "two", "three"][int(values["age"]) - 1]
        assert values["title"] == {"he": "Mr", "she": "Ms"}[values["pronoun"]]
        seen[values["city"]] += 1
    assert set(seen) == set(told)


# ── name ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_more_people_than_names_are_refused_with_the_arithmetic():
    with pytest.raises(SpecError, match=r"7 items but only 6 names \(3 × 2\)") as refused:
        world({"name": NAME}, 7)
    assert refused.value.at == ("attributes", "name", "pools")


def test_names_that_could_be_read_in_two_ways_are_refused():
    pools = {"first": ["Anna", "Anna Maria"], "middle": ["Maria Rose", "Rose"]}
    with pytest.raises(SpecError, match="first and middle both hold values of several words"):
        world({"name": {"kind": "name", "pools": pools}}, 2)
    made = world({"name": {"kind": "name", "pools": {"first": pools["first"], "middle": ["Maria", "Rose"]}}}, 4)
    assert len({made.values(item)["name"] for item in range(4)}) == 4


@pytest.mark.parametrize("pools", [15, 16, 20])
def test_names_beyond_what_a_permutation_can_hold_are_unique_or_refused(pools: int):
    attributes = {"name": {"kind": "name", "pools": {f"p{i}": list("ABCDEFGHIJKLMNOP") for i in range(pools)}}}
    try:
        made = world(attributes, 1000)
    except SpecError as refused:
        assert pools > 15, "16 to the power of 15 is two to the power of 60, which a permutation holds"
        assert refused.at[:2] == ("attributes", "name")
    else:
        assert np.unique(made.rows(np.arange(1000)), axis=0).shape[0] == 1000


def test_the_parts_of_a_name_are_its_words():
    made = world({"name": NAME})
    name = made.values(3)["name"]
    assert name == f"{name.first} {name.last}"


# ── pronoun ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pronoun_is_one_bit_by_default():
    made = world({"pronoun": {"kind": "pronoun"}})
    assert made.fields["pronoun"].format[0].values == ("he", "she")
    assert abs(excess(np.bincount(drawn(made, "pronoun")[0], minlength=2), PEOPLE.size / 2)) < 6


def test_a_pronoun_is_any_of_those_asked_for():
    made = world({"pronoun": {"kind": "pronoun", "values": ["they", "it", "she"]}})
    assert abs(excess(np.bincount(drawn(made, "pronoun")[0], minlength=3), PEOPLE.size / 3)) < 6
    with pytest.raises(SpecError, match="stands twice"):
        world({"pronoun": {"kind": "pronoun", "values": ["she", "she"]}})


def test_the_first_attribute_of_a_kind_is_found():
    made = world({"a": choice(), "b": choice(), "c": {"kind": "pronoun"}})
    assert (made.of_kind("choice"), made.of_kind("pronoun"), made.of_kind("name")) == ("a", "c", None)
