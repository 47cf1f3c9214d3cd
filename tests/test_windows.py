"""Pure windows: a sequence holds documents of one source only, and the sequences of all sources are shuffled."""

from __future__ import annotations

import pickle
from collections import defaultdict
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.documents import ROLES
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.core.table import content_hash
from pipeline.packing.packing import pack_pure
from pipeline.packing.spec import PackingSpec
from pipeline.plan.plan import Plan
from pipeline.shard.shard import Shard, find_document, make_shard
from tests.plans import plan_at
from tests.reference import packing as reference
from tests.reference.packing import Document
from tests.test_packing import EOS, SETTINGS, document, made, rows_of

LENGTH = 64  # a biography has about 95 tokens, which are bytes here: all are cut, many twice
RECIPE = f"""\
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
    mixture: {{bios: {{exposures: 15}}, junk: {{ratio: 3, to: bios}}, asked: {{share: 0.1}}}}
    packing: {{length: {LENGTH}, windows: WINDOWS}}
    columns: [loss_mask, segment_ids, documents, spans, parts]
shard_tokens: 32768
"""
Told = tuple[str, int, int]  # source, item, exposure


class Piece(NamedTuple):
    """A part of a document: where it stands, and how much of the document came before."""

    offset: int
    sequence: int
    start: int
    length: int


def compiled(folder: Path, windows: str) -> Plan:
    return plan_at(folder / f"{windows}.yaml", RECIPE.replace("WINDOWS", windows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("windows")


@pytest.fixture(scope="module")
def pure(folder: Path) -> Plan:
    return compiled(folder, "pure")


@pytest.fixture(scope="module")
def shards(pure: Plan) -> list[Shard]:
    return [make_shard(pure, "train", k) for k in range(pure.splits["train"].shards)]


def pieces(shard: Shard, plan: Plan) -> dict[Told, list[Piece]]:
    """Document → its pieces, in the order in which they are read."""
    column: Any = shard.columns["documents"]
    sequence = np.repeat(np.arange(shard.sequences), np.diff(column.offsets))
    names = ("source", "item", "exposure", "offset", "start", "length")
    found: dict[Told, list[Piece]] = defaultdict(list)
    for s, *row in zip(sequence.tolist(), *(column.fields[name].tolist() for name in names), strict=True):
        source, item, exposure, offset, start, length = row
        found[plan.splits["train"].sources[source], item, exposure].append(Piece(offset, s, start, length))
    return {told: sorted(parts) for told, parts in found.items()}


def joined(parts: list[Piece], column: Any) -> list[int]:
    """What a column (S, L) says of the tokens of a document."""
    return [n for _, s, start, length in parts for n in column[s, start : start + length].tolist()]


def sources_of(shard: Shard) -> list[set[int]]:
    """The sources in each sequence."""
    column: Any = shard.columns["documents"]
    return [set(column.fields["source"][first:last].tolist()) for first, last in pairwise(column.offsets.tolist())]


def painted(marked: Any, what: str, shape: tuple[int, int]) -> np.ndarray:
    """Rows (start, length, what) of sequences, as what is said of each token; no two of them say something of one."""
    out = np.zeros(shape, np.int64)
    fields = [marked.fields[name].tolist() for name in ("start", "length", what)]
    sequence = np.repeat(np.arange(shape[0]), np.diff(marked.offsets)).tolist()
    for s, start, length, number in zip(sequence, *fields, strict=True):
        assert length > 0
        assert start + length <= shape[1]
        assert not out[s, start : start + length].any()
        out[s, start : start + length] = number
    return out


# ── which documents, and where ──────────────────────────────────────────────────────────────────────────────────────


def test_no_sequence_holds_documents_of_two_sources(shards: list[Shard]):
    assert len(shards) > 3
    for shard in shards:
        assert {len(sources) for sources in sources_of(shard)} == {1}
        assert set().union(*sources_of(shard)) == {0, 1, 2}


def test_every_document_stands_in_its_shard_once_and_whole(pure: Plan, shards: list[Shard]):
    split = pure.splits["train"]
    for k, shard in enumerate(shards):
        located = split.locate(split.positions(k))
        columns = (located.source.tolist(), located.item.tolist(), located.exposure.tolist())
        found = pieces(shard, pure)
        assert set(found) == {(split.sources[s], item, turn) for s, item, turn in zip(*columns, strict=True)}
        assert len(found) == split.positions(k).size
        for (source, item, turn), parts in found.items():
            ends = [(part.offset, part.offset + part.length) for part in parts]
            assert ends[0][0] == 0
            assert all(before[1] == after[0] for before, after in pairwise(ends))
            tokens = pure.sources[source].documents(np.array([item]), np.array([turn]), spans=False).tokens.values
            assert joined(parts, shard.columns["input_ids"]) == tokens.tolist()


def test_pure_and_mixed_windows_hold_the_same_documents_shard_by_shard(folder: Path, pure: Plan, shards: list[Shard]):
    mixed = compiled(folder, "mixed")
    assert (mixed.splits["train"].pure, pure.splits["train"].pure) == (False, True)
    several = 0
    for k, shard in enumerate(shards):
        other = make_shard(mixed, "train", k)
        tokens = [
            {told: joined(parts, one.columns["input_ids"]) for told, parts in pieces(one, plan).items()}
            for one, plan in ((shard, pure), (other, mixed))
        ]
        assert tokens[0] == tokens[1]
        assert shard.sources == other.sources
        several += sum(len(sources) > 1 for sources in sources_of(other))
    assert several > 100, "otherwise pure windows would be the same as mixed ones"


def test_documents_of_a_source_follow_each_other_as_they_do_in_the_order(pure: Plan, shards: list[Shard]):
    """Within a source nothing is shuffled again: after a document of a sequence comes the next one of the order."""
    split = pure.splits["train"]
    located = split.locate(split.positions(0))
    told = list(zip(located.source.tolist(), located.item.tolist(), located.exposure.tolist(), strict=True))
    column: Any = shards[0].columns["documents"]
    rows = list(zip(*(column.fields[name].tolist() for name in ("source", "item", "exposure")), strict=True))
    after = dict(pair for s in range(3) for pair in pairwise(one for one in told if one[0] == s))
    inside = [pair for first, last in pairwise(column.offsets.tolist()) for pair in pairwise(rows[first:last])]
    assert len(inside) > 50
    assert all(after[one] == two for one, two in inside)


def test_the_sequences_of_a_source_are_spread_over_the_shard(shards: list[Shard]):
    for shard in shards:
        order = np.array([next(iter(sources)) for sources in sources_of(shard)])
        shares = np.bincount(order) / order.size
        chance = 1 - float((shares**2).sum())
        changes = int((np.diff(order) != 0).sum())
        assert abs(changes - chance * order.size) < 6 * (order.size * chance) ** 0.5
        for source, share in enumerate(shares):
            half = (order[: order.size // 2] == source).mean()
            assert abs(half - share) < 6 * (share / order.size) ** 0.5


def test_each_shard_has_an_order_of_its_own(folder: Path):
    small = plan_at(folder / "small.yaml", RECIPE.replace("WINDOWS", "pure").replace("32768", "2048"))
    split = small.splits["train"]
    orders: dict[int, list[list[int]]] = defaultdict(list)  # by how many sequences there are
    for k in range(30):
        located, shard = split.locate(split.positions(k)), make_shard(small, "train", k)
        columns = (located.source.tolist(), located.item.tolist(), located.exposure.tolist())
        place = {(split.sources[s], *told): (s, i) for i, (s, *told) in enumerate(zip(*columns, strict=True))}
        begins: dict[int, tuple[int, int, int]] = {}  # sequence → what its first token is
        for told, parts in pieces(shard, small).items():
            begins |= {part.sequence: (*place[told], part.offset) for part in parts if part.start == 0}
        unshuffled = sorted(begins.values())
        orders[shard.sequences].append([unshuffled.index(begins[s]) for s in range(shard.sequences)])
    alike = [pair for same in orders.values() for pair in combinations(same, 2)]
    assert len(alike) > 5
    assert all(one != two for one, two in alike)


def test_only_the_last_window_of_each_source_is_padded_and_the_padding_is_counted(pure: Plan, shards: list[Shard]):
    for shard in shards:
        ids: Any = shard.columns["input_ids"]
        mask: Any = shard.columns["segment_ids"] > 0
        filled = mask.sum(axis=1)
        padded = np.flatnonzero(filled < LENGTH)
        assert len({min(sources_of(shard)[s]) for s in padded}) == padded.size <= 3
        assert shard.padding == ids.size - int(filled.sum())
        assert (ids[~mask] == pure.tokenizer.eos).all()
        assert int(filled.sum()) == sum(counts.tokens for counts in shard.sources.values())


# ── columns beside the tokens ───────────────────────────────────────────────────────────────────────────────────────


def test_segments_are_numbered_within_each_sequence(pure: Plan, shards: list[Shard]):
    for shard in shards:
        expected = np.zeros((shard.sequences, LENGTH), np.int64)
        every = sorted((part.sequence, part.start, part.length) for one in pieces(shard, pure).values() for part in one)
        number = dict.fromkeys(range(shard.sequences), 0)
        for s, start, length in every:
            number[s] += 1
            expected[s, start : start + length] = number[s]
        assert np.array_equal(shard.columns["segment_ids"], expected)


def test_spans_parts_and_the_loss_mask_follow_the_tokens_that_they_are_of(pure: Plan, shards: list[Shard]):
    split, shard = pure.splits["train"], shards[1]
    shape = (shard.sequences, LENGTH)
    columns: Any = shard.columns
    spans, parts = painted(columns["spans"], "attribute", shape), painted(columns["parts"], "role", shape)
    rows = {"spans": 0, "parts": 0}
    masked = set[str]()
    for (source, item, turn), where in pieces(shard, pure).items():
        renderer = pure.sources[source]
        told: Any = renderer.documents(np.array([item]), np.array([turn]), spans=True, parts=True)
        labels = [split.attributes.index(label) for label in renderer.labels]
        expected = {name: np.zeros(len(told.tokens.values), np.int64) for name in rows}
        for name, marked in (("spans", told.spans), ("parts", told.parts)):
            for start, length, number in marked.values.tolist():
                expected[name][start : start + length] = labels[number] if name == "spans" else number
                rows[name] += sum(p.offset < start + length and start < p.offset + p.length for p in where)
        assert joined(where, spans) == expected["spans"].tolist()
        assert joined(where, parts) == expected["parts"].tolist()
        lost = np.isin(expected["parts"], [ROLES.index(role) for role in renderer.mask])
        assert joined(where, columns["loss_mask"]) == (~lost).astype(int).tolist()
        masked |= {source} if lost.any() else set()
    assert rows == {name: int(columns[name].offsets[-1]) for name in rows}, "a row, and one more at each cut"
    assert masked == {"bios", "asked"}
    assert not columns["loss_mask"][columns["segment_ids"] == 0].any()


# ── finding, and building again ─────────────────────────────────────────────────────────────────────────────────────


def test_a_document_is_found_where_it_stands_from_its_first_token_to_its_last(pure: Plan, shards: list[Shard]):
    split, cut = pure.splits["train"], 0
    for k, shard in enumerate(shards[:2]):
        there = pieces(shard, pure)
        for position in split.positions(k)[::37].tolist():
            located = split.locate(np.array([position]))
            told = (split.sources[int(located.source[0])], int(located.item[0]), int(located.exposure[0]))
            assert split.find(*told) == position
            found = find_document(pure, "train", k, position)
            assert [(s, start, len(ids)) for s, start, ids in found] == [
                (part.sequence, part.start, part.length) for part in there[told]
            ]
            ids = [token for _, _, ids in found for token in ids.tolist()]
            assert ids == joined(there[told], shard.columns["input_ids"])
            cut += len(found) > 1
    assert cut > 5


def test_shards_are_the_same_bytes_in_whichever_order_they_are_built(pure: Plan, shards: list[Shard]):
    again = pickle.loads(pickle.dumps(pure))
    hashes = [content_hash(make_shard(again, "train", k).columns) for k in reversed(range(len(shards)))]
    assert hashes[::-1] == [content_hash(shard.columns) for shard in shards]


def test_pure_windows_of_a_lone_source_are_its_windows_in_their_order(folder: Path):
    alone = RECIPE.replace("junk: {ratio: 3, to: bios}, asked: {share: 0.1}", "")
    plans = [plan_at(folder / "alone.yaml", alone.replace("WINDOWS", windows)) for windows in ("pure", "mixed")]
    assert not plans[0].splits["train"].pure
    assert len({content_hash(make_shard(plan, "train", 0).columns) for plan in plans}) == 1


# ── packing alone ───────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.lists(document(), max_size=6), min_size=1, max_size=4).filter(any), st.integers(2, 40))
@SETTINGS
def test_pure_packing_is_that_of_each_group_shuffled(groups: list[list[Document]], length: int):
    documents = [one for group in groups for one in group]
    packed = pack_pure(made(documents), list(map(len, groups)), PackingSpec(length=length), EOS)
    order = Permutation(len(packed), Key.root(len(documents)))(np.arange(len(packed)))
    first, line = 0, []
    for group in groups:
        line += [(row, first) for row in reference.pack(group, "concat", length)]
        first += len(group)
    shuffled = packed.shuffled(order)
    for sequences, rows in ((packed, line), (shuffled, [line[i] for i in order])):
        assert sequences.input_ids.tolist() == [row.padded(length, EOS) for row, _ in rows]
        assert sequences.filled.tolist() == [len(row.ids) for row, _ in rows]
        assert rows_of(sequences.segments) == [
            [(start, n, number + base, offset) for start, n, number, offset in row.pieces()] for row, base in rows
        ]
        assert rows_of(sequences.spans()) == [row.spans(documents[base:]) for row, base in rows]
        assert sequences.segment_ids().tolist() == [row.segments(length) for row, _ in rows]
        assert sequences.loss_mask().tolist() == [row.loss_mask(length) for row, _ in rows]
        unmasked = sequences.loss_mask(made(documents).spans).tolist()
        assert unmasked == [[int(t < len(row.ids) and row.span[t] is None) for t in range(length)] for row, _ in rows]
