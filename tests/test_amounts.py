"""Amounts beside each other: ratios, long tails, and useful people among junk."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise, product
from math import isqrt
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import PipelineError, PlanError
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.plan import compile_plan
from pipeline.plan.blocks import Block, Reached, SameRound, rounds_from, tail_from
from pipeline.plan.overlaps import shared_documents
from pipeline.plan.plan import Plan
from pipeline.plan.zipf import zipf_runs
from pipeline.recipe import load
from pipeline.recipe.amount_spec import AmountSpec, ZipfExposuresSpec
from pipeline.shard.shard import make_shard
from tests.test_plan import GOLDEN, mean, plan, split_of, told

# ── ratios ──────────────────────────────────────────────────────────────────────────────────────────────────────────

MILLION = 10**6
SOLVED = {  # F: the tokens of `bios`, which is fixed. By hand: the tokens of each of the others, in F and in millions.
    "of a fixed source": ("dogs: {ratio: 7, to: bios}, bios: {exposures: 50}", "", {"dogs": (7, 0)}),
    "of nothing": ("bios: {exposures: 50}, dogs: {ratio: 0, to: bios}", "", {"dogs": (0, 0)}),
    "of a long tail": ("bios: {exposures: {zipf: 1, most: 90}}, dogs: {ratio: 0.3, to: bios}", "", {"dogs": (0.3, 0)}),
    "of a share": (  # T = F / (1 - 0.2 - 0.6)
        "bios: {exposures: 50}, short: {share: 0.2}, dogs: {ratio: 3, to: short}",
        "",
        {"short": (1, 0), "dogs": (3, 0)},
    ),
    "beside a share": (  # T = 3F / (1 - 1/4)
        "bios: {exposures: 50}, dogs: {ratio: 2, to: bios}, short: {share: 0.25}",
        "",
        {"dogs": (2, 0), "short": (1, 0)},
    ),
    "of a ratio of a fixed source": (
        "short: {ratio: 1/2, to: dogs}, dogs: {ratio: 4, to: bios}, bios: {exposures: 50}",
        "",
        {"dogs": (4, 0), "short": (2, 0)},
    ),
    "of a ratio of a share": (  # T = F / (1 - 0.1 - 0.2 - 0.4)
        "endless: {ratio: 2, to: dogs}, short: {share: 0.1}, dogs: {ratio: 2, to: short}, bios: {exposures: 50}",
        "",
        {"short": (Fraction(1, 3), 0), "dogs": (Fraction(2, 3), 0), "endless": (Fraction(4, 3), 0)},
    ),
    "of shares of so many tokens": (
        "bios: {share: 0.1}, short: {ratio: 3, to: bios}, dogs: {ratio: 2, to: short}",
        "tokens: 1e6, ",
        {"bios": (0, 0.1), "short": (0, 0.3), "dogs": (0, 0.6)},
    ),
    "of tokens, beside a share of so many": (
        "bios: {tokens: 200_000}, dogs: {ratio: 1.5, to: bios}, short: {share: 0.5}",
        "tokens: 1e6, ",
        {"dogs": (1.5, 0), "short": (0, 0.5)},
    ),
}


@pytest.mark.parametrize("name", SOLVED)
def test_ratios_are_documents_as_solved_by_hand(tmp_path: Path, name: str):
    mixture, tokens, solved = SOLVED[name]
    made = plan(tmp_path, f"{{{tokens}mixture: {{{mixture}}}}}")
    split = made.splits["it"]
    fixed = split.documents_of("bios") * mean(made, "bios")
    for source, (of_fixed, of_million) in solved.items():
        wanted = Fraction(str(of_fixed)) * fixed + Fraction(str(of_million)) * MILLION
        assert split.documents_of(source) == round(wanted / mean(made, source)), source
        assert split.expected[source] == split.documents_of(source) * mean(made, source)


REFUSED = {
    "an unknown source": (
        "bios: {exposures: 1}, dogs: {ratio: 2, to: bioss}",
        ".dogs.to: 'bioss' is not in this mixture. Did you mean 'bios'?",
    ),
    "a source of another split": (
        "bios: {exposures: 1}, dogs: {ratio: 2, to: short}",
        ".dogs.to: 'short' is not in this mixture. It can be: bios, dogs.",
    ),
    "itself": ("dogs: {ratio: 2, to: dogs}", ".dogs.to: ratios compare sources in a circle"),
    "a circle": (
        "bios: {ratio: 1, to: dogs}, dogs: {ratio: 2, to: short}, short: {ratio: 2, to: bios}",
        "to: ratios compare sources in a circle. Give one of them another amount.",
    ),
    "a circle further on": (
        "endless: {ratio: 1, to: dogs}, dogs: {ratio: 2, to: short}, short: {ratio: 2, to: dogs}",
        ".short.to: ratios compare sources in a circle",
    ),
    "more than a whole": (
        "bios: {exposures: 1}, short: {share: 0.3}, dogs: {ratio: 3, to: short}",
        ": shares add up to 1.2 (short 0.3, dogs 0.9). Lower one by 0.2, or give one source exposures instead.",
    ),
    "a whole, of nobody knows how much": (
        "short: {share: 0.25}, dogs: {ratio: 3, to: short}",
        ": shares add up to 1, but nothing says of how many tokens.",
    ),
    "a ratio without a source": ("bios: {exposures: 1}, dogs: {ratio: 2}", "a ratio is written {ratio: 7, to: another"),
    "a source without a ratio": ("bios: {exposures: 1}, dogs: {to: bios}", "a ratio is written {ratio: 7, to: another"),
    "a negative ratio": ("bios: {exposures: 1}, dogs: {ratio: -1, to: bios}", ".dogs.ratio: "),
    "two amounts": ("bios: {exposures: 1}, dogs: {ratio: 1, share: 0.1, to: bios}", "share and ratio is enough"),
    "fewest over most": (
        "bios: {exposures: {zipf: 1, most: 3, least: 4}}",
        ".bios.exposures: the least exposures, 4, are more than the most, 3. Exchange them.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_amounts_that_make_no_sense_are_refused_with_their_line(tmp_path: Path, name: str):
    mixture, problem = REFUSED[name]
    with pytest.raises(PipelineError) as error:
        plan(tmp_path, f"{{mixture: {{{mixture}}}}}")
    assert str(error.value).startswith(f"{tmp_path / 'r.yaml'}:10: splits.it.mixture")
    assert problem in str(error.value)


@pytest.mark.parametrize(
    "mixture",
    [
        "bios: {exposures: 1}, dogs: {ratio: 1e30, to: bios}",
        "bios: {exposures: 1}, dogs: {share: 0.999999999999999999999999}",
        "bios: {tokens: 2305843009213693952}",
        "bios: {exposures: {zipf: 0, most: 1000000000}}, dogs: {ratio: 1e12, to: bios}",
    ],
)
def test_more_documents_than_a_permutation_can_hold_are_refused_however_they_are_asked_for(
    tmp_path: Path, mixture: str
):
    with pytest.raises(PlanError, match="documents"):
        plan(tmp_path, f"{{mixture: {{{mixture}}}}}")


# ── long tails ──────────────────────────────────────────────────────────────────────────────────────────────────────


def root(number: int, degree: int) -> int:
    """The whole part of a root, by Newton's method in integers."""
    if degree == 1 or number < 2:
        return number
    guess = 1 << -(-number.bit_length() // degree)  # above it
    while True:
        lower = ((degree - 1) * guess + number // guess ** (degree - 1)) // degree
        if lower >= guess:
            return guess
        guess = lower


def times(zipf: Fraction, most: int, least: int, rank: int) -> int:
    """⌊most / rank^(a/b)⌋ = ⌊(most^b / rank^a)^(1/b)⌋, and at least `least`."""
    a, b = zipf.numerator, zipf.denominator
    return max(least, root(most**b // rank**a, b))


def test_roots_are_whole_parts():
    assert [root(n, 2) for n in range(1000)] == [isqrt(n) for n in range(1000)]
    assert [root(10**30 - 1, 3), root(10**30, 3), root(10**30 + 1, 3)] == [10**10 - 1, 10**10, 10**10]


EXPONENTS = ("0", "1", "2", "10", "1/2", "3/2", "1/3", "2/3", "0.7", "1.05", "0.01")


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_a_long_tail_is_the_rounded_down_law_in_whole_numbers(exponent: str):
    zipf = Fraction(exponent)
    for most, least, items in product((1, 2, 7, 64, 1000, 10**6, 10**9), (0, 1, 3), (1, 2, 64, 500)):
        if least > most:
            continue
        runs = zipf_runs(ZipfExposuresSpec(zipf=zipf, most=most, least=least), items)
        assert [start for start, _, _ in runs] == [0, *(start + count for start, count, _ in runs[:-1])]
        assert all(before > after for (*_, before), (*_, after) in pairwise(runs)), "as few runs as there can be"
        told = [exposures for _, count, exposures in runs for _ in range(count)]
        assert told == [times(zipf, most, least, rank) for rank in range(1, items + 1)]


@pytest.mark.parametrize(("exponent", "most", "items"), [("1", 1000, 2**40 - 1), ("1.05", 10**5, 10**8), ("2", 9, 1)])
def test_a_long_tail_of_any_number_of_people_is_a_few_runs(exponent: str, most: int, items: int):
    zipf = Fraction(exponent)
    runs = zipf_runs(ZipfExposuresSpec(zipf=zipf, most=most), items)
    assert sum(count for _, count, _ in runs) == items
    assert len(runs) < 1000
    for start, count, exposures in runs:
        assert times(zipf, most, 1, start + 1) == times(zipf, most, 1, start + count) == exposures


@pytest.mark.parametrize("exponent", ["1.0001", "0.9999", "0.0001", "9.9999", "0.5001", "1/10000"])
def test_a_long_tail_of_an_exponent_of_four_digits_is_exact(exponent: str):
    """Numbers of a million bits decide here, if nothing else does."""
    zipf = Fraction(exponent)
    for most, items in ((1, 3), (64, 9), (100_000, 12), (10**9, 5)):
        runs = zipf_runs(ZipfExposuresSpec(zipf=zipf, most=most), items)
        told = [exposures for _, count, exposures in runs for _ in range(count)]
        assert len(told) == items
        for rank, exposures in enumerate(told, 1):
            a, b = zipf.numerator, zipf.denominator
            assert exposures == 1 or exposures**b * rank**a <= most**b
            assert (exposures + 1) ** b * rank**a > most**b


def test_a_long_tail_of_many_runs_and_an_exponent_of_four_digits_ends():
    zipf, most = Fraction("1.0001"), 10**9  # which took an hour
    runs = zipf_runs(ZipfExposuresSpec(zipf=zipf, most=most), 10**5)
    assert (len(runs), sum(count for _, count, _ in runs)) == (53_224, 10**5)


def test_what_two_long_tails_share_is_what_both_tell():
    """Item by item, the exposures of the rarer telling, those before `from` apart."""

    def blocks(items: int, **amount: Any) -> list[Block]:
        spec = AmountSpec.model_validate(amount)
        begin = spec.begin if isinstance(spec.begin, int) else 0
        if spec.tail:
            return tail_from(begin, spec.tail, items, 0, 0)[0]
        order = SameRound(Permutation(items, Key.root(0)))
        return rounds_from(Reached.at(begin), int((spec.count or 0) * items), items, order, 0, 0)[0]

    def shared(items: int, *amounts: dict[str, Any]) -> Fraction:
        return shared_documents(*(blocks(items, exposures=amount) for amount in amounts), items)

    def law(tail: dict[str, Any], rank: int) -> int:
        return times(Fraction(tail["zipf"]), tail["most"], tail.get("least", 1), rank)

    flat, steep = {"zipf": Fraction(1, 2), "most": 20}, {"zipf": 2, "most": 90, "least": 2}
    for one, other in product((flat, steep), repeat=2):
        assert shared(50, one, other) == sum(min(law(one, r), law(other, r)) for r in range(1, 51))
    later = {**flat, "from": 3}
    assert shared(50, steep, later) == sum(max(0, min(law(steep, r), law(flat, r) + 3) - 3) for r in range(1, 51))
    third = sum(law(flat, rank) > 2 for rank in range(1, 51))  # who may be in the round that is told to half of them
    assert shared(50, flat, {"count": Fraction(5, 2)}) == 100 + Fraction(third, 2)
    long = {"zipf": Fraction("1.0001"), "most": 10**9}
    assert shared(10**4, long, long) == sum(block.rows for block in blocks(10**4, exposures=long))


@pytest.mark.parametrize("exponent", ["1.000000000001", "1/1000003"])
def test_an_exponent_that_would_be_computed_for_ever_is_refused(tmp_path: Path, exponent: str):
    """most^b has b · log₂ most bits, b being the denominator."""
    mixture = f"{{biographies: {{exposures: {{zipf: {exponent}, most: 1000}}}}}}"
    (tmp_path / "r.yaml").write_text(f"extends: tiny\nsplits: {{train: {{mixture: {mixture}}}}}\n")
    with pytest.raises(PipelineError, match="zipf"):
        load(str(tmp_path / "r.yaml"))


# ── every document, over all shards ─────────────────────────────────────────────────────────────────────────────────


def seen(made: Plan, split: str = "it") -> Counter[tuple[str, int, int]]:
    """How often each (source, item, exposure) begins in the shards of a split."""
    found: Counter[tuple[str, int, int]] = Counter()
    for k in range(made.splits[split].shards):
        fields: Any = make_shard(made, split, k).columns["documents"]
        begins = fields.fields["offset"] == 0
        columns = [fields.fields[name][begins].tolist() for name in ("source", "item", "exposure")]
        found.update((made.splits[split].sources[s], item, turn) for s, item, turn in zip(*columns, strict=True))
    return found


JUNK = f"""\
extends: {GOLDEN}/small.yaml
worlds:
  people: {{size: 60, attributes: {{name: {{pools: {{middle: {list(ascii_uppercase)}, more: [De, Le, Mac]}}}}}}}}
  strangers: {{extends: people, size: 1000, disjoint_from: people}}
sources: {{bios: {{paraphrases: fresh}}, junk: {{extends: bios, world: strangers}}}}
splits:
  train: null
  it:
    mixture: {{bios: {{exposures: 5}}, junk: {{ratio: 7, to: bios}}}}
    packing: {{length: 512, windows: pure}}
    columns: [documents]
shard_tokens: 16384
"""


def junk(folder: Path, *overrides: str) -> Plan:
    """As the recipe junk_random, of fewer people, attributes and templates."""
    (folder / "r.yaml").write_text(JUNK)
    return compile_plan(load(str(folder / "r.yaml"), overrides))


@pytest.mark.parametrize("windows", ["pure", "mixed"])
def test_useful_people_are_told_exactly_as_often_as_is_asked_for_beside_junk(tmp_path: Path, windows: str):
    made = junk(tmp_path, f"splits.it.packing.windows={windows}")
    split = made.splits["it"]
    assert split.shards > 5
    documents = seen(made)
    assert set(documents.values()) == {1}
    useful = {(item, turn) for source, item, turn in documents if source == "bios"}
    assert useful == set(product(range(60), range(5)))
    means = {name: made.sources[name].mean_tokens for name in split.sources}
    others = Counter(item for source, item, _ in documents if source == "junk")
    assert others.total() == round(7 * 300 * means["bios"] / means["junk"])
    rounds, rest = divmod(others.total(), 1000)
    assert Counter(others.values()) == {rounds + 1: rest, rounds: 1000 - rest}


def test_a_mixture_with_junk_tells_the_useful_people_what_it_tells_without(tmp_path: Path):
    alone, beside = junk(tmp_path, "splits.it.mixture.junk=null"), junk(tmp_path)
    items, turns = np.repeat(np.arange(60), 5), np.tile(np.arange(5), 60)
    told = [made.sources["bios"].documents(items, turns, spans=False).tokens for made in (alone, beside)]
    assert np.array_equal(told[0].values, told[1].values)


def test_a_long_tail_is_told_exactly_over_all_shards(tmp_path: Path):
    tail = "splits.it.mixture={bios: {exposures: {zipf: 1, most: 60}}, junk: null}"
    made = junk(tmp_path, "worlds.people.size=200", "splits.it.mixture=null", tail, "shard_tokens=4096")
    assert made.splits["it"].shards > 5
    documents = seen(made)
    assert set(documents.values()) == {1}
    assert {(item, turn) for _, item, turn in documents} == {
        (item, turn) for item in range(200) for turn in range(max(1, 60 // (item + 1)))
    }


def test_the_realised_ratio_of_tokens_is_within_five_standard_errors(tmp_path: Path):
    made = junk(tmp_path, "worlds.people.size=400", "shard_tokens=500000")
    split = made.splits["it"]
    tokens: Counter[str] = Counter()
    for k in range(split.shards):
        tokens.update({name: counts.tokens for name, counts in make_shard(made, "it", k).sources.items()})
    located = split.locate(np.arange(split.documents))
    error = 0.0
    for s, (name, factor) in enumerate({"bios": 7, "junk": 1}.items()):
        item, turn = (one[located.source == s] for one in (located.item, located.exposure))
        lengths = made.sources[name].documents(item, turn, spans=False).tokens.lengths
        assert lengths.sum() == tokens[name]
        unusual = np.bincount(item, lengths - float(mean(made, name)))  # of a person: her documents are alike
        error += factor**2 * float((unusual**2).sum())
    off = tokens["junk"] - 7 * tokens["bios"]
    assert abs(off) < 5 * error**0.5 + float(mean(made, "junk"))
    assert error**0.5 < 0.01 * tokens["junk"]


# ── positions ───────────────────────────────────────────────────────────────────────────────────────────────────────

MANY = "bios: {exposures: {zipf: 0.7, most: 40, least: 0}}, dogs: {exposures: 2.5}, short: {ratio: 1.1, to: dogs}"
MANY += ", endless: {share: 0.2}"


def test_locate_and_find_are_inverse_over_many_blocks_and_parts_of_rounds(tmp_path: Path):
    split = split_of(tmp_path, MANY, "worlds.people.size=25")
    assert len(split.blocks) > 15
    assert sum(block.subset is not None for block in split.blocks) == 3
    located = split.locate(np.arange(split.documents))
    columns = (located.source.tolist(), located.item.tolist(), located.exposure.tolist())
    there = {(split.sources[s], *where): p for p, (s, *where) in enumerate(zip(*columns, strict=True))}
    assert len(there) == split.documents
    for source, items in {"bios": 25, "dogs": 7, "short": 25, "endless": 7}.items():
        most = split.exposures_of(source, items).most
        for item, turn in product(range(-1, items + 2), range(-1, most + 2)):
            assert split.find(source, item, turn) == there.get((source, item, turn))


def test_every_item_is_told_from_its_first_exposure_on_without_a_gap(tmp_path: Path):
    split = split_of(tmp_path, MANY, "worlds.people.size=25")
    turns: dict[tuple[str, int], list[int]] = {}
    for source, item, turn in told(split):
        turns.setdefault((source, item), []).append(turn)
    assert all(sorted(heard) == list(range(len(heard))) for heard in turns.values())
    assert [len(turns["bios", item]) for item in range(25)] == [times(Fraction("0.7"), 40, 0, r) for r in range(1, 26)]
