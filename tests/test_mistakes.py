"""Mistakes in biographies: what stands where, how often, and that everything else stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.core.documents import ROLES
from pipeline.core.draws import I64
from pipeline.core.errors import PipelineError, RecipeError
from pipeline.core.key import Key
from pipeline.plan.plan import Plan
from pipeline.recipe import load
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.source import Context
from pipeline.text.outline import Outline
from tests.plans import plan_of
from tests.reference.biographies import STORY, biographies, row, stories

TOLD = ["city", "major", "birth_date", "employer", "company_city"]
PLAIN = """full_name: all, permutations: fresh, templates: {
    city: ['{{ subject }} was born in {{ city }}.', 'From {{ city }} came {{ subject }}.'],
    major: ['{{ subject }} studied {{ major }}.'], birth_date: ['{{ subject }} was born on {{ birth_date }}.'],
    employer: ['{{ employer }} paid {{ subject }}.'], company_city: ['{{ subject }} worked in {{ company_city }}.']}"""


@cache
def source_with(mistakes: str, more: str = PLAIN) -> tuple[Plan, Biographies]:
    """The small world, told with mistakes. The key is always the same."""
    base = stories({"marked": "extends: en, mistakes: {corrected: 0.1}"})  # so that the tokenizer knows [BACK]
    told = f"sources.wrong={{extends: en, {more}, mistakes: {{{mistakes}}}}}".replace("\n", "")
    recipe = load(STORY, [told]).recipe
    source = Biographies(recipe.sources["wrong"], Context(base.worlds, base.tokenizer, Key.root(7)))
    return replace(base, recipe=recipe, sources={"wrong": source}), source


# ── what stands there ───────────────────────────────────────────────────────────────────────────────────────────────


def sentences_of(plan: Plan, source: Biographies, count: int = 80) -> list[list[tuple[str, str]]]:
    """(role, text) of the parts of some documents, and of what stands between them."""
    item = np.arange(count, dtype=np.int64)
    got = source.documents(item, np.full_like(item, 3), spans=False, parts=True)
    assert got.parts is not None
    documents = []
    for i in range(count):
        ids, told, at = row(got.tokens, i)[:-1], [], 0
        for first, length, role in [*row(got.parts, i), (len(ids), 0, 0)]:
            told += [("", ids[at:first])] * (first > at) + [(ROLES[role], ids[first : first + length])] * (length > 0)
            at = first + length
        texts = plan.tokenizer.decode_all([part for _, part in told])
        documents.append([(role, text) for (role, _), text in zip(told, texts, strict=True)])
    return documents


def readings(source: Biographies) -> dict[str, set[str]]:
    """Attribute → all that it can read."""
    people = [source.world.values(i) for i in range(1000)]
    return {attribute: {str(values[attribute]) for values in people} for attribute in TOLD}


def corrected(wrong: str, text: str, true: Mapping[str, object], values: Mapping[str, set[str]]) -> str:
    """The beginning of a text that is a wrong sentence with the true value in the place of another one; "" if none."""
    for attribute in TOLD:
        for value in values[attribute] - {str(true[attribute])}:
            for place in re.finditer(re.escape(value), wrong):
                right = wrong[: place.start()] + str(true[attribute]) + wrong[place.end() :]
                if text.startswith(right):
                    return right
    return ""


@pytest.mark.parametrize("back", ["'[BACK]'", "{text: 'No, wait:'}"])
def test_a_corrected_mistake_is_the_sentence_with_another_value_then_back_then_the_sentence(back: str) -> None:
    plan, source = source_with(f"corrected: 0.4, back: {back}")
    values, seen = readings(source), 0
    for i, told in enumerate(sentences_of(plan, source)):
        for j, (role, wrong) in enumerate(told):
            assert role in ("", "mistake", "back")
            if role == "mistake":
                assert told[j + 1] in (("back", "[BACK]"), ("back", " No, wait:"))
                right = next(text for role, text in told[j + 1 :] if not role)
                assert corrected(wrong, right, source.world.values(i), values), (wrong, right)
                seen += 1
    assert seen > 200


def test_a_weak_mistake_is_a_true_sentence_that_comes_later_but_not_next() -> None:
    plan, source = source_with("weak: 0.4")
    seen = 0
    for told in sentences_of(plan, source):
        for j, (role, early) in enumerate(told):
            assert role in ("", "weak", "back")
            if role == "weak":
                assert told[j + 1] == ("back", "[BACK]")
                later = "".join(text for role, text in told[j + 1 :] if not role)
                assert early in later
                assert not later.startswith(early)
                seen += 1
    assert seen > 150


def test_a_silent_mistake_is_a_sentence_with_another_value_and_nothing_more() -> None:
    right, wrong = (sentences_of(*source_with(f"silent: {rate}")) for rate in (0, 1))
    _, source = source_with("silent: 0")
    values = readings(source)
    for i, told in enumerate(wrong):
        ((_, rest),) = right[i]
        for role, text in told:
            assert role == "silent"
            instead = corrected(text, rest, source.world.values(i), values)
            assert instead, (text, rest)
            rest = rest.removeprefix(instead)
        assert rest == ""
        assert len(told) == 5


def test_the_value_of_a_mistake_is_labelled_wrong_and_that_of_the_truth_with_its_attribute() -> None:
    for mistakes, labels in (("silent: 1", {"name", "(wrong)"}), ("silent: 0", {"name", *TOLD})):
        _, source = source_with(mistakes)
        spans = source.documents(np.arange(200), np.arange(200), spans=True).spans
        assert spans is not None
        assert {source.labels[label] for label in spans.values[:, 2]} == labels
        assert (spans.lengths == 10).all(), "each of the five sentences has a name and a value"


@pytest.mark.parametrize("language", ["en", "fr", "ko"])
def test_a_wrong_value_reads_differently_in_the_language_in_which_it_is_told(language: str) -> None:
    alike = {"fr": "[maths, chimie, maths, chimie]", "ko": "[수학, 수학, 수학, 철학과]"}
    translations = [f"worlds.people.attributes.major.translations.{name}={names}" for name, names in alike.items()]
    told = f"sources.wrong={{extends: {language}, sentences: [major, city], mistakes: {{corrected: 0.5}}}}"
    try:
        plan = plan_of(STORY, *translations, told)
    except RecipeError as refused:
        assert "read" in str(refused)  # which is as good
        return
    for document in biographies(plan, "wrong", range(100), [0] * 100):
        told_, ends = document.text, {first: end for first, end, _ in document.parts}
        for first, end, role in document.parts:
            right = end
            while right in ends:
                right = ends[right]
            assert role == "back" or not told_[right:].startswith(told_[first:end]), told_


# ── how often ───────────────────────────────────────────────────────────────────────────────────────────────────────


def places_of(outline: Outline) -> I64:
    """At which place, or before which, each sentence stands."""
    told = np.isin(outline.roles, (0, ROLES.index("silent")))
    before = np.cumsum(told) - told
    found: I64 = before - np.repeat(before[outline.first[:-1]], np.diff(outline.first))
    return found


def counts_of(source: Biographies, exposure: int = 0, count: int = 20_000) -> NDArray[np.float64]:
    """How many mistakes that are taken back stand before each sentence: (d, s)."""
    outline = source.outline(np.arange(count), np.full(count, exposure))
    place = places_of(outline)
    document = np.repeat(np.arange(count), np.diff(outline.first))
    back = outline.roles == ROLES.index("back")
    s = int(place.max()) + 1
    return np.bincount(document * s + place, weights=back, minlength=count * s).reshape(count, s)


def assert_rate(happened: NDArray[np.bool_], rate: float) -> None:
    error = np.sqrt(rate * (1 - rate) / happened.size)
    assert abs(happened.mean() - rate) <= 5 * error, (happened.mean(), rate)


def assert_alike(counts: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
    """Each row of counts (r, c) is spread by its row of weights: chi-square within five standard deviations."""
    expected = weights / weights.sum(axis=1, keepdims=True) * counts.sum(axis=1, keepdims=True)
    assert counts[weights == 0].sum() == 0
    used = expected > 0
    freedom = used.sum() - (expected.sum(axis=1) > 0).sum()
    assert (((counts - expected) ** 2)[used] / expected[used]).sum() < freedom + 5 * np.sqrt(2 * freedom)


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("kind", ["corrected", "weak", "both"])
@pytest.mark.slow  # recipes with mistakes in the golden files fix these draws
def test_at_least_k_mistakes_stand_before_a_sentence_at_the_rate_to_the_power_of_k(kind: str, rate: float) -> None:
    half = rate / 2
    _, source = source_with(f"corrected: {half}, weak: {half}" if kind == "both" else f"{kind}: {rate}")
    counts = counts_of(source)
    last = {"corrected": rate, "weak": 0, "both": half}[kind]  # nothing is left to be told too early
    for place in range(5):
        p = rate if place < 4 else last
        for k in (k for k in range(1, 10) if len(counts) * p**k > 20 or p == 0):  # rarer ones are not normal
            assert_rate(counts[:, place] >= k, p**k)


@pytest.mark.slow  # recipes with mistakes in the golden files fix these draws
def test_the_coins_of_places_exposures_and_people_are_independent() -> None:
    _, source = source_with("corrected: 0.5")
    first, second = counts_of(source, 0) > 0, counts_of(source, 1) > 0
    assert_rate(first[:, 0] & first[:, 1], 0.25)
    assert_rate(first[:, 2] & second[:, 2], 0.25)
    assert_rate(first[:-1, 2] & first[1:, 2], 0.25)


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.slow  # recipes with mistakes in the golden files fix these draws
def test_a_value_is_silently_wrong_at_the_rate(rate: float) -> None:
    _, source = source_with(f"silent: {rate}, corrected: 0.2")
    outline = source.outline(np.arange(20_000), np.zeros(20_000, np.int64))
    silent = (outline.roles == ROLES.index("silent"))[np.isin(outline.roles, (0, ROLES.index("silent")))]
    for place in silent.reshape(-1, 5).T:
        assert_rate(place, rate)


@pytest.mark.slow  # recipes with mistakes in the golden files fix these draws
def test_each_of_the_later_sentences_is_told_too_early_equally_often() -> None:
    _, source = source_with("weak: 0.5", "full_name: all, permutations: fixed")
    outline = source.outline(np.arange(12_000), np.zeros(12_000, np.int64))
    weak = outline.roles == ROLES.index("weak")
    sentence = np.searchsorted(source._base[0, 0], outline.programs, side="right") - 1
    pairs = np.bincount((places_of(outline) * 5 + sentence)[weak], minlength=25).reshape(5, 5)
    assert pairs.sum() > 10_000
    assert_alike(pairs[:4], np.triu(np.ones((5, 5)), 1)[:4])
    assert pairs[4].sum() == 0


@pytest.mark.parametrize("kind", ["corrected", "silent"])
@pytest.mark.parametrize("attribute", TOLD)
@pytest.mark.slow  # recipes with mistakes in the golden files fix these draws
def test_wrong_values_are_uniform_over_those_that_read_otherwise(attribute: str, kind: str) -> None:
    _, source = source_with(f"{kind}: 0.5, sentences: [{attribute}]")
    world, field = source.world, source.world.fields[attribute]
    outline = source.outline(np.arange(24_000), np.zeros(24_000, np.int64))
    document = np.repeat(np.arange(24_000), np.diff(outline.first))
    wrong = np.isin(outline.roles, (ROLES.index("mistake"), ROLES.index("silent")))
    slots = sorted(field.slots)
    sizes = [world.sizes(slot) for slot in slots]
    told, true = (
        np.ravel_multi_index(rows[:, slots].T, sizes)
        for rows in (outline.rows[outline.facts[wrong]], outline.rows[document[wrong]])
    )
    n = int(np.prod(sizes))
    rows_of = [dict(zip(slots, place, strict=True)) for place in np.ndindex(*sizes)]
    reads = np.array([str(field.value(rows)) for rows in rows_of])
    assert len(told) > 5000
    assert_alike(np.bincount(true * n + told, minlength=n * n).reshape(n, n), 1.0 * (reads[:, None] != reads))


# ── where, and that all else stays ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["corrected", "weak", "silent"])
def test_only_the_sentences_that_are_named_go_wrong(kind: str) -> None:
    _, source = source_with(f"{kind}: 0.5, sentences: [major]")
    item = np.arange(2000)
    outline, order = source.outline(item, item % 3), source.choices(item, item % 3).order
    document, wrong = np.repeat(item, np.diff(outline.first)), outline.roles > 0
    before = order[document[wrong], places_of(outline)[wrong]]
    assert set(before.tolist()) == {TOLD.index("major")}


def test_the_closing_sentence_does_not_go_wrong() -> None:
    _, source = source_with("corrected: 0.3, weak: 0.3, silent: 0.3", "full_name: {after: 5}")
    counts = counts_of(source, count=2000)
    assert counts.shape == (2000, 6)
    assert (counts[:, :5].sum(axis=0) > 0).all()
    assert counts[:, 5].sum() == 0


OTHERWISE = [
    PLAIN,
    "full_name: {after: 5}, permutations: fresh",
    "full_name: {after: 2}, sentences: [[city, major], birth_date, [employer, company_city]], permutations: 3",
]


@pytest.mark.parametrize("more", OTHERWISE)
@pytest.mark.parametrize(
    "mistakes",
    ["corrected: 0.1", "corrected: 0.5", "weak: 0.1", "weak: 0.5", "corrected: 0.3, weak: 0.3, back: {text: No!}"],
)
def test_without_its_mistakes_a_document_is_as_if_there_had_been_none(mistakes: str, more: str) -> None:
    (_, wrong), (_, right) = (source_with(rates, more) for rates in (mistakes, "silent: 0"))
    item, exposure = np.arange(2000), np.arange(2000) % 5
    got = wrong.documents(item, exposure, spans=False, parts=True)
    assert got.parts is not None
    kept = np.ones(len(got.tokens.values), bool)
    begun = np.repeat(got.tokens.offsets[:-1], got.parts.lengths)
    for start, (first, length, _) in zip(begun.tolist(), got.parts.values.tolist(), strict=True):
        kept[start + first : start + first + length] = False
    assert not kept.all()
    assert np.array_equal(got.tokens.values[kept], right.documents(item, exposure, spans=False).tokens.values)


def test_silent_mistakes_leave_all_other_sentences_as_they_are() -> None:
    (_, wrong), (_, right) = (source_with(f"silent: {rate}") for rate in (0.3, 0))
    item, exposure = np.arange(3000), np.arange(3000) % 5
    one, other = wrong.outline(item, exposure), right.outline(item, exposure)
    assert np.array_equal(one.programs, other.programs)
    true = one.roles == 0
    assert 0.6 < true.mean() < 0.8
    assert np.array_equal(one.rows[one.facts[true]], other.rows[other.facts[true]])


def test_a_higher_rate_adds_mistakes_and_takes_none_away() -> None:
    few, many = (counts_of(source_with(f"corrected: {rate}")[1]) for rate in (0.1, 0.5))
    assert (few <= many).all()
    assert (few < many).any()


@pytest.mark.parametrize(
    ("mistakes", "problem"),
    [
        ("corrected: 0.5, weak: 0.5", "never end"),
        ("corrected: 1", "less than 1"),
        ("corrected: 0.1, sentences: [cities]", "no sentence 'cities'"),
        ("corrected: 0.1, back: {}", "either a token or a text"),
        ("corrected: 0.1, back: {token: '[X]', text: b}", "either a token or a text"),
    ],
)
def test_mistakes_that_cannot_be_made_are_refused(mistakes: str, problem: str) -> None:
    with pytest.raises(PipelineError, match=problem):
        source_with(mistakes)
