"""Sequences of more than 65,535 tokens, from the plan to what other trainers read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import read
from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.build.verification import verify
from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.table import Lists
from pipeline.dataset import Dataset
from pipeline.formats import FORMATS
from pipeline.packing.packing import pack
from pipeline.packing.spec import MOST_LENGTH, PackingSpec, segment_type
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from pipeline.storage import arrow
from pipeline.training.streams import of_plan
from tests.conftest import contents
from tests.net import promises
from tests.net.known import ASKED, alone, case
from tests.net.recipes import Case

LONG = 131_072
EOS = 0
COLUMNS = ["loss_mask", "segment_ids", "documents", "spans", "parts"]


def made(lengths: Any) -> Documents:
    """Documents of such lengths, whose tokens are 1, 2, 3, … throughout."""
    offsets = offsets_of(np.asarray(lengths, np.int64))
    return Documents(Ragged((np.arange(offsets[-1]) % 50_000 + 1).astype(np.uint16), offsets))


@pytest.mark.parametrize("length", [65_535, 65_536, 65_537, LONG])
def test_as_many_documents_as_tokens_are_numbered(length: int):
    packed = pack(made(np.ones(length + 2)), PackingSpec(length=length), EOS)
    segments = packed.segment_ids()
    assert segments.dtype == (np.uint16 if length == 65_535 else np.int32) == segment_type(length)
    assert segments.shape == (2, length)
    assert (segments[0] == np.arange(1, length + 1)).all()
    assert segments[1].tolist() == [1, 2] + [0] * (length - 2)


@pytest.mark.parametrize("method", ["concat", "rows", "aligned"])
def test_long_sequences_are_packed_as_naively(method: str):
    lengths = [100_000, 40_000, 131_072, 1, 70_000, 65_536]
    packed = pack(made(lengths), PackingSpec.model_validate({"method": method, "length": LONG}), EOS)
    line = np.arange(sum(lengths)) % 50_000 + 1
    documents = np.split(line, np.cumsum(lengths)[:-1])
    rows, numbers = [np.zeros(0, int)], [np.zeros(0, int)]
    for document in documents:
        rest = document
        while rest.size:
            if rows[-1].size == LONG or (method == "rows" and rest is document and rows[-1].size):
                rows.append(np.zeros(0, int))
                numbers.append(np.zeros(0, int))
            taken = rest[: LONG - rows[-1].size]
            number = numbers[-1][-1] + 1 if numbers[-1].size else 1
            rows[-1] = np.concatenate([rows[-1], taken])
            numbers[-1] = np.concatenate([numbers[-1], np.full(taken.size, number)])
            rest = rest[taken.size :] if method == "concat" else rest[:0]
    assert packed.filled.tolist() == [row.size for row in rows]
    for row, number, ids, segments, mask in zip(
        rows, numbers, packed.input_ids, packed.segment_ids(), packed.loss_mask(), strict=True
    ):
        assert (ids == np.pad(row, (0, LONG - row.size), constant_values=EOS)).all()
        assert (segments == np.pad(number, (0, LONG - number.size))).all()
        assert mask.sum() == row.size


def long(length: int = LONG) -> Case:
    """Twelve people, told at such length that they fill one sequence and a part of another."""
    split = {"mixture": {"s": {"exposures": 4}}, "packing": {"length": length}, "columns": COLUMNS}
    source = {
        "kind": "biographies",
        "world": "w",
        "templates": {"city": [f"{{{{ name }}}}:{' on' * 2500} {{{{ city }}}}."]},
    }
    return case(splits={"train": split}, sources={"s": source}, shard_tokens=2**24, tokenizer="bytes")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> promises.Built:
    """A dataset of sequences of 131,072 tokens, held against its documents, which are told one by one."""
    folder = tmp_path_factory.mktemp("long")
    one = long()
    recipe = one.write(folder)
    dataset = promises.Built(one, recipe, compile_plan(load(str(recipe))), folder / "whole" / promises.FOLDER)
    build(dataset.plan, dataset.out, Inline())
    promises.shards_hold_the_documents(dataset)
    dataset.files = contents(dataset.out)
    return dataset


def test_a_dataset_of_long_sequences_is_whole(built: promises.Built):
    assert verify(built.out) == []
    promises.manifest_counts(built)
    manifest = Dataset.at(built.out).manifest
    assert manifest.splits["train"]["length"] == LONG
    assert [record.sequences for record in manifest.shards] == [2]
    columns = arrow.columns_of(built.out / manifest.shards[0].file)
    types = {name: column.dtype for name, column in columns.items() if isinstance(column, np.ndarray)}
    assert types == {"input_ids": np.uint16, "loss_mask": np.uint8, "segment_ids": np.int32}
    assert isinstance(columns["spans"], Lists)
    assert columns["spans"].fields["start"].max() > 65_535


def test_long_sequences_are_streamed(built: promises.Built):
    promises.streams_equal_shards(built)
    (row, *_) = read(built.out, "train")
    assert (row["segment_ids"].dtype, row["segment_ids"].shape) == (np.int32, (LONG,))
    at = of_plan(built.plan, "train")[1]
    assert (at["segment_ids"] == built.rows["train"][0][1]["segment_ids"]).all()


@pytest.mark.parametrize("kind", FORMATS)
def test_long_sequences_are_exported_and_read_back(built: promises.Built, tmp_path: Path, kind: str):
    copy = tmp_path / promises.FOLDER
    shutil.copytree(built.out, copy)
    whole = promises._exported(built, copy, kind, "train", {})
    assert whole == (kind in ("parquet", "mds")), "the others have no place for masks"
    assert whole or promises._exported(built, copy, kind, "train", {"columns": ["input_ids"]})


def test_long_sequences_are_loaded_by_datasets(built: promises.Built, tmp_path: Path):
    from datasets import load_dataset

    data = load_dataset(str(built.out), split="train", cache_dir=str(tmp_path / "cache"))
    assert data.features["segment_ids"].feature.dtype == "int32"
    assert data.features["segment_ids"].length == 131_072
    rows = [row for shard in built.rows["train"] for row in shard]
    assert (len(data), data[1]["segment_ids"]) == (len(rows), list(rows[1]["segment_ids"]))


def test_more_documents_than_sixteen_bits_number_stand_in_one_sequence(tmp_path: Path):
    """Each of them is nothing but its end token."""
    source = {"kind": "corpus", "files": "s.jsonl"}
    one = alone(source, {"length": LONG}, ["segment_ids", "documents"], files={"s.jsonl": '{"text": ""}\n'})
    one.recipe["splits"]["train"]["mixture"] = {"s": {"exposures": LONG + 3}}
    one.recipe |= {"tokenizer": "gpt2", "shard_tokens": 2**20}
    shard = make_shard(compile_plan(load(str(one.write(tmp_path)))), "train", 0)
    segments, documents = shard.columns["segment_ids"], shard.columns["documents"]
    assert isinstance(segments, np.ndarray)
    assert isinstance(documents, Lists)
    assert (segments[0] == np.arange(1, LONG + 1)).all()
    assert segments[1, :4].tolist() == [1, 2, 3, 0]
    assert documents.fields["start"][LONG - 1] == LONG - 1


def test_questions_in_long_rows(tmp_path: Path):
    packing = {"method": "rows", "length": 65_537}
    one = case(
        sources={"s": ASKED},
        splits={
            "train": {"mixture": {"s": {"exposures": 1}}, "packing": packing, "columns": ["answers", "probes", "spans"]}
        },
        shard_tokens=2**22,
        tokenizer="bytes",
    )
    plan = compile_plan(load(str(one.write(tmp_path))))
    columns = make_shard(plan, "train", 0).columns
    short = compile_plan(load(str(tmp_path / "recipe.yaml"), ["splits.train.packing.length=512"]))
    fewer = make_shard(short, "train", 0).columns
    for name in ("answer", "prompt", "probes", "spans", "length"):
        assert equal(columns[name], fewer[name]), "where a row ends plays no part in what stands in it"
    assert columns["input_ids"].shape[1] == 65_537  # type: ignore[union-attr]


def equal(one: Any, other: Any) -> bool:
    """Whether two columns hold the same, in the same types."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and bool((one == other).all())
    fields = one.fields if isinstance(one, Lists) else {"bytes": one.bytes}
    others = other.fields if isinstance(other, Lists) else {"bytes": other.bytes}
    return all(equal(fields[name], others[name]) for name in fields)


def plan_of(tmp_path: Path, *overrides: str) -> Plan:
    return compile_plan(load(str(long().write(tmp_path)), overrides))


def test_what_a_plan_says_of_long_sequences(tmp_path: Path):
    length = "splits.train.packing.length="
    wide, narrow = (plan_of(tmp_path, f"{length}{tokens}").bytes_of("train") for tokens in (65_536, 65_535))
    tokens = narrow / 2
    assert wide - narrow == pytest.approx(2 * float(plan_of(tmp_path).splits["train"].tokens), rel=0.01), tokens
    assert plan_of(tmp_path, f"{length}{MOST_LENGTH}").splits["train"].packing.segment_type == np.int32
    (notice,) = (one for one in plan_of(tmp_path, f"{length}{2**20}").splits["train"].notices if "padding" in one)
    assert str(notice).endswith(
        "a sequence 1,048,576: the rest of it is padding. Raise shard_tokens, or lower packing.length."
    )
    assert not any("padding" in one for one in plan_of(tmp_path).splits["train"].notices)


def test_record_batches_of_long_sequences_hold_fewer_of_them(built: promises.Built):
    shard = Dataset.at(built.out).manifest.shards[0]
    assert all(batch.num_rows <= arrow.TOKENS // LONG for batch in arrow.read(built.out / shard.file))
    rows = arrow._rows_at_once
    sizes = {tokens: rows({"input_ids": np.zeros((1, tokens), np.uint16)}) for tokens in (512, 65_535, LONG, 2**23)}
    assert sizes == {512: 1024, 65_535: 1024, LONG: 32, 2**23: 1}
