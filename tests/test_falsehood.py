"""Wrong values: never what is true, and anything else equally often."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from pipeline.core.draws import bits
from pipeline.core.errors import SpecError
from pipeline.core.key import Key
from pipeline.worlds.falsehood import Falsehood
from pipeline.worlds.spec import WorldSpec
from pipeline.worlds.world import World
from tests.test_worlds import excess

DRAWS = np.arange(60_000)
ATTRIBUTES: dict[str, Any] = {
    "pronoun": {"kind": "pronoun"},
    "letter": {"kind": "choice", "values": list("ABCDEFG")},
    "weighted": {"kind": "choice", "values": list("ABCDE"), "weights": [1, 2, 3, 5, 0]},
    "employer": {"kind": "choice", "values": list("abcdefgh"), "weights": [5, 1, 1, 1, 1, 3, 2, 2]},
    "workplace": {"kind": "lookup", "of": "employer", "values": ["X", "Y", "X", "Z", "X", "Y", "W", "X"]},
    "age": {"kind": "integer", "first": 1, "last": 4},
    "born": {"kind": "date", "years": 3, "days": 1},
    "month": {"kind": "date", "years": 2, "days": 2, "format": "{month}"},
    "year": {"kind": "date", "years": 4, "days": 2, "format": "in {year}"},
    "same": {"kind": "date", "years": 2, "days": 1, "months": ["M"] * 12, "format": "{month} {day}, {year}"},
    "id": {"kind": "codes", "chunks": 2, "diversity": 3, "length": 2, "vocabulary": 4},
}
NAMES = [name for name in ATTRIBUTES if name != "id"] + ["id_1"]


def world(**attributes: Any) -> World:
    return World("people", WorldSpec.model_validate({"size": 9, "attributes": attributes or ATTRIBUTES}), Key.root(0))


def slots_of(made: World, name: str) -> list[int]:
    """Those that its text depends on."""
    return list(dict.fromkeys(piece.slot for piece in made.fields[name].format if not isinstance(piece, str)))


def texts(made: World, name: str, rows: np.ndarray) -> list[str]:
    return [str(made.fields[name].value(dict(enumerate(row)))) for row in rows.tolist()]


def wrong(made: World, name: str, rows: np.ndarray, h: np.ndarray | None = None) -> np.ndarray:
    out = rows.copy()
    Falsehood(made, name).draw(out, bits(Key.root(7), np.arange(len(rows))) if h is None else h)
    return out


def every(made: World, name: str) -> tuple[np.ndarray, list[int]]:
    """All rows of facts that differ in what an attribute shows, and its slots."""
    slots = slots_of(made, name)
    rows = np.zeros((int(np.prod([made.sizes(slot) for slot in slots])), made.slots), np.int32)
    rows[:, slots] = list(product(*(range(made.sizes(slot)) for slot in slots)))
    return rows, slots


# ── drawing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", NAMES)
def test_what_is_wrong_never_reads_as_what_is_right(name: str):
    made = world()
    rows = made.rows(DRAWS[:5000])
    drawn = wrong(made, name, rows)
    assert not any(a == b for a, b in zip(texts(made, name, rows), texts(made, name, drawn), strict=True))
    others = [slot for slot in range(made.slots) if slot not in slots_of(made, name)]
    assert np.array_equal(rows[:, others], drawn[:, others])
    for slot in slots_of(made, name):
        assert 0 <= drawn[:, slot].min() <= drawn[:, slot].max() < made.sizes(slot)


@pytest.mark.parametrize("name", NAMES)
def test_every_other_row_is_drawn_for_an_equal_part_of_all_bits(name: str):
    made = world()
    rows, slots = every(made, name)
    shown = texts(made, name, rows)
    for truth in range(len(rows)):
        expected = sorted(tuple(row[slots]) for row, text in zip(rows, shown, strict=True) if text != shown[truth])
        n = len(expected)
        for at in (0, 2**64 // (2 * n)):  # the first and the middle bits of each part; rounded up
            h = np.array([-(-i * 2**64 // n) + at for i in range(n)], np.uint64)
            drawn = wrong(made, name, np.repeat(rows[truth : truth + 1], n, axis=0), h)
            assert sorted(map(tuple, drawn[:, slots])) == expected
        last = wrong(made, name, rows[truth : truth + 1], np.array([2**64 - 1], np.uint64))
        assert tuple(last[0, slots]) in expected


@pytest.mark.parametrize("name", ["letter", "weighted", "workplace", "born", "id_1"])
@pytest.mark.slow  # recipes with mistakes in the golden files fix these draws
def test_wrong_values_are_uniform_over_the_others_by_their_bits(name: str):
    made = world()
    rows, slots = every(made, name)
    shown = texts(made, name, rows)
    truth = np.repeat(rows[2:3], DRAWS.size, axis=0)
    drawn = wrong(made, name, truth)
    place = np.ravel_multi_index(tuple(drawn[:, slots].T), tuple(made.sizes(slot) for slot in slots))
    counts = np.bincount(place, minlength=len(rows))
    others = np.array([text != shown[2] for text in shown])
    assert not counts[~others].any()
    assert abs(excess(counts[others], DRAWS.size / others.sum())) < 6


# ── how likely ──────────────────────────────────────────────────────────────────────────────────────────────────────


def brute_force(made: World, name: str) -> dict[int, list[Fraction]]:
    """Slot → how likely a wrong value shows each of its rows: every truth, every other row, one by one."""
    rows, slots = every(made, name)
    shown = texts(made, name, rows)
    law = {slot: [Fraction(0)] * made.sizes(slot) for slot in slots}
    for truth, text in zip(rows.tolist(), shown, strict=True):
        chance = Fraction(1)
        for slot in slots:
            chance *= made.probability(slot)[truth[slot]]
        others = [row for row, other in zip(rows.tolist(), shown, strict=True) if other != text]
        for row in others:
            for slot in slots:
                law[slot][row[slot]] += chance / len(others)
    return law


@pytest.mark.parametrize("name", NAMES)
def test_the_law_of_wrong_values_is_what_counting_them_all_gives(name: str):
    made = world()
    falsehood = Falsehood(made, name)
    law = brute_force(made, name)
    assert set(falsehood.slots) == set(law)
    for slot, chances in law.items():
        assert falsehood.probability(slot) == tuple(chances)
        assert sum(falsehood.probability(slot)) == 1


@pytest.mark.parametrize("name", ["weighted", "workplace", "born", "month"])
@pytest.mark.slow  # recipes with mistakes in the golden files fix these draws
def test_wrong_values_of_people_come_as_often_as_their_law_says(name: str):
    made = world()
    drawn = wrong(made, name, made.rows(DRAWS))
    for slot in slots_of(made, name):
        likely = np.array(list(map(float, Falsehood(made, name).probability(slot))))
        assert abs(excess(np.bincount(drawn[:, slot], minlength=likely.size), DRAWS.size * likely)) < 6


def test_the_law_of_a_date_of_a_whole_world_is_uniform():
    made = world(born={"kind": "date"})
    falsehood = Falsehood(made, "born")
    assert [set(falsehood.probability(slot)) for slot in falsehood.slots] == [{Fraction(1, 336)}, {Fraction(1, 200)}]


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "attributes",
    [
        {"one": {"kind": "choice", "values": ["A"]}},
        {"one": {"kind": "integer", "first": 3, "last": 3}},
        {"of": ATTRIBUTES["letter"], "one": {"kind": "lookup", "of": "of", "values": ["here"] * 7}},
        {"one": {"kind": "date", "years": 1, "days": 2, "format": "{year}"}},
    ],
)
def test_an_attribute_of_one_text_is_refused(attributes: dict[str, Any]):
    with pytest.raises(SpecError, match="'one' has one value only, so none is wrong"):
        Falsehood(world(**attributes), "one")


def test_an_attribute_of_too_many_values_is_refused_at_once():
    made = world(
        many={"kind": "date", "years": 5000}, id={"kind": "codes", "chunks": 200, "diversity": 9, "vocabulary": 9}
    )
    for name, count in (("many", "1,680,000"), ("id_1", f"{9**200:,}")):
        with pytest.raises(SpecError, match=f"'{name}' has {count} values, too many") as error:
            Falsehood(made, name)
        assert error.value.remedy
