"""Questions and statements: the whole text rendered and encoded, every answer computed anew, and who is asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from pipeline.core.documents import ROLES, Documents
from pipeline.core.errors import PipelineError
from pipeline.core.files import library
from pipeline.plan.plan import Plan
from pipeline.shard.shard import make_shard
from pipeline.sources.knowledge.questions import Questions
from pipeline.text.render_and_encode import Rendered
from tests.plans import KINDS, plan_at, plan_of, usual
from tests.reference.questions import ANSWERS, Asked, Person, members, people, questions

FILES = {path.stem: path for path in library("recipes").rglob("*.yaml")}
GOLDEN = str(Path(__file__).parent / "golden/small.yaml")
INDIVIDUALS = 100  # of each source, each asked every question


def asks(recipe: str) -> bool:
    """Whether a recipe, or one that it extends, has questions or statements."""
    text = FILES[recipe].read_text()
    base = re.search(r"^extends: (\w+)$", text, re.MULTILINE)
    return "kind: questions" in text or "kind: statements" in text or (base is not None and asks(base[1]))


# Lines with a hint and without one, with filters and a bar that is none, about one and about two; marks and tags as
# tokens and as text; an expression of too many combinations (the years), which takes the slow path; another language.
OWN = """\
extends: bioS_french
worlds: {people: {size: 700}}
sources:
  biographies: null
  plain:
    kind: questions
    world: people
    only: p_test
    paraphrases: 3
    templates:
      later:
        - "Born later than {{ other_name }}, is {{ name }}? | {{ birth_date.month }}. | LATER."
        - "{{ name }} and {{ other_name }}: was the one born later than the other? | LATER!"
        - "Is {{ name.last }} later? | {{ birth_date.day }}, {{ other_birth_date.day }}; {{ other_major }} | LATER."
      major:
        - '{{ name.last | upper }}{{ " | " | trim }} STUDIED | {{ major | upper }}!'
        - "{% if pronoun == 'she' %}She{% else %}He{% endif %} is {{ name }}. | A {{ major | lower }}; | so {{ major }}"
  tagged: {extends: plain, only: null, tag: <quiz.example>, paraphrases: fresh, mask: [tag]}
  worded: {extends: plain, tag: {text: "From a quiz:"}, questions: [major]}
  hinted: {extends: tagged, hints: {rate: 0.3}}
  spoken: {extends: worded, hints: {rate: 0.75, hinted: {text: "Think first."}, direct: {text: "At once."}}}
  slow: {extends: plain, templates: {years: ["Is {{ name }} younger than {{ other_name }}? | YOUNGER."]}}
  slow_hinted: {extends: hinted, templates: {years: ["{{ name }}, {{ other_name }}? | {{ birth_date }} | YOUNGER."]}}
  slow_spoken: {extends: spoken, questions: null, templates: {years: ["{{ name }}, {{ other_name }}? | YOUNGER."]}}
  told:
    kind: statements
    world: people
    paraphrases: fresh
    templates:
      city: ["{{ birth_city }} saw {{ name }} born.", "{{ birth_city }}: {{ name }}, {{ pronoun }} ({{ major }})"]
      both: ["{{ birth_city }} for {{ name }}, {{ other_birth_city }} for {{ other_name }}."]
  told_tagged: {extends: told, tag: {text: "It is true:"}}
  french:
    kind: questions
    world: people
    language: fr
    templates:
      jour: ["Quel jour, {{ name }} ? | {{ major }} | le {{ birth_date }}."]
      ville: ["Où {% if pronoun == 'she' %}est-elle née{% else %}est-il né{% endif %} ? | À {{ birth_city }}"]
"""
OWN += "splits: {train: {mixture: {biographies: null, plain: {exposures: 1}}}}\n"
LATER = "{% if birth_date.month_number > other_birth_date.month_number %}Yes{% else %}No{% endif %}"
YOUNGER = "{% if birth_date.year > other_birth_date.year %}Yes{% else %}No{% endif %}"
RELATED = ("companies", "kin_reversal", "kin_two_hop")  # their groups and answers: test_relations.py
CASES = [*(recipe for recipe in KINDS if asks(recipe)), "own"]


@cache
def plan_for(case: str) -> Plan:
    if case != "own":
        alone = ["sources.biographies.sentences=[major]"] * (case not in RELATED)  # which nobody is asked for here
        return plan_of(case, *alone)
    with TemporaryDirectory() as folder:
        return plan_at(Path(folder) / "own.yaml", OWN.replace("LATER", LATER).replace("YOUNGER", YOUNGER))


def asking(plan: Plan) -> dict[str, Questions]:
    return {name: source for name, source in plan.sources.items() if isinstance(source, Questions)}


@dataclass(frozen=True)
class Told:
    """Documents of a source, and what the oracle makes of the same items and exposures."""

    plan: Plan
    name: str
    source: Questions
    item: np.ndarray
    documents: Documents
    asked: list[Asked]

    def ids(self, i: int) -> list[int]:
        tokens = self.documents.tokens
        return tokens.values[tokens.offsets[i] : tokens.offsets[i + 1]].tolist()

    def parts(self) -> list[list[tuple[str, str]]]:
        """Of each document: (role, decoded) of its parts."""
        parts, tokens = self.documents.parts, self.documents.tokens
        assert parts is not None
        document = np.repeat(np.arange(len(parts)), parts.lengths)
        begin = tokens.offsets[document] + parts.values[:, 0]
        texts = self.plan.tokenizer.decode_all(
            [tokens.values[a : a + n].tolist() for a, n in zip(begin, parts.values[:, 1], strict=True)]
        )
        found: list[list[tuple[str, str]]] = [[] for _ in range(len(parts))]
        for i, role, text in zip(document.tolist(), parts.values[:, 2].tolist(), texts, strict=True):
            found[i].append((ROLES[role], text))
        return found


@pytest.fixture(scope="module", params=usual(CASES, "own", "bioS_comparison"))
def told(request: pytest.FixtureRequest) -> list[Told]:
    """The documents of every source of a recipe that asks: of `INDIVIDUALS`, every question."""
    plan, rng, found = plan_for(request.param), np.random.default_rng(0), []
    for name, source in asking(plan).items():
        count = len(source.questions)
        individuals = rng.choice(len(source) // count, INDIVIDUALS, replace=False)
        item = (individuals[:, None] * count + np.arange(count)).reshape(-1)
        exposure = rng.integers(0, 9, item.size)
        documents = source.documents(item, exposure, spans=True, parts=True)
        oracle = list(questions(plan, name, item.tolist(), exposure.tolist()))
        found.append(Told(plan, name, source, item, documents, oracle))
    return found


# ── words and tokens ────────────────────────────────────────────────────────────────────────────────────────────────


def test_documents_are_token_for_token_the_rendered_and_encoded_text(told: list[Told]) -> None:
    for one in told:
        encoded = one.plan.tokenizer.encode([asked.text for asked in one.asked])
        for i, (asked, ids) in enumerate(zip(one.asked, encoded, strict=True)):
            assert one.ids(i) == [*ids.tolist(), one.plan.tokenizer.eos], (one.name, asked.text)


def test_parts_are_tag_prompt_hint_and_answer_in_order(told: list[Told]) -> None:
    for one in told:
        for asked, parts in zip(one.asked, one.parts(), strict=True):
            assert parts == [part for part in asked.parts if part[0]], (one.name, asked.text)
        assert {role for asked in one.asked for role, _ in asked.parts} - {""} <= set(one.source.roles)


def test_spans_are_the_tokens_of_the_values_that_are_shown(told: list[Told]) -> None:
    for one in told:
        spans = one.documents.spans
        assert spans is not None
        encodings = one.plan.tokenizer.encodings([asked.text for asked in one.asked])
        for i, (asked, encoding) in enumerate(zip(one.asked, encodings, strict=True)):
            expected = []
            for attribute, first, last in asked.values:
                inside = [t for t, (begin, end) in enumerate(encoding.offsets) if begin < last and end > first]
                expected.append([inside[0], len(inside), one.source.labels.index(attribute)])
            assert spans.values[spans.offsets[i] : spans.offsets[i + 1]].tolist() == expected, (one.name, asked.text)


def test_what_cannot_be_cut_takes_the_slow_path_with_a_notice_and_nothing_else_does() -> None:
    slow = {name for name, source in asking(plan_for("own")).items() if isinstance(source._renderer, Rendered)}
    assert slow == {"slow", "slow_hinted", "slow_spoken"}
    for name, source in asking(plan_for("own")).items():
        assert any("slow path" in notice for notice in source.notices) == (name in slow)


def test_every_question_of_the_library_takes_the_fast_path(told: list[Told]) -> None:
    assert all(one.source.longest for one in told if not one.name.startswith("slow"))


@pytest.mark.parametrize("name", ["hinted", "slow_spoken"])
def test_a_document_does_not_depend_on_the_others_that_are_asked_for(name: str) -> None:
    source = asking(plan_for("own"))[name]
    count = 20_000 if name == "hinted" else 2500  # more than one chunk
    item, exposure = np.arange(count) % len(source), np.arange(count) // 7
    order = np.random.default_rng(0).permutation(count)
    together = source.documents(item, exposure, spans=True, parts=True).take(order)
    apart = source.documents(item[order], exposure[order], spans=True, parts=True)
    for column in ("tokens", "spans", "parts"):
        assert np.array_equal(getattr(together, column).values, getattr(apart, column).values)
        assert np.array_equal(getattr(together, column).offsets, getattr(apart, column).offsets)


# ── truth ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_every_answer_of_the_library_is_right() -> None:
    """Of thousands of documents each; every template file has its entry in ANSWERS, and ties come up."""
    seen: set[str] = set()
    ties: set[tuple[str, str]] = set()
    for case in ("bioS_mixed_80", "bioS_retrieval", "bioS_classification", "bioS_comparison", "bioS_inverse"):
        plan = plan_for(case)
        for name, source in asking(plan).items():
            for asked, answer, (one, two) in answers(plan, name, source):
                assert answer == f" {ANSWERS[asked](one, two)}.", (asked, one, two)
                seen.add(asked)
                if asked.endswith("_ranking"):
                    of = {"month": "month", "day": "day", "major": "luck"}[asked.removesuffix("_ranking")]
                    ties |= {(asked, answer)} if getattr(one, of) == getattr(two, of) else set()
    assert ties == {("month_ranking", " No."), ("day_ranking", " No."), ("major_ranking", " No.")}
    files = (library("templates") / "question/en").rglob("*.j2")
    assert seen == {path.stem for path in files if path.parent.name not in ("kin", "kin_reversal", "career", "company")}


def answers(plan: Plan, name: str, source: Questions) -> Iterator[tuple[str, str, tuple[Person, Person]]]:
    """(question, answer as it was told, the two individuals), by the source's own account of its items."""
    item = np.arange(300 * len(source.questions), dtype=np.int64) + len(source) // 3
    documents = source.documents(item, item % 5, spans=False, parts=True)
    parts = Told(plan, name, source, item, documents, []).parts()
    people: dict[int, Person] = {}
    pairs = np.column_stack([source.individuals(item), source.others(item, item % 5)]).tolist()
    for individual in {person for pair in pairs for person in pair}:
        people[individual] = Person.of(source.world.values(individual))
    for topic, pair, told_parts in zip(source.topics(item), pairs, parts, strict=True):
        yield topic, dict(told_parts)["answer"], (people[pair[0]], people[pair[1]])


def test_an_item_is_an_individual_and_a_question(told: list[Told]) -> None:
    for one in told:
        assert one.source.individuals(one.item).tolist() == [asked.individual for asked in one.asked]
        assert one.source.topics(one.item) == [asked.question for asked in one.asked]
        spec = one.plan.recipe.sources[one.name]
        lines = [(name, line) for name in spec.questions or spec.templates for line in spec.templates[name]]
        group = people(one.source.world, members(one.plan, spec.world, spec.only), lines)
        assert len(one.source) == len(group) * len(spec.questions or spec.templates)
        last = np.array([len(one.source) - 1])
        assert one.source.individuals(last).tolist() == [group[-1]]


# ── who is asked about, with whom ───────────────────────────────────────────────────────────────────────────────────

PAIRS = """\
extends: GOLDEN
worlds: {people: {size: 15, groups: {few: [0.4, 0.8]}}}
sources:
  pairs: {kind: questions, world: people, only: few, paraphrases: fresh, templates: {
    one: ["{{ name }} or {{ other_name }}? | {{ name.first }}."], two: ["{{ name }}, {{ other_name }}? | No."]}}
splits:
  train: {mixture: {bios: null, pairs: {exposures: 4}}}
""".replace("GOLDEN", GOLDEN)


def test_second_individuals_are_uniform_over_the_others_of_the_group_and_fresh_at_each_exposure(tmp_path: Path) -> None:
    source = asking(plan_at(tmp_path / "r.yaml", PAIRS))["pairs"]
    turns, group = 3000, range(6, 12)
    item = np.repeat(np.arange(len(source)), turns)
    exposure = np.tile(np.arange(turns), len(source))
    one, two = source.individuals(item), source.others(item, exposure)
    assert set(one.tolist()) == set(two.tolist()) == set(group)
    assert not (one == two).any()
    by_item = two.reshape(len(source), turns)
    counts = np.array([[(row == other).sum() for other in group if other != first] for row, first in
                       zip(by_item, one[::turns], strict=True)])  # fmt: skip
    freedom = counts.size - len(counts)
    assert abs(((counts - turns / 5) ** 2 / (turns / 5)).sum() - freedom) < 5 * np.sqrt(2 * freedom)
    same_again = (by_item[:, 1:] == by_item[:, :-1]).mean(), (by_item[0::2] == by_item[1::2]).mean()
    error = np.sqrt(0.2 * 0.8 / by_item.size * 2)
    assert all(abs(share - 1 / 5) < 5 * error for share in same_again), "no exposure, no question repeats another"


@pytest.mark.parametrize(
    "recipe",
    usual([case for case in CASES[:-1] if case not in RELATED], "bioS_comparison", "bioS_mixed_80", "junk_domains"),
)
def test_a_question_of_p_test_never_stands_in_a_training_split_nor_the_other_way_round(recipe: str) -> None:
    plan = plan_for(recipe)
    trained: dict[str, set[int]] = {}
    examined: dict[str, set[int]] = {}
    for split in plan.splits.values():
        for name in split.sources:
            if name in asking(plan):
                source = asking(plan)[name]
                item = np.arange(len(source), dtype=np.int64)
                pairs = [source.others(item, item % 3 + turn) for turn in range(3) if source._cast.second]
                people = set(np.unique(np.concatenate([source.individuals(item), *pairs])).tolist())
                kept = examined if split.name == "exam" else trained
                kept.setdefault(source.world.name, set()).update(people)
    for world in trained.keys() & examined.keys():
        assert trained[world] == set(members(plan, world, "p_train"))
        assert examined[world] == set(members(plan, world, "p_test"))
    assert trained
    assert recipe == "junk_domains" or examined


ALONE = ("splits.train=null", "sources.biographies=null", "sources.comparison.questions=[day_ranking, major_ranking]")


def test_shards_of_an_exam_name_no_one_of_the_training_group() -> None:
    plan = plan_of("bioS_comparison", "worlds.people.size=60", *ALONE)
    names = {str(plan.worlds["people"].values(person)["name"]): person for person in range(60)}
    for split, group in (("finetune", range(30)), ("exam", range(30, 60))):
        texts = [
            plan.tokenizer.decode(make_shard(plan, split, k).columns["input_ids"].reshape(-1))
            for k in range(plan.splits[split].shards)
        ]
        assert {names[name] for name in names if any(name in text for text in texts)} == set(group)


# ── draws and lengths ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "rate"), [("hinted", 0.3), ("spoken", 0.75)])
def test_hints_are_told_at_their_rate_anew_at_each_exposure_where_there_is_one(name: str, rate: float) -> None:
    source = asking(plan_for("own"))[name]
    item, exposure = np.repeat(np.arange(len(source)), 60), np.tile(np.arange(60), len(source))
    line, hinted = source.choices(item, exposure)
    has_hint = np.array([one.hint >= 0 for one in source._lines])[line]
    assert has_hint.sum() > 1000
    assert not hinted[~has_hint].any()
    draws = hinted[has_hint]
    assert abs(draws.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / draws.size)
    both = hinted.reshape(-1, 2)[has_hint.reshape(-1, 2).all(1)].all(1)
    assert abs(both.mean() - rate**2) < 5 * np.sqrt(rate**2 * (1 - rate**2) / both.size)
    tokens = source.documents(item, exposure, spans=False).tokens.values
    marks = [plan_for("own").tokenizer.encode([mark])[0] for mark in {
        "hinted": ("<hint>", "<direct>"), "spoken": (" Think first.", " At once.")}[name]]  # fmt: skip
    found = [int((np.lib.stride_tricks.sliding_window_view(tokens, len(mark)) == mark).all(1).sum()) for mark in marks]
    assert found == [hinted.sum(), (has_hint & ~hinted).sum()]


def test_without_hints_no_question_has_its_hint_or_a_mark() -> None:
    source = asking(plan_for("own"))["plain"]
    item = np.arange(len(source), dtype=np.int64)
    parts = Told(
        plan_for("own"), "plain", source, item, source.documents(item, item, spans=False, parts=True), []
    ).parts()
    assert {tuple(role for role, _ in one) for one in parts} == {("prompt", "answer")}


def test_wordings_come_again_after_the_fixed_ones_and_never_where_they_are_fresh() -> None:
    plan = plan_for("own")
    fixed, fresh = asking(plan)["plain"], asking(plan)["hinted"]
    assert (fixed.exposures, fresh.exposures) == (3, None)
    item, turn = np.repeat(np.arange(600), 30), np.tile(np.arange(30), 600)
    line = fixed.choices(item, turn)[0].reshape(600, 10, 3)
    assert (line == line[:, :1]).all()
    line = fresh.choices(item, turn)[0].reshape(300, 2, 30)
    for question, lines in enumerate((range(3), range(3, 5))):
        counts = np.array([(line[:, question] == number).sum() for number in lines])
        assert counts.sum() == 9000
        assert ((counts - 9000 / len(lines)) ** 2 / (9000 / len(lines))).sum() < 30
    assert abs((line[:, 0, 1:] == line[:, 0, :-1]).mean() - 1 / 3) < 0.03


def test_the_expected_length_is_the_mean_over_items_and_exposures_and_the_longest_is_never_passed(
    told: list[Told],
) -> None:
    rng = np.random.default_rng(1)
    for one in told:
        slow = isinstance(one.source._renderer, Rendered)
        item = rng.integers(0, len(one.source), 1500 if slow else 20_000)
        lengths = one.source.documents(item, rng.integers(0, 50, item.size), spans=False).tokens.lengths
        samples = min(item.size, len(one.source)) if not slow else 1000  # a mean that is itself a sample
        assert abs(lengths.mean() - float(one.source.mean_tokens)) < 5 * lengths.std() / np.sqrt(samples), one.name
        assert one.source.longest is None if slow else lengths.max() <= one.source.longest, one.name


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = """\
extends: GOLDEN
worlds: {people: {groups: {one: [0, 0.05], half: [0, 0.5]}}}
sources:
  ask: {kind: questions, world: people, SPEC}
splits:
  train: null
  exam: {mixture: {ask: {exposures: 1}}, packing: {method: rows, length: 100}}
""".replace("GOLDEN", GOLDEN)


@pytest.mark.parametrize(
    ("spec", "at", "problem", "remedy"),
    [
        ("templates: {q: ['{{ name }}? | a | b | {{ city }}']}", "templates.q.0", "3 bars", "prompt | hint | answer"),
        ("templates: {q: [' | {{ city }}']}", "templates.q.0", "nothing beside", "prompt | answer"),
        ("templates: {q: ['{{ name }}? | ']}", "templates.q.0", "nothing beside", "prompt | answer"),
        ("templates: {q: ['{{ name }}? |  | {{ city }}']}", "templates.q.0", "nothing beside", "prompt | answer"),
        ("templates: {q: ['{{ name }}? |']}", "templates.q.0", "bar", "prompt | answer"),
        ("templates: {q: ['| {{ city }}']}", "templates.q.0", "bar", "prompt | answer"),
        ("templates: {q: ['{{ name }}?|{{ city }}']}", "templates.q.0", "bar", "prompt | answer"),
        ("templates: {q: ['{{ name }}? | {{ city }}', '{{ name }}.']}", "templates.q.1", "bar", "prompt | answer"),
        ("templates: {q: ['{{ name }}? | {{ other_town }}']}", "templates.q.0", "other_town", "other_"),
        ("templates: {q: ['{{ name }}? | b']}, hints: {rate: 0.5}", "hints", "has a hint", "prompt | hint | answer"),
        ("templates: {q: ['{{ name }}? | a | b']}, hints: {rate: 1.5}", "hints.rate", "less than or equal to 1", ""),
        ("templates: {q: ['{{ name }}? | a | b']}, hints: {direct: {}}", "hints.direct", "a token or a text", ""),
        ("templates: {q: ['{{ name }}? | b']}, questions: [qq]", "questions.0", "question 'qq'", "'q'"),
        ("templates: {q: ['{{ name }}? | b']}, questions: [q, q]", "questions", "stands twice", "Remove one"),
        ("templates: {q: ['{{ name }}? | b', '{{ name }}? | b']}", "templates.q", "stands twice", "Remove one"),
        ("templates: {}", "templates", "no templates", "at least one question"),
        ("templates: {q: ['{{ name }}? | b']}, only: halve", "only", "no group 'halve'", "'half'"),
        ("templates: {q: ['{{ name }}? | {{ other_name }}']}, only: one", "only", "group of two", "larger"),
        ("templates: {q: ['{{ name }}? | b']}, mask: [hint]", "mask.0", "hint", "It has: prompt, answer"),
        ("templates: {q: ['{{ name }}? | b']}, mask: [prompt, tag]", "mask.1", "tag", "It has: prompt, answer"),
        ("templates: {q: ['{{ name }}? | b']}, language: xx", "language", "no language 'xx'", "en"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_place_the_problem_and_a_remedy(
    tmp_path: Path, spec: str, at: str, problem: str, remedy: str
) -> None:
    with pytest.raises(PipelineError) as refusal:
        plan_at(tmp_path / "r.yaml", REFUSED.replace("SPEC", spec))
    error = refusal.value
    assert error.place == f"{tmp_path}/r.yaml:4: sources.ask.{at}"
    assert problem in error.problem
    assert remedy in error.remedy


def test_a_bar_in_a_statement_is_refused(tmp_path: Path) -> None:
    text = REFUSED.replace("questions", "statements").replace("SPEC", "templates: {q: ['{{ name }} | {{ city }}.']}")
    with pytest.raises(PipelineError, match=r"r\.yaml:4: sources\.ask\.templates\.q\.0: .*bar"):
        plan_at(tmp_path / "r.yaml", text)


def test_a_line_of_a_file_is_refused_with_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "asked").mkdir()
    (tmp_path / "asked" / "city.j2").write_text("Where is {{ name }}? | {{ city }}.\n{{ name }}? | a | b | c\n")
    with pytest.raises(PipelineError, match=r"asked/city\.j2:2: 3 bars"):
        plan_at(tmp_path / "r.yaml", REFUSED.replace("SPEC", "templates: asked"))
