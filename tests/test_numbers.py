"""Numbers as large as recipes allow: drawn evenly, stored whole, or refused when the recipe is planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.draws import below, below_each, bits, bits_each, scaled
from pipeline.core.errors import PlanError, RecipeError
from pipeline.core.key import Key
from pipeline.plan.plan import Plan
from pipeline.shard.shard import make_shard
from tests.plans import plan_at
from tests.properties import FEW, at

KEY = Key.root(0).child("numbers")
BOUNDS = [1, 2, 3, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**33 + 7, 2**40, 2**61 - 1, 2**63 - 1]


@FEW
@given(st.integers(1, 2**63 - 1))
@at(BOUNDS)
def test_bits_are_scaled_to_the_whole_number_below_a_bound_that_pythons_integers_give(bound: int):
    h = np.concatenate([bits(KEY, np.arange(200)), np.array([0, 1, 2**32 - 1, 2**32, 2**64 - 1], np.uint64)])
    assert scaled(h, bound).tolist() == [one * bound >> 64 for one in h.tolist()]


def test_what_an_int32_holds_is_drawn_alike_by_both_ways():
    keys, counter = [KEY.child(0), KEY.child(1)], np.arange(1000)
    bounds = [7, 2**31]
    wide = scaled(bits_each(keys, KEY, counter), np.array(bounds))
    assert np.array_equal(wide, below_each(keys, bounds, KEY, counter))


@FEW
@given(st.integers(-(2**40), 0) | st.integers(2**31 + 1, 2**62))
@at([0, -1, 2**31 + 1, 2**40])
def test_a_bound_that_an_int32_cannot_hold_is_an_error_where_it_would_wrap(bound: int):
    with pytest.raises(ValueError, match=str(abs(bound))):
        below(KEY, bound, np.arange(3))
    with pytest.raises(ValueError, match=str(abs(bound))):
        below_each([KEY], [bound], KEY, np.arange(3))


def pool(letter: str) -> str:
    """2,048 words."""
    return f"[{', '.join(f'{letter}{i}' for i in range(2048))}]"


CROWD = f"""\
worlds:
  w:
    size: {2**33}
    attributes:
      name: {{kind: name, pools: {{a: {pool("a")}, b: {pool("b")}, c: {pool("c")}}}}}
      birth_year: {{kind: integer, first: 1, last: 9}}
sources:
  pairs:
    kind: questions
    world: w
    paraphrases: fresh
    templates: {{birth_year: ["{{{{ name }}}}, {{{{ other_name }}}}? | No."]}}
  hops: {{kind: hops, world: w, templates: hops/en, attribute: birth_year, instances: 100_000}}
splits: {{train: {{mixture: {{pairs: {{tokens: 10_000}}}}, columns: [documents]}}}}
"""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A world of 2³³ people."""
    return plan_at(tmp_path_factory.mktemp("crowd") / "r.yaml", CROWD)


def evenly(drawn: Any, of: int) -> bool:
    """Whether numbers below `of` are spread evenly over its tenths."""
    tenths = np.bincount((np.asarray(drawn).reshape(-1) * 10) // of, minlength=10)
    return tenths.size == 10 and bool((abs(tenths - tenths.mean()) < 6 * tenths.mean() ** 0.5).all())


def test_second_individuals_are_drawn_from_all_of_more_people_than_an_int32_numbers(crowd: Plan):
    source: Any = crowd.sources["pairs"]
    assert evenly(source.others(np.arange(50_000), np.zeros(50_000, np.int64)), 2**33)


def test_people_in_context_are_drawn_from_all_of_them_too(crowd: Plan):
    source: Any = crowd.sources["hops"]
    assert evenly(source.grid(np.arange(10_000)), 2**33)


def test_documents_of_such_people_are_numbered_by_their_items(crowd: Plan):
    item = make_shard(crowd, "train", 0).columns["documents"].fields["item"]  # type: ignore[union-attr]
    assert item.dtype == np.int64
    assert evenly(item, 2**33)


CODES = """\
tokenizer: gpt2
worlds:
  w: {size: 1000, attributes: {name: &name {kind: name, pools: {a: values/people/first_names.txt, b: values/people/last_names.txt}}, c: &c {kind: codes, repeat: %d, diversity: 3, vocabulary: 100}}}
  v: {size: 1000, attributes: {name: *name, d: *c}}
sources:
  s: {kind: biographies, world: w, full_name: all, templates: {c: ["{{ name }} {{ number }} {{ value }}."]}}
  t: {kind: biographies, world: v, full_name: all, templates: {d: ["{{ name }} {{ number }} {{ value }}."]}}
splits: {train: {mixture: {s: {exposures: 1}, t: {exposures: 1}}, columns: [%s]}}
"""  # noqa: E501


def test_as_many_attributes_as_a_span_can_name_are_each_counted_as_often_as_they_are_said(tmp_path: Path):
    plan = plan_at(tmp_path / "r.yaml", CODES % (127, "spans"))
    split = plan.splits["train"]
    assert len(split.attributes) == 256
    spans: Any = [make_shard(plan, "train", k).columns["spans"] for k in range(split.shards)]
    counts = np.bincount(np.concatenate([one.fields["attribute"] for one in spans]), minlength=256)
    values = [i for i, name in enumerate(split.attributes) if name not in ("", "name")]
    assert len(values) == 254
    assert counts.max() < 1.1 * 1000 * 254  # names, which each sentence says
    assert (counts[values] >= 1000).all()
    assert (counts[values] < 1400).all(), "a sequence's end may cut a value in two"


def test_more_attributes_than_a_span_can_name_are_refused_with_their_number(tmp_path: Path):
    with pytest.raises(PlanError, match=r"r\.yaml:8: splits\.train\.columns\.0: 257 attributes .* 'spans' numbers 255"):
        plan_at(tmp_path / "r.yaml", CODES % (128, "spans"))
    assert len(plan_at(tmp_path / "r.yaml", CODES % (128, "loss_mask")).splits["train"].attributes) == 258


DEEP = """\
tokenizer: symbols
sources: {{s: {{kind: grammar, grammar: [{rules}]}}}}
splits: {{train: {{mixture: {{s: {{tokens: 1000}}}}, columns: [tree]}}}}
"""


def chain(levels: int) -> str:
    """A grammar whose root stands so many levels above its only two terminals."""
    return ", ".join([f'"s{i} -> s{i + 1}"' for i in range(levels - 1)] + [f'"s{levels - 1} -> a | b"'])


def test_all_the_constituents_that_end_at_a_token_are_counted_up_to_as_many_as_its_type_holds(tmp_path: Path):
    plan = plan_at(tmp_path / "r.yaml", DEEP.format(rules=chain(255)))
    shard = make_shard(plan, "train", 0)
    boundaries: Any = shard.columns["boundaries"]
    assert set(np.unique(boundaries).tolist()) == {0, 255}


def test_deeper_grammars_than_the_column_counts_are_refused_with_their_number(tmp_path: Path):
    with pytest.raises(RecipeError, match=r"sources\.s\.grammar: a grammar of 257 levels\. It may have 256"):
        plan_at(tmp_path / "r.yaml", DEEP.format(rules=chain(256)))


def test_grammars_of_more_symbols_than_the_column_numbers_are_refused_with_their_number(tmp_path: Path):
    many = '"r -> ' + " ".join(f"x{i}" for i in range(2**15)) + '"'
    with pytest.raises(PlanError, match=r"32,769 symbols, but the column 'tree' numbers 32,768"):
        plan_at(tmp_path / "r.yaml", DEEP.format(rules=many))


def test_shards_of_more_tokens_than_offsets_count_are_refused(tmp_path: Path):
    with pytest.raises(RecipeError, match="shard_tokens: must be less than or equal to 1073741824"):
        plan_at(tmp_path / "r.yaml", CROWD + f"shard_tokens: {2**30 + 1}\n")


def test_texts_of_a_shard_that_may_be_longer_than_offsets_count_are_refused(tmp_path: Path):
    split = "splits: {exam: {mixture: {pairs: {tokens: 10_000_000_000}}, packing: {method: rows}, columns: [answers]}}"
    recipe = CROWD[: CROWD.index("splits:")] + split + f"\nshard_tokens: {2**28}\n"
    with pytest.raises(PlanError, match=r"columns\.0: the texts of a shard of 2\d\d,\d+,\d+ tokens .* 134217727"):
        plan_at(tmp_path / "r.yaml", recipe)
    assert plan_at(tmp_path / "r.yaml", recipe.replace(str(2**28), str(2**27 - 1))).splits["exam"].shards > 1
