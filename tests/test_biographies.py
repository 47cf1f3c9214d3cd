"""Biographies: exactness against rendering and encoding whole documents, and the variants of Part 3.1 and 3.2."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations, cycle, product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pipeline.core.documents import Documents
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.lengths import SAMPLE
from pipeline.text.fragments import Fragments
from pipeline.text.render_and_encode import Rendered
from tests.encoders import tokenizer
from tests.plans import KINDS, plan_of, small, usual
from tests.reference.biographies import ASPECTS, STORY, differences, stories

EXTRACTION = ["birth_date", "birth_city", "university", "major", "employer", "company_city"]

# ── every option with every other ───────────────────────────────────────────────────────────────────────────────────

FULL_NAME = {"first": "first", "all": "all", "after0": "{after: 0}", "after2": "{after: 2}", "after5": "{after: 5}"}
ORDER = {
    "fixed": "permutations: fixed",
    "fresh": "permutations: fresh",
    "couples": "permutations: 3, sentences: [[city, major], birth_date, [employer, company_city]]",
}
MISTAKES = {
    "right": "mistakes: null",
    "corrected": "mistakes: {corrected: 0.3}",
    "weak": "mistakes: {weak: 0.3}",
    "silent": "mistakes: {silent: 0.5}",
    "mixed": "mistakes: {corrected: 0.2, weak: 0.2, silent: 0.2, back: {text: Wait!}, sentences: [city, birth_date]}",
}
LANGUAGES = ("all", "en", "fr", "ko")
TAGS = ("only: late", "tag: <tag>", "tag: {text: 'Mr. D.C.'}")


def _told_differently() -> Iterator[str]:
    """Recipes, one for each way in which biographies are told."""
    seen: set[str] = set()
    for recipe in KINDS:
        specs = [spec for spec in load(recipe).recipe.sources.values() if spec.kind == "biographies"]
        ways = {spec.model_dump_json(exclude={"world", "only"}) for spec in specs}
        if ways - seen:
            yield recipe
        seen |= ways


TOLD = list(_told_differently())


def _variants() -> Iterator[tuple[str, str]]:
    language, tag = cycle(LANGUAGES), cycle(TAGS)
    for name, order, mistakes in product(FULL_NAME, ORDER, MISTAKES):
        told = next(language)
        keys = f"extends: {told}, full_name: {FULL_NAME[name]}, {ORDER[order]}, {MISTAKES[mistakes]}, {next(tag)}"
        yield f"{name}_{order}_{mistakes}_{told}", keys


VARIANTS = dict(_variants())


@cache
def of_variants() -> dict[str, dict[str, list[tuple[object, ...]]]]:
    plan = stories(VARIANTS)
    return {name: differences(plan, name, 20) for name in VARIANTS}  # 1,500 documents of all kinds


@pytest.mark.parametrize("aspect", ASPECTS)
def test_all_options_together_tell_what_rendering_and_encoding_gives(aspect: str) -> None:
    wrong = {name: found[aspect][0] for name, found in of_variants().items() if found[aspect]}
    assert not wrong, f"{len(wrong)} of {len(VARIANTS)} variants"


@pytest.fixture(scope="module")
def slow() -> Plan:
    """The variants, each document rendered and encoded by the package itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.sources.lengths.SAMPLE", 1)
        patch.setattr(
            "pipeline.sources.knowledge.biographies.compile_programs",
            lambda programs, encoder, slots, prefix: (Rendered(tuple(programs), encoder, prefix), []),
        )
        return compile_plan(load(STORY, [f"sources.{name}={{{keys}}}" for name, keys in VARIANTS.items()]))


@pytest.mark.slow
@pytest.mark.parametrize("aspect", ASPECTS)
def test_the_slow_path_says_the_same(slow: Plan, aspect: str) -> None:
    item, exposure = np.arange(40, dtype=np.int64), np.arange(40, dtype=np.int64) % 7
    different = []
    for name in VARIANTS:
        one, other = stories(VARIANTS).sources[name], slow.sources[name]
        assert isinstance(one, Biographies)
        assert isinstance(other, Biographies)
        assert isinstance(one._renderer, Fragments)
        assert isinstance(other._renderer, Rendered)
        a, b = (getattr(source.documents(item, exposure, spans=True, parts=True), aspect) for source in (one, other))
        if not (np.array_equal(a.values, b.values) and np.array_equal(a.offsets, b.offsets)):
            different.append(name)
    assert not different


UNPROVED = ("letters", "unigram")
PROVED = ("llama", "mistral", "metaspace", "tekken", "bert", "clip", "nfkc")


@pytest.mark.parametrize("kind", usual([*UNPROVED, *PROVED], "llama"))
def test_every_kind_of_tokenizer_is_exact(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.lengths.SAMPLE", 1)
    tokenizer(kind).backend.save(str(tmp_path / "tokenizer.json"))
    chosen = {name: VARIANTS[name] for name in list(VARIANTS)[4::10]}
    sources = [f"sources.{name}={{{keys}}}" for name, keys in chosen.items()]
    plan = compile_plan(load(STORY, [f"tokenizer={tmp_path / 'tokenizer.json'}", *sources]))
    for name in chosen:
        assert any("slow path" in notice for notice in plan.sources[name].notices) == (kind in UNPROVED)
        assert differences(plan, name, 20) == {aspect: [] for aspect in ASPECTS}, name


# ── every recipe ────────────────────────────────────────────────────────────────────────────────────────────────────

_FIRST: dict[str, str] = {}


@cache
def twin(recipe: str) -> str:
    """The first recipe that tells the same people in the same way: sizes and amounts are no matter of sources."""
    loaded = load(recipe).recipe
    worlds = {name: world.model_copy(update={"size": 0}) for name, world in loaded.worlds.items()}
    sources = {name: source for name, source in loaded.sources.items() if source.kind == "biographies"}
    return _FIRST.setdefault(repr((worlds, sources, loaded.tokenizer)), recipe)


def sources_of(recipe: str) -> dict[str, Biographies]:
    sources = small(recipe).sources
    return {name: source for name, source in sources.items() if isinstance(source, Biographies)}


@cache
def of_recipe(recipe: str) -> dict[str, tuple[dict[str, list[tuple[object, ...]]], Lengths]]:
    """Source → where it differs from the reference, and its lengths. The plan is not kept."""
    plan = small(recipe)
    return {name: (differences(plan, name), Lengths.of(source)) for name, source in sources_of(recipe).items()}


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.slow
@pytest.mark.parametrize("recipe", TOLD)
def test_a_recipe_tells_what_rendering_and_encoding_gives(recipe: str, aspect: str) -> None:
    for name, (found, _) in of_recipe(twin(recipe)).items():
        assert not found[aspect], name


@pytest.mark.parametrize(
    "recipe",
    usual(["bioS_celebrity_fullname", "bioS_multilingual", "bioS_mistakes_50", "products"], "bioS_mistakes_50"),
)
def test_request_order_and_batching_change_nothing(recipe: str) -> None:
    rng = np.random.default_rng(1)
    for source in sources_of(recipe).values():
        item, exposure = rng.integers(0, len(source), 200), rng.integers(0, 3, 200)
        together = source.documents(item, exposure, spans=True, parts=True)
        shuffle = rng.permutation(200)
        shuffled = source.documents(item[shuffle], exposure[shuffle], spans=True, parts=True)
        alone = [source.documents(item[i : i + 1], exposure[i : i + 1], spans=True, parts=True) for i in range(200)]
        for other in (shuffled.take(np.argsort(shuffle)), Documents.concat(alone)):
            for aspect in ASPECTS:
                a, b = getattr(together, aspect), getattr(other, aspect)
                assert np.array_equal(a.values, b.values)
                assert np.array_equal(a.offsets, b.offsets)


def test_a_group_is_told_about_its_own_people() -> None:
    plan = stories({"late": "extends: en, only: late"})
    late, everybody = plan.sources["late"], plan.sources["en"]
    assert len(late) == 12_000
    assert late.individuals(np.array([0, 11_999])).tolist() == [12_000, 23_999]
    assert differences(plan, "late", 20)["tokens"] == []
    assert len(everybody) == 24_000


# ── lengths ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Lengths(NamedTuple):
    """What a source promises, and the mean with its standard error and the most over some documents."""

    expected: float
    longest: int | None
    mean: float
    error: float
    most: int

    @classmethod
    def of(cls, source: Biographies, sampled: int = 0) -> Lengths:
        """sampled: of how many documents what is expected is itself the mean, where it is."""
        count = min(12_000, 2_000_000 // int(source.mean_tokens))
        alike = len(source) >= count and not source._gaps  # whoever lacks a sentence is among the first
        item = np.arange(count) if alike else np.random.default_rng(2).integers(0, len(source), count)
        turn = np.random.default_rng(3).integers(0, 1000, count)
        lengths = source.documents(item, turn, spans=False).tokens.lengths
        error = lengths.std() * np.sqrt(1 / count + (1 / sampled if sampled else 0))
        return cls(float(source.mean_tokens), source.longest, lengths.mean(), error, int(lengths.max()))

    def check(self) -> None:
        assert abs(self.mean - self.expected) <= 5 * self.error
        assert self.longest is None or self.most <= self.longest


@pytest.mark.slow
@pytest.mark.parametrize("recipe", TOLD)
def test_the_expected_length_of_a_recipe_is_the_mean(recipe: str) -> None:
    for _, lengths in of_recipe(twin(recipe)).values():
        lengths.check()


@pytest.mark.parametrize("mistakes", MISTAKES)
def test_the_expected_length_with_all_options_is_the_mean(mistakes: str) -> None:
    for name in (name for name in VARIANTS if f"_{mistakes}_" in name):
        source = stories(VARIANTS).sources[name]
        assert isinstance(source, Biographies)
        assert (source.longest is None) == (mistakes in ("corrected", "weak", "mixed"))
        sampled = mistakes in ("weak", "mixed") and "couples" in name  # the one case that is not computed
        Lengths.of(source, SAMPLE if sampled else 0).check()


@pytest.mark.parametrize("silent", [0, 0.5])
@pytest.mark.parametrize("name", FULL_NAME)
def test_the_longest_document_is_as_long_as_promised_where_the_order_is_fixed(name: str, silent: float) -> None:
    letters = [chr(ord("A") + i) for i in range(26)]  # 17,576 people of equally long names have all values
    pools = {f"worlds.people.attributes.name.pools.{pool}": letters for pool in ("first", "middle", "last")}
    after = FULL_NAME[name].replace("5", "3")
    told = f"extends: en, sentences: [city, major, birth_date], full_name: {after}, mistakes: {{silent: {silent}}}"
    sizes = [f"worlds.people.size={26**3}", *(f"{key}={letters}" for key, letters in pools.items())]
    plan = plan_of(STORY, *sizes, f"sources.short={{{told}}}")
    item = np.arange(26**3, dtype=np.int64)
    longest = max(
        plan.sources["short"].documents(item, np.full_like(item, turn), spans=False).tokens.lengths.max()
        for turn in range(10)
    )
    assert longest == plan.sources["short"].longest


def test_a_biography_of_the_paper_has_73_tokens_within_8_percent() -> None:
    for recipe in ("bioS_single", "bioS_multi5", "bioS_multi5_permute"):
        mean = float(biographies_of(recipe).mean_tokens) - 1  # its end token
        assert abs(mean / 73.0 - 1) < 0.08, recipe


# ── the variants of the papers ──────────────────────────────────────────────────────────────────────────────────────


def biographies_of(recipe: str) -> Biographies:
    source = small(recipe).sources["biographies"]
    assert isinstance(source, Biographies)
    return source


def texts(plan: Plan, item, exposure) -> list[str]:
    """What the biographies say, decoded document by document."""
    told = (
        plan.sources["biographies"]
        .documents(np.array(item, np.int64), np.array(exposure, np.int64), spans=False)
        .tokens
    )
    return plan.tokenizer.decode_all([told.values[a:b] for a, b in zip(told.offsets, told.offsets[1:], strict=False)])


def name_of(plan: Plan, person: int) -> str:
    return str(plan.worlds["people"].values(person)["name"])


@pytest.mark.parametrize(
    ("recipe", "copies"), [("bioS_single", 1), ("bioS_multi2", 2), ("bioS_multi5", 5), ("bioS_multi5_permute", 5)]
)
def test_a_person_has_as_many_texts_as_paraphrases_and_then_they_come_again(recipe: str, copies: int) -> None:
    plan = small(recipe)
    assert plan.sources["biographies"].exposures == copies
    for person in range(20):
        told = texts(plan, [person] * 3 * copies, range(3 * copies))
        assert len(set(told)) == copies
        assert told == told[:copies] * 3


def test_permutations_alone_shuffle_the_same_six_sentences() -> None:
    plan = small("bioS_single_permute5_fullname")
    assert plan.sources["biographies"].exposures == 5
    for person in range(20):
        told = texts(plan, [person] * 5, range(5))
        sentences = [text.removesuffix("<|endoftext|>").split(f" {name_of(plan, person)}") for text in told]
        assert all(sorted(mine) == sorted(sentences[0]) for mine in sentences)
        assert len(sentences[0]) == 7
        assert len(set(told)) > 1


def test_the_order_is_the_papers_where_it_is_fixed() -> None:
    plan = small("bioS_multi5")
    assert biographies_of("bioS_multi5").sentences == EXTRACTION
    for person, text in enumerate(texts(plan, range(50), [0] * 50)):
        values = plan.worlds["people"].values(person)
        at = 0
        for attribute in EXTRACTION:
            at = text.index(str(values[attribute]), at)


@pytest.mark.parametrize(("recipe", "things"), [("bioS_multi5_permute", 6), ("bioS_couple5", 3)])
@pytest.mark.slow  # biographies in the golden files fix these draws
def test_every_order_of_sentences_or_couples_comes_up_equally_often(recipe: str, things: int) -> None:
    item = np.arange(20_000, dtype=np.int64)
    order = biographies_of(recipe).choices(item, item % 5).order
    counts = Counter(map(tuple, order.tolist()))
    number = int(np.prod(range(1, things + 1)))
    expected = len(item) / number
    assert len(counts) == number
    assert sum((n - expected) ** 2 / expected for n in counts.values()) < number + 5 * np.sqrt(2 * number)


def test_couples_stay_together_in_their_order() -> None:
    order = biographies_of("bioS_couple5").choices(np.arange(500), np.arange(500) % 5).order
    assert np.array_equal(order[:, 1::2], order[:, ::2] + 1)
    assert (order[:, ::2] % 2 == 0).all()


@pytest.mark.parametrize(("recipe", "times"), [("bioS_multi5_permute", 1), ("bioS_multi5_permute_fullname", 6)])
def test_the_full_name_stands_where_the_variant_says(recipe: str, times: int) -> None:
    plan = small(recipe)
    for person, text in enumerate(texts(plan, range(200), [1] * 200)):
        assert text.count(name_of(plan, person)) == times
        assert text.startswith(f" {name_of(plan, person)}"), "one leading space, then the full name"
        assert text.endswith(".<|endoftext|>")
        if times == 1:
            assert len(re.split(r"(?<=\.) (?=(?:He|She|His|Her)\b)", text)) == 6


@pytest.mark.parametrize("after", [1, 2, 6])
def test_reversed_the_name_stands_behind_so_many_sentences(after: int) -> None:
    plan = small(f"bioS_multi5_reverse{after}")
    for person, text in enumerate(texts(plan, range(100), [3] * 100)):
        values = plan.worlds["people"].values(person)
        ends = [0]
        for attribute in EXTRACTION:
            ends.append(text.index(str(values[attribute]), ends[-1]) + len(str(values[attribute])))
        at = text.index(name_of(plan, person))
        assert sum(0 < end <= at for end in ends) == after
        assert text.count(name_of(plan, person)) == 1
        assert re.match(r" The person(?:'s)? ", text)
        assert text.endswith(f"{name_of(plan, person)}.<|endoftext|>") == (after == 6)


def test_pronouns_are_half_he_and_half_she_and_never_change() -> None:
    plan = small("bioS_multi5")
    pronouns = [plan.worlds["people"].values(person)["pronoun"] for person in range(2000)]
    assert 850 < pronouns.count("he") < 1150
    for person, text in zip([0, 1, 2, 3] * 5, texts(plan, [0, 1, 2, 3] * 5, np.repeat(range(5), 4)), strict=True):
        mine, other = ("He", "She") if pronouns[person] == "he" else ("She", "He")
        assert f" {mine} " in text
        assert f" {other} " not in text


def test_fresh_wordings_are_new_at_each_exposure_and_need_an_amount() -> None:
    plan = small("tiny")
    assert plan.sources["biographies"].exposures is None
    assert len(set(texts(plan, [7] * 100, range(100)))) == 100


@pytest.mark.slow  # biographies in the golden files fix these draws
def test_wordings_are_uniform_and_independent_of_each_other() -> None:
    item = np.arange(100_000, dtype=np.int64)
    wording = biographies_of("bioS_multi5").choices(item, item % 5).wordings
    for column, count in zip(wording.T, (46, 49, 49, 52, 48, 47), strict=True):
        expected = len(item) / count
        counts = np.bincount(column, minlength=count)
        assert ((counts - expected) ** 2 / expected).sum() < count + 5 * np.sqrt(2 * count)
    for one, other in combinations(wording.T, 2):
        pair = np.bincount(one * 52 + other, minlength=52 * 52)
        pair = pair[pair > 0]
        assert ((pair - pair.mean()) ** 2 / pair.mean()).sum() < len(pair) + 6 * np.sqrt(2 * len(pair))


def test_templates_have_the_numbers_of_the_paper_and_are_distinct() -> None:
    spec = small("bioS_single").recipe.sources["biographies"]
    counts = {name: len(spec.lines(name)) for name in EXTRACTION}
    paper = {"birth_date": 46, "birth_city": 49, "university": 49, "major": 52, "employer": 48, "company_city": 47}
    assert counts == paper
    for name in counts:
        assert len({line.text for line in spec.lines(name)}) == counts[name]
        assert any(not re.search(r"\}\}\.$", line.text) for line in spec.lines(name)), "the value is not always last"
        assert all(line.text.startswith(("{{ subject }}", "{{ subject_possessive }}")) for line in spec.lines(name))
