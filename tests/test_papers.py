"""What the papers say of their data, held against ours: Parts 3.1 (A.1), 3.2 (5), 3.3 (10) and 4.1."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from pipeline.core.files import library
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from tests.plans import KINDS, plan_of, small

NAME = {"first": [0], "all": range(6), "none": []}

# variant: (biographies a person, distinct sets of wordings, distinct orders at most, sentences with the full name)
VARIANTS = {
    "bioS_single": (1, 1, 1, "first"),
    "bioS_single_fullname": (1, 1, 1, "all"),
    "bioS_single_permute1": (1, 1, 1, "first"),
    "bioS_single_permute2": (2, 1, 2, "first"),
    "bioS_single_permute5": (5, 1, 5, "first"),
    "bioS_single_permute1_fullname": (1, 1, 1, "all"),
    "bioS_single_permute2_fullname": (2, 1, 2, "all"),
    "bioS_single_permute5_fullname": (5, 1, 5, "all"),
    "bioS_multi2": (2, 2, 1, "first"),
    "bioS_multi5": (5, 5, 1, "first"),
    "bioS_multi2_permute": (2, 2, 2, "first"),
    "bioS_multi5_permute": (5, 5, 5, "first"),
    "bioS_multi2_fullname": (2, 2, 1, "all"),
    "bioS_multi5_fullname": (5, 5, 1, "all"),
    "bioS_multi2_permute_fullname": (2, 2, 2, "all"),
    "bioS_multi5_permute_fullname": (5, 5, 5, "all"),
}


FACTS = ("birth_date", "birth_city", "university", "major", "employer", "company_city")
ONE = ", ".join(f"{fact}: ['{{{{ subject }}}}: {{{{ {fact} }}}}.']" for fact in FACTS)


def briefly(recipe: str) -> Plan:
    """A recipe with one template an attribute: its orders, and where the name stands, do not depend on templates."""
    return plan_of(recipe, "sources.biographies.templates=null", f"sources.biographies.templates={{{ONE}}}")


def texts(recipe: str, item: np.ndarray, exposure: np.ndarray, source: str = "biographies") -> list[str]:
    plan = small(recipe)
    told = plan.sources[source].documents(item, exposure, spans=False).tokens
    ids = [told.values[a : b - 1].tolist() for a, b in zip(told.offsets, told.offsets[1:], strict=False)]
    return plan.tokenizer.decode_all(ids)


SOME = [name if name in KINDS else pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SOME)
def test_a_variant_has_its_number_of_texts_and_each_is_told_as_often(recipe: str) -> None:
    copies, wordings, orders, _ = VARIANTS[recipe]
    plan = small(recipe)
    split = plan.splits["train"]
    assert split.documents == copies * 100_000
    people = np.repeat(np.arange(50, dtype=np.int64), copies)
    turns = np.tile(np.arange(copies, dtype=np.int64), 50)
    choices = plan.sources["biographies"].choices(people, turns)
    words = [len({tuple(row) for row in choices.wordings[people == person].tolist()}) for person in range(50)]
    assert max(words) == wordings
    if choices.order is None:
        assert orders == 1
    else:
        most = [len({tuple(row) for row in choices.order[people == person].tolist()}) for person in range(50)]
        assert max(most) == orders
    told = texts(recipe, people, turns)
    assert max(len(set(told[i : i + copies])) for i in range(0, len(told), copies)) == max(wordings, orders)


@pytest.mark.parametrize("recipe", SOME)
def test_the_full_name_stands_in_the_sentences_of_the_variant(recipe: str) -> None:
    whole = recipe in ("bioS_single", "bioS_multi5_permute_fullname")  # one of each with all its templates
    source = (small(recipe) if whole else briefly(recipe)).sources["biographies"]
    item = np.arange(200, dtype=np.int64)
    told = source.documents(item, item % 5, spans=True)
    assert told.spans is not None
    name = source.labels.index("name")
    values = [source.labels.index(sentence) for sentence in source.sentences]
    for i in range(200):
        labels = told.spans.values[told.spans.offsets[i] : told.spans.offsets[i + 1], 2].tolist()
        assert labels.count(name) == len(NAME[VARIANTS[recipe][3]])
        assert sorted(label for label in labels if label in values) == sorted(values), "six facts, each once"
        first_two = [label for label in labels if label == name or label in values][:2]
        assert name in first_two, "the first sentence has it"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ("bioS_multi5_reverse1", 1),
        ("bioS_multi5_reverse2", 2),
        ("bioS_multi5_reverse6", 6),
        ("bioS_multi5_permute_reverse6", 6),
    ],
)
def test_a_reversed_biography_names_the_person_late(recipe: str, sentence: int) -> None:
    source = small(recipe).sources["biographies"]
    item = np.arange(200, dtype=np.int64)
    told = source.documents(item, item % 5, spans=True)
    assert told.spans is not None
    values = {source.labels.index(name) for name in source.sentences}
    for i in range(200):
        labels = told.spans.values[told.spans.offsets[i] : told.spans.offsets[i + 1], 2].tolist()
        assert labels.count(source.labels.index("name")) == 1
        before = labels[: labels.index(source.labels.index("name"))]
        # The value of the sentence with the name may stand before the name or behind it.
        assert len([label for label in before if label in values]) in (sentence, sentence + 1)
    for text in texts(recipe, item[:20], item[:20]):
        assert text.startswith(" The person")


def test_a_biography_has_73_tokens_within_eight_per_cent() -> None:
    mean = float(small("bioS_single").sources["biographies"].mean_tokens) - 1  # the end token
    assert abs(mean - 73.0) < 0.08 * 73.0


def test_online_biographies_use_every_order_of_six_sentences() -> None:
    source = briefly("bioS_100K_100").sources["biographies"]
    item = np.repeat(np.arange(20, dtype=np.int64), 1000)
    order = source.choices(item, np.tile(np.arange(1000, dtype=np.int64), 20)).order
    assert len({tuple(row) for row in order.tolist()}) == factorial(6)


def test_couples_stay_together_and_come_in_all_six_orders() -> None:
    source = briefly("bioS_couple5").sources["biographies"]
    item = np.arange(2000, dtype=np.int64)
    order = source.choices(item, item % 5).order
    assert len({tuple(row) for row in order.tolist()}) == 6
    assert {tuple(pair) for row in order.tolist() for pair in zip(row[::2], row[1::2], strict=True)} == {
        (0, 1), (2, 3), (4, 5)
    }  # fmt: skip


@pytest.mark.slow
def test_names_are_unique_across_a_hundred_thousand_people() -> None:
    world = small("bioS_celebrity").worlds
    names = [world[name].rows(np.arange(100_000, dtype=np.int64))[:, 1:4] for name in ("people", "celebrities")]
    assert len(np.unique(np.concatenate(names), axis=0)) == 200_000


@pytest.mark.slow
def test_attributes_are_uniform_and_independent_by_chi_square() -> None:
    world = small("bioS_single").worlds["people"]
    rows = world.rows(np.arange(100_000, dtype=np.int64))[:, 1:] % 10  # tenths of every table
    for a, b in combinations(range(rows.shape[1]), 2):
        expected = np.outer(np.bincount(rows[:, a], minlength=10), np.bincount(rows[:, b], minlength=10)) / len(rows)
        seen = np.zeros((10, 10))
        np.add.at(seen, (rows[:, a], rows[:, b]), 1)
        mask = expected > 0
        freedom = max((mask.any(axis=1).sum() - 1) * (mask.any(axis=0).sum() - 1), 1)
        chi = ((seen - expected)[mask] ** 2 / expected[mask]).sum()
        assert chi < freedom + 5 * np.sqrt(2 * freedom), (a, b)


@pytest.mark.slow
@pytest.mark.parametrize("percent", [*(pytest.param(one, marks=pytest.mark.slow) for one in (20, 50)), 80])
def test_questions_have_their_share_of_the_tokens(percent: int) -> None:
    recipe, share = f"bioS_mixed_{percent}", percent / 100
    plan = plan_of(recipe, "worlds.people.size=2000", "shard_tokens=1048576")
    split = plan.splits["train"]
    assert abs(float(split.expected["questions"] / sum(split.expected.values())) - share) < 1e-4
    tokens = dict.fromkeys(split.sources, 0)
    for k in range(split.shards):
        for name, counts in make_shard(plan, "train", k).sources.items():
            tokens[name] += counts.tokens
    lengths = (
        plan.sources["biographies"].documents(np.arange(2000), np.zeros(2000, np.int64), spans=False).tokens.lengths
    )
    error = 5 * lengths.std() * np.sqrt(split.documents_of("biographies")) * 2
    assert abs(tokens["questions"] - share * sum(tokens.values())) < error


@pytest.mark.slow  # as test_amounts.py has it, with the recipe's own sizes
def test_useful_people_are_told_exactly_as_often_beside_junk() -> None:
    plan = plan_of(
        "junk_tagged", "worlds.people.size=300", "worlds.strangers.size=5000", "shard_tokens=1048576",
        "splits.train.columns=[documents]",
    )  # fmt: skip
    seen = np.zeros(300, np.int64)
    for k in range(plan.splits["train"].shards):
        documents = make_shard(plan, "train", k).columns["documents"].fields
        begins = (documents["offset"] == 0) & (documents["source"] == 0)
        seen += np.bincount(documents["item"][begins], minlength=300)
    assert (seen == 100).all()


STEPS = {  # of training, by size (4.1; section 7 of the facts)
    "depo1": {225: 87_500, 300: 100_000, 375: 112_500},
    "depo2": {75: 100_000, 100: 125_000, 125: 150_000},
    "brevo1": {70: 100_000, 90: 125_000, 110: 150_000},
    "brevo2": {30: 200_000, 40: 225_000, 50: 250_000},
    "mano": {10: 80_000, 13: 95_000, 16: 110_000},
}
PLAYGROUND = {  # steps, windows a step, tokens a window
    **{f"depo1_N{n}_K{k}": (steps, 128, 2048) for n, steps in STEPS["depo1"].items() for k in (4, 8)},
    **{f"depo2_N{n}_K{k}": (steps, 128, 2048) for n, steps in STEPS["depo2"].items() for k in (4, 16)},
    **{f"brevo1_N{n}": (steps, 256, 1024) for n, steps in STEPS["brevo1"].items()},
    **{f"brevo2_N{n}": (steps, 192, 1536) for n, steps in STEPS["brevo2"].items()},
    **{f"mano_L{n}": (steps, 64, 1024) for n, steps in STEPS["mano"].items()},
    "copy_N500": (50_000, 32, 1024),
    "lano_cfg3f_like": (100_000, 96, 512),
    "lano_cfg3j_like": (100_000, 96, 1536),
    "lano_cfg3k_like": (100_000, 96, 1536),
}


def test_every_size_of_the_playground_has_its_recipe_and_its_tokens():
    there = {path.stem for path in (library("recipes") / "playground").glob("*.yaml")}
    assert there - {"multi_hop", "playground_mixed"} == set(PLAYGROUND)
    kinds = {"depo1": "depo", "depo2": "depo", "brevo1": "brevo", "brevo2": "brevo", "lano": "grammar"}
    for name, (steps, batch, length) in PLAYGROUND.items():
        recipe = load(name).recipe
        train, (source,) = recipe.splits["train"], recipe.splits["train"].mixture
        assert train.mixture[source].tokens == steps * batch * length, name
        assert (train.packing.method, train.packing.length) == ("aligned", length), name
        spec, task = recipe.sources[source], name.split("_")[0]
        assert spec.kind == kinds.get(task, task), name
        sizes = {f"N{getattr(spec, key, 0)}" for key in ("nodes", "length")} | {f"L{getattr(spec, 'operations', 0)}"}
        assert "cfg" in name or name.split("_")[1] in sizes, name
        assert spec.kind != "depo" or name.endswith(f"_K{spec.hops}"), name
        assert (spec.mask == ["prompt"]) == (spec.kind in ("depo", "brevo", "copy")), "loss on answers alone"
        exams = [recipe.sources[of] for split, its in recipe.splits.items() if split != "train" for of in its.mixture]
        assert {getattr(of, "distribution", "largest") for of in exams} == {"largest"}, "tests are of the largest size"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["depo1_N225_K8", "brevo1_N70", "mano_L10"])
def test_as_many_tokens_fill_aligned_windows_as_are_asked_for(name: str):
    plan = compile_plan(load(name, ["splits.train.mixture.puzzles.tokens=600_000"]))
    made = make_shard(plan, "train", 0)
    counts = made.sources["puzzles"]
    assert abs(counts.tokens / 600_000 - 1) < 0.03
    assert counts.cut
    assert made.padding < plan.splits["train"].packing.length
