"""Languages: words that agree, dates, and an exact share of every individual's paraphrases."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
import pytest

from pipeline.core.draws import I32, I64
from pipeline.core.errors import RecipeError
from pipeline.plan.plan import Plan
from pipeline.recipe import load
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.knowledge.cast import Cast
from pipeline.sources.knowledge.subjects import NAME, NAMELESS, PRONOUN, scope_of
from pipeline.sources.knowledge.template_files import CompiledLines
from pipeline.text.fragments import Fragments
from pipeline.text.languages import Language
from pipeline.text.outline import Outline
from pipeline.text.renderer import compile_programs
from tests.encoders import tokenizer
from tests.plans import plan_of, small
from tests.reference import biographies as reference
from tests.reference.biographies import STORY, row

NAMES = {"fr": "bioS_multilingual", "ko": "bioS_multilingual", "de": "bioS_german", "es": "bioS_spanish"}
NAMES |= {"zh": "bioS_chinese", "ja": "bioS_japanese"}
"""Language → a recipe that has biographies in it."""


def language(name: str) -> Language:
    """A language of the library."""
    recipe = load(NAMES.get(name, "bioS_single")).recipe
    return Language(name, recipe.languages[name])


FRENCH, KOREAN = language("fr"), language("ko")
contract, elide, josa = FRENCH.contract, FRENCH.elide, KOREAN.josa

# ── words that agree ────────────────────────────────────────────────────────────────────────────────────────────────

OBJECTS = """수학을 경제를 서울을 철학과를 그들을 유나를 3M을 A를 IBM을 SAP를 U.S.A.를 AT&T를
    1990을 2001을 1992를 1993을 1994를 1995를 1996을 1997을 1998을 1999를
    Boston, MA를 Princeton, NJ를 Chicago, IL을 Duluth, MN을 Salem, OR을 Apple Inc.를 University of Utah를
    Bell을 Google을 Adam을 Jane을 Lebrun을 Nick을 Kim을 Park를 Müller를 Zoë를 Café를 Bloomberg를"""
PLACES = """서울로 부산으로 대구로 미술사학으로 Bell로 Boston으로 Google로 Oslo로 IL로 OR로 MN으로 MA로
    0으로 1로 2로 3으로 4로 5로 6으로 7로 8로 9로"""
OF = """d'informatique de chimie d'histoire d'économie d'études d'œnologie d'Émory d'Oregon de Harvard de Yale
    de University of Utah de Union College de Eureka d'Ohio State"""


def cases(text: str, ends: str) -> list[tuple[str, str]]:
    """(value, value with its particle) of each phrase."""
    shown = re.findall(rf"\s*(.+?({ends}))(?=\s|$)", text)
    return [(phrase.removesuffix(end), phrase) for phrase, end in shown]


@pytest.mark.parametrize(("value", "shown"), cases(OBJECTS, "을|를"))
def test_a_korean_object_takes_the_particle_of_its_last_sound(value: str, shown: str) -> None:
    assert josa(value, "을", "를") == shown
    assert josa(value, "이었다", "였다") == value + ("이었다" if shown.endswith("을") else "였다")


@pytest.mark.parametrize(("value", "shown"), cases(PLACES, "으로|로"))
def test_the_particle_ro_treats_rieul_as_a_vowel(value: str, shown: str) -> None:
    assert josa(value, "으로", "로") == shown


@pytest.mark.parametrize("shown", re.findall(r"d(?:'|e )\S+(?: (?!de )[A-Zo]\w+)*", OF))
def test_a_french_word_loses_its_vowel_before_another(shown: str) -> None:
    assert elide(re.sub("^(de |d')", "", shown), "de ", "d'") == shown


@pytest.mark.parametrize(
    ("value", "of", "at", "chez"),
    [
        ("le MIT", "du MIT", "au MIT", "au MIT"),
        ("les Galeries", "des Galeries", "aux Galeries", "aux Galeries"),
        ("la Mayo Clinic", "de la Mayo Clinic", "à la Mayo Clinic", "à la Mayo Clinic"),
        ("l'University of Maine", "de l'University of Maine", "à l'University of Maine", "à l'University of Maine"),
        ("l’Université", "de l’Université", "à l’Université", "à l’Université"),
        ("Boeing", "de Boeing", "à Boeing", "chez Boeing"),
        ("Adobe", "d'Adobe", "à Adobe", "chez Adobe"),
        ("lessive", "de lessive", "à lessive", "chez lessive"),
        ("Les Echos", "de Les Echos", "à Les Echos", "chez Les Echos"),
    ],
)
def test_a_french_preposition_joins_the_article_of_a_value(value: str, of: str, at: str, chez: str) -> None:
    assert [contract(value, preposition) for preposition in ("de", "à", "chez")] == [of, at, chez]
    assert [str(reference.contract(value, one)) for one in ("de", "à", "chez")] == [of, at, chez]


def test_all_values_of_the_library_agree_as_the_rules_say() -> None:
    world = small("bioS_multilingual").worlds["people"]
    values = [
        str(value)
        for language in ("en", "fr", "ko")
        for field in world.fields_in(language).values()
        for column in (*(piece for piece in field.format if not isinstance(piece, str)), *field.parts.values())
        for value in column.values
    ]
    assert len(set(values)) > 2000
    for value in set(values):
        assert josa(value, "으로", "로") == reference.josa(value, "으로", "로")
        assert josa(value, "이", "가") == reference.josa(value, "이", "가")
        assert elide(value, "de ", "d'") == reference.elide(value, "de ", "d'")


# ── facts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_dates_are_written_as_the_language_writes_them() -> None:
    world = small("bioS_multilingual").worlds["people"]
    fields = [world.fields_in(language)["birth_date"] for language in ("en", "fr", "ko")]
    dates = {}
    for rows in world.rows(np.arange(2100)).tolist():
        english, french, korean = (str(field.value(dict(enumerate(rows)))) for field in fields)
        dates[english] = (french, korean)
    assert len(dates) > 2000
    months = world.spec.attributes["birth_date"].months
    mois = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
    for english, (french, korean) in dates.items():
        month, day, year = re.fullmatch(r"(\w+) (\d+), (\d+)", english).groups()
        number = months.index(month)
        assert french == f"{'1er' if day == '1' else day} {mois.split()[number]} {year}"
        assert korean == f"{year}년 {number + 1}월 {day}일"
    assert any(french.startswith("1er octobre") for french, _ in dates.values())


def test_french_participles_are_those_of_her_or_of_him() -> None:
    plan = small("bioS_french")
    source = plan.sources["biographies"]
    item = np.arange(1000, dtype=np.int64)
    told = source.documents(item, item % 5, spans=False).tokens
    seen = Counter()
    for i in item.tolist():
        words = set(re.findall(r"\bnée?\b", plan.tokenizer.decode(np.array(row(told, i)))))
        if words:
            seen[str(source.world.values(i)["pronoun"]), *words] += 1
    assert set(seen) == {("he", "né"), ("she", "née")}


# ── every template with every value ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", [NAME, *(pytest.param(mode, marks=pytest.mark.slow) for mode in (PRONOUN, NAMELESS))])
@pytest.mark.parametrize(
    "kind", ["gpt2", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("cl100k", "o200k", "qwen2", "words"))]
)
@pytest.mark.parametrize(
    "language", ["fr", "ko", *(pytest.param(name, marks=pytest.mark.slow) for name in ("de", "es", "zh", "ja"))]
)
def test_every_template_with_every_value_is_encoded_exactly(language: str, kind: str, mode: int) -> None:
    plan, encoder = small(NAMES[language]), tokenizer(kind)
    source, spec = plan.sources["biographies"], plan.recipe.sources["biographies"]
    assert isinstance(source, Biographies)
    scope = scope_of(Cast(source.world), mode, language)
    lines = [line for sentence in source.sentences for line in spec.sets[language].lines(sentence)]
    lines = lines if kind == "gpt2" else lines[::8]
    cut = [CompiledLines(source.world).cut(line, scope)[0] for line in lines]
    renderer, notices = compile_programs(cut, encoder, source.world.slots)
    assert isinstance(renderer, Fragments) or (language in ("zh", "ja") and kind != "gpt2"), notices
    for number, line in enumerate(lines):
        rows = rows_of(source, cut[number], everything=(mode == PRONOUN and kind == "gpt2") or number == 0)
        outline = Outline.table(np.full((len(rows), 1), number, np.int32), rows)
        got = renderer.documents(len(rows), None, lambda _, outline=outline: outline, spans=False).tokens
        texts = [rendered(plan, line.text, language, mode, dict(enumerate(at))) for at in rows.tolist()]
        expected = [token for ids in encoder.encode(texts) for token in (*ids.tolist(), encoder.eos)]
        assert got.values.tolist() == expected, line.place


def rows_of(source: Biographies, line: list[Any], *, everything: bool) -> I32:
    """Rows of facts with every value of each slot that a line reads, or with a few."""
    sizes = [source.world.sizes(slot) for slot in range(source.world.slots)]
    count = max(sizes[piece.slot] for piece in line) if everything else 5
    return np.stack([(np.arange(count) + 3 * slot) % size for slot, size in enumerate(sizes)], 1).astype(np.int32)


def rendered(plan: Plan, template: str, language: str, mode: int, rows: dict[int, int]) -> str:
    """A sentence as the reference renders it."""
    world, attributes = plan.worlds["people"], plan.recipe.worlds["people"].attributes
    needed = {"name", "pronoun", *re.findall(r"\w+", template)}
    true = {name: field.value(rows) for name, field in world.fields.items() if name in needed}
    facts = reference.facts(attributes, true, language)
    called = {NAME: reference.NAME, PRONOUN: reference.PRONOUN, NAMELESS: reference.NOBODY}[mode]
    words = reference.words(language, called, facts["name"], facts["pronoun"])
    return reference.sentence(template, facts | words, spaced=language not in ("zh", "ja"))[0]


@pytest.mark.parametrize("language", list(NAMES))
def test_there_are_twenty_distinct_templates_and_more_of_every_sentence(language: str) -> None:
    spec = load(NAMES[language]).recipe.sources["biographies"].sets[language]
    for sentence in ("birth_date", "birth_city", "university", "major", "employer", "company_city"):
        lines = [line.text for line in spec.lines(sentence)]
        assert len(set(lines)) == len(lines) >= 20
        assert all(set(re.findall(r"\b(?:birth|uni|maj|emp|comp)\w*", line)) >= {sentence} for line in lines)
        assert all(line.startswith("{{ subject }}") for line in lines)


# ── shares ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def languages_of(fr: str, ko: str, turns: int, people: int) -> I64:
    """Index of the language of each individual's paraphrases, fresh ones: (people, turns)."""
    shares = f"translations: {{fr: {{share: {fr}}}, ko: {{share: {ko}}}}}"
    source = plan_of(STORY, f"sources.mixed={{extends: all, {shares}}}").sources["mixed"]
    assert isinstance(source, Biographies)
    item, exposure = np.divmod(np.arange(people * turns, dtype=np.int64), turns)
    return source.choices(item, exposure).language.reshape(people, turns)


@pytest.mark.parametrize(("fr", "ko"), [("0.3", "0.2"), ("1/3", "1/6"), ("0.5", "0.5"), ("1/8", "2/5")])
def test_as_many_paraphrases_in_a_row_as_the_shares_have_parts_have_exactly_the_shares(fr: str, ko: str) -> None:
    fractions = [1 - Fraction(fr) - Fraction(ko), Fraction(fr), Fraction(ko)]
    b = lcm(*(share.denominator for share in fractions))
    language = languages_of(fr, ko, 2 * b, 500)
    for first in range(b):
        for number, share in enumerate(fractions):
            assert ((language[:, first : first + b] == number).sum(axis=1) == share * b).all()
    first_told = (language[:, 0] == 1).mean()
    assert abs(first_told - float(fractions[1])) < 5 * 0.5 / np.sqrt(500), "not everybody begins with the same language"


@pytest.mark.parametrize(("recipe", "counts"), [("bioS_french", (3, 2)), ("bioS_multilingual", (5, 3, 2))])
def test_the_recipes_tell_each_individual_in_each_language_as_often_as_they_say(
    recipe: str, counts: tuple[int, ...]
) -> None:
    plan = small(recipe)
    paraphrases = plan.sources["biographies"].exposures
    assert paraphrases == sum(counts)
    item, exposure = np.divmod(np.arange(50 * paraphrases, dtype=np.int64), paraphrases)
    told = plan.sources["biographies"].documents(item, exposure, spans=False).tokens
    texts = [plan.tokenizer.decode(np.array(row(told, i))) for i in range(len(item))]
    spoken = [2 if re.search("[가-힣]", text) else 1 if re.search(r"\. (Il|Elle) ", text) else 0 for text in texts]
    for person in range(50):
        mine = Counter(spoken[person * paraphrases : (person + 1) * paraphrases])
        assert tuple(mine[language] for language in range(len(counts))) == counts


def test_a_share_of_many_digits_is_kept_or_refused() -> None:
    try:
        language = languages_of("0.3333333333", "0.2", 1, 20_000)
    except RecipeError:
        return
    assert abs((language == 1).mean() - 1 / 3) < 5 * 0.5 / np.sqrt(20_000)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("translations: {fr: {share: 0.7}, ko: {share: 0.4}}", "add up to 1.1"),
        ("sentences: [city], translations: {en: {templates: {city: [x]}, share: 0.5}}", "'en'"),
        ("language: tlh", "no language 'tlh'. There are de, en, es, fr, ja, ko, zh. Another one is described in "),
        ("translations: {fr: {templates: {name: [x]}}}, sentences: [city, pronoun]", "no templates for the sentence"),
    ],
)
def test_languages_that_cannot_be_told_are_refused(keys: str, problem: str) -> None:
    with pytest.raises(RecipeError, match=problem):
        plan_of(STORY, f"sources.refused={{extends: all, {keys}}}")
