"""bioD of Part 3.3, Definition 2.2: attributes of chunks, each out of a set of strings that is drawn once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from math import log2
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np
import pytest

from pipeline.core.draws import below
from pipeline.core.errors import PipelineError, SpecError
from pipeline.core.key import Key
from pipeline.plan.plan import Plan
from pipeline.recipe import load
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.worlds.attributes import codes
from pipeline.worlds.attributes.codes import Codes
from pipeline.worlds.knowledge import knowledge_of
from pipeline.worlds.spec import WorldSpec
from pipeline.worlds.world import World
from tests.plans import plan_at, plan_of
from tests.test_worlds import excess

PEOPLE = np.arange(50_000)
IDS = (("bioD_N10K_K20",), ("bioD_N2K_K50", "worlds.people.attributes.id.repeat=4"))


def world(size: int = 100, name: dict[str, Any] | None = None, **codes: Any) -> World:
    """A world of codes, called id_1, id_2, …"""
    told = {"name": name} if name else {}
    spec = {"size": size, "attributes": {**told, "id": {"kind": "codes", **codes}}}
    return World("people", WorldSpec.model_validate(spec), Key.root(0).child("people"))


def strings(made: World, attribute: str = "id_1") -> list[tuple[int, ...]]:
    codes = made.attributes[attribute]
    assert isinstance(codes, Codes)
    return codes.strings


# ── the sets ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("diversity", "length", "vocabulary"),
    [
        (2, 1, 2),
        (9, 2, 3),  # all that there are
        (1000, 1, 1000),
        (1000, 3, 10),
        (10_000, 2, 40_000),
        (500, 8, 32),  # 2⁴⁰: the first number that is drawn symbol by symbol
        (500, 40, 2),
        (500, 200, 3),
    ],
)
def test_a_set_holds_as_many_strings_as_it_should_all_distinct_and_of_its_symbols(
    diversity: int, length: int, vocabulary: int
):
    found = strings(world(diversity=diversity, length=length, vocabulary=vocabulary, symbols="text"))
    assert len(set(found)) == len(found) == diversity
    assert {len(string) for string in found} == {length}
    assert 0 <= min(map(min, found)) <= max(map(max, found)) < vocabulary
    if diversity == vocabulary**length:
        assert sorted(found) == list(product(range(vocabulary), repeat=length))


def test_a_string_of_a_vast_set_that_is_drawn_again_counts_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(codes, "below", lambda key, bound, counter: below(key, 5, counter))
    found = strings(world(diversity=24, length=2, vocabulary=2**31 - 1))
    assert len(set(found)) == len(found) == 24
    assert set(found) < set(product(range(5), repeat=2))


@pytest.mark.parametrize(("length", "vocabulary"), [(2, 40), (12, 40)])
@pytest.mark.slow  # bioD in the golden files fixes these draws
def test_the_symbols_of_a_set_are_uniform_at_every_place(length: int, vocabulary: int):
    size = min(vocabulary**length, 40_000)
    table = np.array(strings(world(diversity=size // 2, length=length, vocabulary=vocabulary, symbols="text")))
    for place in range(length):
        counts = np.bincount(table[:, place], minlength=vocabulary)
        assert excess(counts, len(table) / vocabulary) < 6


@pytest.mark.parametrize(("diversity", "length", "vocabulary", "there"), [(9, 1, 8, 8), (2, 3, 1, 1), (65, 3, 4, 64)])
def test_more_strings_than_there_are_are_refused_with_the_arithmetic(
    diversity: int, length: int, vocabulary: int, there: int
):
    problem = (
        rf"{diversity} different chunks of {length} symbols out of {vocabulary} do not exist\. There are {there}\."
    )
    with pytest.raises(SpecError, match=problem) as error:
        world(diversity=diversity, length=length, vocabulary=vocabulary)
    assert error.value.at == ("attributes", "id", "diversity")


# ── who has which ───────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def drawn(repeat: int = 2, chunks: int = 3) -> np.ndarray:
    """(repeat · chunks, people)."""
    return world(PEOPLE.size, repeat=repeat, chunks=chunks, diversity=60, length=2, vocabulary=50).rows(PEOPLE)[:, 1:].T


@pytest.mark.slow  # bioD in the golden files fixes these draws
def test_chunks_are_uniform_over_the_set_and_independent_of_each_other():
    rows = drawn()
    for i, one in enumerate(rows):
        assert abs(excess(np.bincount(one, minlength=60), PEOPLE.size / 60)) < 6
        for two in rows[:i]:
            assert abs(excess(np.bincount(one * 60 + two, minlength=3600), PEOPLE.size / 3600)) < 6


def test_attributes_and_chunks_do_not_change_when_there_are_more_of_them():
    two, five = (world(repeat=n, chunks=3, diversity=60, length=2, vocabulary=50) for n in (2, 5))
    assert two.labels == ("", "id_1", "id_2")
    assert [strings(two, name) for name in two.fields] == [strings(five, name) for name in two.fields]
    assert np.array_equal(drawn(2), drawn(5)[:6])
    assert np.array_equal(drawn(5, 2)[::2], drawn(5, 3)[::3])


def test_each_attribute_has_a_set_of_its_own():
    made = world(repeat=5, diversity=60, length=2, vocabulary=50)
    sets = [set(strings(made, f"id_{k}")) for k in range(1, 6)]
    assert all(len(one & two) < 20 for i, one in enumerate(sets) for two in sets[:i])


def test_a_repeated_attribute_that_would_hide_another_one_is_refused():
    spec: dict[str, Any] = {"id": {"kind": "codes", "repeat": 2, "diversity": 3, "vocabulary": 9}}
    for both in (spec | {"id_2": {"kind": "pronoun"}}, {"id_2": {"kind": "pronoun"}} | spec):
        with pytest.raises(SpecError):
            World("people", WorldSpec.model_validate({"size": 3, "attributes": both}), Key.root(0))


# ── in documents ────────────────────────────────────────────────────────────────────────────────────────────────────


def told(plan: Plan, people: int = 40) -> Iterator[tuple[int, np.ndarray, np.ndarray, list[int]]]:
    """(person, tokens, spans, order of the sentences) of some biographies."""
    source = plan.sources["biographies"]
    assert isinstance(source, Biographies)
    items, exposures = np.arange(people), np.arange(people) * 7
    documents = source.documents(items, exposures, spans=True)
    order = source.choices(items, exposures).order
    assert documents.spans is not None
    assert order is not None
    for i in range(people):
        yield i, documents.tokens.slice(i, i + 1).values, documents.spans.slice(i, i + 1).values, order[i].tolist()


def value_of(plan: Plan, person: int, k: int) -> list[tuple[int, ...]]:
    """The chunks of an attribute, by the rows of its slots."""
    people = plan.worlds["people"]
    slots = sorted(people.fields[f"id_{k}"].slots)
    return [strings(people, f"id_{k}")[row] for row in people.rows(np.array([person]))[0][slots]]


def spoken(plan: Plan, person: int, order: list[int]) -> list[int]:
    """The tokens that a biography should have, put together from texts and ids."""
    values = plan.worlds["people"].values(person)
    ids: list[int] = []
    for place, sentence in enumerate(order):
        subject = f"{values['name']}'s" if place == 0 else {"he": "His", "she": "Her"}[str(values["pronoun"])]
        ids += plan.tokenizer.encode([f" {subject} ID {sentence + 1} is"])[0].tolist()
        for number, chunk in enumerate(value_of(plan, person, sentence + 1)):
            ids += plan.tokenizer.encode([","])[0].tolist() * (number > 0) + list(chunk)
        ids += plan.tokenizer.encode(["."])[0].tolist()
    return [*ids, plan.tokenizer.eos]


@pytest.mark.parametrize("recipe", IDS)
def test_ids_stand_in_the_documents_exactly_as_they_are_given(recipe: tuple[str, ...]):
    made = plan_of(*recipe)
    for person, tokens, _, order in told(made):
        assert tokens.tolist() == spoken(made, person, order)


@pytest.mark.parametrize("recipe", IDS)
def test_spans_of_ids_cover_the_value_and_no_more(recipe: tuple[str, ...]):
    made = plan_of(*recipe)
    comma = int(made.tokenizer.encode([","])[0][0])
    labels = made.worlds["people"].labels
    for person, tokens, spans, order in told(made):
        found = {labels[label]: tokens[start : start + n].tolist() for start, n, label in spans.tolist()}
        for sentence in order:
            chunks = value_of(made, person, sentence + 1)
            value = [symbol for chunk in chunks for symbol in (comma, *chunk)][1:]
            assert found[f"id_{sentence + 1}"] == value
        assert len(spans) == 2 * len(order)


def test_texts_of_symbols_are_read_back_as_the_strings_of_the_person():
    made = plan_of("bioD_N100K_K1")
    number = {letter: i for i, letter in enumerate(ascii_lowercase)}
    for person, tokens, spans, _ in told(made):
        text = made.tokenizer.decode(tokens)
        found = re.search(r" ID 1 is ([a-z, ]+)\.<\|endoftext\|>$", text)
        assert found
        assert [tuple(map(number.get, word)) for word in found[1].split(", ")] == value_of(made, person, 1)
        start, n, _ = spans[spans[:, 2] == made.worlds["people"].labels.index("id_1")][0].tolist()
        assert made.tokenizer.decode(tokens[start : start + n]) == f" {found[1]}"


@pytest.mark.parametrize(("vocabulary", "letters"), [(26, 1), (27, 2), (676, 2), (677, 3)])
def test_symbols_have_as_many_letters_as_tell_them_apart(vocabulary: int, letters: int):
    made = world(diversity=vocabulary, vocabulary=vocabulary, symbols="text")
    texts = made.fields["id_1"].format[0].values
    assert len(set(texts)) == vocabulary
    assert {len(text) for text in texts} == {letters}
    assert all(text.isalpha() and text.islower() for text in texts)


def test_ids_begin_where_they_are_told_to():
    near, far = (world(diversity=20, vocabulary=30, length=2, first_id=first) for first in (0, 1000))
    codes = [made.fields["id_1"].format[0].codes for made in (near, far)]
    assert codes[0] == tuple(strings(near))
    assert [tuple(symbol + 1000 for symbol in code) for code in codes[0]] == list(codes[1])


FEW = """\
extends: bioD_N10K_K20
worlds:
  people:
    size: 50
    attributes:
      id: {repeat: 2, chunks: 2, diversity: 10, CODES}
sources: {biographies: {tag: <tag>}}
splits: {score: null, train: {mixture: {biographies: {exposures: 1}}}}
"""


def test_the_last_ordinary_id_can_be_given(tmp_path: Path):
    made = plan_at(tmp_path / "r.yaml", FEW.replace("CODES", "vocabulary: 10, first_id: 50246"))
    assert any(50_255 in tokens for _, tokens, _, _ in told(made))


@pytest.mark.parametrize(
    "codes",
    [
        "vocabulary: 10, first_id: 50247",  # 50256 ends documents
        "vocabulary: 10, first_id: 50257",  # <tag>
        "vocabulary: 10, first_id: 50258",  # fit into 16 bits, but mean nothing
        "vocabulary: 60000",
        "vocabulary: 10, first_id: 70000",
        "vocabulary: 2147483647, first_id: 2147483647",
    ],
)
def test_ids_that_are_special_tokens_or_none_of_the_tokenizers_are_refused(tmp_path: Path, codes: str):
    with pytest.raises(PipelineError) as error:
        plan_at(tmp_path / "r.yaml", FEW.replace("CODES", codes))
    assert re.match(r"\S+\.yaml:\d+: .* id .*\d", str(error.value))


def test_ids_that_a_template_would_turn_into_text_are_refused(tmp_path: Path):
    text = FEW.replace("CODES", "vocabulary: 100").replace("{tag: <tag>}", '{templates: {id: ["{{ value | upper }}"]}}')
    with pytest.raises(PipelineError):
        plan_at(tmp_path / "r.yaml", text)


# ── how much there is to know ───────────────────────────────────────────────────────────────────────────────────────

NAMES = {"kind": "name", "pools": {"a": [f"a{i}" for i in range(40)], "b": [f"b{i}" for i in range(50)]}}  # 2,000


@pytest.mark.parametrize(
    ("n", "k", "c", "d", "length", "t"), [(10, 1, 1, 10, 1, 20), (100, 7, 5, 32, 3, 64), (2000, 2, 50, 2, 40, 5)]
)
def test_bits_are_those_of_definition_4_1(n: int, k: int, c: int, d: int, length: int, t: int):
    known = knowledge_of(world(n, NAMES, repeat=k, chunks=c, diversity=d, length=length, vocabulary=t, symbols="text"))
    names = n * log2(2000 / n)
    values = n * k * c * log2(d)
    sets = k * d * (length * log2(t) - log2(d))  # log₂ (T^L / D), D times
    assert known.total == pytest.approx(names + values + sets, rel=1e-12)
    assert (known.values, known.sets) == pytest.approx((k * c * log2(d), sets), rel=1e-12)


@pytest.mark.parametrize(
    ("recipe", "letters"),
    [
        ("bioD_N10K_K20", (10_000, 20, 1, 1000, 1, 5000)),
        ("bioD_N2K_K50", (2000, 50, 10, 10_000, 2, 40_000)),
        ("bioD_N100K_K1", (100_000, 1, 50, 10, 5, 20)),
    ],
)
def test_the_recipes_have_the_letters_of_their_first_line(recipe: str, letters: tuple[int, ...]):
    spec = load(recipe).recipe.worlds["people"]
    codes: Any = spec.attributes["id"]
    assert (spec.size, codes.repeat, codes.chunks, codes.diversity, codes.length, codes.vocabulary) == letters
