"""Some rows of a shard, made without the others, are those of the whole shard, in every column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.errors import RunError
from pipeline.core.table import Columns, Lists, Strings, content_hash, length_of, take
from pipeline.packing.packing import Line, pack, pack_pure, picked
from pipeline.packing.sequences import Sequences
from pipeline.packing.spec import PackingSpec
from pipeline.plan.plan import Plan
from pipeline.shard.placement import is_laid_out_quickly, layout_of
from pipeline.shard.shard import make_rows, make_shard
from pipeline.sources.lengths import lengths_of
from pipeline.storage.arrow import record_batch
from tests.plans import KINDS, plan_at, plan_of, small, usual

EVERY = "[loss_mask, segment_ids, documents, spans, parts]"
OWN = f"""\
extends: {Path(__file__).parent / "golden/small.yaml"}
worlds: {{strangers: {{extends: people, size: 25}}}}
sources:
  bios:
    paraphrases: fresh
    permutations: fresh
    tag: <useful>
    mistakes: {{corrected: 0.2, silent: 0.1, sentences: [city, shoes]}}
    mask: [tag, mistake]
  junk: {{extends: bios, world: strangers, tag: null, mistakes: null, mask: []}}
  asked:
    kind: questions
    world: people
    templates: {{city: ["Where is {{{{ name }}}}? | {{{{ city }}}}."]}}
    mask: [prompt]
splits:
  train:
    mixture: {{bios: {{exposures: 3}}, junk: {{ratio: 3, to: bios}}, asked: {{share: 0.1}}}}
    packing: {{PACKING}}
    columns: {EVERY}
shard_tokens: 16384
"""
PACKINGS = [  # documents have up to some 200 tokens, which are bytes
    "method: concat, length: 64",
    "method: concat, length: 999",
    "method: concat, length: 64, windows: pure",
    "method: concat, length: 90, windows: pure, longer: drop",
    "method: rows, length: 90, longer: drop",
    "method: rows, length: 900",
    "method: aligned, length: 300, windows: pure, longer: drop",
    "method: aligned, length: 900, windows: pure",
    "method: aligned, length: 300, windows: pure, longer: drop, last: pad",
]


FEWER = [
    f"{group}.{exam}=null"
    for exam in ("exam_15", "exam_20", "exam_21", "exam_22", "exam_23", "exam_reask")
    for group in ("splits", "sources")
]
"""Of igsm_med_pq: its exams of one number of operations, which are told as the other one is."""


def agrees(plan: Plan, split: str, k: int, seed: int) -> None:
    """Rows of every density, none of them, and all."""
    whole = record_batch(make_shard(plan, split, k).columns)
    layout = layout_of(plan, split, k)
    count = len(layout)
    assert count == whole.num_rows
    draw = np.random.default_rng(seed)
    chosen = [np.arange(count), np.arange(0), np.arange(0, count, 16), np.arange(count)[-1:]]
    chosen += [np.flatnonzero(draw.random(count) < share) for share in (0.01, 0.1, 0.5)]
    for rows in chosen:
        made = record_batch(make_rows(plan, split, k, rows.astype(np.int64), layout))
        assert made.schema == whole.schema
        assert made.equals(whole.take(rows))


@pytest.mark.parametrize("recipe", usual(KINDS, "tiny", "igsm_med_pq"))
def test_rows_are_those_of_the_shard(recipe: str):
    plan = plan_of(recipe, "shard_tokens=65536", *FEWER) if recipe == "igsm_med_pq" else small(recipe)
    for split in plan.splits.values():
        agrees(plan, split.name, split.shards // 2, seed=split.shards)


def test_no_rows_have_the_columns_of_the_shard():
    plan = small("bioS_chat")
    for split in plan.splits.values():
        none = make_rows(plan, split.name, 0, np.empty(0, np.int64), layout_of(plan, split.name, 0))
        assert record_batch(none).schema == record_batch(make_shard(plan, split.name, 0).columns).schema


@pytest.mark.parametrize("packing", PACKINGS)
def test_whatever_the_packing(packing: str, tmp_path: Path):
    plan = plan_at(tmp_path / "own.yaml", OWN.replace("PACKING", packing))
    shards = plan.splits["train"].shards
    assert shards > 1
    for k in {0, shards - 1}:
        agrees(plan, "train", k, seed=k)


def test_whatever_is_asked_of_a_row(tmp_path: Path):
    """The columns of rows with a document each, which `OWN` has not."""
    splits = f"""\
  exam:
    mixture: {{asked: {{exposures: 7}}}}
    packing: {{method: rows, length: 90}}
    columns: [answers, loss_mask]
  probe:
    mixture: {{asked: {{exposures: 7}}, bios: {{exposures: 2}}}}
    packing: {{method: rows, length: 900}}
    columns: [probes, {EVERY[1:-1]}]
"""
    text = OWN.replace("PACKING", PACKINGS[0]).replace("shard_tokens: 16384", splits)
    plan = plan_at(tmp_path / "own.yaml", text)
    for split in ("exam", "probe"):
        agrees(plan, split, plan.splits[split].shards // 2, seed=1)


DOCUMENTS = st.lists(st.integers(1, 25), min_size=0, max_size=14)
SPECS = st.builds(
    lambda method, length, pad: PackingSpec(
        method=method, length=length, last="pad" if pad and method == "aligned" else "cut"
    ),
    st.sampled_from(["concat", "rows", "aligned"]), st.integers(2, 40), st.booleans(),
)  # fmt: skip


@settings(derandomize=True, deadline=None, max_examples=300)
@given(DOCUMENTS, SPECS, st.integers(0, 14), st.data())
def test_a_line_is_what_packing_makes(lengths: list[int], spec: PackingSpec, cut: int, data: st.DataObject):
    if spec.method != "concat":
        lengths = [min(length, spec.length) for length in lengths]
    groups = [min(cut, len(lengths)), max(len(lengths) - cut, 0)]
    documents = numbered(lengths)
    packed = pack_pure(documents, groups, spec, -1) if lengths else pack(documents, spec, -1)
    line = Line.of(np.array(lengths, np.int64), groups, spec)
    assert (line.count, line.starts.tolist()) == (len(packed), packed.starts.tolist())
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, line.count - 1)))) if line.count else [], np.int64)
    touching = line.touching(rows, spec.length)
    assert touching.tolist() == sorted({n for row in rows for n in pieces_of(packed, row)[:, 2].tolist()})
    some = picked(documents.take(touching), line.starts[touching], rows, line.count, spec, -1)
    assert np.array_equal(some.input_ids, packed.input_ids[rows])
    assert np.array_equal(some.filled, packed.filled[rows])
    assert np.array_equal(some.loss_mask(), packed.loss_mask()[rows])


def numbered(lengths: list[int]) -> Documents:
    """Documents whose tokens are all different."""
    return Documents(Ragged(np.arange(sum(lengths), dtype=np.int32), offsets_of(np.array(lengths, np.int64))))


def pieces_of(packed: Sequences, row: int) -> Any:
    return packed.segments.values[packed.segments.offsets[row] : packed.segments.offsets[row + 1]]


@pytest.mark.parametrize("recipe", usual(["own", *KINDS], "own", "multi_hop"))
def test_lengths_are_those_of_the_documents(tmp_path: Path, recipe: str):
    own = OWN.replace("PACKING", PACKINGS[0])
    for source in (plan_at(tmp_path / "own.yaml", own) if recipe == "own" else small(recipe)).sources.values():
        item = np.arange(min(len(source), 300), dtype=np.int64)[::-1].copy()
        exposure = item % 3
        made = source.documents(item, exposure, spans=False).tokens.lengths
        assert lengths_of(source, item, exposure).tolist() == made.tolist()


def test_templates_are_measured_and_what_has_to_be_made_is_not(tmp_path: Path):
    (tmp_path / "rows.txt").write_text("a row\n")
    text = OWN.replace("PACKING", PACKINGS[0]).replace("splits:", "  text: {kind: corpus, files: rows.txt}\nsplits:")
    mixtures = {"templates": "asked: {share: 0.1}", "and rows of a file": "asked: {share: 0.1}, text: {share: 0.1}"}
    plans = {
        name: plan_at(tmp_path / "own.yaml", text.replace("asked: {share: 0.1}", mixture))
        for name, mixture in mixtures.items()
    }
    plans["problems"] = plan_of("igsm_med_pq", "shard_tokens=65536", *FEWER)
    quick = {name: is_laid_out_quickly(plan, "train") for name, plan in plans.items()}
    assert quick == {"templates": True, "and rows of a file": False, "problems": False}
    rows = plan_of("igsm_med_pq", "splits.exam.packing.longer=keep", "splits.exam.packing.length=4096", *FEWER)
    assert is_laid_out_quickly(rows, "exam"), "a row a document, however long"


def test_a_document_that_has_no_room_is_refused_as_for_the_shard():
    long = ("splits.exam_15.packing.longer=keep", "splits.exam_15.packing.length=919")
    plan = plan_of("igsm_med_pq", *long, *(one for one in FEWER if "exam_15" not in one))
    with pytest.raises(RunError, match="a sequence 919") as whole:
        make_shard(plan, "exam_15", 0)
    assert "Set packing.length" in str(whole.value)
    with pytest.raises(RunError, match="a sequence 919"):
        make_rows(plan, "exam_15", 0, np.arange(4096))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(max_size=4), min_size=1, max_size=8), st.data())
def test_rows_are_taken_from_columns_of_every_kind(texts: list[str], data: st.DataObject):
    counts = np.array([len(text) for text in texts])
    lists = Lists(offsets_of(counts), {"n": np.arange(counts.sum(), dtype=np.int32)})
    dense = np.arange(2 * len(texts), dtype=np.uint16).reshape(-1, 2)
    columns: Columns = {"text": Strings.of(texts), "list": lists, "dense": dense}
    assert length_of(columns) == len(texts)
    rows = np.array(data.draw(st.lists(st.integers(0, len(texts) - 1))), np.int64)
    taken = take(columns, rows)
    assert record_batch(taken).to_pylist() == record_batch(columns).take(rows).to_pylist()
    assert content_hash(take(columns, np.arange(len(texts)))) == content_hash(columns)
