"""Phases of a split, seen document by document: amounts, exposures that are counted on, ramps, shards, streams."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import pipeline
from pipeline.core.errors import PlanError, RecipeError, SpecError
from pipeline.core.key import Key
from pipeline.plan import summary
from pipeline.plan.laying_out import Rows
from pipeline.plan.plan import Plan
from pipeline.plan.splitting import split_of
from pipeline.recipe import load
from pipeline.recipe.split_spec import SplitSpec
from pipeline.shard import make_shard
from tests.plans import plan_at
from tests.reference.phases import counted_on, ramped, times

RECIPE = """
worlds:
  people:
    size: 60
    attributes:
      name:
        kind: name
        pools:
          first: [Ada, Ben, Cleo, Dan, Eve, Finn, Gus, Hal]
          last: [Fox, Hunt, Ives, Judd, Kerr, Lowe, Marsh, Nye]
      city: {kind: choice, values: [Oslo, Rome, Lima, Bonn, Kyoto]}
      job: {kind: choice, values: [baker, judge, pilot, tailor]}
sources:
  biographies:
    kind: biographies
    world: people
    paraphrases: fresh
    permutations: fresh
    full_name: all
    templates:
      city: ["{{ name }} lives in {{ city }}, and has lived there long.", "{{ name }} is at home in {{ city }}."]
      job: ["{{ name }} works as a {{ job }}, which takes the whole day.", "{{ name }} is a {{ job }} by trade."]
  questions:
    kind: questions
    world: people
    templates: {city: ["Where does {{ name }} live? | {{ city }}."], job: ["What is {{ name }}? | A {{ job }}."]}
shard_tokens: 1024
splits:
  train:
    packing: {length: 128}
    columns: [documents]
"""
ORDERS = {
    "shuffled": "",
    "rounds": ", order: rounds",
    "spaced": ", order: {spaced: {documents: 40}}",
    "massed": ", order: {massed: {documents: 90}}",
}


def planned(tmp_path: Path, split: str, more: str = "") -> Plan:
    return plan_at(tmp_path / "recipe.yaml", f"{RECIPE}    {split}\n{more}")


def documents(plan: Plan, split: str = "train") -> list[tuple[str, int, int]]:
    """(source, item, exposure) at each position."""
    order = plan.splits[split]
    at = order.locate(np.arange(order.documents))
    names = [order.sources[number] for number in at.source.tolist()]
    return list(zip(names, at.item.tolist(), at.exposure.tolist(), strict=True))


def of_phases(plan: Plan, split: str = "train") -> list[list[tuple[str, int, int]]]:
    """The documents of each phase."""
    shown = iter(documents(plan, split))
    return [list(islice(shown, phase.documents)) for phase in plan.splits[split].phases]


def of(source: str, phase: list[tuple[str, int, int]]) -> list[tuple[int, int]]:
    return [(item, exposure) for name, item, exposure in phase if name == source]


def phase(name: str, amount: Any, order: str = "shuffled") -> str:
    return f"{{name: {name}, mixture: {{biographies: {{exposures: {amount}}}}}{ORDERS[order]}}}"


# ── exposures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("first", ["shuffled", "rounds"])
@pytest.mark.parametrize("second", ["shuffled", "rounds"])
@pytest.mark.parametrize("amounts", [(2, 1, 3), (1.5, 1.5, 1), (0.25, 0.25, 0.25), (0.3, 0.1, 2.9), (2.75, 0.5, 0.1)])
def test_exposures_are_counted_on_from_phase_to_phase(tmp_path: Path, first: str, second: str, amounts: Any):
    a, b, c = amounts
    phases = ", ".join((phase("a", a, first), phase("b", b, second), phase("c", c, first)))
    plan = planned(tmp_path, f"phases: [{phases}]")
    shown = [of("biographies", of_phase) for of_phase in of_phases(plan)]
    assert [len(of_phase) for of_phase in shown] == [round(amount * 60) for amount in amounts]
    counted_on(shown, 60)
    split = plan.splits["train"]
    for position, (source, item, exposure) in enumerate(documents(plan)):
        assert split.find(source, item, exposure) == position
    seen = times(document for of_phase in shown for document in of_phase)
    exposures = split.exposures_of("biographies", 60)
    assert {count: items for count, items in exposures.items.items() if count} == dict(seen)


@pytest.mark.parametrize("order", ORDERS)
def test_each_phase_keeps_its_own_order(tmp_path: Path, order: str):
    plan = planned(tmp_path, f"phases: [{phase('a', 2)}, {phase('b', 3, order)}, {phase('c', 1.5, 'rounds')}]")
    shown = [of("biographies", of_phase) for of_phase in of_phases(plan)]
    counted_on(shown, 60)
    exposures = [exposure for _, exposure in shown[1]]
    places: dict[int, list[int]] = {}
    for place, (item, _) in enumerate(shown[1]):
        places.setdefault(item, []).append(place)
    if order in ("rounds", "spaced"):
        assert exposures == sorted(exposures)
    else:
        assert exposures != sorted(exposures)
    if order == "spaced":
        assert min(b - a for of_item in places.values() for a, b in pairwise(of_item)) >= 40
    if order == "massed":
        assert max(of_item[-1] - of_item[0] for of_item in places.values()) < 90
    assert [exposure for _, exposure in shown[2]] == [5] * 60 + [6] * 30


@pytest.mark.parametrize(("amount", "order"), [(2, "shuffled"), (1.5, "shuffled"), (1.5, "rounds"), (0.4, "rounds")])
def test_a_later_split_counts_on_where_an_earlier_one_stopped(tmp_path: Path, amount: float, order: str):
    later = f"later: {{mixture: {{biographies: {{exposures: {{count: 1.75, from: train}}}}}}{ORDERS[order]}}}"
    plan = planned(tmp_path, f"phases: [{phase('a', 1)}, {phase('b', amount, order)}]", f"  {later}")
    both = [of("biographies", documents(plan, split)) for split in ("train", "later")]
    counted_on(both, 60)
    told = plan.splits["later"].exposures_of("biographies", 60)
    assert {count: items for count, items in told.items.items() if count} == dict(times(both[1]))
    assert sum(told.items.values()) == 60
    assert all("word for word" not in str(notice) for _, _, notice in plan.notices)


def test_the_rest_of_a_round_is_in_the_order_of_the_phase_that_ends_it(tmp_path: Path):
    (tmp_path / "rows.txt").write_text("".join(f"line {number} of a text\n" for number in range(80)))
    text = RECIPE.replace("sources:", f"sources: {TEXT.replace(', order: blocks', '')}")
    half = "{name: a, mixture: {text: {exposures: 0.5}}, order: file}"
    rounds = "{name: b, mixture: {text: {exposures: 1.5}}, order: rounds}"
    _, then = of_phases(plan_at(tmp_path / "recipe.yaml", f"{text}    phases: [{half}, {rounds}]\n"))
    rest = [item for item, exposure in of("text", then) if exposure == 0]
    assert sorted(rest) == list(range(40, 80)) != rest
    assert [exposure for _, exposure in of("text", then)] == [0] * 40 + [1] * 80
    with pytest.raises(
        PlanError, match=r"phases.1.order: 40 of the 80 items of 'text' have had exposure 0 before, and"
    ):
        other = f"{half.replace(', order: file', '')}, {rounds.replace('rounds', 'file')}"
        plan_at(tmp_path / "recipe.yaml", f"{text}    phases: [{other}]\n")


def test_phases_without_files_are_shuffled_where_the_order_of_the_split_is_that_of_files(tmp_path: Path):
    (tmp_path / "rows.txt").write_text("".join(f"line {number} of a text\n" for number in range(80)))
    text = RECIPE.replace("sources:", f"sources: {TEXT.replace(', order: blocks', '')}")
    phases = "[{name: a, mixture: {text: {exposures: 1}}}, {name: b, mixture: {biographies: {exposures: 1}}}]"
    first, second = of_phases(plan_at(tmp_path / "recipe.yaml", f"{text}    order: file\n    phases: {phases}\n"))
    assert [item for item, _ in of("text", first)] == list(range(80))
    assert sorted(people := [item for item, _ in of("biographies", second)]) == list(range(60)) != people


def test_a_number_begins_a_phase_at_a_later_exposure(tmp_path: Path):
    plan = planned(tmp_path, f"phases: [{phase('a', 2)}, {phase('b', '{count: 1, from: 7}')}, {phase('c', 1)}]")
    assert [{exposure for _, _, exposure in of_phase} for of_phase in of_phases(plan)] == [{0, 1}, {7}, {8}]


def test_a_long_tail_goes_on_from_the_exposure_that_is_given(tmp_path: Path):
    tail = "{zipf: 1, most: 6}"
    plan = planned(tmp_path, f"phases: [{phase('a', tail)}, {phase('b', '{count: 2, from: 6}')}]")
    first, second = of_phases(plan)
    assert sorted(times(of("biographies", first)).elements()) == sorted(max(1, 6 // rank) for rank in range(1, 61))
    assert {exposure for _, _, exposure in second} == {6, 7}
    seen = plan.splits["train"].exposures_of("biographies", 60)
    assert dict(seen.items) == dict(times(of("biographies", [*first, *second])))


@pytest.mark.parametrize("seed", range(6))
def test_any_phases_have_each_of_their_documents_once(tmp_path: Path, seed: int):
    (tmp_path / "rows.txt").write_text("".join(f"line {number} of a text\n" for number in range(37)))
    text = RECIPE.replace("size: 60", "size: 23").replace("sources:", f"sources: {TEXT}")
    mixture = "    mixture: {biographies: {exposures: 1}, text: {}}\n"
    sources = plan_at(tmp_path / "recipe.yaml", text + mixture).sources
    chance = Random(seed)
    planned = 0
    for _ in range(100):
        spec = SplitSpec.model_validate({"phases": [any_phase(chance, k) for k in range(chance.randrange(1, 6))]})
        rows = Rows({name: sources[name] for name in spec.source_names}, Key.root(seed))
        try:
            split = split_of("it", spec, rows, chance.choice([2048, 2**20]))
        except SpecError:
            continue
        planned += 1
        at = split.locate(np.arange(split.documents))
        shown = list(zip(at.source.tolist(), at.item.tolist(), at.exposure.tolist(), strict=True))
        assert len(set(shown)) == split.documents
        assert [int(p) for k in range(split.shards) for p in split.positions(k)] == list(range(split.documents))
        for position in chance.sample(range(split.documents), min(9, split.documents)):
            source, item, exposure = shown[position]
            assert split.find(split.sources[source], item, exposure) == position
            assert position in split.positions(split.shard_of(position))
        for number, name in enumerate(split.sources):
            told = times((item, exposure) for source, item, exposure in shown if source == number)
            counted = split.exposures_of(name, len(sources[name])).items
            assert counted == dict(told) | ({0: counted[0]} if 0 in counted else {})
            assert sum(counted.values()) == len(sources[name])
    assert planned > 30


TEXT = "\n  text: {kind: corpus, files: rows.txt, order: blocks}"


def any_phase(chance: Random, number: int) -> dict[str, Any]:
    """A phase as a recipe may have it."""
    counts = [Fraction(count) for count in ("1", "2", "0.5", "1.3", "0.04", "7/3", "0.25")]
    ramps = [
        Fraction(1, 10),
        {"from": Fraction(3, 5), "to": Fraction(1, 10)},
        {"from": 0, "to": Fraction(2, 5), "steps": 3},
    ]
    amounts: list[dict[str, Any]] = [
        *({"exposures": count} for count in counts),
        {"exposures": {"count": chance.choice(counts), "from": chance.choice([3, 9])}},
        {"exposures": {"zipf": Fraction(1), "most": 9}},
        {"tokens": chance.randrange(6000)},
        {"share": chance.choice(ramps)},
    ]
    names = chance.sample(["biographies", "text"], chance.randrange(1, 3))
    orders: list[Any] = [None, None, "rounds"]
    orders += [{way: {"documents": chance.randrange(1, 60)}} for way in ("spaced", "massed") if "text" not in names]
    mixture = {name: chance.choice(amounts) for name in names}
    return {"name": f"phase_{number}", "mixture": mixture, "order": chance.choice(orders)}


# ── amounts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_phases_have_their_shares_of_the_split(tmp_path: Path):
    plan = planned(
        tmp_path,
        "tokens: 100_000\n"
        "    phases:\n"
        "    - {name: facts, share: 0.7, mixture: {biographies: {share: 1}}}\n"
        "    - {name: both, share: 0.2, mixture: {biographies: {share: 0.25}, questions: {share: 0.75}}}\n"
        "    - {name: exam, share: 0.1, mixture: {questions: {share: 1}}}",
    )
    split = plan.splits["train"]
    each = {name: float(tokens) for name, tokens in split.document_tokens.items()}
    amounts = [[("biographies", 70_000)], [("biographies", 5_000), ("questions", 15_000)], [("questions", 10_000)]]
    for of_phase, expected in zip(split.phases, amounts, strict=True):
        assert dict(of_phase.counts) == {name: round(tokens / each[name]) for name, tokens in expected}


def test_a_phase_with_a_share_stands_beside_one_of_a_fixed_amount(tmp_path: Path):
    plan = planned(
        tmp_path,
        "phases:\n"
        "    - {name: facts, mixture: {biographies: {exposures: 10}}}\n"
        "    - {name: exam, share: 0.25, mixture: {questions: {share: 1}}}",
    )
    facts, exam = (float(plan.splits["train"].tokens_of(of_phase)) for of_phase in plan.splits["train"].phases)
    assert exam == pytest.approx(facts / 3, rel=0.002)


SHARED = "mixture: {biographies: {share: 1}}"


@pytest.mark.parametrize(
    ("split", "says"),
    [
        (
            f"tokens: 9000\n    phases: [{{name: a, share: 0.7, {SHARED}}}, {{name: b, share: 0.4, {SHARED}}}]",
            r"yaml:\d+: splits.train.phases.*: the shares of phases add up to 1.1 \(a 0.7, b 0.4\). Lower one by 0.1",
        ),
        (
            f"tokens: 9000\n    phases: [{{name: a, share: 0.7, {SHARED}}}, {{name: b, share: 0.2, {SHARED}}}]",
            r"the phases do not make up 9,000 tokens: 0 tokens are fixed and shares of 0.9 are asked, which leaves 900",
        ),
        (f"phases: [{{name: a, share: 0.7, {SHARED}}}]", r"phases have shares \(a 0.7\), but nothing says of how many"),
        (f"phases: [{phase('a', 1)}, {phase('b', 0)}]", r"phases.1.mixture: the phase 'b' has no documents"),
        (
            f"phases: [{phase('a', 1.5)}, {phase('b', 1, 'spaced')}]",
            r"phases.1.order: 30 of the 60 items of 'biographies' have had exposure 1 before, and the order",
        ),
        (
            f"phases: [{phase('a', 3)}, {phase('b', '{count: 2, from: 2}')}]",
            r"an earlier phase of the split has 60 of these documents of 'biographies'. Begin at exposure 3 or later",
        ),
        (
            f"phases: [{phase('a', '{zipf: 1, most: 6}')}, {phase('b', 1)}]",
            r"the items of 'biographies' have different numbers of exposures so far, 6 at most. Say where it goes",
        ),
        (
            f"phases: [{phase('a', 1.5)}, {phase('b', '{zipf: 1, most: 6}')}]",
            r"have different numbers of exposures so far, 2 at most. Say where it goes on: `from: 2` or later",
        ),
        (
            f"tokens: 9000\n    phases: [{{name: a, {SHARED}}}, {{name: b, share: 0.5, {SHARED}}}]",
            r"phases.0.mixture: shares add up to 1, but nothing says of how many tokens. Give the phase `tokens`",
        ),
        (
            "phases: [{name: a, tokens: 90_000, mixture: {biographies: {share: {from: 1, to: 1}}, "
            "questions: {tokens: 8}}}]",
            r"shares add up to 1 from beginning to end, which leaves nothing for questions. Lower a share",
        ),
        (
            "order: file\n    phases: [{name: a, mixture: {biographies: {exposures: 1}}}]",
            r"no source of any phase is read",
        ),
        (
            f"phases: [{phase('a', '{count: 1, from: exam}')}]",
            r"no split 'exam' before this one\. It is the first: leave `from` out",
        ),
        (
            f"phases: [{phase('a', 1)}, {phase('b', '{count: 1, from: train}')}]",
            r"phases\.1\.mixture\.biographies\.exposures\.from: 'train' is this split itself\. Leave `from` out",
        ),
        (
            f"phases: [{phase('a', '{count: 1, from: later}')}]\n"
            "  later: {mixture: {biographies: {exposures: 1}}}",
            r"the split 'later' comes after this one\. Write it before this one, or leave `from` out",
        ),
        (
            f"phases: [{phase('a', '{zipf: 1, most: 6}', 'rounds')}]",
            r"with a long tail the items of",
        ),
        (
            "phases: [{name: a, order: file, mixture: {biographies: {exposures: 1}}}]",
            r"phases.0.order: no source of the mix",
        ),
        (
            "phases: [{name: a, mixture: {biographies: {share: {from: 0.9, to: 0.1}}, questions: {share: "
            "{from: 0.3, to: 0.7}}}, tokens: 9000}]",
            r"at the beginning shares add up to 1.2 \(biographies 0.9, questions 0.3\). Lower one by 0.2",
        ),
        (
            "phases: [{name: a, mixture: {biographies: {share: {from: 0.9, to: 0.2}}, questions: {share: "
            "{from: 0.1, to: 0.8, steps: 3}}}, tokens: 9000}]",
            r"change in different numbers of steps \(biographies evenly, questions 3\)",
        ),
        (
            "phases: [{name: a, mixture: {biographies: {share: {from: 0.9, to: 0.1}}, questions: {}}}]\n"
            "    packing: {windows: pure}",
            r"pure windows are shuffled within each shard, so the changing share would not be kept",
        ),
    ],
)
def test_phases_that_cannot_be_are_refused_with_the_arithmetic(tmp_path: Path, split: str, says: str):
    text = f"{RECIPE.replace('    packing: {length: 128}', '') if 'packing' in split else RECIPE}    {split}\n"
    with pytest.raises(PlanError, match=says):
        plan_at(tmp_path / "recipe.yaml", text)


INHERITING = "extends: bioS_pretrain_then_questions\nsplits:\n  train:\n    "


@pytest.mark.parametrize(
    ("recipe", "place"),
    [
        (
            INHERITING + "order: rounds\n    packing: {windows: pure}\n",
            "recipe.yaml:4: splits.train.order: pure windows",
        ),
        (INHERITING + "order: {massed: {documents: 3}}\n", "recipe.yaml:4: splits.train.order.massed: 5 exposures"),
        (
            INHERITING + "order: {spaced: {documents: 300_000}}\n",
            "recipe.yaml:4: splits.train.order.spaced: with 100,000 items",
        ),
        (
            "extends: junk_random\nsplits:\n  train:\n"
            "    mixture: {junk: {ratio: null, to: null, share: {from: 1, to: 0.75}}}\n",
            "recipe.yaml:4: splits.train.mixture.junk.share: pure windows",
        ),
        (
            "extends: junk_ramp\nsplits: {train: {packing: {windows: pure}}}\n",
            "yaml:2: splits.train.packing.windows: pure",
        ),
    ],
)
def test_an_order_that_cannot_be_kept_is_refused_where_it_is_written(tmp_path: Path, recipe: str, place: str):
    with pytest.raises(PlanError, match=re.escape(place)):
        plan_at(tmp_path / "recipe.yaml", recipe)


@pytest.mark.parametrize(
    ("split", "says"),
    [
        ("phases: [{name: a}]", r"phases.0: a phase without a mixture"),
        (f"phases: [{phase('a', 1)}, {phase('a', 1)}]", r"phases.1.name: two phases are named 'a'. Rename one"),
        (f"phases: [{phase('a', 1)[:-1]}, tokens: 5, share: 0.5}}]", r"one of share and tokens is enough"),
        ("phases: []", r"phases"),
        (
            "mixture: {biographies: {}}\n    order: {apart: {documents: 9}}",
            r"train\.order: an order with a distance is written \{spaced: \{documents: 500\}\} or",
        ),
        (
            "mixture: {biographies: {share: {from: 2, to: 0}}}",
            r"share\.from: must be less than or equal to 1, not 2\. Lower it\.$",
        ),
        ("phases: [{name: a, mixture: {nobody: {}}}]", r"phases.0.mixture.nobody: no source 'nobody'"),
    ],
)
def test_phases_that_are_misspelt_are_refused_with_their_place(tmp_path: Path, split: str, says: str):
    with pytest.raises(RecipeError, match=says):
        planned(tmp_path, split)


def test_a_mixture_beside_phases_is_refused_with_where_it_was_inherited_from(tmp_path: Path):
    with pytest.raises(
        RecipeError, match=r"a split with phases has a mixture in each of them. Write `mixture: null` be"
    ):
        plan_at(tmp_path / "recipe.yaml", f"extends: tiny\nsplits: {{train: {{phases: [{phase('a', 1)}]}}}}\n")


# ── ramps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("steps", [None, 4])
@pytest.mark.parametrize("ends", [("0.9", "0.1"), ("0", "1/2"), ("0.2", "1")])
def test_a_share_changes_in_slices_of_exact_counts(tmp_path: Path, ends: tuple[str, str], steps: int | None):
    begins, stops = ends
    ramp = f"{{from: {begins}, to: {stops}{f', steps: {steps}' if steps else ''}}}"
    plan = planned(tmp_path, f"mixture: {{biographies: {{exposures: 20}}, questions: {{share: {ramp}}}}}")
    split = plan.splits["train"]
    (phase,) = split.phases
    each = [split.document_tokens[name] for name in split.sources]
    bounds = (Fraction(begins), Fraction(stops))
    expected = ramped([None, bounds], [1200 * each[0], Fraction(0)], len(phase.slices), steps=bool(steps))
    assert steps in (None, len(phase.slices))
    assert len(phase.slices) > 3
    totals, seen = [Fraction(0)] * 2, [0, 0]
    shown = iter(documents(plan))
    for of_slice, tokens in zip(phase.slices, expected, strict=True):
        names = [name for name, _, _ in islice(shown, sum(of_slice))]
        for number, name in enumerate(split.sources):
            assert names.count(name) == of_slice[number]
            totals[number] += tokens[number]
            seen[number] += of_slice[number]
            assert abs(seen[number] - totals[number] / each[number]) <= 1
    assert list(shown) == []
    counted_on([of("biographies", documents(plan))], 60)
    assert len(of("biographies", documents(plan))) == 1200


def test_two_ramps_fill_a_phase(tmp_path: Path):
    shares = "biographies: {share: {from: 1, to: 0}}, questions: {share: {from: 0, to: 1}}"
    plan = planned(tmp_path, f"phases: [{{name: a, tokens: 90_000, mixture: {{{shares}}}, order: rounds}}]")
    (phase,) = plan.splits["train"].phases
    assert sum(phase.counts[name] * plan.splits["train"].document_tokens[name] for name in phase.counts) == (
        pytest.approx(90_000, abs=80)
    )
    first, last = phase.slices[0], phase.slices[-1]
    assert first[0] > 20 > 3 >= first[1]
    assert last[1] > 20 > 3 >= last[0]
    exposures = [exposure for _, exposure in of("biographies", documents(plan))]
    assert exposures == sorted(exposures)


# ── shards, streams, what is said ─────────────────────────────────────────────────────────────────────────────────────

THREE = (
    "phases:\n"
    "    - {name: facts, mixture: {biographies: {exposures: 4.5}}}\n"
    "    - {name: injected, mixture: {biographies: {exposures: 0.1}}}\n"
    "    - {name: exam, mixture: {biographies: {exposures: 2}, questions: {exposures: 2}}}"
)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(tmp_path_factory.mktemp("three"), THREE)


def test_a_phase_begins_and_ends_with_a_shard(three: Plan):
    split = three.splits["train"]
    assert [phase.shards for phase in split.phases] == [6, 1, 5]
    shown = iter(documents(three))
    for name, shards in ((phase.name, split.shards_of(phase.name)) for phase in split.phases):
        for k in shards:
            begun: list[tuple[int, int]] = []
            fields = make_shard(three, "train", k).columns["documents"].fields
            begins = fields["offset"] == 0
            for source, item, exposure in zip(
                *(fields[key][begins] for key in ("source", "item", "exposure")), strict=True
            ):
                assert (split.sources[source], item, exposure) == next(shown)
                begun.append((item, exposure))
            assert len(begun) == split.positions(k).size
            for position in split.positions(k)[[0, -1]].tolist():
                assert split.shard_of(position) == k
                assert split.phase_of(position).name == name
    assert next(shown, None) is None


def ids(rows: Any) -> list[bytes]:
    return [row["input_ids"].tobytes() for row in rows]


def test_a_stream_goes_on_from_the_middle_of_any_phase(three: Plan):
    from pipeline.training.streams import of_plan

    rows = ids(of_plan(three, "train"))
    for taken in range(0, len(rows), 5):
        stream = of_plan(three, "train")
        reading = iter(stream)
        assert ids(islice(reading, taken)) == rows[:taken]
        again = of_plan(three, "train")
        again.load_state_dict(stream.state_dict())
        assert ids(again) == rows[taken:]


def test_a_phase_can_be_streamed_alone(three: Plan):
    from pipeline.training.streams import of_plan

    whole = ids(of_plan(three, "train"))
    parts = [of_plan(three, "train", phase=name) for name in ("facts", "injected", "exam")]
    assert [row for part in parts for row in ids(part)] == whole
    assert [parts[2][i]["input_ids"].tobytes() for i in (0, -1)] == [ids(parts[2])[0], whole[-1]]
    with pytest.raises(PlanError, match=r"has no phase 'facst'\. Did you mean 'facts'"):
        of_plan(three, "train", phase="facst")


@pytest.mark.parametrize("world_size", [1, 3, 9])
def test_reshuffled_epochs_have_the_same_rows_phase_by_phase(three: Plan, world_size: int):
    from pipeline.training.streams import of_plan

    once = ids(of_plan(three, "train"))
    sizes = [len(of_plan(three, "train", phase=name)) for name in ("facts", "injected", "exam")]
    streams = [of_plan(three, "train", epochs=3, reshuffle=True).shared(rank, world_size) for rank in range(world_size)]
    parts = [ids(stream) for stream in streams]
    rows = [parts[i % world_size][i // world_size] for i in range(3 * len(once))]
    epochs = [rows[i * len(once) : (i + 1) * len(once)] for i in range(3)]
    assert epochs[0] == once
    assert len({tuple(epoch) for epoch in epochs}) == 3
    for epoch in epochs:
        reading, first = iter(epoch), iter(once)
        assert all(sorted(islice(reading, size)) == sorted(islice(first, size)) for size in sizes)
    assert [streams[0][i]["input_ids"].tobytes() for i in range(len(parts[0]))] == parts[0]
    for taken in (len(parts[0]) // 2, len(parts[0]) - 3):
        stream = streams[0].copy()
        list(islice(iter(stream), taken))
        again = streams[0].copy()
        again.load_state_dict(stream.state_dict())
        assert ids(again) == parts[0][taken:]


def test_a_phase_alone_is_reshuffled_as_it_is_in_the_whole(three: Plan):
    from pipeline.training.streams import of_plan

    rows = ids(of_plan(three, "train", epochs=2, reshuffle=True))
    alone = ids(of_plan(three, "train", epochs=2, reshuffle=True, phase="exam"))
    assert alone == rows[len(rows) // 2 - len(alone) // 2 : len(rows) // 2] + rows[-len(alone) // 2 :]
    with pytest.raises(PlanError, match=r"reshuffle is 'no'\. Give True or False"):
        of_plan(three, "train", reshuffle="no")


OTHERS: list[tuple[dict[str, Any], str, str]] = [
    ({"phase": "facts"}, "no phase", "phase 'facts'"),
    ({"reshuffle": True}, "no reshuffle", "reshuffle True"),
    ({"phase": "exam", "reshuffle": True}, "no phase, no reshuffle", "phase 'exam', reshuffle True"),
]


@pytest.mark.parametrize("assign", ["rows", "shards"])
@pytest.mark.parametrize(("options", "whole", "other"), OTHERS)
def test_a_state_goes_on_in_the_same_order_only(
    three: Plan, options: dict[str, Any], whole: str, other: str, assign: Any
):
    """A state of one order is refused in the other, both ways; those of earlier versions did not say theirs."""
    from pipeline.training.streams import of_plan

    plain = of_plan(three, "train", epochs=2, assign=assign)
    changed = of_plan(three, "train", epochs=2, assign=assign, **options)
    for stream, target, said in ((plain, changed, (whole, other)), (changed, plain, (other, whole))):
        rest = ids(stream)[1:]
        next(iter(stream))
        state = stream.state_dict()
        begun = target.state_dict()
        refused = rf"^the state is that of a stream with {said[0]}, and this one has {said[1]}\. Load"
        with pytest.raises(PlanError, match=refused):
            target.load_state_dict(state)
        assert target.state_dict() == begun
        same = stream.copy()
        same.load_state_dict(json.loads(json.dumps(state)))
        assert ids(same) == rest
        assert {"split", "seed", "shards", "phase", "reshuffle"} < set(state)
        earlier = {key: state[key] for key in state if key not in ("split", "seed", "shards", "phase", "reshuffle")}
        same.load_state_dict(earlier)
        assert ids(same) == rest


def test_a_state_is_of_a_split_and_a_seed(three: Plan, tmp_path: Path):
    from pipeline.training.streams import of_plan

    other = plan_at(tmp_path / "recipe.yaml", f"seed: 1\n{RECIPE}    {THREE}\n")
    stream = of_plan(three, "train")
    next(iter(stream))
    with pytest.raises(PlanError, match="a stream with seed 0, and this one has seed 1"):
        of_plan(other, "train").load_state_dict(stream.state_dict())
    with pytest.raises(PlanError, match="a stream with split 'exam', and this one has split 'train'"):
        stream.load_state_dict(stream.state_dict() | {"split": "exam"})
    with pytest.raises(PlanError, match=r"a stream with shards 11, and this one has shards 12\. Load"):
        stream.load_state_dict(stream.state_dict() | {"shards": 11})
    with pytest.raises(PlanError, match="a stream with no seed, and this one has seed 0"):
        stream.load_state_dict({key: value for key, value in stream.state_dict().items() if key != "seed"})


def test_what_has_an_order_is_not_reshuffled(tmp_path: Path):
    from pipeline.training.streams import of_plan

    plan = planned(tmp_path, f"phases: [{phase('a', 1)}, {phase('b', 2, 'rounds')}]")
    with pytest.raises(
        PlanError, match="the phase 'b' of 'train' has an order, which reshuffled epochs would not keep"
    ):
        of_plan(plan, "train", epochs=2, reshuffle=True)
    assert len(of_plan(plan, "train", epochs=2, reshuffle=True, phase="a")) > 0


def test_a_built_dataset_knows_its_phases(tmp_path: Path, three: Plan, capsys: pytest.CaptureFixture[str]):
    from pipeline.cli import run
    from pipeline.dataset import Dataset
    from pipeline.training.streams import of_plan

    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"{RECIPE}    {THREE}\n")
    out = tmp_path / "data"
    assert run(["build", str(recipe), "--out", str(out), "--executor", "inline"]) == 0
    assert run(["verify", str(out)]) == 0
    manifest = Dataset.at(out).manifest
    assert [(entry["name"], entry["shards"]) for entry in manifest.phases_of("train")] == [
        ("facts", 6),
        ("injected", 1),
        ("exam", 5),
    ]
    card = (out / "README.md").read_text()
    assert "`train` has phases, one after another: `facts` (shards 0 to 5), `injected` (shard 6), `exam`" in card
    for options in ({}, {"phase": "exam"}, {"epochs": 2, "reshuffle": True}):
        assert ids(pipeline.read(out, "train", **options)) == ids(of_plan(three, "train", **options))
    capsys.readouterr()
    assert run(["where", str(recipe), "--source", "biographies", "--item", "7", "--exposure", "5"]) == 0
    assert ", phase exam, train/shard-000" in capsys.readouterr().out
    assert run(["export", str(out), "--to", "nanogpt", "--columns", "input_ids"]) == 0
    exported = json.loads((out / "exports/nanogpt/export.json").read_text())
    phases, entry = exported["phases"]["train"], manifest.splits["train"]
    assert [phase["name"] for phase in phases] == ["facts", "injected", "exam"]
    assert sum(phase["tokens"] for phase in phases) == entry["tokens"] == exported["files"][0]["tokens"]
    tokens = np.fromfile(out / "exports/nanogpt/train.bin", np.uint16)
    alone = np.concatenate([row["input_ids"] for row in of_plan(three, "train", phase="facts")])
    assert np.array_equal(tokens[:512], alone[:512])
    ended = int((tokens[: phases[0]["tokens"]] == 50256).sum())
    assert ended == phases[0]["documents"] == 270
    assert run(["report", str(out)]) == 0
    page = (out / "report.html").read_text()
    assert "Phases, one after another" in page
    assert '<td>injected</td><td class="left">biographies: exposures 0.1</td>' in page


def test_an_override_names_a_phase(tmp_path: Path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"{RECIPE}    {THREE}\n")
    at = "splits.train.phases"
    changes = [f"{at}.exam.order=rounds", f"{at}.facts.mixture.biographies.exposures=3", f"{at}.2.share=0.2"]
    facts, injected, exam = load(str(recipe), changes).recipe.splits["train"].phases or []
    assert (facts.order, injected.order, exam.order, exam.share) == (None, None, "rounds", Fraction(1, 5))
    assert facts.mixture["biographies"].exposures == 3
    told = rf"^--set {at}\.fact\.order=rounds: the list {at} has no entry named fact\. Did you mean 'facts'\?$"
    with pytest.raises(RecipeError, match=told):
        load(str(recipe), [f"{at}.fact.order=rounds"])
    with pytest.raises(RecipeError, match=rf"^--set {at}: a split without a mixture\. Name a source"):
        load(str(recipe), [f"{at}=null"])


def test_the_plan_says_the_phases(three: Plan):
    listed = summary.of_plan(three)["splits"]["train"]["phases"]
    assert [entry["name"] for entry in listed] == ["facts", "injected", "exam"]
    assert [entry["sources"]["biographies"]["documents"] for entry in listed] == [270, 6, 120]
    assert [entry["sources"]["biographies"]["from"] for entry in listed] == [0, 4, 4]
    assert sum(entry["files"] for entry in listed) == three.splits["train"].shards


def test_corpora_are_read_in_the_order_of_their_files_and_go_on(tmp_path: Path):
    (tmp_path / "rows.txt").write_text("".join(f"line {number} of a text\n" for number in range(500)))
    text = (
        f"{RECIPE.replace('sources:', 'sources: {}'.format(TEXT.replace(', order: blocks', '')))}    phases:\n"
        "    - {name: a, order: file, mixture: {text: {exposures: 0.5}, biographies: {exposures: 1}}}\n"
        "    - {name: b, order: file, mixture: {text: {exposures: 0.7}}}\n"
    )
    plan = plan_at(tmp_path / "recipe.yaml", text)
    a, b = of_phases(plan)
    assert of("text", a) == [(item, 0) for item in range(250)]
    assert of("text", b) == [(item, 0) for item in range(250, 500)] + [(item, 1) for item in range(100)]
    people = [item for item, _ in of("biographies", a)]
    assert sorted(people) == list(range(60)) != people
    assert a[:20] != of("text", a)[:20]


def test_an_order_over_an_inherited_one_takes_that_away(tmp_path: Path):
    text = "extends: bioS_massed\nsplits: {train: {order: {spaced: {documents: 9}}}}\n"
    told = (
        "recipe.yaml:2: splits.train.order.spaced: one of spaced and massed is enough. Write `massed: null` beside it"
    )
    with pytest.raises(RecipeError, match=re.escape(told)):
        plan_at(tmp_path / "recipe.yaml", text)
    text = text.replace("{spaced", "{massed: null, spaced")
    assert plan_at(tmp_path / "recipe.yaml", text).splits["train"].phases[0].ordered == "spaced by 9 documents"
