"""Biographies: the variants of Part 3.1, section A.1, and exactness against rendering and encoding whole documents."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from pipeline.sources.knowledge.biographies import Biographies
from tests.plans import RECIPES, plan_of
from tests.reference.biographies import biographies

BIOS = [recipe for recipe in RECIPES if recipe.startswith("bioS")]
EVERY = [*RECIPES, "bioS_single they", "bioS_multi2 slow"]


def plan_for(case: str):
    recipe, _, change = case.partition(" ")
    overrides = {
        "they": ("worlds.people.attributes.pronoun.values=[they, she]",),
        "slow": ("sources.biographies.templates={birth_city: ['{{ subject }}: {{ birth_city ~ birth_date.day }}.']}",
                 "sources.biographies.sentences=[birth_city]"),
    }  # fmt: skip
    return plan_of(recipe, *overrides.get(change, ()))


def texts(plan, item, exposure):
    """What the source emits, decoded document by document."""
    (name,) = plan.sources
    told = plan.sources[name].documents(np.array(item, np.int64), np.array(exposure, np.int64), spans=False).tokens
    return [plan.tokenizer.decode(told.values[a:b]) for a, b in zip(told.offsets, told.offsets[1:], strict=False)]


@pytest.mark.parametrize("case", EVERY)
def test_documents_are_token_for_token_the_rendered_and_encoded_text(case: str) -> None:
    plan = plan_for(case)
    (name,) = plan.sources
    source = plan.sources[name]
    rng = np.random.default_rng(0)
    item = rng.integers(0, len(source), 400)
    exposure = rng.integers(0, 7, 400)
    got = source.documents(item, exposure, spans=False).tokens
    expected = [text for _, text in biographies(plan, name, item.tolist(), exposure.tolist())]
    for i, (text, ids) in enumerate(zip(expected, plan.tokenizer.encode(expected), strict=True)):
        assert got.values[got.offsets[i] : got.offsets[i + 1]].tolist() == [*ids.tolist(), plan.tokenizer.eos], text


@pytest.mark.parametrize("case", [case for case in EVERY if case != "bioS_multi2 slow"])
def test_spans_show_each_name_and_value_once_and_nothing_else(case: str) -> None:
    plan = plan_for(case)
    (name,) = plan.sources
    source = plan.sources[name]
    assert isinstance(source, Biographies)
    item, exposure = np.arange(300, dtype=np.int64), np.arange(300, dtype=np.int64) % 5
    got = source.documents(item, exposure, spans=True)
    assert got.spans is not None
    for i in range(300):
        values = {key: str(value) for key, value in source.world.values(i).items()}
        seen: dict[str, list[str]] = defaultdict(list)
        last_end = 0
        for start, length, label in got.spans.values[got.spans.offsets[i] : got.spans.offsets[i + 1]].tolist():
            assert start >= last_end
            last_end = start + length
            first = got.tokens.offsets[i] + start
            seen[source.labels[label]].append(plan.tokenizer.decode(got.tokens.values[first : first + length]))
        for attribute in source.sentences:
            shown = [text.strip() for text in seen[attribute]]
            assert shown
            for text in shown:  # a date may be told in parts; a value fused with a following sign is still there
                assert text.rstrip(".,") in values[attribute] or values[attribute].lower() in text.lower()
        assert values["name"] in "".join(seen["name"])
        pronouns = {"he", "she", "they", "it", "him", "her", "them", "his", "their", "its"}
        assert {text.strip().lower() for text in seen.get("pronoun", ())} <= pronouns


def test_a_biography_of_the_paper_has_73_tokens_within_8_percent() -> None:
    for recipe in ("bioS_single", "bioS_multi5", "bioS_multi5_permute"):
        mean = float(plan_of(recipe).sources["biographies"].mean_tokens) - 1  # its end token
        assert abs(mean / 73.0 - 1) < 0.08, recipe


@pytest.mark.parametrize("recipe", BIOS)
def test_the_expected_length_is_the_mean_over_people_and_wordings(recipe: str) -> None:
    source = plan_of(recipe).sources["biographies"]
    item = np.arange(100_000, dtype=np.int64)
    lengths = source.documents(item, item % 5, spans=False).tokens.lengths
    error = lengths.std() / np.sqrt(len(lengths))
    assert abs(lengths.mean() - float(source.mean_tokens)) < 5 * error
    assert lengths.max() <= source.longest


@pytest.mark.parametrize(
    ("recipe", "copies"), [("bioS_single", 1), ("bioS_multi2", 2), ("bioS_multi5", 5), ("bioS_multi5_permute", 5)]
)
def test_a_person_has_as_many_texts_as_paraphrases_and_then_they_come_again(recipe: str, copies: int) -> None:
    plan = plan_of(recipe)
    assert plan.sources["biographies"].exposures == copies
    for person in range(20):
        told = texts(plan, [person] * 3 * copies, range(3 * copies))
        assert len(set(told)) == copies
        assert told == told[:copies] * 3


def test_permutations_alone_shuffle_the_same_six_sentences() -> None:
    plan = plan_of("bioS_single", "sources.biographies.permutations=5", "sources.biographies.full_name=all")
    assert plan.sources["biographies"].exposures == 5
    for person in range(20):
        told = texts(plan, [person] * 5, range(5))
        name = str(plan.worlds["people"].values(person)["name"])
        sentences = [text.removesuffix("<|endoftext|>").split(f" {name}") for text in told]
        assert all(sorted(mine) == sorted(sentences[0]) for mine in sentences)
        assert len(sentences[0]) == 7
        assert len(set(told)) > 1


def test_the_order_is_the_papers_where_it_is_fixed() -> None:
    plan = plan_of("bioS_multi5")
    order = ["birth_date", "birth_city", "university", "major", "employer", "company_city"]
    assert plan.sources["biographies"].sentences == order
    for person, text in enumerate(texts(plan, range(50), [0] * 50)):
        values = plan.worlds["people"].values(person)
        at = 0
        for attribute in order:
            at = text.index(str(values[attribute]), at)


def test_every_order_of_six_sentences_comes_up_when_permuted() -> None:
    plan = plan_of("bioS_multi5_permute")
    item = np.arange(20_000, dtype=np.int64)
    _, order = plan.sources["biographies"].choices(item, item % 5)
    counts = Counter(map(tuple, order.tolist()))
    assert len(counts) == 720
    expected = 20_000 / 720
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 720 + 5 * np.sqrt(2 * 720)


@pytest.mark.parametrize(("recipe", "times"), [("bioS_multi5_permute", 1), ("bioS_multi5_permute_fullname", 6)])
def test_the_full_name_stands_where_the_variant_says(recipe: str, times: int) -> None:
    plan = plan_of(recipe)
    for person, text in enumerate(texts(plan, range(200), [1] * 200)):
        name = str(plan.worlds["people"].values(person)["name"])
        assert text.count(name) == times
        assert text.startswith(f" {name}"), "one leading space, then the full name"
        assert text.endswith(".<|endoftext|>")
        if times == 1:
            sentences = re.split(r"(?<=\.) (?=(?:He|She|His|Her)\b)", text)
            assert len(sentences) == 6


def test_pronouns_are_half_he_and_half_she_and_never_change() -> None:
    plan = plan_of("bioS_multi5")
    pronouns = [plan.worlds["people"].values(person)["pronoun"] for person in range(2000)]
    assert 850 < pronouns.count("he") < 1150
    for person, text in zip([0, 1, 2, 3] * 5, texts(plan, [0, 1, 2, 3] * 5, np.repeat(range(5), 4)), strict=True):
        mine, other = ("He", "She") if pronouns[person] == "he" else ("She", "He")
        assert f" {mine} " in text
        assert f" {other} " not in text


def test_fresh_wordings_are_new_at_each_exposure_and_need_an_amount() -> None:
    plan = plan_of("tiny")
    assert plan.sources["biographies"].exposures is None
    assert len(set(texts(plan, [7] * 100, range(100)))) == 100


def test_wordings_are_uniform_and_independent_of_each_other() -> None:
    plan = plan_of("bioS_multi5")
    item = np.arange(100_000, dtype=np.int64)
    wording, _ = plan.sources["biographies"].choices(item, item % 5)
    for column, count in zip(wording.T, (46, 49, 49, 52, 48, 47), strict=True):
        expected = len(item) / count
        assert ((np.bincount(column, minlength=count) - expected) ** 2 / expected).sum() < count + 5 * np.sqrt(
            2 * count
        )
    for a in range(6):
        for b in range(a):
            pair = np.bincount(wording[:, a] * 52 + wording[:, b], minlength=52 * 52)
            pair = pair[pair > 0]
            assert ((pair - pair.mean()) ** 2 / pair.mean()).sum() < len(pair) + 6 * np.sqrt(2 * len(pair))


@pytest.mark.parametrize("recipe", RECIPES)
def test_request_order_and_batching_change_nothing(recipe: str) -> None:
    plan = plan_of(recipe)
    (name,) = plan.sources
    source = plan.sources[name]
    rng = np.random.default_rng(1)
    item, exposure = rng.integers(0, len(source), 200), rng.integers(0, 3, 200)
    together = source.documents(item, exposure, spans=True)
    shuffle = rng.permutation(200)
    shuffled = source.documents(item[shuffle], exposure[shuffle], spans=True).take(np.argsort(shuffle))
    alone = [source.documents(item[i : i + 1], exposure[i : i + 1], spans=True) for i in range(200)]
    for other in (shuffled, type(together).concat(alone)):
        for a, b in ((together.tokens, other.tokens), (together.spans, other.spans)):
            assert np.array_equal(a.values, b.values)
            assert np.array_equal(a.offsets, b.offsets)


def test_templates_have_the_numbers_of_the_paper_and_are_distinct() -> None:
    spec = plan_of("bioS_single").recipe.sources["biographies"]
    counts = {name: len(spec.lines(name)) for name in spec.templates}
    paper = {"birth_date": 46, "birth_city": 49, "university": 49, "major": 52, "employer": 48, "company_city": 47}
    assert counts == paper
    for name in counts:
        assert len({line.text for line in spec.lines(name)}) == counts[name]
        assert any(not re.search(r"\}\}\.$", line.text) for line in spec.lines(name)), "the value is not always last"
        assert all(line.text.startswith(("{{ subject }}", "{{ subject_possessive }}")) for line in spec.lines(name))
