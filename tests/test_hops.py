"""Hops: what a reader who knows nothing but the lines makes of documents; who, what and in which words, how often."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise, permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from pipeline.core.documents import ROLES, Documents
from pipeline.core.errors import PipelineError
from pipeline.core.files import library
from pipeline.core.key import Key
from pipeline.core.table import Column, Strings
from pipeline.plan.plan import Plan
from pipeline.shard.shard import make_shard
from pipeline.sources.reasoning import hops
from pipeline.sources.reasoning.hops import Hops, HopsSpec
from pipeline.sources.source import Context
from pipeline.text.expressions import Program
from pipeline.text.pieces import Piece
from pipeline.text.render_and_encode import Rendered
from pipeline.text.tokenizer import Tokenizer
from tests.encoders import tokenizer
from tests.plans import plan_at, plan_of, usual
from tests.reference.hops import Document, Reader, answer

BACKGROUND = (library("recipes") / "values/background/en.txt").read_text().splitlines()
LIBRARY = ("one_hop", "two_hops", "one_hop_40", "two_hops_40")
HOPS = {"one_hop": 1, "two_hops": 2, "one_hop_40": 1, "two_hops_40": 2}
HOPS |= {"far": 5, "tagged": 2, "worded": 2, "city": 2, "slow": 2}  # of OWN

# Long chains, tags, another attribute whose values are not equally likely, few people, and what takes the slow path: an
# expression of too many combinations.
OWN = """\
extends: multi_hop
worlds:
  people:
    groups: {few: [0.5, 0.5002]}
    attributes: {birth_city: {kind: choice, file: values/people/us_cities.txt, weights: zipf}}
sources:
  far: {extends: one_hop, hops: 5, people: 2, sentences: 3, paraphrases: fresh}
  tagged: {extends: two_hops, tag: <quiz.example>, mask: [tag, prompt]}
  worded: {extends: two_hops, tag: {text: "It says here:"}, only: few, sentences: 7}
  city:
    extends: two_hops
    attribute: birth_city
    templates:
      year: ["Home is {{ birth_city }} for {{ name }}.", "{{ name }} comes from {{ birth_city }}."]
      same: ["{{ other_name }} is from where {{ name }} is from.", "{{ name }} is at home where {{ other_name }} is."]
      question: ["Which place is home to {{ name }}? | {{ birth_city }}.", "So {{ name }} is from | {{ birth_city }}."]
  slow:
    extends: two_hops
    templates:
      year: ["{{ name }} came in {{ birth_year }}{{ '.' if name.first ~ name.last ~ birth_year else '' }}"]
      same: ["{{ name }} came with {{ other_name }}."]
      question: ["{{ name }} came in | {{ birth_year }}."]
"""


@cache
def own() -> Plan:
    with TemporaryDirectory() as folder:
        return plan_at(Path(folder) / "own.yaml", OWN)


def plan_for(name: str, *overrides: str) -> Plan:
    """The plan that has a source, with overrides where it is one of the library's."""
    return plan_of("multi_hop", *overrides) if name in LIBRARY else own()


def source_of(name: str, *overrides: str) -> Hops:
    source = plan_for(name, *overrides).sources[name]
    assert isinstance(source, Hops)
    return source


def spec_of(name: str, *overrides: str) -> HopsSpec:
    spec = plan_for(name, *overrides).recipe.sources[name]
    assert isinstance(spec, HopsSpec)
    return spec


def reader_of(name: str, *overrides: str) -> Reader:
    lines = dict(spec_of(name, *overrides).known)
    if name == "city":
        return Reader(lines, "birth_city", r"[^?]+, [A-Z]{2}")
    return Reader({**lines, "year": ["{{ name }} came in {{ birth_year }}."]} if name == "slow" else lines)


@cache
def read(name: str, count: int, turn: int = 0, *overrides: str) -> tuple[Document, ...]:
    """The first documents of a source at an exposure, as they are read."""
    plan, source, spec = plan_for(name, *overrides), source_of(name, *overrides), spec_of(name, *overrides)
    items = np.arange(count)
    told = texts(plan, source.documents(items, np.full_like(items, turn), spans=False))
    tag = (spec.tag.token or f" {spec.tag.text}") if spec.tag else ""
    assert all(text.startswith(tag) for text in told)
    reader = reader_of(name, *overrides)
    return tuple(reader.read(text.removeprefix(tag)) for text in told)


def ids_of(documents: Documents) -> list[np.ndarray]:
    """The tokens of each document, without its end token."""
    offsets = documents.tokens.offsets
    return [documents.tokens.values[a : b - 1] for a, b in pairwise(offsets.tolist())]


def texts(plan: Plan, documents: Documents) -> list[str]:
    """What documents say, without their end tokens."""
    assert (documents.tokens.values[documents.tokens.offsets[1:] - 1] == plan.tokenizer.eos).all()
    return list(plan.tokenizer.decode_all([ids.tolist() for ids in ids_of(documents)]))


def unsurprising(counts: Sequence[int] | np.ndarray, law: np.ndarray | None = None) -> bool:
    """Whether counts are as likely as their law (uniform) has them, by chi-square, within five standard deviations."""
    observed = np.asarray(counts, float)
    expected = observed.sum() * (np.full(observed.shape, 1 / observed.size) if law is None else law)
    assert expected.min() > 5, "too few for a test"
    freedom = observed.size - 1
    return bool(abs(((observed - expected) ** 2 / expected).sum() - freedom) < 5 * np.sqrt(2 * freedom))


# ── what is told ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "hops"), HOPS.items())
def test_the_answer_follows_from_so_many_sentences_and_from_none_of_the_others(name: str, hops: int) -> None:
    """A reader who misses one of those sentences cannot tell; one who misses any other sentence still can."""
    for document in read(name, 4096 if name in ("one_hop", "two_hops") else 300)[:60]:
        assert answer(document.facts, document.asked) == document.answer
        needed = 0
        for i in range(len(document.facts)):
            without = answer([*document.facts[:i], *document.facts[i + 1 :]], document.asked)
            assert without in (None, document.answer)
            needed += without is None
        assert needed == hops


@pytest.mark.parametrize("name", [*LIBRARY, "far", "worded", "city"])
def test_a_document_has_a_sentence_a_person_all_distinct_and_its_background(name: str) -> None:
    spec = spec_of(name)
    for document in read(name, 300):
        kinds = Counter(fact.kind for fact in document.facts)
        grid = {"year": spec.people, "same": spec.people * (spec.hops - 1), "": spec.sentences}
        assert kinds == {kind: n for kind, n in grid.items() if n}
        people = document.people()
        assert len(set(people)) == len(people)
        led = [fact.what for fact in document.facts if fact.kind == "same"]
        assert len(set(led)) == len(led), "a bijection between groups"
        assert set(led) <= set(people) - {document.asked}
        assert len(set(document.background())) == spec.sentences
        assert set(document.background()) <= set(BACKGROUND)


@pytest.mark.parametrize("name", ["two_hops", "worded"])
def test_people_are_those_of_the_world_and_the_group_and_the_individual_is_whom_is_asked_about(name: str) -> None:
    source, items = source_of(name), np.arange(200)
    world, grid = plan_for(name).worlds["people"], source.grid(items)
    group = range(50_000, 50_020) if name == "worded" else range(100_000)
    assert set(grid.reshape(-1).tolist()) <= set(group)
    for document, people, asked in zip(read(name, 300), grid, source.individuals(items), strict=False):
        names = [str(world.values(person)["name"]) for person in people.reshape(-1).tolist()]
        assert sorted(names) == sorted(document.people())
        assert str(world.values(int(asked))["name"]) == document.asked


def test_rows_have_the_prompt_and_the_answer_that_a_reader_finds() -> None:
    plan = plan_of("multi_hop", "sources.one_hop.instances=200")
    for name in LIBRARY:
        reader, columns = reader_of(name), make_shard(plan, name, 0).columns
        prompts, answers, topics = (strings(columns[of]) for of in ("prompt", "answer", "question"))
        assert len(prompts) == 200
        assert set(topics) == {{1: "1 hop", 2: "2 hops"}[HOPS[name]]}
        rows = zip(columns["input_ids"], columns["length"], columns["loss_mask"], prompts, answers, strict=True)
        for ids, length, mask, prompt, said in rows:
            document = reader.read(f"{prompt} {said}")
            assert f"{answer(document.facts, document.asked)}." == said
            told = [plan.tokenizer.decode(ids[:length][mask[:length] == loss]) for loss in (0, 1)]
            assert told == [f" {prompt}", f" {said}{plan.tokenizer.eos_token}"]
            assert not mask[length:].any()


def strings(column: Column) -> list[str]:
    assert isinstance(column, Strings)
    return [column.bytes[a:b].tobytes().decode() for a, b in pairwise(column.offsets.tolist())]


# ── words and tokens ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", usual(["gpt2", "cl100k", "o200k", "qwen2"], "gpt2"))
@pytest.mark.parametrize("name", ["two_hops_40", "worded", "city"])
def test_tokens_are_those_of_the_text_encoded_whole(name: str, kind: str) -> None:
    context = Context(plan_for(name).worlds, tokenizer(kind), Key.root(0))
    source, items = Hops(spec_of(name), context), np.arange(100)
    assert source.longest, "it takes the fast path"
    told = ids_of(source.documents(items, items % 3, spans=False))
    again = tokenizer(kind).encode(list(tokenizer(kind).decode_all([ids.tolist() for ids in told])))
    assert all(np.array_equal(ids, encoded) for ids, encoded in zip(told, again, strict=True))


@pytest.mark.parametrize("name", ["one_hop", "tagged", "worded", "city", "two_hops_40"])
def test_the_slow_path_tells_the_same_tokens_spans_and_parts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, spec = plan_for(name), spec_of(name)

    def slow(programs: Sequence[Program], tokenizer: Tokenizer, slots: int, prefix: Piece | None) -> object:
        return Rendered(tuple(map(tuple, programs)), tokenizer, prefix), ["slow"]

    monkeypatch.setattr(hops, "compile_programs", slow)
    monkeypatch.setattr(hops, "sample_mean", lambda source: source.exposures)  # which would take seconds
    other = Hops(spec, Context(plan.worlds, plan.tokenizer, Key.root(plan.recipe.seed).child("sources", name)))
    assert other.notices == ("slow",)
    items = np.arange(40)
    one, two = (source.documents(items, items % 2, spans=True, parts=True) for source in (source_of(name), other))
    assert alike(one, two)


def alike(one: Documents, two: Documents) -> bool:
    """Whether documents are the same to the last span."""
    pairs = [(getattr(one, of), getattr(two, of)) for of in ("tokens", "spans", "parts")]
    return all(np.array_equal(a.values, b.values) and np.array_equal(a.offsets, b.offsets) for a, b in pairs)


def test_what_cannot_be_proved_takes_the_slow_path_with_a_notice() -> None:
    assert "slow path" in source_of("slow").notices[0]
    assert source_of("slow").longest is None
    assert not any(source_of(name).notices for name in HOPS if name != "slow")


@pytest.mark.parametrize("name", ["two_hops_40", "tagged", "worded", "slow"])
def test_parts_are_the_tag_one_prompt_and_the_answer(name: str) -> None:
    plan, source = plan_for(name), source_of(name)
    documents = source.documents(np.arange(60), np.zeros(60, np.int64), spans=False, parts=True)
    assert documents.parts is not None
    tag = {"tagged": "<quiz.example>", "worded": " It says here:"}.get(name, "")
    parts = documents.parts.values.reshape(60, len(source.roles), 3).tolist()
    for document, of_document, ids in zip(read(name, 300), parts, ids_of(documents), strict=False):
        told = [(ROLES[role], plan.tokenizer.decode(ids[start : start + size])) for start, size, role in of_document]
        assert told[-1] == ("answer", f" {document.answer}.")
        assert told[:-2] == ([("tag", tag)] if tag else [])
        assert told[-2][0] == "prompt"
        assert "".join(text for _, text in told) == plan.tokenizer.decode(ids)


def test_nothing_is_told_of_no_items() -> None:
    none = np.empty(0, np.int64)
    documents = source_of("tagged").documents(none, none, spans=True, parts=True)
    assert documents.parts is not None
    assert (len(documents), len(documents.parts)) == (0, 0)


def test_spans_are_the_names_and_the_values_that_are_shown() -> None:
    plan, source = plan_for("two_hops_40"), source_of("two_hops_40")
    documents = source.documents(np.arange(100), np.zeros(100, np.int64), spans=True)
    assert documents.spans is not None
    rows = np.split(documents.spans.values, documents.spans.offsets[1:-1])
    for document, ids, spans in zip(read("two_hops_40", 300), ids_of(documents), rows, strict=False):
        shown = [(source.labels[label], plan.tokenizer.decode(ids[a : a + n])) for a, n, label in spans.tolist()]
        years = [fact.what for fact in document.facts if fact.kind == "year"]
        assert sorted(text for label, text in shown if label == "birth_year") == sorted(
            f" {year}" for year in [*years, document.answer]
        )
        assert {text.strip() for label, text in shown if label == "name"} == set(document.people())


@pytest.mark.parametrize("name", [*LIBRARY, "far", "tagged", "worded", "city"])
def test_the_expected_length_is_the_mean_and_the_longest_is_never_passed(name: str) -> None:
    source = source_of(name)
    items = np.arange(len(source))
    lengths = source.documents(items, items, spans=False).tokens.lengths
    few = 20 if name == "worded" else len(source)  # the names of twenty people are not those of all
    assert abs(lengths.mean() - float(source.mean_tokens)) < 5 * lengths.std() / np.sqrt(few)
    assert source.longest is not None
    assert lengths.max() <= source.longest


def test_the_longest_document_is_as_long_as_it_says(tmp_path: Path) -> None:
    plan = plan_at(tmp_path / "r.yaml", REFUSED.replace("SPEC", "people: 4, sentences: 2"))
    source = plan.sources["ask"]
    items = np.arange(10)
    assert source.documents(items, items, spans=False).tokens.lengths.max() == source.longest


# ── draws ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow  # multi_hop in the golden files fixes these draws
def test_answers_and_all_other_values_are_uniform_over_the_years_and_independent() -> None:
    for name in ("one_hop", "two_hops"):
        documents = read(name, 4096)
        years = [[int(fact.what) - 1950 for fact in document.facts if fact.kind == "year"] for document in documents]
        assert unsurprising(np.bincount([int(document.answer) - 1950 for document in documents], minlength=60))
        assert unsurprising(np.bincount(np.array(years).reshape(-1), minlength=60))
        pairs = np.array(years)[:, :2] // 6
        assert unsurprising(np.bincount(pairs[:, 0] * 10 + pairs[:, 1], minlength=100))


@pytest.mark.slow  # multi_hop in the golden files fixes these draws
def test_values_follow_the_law_of_their_attribute() -> None:
    cities = spec_values("birth_city")
    counts = Counter(document.answer for document in read("city", 4096))
    law = np.array([1 / rank for rank in range(1, len(cities) + 1)])
    rest = sum(counts[city] for city in cities[100:])
    assert unsurprising(
        [*(counts[city] for city in cities[:100]), rest], np.array([*law[:100], law[100:].sum()]) / law.sum()
    )


def spec_values(attribute: str) -> list[str]:
    return list(own().recipe.worlds["people"].attributes[attribute].values)  # type: ignore[union-attr, arg-type]


def test_everybody_is_as_likely_in_every_place_and_no_two_are_the_same() -> None:
    grid = source_of("worded").grid(np.arange(4096)).reshape(-1, 6) - 50_000
    assert (np.diff(np.sort(grid, axis=1)) > 0).all()
    for place in range(6):
        assert unsurprising(np.bincount(grid[:, place], minlength=20))
    pairs = [20 * a + b for a in range(20) for b in range(20) if a != b]
    for one, two in ((0, 5), (2, 3), (4, 1)):
        assert unsurprising(np.bincount(20 * grid[:, one] + grid[:, two], minlength=400)[pairs])


@pytest.mark.slow  # multi_hop in the golden files fixes these draws
def test_links_and_who_is_asked_about_are_uniform() -> None:
    """The people of each group in the order of their names: which is linked to which, and which is asked about."""
    links: Counter[tuple[int, ...]] = Counter()
    asked = np.zeros(3, int)
    for document in read("two_hops", 4096):
        first = sorted(fact.who for fact in document.facts if fact.kind == "year")
        last = sorted((fact.who, fact.what) for fact in document.facts if fact.kind == "same")
        links[tuple(first.index(what) for _, what in last)] += 1
        asked[[who for who, _ in last].index(document.asked)] += 1
    assert unsurprising([links[order] for order in permutations(range(3))])
    assert unsurprising(asked)
    ranks = [sorted(document.people()).index(document.asked) for document in read("one_hop", 4096)]
    assert unsurprising(np.bincount(ranks, minlength=5))


@pytest.mark.slow  # multi_hop in the golden files fixes these draws
@pytest.mark.parametrize(("name", "count"), [("two_hops", 4096), ("two_hops_40", 1500)])
def test_the_sentences_on_the_way_stand_anywhere(name: str, count: int) -> None:
    places = []
    for document in read(name, count):
        by_name = {fact.who: i for i, fact in enumerate(document.facts) if fact.kind}
        places.append((by_name[document.asked], by_name[document.facts[by_name[document.asked]].what]))
    one, two = np.array(places).T
    assert unsurprising(np.bincount(one, minlength=len(document.facts)))
    assert unsurprising(np.bincount(two, minlength=len(document.facts)))
    assert unsurprising([(one < two).sum(), (two < one).sum()])


@pytest.mark.slow  # multi_hop in the golden files fixes these draws
def test_background_sentences_are_equally_likely_each_and_by_pairs() -> None:
    documents = [document.background() for document in read("two_hops_40", 1500)]
    lines, n = len(BACKGROUND), len(documents)
    counts = Counter(line for background in documents for line in background)
    share = 40 / lines
    error = sum((counts[line] - n * share) ** 2 for line in BACKGROUND) / (n * share * (1 - share))
    assert abs(error - lines) < 5 * np.sqrt(2 * lines)
    first = Counter(background[0] for background in documents)
    assert unsurprising([first[line] for line in BACKGROUND])
    both = sum(BACKGROUND[3] in background and BACKGROUND[-9] in background for background in documents)
    share = 40 * 39 / (lines * (lines - 1))
    assert abs(both - n * share) < 5 * np.sqrt(n * share)


@pytest.mark.parametrize(("name", "count"), [("two_hops_40", 1500), ("far", 1500)])
@pytest.mark.slow  # multi_hop in the golden files fixes these draws
def test_wordings_are_equally_likely_and_independent_of_each_other(name: str, count: int) -> None:
    documents, lines = read(name, count), spec_of(name).known
    year, same = ([fact.line for d in documents for fact in d.facts if fact.kind == kind] for kind in ("year", "same"))
    for kind, told in (("year", year), ("same", same), ("question", [document.line for document in documents])):
        assert unsurprising(np.bincount(told, minlength=len(lines[kind])))
    pairs, width = np.array(same[: len(same) // 2 * 2]).reshape(-1, 2), len(lines["same"])
    assert unsurprising(np.bincount(pairs[:, 0] * width + pairs[:, 1], minlength=width * width))


# ── items and exposures ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["two_hops", "far", "slow"])
def test_a_document_does_not_depend_on_the_others_that_are_asked_for(name: str) -> None:
    source, count = source_of(name), 300 if name == "slow" else 10_000  # more than one chunk
    item, exposure = np.arange(count) % len(source), np.arange(count) // 7
    order = np.random.default_rng(0).permutation(count)
    together = source.documents(item, exposure, spans=True, parts=True).take(order)
    apart = [source.documents(item[o], exposure[o], spans=True, parts=True) for o in np.split(order, [1, 1, 50])]
    assert alike(together, Documents.concat(apart))


def test_items_are_different_instances() -> None:
    assert len({document.instance() for document in read("two_hops", 600)}) == 600


def test_an_exposure_tells_the_same_in_another_order_with_other_background_and_in_fresh_words() -> None:
    pairs = list(zip(read("far", 1500), read("far", 1500, 1), strict=True))
    assert all(one.instance() == two.instance() for one, two in pairs)
    said = [two.wordings()[who] == line for one, two in pairs for who, line in one.wordings().items() if who]
    assert abs(np.mean(said) - 1 / 10) < 5 * np.sqrt(0.1 * 0.9 / len(said)), "each wording is drawn anew, out of ten"
    assert sum(one.people() == two.people() for one, two in pairs) < 5, "ten sentences have 3,628,800 orders"
    both = [len({*one.background()} & {*two.background()}) for one, two in pairs]
    expected = 3 * 3 / len(BACKGROUND)
    assert abs(np.mean(both) - expected) < 5 * np.sqrt(expected / len(both))


def test_fixed_words_come_again_in_another_order_with_other_background() -> None:
    assert source_of("two_hops_40").exposures == 1
    assert source_of("far").exposures is None
    pairs = list(zip(read("two_hops_40", 300), read("two_hops_40", 300, 7), strict=False))
    for one, two in pairs:
        assert one.instance() == two.instance()
        assert one.wordings() == two.wordings()
        assert set(one.background()) != set(two.background())
    assert np.mean([one.people() == two.people() for one, two in pairs]) < 0.03


def test_each_stream_is_left_alone_by_what_changes_another() -> None:
    room = [f"splits.{name}.packing.length=1024" for name in LIBRARY]
    plain, later = read("two_hops", 600)[:200], read("two_hops", 200, 5)
    longer = read("two_hops", 200, 0, "sources.one_hop.sentences=40", *room)
    assert [(one.instance(), one.wordings()) for one in plain] == [(one.instance(), one.wordings()) for one in longer]
    fresh = read("two_hops", 200, 5, "sources.one_hop.paraphrases=fresh")
    assert [one.wordings() for one in fresh] != [one.wordings() for one in later]
    assert [(one.instance(), one.people()) for one in fresh] == [(one.instance(), one.people()) for one in later]
    years = read("two_hops", 200, 0, "worlds.people.attributes.birth_year.last=1960")
    assert [(one.people(), one.wordings()) for one in plain] == [(one.people(), one.wordings()) for one in years]
    assert {one.answer for one in years} == {str(year) for year in range(1950, 1961)}


# ── what is refused, and what is in the library ─────────────────────────────────────────────────────────────────────

REFUSED = """worlds:
  people:
    size: 8
    attributes:
      name: {kind: name, pools: {first: [Al, Bo, Cy], last: [Dunn, Ek, Fry]}}
      year: {kind: integer, first: 1950, last: 2009}
      city: {kind: choice, values: [Rome, Oslo]}
    groups: {few: [0, 0.5]}
  things: {size: 3, attributes: {year: {kind: integer, first: 1, last: 9}}}
sources:
  ask: {extends: base, SPEC}
  base:
    kind: hops
    world: people
    instances: 10
    hops: 2
    people: 3
    attribute: year
    templates:
      year: ["{{ name }}: {{ year }}."]
      same: ["{{ name }} as {{ other_name }}."]
      question: ["{{ name }}? | {{ year }}."]
    background: [It rains., It pours.]
splits: {exam: {mixture: {ask: {}}}}
"""


@pytest.mark.parametrize(
    ("spec", "place", "problem", "remedy"),
    [
        ("attribute: yaer", "attribute", "no attribute 'yaer'", "'year'"),
        ("attribute: name", "attribute", "goes with the name", "share"),
        ("world: things", "world", "no attribute of kind name", ""),
        ("world: peple", "world", "no world 'peple'", "'people'"),
        ("only: none", "only", "no group 'none'", "few"),
        ("people: 5", "people", "10 people are needed, and there are 8", "Lower"),
        ("only: few, people: 3", "people", "6 people are needed, and there are 4", "group larger"),
        ("sentences: 3", "sentences", "3 different background sentences are needed, and there are 2", "background"),
        ("sentences: 1, background: null", "sentences", "there are 0", "background"),
        ("background: nowhere.txt", "background.file", "no file 'nowhere.txt'", "Looked in"),
        ("background: [It rains., It rains.]", "background", "stands twice", "Remove"),
        ("hops: 0", "hops", "greater than or equal to 1", ""),
        ("language: xx", "language", "no language 'xx'", "en"),
        ("mask: [hint]", "mask.0", "no part of these documents is of the role hint", "prompt, answer"),
        ("templates: {year: []}", "templates.year", "no template", "at least one"),
        ("templates: {same: ['{{ name }} {{ name }}', '{{ name }} {{ name }}']}", "templates.same", "stands twice", ""),
        ("templates: {year: ['{{ name }} | {{ year }}']}", "templates.year.0", "1 bars in a line of year", "no bar"),
        ("templates: {question: ['{{ name }}, {{ year }}']}", "templates.question.0", "0 bars", "prompt | answer"),
        ("templates: {question: ['{{ name }} | ']}", "templates.question.0", "nothing beside", "prompt | answer"),
        ("templates: {year: ['{{ name }} {{ yeer }}']}", "templates.year.0", "no attribute 'yeer'", "'year'"),
        ("templates: {year: ['{{ name }}.']}", "templates.year.0", "{{ year }} is missing", "follows"),
        ("templates: {year: ['{{ name.last }} {{ year }}.']}", "templates.year.0", "{{ name }} is missing", "follows"),
        ("templates: {same: ['{{ name }}.']}", "templates.same.0", "{{ other_name }} is missing", "follows"),
        ("templates: {question: ['Who? | {{ year }}.']}", "templates.question.0", "{{ name }} is missing", "follows"),
        ("templates: {question: ['{{ name }} | {{ city }}.']}", "templates.question.0", "{{ year }} is missing", ""),
        ("templates: {same: ['{{ name }} {{ other_name }} {{ year }}']}", "templates.same.0", "{{ year }} has no place",
         "hop"),
        ("templates: {same: ['{{ name }} {{ other_name }} {{ other_year + 1 }}']}", "templates.same.0",
         "{{ other_year }} has no place", "hop"),
        ("templates: {question: ['{{ name }}, {{ year % 10 }} | {{ year }}']}", "templates.question.0",
         "{{ year }} has no place", "hop"),
        ("templates: {year: ['{{ name }} {{ year }} {{ other_name }}']}", "templates.year.0",
         "{{ other_name }} has no place", "hop"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_place_the_problem_and_a_remedy(
    tmp_path: Path, spec: str, place: str, problem: str, remedy: str
) -> None:
    with pytest.raises(PipelineError) as refusal:
        plan_at(tmp_path / "r.yaml", REFUSED.replace("SPEC", spec))
    error = refusal.value
    assert error.place == f"{tmp_path}/r.yaml:11: sources.ask.{place}"
    assert problem in error.problem
    assert remedy in error.remedy


def test_lines_of_a_kind_are_missed_where_there_is_more_than_one_hop(tmp_path: Path) -> None:
    text = REFUSED.replace("      same:", "      sane:").replace("SPEC", "hops: HOPS, people: 4")
    with pytest.raises(PipelineError, match=r"sources\.ask\.templates: no templates for 'same'\. Did you mean 'sane'"):
        plan_at(tmp_path / "r.yaml", text.replace("HOPS", "2"))
    plan_at(tmp_path / "r.yaml", text.replace("HOPS", "1").replace("  hops: 2", "  hops: 1"))


def test_a_line_of_a_file_is_refused_with_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "told").mkdir()
    for kind, lines in {"year": "{{ name }}: {{ year }}.\n{{ year }}!\n", "same": "", "question": "{{ name }}"}.items():
        (tmp_path / "told" / f"{kind}.j2").write_text(lines)
    with pytest.raises(PipelineError, match=r"told/year\.j2:2: \{\{ name \}\} is missing"):
        plan_at(tmp_path / "r.yaml", REFUSED.replace("SPEC", "templates: told"))


def test_the_whole_of_a_small_world_can_be_told(tmp_path: Path) -> None:
    source = plan_at(tmp_path / "r.yaml", REFUSED.replace("SPEC", "people: 4, sentences: 2")).sources["ask"]
    assert isinstance(source, Hops)
    assert (np.sort(source.grid(np.arange(10)).reshape(10, -1)) == np.arange(8)).all()


def test_the_background_of_the_library_names_nobody_and_no_number() -> None:
    pools = [library("recipes") / f"values/people/{pool}_names.txt" for pool in ("first", "middle", "last")]
    names = {name for pool in pools for name in pool.read_text().split()}
    assert len(set(BACKGROUND)) == len(BACKGROUND) >= 150
    for line in BACKGROUND:
        assert re.fullmatch(r"[A-Z][a-z', -]+\.", line), line
        assert line.split()[0].strip(",") not in names, line
