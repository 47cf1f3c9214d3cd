"""Relations: who is related to whom and who points back; bits; paths in templates, questions and mistakes.

What is refused stands in refusals.yaml.
"""

from __future__ import annotations

import json
import pickle
import re
import tracemalloc
from collections import Counter
from fractions import Fraction
from itertools import islice, product
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipeline
from pipeline.core.errors import PipelineError, SpecError
from pipeline.core.key import Key
from pipeline.evaluate.capacity import measure
from pipeline.evaluate.scoring import score
from pipeline.plan import summary
from pipeline.plan.information import information_in
from pipeline.plan.plan import Plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from pipeline.sources.knowledge.biographies import Biographies
from pipeline.sources.knowledge.false_others import FalseOthers
from pipeline.sources.knowledge.questions import Questions
from pipeline.text.render_and_encode import Rendered
from pipeline.training.streams import of_plan
from pipeline.wordings.paraphrase.checking import Checker, Reason
from pipeline.wordings.paraphrase.frame import Frame
from pipeline.wordings.paraphrase.prompt import prompt
from pipeline.worlds.attributes.individual import IndividualSpec
from pipeline.worlds.knowledge import knowledge_of
from pipeline.worlds.relations.many_to_one import Drawn
from pipeline.worlds.relations.relation import NOBODY, Relation
from tests.conftest import built
from tests.plans import plan_at, plan_of
from tests.reference import biographies
from tests.reference import relations as oracle
from tests.test_worlds import excess

KEY = Key.root(0).child("relations")
SIZES = range(1, 61)


def relation(size: int, targets: int | None = None, key: Key = KEY, **keys: Any) -> Relation:
    """A relation of `size` individuals to those of their own world, or to `targets` of another one."""
    spec = IndividualSpec.model_validate({"kind": "individual", "of": "b" if targets else "a", **keys})
    return spec.relation(key, "a", {"a": size, "b": targets or 1})


def many(size: int) -> np.ndarray:
    return np.arange(size, dtype=np.int64)


# ── who is related to whom ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", SIZES)
def test_one_to_one_is_a_bijection_without_fixed_points_in_one_ring(size: int):
    if size == 1:
        with pytest.raises(SpecError, match="nobody else"):
            relation(1, map="one_to_one")
        return
    ring = relation(size, map="one_to_one")
    others = oracle.listed(ring)
    assert sorted(others) == list(range(size))
    assert all(other != item for item, other in enumerate(others))
    at, steps = others[0], 1
    while at:
        at, steps = others[at], steps + 1
    assert steps == size, "everybody is in the ring"
    assert [others[one] for one in ring.inverse(many(size)).tolist()] == list(range(size))
    assert ring.children(many(size)).tolist() == [oracle.pointing_to(others, one) for one in range(size)]


@pytest.mark.parametrize("size", SIZES)
def test_a_mutual_relation_pairs_everybody_and_refuses_an_odd_number(size: int):
    if size % 2:
        with pytest.raises(SpecError, match=f"{size} individuals are {size // 2} couples, and one is left"):
            relation(size, map="one_to_one", mutual=True)
        return
    pairs = relation(size, map="one_to_one", mutual=True)
    others = oracle.listed(pairs)
    assert all(others[other] == item != other for item, other in enumerate(others))
    assert pairs.inverse(many(size)).tolist() == others
    assert pairs.children(many(size)).tolist() == [[other] for other in others]


@pytest.mark.parametrize("size", SIZES)
def test_one_to_one_of_another_world_gives_each_its_own(size: int):
    for targets in {size, size + 1, 3 * size}:
        into = relation(size, targets, map="one_to_one")
        others = oracle.listed(into)
        assert len(set(others)) == size
        assert all(0 <= other < targets for other in others)
        back = into.inverse(many(targets)).tolist()
        assert back == [(oracle.pointing_to(others, one) or [NOBODY])[0] for one in range(targets)]
    if size > 1:
        with pytest.raises(SpecError, match=f"each of {size} individuals needs its own, and 'b' has {size - 1}"):
            relation(size, size - 1, map="one_to_one")


@pytest.mark.parametrize("size", SIZES)
def test_many_to_one_is_never_oneself_unless_it_may_be(size: int):
    assert all(0 <= other < 7 for other in oracle.listed(relation(size, 7)))
    if size > 1:
        for weights in ("uniform", "zipf", [0] * (size - 2) + [3, 1]):
            others = oracle.listed(relation(size, weights=weights))
            assert all(other != item and 0 <= other < size for item, other in enumerate(others))
    alone = [relation(size, key=KEY.child(n), oneself=True) for n in range(20)]
    assert any(other == item for one in alone for item, other in enumerate(oracle.listed(one)))
    with pytest.raises(ValueError, match="any number"):
        alone[0].children(many(size))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("roots", "children"), [(1, 2), (2, 3), (5, 2), (3, 7)])
def test_a_tree_has_no_circle_and_everybody_but_its_roots_a_parent_before(size: int, roots: int, children: int):
    if roots >= size:
        with pytest.raises(SpecError, match=f"{roots} of {size} individuals have no parent, so nobody has one"):
            relation(size, map="tree", roots=roots, children=children)
        return
    tree = relation(size, map="tree", roots=roots, children=children)
    others = oracle.listed(tree)
    depth = oracle.generations(others)
    assert others[:roots] == [NOBODY] * roots
    assert all(0 <= other < item for item, other in enumerate(others[roots:], roots))
    assert depth == sorted(depth), "generations stand one after the other"
    counts = Counter(others)
    assert all(counts[one] <= children for one in range(size))
    last = max(depth)
    assert all(counts[one] == children for one in range(size) if depth[one] + 1 < last), "complete generations"
    rows = tree.children(many(size)).tolist()
    for one, row in enumerate(rows):
        there = oracle.pointing_to(others, one)
        assert row == there + [NOBODY] * (children - len(there))
    for other in range(size + 1):
        reached = [item for item in range(size) if others[item] >= other]
        least = tree.least(other)
        assert least is not None
        assert all(others[item] >= other for item in range(least, size))
        assert least >= min(reached, default=0)


def test_nobodys_relation_changes_when_the_world_grows_but_where_it_is_a_bijection_of_it():
    few, more = many(50), 5_000
    for keys in ({"targets": 9_000, "map": "one_to_one"}, {"targets": 70}, {"targets": 70, "weights": "zipf"}):
        assert np.array_equal(relation(50, **keys)(few), relation(more, **keys)(few))
    for keys in ({"map": "tree", "roots": 3}, {"map": "tree", "roots": 7, "children": 5}):
        assert np.array_equal(relation(50, **keys)(few), relation(more, **keys)(few))
    for keys in ({"map": "one_to_one"}, {"map": "one_to_one", "mutual": True}, {}):
        assert not np.array_equal(relation(50, **keys)(few), relation(more, **keys)(few))


def test_an_individual_does_not_depend_on_those_asked_beside_it():
    for keys in (
        {"map": "one_to_one"}, {"map": "one_to_one", "mutual": True}, {"map": "tree", "roots": 9, "children": 3},
        {"weights": "zipf"}, {"targets": 40}, {"targets": 2_000, "map": "one_to_one"},
    ):  # fmt: skip
        made = relation(1_000, **keys)
        mixed = np.random.default_rng(0).permutation(1_000)
        assert np.array_equal(made(many(1_000))[mixed], made(mixed))


KEYS = 6_000  # relations that are drawn, each with its own key


@pytest.mark.parametrize(
    ("size", "targets", "keys", "maps"),
    [
        (5, None, {"map": "one_to_one"}, oracle.rings(5)),
        (6, None, {"map": "one_to_one", "mutual": True}, oracle.couples(6)),
        (3, 4, {"map": "one_to_one"}, oracle.injections(3, 4)),
        (4, None, {"map": "one_to_one", "oneself": True}, oracle.injections(4, 4)),
    ],
)
def test_every_map_is_equally_likely_and_bits_count_them(
    size: int, targets: int | None, keys: dict[str, Any], maps: list[tuple[int, ...]]
):
    drawn = Counter(tuple(relation(size, targets, KEY.child(n), **keys)(many(size)).tolist()) for n in range(KEYS))
    assert drawn.keys() == set(maps)
    counts = np.array(list(drawn.values()))
    assert excess(counts, KEYS / len(maps)) < 6
    assert relation(size, targets, **keys).bits == pytest.approx(log2(len(maps)), abs=1e-9)


@pytest.mark.parametrize("small", [Fraction(1, 10**9), Fraction(1, 10**40)])
def test_whoever_has_nearly_all_the_weight_draws_one_of_the_others(small: Fraction):
    relation = Drawn("it", 3, 3, Key.root(0), [1 - 3 * small, small, 2 * small], alone=True)
    drawn = [int(Drawn("it", 3, 3, Key.root(k), relation.weights, alone=True)(np.array([0]))[0]) for k in range(3000)]
    assert set(drawn) == {1, 2}
    assert abs(drawn.count(2) - 2000) < 5 * 26
    assert relation(np.arange(3)).tolist()[1:] == [0, 0]


def test_what_is_said_of_those_in_the_middle_of_a_path_is_stated(tmp_path: Path):
    name = "name: {kind: name, pools: {first: [Ada, Ben, Cleo, Dan], last: [Fox, Hunt, Ives, Judd]}}"
    text = f"""strict: true
worlds:
  people: {{size: 9, attributes: {{{name}, employer: {{kind: individual, of: firms}}}}}}
  firms: {{size: 5, attributes: {{{name}, seat: {{kind: individual, of: cities}}}}}}
  cities: {{size: 4, attributes: {{{name}}}}}
sources:
  it:
    kind: statements
    world: people
    templates: {{a: ["{{{{ name }}}}: {{{{ employer }}}}, {{{{ employer.seat }}}}."]}}
splits: {{train: {{mixture: {{it: {{exposures: 1}}}}}}}}
"""
    plan = plan_at(tmp_path / "r.yaml", text)
    assert [str(notice) for group, _, notice in plan.notices if group == "worlds"] == []
    firms = summary.of_split(plan, "train")["firms"]
    assert firms["value_bits"] == pytest.approx(2, abs=1e-4)  # log2 of four cities, for each firm that is named


def test_weights_say_how_often_each_is_drawn():
    drawn = relation(200_000, 4, weights=[4, 3, 2, 1])(many(200_000))
    assert excess(np.bincount(drawn, minlength=4), np.array([8e4, 6e4, 4e4, 2e4])) < 6
    ranks = np.bincount(relation(200_000, 3, weights={"zipf": 2})(many(200_000)))
    assert excess(ranks, 200_000 * np.array([36, 9, 4]) / 49) < 6
    own = np.array([relation(3, key=KEY.child(n), weights=[5, 3, 2])(many(3)) for n in range(KEYS)])
    assert excess(np.bincount(own[:, 0], minlength=3)[1:], KEYS * np.array([3, 2]) / 5) < 6
    assert excess(np.bincount(own[:, 2], minlength=3)[:2], KEYS * np.array([5, 3]) / 8) < 6


def test_bits_of_draws_are_their_entropy():
    for size in (2, 3, 7):
        assert relation(size, 5).bits == pytest.approx(size * log2(5), abs=1e-9)
        assert relation(size).bits == pytest.approx(size * log2(size - 1), abs=1e-9)
        assert relation(size, oneself=True).bits == pytest.approx(size * log2(size), abs=1e-9)
    for chances in oracle.all_weights([0, 1, 3], 3):
        weights = [int(chance * 12) for chance in chances]
        if any(Fraction(weight, sum(weights)) != chance for weight, chance in zip(weights, chances, strict=True)):
            continue
        expected = oracle.entropy_of_draws(9, chances, alone=False)
        assert relation(9, 3, weights=weights).bits == pytest.approx(expected, abs=1e-9)
        if 1 not in chances:
            expected = oracle.entropy_of_draws(3, chances, alone=True)
            assert relation(3, weights=weights).bits == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("size", "roots", "children"), [(8, 2, 3), (7, 2, 3), (4, 2, 3), (3, 1, 4), (9, 3, 2), (7, 1, 2)]
)
def test_bits_of_a_tree_are_those_of_its_generations(size: int, roots: int, children: int):
    expected = oracle.entropy_of_trees(size, roots, children)
    assert relation(size, map="tree", roots=roots, children=children).bits == pytest.approx(expected, abs=1e-9)


def test_a_hundred_million_individuals_are_asked_in_flat_memory():
    size = 10**8
    items = np.random.default_rng(1).integers(0, size, 8192)
    for keys in (
        {"map": "one_to_one"}, {"map": "one_to_one", "mutual": True}, {"map": "tree", "roots": 10}, {},
        {"targets": 2 * size, "map": "one_to_one"},
    ):  # fmt: skip
        relation(1_000, **keys)(many(1_000))  # kernels are there
        tracemalloc.start()
        made = relation(size, **keys)
        others = made(items)
        if made.most is not None:
            there = others >= 0
            assert (made.children(others[there]) == items[there, None]).any(axis=1).all()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * 2**20, keys
        assert made.bits > 10**8


# ── a world with relations ──────────────────────────────────────────────────────────────────────────────────────────

RECIPE = """\
seed: 3
worlds:
  people:
    size: 200
    groups: {roots: [0, 0.02], born: [0.02, 1], seen: [0.1, 0.6], unseen: [0.6, 1]}
    attributes:
      name: {kind: name, pools: {first: [Ann, Bo, Cy, Dee, Eve], last: {faker: last_name, count: 60}}}
      pronoun: {kind: pronoun}
      born: {kind: date, years: 9, days: 3}
      city: {kind: choice, values: [Rome, Oslo, The Hague, Washington D.C.], forms: {in: ["", "", the Hague, ""]}}
      mother: {kind: individual, of: people, map: tree, roots: 4}
      spouse: {kind: individual, of: people, map: one_to_one, mutual: true}
      employer: {kind: individual, of: companies, weights: zipf}
  companies:
    size: 12
    attributes:
      name: {kind: name, pools: {name: {faker: company, count: 30}}}
      field: {kind: choice, values: [tin, tea]}
      colour: {kind: lookup, of: field, values: [grey, green]}
      opened: {kind: integer, first: 1850, last: 1999}
      century: {kind: computed, value: opened // 100 + 1}
      code: {kind: codes, chunks: 2, diversity: 5, length: 2, vocabulary: 9, symbols: text}
      founder: {kind: individual, of: people, map: one_to_one}
      seat: {kind: individual, of: places}
  places:
    size: 3
    attributes: {river: {kind: choice, values: [Tiber, Thames, Seine, Spree]}}
sources:
  bios:
    kind: biographies
    world: people
    only: born
    full_name: all
    templates:
      city: ["{{ subject }} is from {{ city.in }}."]
      mother: ["{{ subject }} is the child of {{ mother }}, born in {{ mother.born.year }} in {{ mother.city.in }}."]
      employer: ["{{ name }} works for {{ employer }} ({{ employer.field | upper }}) of {{ employer.founder.city }}."]
      century: ["{{ name }} works in a {{ employer.colour }} house of the {{ employer.century }}th century."]
      code: ["{{ employer.code_1 }} is a password of {{ name }}."]
      river: ["{{ name }} works on the {{ employer.seat.river }}, {{ mother.employer.seat.river }}."]
  asked:
    kind: questions
    world: people
    paraphrases: fresh
    hints: {rate: 0.5}
    templates:
      one: ["Who is the mother of {{ name }}? | {{ mother }}."]
      two: ["Where was {{ name }}'s mother born? | {{ mother }}. | {{ mother.city }}.",
            "{{ name }}'s mother: born where? | {{ mother.name }}. | {{ mother.city.in }}"]
      three: ["Where was the founder of the employer of {{ name.first }} {{ name.last }}'s mother born? |
        {{ mother.employer }}, {{ mother.employer.founder }}. | {{ mother.employer.founder.city }}."]
      inverse: ["Whose spouse is {{ spouse }}? | {{ name }}."]
      older: ["Is {{ name }} older than {{ spouse.name.first }}? | {{ born.year }}; {{ spouse.born.year }}. |
        {% if born.year < spouse.born.year %}Yes{% else %}No{% endif %}."]
      pair: ["{{ name }} or {{ other_mother }}? | {{ other_mother.name.upper() }}; {{ other_name }}. |
        {{ other_name }}."]
  told:
    kind: statements
    world: companies
    templates:
      founder: ["{{ founder }} founded {{ name }}.", "{{ name }} was founded by {{ founder }} from {{ founder.city }}."]
splits:
  train: {mixture: {bios: {exposures: 2}, told: {exposures: 1}}, packing: {length: 256}, columns: [documents, spans]}
  exam: {mixture: {asked: {exposures: 1}}, packing: {method: rows, length: 64}, columns: [loss_mask, answers]}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan_at(tmp_path_factory.mktemp("kin") / "kin.yaml", RECIPE)


def test_a_path_question_is_what_the_facts_say_followed_one_by_one(plan: Plan):
    source = plan.sources["asked"]
    assert isinstance(source, Questions)
    assert len(source.questions) % 5, "all of them are among every fifth item"
    item = many(len(source))[::5]
    exposure = np.random.default_rng(0).integers(0, 9, item.size)
    documents = source.documents(item, exposure, spans=True, parts=True)
    line, hinted = (column.tolist() for column in source.choices(item, exposure))
    individual, other = source.individuals(item).tolist(), source.others(item, exposure).tolist()
    texts = [text for name in source.questions for text in plan.recipe.sources["asked"].templates[name]]
    world, marks = plan.worlds["people"], ("<direct>", "<hint>")
    for i in range(item.size):
        known = oracle.facts(world, individual[i])
        known |= {f"other_{name}": value for name, value in oracle.facts(world, other[i]).items()}
        prompt, *said = oracle.parts(texts[line[i]], known)
        if len(said) == 2:
            prompt += marks[hinted[i]]
        whole = prompt + "".join(said if hinted[i] else said[-1:])
        (ids,) = plan.tokenizer.encode([whole])
        first, last = documents.tokens.offsets[i : i + 2]
        assert documents.tokens.values[first:last].tolist() == [*ids.tolist(), plan.tokenizer.eos], whole


def test_answers_of_one_two_and_three_hops_are_the_value_at_the_end_of_the_path(plan: Plan):
    paths = {"one": "mother.name", "two": "mother.city", "three": "mother.employer.founder.city"}
    found: Counter[str] = Counter()
    for row in of_plan(plan, "exam"):
        if row["question"] in paths:
            value = oracle.followed(plan.worlds["people"], row["individual"], paths[row["question"]])
            assert row["answer"].lower().rstrip(".") == value.lower().rstrip("."), row
            found[row["question"]] += 1
    assert found == dict.fromkeys(paths, 196)


def test_only_those_who_have_all_on_the_way_are_asked_about(plan: Plan):
    source = plan.sources["asked"]
    assert isinstance(source, Questions)
    others = oracle.listed(plan.worlds["people"].relations["mother"])
    assert source.people == range(4, 200)
    assert [item for item, other in enumerate(others) if other < 0] == [0, 1, 2, 3]
    assert any(
        "4 of 200 individuals have not all on its paths: they are left out" in str(notice) for notice in source.notices
    )


def test_biographies_say_what_is_true_of_the_others_token_for_token(plan: Plan):
    source = plan.sources["bios"]
    assert isinstance(source, Biographies)
    item = many(len(source))
    documents = source.documents(item, np.zeros_like(item), spans=False)
    templates = plan.recipe.sources["bios"].templates
    order = ["city", "mother", "employer", "century", "code", "river"]
    assert source.sentences == order
    for i in item.tolist():
        known = oracle.facts(plan.worlds["people"], int(source.individuals(np.array([i]))[0]))
        known["subject"] = known["name"]
        whole = "".join(oracle.rendered(templates[sentence][0], known) for sentence in order)
        (ids,) = plan.tokenizer.encode([whole])
        first, last = documents.tokens.offsets[i : i + 2]
        assert documents.tokens.values[first:last].tolist() == [*ids.tolist(), plan.tokenizer.eos], whole


@pytest.mark.parametrize("name", ["bios", "asked", "told"])
def test_the_fast_path_and_the_slow_one_agree_and_lengths_are_known(plan: Plan, name: str):
    source = plan.sources[name]
    assert not source.rendered
    item = many(len(source))
    exposure = np.random.default_rng(1).integers(0, 5, item.size)
    fast = source.documents(item, exposure, spans=True, parts=True)
    slow = Rendered(tuple(source.programs), plan.tokenizer).documents(
        item.size, None, lambda chunk: source.outline(item[chunk], exposure[chunk]), spans=True, parts=True
    )
    assert np.array_equal(fast.tokens.values[: fast.tokens.offsets[-1]], slow.tokens.values[: slow.tokens.offsets[-1]])
    assert fast.spans is not None
    assert slow.spans is not None
    assert np.array_equal(fast.spans.values, slow.spans.values)
    lengths = fast.tokens.lengths
    assert np.array_equal(source.lengths(item, exposure), lengths)
    assert source.longest is not None
    assert lengths.max() <= source.longest


def test_a_path_has_a_label_of_its_own_and_a_name_that_of_its_relation(plan: Plan):
    source = plan.sources["bios"]
    documents = source.documents(many(3), np.zeros(3, np.int64), spans=True)
    assert documents.spans is not None
    first, last = documents.spans.offsets[:2]
    labels = [source.labels[label] for label in documents.spans.values[first:last, 2].tolist()]
    assert labels == [
        "name", "city", "name", "mother", "mother.born", "mother.city", "name", "employer", "employer.field",
        "employer.founder.city", "name", "employer.colour", "employer.century", "employer.code_1", "name", "name",
        "employer.seat.river", "mother.employer.seat.river",
    ]  # fmt: skip
    assert source.labels[: len(plan.worlds["people"].labels)] == plan.worlds["people"].labels


def test_expected_lengths_are_those_of_the_individuals_who_are_there(tmp_path: Path):
    text = (
        RECIPE.replace("size: 200\n", "size: 60000\n")
        .replace("count: 60", "count: 900")
        .replace("Eve]", "Eve, Flo, Gus]")
    )
    text = text.replace("last: {faker", "middle: [" + ", ".join(f"M{n}" for n in range(20)) + "], last: {faker")
    made = plan_at(tmp_path / "kin.yaml", text)
    source = made.sources["bios"]
    item = np.random.default_rng(2).integers(0, len(source), 20_000)
    lengths = source.documents(item, many(item.size), spans=False).tokens.lengths
    error = lengths.std() / np.sqrt(item.size)
    assert error < 0.04
    assert abs(lengths.mean() - float(source.mean_tokens)) < 5 * error


def test_a_plan_with_paths_is_pickled_slow_expressions_and_all(tmp_path: Path):
    text = RECIPE.replace("is from {{ city.in }}.", "is, as {{ mother.name ~ ' and ' ~ spouse }} say, from {{ city }}.")
    made = plan_at(tmp_path / "kin.yaml", text)
    assert made.sources["bios"].rendered
    again = pickle.loads(pickle.dumps(made))
    item = many(20)
    one, other = (p.sources["bios"].documents(item, item, spans=False).tokens for p in (made, again))
    assert np.array_equal(one.values, other.values)
    known = oracle.facts(made.worlds["people"], int(made.sources["bios"].individuals(item[:1])[0]))
    assert f"as {known['mother']} and {known['spouse']} say" in made.tokenizer.decode(one.values[: one.offsets[1]])


def test_values_of_one_individual_have_the_names_of_others(plan: Plan):
    world = plan.worlds["people"]
    values = world.values(17)
    mother = int(world.relations["mother"](np.array([17]))[0])
    assert values["mother"] == world.values(mother)["name"]
    assert world.values(0)["mother"] is None
    assert plan.worlds["companies"].values(0)["seat"] is None, "a place has no name"


GAPS = """\
worlds:
  people:
    size: 60
    attributes:
      name: {kind: name, pools: {first: [Ann, Bo, Cy, Dee, Eve, Flo, Gus],
        last: [Ek, Fox, Gil, Hay, Ito, Jay, Key, Lum, Moe]}}
      pronoun: {kind: pronoun}
      city: {kind: choice, values: [Rome, Oslo, Lima]}
      shoes: {kind: integer, first: 3, last: 9}
      mother: {kind: individual, of: people, map: tree, roots: 7}
      friend: {kind: individual, of: people, map: one_to_one}
sources:
  bios:
    kind: biographies
    world: people
    paraphrases: fresh
    templates:
      mother: ["{{ subject }} {{ verb('is', 'are') }} a child of {{ mother }}.", "{{ subject }} was born to {{ mother }}
        of {{ mother.city }}."]
      city: ["{{ subject }} lives in {{ city }}.", "{{ subject_possessive }} home is {{ city }}."]
      friend: ["{{ subject }} knows {{ friend }}.", "{{ subject }} likes {{ friend }} of {{ friend.city }}."]
      shoes: ["{{ subject }} wears {{ shoes }}."]
      name: ["This is about {{ name }}."]
    KEYS
splits: {train: {mixture: {bios: {exposures: 3}}, packing: {length: 128}}}
"""


@pytest.mark.parametrize("order", ["fixed", "fresh"])
@pytest.mark.parametrize("full_name", ["first", "all", "{after: 1}", "{after: 4}"])
def test_a_biography_leaves_out_the_sentence_about_somebody_who_is_not_there(
    tmp_path: Path, order: str, full_name: str
):
    sentences = "sentences: [mother, [city, shoes], friend]"
    keys = f"permutations: {order}, full_name: {full_name}, {sentences}".replace(", ", "\n    ", 2)
    made = plan_at(tmp_path / "r.yaml", GAPS.replace("KEYS", keys))
    source, world = made.sources["bios"], made.worlds["people"]
    assert isinstance(source, Biographies)
    item, exposure = np.tile(many(60), 3), np.repeat(many(3), 60)
    documents = source.documents(item, exposure, spans=True)
    assert documents.spans is not None
    told = list(biographies.biographies(made, "bios", item.tolist(), exposure.tolist()))
    for i, right in enumerate(told):
        ids, spans, _ = right.tokens(made.tokenizer)
        assert biographies.row(documents.tokens, i) == ids, right.text
        assert [(a, n, source.labels[label]) for a, n, label in biographies.row(documents.spans, i)] == spans
        rooted = bool(item[i] < 7)
        assert ("was born to" in right.text or "a child of" in right.text) is not rooted
        assert str(world.values(int(item[i]))["name"]) in right.text
    assert source.lengths(item, exposure).tolist() == documents.tokens.lengths.tolist()
    assert "7 of 60 individuals are not told 'mother', as they lack somebody" in map(str, source.notices)
    error = documents.tokens.lengths.std() / np.sqrt(180) * 2
    assert abs(documents.tokens.lengths.mean() - float(source.mean_tokens)) < 5 * error
    assert source.longest is not None
    assert documents.tokens.lengths.max() <= source.longest
    told_bits = information_in(made, "train", world)
    values = (full_name != "all") + log2(3) + log2(7)  # the pronoun, the city and the shoes
    assert told_bits.values == pytest.approx(values + sum(one.bits for one in world.relations.values()) / 60)


def test_a_tree_may_be_reached_by_another_step_in_a_biography(tmp_path: Path):
    keys = "sentences: [city, shoes, mother]\n    full_name: all"
    text = GAPS.replace("KEYS", keys).replace("child of {{ mother }}.", "child of {{ friend.mother }}.")
    text = text.replace("was born to {{ mother }}\n        of {{ mother.city }}.", "rests.")
    made = plan_at(tmp_path / "r.yaml", text)
    world, source = made.worlds["people"], made.sources["bios"]
    friend, mother = (world.relations[name](many(60)) for name in ("friend", "mother"))
    documents = source.documents(many(60), many(60) * 0, spans=False).tokens
    for one in range(60):
        text = made.tokenizer.decode(documents.values[documents.offsets[one] : documents.offsets[one + 1]])
        there = mother[friend[one]] >= 0
        assert ("a child of" in text or "rests." in text) == there
        if "a child of" in text:
            assert f"a child of {world.values(int(mother[friend[one]]))['name']}." in text


# ── bits ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_counts_the_bits_of_what_its_documents_tell_of_whom(plan: Plan):
    """Of people told of in biographies, as mothers and as founders, all of them by name: counted one by one."""
    people, companies = plan.worlds["people"], plan.worlds["companies"]
    mothers, founders = oracle.listed(people.relations["mother"]), oracle.listed(companies.relations["founder"])
    born = set(range(4, 200))
    named = born | set(mothers[4:]) | set(founders)
    bits = dict.fromkeys(named, 0.0)
    for person in named:
        bits[person] += 2 * (person in born or person in mothers[4:] or person in founders)  # the city
        bits[person] += sum(people.relations[name].bits / 200 for name in ("mother", "employer") if person in born)
        bits[person] += log2(9) * (person in mothers[4:])  # the year
    told = information_in(plan, "train", people)
    assert told.individuals == pytest.approx(len(named))
    assert told.values * told.individuals == pytest.approx(sum(bits.values()))
    assert told.bits == pytest.approx(sum(bits.values()) + len(named) * (log2(300) - log2(len(named))))
    firms = information_in(plan, "train", companies)
    assert firms.individuals == 12
    employers = {other for person, other in enumerate(oracle.listed(people.relations["employer"])) if person in born}
    century = -sum(n / 150 * log2(n / 150) for n in (50, 100))  # of 1850 … 1899, and 1900 … 1999
    values = len(employers) * (1 + century + 2 * log2(5)) / 12
    assert firms.values == pytest.approx(companies.relations["founder"].bits / 12 + values)
    known = knowledge_of(people)
    values = 1 + log2(12 * 3 * 9) + 2 + sum(relation.bits for relation in people.relations.values()) / 200
    assert known.values == pytest.approx(values)


def test_an_attribute_of_another_is_no_fact_about_the_subject(tmp_path: Path):
    text = RECIPE.replace("the child of {{ mother }}, born", "born")
    made = plan_at(tmp_path / "kin.yaml", text)
    people = made.worlds["people"]
    told = information_in(made, "train", people)
    founders = set(oracle.listed(made.worlds["companies"].relations["founder"]))
    named = 196 + len(founders & set(range(4)))
    assert told.individuals == named
    assert told.values * named == pytest.approx(2 * named + 196 * people.relations["employer"].bits / 200)


def test_what_is_told_of_others_by_name_is_not_missed(plan: Plan, tmp_path: Path):
    missed = {name: str(notice) for group, name, notice in plan.notices if group == "worlds"}
    assert missed["companies"].startswith("no document of any split states opened, seat.")
    assert "places" not in missed
    unnamed = RECIPE.replace("works for {{ employer }} (", "works for one (")
    made = plan_at(tmp_path / "kin.yaml", unnamed)
    missed = {name: str(notice) for group, name, notice in made.notices if group == "worlds"}
    assert missed["companies"].startswith("no document of any split states field, colour,")


def test_an_inverse_question_that_several_individuals_answer_is_noticed(tmp_path: Path):
    def noticed(prompt: str) -> list[str]:
        made = plan_at(tmp_path / "kin.yaml", RECIPE.replace("Whose spouse is {{ spouse }}?", prompt))
        found = [str(notice) for notice in made.sources["asked"].notices]
        return [re.findall("it is asked by (.*?) share", one)[0] for one in found if "may have several answers" in one]

    assert noticed("Whose spouse is {{ spouse }}?") == []
    assert noticed("Whose mother is {{ mother }}?") == ["'mother' alone, whom up to 2 individuals"]
    assert noticed("Who works for {{ employer }}?") == ["'employer' alone, whom any number of individuals"]
    grandmother = ["'mother.mother.spouse' alone, whom up to 4 individuals"]
    assert noticed("Whose grandmother is married to {{ mother.mother.spouse }}?") == grandmother
    assert noticed("Who, born in {{ born.year }}, works for {{ employer }}?") == []
    assert noticed("Who works for {{ employer }}, and is {{ spouse.spouse }}?") == []


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mistake_names_somebody_elses_mother_with_all_that_is_true_of_her(tmp_path: Path):
    text = RECIPE.replace(
        "    full_name: all\n", "    full_name: all\n    mistakes: {silent: 1, sentences: [mother]}\n"
    )
    made = plan_at(tmp_path / "kin.yaml", text)
    source, world = made.sources["bios"], made.worlds["people"]
    item = many(len(source))
    documents = source.documents(item, item, spans=True, parts=True)
    names = {str(world.values(person)["name"]): person for person in range(200)}
    wrong = source.labels.index("(wrong)")
    assert documents.spans is not None
    for i in item.tolist():
        first, last = documents.tokens.offsets[i : i + 2]
        ids = documents.tokens.values[first:last]
        spans = documents.spans.values[documents.spans.offsets[i] : documents.spans.offsets[i + 1]].tolist()
        said = {label: made.tokenizer.decode(ids[at : at + n]).strip() for at, n, label in spans}
        person, false = int(source.individuals(np.array([i]))[0]), names[said[wrong]]
        assert false not in (person, int(world.relations["mother"](np.array([person]))[0]))
        assert false >= 0
        assert said[source.labels.index("mother.city")].rstrip(".") == str(world.values(false)["city"]).replace(
            "The H", "the H"
        ).rstrip(".")


def test_a_wrong_individual_is_anybody_else_equally_often(plan: Plan):
    source = plan.sources["bios"]
    assert isinstance(source, Biographies)
    false = FalseOthers(source._cast, "employer")
    others = false.others(np.full(60_000, 50), np.random.default_rng(0).integers(0, 2**64, 60_000, np.uint64))
    true = int(plan.worlds["people"].relations["employer"](np.array([50]))[0])
    counts = np.bincount(others, minlength=12)
    assert counts[true] == 0
    assert excess(np.delete(counts, true), 60_000 / 11) < 6


# ── wordings by a language model ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("recipe", "source", "sentence", "shown", "line"),
    [
        ("kin_two_hop", "biographies", "mother", "mother", "{{ subject }} came to be a daughter of {{ mother }}."),
        ("companies", "people", "employer", "employer.the", "{{ subject }} earned a wage from {{ employer }}."),
        ("kin_reversal", "forward", "mother", "mother", "{{ name }} once lay in the arms of {{ mother }}, a mother."),
    ],
)
def test_lines_by_a_language_model_name_the_other_one(recipe: str, source: str, sentence: str, shown: str, line: str):
    frame = Frame.of(load(recipe), source, sentence, None)
    checker = Checker(frame, Fraction(1, 10))
    asked = prompt(frame, checker, [frame.asked(line.text) for line in frame.lines], 5, 0)
    (described,) = (line for line in asked.splitlines() if line.startswith(f"{{{{ {shown} }}}}: such as "))
    names = described.partition("such as ")[2].split("; ")
    pointed = np.unique(frame.world.relations[sentence](many(frame.world.size)))
    other = frame.world.other(sentence)
    rows = other.rows(pointed[pointed >= 0]).tolist()
    assert set(names) <= {other.fields["name"].text(dict(enumerate(row))) for row in rows}
    assert len(names) == 4
    assert f"{{{{ {shown} }}}}, once" in asked
    assert checker.refused(line) is None
    assert checker.refused(line.replace(f"{{{{ {sentence} }}}}", "another woman")) is Reason.SLOTS


# ── a built dataset ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def folder(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kin") / "data"
    built(plan, out)
    return out


def test_answers_along_paths_are_scored(folder: Path, tmp_path: Path):
    rows = list(pipeline.read(folder, "exam"))
    said = [{"prediction": f"{row['hint']} {row['answer']}" if row["hint"] else row["answer"]} for row in rows]
    for wrong in range(0, len(said), 4):
        said[wrong]["prediction"] = "Nobody."
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in said))
    scored = score(folder, "exam", tmp_path / "answers.jsonl")
    right = sum(prediction["prediction"] != "Nobody." for prediction in said)
    assert (len(rows), right) == (196 * 6, 196 * 6 * 3 // 4)
    assert scored.micro.correct == right


def test_capacity_is_measured_of_who_is_related_to_whom(plan: Plan, folder: Path):
    found = measure(folder, "train", lambda ids: np.zeros(ids.shape))
    people = plan.worlds["people"]
    assert found.attributes["mother"].bits == pytest.approx(people.relations["mother"].bits / 200)
    assert found.attributes["employer"].bits == pytest.approx(people.relations["employer"].bits / 200)
    assert found.not_stated == ("pronoun", "born", "spouse")
    relations = sum(people.relations[name].bits for name in ("mother", "employer")) / 200
    assert found.value_bits == pytest.approx(196 * (2 + relations))


def refused(tmp_path: Path, old: str, new: str) -> str:
    """What is said of the recipe with one text replaced, behind its place."""
    assert old in RECIPE
    with pytest.raises(PipelineError) as raised:
        plan_at(tmp_path / "kin.yaml", RECIPE.replace(old, new, 1))
    return str(raised.value).partition(": ")[2]


def test_too_many_paths_and_columns_are_refused(tmp_path: Path):
    paths = (".".join(steps) for steps in product(("spouse", "employer.founder"), repeat=9))
    many_paths = " ".join(f"{{{{ {path}.city }}}}" for path in paths)
    said = refused(tmp_path, "{{ employer.field | upper }}", many_paths)
    assert said == "sources.bios.templates: more than 254 attributes and paths. Show fewer."
    said = refused(tmp_path, "code: {kind: codes, chunks: 2", "code: {kind: codes, repeat: 20, chunks: 200")
    columns = 1 + 6 + 6 + 4 + 4000  # of literals, the subject, the mother, and a company with its codes
    shown = f"up to 'employer' its templates show {columns:,} columns of facts"
    assert said == f"sources.bios.templates: {shown}. At most 4,000: take fewer paths."


def test_mistakes_about_nobody_are_refused(tmp_path: Path):
    def said(text: str, sentence: str) -> str:
        wrong = f"full_name: all\n    mistakes: {{silent: 1, sentences: [{sentence}]}}\n"
        with pytest.raises(PipelineError) as raised:
            plan_at(tmp_path / "kin.yaml", text.replace("full_name: all\n", wrong))
        return str(raised.value).partition("mistakes: ")[2]

    line = "{{ subject }} is the child of {{ mother }}, born in {{ mother.born.year }} in {{ mother.city.in }}."
    unnamed = RECIPE.replace(line, "{{ subject }} has a mother.").replace(", {{ mother.employer.seat.river }}", "")
    assert said(unnamed, "mother") == "no sentence shows anything of 'mother'. Leave it out of the mistakes."
    single = RECIPE.replace("    size: 12\n", "    size: 1\n")
    assert said(single, "employer") == "there is nobody else to take for 'employer'. Leave it out of the mistakes."


# ── the recipes ─────────────────────────────────────────────────────────────────────────────────────────────────────

PATHS = {  # question of the library → the path to its answer
    "mother": "mother.name",
    "grandmother": "mother.mother.name",
    "child": "name",
    "founder": "founder.name",
    "headquarters": "headquarters.name",
    "founded_by": "name",
    "employer_founder": "employer.founder.name",
    "employer_headquarters": "employer.headquarters.name",
    "employer_industry": "employer.industry",
    "birth_city_mayor": "birth_city.mayor.name",
    "employer_founder_university": "employer.founder.university",
    "employer_founder_birth_city": "employer.founder.birth_city.name",
    "employer_headquarters_mayor": "employer.headquarters.mayor.name",
    **{f"mother_{name}": f"mother.{name}" for name in ("birth_date", "birth_city", "university", "major", "employer")},
    **{f"grandmother_{name}": f"mother.mother.{name}" for name in ("birth_city", "major")},
}


@pytest.mark.parametrize(
    ("recipe", "split"),
    [
        ("kin_two_hop", "exam_id"), ("kin_two_hop", "exam_ood"), ("kin_two_hop", "exam_three_hop"),
        ("kin_reversal", "exam"), ("kin_reversal", "exam_reversed"), ("companies", "exam"),
    ],
)  # fmt: skip
def test_every_answer_of_the_recipes_is_the_value_at_the_end_of_its_path(recipe: str, split: str):
    made = plan_of(recipe)
    (world,) = {made.sources[name].world for name in made.splits[split].sources}
    assert world is not None
    asked = 0
    for row in islice(of_plan(made, split), 400):
        value = oracle.followed(world, row["individual"], PATHS[row["question"]])
        assert row["answer"] == f"{value}.", row
        steps = PATHS[row["question"]].split(".")[:-1]
        ways = [".".join([*steps[: taken + 1], "name"]) for taken in range(row["hint"].count("; ") + 1)]
        hint = "; ".join(oracle.followed(world, row["individual"], way) for way in ways) if row["hint"] else ""
        assert row["hint"].removesuffix(".") == hint, row
        asked += 1
    assert asked == 400


def test_two_hops_are_out_of_distribution_where_no_hop_is_in_an_inferred_fact_that_is_trained():
    made = plan_of("kin_two_hop")
    mothers = oracle.listed(made.worlds["people"].relations["mother"])
    people = {name: source.people for name, source in made.sources.items() if isinstance(source, Questions)}
    trained = [*people["two_hop"], *people["two_hop_partly"]]
    assert set(people["exam_ood"]).isdisjoint(trained)
    assert {mothers[one] for one in people["exam_ood"]}.isdisjoint({mothers[one] for one in trained})
    atomic = made.splits["train"].sources
    assert list(people["mothers"]) == [one for one in range(20_000) if mothers[one] >= 0]
    assert len(people["attributes"]) == 20_000
    assert {"mothers", "attributes", "biographies"} <= set(atomic)
    assert set(people["exam_id"]) == set(people["two_hop_partly"])
    asked = made.recipe.sources
    assert set(asked["exam_id"].questions).isdisjoint(asked["two_hop_partly"].questions)
    sisters = Counter(mothers[one] for one in people["two_hop"])
    bridged = [mothers[one] in sisters for one in people["exam_id"]]
    assert sum(bridged) / len(bridged) > 0.98, "the second hop is in an inferred fact about a sister"


def test_a_direction_is_held_out_of_the_pairs_that_are_asked_for_it():
    made = plan_of("kin_reversal")
    people = {name: set(source.people) for name, source in made.sources.items() if isinstance(source, Questions)}
    assert people["exam_reversed_backward"].isdisjoint(people["backward"])
    assert people["exam_reversed_forward"].isdisjoint(people["forward"])
    assert people["exam_forward"] <= people["forward"]
    assert people["exam_backward"] <= people["backward"]
    names = [{str(world.values(one)["name"]) for one in range(0, 10_000, 97)} for world in made.worlds.values()]
    assert names[0].isdisjoint(names[1])


# ── size ────────────────────────────────────────────────────────────────────────────────────────────────────────────

LARGE = """\
extends: bioS_multi5_permute
worlds:
  people:
    size: SIZE
    groups: {born: [0.02, 1]}
    attributes:
      mother: {kind: individual, of: people, map: tree, roots: 10}
      spouse: {kind: individual, of: people, map: one_to_one, mutual: true}
      boss: {kind: individual, of: bosses, map: one_to_one}
  bosses: {extends: people, attributes: {mother: null, spouse: null, boss: null}}
sources:
  biographies: {only: born, templates: [biography/en, kin/en], sentences: [birth_date, birth_city, mother]}
  told:
    kind: statements
    world: people
    only: born
    templates: {spouse: ["{{ name }} knows {{ spouse }} of {{ spouse.birth_city }}, and {{ boss.birth_city }}."]}
splits: {train: {mixture: {biographies: {exposures: 1}, told: {exposures: 1}}}}
shard_tokens: 300_000
"""


@pytest.mark.slow  # test_disjoint.py asks it of a hundred million strangers
def test_a_shard_of_a_hundred_million_related_people_takes_no_more_memory_than_one_of_a_hundred_thousand(
    tmp_path: Path,
):
    peaks = []
    for size in (100_000, 100_000_000):
        make_shard(plan_at(tmp_path / "warm.yaml", LARGE.replace("SIZE", "20000")), "train", 0)
        tracemalloc.start()
        made = plan_at(tmp_path / f"{size}.yaml", LARGE.replace("SIZE", str(size)))
        shard = make_shard(made, "train", made.splits["train"].shards // 2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert shard.columns["input_ids"].shape[0] > 300
    assert peaks[1] < peaks[0] + 16 * 2**20, "a byte an individual would be 100,000,000"
