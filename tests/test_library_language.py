"""What the library's templates make of the library's values: articles, names, full stops. Every pair, not a sample."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pipeline.core.files import library
from pipeline.plan.plan import Plan
from pipeline.recipe import load
from pipeline.sources.knowledge.cast import Cast
from pipeline.sources.knowledge.subjects import PRONOUN, scope_of
from pipeline.text.fragments import Fragments
from pipeline.text.templates import pieces
from pipeline.worlds.attributes.name import NameSpec
from tests.plans import small

VALUES, TEMPLATES = library("recipes") / "values", library("templates")
TELLING = [  # between them, every template of the library, with each way to call a subject
    ("bioS_multilingual", "biographies"),
    ("bioS_multi5_reverse6", "biographies"),
    ("bioS_mixed_80", "questions"),
    ("bioS_classification", "classification"),
    ("bioS_comparison", "comparison"),
    ("bioS_inverse", "inverse"),
    ("bioS_retrieval", "partial"),
    ("bioS_retrieval", "dual"),
    ("bioS_reversal", "reversal"),
    ("multi_hop", "two_hops"),
    ("products", "descriptions"),
    *(
        (f"bioS_{language}", source)
        for language in ("german", "spanish", "chinese", "japanese")
        for source in ("biographies", "questions", "reversal")
    ),
]


def table(path: str) -> list[dict[str, str]]:
    """A .tsv of the library, row by row."""
    with open(VALUES / path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def sayings(plan: Plan, source: str) -> Iterator[list[list[str]]]:
    """Each program of a source as its pieces, a piece as all texts that it shows."""
    assert not any("slow path" in notice for notice in plan.sources[source].notices)
    renderer = plan.sources[source]._renderer
    assert isinstance(renderer, Fragments)
    known: dict[tuple[int, int], list[str]] = {}
    bounds = renderer.start.tolist()
    for first, end in pairwise(renderer.program_start.tolist()):
        program = []
        for base, rows in zip(renderer.base[first:end].tolist(), renderer.rows[first:end].tolist(), strict=True):
            if (base, rows) not in known:
                ids = [renderer.tokens[bounds[f] : bounds[f + 1]].tolist() for f in range(base, base + rows)]
                known[base, rows] = plan.tokenizer.decode_all(ids)
            program.append(known[base, rows])
        yield program


def lines(spec: Any) -> list[str]:
    """The template lines of a source, in every language."""
    sets = spec.sets.values() if hasattr(spec, "sets") else [spec]
    return [line for one in sets for of_sentence in one.known.values() for line in of_sentence]


# ── what stands side by side ────────────────────────────────────────────────────────────────────────────────────────

WRONG = re.compile(r"[.,;]{2}| [.,;?]|  |(?<!\S)(\S+) \1(?!\S)", re.IGNORECASE)


USUAL = {"bioS_multilingual", "bioS_inverse", "bioS_reversal", "products"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "source"),
    [pair if pair[0] in USUAL else pytest.param(*pair, marks=pytest.mark.slow) for pair in TELLING],
)
def test_no_template_doubles_a_full_stop_a_space_or_a_word_with_any_value(recipe: str, source: str) -> None:
    looked: set[str] = set()
    for program in sayings(small(recipe), source):
        texts = {text for piece in program for text in piece} - looked
        looked |= texts
        assert {text for text in texts if WRONG.search(text)} == set()
        for left, right in pairwise(program):
            ends = {re.split("(?= )", text)[-1].lower() for text in left}
            heads = {re.split("(?= )", text)[0].lower() for text in right}
            assert not {end[-1:] + head[:1] for end in ends for head in heads} & {"..", ".,", ",.", ",,", "  ", " ."}
            assert not ends & heads, f"a word twice: {ends & heads}"


@pytest.mark.slow
def test_these_recipes_tell_every_template_of_the_library() -> None:
    told = {line for recipe, source in TELLING for line in lines(small(recipe).recipe.sources[source])}
    there = {line.strip() for path in TEMPLATES.rglob("*.j2") for line in path.read_text("utf-8").splitlines()}
    assert there - told == set()


def test_no_value_of_the_library_ends_in_a_full_stop() -> None:
    listed = {line for path in (VALUES / "people").glob("*.txt") for line in path.read_text("utf-8").splitlines()}
    listed |= {line for path in (VALUES / "products").glob("*.txt") for line in path.read_text("utf-8").splitlines()}
    listed |= {cell for path in VALUES.rglob("*.tsv") for row in table(str(path)) for cell in row.values()}
    assert len(listed) > 3000
    assert [value for value in listed if value.endswith(".")] == []


# ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_name_of_the_library_says_a_word_twice() -> None:
    declare = [path.stem for path in library("recipes").rglob("*.yaml") if "pools:" in path.read_text("utf-8")]
    assert {"bioS_single", "multi_hop", "products"} <= set(declare)
    specs = [
        spec
        for recipe in declare
        for world in load(recipe).recipe.worlds.values()
        for spec in world.attributes.values()
    ]
    for spec in specs:
        if isinstance(spec, NameSpec):
            values = {pool: [value.lower().split() for value in of.values] for pool, of in spec.pools.items()}
            assert all(len(words) == len(set(words)) for pool in values.values() for words in pool)
            pools = [{word for words in pool for word in words} for pool in values.values()]
            assert sum(map(len, pools)) > 90
            assert sum(map(len, pools)) == len(set().union(*pools))


# ── articles ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("path", "values"), [("universities", 300), ("employers", 263)])
def test_every_value_has_its_row_of_forms(path: str, values: int) -> None:
    rows = table(f"people/{path}.forms.tsv")
    named = [next(iter(row.values())) for row in rows]
    if path == "universities":
        assert named == (VALUES / "people/universities.txt").read_text("utf-8").splitlines()
    else:
        assert named == [row["employer"] for row in table("people/employers.tsv")]
    assert len(rows) == values
    for row, value in zip(rows, named, strict=True):
        assert row["the"] in ("", f"the {value}")
        assert row["The"] == row["the"][:1].upper() + row["the"][1:]
        assert row["le"] in ("", f"le {value}", f"la {value}", f"l'{value}")
        assert row["die"] in ("", f"die {value}", f"das {value}")
        assert row["el"] in ("", f"el {value}", f"la {value}")
        for form in ("die", "el"):
            assert row[form.capitalize()] == row[form][:1].upper() + row[form][1:]
        assert row["die"] or path == "employers", "in German every university has its article"
        assert bool(row["el"]) == bool(row["le"])


def test_articles_go_by_what_a_value_is_called() -> None:
    for row in table("people/universities.forms.tsv"):
        value = row["university"]
        if value.startswith(("University of ", "University at ", "College of ", "City College of ")):
            assert row["the"], value
        if re.fullmatch(r"[\w.&' -]+ (University|College)", value):
            assert not row["the"], value
        if value.startswith("University "):
            assert row["le"].startswith("l'"), value
        if "Institute" in value or value.startswith("College"):
            assert row["le"].startswith("le "), value
        if "School" in value:
            assert (row["the"][:4], row["le"][:3]) == ("the ", "la ")
    for row in table("people/employers.forms.tsv"):
        if row["employer"].endswith((" Company", " Companies")) and row["employer"] not in ("Southern Company",):
            assert row["the"] or "&" in row["employer"] or " and " in row["employer"], row["employer"]
        if not re.search(r"Compan|Group|Clinic|Bank of", row["employer"]):
            assert not row["the"], row["employer"]


def test_every_category_has_its_indefinite_article() -> None:
    rows = table("products/categories.tsv")
    assert len(rows) == 20
    for row in rows:
        article = "an" if row["category"][0] in "aeiou" else "a"
        assert row["a"] == (
            f"{article} {row['category']}" if row["category"] != "headphones" else "a pair of headphones"
        )


def test_templates_say_no_article_of_their_own_and_prose_says_universities_and_employers_in_a_form() -> None:
    for path in sorted(TEMPLATES.rglob("*.j2")):
        language = path.relative_to(TEMPLATES).parts[1]
        if language in ("zh", "ja"):
            continue  # no articles
        for line in path.read_text("utf-8").splitlines():
            articles = {"en": "an?", "fr": "une?", "de": "die|das|eine?", "es": "el|la|una?"}.get(language, "an?")
            own = rf'\b({articles}) {{{{ (?!birth_date)|"an?"'
            assert not re.search(own, line, re.IGNORECASE), line
            prompt = line.split(" | ")[0] if "question" in path.parts or "hops" in path.parts else line
            bare = re.findall(r"\{\{ (?:university|employer) (?!\|)\}\}", prompt)
            if language in ("en", "de", "es"):
                assert not bare or "product" in path.parts, line
            if path.parent.name == "fr":
                assert not bare or "l'entreprise {{ employer }}" in line, line
            if "answer" in path.name:
                assert bare
            assert not re.match(r"\{\{ (university|employer)(\.the)? ", line), (
                f"a sentence begins with a capital: {line}"
            )


SAID = [
    ("en", "student of", "university", "University of Toledo", "as a student of the University of Toledo."),
    ("en", "steady job at", "employer", "New York Times Company", "at the New York Times Company."),
    ("en", "graduated from {", "university", "Harvard University", "graduated from Harvard University."),
    ("en", "worked for", "employer", "Boeing", "worked for Boeing."),
    ("en", "helped", "employer", "TJX Companies", "helped the TJX Companies reach its goals"),
    ("fr", "diplômé", "university", "Georgia Institute of Technology", "du Georgia Institute of Technology."),
    ("fr", "a étudié", "university", "College of Wooster", "a étudié au College of Wooster."),
    ("fr", "bibliothèque", "university", "University of Maine", "à la bibliothèque de l'University of Maine."),
    ("fr", "bibliothèque", "university", "Oregon State University", "à la bibliothèque d'Oregon State University."),
    ("fr", "a travaillé", "employer", "Boeing", "a travaillé chez Boeing."),
    ("fr", "a travaillé", "employer", "Mayo Clinic", "a travaillé à la Mayo Clinic."),
    ("fr", "grâce", "employer", "Coca-Cola Company", "grâce à la Coca-Cola Company."),
    ("fr", "service", "employer", "New York Times Company", "au service de la New York Times Company."),
    ("ko", "에 다녔다", "university", "University of Utah", "University of Utah에 다녔다."),
]  # fmt: skip


@pytest.mark.parametrize(("language", "line", "attribute", "value", "said"), SAID)
def test_a_value_is_said_as_its_language_says_it(
    language: str, line: str, attribute: str, value: str, said: str
) -> None:
    plan = small("bioS_multilingual")
    spec, world = plan.recipe.sources["biographies"], plan.worlds["people"]
    (text, *_) = [one for one in spec.sets[language].lines(attribute) if line in one.text]
    column = world.fields[attribute].format[0]
    rows = {column.slot: column.values.index(value)}
    program = pieces(text, scope_of(Cast(world), PRONOUN, language), "")
    assert said in "".join(piece.texts.rows[rows.get(piece.slot, 0)] for piece in program)


def test_spans_of_the_library_hold_values_as_answers_have_them() -> None:
    plan = small("bioS_multilingual")
    source = plan.sources["biographies"]
    item, exposure = np.divmod(np.arange(5000), 10)
    documents = source.documents(item, exposure, spans=True)
    start, length, label = documents.spans.values.T
    first = np.repeat(documents.tokens.offsets[:-1], documents.spans.lengths) + start
    for name in ("university", "employer"):
        mine = np.flatnonzero(label == source.labels.index(name))
        ids = [documents.tokens.values[at : at + n].tolist() for at, n in zip(first[mine], length[mine], strict=True)]
        known = {str(value) for value in source.world.fields[name].format[0].values}
        assert {text.strip() for text in plan.tokenizer.decode_all(ids)} <= known
        assert len(mine) == 5000
