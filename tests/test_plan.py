from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import PipelineError, PlanError
from pipeline.plan import Plan, compile_plan
from pipeline.plan.blocks import Block
from pipeline.plan.order import SplitPlan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard

GOLDEN = Path(__file__).parent / "golden"

MORE = """\
extends: SMALL
worlds: {people: {attributes: {born: {years: 1, days: 2}}},
  dogs: {size: 7, attributes: {name: {kind: name, pools: {a: [Rex, Fay, Bo], b: [Ax, By, Cy]}}, age: AGE}}}
sources:
  short: {kind: biographies, world: people, templates: {city: ["{{ name }}: {{ city }}."]}}
  dogs: {kind: biographies, world: dogs, templates: {age: ["{{ name }} is {{ age }}.", "{{ age }} is {{ name }}."]}}
  endless: {kind: biographies, world: dogs, paraphrases: fresh, templates: {age: ["{{ name }} is {{ age }}."]}}
splits:
  train: null
  it: SPLIT
"""


def plan(folder: Path, split: str, *overrides: str) -> Plan:
    text = MORE.replace("SMALL", str(GOLDEN / "small.yaml")).replace("AGE", "{kind: integer, first: 1, last: 30}")
    (folder / "r.yaml").write_text(text.replace("SPLIT", split), "utf-8")
    return compile_plan(load(str(folder / "r.yaml"), overrides))


def split_of(folder: Path, mixture: str, *overrides: str, more: str = "") -> SplitPlan:
    return plan(folder, f"{{mixture: {{{mixture}}}{more}}}", *overrides).splits["it"]


def told(split: SplitPlan) -> Counter[tuple[str, int, int]]:
    """Every document of a split: how often each (source, item, exposure) stands in it."""
    located = split.locate(np.arange(split.documents))
    names = [split.sources[s] for s in located.source]
    return Counter(zip(names, located.item.tolist(), located.exposure.tolist(), strict=True))


def mean(made: Plan, source: str) -> Fraction:
    return made.sources[source].mean_tokens


# ── counts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("amount", "documents"),
    [
        ("exposures: 1", 20),
        ("exposures: 7", 140),
        ("exposures: 1.4", 28),
        ("exposures: 0.25", 5),
        ("exposures: 1/3", 7),
        ("exposures: 2.999", 60),
        ("", 40),
    ],
)
def test_exposures_are_documents_exactly(tmp_path: Path, amount: str, documents: int):
    split = split_of(tmp_path, f"bios: {{{amount}}}")
    assert split.documents == split.documents_of("bios") == documents
    assert sum(split.positions(k).size for k in range(split.shards)) == documents


@pytest.mark.parametrize(
    ("overrides", "documents"),
    [
        (["paraphrases=1"], 20),
        (["paraphrases=5"], 100),
        (["paraphrases=4", "permutations=6"], 240),
        (["paraphrases=1", "permutations=5"], 100),
    ],
)
def test_items_are_told_once_in_each_of_their_wordings_where_nothing_is_said(
    tmp_path: Path, overrides: list[str], documents: int
):
    assert split_of(tmp_path, "bios: {}", *(f"sources.bios.{over}" for over in overrides)).documents == documents


@pytest.mark.parametrize("exposures", ["1", "3", "0.5", "1.4", "2.75", "1/3"])
def test_every_item_is_told_as_often_as_is_asked_for(tmp_path: Path, exposures: str):
    split = split_of(tmp_path, f"bios: {{exposures: {exposures}}}")
    documents = told(split)
    assert set(documents.values()) == {1}, "no document stands twice"
    turns = Counter(item for _, item, _ in documents)
    whole, rest = divmod(round(20 * Fraction(exposures)), 20)
    assert Counter(turns[item] for item in range(20)) == Counter({whole + 1: rest, whole: 20 - rest})
    for item in range(20):
        seen = sorted(exposure for _, its, exposure in documents if its == item)
        assert seen == list(range(turns[item]))


@pytest.mark.parametrize("tokens", [500, 1000, 12_345])
def test_tokens_are_documents_by_their_mean_length(tmp_path: Path, tokens: int):
    made = plan(tmp_path, f"{{mixture: {{bios: {{tokens: {tokens}}}}}}}")
    split = made.splits["it"]
    assert split.documents == round(tokens / mean(made, "bios"))
    assert abs(split.expected["bios"] - tokens) <= mean(made, "bios") / 2


def test_shares_beside_exposures_are_fractions_of_the_whole(tmp_path: Path):
    made = plan(tmp_path, "{mixture: {bios: {exposures: 50}, short: {share: 0.3}, dogs: {share: 1/5}}}")
    split = made.splits["it"]
    total = 1000 * mean(made, "bios") / (1 - Fraction(3, 10) - Fraction(1, 5))
    assert split.documents_of("bios") == 1000
    assert split.documents_of("short") == round(Fraction(3, 10) * total / mean(made, "short"))
    assert split.documents_of("dogs") == round(Fraction(1, 5) * total / mean(made, "dogs"))
    assert sum(split.documents_of(name) for name in split.sources) == split.documents


def test_shares_of_a_split_of_so_many_tokens_need_no_exposures(tmp_path: Path):
    made = plan(tmp_path, "{tokens: 1e6, mixture: {bios: {share: 0.2}, endless: {share: 0.8}}}")
    for name, share in (("bios", Fraction(1, 5)), ("endless", Fraction(4, 5))):
        assert made.splits["it"].documents_of(name) == round(share * 10**6 / mean(made, name))


def test_a_share_or_an_amount_of_nothing_is_no_document(tmp_path: Path):
    for nothing in ("share: 0", "tokens: 0", "exposures: 0"):
        split = split_of(tmp_path, f"bios: {{exposures: 1}}, short: {{{nothing}}}")
        assert (split.documents, split.documents_of("short")) == (20, 0)
        assert set(told(split)) == {("bios", item, 0) for item in range(20)}


def test_expected_tokens_are_documents_times_their_exact_mean_length(tmp_path: Path):
    made = plan(tmp_path, "{mixture: {bios: {exposures: 3}, short: {exposures: 2}}}")
    split = made.splits["it"]
    assert split.expected == {"bios": 60 * mean(made, "bios"), "short": 40 * mean(made, "short")}
    assert split.tokens == sum(split.expected.values())
    rows = split_of(tmp_path, "bios: {exposures: 3}", more=", packing: {method: rows, length: 200}")
    assert rows.tokens == 60 * 200


def test_a_split_has_a_shard_for_every_so_many_tokens(tmp_path: Path):
    for size in (1024, 2048, 5000, 10**6):
        split = split_of(tmp_path, "bios: {exposures: 50}", f"shard_tokens={size}")
        assert split.shards == ceil(split.tokens / size)
    few = split_of(tmp_path, "bios: {exposures: 0.1}", more=", packing: {method: rows, length: 5000}")
    assert few.shards == few.documents == 2, "a shard has at least one document"


REFUSED = {
    "no amount": (
        "{mixture: {endless: {}}}",
        "mixture.endless: 'endless' has no end, and nothing states how much of it to take",
        "exposures, a share, a ratio or tokens",
    ),
    "shares over one": (
        "{mixture: {bios: {share: 0.25}, short: {share: 0.1}, dogs: {share: 0.75}}}",
        r"mixture: shares add up to 1\.10? \(bios 0\.25, short 0\.10?, dogs 0\.75\)",
        r"Lower one by 0\.10?, or give one source exposures instead",
    ),
    "shares of one": (
        "{mixture: {bios: {share: 0.25}, short: {share: 0.75}}}",
        "mixture: shares add up to 1, but nothing says of how many tokens",
        "`tokens`",
    ),
    "shares of one beside exposures": (
        "{mixture: {bios: {share: 0.25}, short: {share: 0.75}, dogs: {exposures: 1}}}",
        r"mixture: shares add up to 1, which leaves nothing for \d+ fixed tokens",
        "Lower a share, or give no other amounts",
    ),
    "shares without an amount": (
        "{mixture: {bios: {share: 0.25}}}",
        "mixture: there are shares but no amount",
        "`tokens`",
    ),
    "shares short of the tokens": (
        "{tokens: 1000, mixture: {bios: {share: 0.25}, short: {share: 0.5}}}",
        "tokens: the amounts do not make up 1,000 tokens.*which leaves 250",
        "add up to 1",
    ),
    "more than the tokens": (
        "{tokens: 1000, mixture: {bios: {exposures: 100}}}",
        "tokens: the amounts do not make up 1,000 tokens",
        "add up to 1",
    ),
    "no documents": ("{mixture: {bios: {exposures: 0}}}", "mixture: the split has no documents", "Raise an amount"),
    "too long for a row": (
        "{mixture: {bios: {}}, packing: {method: rows, length: 20}}",
        r"packing: a document can have (\d+) tokens, a sequence 20",
        r"packing\.length to \d+ or more",
    ),
    "more than a permutation holds": ("{mixture: {bios: {exposures: 1e30}}}", "bios|mixture", ""),
    "more than a float holds": ("{mixture: {bios: {exposures: 1e400}}}", "bios|mixture", ""),
    "more than a float holds of tokens": (
        "{tokens: 5, mixture: {bios: {exposures: 1e400}}}",
        "tokens|bios|mixture",
        "",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_amounts_that_cannot_be_met_are_refused(tmp_path: Path, name: str):
    split, problem, remedy = REFUSED[name]
    with pytest.raises(PipelineError, match=problem) as refused:
        plan(tmp_path, split)
    assert refused.match(remedy or ".")
    assert f"{tmp_path / 'r.yaml'}:10: splits.it" in refused.value.place
    assert isinstance(refused.value, PlanError)


# ── order ───────────────────────────────────────────────────────────────────────────────────────────────────────────

MIXTURES = {
    "one source": "bios: {exposures: 3}",
    "a part of a round": "bios: {exposures: 0.3}",
    "rounds and a part": "bios: {exposures: 2.6}",
    "two sources": "bios: {exposures: 2}, short: {exposures: 1}",
    "three sources in part": "bios: {exposures: 1.35}, dogs: {exposures: 0.6}, short: {exposures: 3}",
    "shares": "bios: {exposures: 2}, endless: {share: 0.4}, short: {share: 0.33}",
    "one without documents": "dogs: {exposures: 0}, bios: {exposures: 1.05}, short: {exposures: 1}",
}


@pytest.fixture(params=MIXTURES, scope="module")
def mixed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SplitPlan:
    return split_of(tmp_path_factory.mktemp("mixed"), MIXTURES[request.param], "shard_tokens=1024")


def test_locate_is_the_inverse_of_find_for_every_document(mixed: SplitPlan):
    located = mixed.locate(np.arange(mixed.documents))
    for position, (s, item, exposure) in enumerate(zip(located.source, located.item, located.exposure, strict=True)):
        assert mixed.find(mixed.sources[s], int(item), int(exposure)) == position


def test_find_finds_every_document_once_and_nothing_else(mixed: SplitPlan):
    sizes = {"bios": 20, "short": 20, "dogs": 7, "endless": 7}
    there = told(mixed)
    assert set(there.values()) == {1}
    positions = []
    for source in mixed.sources:
        turns = mixed.documents_of(source) // sizes[source] + 3
        for item in range(sizes[source]):
            for exposure in range(turns):
                position = mixed.find(source, item, exposure)
                assert (position is not None) == ((source, item, exposure) in there)
                positions += [position] if position is not None else []
    assert sorted(positions) == list(range(mixed.documents))


def test_what_does_not_exist_is_found_nowhere(mixed: SplitPlan):
    for item, exposure in ((-1, 0), (20, 0), (10**9, 0), (-1, 2), (20, 2), (3, -1), (3, 10**9)):
        assert mixed.find("bios", item, exposure) is None, (item, exposure)
    assert mixed.find("nobody", 0, 0) is None


def test_every_exposure_is_of_an_item_of_its_source(mixed: SplitPlan):
    sizes = {"bios": 20, "short": 20, "dogs": 7, "endless": 7}
    for source, item, _ in told(mixed):
        assert 0 <= item < sizes[source]
    counts = Counter(source for source, _, _ in told(mixed).elements())
    assert dict(counts) == {name: mixed.documents_of(name) for name in mixed.sources if mixed.documents_of(name)}


def test_a_position_says_the_same_whoever_asks_and_in_whatever_order(mixed: SplitPlan):
    positions = np.arange(mixed.documents)
    whole, backwards = mixed.locate(positions), mixed.locate(positions[::-1])
    assert whole.source.dtype == np.uint16
    assert whole.item.dtype == whole.exposure.dtype == np.int64
    for what in ("source", "item", "exposure"):
        assert np.array_equal(getattr(backwards, what), getattr(whole, what)[::-1])
        one = [int(getattr(mixed.locate(positions[p : p + 1]), what)[0]) for p in range(mixed.documents)]
        assert one == getattr(whole, what).tolist()


def test_shards_partition_the_positions_evenly(mixed: SplitPlan):
    shards = [mixed.positions(k) for k in range(mixed.shards)]
    assert np.concatenate(shards).tolist() == list(range(mixed.documents))
    sizes = {shard.size for shard in shards}
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 1


def test_shard_of_names_the_shard_that_holds_a_position(mixed: SplitPlan):
    for k in range(mixed.shards):
        assert {mixed.shard_of(position) for position in mixed.positions(k).tolist()} == {k}


@pytest.mark.parametrize(("documents", "shards"), [(1, 1), (10, 3), (10, 10), (97, 13), (10**15 + 7, 10**12 + 1)])
def test_shard_of_is_exact_for_any_number_of_documents_and_shards(tmp_path: Path, documents: int, shards: int):
    split = split_of(tmp_path, "bios: {exposures: 1}")
    block = Block(0, 0, documents, 1)
    (phase,) = split.phases
    vast = replace(split, phases=(replace(phase, blocks=(block,), counts={"bios": documents}, shards=shards),))
    assert vast.documents == documents
    for k in {0, 1 % shards, shards // 2, shards - 1}:
        first, last = int(vast.positions(k)[0]), int(vast.positions(k)[-1])
        assert vast.shard_of(first) == vast.shard_of(last) == k
        assert first == 0 or vast.shard_of(first - 1) == k - 1


def test_the_order_is_shuffled_over_all_sources_and_rounds(tmp_path: Path):
    split = split_of(tmp_path, "bios: {exposures: 100}, short: {exposures: 100}")
    located = split.locate(np.arange(split.documents))
    first = located.source[: split.documents // 2]
    assert abs(int((first == 0).sum()) - 1000) < 6 * 23
    early = located.exposure[: split.documents // 2] < 50
    assert abs(int(early.sum()) - 1000) < 6 * 23
    assert (np.diff(located.item) == 1).mean() < 0.1


def test_partial_rounds_are_subsets_drawn_by_the_key(tmp_path: Path):
    def subset(*overrides: str) -> set[int]:
        return {item for _, item, turn in told(split_of(tmp_path, "bios: {exposures: 2.5}", *overrides)) if turn == 2}

    drawn = {seed: subset(f"seed={seed}") for seed in range(8)}
    assert all(len(items) == 10 for items in drawn.values())
    assert len({frozenset(items) for items in drawn.values()}) > 5
    assert drawn[0] != set(range(10))
    assert subset("seed=0") == drawn[0]
    counts = Counter(item for items in drawn.values() for item in items)
    assert max(counts.values()) < 8
    assert len(counts) > 15


def test_a_larger_part_of_a_round_holds_the_smaller_one(tmp_path: Path):
    parts = []
    for exposures in ("0.25", "0.5", "0.75"):
        parts.append({item for _, item, _ in told(split_of(tmp_path, f"bios: {{exposures: {exposures}}}"))})
    assert parts[0] < parts[1] < parts[2]


def test_two_splits_have_orders_of_their_own(tmp_path: Path):
    made = plan(tmp_path, "{mixture: {bios: {exposures: 5}}}", "splits.that={mixture: {bios: {exposures: 5}}}")
    one, two = (made.splits[name].locate(np.arange(100)) for name in ("it", "that"))
    assert (one.item == two.item).mean() < 0.3
    assert [name for name, _ in made.shards] == ["it"] * made.splits["it"].shards + ["that"] * made.splits[
        "that"
    ].shards


def test_the_first_documents_of_a_plan_are_the_recorded_ones():
    split = compile_plan(load(str(GOLDEN / "small.yaml"))).splits["train"]
    located = split.locate(np.arange(8))
    first = [(10, 3), (13, 1), (8, 1), (4, 2), (5, 0), (16, 0), (0, 2), (18, 0)]
    assert list(zip(located.item.tolist(), located.exposure.tolist(), strict=True)) == first


# ── shards ──────────────────────────────────────────────────────────────────────────────────────────────────────────


TWO_THOUSAND = """\
extends: tiny
worlds: {people: {size: 2000}}
sources:
  cities: {kind: biographies, world: people, templates: {birth_city: ["{{ name }} is from {{ birth_city }}."]}}
  majors: {kind: biographies, world: people, paraphrases: fresh, templates: {major: [
    "{{ name }} likes {{ major }}.", "{{ name }}, a student of {{ major }}, likes it very much."]}}
splits: {train: null, it: {mixture: MIXTURE}}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "mixture",
    [
        "{biographies: {exposures: 2}, cities: {share: 0.2}, majors: {share: 0.3}}",
        "{biographies: {exposures: 1.5}, majors: {share: 0.05}}",
        "{cities: {tokens: 30000}, majors: {share: 0.5}}",
    ],
)
def test_realised_shares_of_tokens_are_within_five_standard_errors(tmp_path: Path, mixture: str):
    (tmp_path / "r.yaml").write_text(TWO_THOUSAND.replace("MIXTURE", mixture))
    made = compile_plan(load(str(tmp_path / "r.yaml")))
    split = made.splits["it"]
    tokens: Counter[str] = Counter()
    for k in range(split.shards):
        tokens.update({name: counts.tokens for name, counts in make_shard(made, "it", k).sources.items()})
    located = split.locate(np.arange(split.documents))
    unusual = np.zeros((len(split.sources), 2000))  # by how much the documents of a source about a person are longer
    for s, name in enumerate(split.sources):
        item, exposure = located.item[located.source == s], located.exposure[located.source == s]
        lengths = made.sources[name].documents(item, exposure, spans=False).tokens.lengths
        assert lengths.sum() == tokens[name]
        np.add.at(unusual[s], item, lengths - float(mean(made, name)))
    for s, name in enumerate(split.sources):
        share = made.recipe.splits["it"].mixture[name].share
        if share is not None:
            asked = float(share)
            by_person = unusual[s] - asked * unusual.sum(axis=0)
            error = float((by_person**2).sum()) ** 0.5 / tokens.total()
            rounding = float(mean(made, name)) / tokens.total()
            assert abs(tokens[name] / tokens.total() - asked) < 5 * error + rounding
            assert error < 0.01


def test_shards_hold_the_documents_of_their_positions(tmp_path: Path):
    made = plan(
        tmp_path,
        "{mixture: {bios: {exposures: 2.5}, dogs: {exposures: 3}}, columns: [documents]}",
        "shard_tokens=1024",
    )
    split = made.splits["it"]
    assert split.shards > 2
    found: list[tuple[int, int, int]] = []
    for k in range(split.shards):
        fields: Any = made_columns(make_shard(made, "it", k))
        begins = fields["offset"] == 0
        found += zip(*(fields[what][begins].tolist() for what in ("source", "item", "exposure")), strict=True)
    located = split.locate(np.arange(split.documents))
    assert found == list(zip(located.source.tolist(), located.item.tolist(), located.exposure.tolist(), strict=True))


def made_columns(shard: Any) -> dict[str, np.ndarray]:
    return shard.columns["documents"].fields


def test_mean_lengths_are_those_of_the_documents(tmp_path: Path):
    made = plan(tmp_path, "{mixture: {bios: {}}}", "worlds.dogs.size=9")
    dogs = made.sources["dogs"]
    exposures = np.arange(3000)
    lengths = dogs.documents(exposures % 9, exposures, spans=False).tokens.lengths
    assert lengths.max() <= (dogs.longest or 0)
    world = compile_plan(load("tiny", ["worlds.people.size=20000"])).sources["biographies"]
    items = np.arange(20_000)
    lengths = world.documents(items, items % 5, spans=False).tokens.lengths
    error = lengths.std() / items.size**0.5
    assert abs(lengths.mean() - float(world.mean_tokens)) < 5 * error
    assert lengths.max() <= (world.longest or 0)


def test_a_plan_survives_pickling_with_its_order(tmp_path: Path):
    made = plan(tmp_path, "{mixture: {bios: {exposures: 2.5}, dogs: {exposures: 3}}, columns: [documents]}")
    before = pickle.loads(pickle.dumps(made))
    columns = make_shard(made, "it", 0).columns
    for again in (before, pickle.loads(pickle.dumps(made))):
        assert again.fingerprint == made.fingerprint
        assert np.array_equal(make_shard(again, "it", 0).columns["input_ids"], columns["input_ids"])
