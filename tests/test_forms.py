"""Forms: other ways to say a value, such as with its article, which is a word around it and no part of it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.key import Key
from pipeline.inspect.report import marginals
from pipeline.plan.plan import Plan
from pipeline.recipe.json_schema import schema
from pipeline.recipe.writing import dump
from pipeline.shard.shard import make_shard
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.source import Context
from pipeline.text.fields import Column
from pipeline.text.fragments import Fragments
from pipeline.text.pieces import words_around
from tests.encoders import tokenizer
from tests.plans import plan_at
from tests.reference.biographies import differences, row

WORLD = """
seed: 3
tokenizer: gpt2
worlds:
  people:
    size: 400
    attributes:
      name:
        kind: name
        pools:
          first: [Ann, Bob, Cleo, Dan, Eve, Finn, Gil, Hal]
          second: [Ox, Quill, Rook, Sand, Tull, Urn, Vane]
          last: [Abel, Birk, Carp, Dunn, Ely, Fry, Gray, Holm]
      pronoun: {kind: pronoun}
      place:
        kind: choice
        values: [Bronx, Oslo, Elbe, Orne, Arno]
        forms:
          the: [the Bronx, "", the Elbe, the Orne, the Arno]
          The: [The Bronx, "", The Elbe, The Orne, The Arno]
          own: [the Bronx's, Oslo's, the Elbe's, the Orne's, the Arno's]
        translations:
          fr: {forms: {le: [le Bronx, "", l'Elbe, les Ornes, les Arnos]}}
          ko: {values: [브롱크스, 오슬로, 엘베, 오른, 아르노], forms: {to: ["", "", 엘베강, 오른강, 아르노강]}}
      river: {kind: lookup, of: place, values: [East, Aker, Elbe, Orne, Arno], forms: {the: [the East, "", "", "", ""]}}
      moons: {kind: integer, first: 0, last: 3, forms: {words: [no moons, one moon, two moons, three moons]}}
sources:
  told:
    kind: biographies
    world: people
    paraphrases: fresh
    permutations: fresh
    templates: &en
      place:
        - "{{ subject }} comes from {{ place.the }}."
        - "{{ place.The }} knows {{ object }}."
        - "{{ subject }} likes {{ place.own }} air."
        - "{{ place.the | upper }} is home to {{ object }}."
      river: ["{{ subject }} swims in {{ river.the }} and {{ place.the }}."]
      moons: ["{{ subject }} saw {{ moons.words }}{% if moons > 1 %} at once{% endif %}."]
  wrong: {extends: told, mistakes: {corrected: 0.4, silent: 0.3, sentences: [place, moons]}}
  world:
    extends: told
    translations:
      fr:
        share: 0.4
        templates:
          place:
            - "{{ subject }} vient {{ place.le | contract('de') }}."
            - "{{ subject }} va {{ place.le | contract('à') }}, ou vit {{ place.le | contract('chez') }}."
          river: ["{{ subject }} nage à {{ river }}."]
          moons: ["{{ subject }} a vu {{ moons }} lune{% if moons > 1 %}s{% endif %}."]
      ko:
        share: 0.2
        templates:
          place: ["{{ subject }}{{ particle('은', '는') }} {{ place.to | josa('으로', '로') }} 갔다."]
          river: ["{{ river }}."]
          moons: ["{{ moons }}."]
  who: {kind: questions, world: people, templates: {of: ["Who comes from {{ place.the }}? | {{ name }}."]}}
splits:
  train:
    mixture: {told: {exposures: 2}, wrong: {exposures: 2}, world: {exposures: 2}, who: {exposures: 1}}
    packing: {method: rows, length: 160}
    columns: [spans, probes]
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan_at(tmp_path_factory.mktemp("forms") / "r.yaml", WORLD)


def told(plan: Plan, name: str, exposure: int = 0) -> list[tuple[str, list[tuple[str, str]]]]:
    """Of each document its text, and its spans as (attribute, text)."""
    source = plan.sources[name]
    item = np.arange(len(source))
    made = source.documents(item, np.full(len(item), exposure), spans=True)
    found = []
    for i in item.tolist():
        ids, spans = row(made.tokens, i)[:-1], row(made.spans, i)
        text, *values = plan.tokenizer.decode_all([ids, *(ids[at : at + n] for at, n, _ in spans)])
        labels = (source.labels[label] for *_, label in spans)
        found.append((text, list(zip(labels, values, strict=True))))
    return found


# ── how values are said ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_form_says_each_value_its_own_way(plan: Plan) -> None:
    text = " ".join(document for document, _ in told(plan, "told") + told(plan, "told", 1))
    assert set(re.findall(r"comes from (.*?)\.", text)) == {"the Bronx", "Oslo", "the Elbe", "the Orne", "the Arno"}
    assert set(re.findall(r"(?:\.|^) ([^.]*?) knows", text)) >= {"The Bronx", "Oslo", "The Elbe"}
    assert set(re.findall(r"likes (.*?) air", text)) == {f"the {x}'s" for x in ["Bronx", "Elbe", "Orne", "Arno"]} | {
        "Oslo's"
    }
    assert "THE BRONX is home" in text
    assert " OSLO is home" in text
    assert set(re.findall(r"swims in (.*?)\.", text)) == {
        "the East and the Bronx", "Aker and Oslo", "Elbe and the Elbe", "Orne and the Orne", "Arno and the Arno"
    }  # fmt: skip
    assert set(re.findall(r"saw (.*?)\.", text)) == {"no moons", "one moon", "two moons at once", "three moons at once"}


def test_a_language_has_forms_of_its_own_with_or_without_a_translation(plan: Plan) -> None:
    documents = [document for turn in range(5) for document in told(plan, "world", turn)]
    text = " ".join(document for document, _ in documents)
    assert set(re.findall(r"vient (.*?)\.", text)) == {"du Bronx", "d'Oslo", "de l'Elbe", "des Ornes", "des Arnos"}
    assert set(re.findall(r"va (.*?), ou vit (.*?)\.", text)) == {
        ("au Bronx", "au Bronx"), ("à Oslo", "chez Oslo"), ("à l'Elbe", "à l'Elbe"),
        ("aux Ornes", "aux Ornes"), ("aux Arnos", "aux Arnos"),
    }  # fmt: skip
    assert set(re.findall(r"[은는] (\S+) 갔다", text)) == {
        "브롱크스로",
        "오슬로로",
        "엘베강으로",
        "오른강으로",
        "아르노강으로",
    }


@pytest.mark.parametrize("name", ["told", "wrong", "world"])
def test_tokens_spans_and_parts_are_those_of_the_reference(plan: Plan, name: str) -> None:
    assert not any("slow path" in notice for notice in plan.sources[name].notices)
    assert isinstance(plan.sources[name]._renderer, Fragments)
    assert differences(plan, name, 150) == {"tokens": [], "spans": [], "parts": []}


def test_the_slow_path_says_the_same(plan: Plan) -> None:
    letters = tokenizer("letters")
    for name in ("told", "world"):
        source = Biographies(plan.recipe.sources[name], Context(plan.worlds, letters, Key.root(7)))
        assert "slow path" in source.notices[0]
        slow = replace(plan, tokenizer=letters, sources={name: source})
        assert differences(slow, name, 60) == {"tokens": [], "spans": [], "parts": []}


# ── where the value is ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_words_around_a_value_are_none_of_it(plan: Plan) -> None:
    seen: Counter[tuple[str, str]] = Counter()
    for turn in range(3):
        for text, spans in told(plan, "told", turn):
            seen.update(spans if " home to " not in text else [])
            loud = re.search("(THE )?([A-Z]{4,5}) is home to ", text)
            assert not loud or ("place", f" {loud[2]}") in spans
    assert {said for label, said in seen if label == "place"} == {" Bronx", " Oslo", " Elbe", " Orne", " Arno"}
    assert {said for label, said in seen if label == "river"} == {" East", " Aker", " Elbe", " Orne", " Arno"}
    french = {span for text, spans in told(plan, "world", 1) for span in spans if "vient" in text or " va " in text}
    assert {said.strip() for label, said in french if label == "place"} == {
        "Bronx", "Oslo", "Elbe", "Ornes", "Arnos"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("the Bronx", "Bronx", (4, 0)),
        ("Bronx", "Bronx", (0, 0)),
        ("Bronxissa", "Bronx", (0, 4)),
        ("d'Oslo même", "Oslo", (2, 5)),
        ("the Hague", "Den Haag", (0, 0)),
        ("the he", "he", (4, 0)),
        ("THE BRONX!", "Bronx", (4, 1)),
        ("the University of the Pacific", "University of the Pacific", (4, 0)),
    ],
)
def test_where_a_value_stands_in_a_form_of_it(text: str, value: str, expected: tuple[int, int]) -> None:
    assert words_around(text, value) == expected
    form = Column(1, (value,)).form([text])
    assert form.texts.rows == (text,)
    assert form.margin is not None
    assert form.margin.at(0) == expected
    assert Column(1, (value,)).form([""]).texts.rows == (value,)


def test_a_probe_reads_the_value_off_the_word_before_it(plan: Plan) -> None:
    columns = make_shard(plan, "train", 0).columns
    probes, ids = columns["probes"], np.asarray(columns["input_ids"])
    label = plan.sources["told"].labels.index("place")
    sequence = np.repeat(np.arange(len(ids)), np.diff(probes.offsets))
    before = Counter()
    fields = (probes.fields[name].tolist() for name in ("attribute", "position", "first_token"))
    for at, attribute, position, first in zip(sequence.tolist(), *fields, strict=True):
        if attribute == label:
            said, word = plan.tokenizer.decode_all([[first], [int(ids[at, position])]])
            before[word.strip(), said.strip()] += 1
    assert before["the", "Bron"] + before["the", "Bronx"] > 20
    assert not any(said.lower() in ("the", "le", "du", "au") for _, said in before)


def test_a_wrong_value_is_said_in_its_own_form(plan: Plan) -> None:
    forms = {"the Bronx", "Oslo", "the Elbe", "the Orne", "the Arno"}
    wrong: set[str] = set()
    for text, spans in told(plan, "wrong"):
        assert set(re.findall(r"comes from (.*?)\.", text)) <= forms
        assert set(re.findall(r"saw (.*?)\.", text)) <= {
            "no moons", "one moon", "two moons at once", "three moons at once"
        }  # fmt: skip
        wrong |= {said for label, said in spans if label == "(wrong)"}
    assert {" Bronx", " Oslo", " Elbe", " one moon", " no moons"} <= wrong
    assert " the Bronx" not in wrong


def test_the_report_reads_a_value_in_all_its_forms(plan: Plan) -> None:
    made = report(plan, "told")
    read = {part.attribute: part.spans for part in made.parts}
    assert (read["moons"], made.unread.get("moons")) == (400, None), "three moons, which nothing but the form says"
    assert (read["river"], made.unread.get("river")) == (400, None)


def report(plan: Plan, name: str) -> marginals.Marginals:
    """The values that a source tells, as the report counts them."""
    source = plan.sources[name]
    item = np.arange(len(source))
    documents = source.documents(item, item, spans=True)
    start, length, label = documents.spans.values.T
    spans = marginals.Spans()
    first = np.repeat(documents.tokens.offsets[:-1], documents.spans.lengths)
    marginals.count(spans, documents.tokens.values, first + start, length, label)
    return marginals.marginals(source.world, ["en"], spans, source.labels, plan.tokenizer, "(wrong)")


# ── values without the form that a sentence asks for ────────────────────────────────────────────────────────────────

BARE = """
worlds:
  w:
    size: 6
    attributes:
      name: {kind: name, pools: {first: [Ada, Bo, Cy], last: [Ek, Fox]}}
      place: {kind: choice, values: [Oslo, Bronx]}
      moons: {kind: integer, first: 1, last: 2}
sources:
  s:
    kind: biographies
    world: w
    full_name: all
    templates:
      place: ["{{ name }} went to {{ place.the }} ({{ place.The | upper }}) with {{ moons.a }} moons."]
splits: {train: {mixture: {s: {exposures: 1}}}}
"""


def test_an_article_of_which_values_have_no_form_says_them_as_they_are_and_the_plan_says_so(tmp_path: Path) -> None:
    plan = plan_at(tmp_path / "r.yaml", BARE)
    source = plan.sources["s"]
    tokens = source.documents(np.arange(6), np.zeros(6, np.int64), spans=False).tokens
    for i in range(6):
        value = source.world.values(i)
        expected = (
            f" {value['name']} went to {value['place']} ({str(value['place']).upper()}) with {value['moons']} moons."
        )
        assert plan.tokenizer.decode(tokens.slice(i, i + 1).values) == expected + "<|endoftext|>"
    notices = [str(notice) for group, _, notice in plan.notices if group == "sources"]
    assert [notice.split(",")[0] for notice in notices] == [
        "'place' has no form 'the'",
        "'place' has no form 'The'",
        "'moons' has no form 'a'",
    ]
    formed = BARE.replace("values: [Oslo, Bronx]", 'values: [Oslo, Bronx], forms: {the: ["", the Bronx], The: []}')
    notices = [str(notice) for group, _, notice in plan_at(tmp_path / "r.yaml", formed).notices if group == "sources"]
    assert [notice.split(",")[0] for notice in notices] == ["'moons' has no form 'a'"]


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("place.the }}.", "place.teh }}.", r"there is no part 'teh'\. Did you mean 'the'\? .*forms: \{teh: …\}"),
        ("place.le |", "place.the_ |", r"there is no part 'the_'\. It can be: le, number"),
        (
            '[the Bronx, "", the',
            "[the Bronx, the",
            r"r\.yaml:\d+: .*forms\.the: 4 texts of a form of 5 values\. Give one",
        ),
        ('[le Bronx, ""', '[le Bronx, "", ""', r"translations\.fr\.forms\.le: 6 texts of a form of 5 values"),
        ("[no moons, one moon", "[no moons, no moons", r"moons\.forms\.words: '0' and '1' are both written 'no moons'"),
        (
            "the Elbe, the Orne, the",
            "the Elbe, the Elbe, the",
            r"forms\.the: 'Elbe' and 'Orne' are both written 'the Elbe'",
        ),
        ('The: [The Bronx, ""', 'number: [The Bronx, ""', r"forms\.number: values have a part 'number' already"),
        ('[the Bronx, ""', '[the Bronx, " "', r"forms\.the: value ' ' .* is empty, padded or broken"),
        ('the: [the East, "", "", "", ""]', "the: none.txt", r"river\.forms\.the\.file: no file 'none\.txt'"),
        ("fr: {forms: {le: [le Bronx", "fr: {froms: {le: [le Bronx", "unknown key. Did you mean 'forms'"),
        ("contract('de')", "contract('en')", "contract takes de, à or chez, not 'en'"),
    ],
)
def test_forms_that_cannot_be_said_are_refused(before: str, after: str, problem: str, tmp_path: Path) -> None:
    assert before in WORLD
    with pytest.raises(PipelineError, match=problem) as refused:
        plan_at(tmp_path / "r.yaml", WORLD.replace(before, after, 1))
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


def test_an_empty_list_says_all_values_as_they_are(tmp_path: Path) -> None:
    text = WORLD.replace('the: [the Bronx, "", the Elbe, the Orne, the Arno]', "the: []")
    plan = plan_at(tmp_path / "r.yaml", text)
    assert set(re.findall(r"comes from (.*?)\.", " ".join(one for one, _ in told(plan, "told")))) == {
        "Bronx", "Oslo", "Elbe", "Orne", "Arno"
    }  # fmt: skip


def test_the_resolved_recipe_and_the_schema_hold_forms(plan: Plan, tmp_path: Path) -> None:
    again = plan_at(tmp_path / "resolved.yaml", dump(plan.portable_recipe(), "resolved"))
    assert again.fingerprint == plan.fingerprint
    assert told(again, "world") == told(plan, "world")
    described = schema()["$defs"]
    for spec in ("ChoiceSpec", "LookupSpec", "IntegerSpec", "TranslationSpec"):
        assert any("forms" in of["properties"] for name, of in described.items() if name.endswith(spec)), spec


def test_forms_of_a_file_and_of_a_column_are_read_in_the_order_of_the_values(tmp_path: Path) -> None:
    (tmp_path / "said.tsv").write_text("place\tthe\nBronx\tthe Bronx\nOslo\t\nElbe\tthe Elbe\nOrne\t\nArno\t\n")
    text = WORLD.replace('the: [the Bronx, "", the Elbe, the Orne, the Arno]', "the: {file: said.tsv, column: the}")
    plan = plan_at(tmp_path / "r.yaml", text)
    assert set(re.findall(r"comes from (.*?)\.", " ".join(one for one, _ in told(plan, "told")))) == {
        "the Bronx", "Oslo", "the Elbe", "Orne", "Arno"
    }  # fmt: skip
