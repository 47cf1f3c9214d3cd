"""The rivals of the benchmark make what we make; else their times say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.plan import Plan
from pipeline.shard.shard import make_shard
from tests.bench.biographies import Biographies, Strings
from tests.bench.jinja_encode import JinjaEncode
from tests.plans import plan_of

DOCUMENTS = 60


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of("bioS_multi5", "worlds.people.size=200")


@pytest.fixture(scope="module")
def texts(plan: Plan) -> list[str]:
    """The first documents of the first shard, end token included."""
    ids = np.asarray(make_shard(plan, "train", 0).columns["input_ids"]).reshape(-1)
    end = plan.tokenizer.eos_token
    return [f"{text}{end}" for text in plan.tokenizer.decode(ids[: DOCUMENTS * 100]).split(end)[:DOCUMENTS]]


def test_templates_that_are_rendered_give_our_documents(plan: Plan, texts: list[str]) -> None:
    packed = JinjaEncode(plan, DOCUMENTS).packed(fast=True)
    assert plan.tokenizer.decode(packed.reshape(-1)).startswith("".join(texts))
    assert np.array_equal(packed, JinjaEncode(plan, DOCUMENTS).packed(fast=False))


def test_strings_that_are_joined_give_our_documents(plan: Plan, texts: list[str]) -> None:
    source = Biographies(plan)
    strings = Strings(source, plan.tokenizer.eos_token)
    indices = strings.indices(source.draw(np.arange(DOCUMENTS)))
    rows = zip(*(index.tolist() for index in indices), strict=True)
    joined = ["".join(table[row] for table, row in zip(strings.tables, of, strict=True)) for of in rows]
    assert joined == texts
