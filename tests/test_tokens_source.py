"""Tokens as they are: files of every layout give the documents that were put into them, or are refused with place."""

from __future__ import annotations

import json
import os
import pickle
import re
import struct
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tokenizers
from blake3 import blake3
from pyarrow import parquet

from pipeline.core.documents import Documents
from pipeline.core.errors import PipelineError
from pipeline.dataset import Dataset
from pipeline.plan import Plan
from pipeline.publish.export import export
from pipeline.recipe.loading import export_spec
from pipeline.shard.shard import make_shard
from pipeline.sources import Source
from pipeline.sources.files import known
from pipeline.sources.lengths import is_measured
from pipeline.sources.tokens.cutting import Cutter, Found, Reading, cut_rows
from tests.conftest import built
from tests.plans import plan_at

BYTES = Path(__file__).parent / "golden/byte_tokenizer.json"  # an id for each byte, and the end token
END = 256
ORIGINAL = """\
# what the files are made of
tokenizer: {bytes}
worlds: {{people: {{size: 60, attributes: {{
  name: {{kind: name, pools: {{first: [Ad, Bo, Cy, Di, Eva, Flo, Gus, Al], last: [Ek, Fo, Gil, Ha, Ito, Ja, Ko, Le]}}}},
  city: {{kind: choice, values: [Oslo, Rome, Ouagadougou]}},
  job: {{kind: choice, values: [baker, tailor of hats]}}}}}}}}
sources:
  people: {{kind: biographies, world: people, full_name: all, tag: <people>, templates: {{
    city: ["{{{{ name }}}} lives in {{{{ city }}}}."], job: ["{{{{ subject }}}} is a {{{{ job }}}}."]}}}}
  asked: {{kind: questions, world: people, templates: {{city: ["Where is {{{{ name }}}}? | In {{{{ city }}}}."]}}}}
  texts: {{kind: corpus, files: rows.jsonl}}
splits:
  train:
    mixture: {{people: {{exposures: 8}}, asked: {{exposures: 5}}, texts: {{exposures: 1}}}}
    packing: {{{packing}}}
    columns: [{columns}]
shard_tokens: {shard}
"""
TAGGED = f"tokenizer: {{name: {BYTES}, add: [<people>]}}\n"
TEXTS = ["", "A row.", "word " * 700, "  two  words ", "", "日本語のテキスト", "x" * 300]
USE = """\
# a recipe with tokens as they are
{more}sources: {{it: {{kind: tokens, files: {files}, {keys}}}}}
splits: {{train: {{mixture: {{it: {{{amount}}}}}, packing: {{{packing}}}, columns: [{columns}]}}}}
"""


def original(folder: Path, packing: str = "length: 16", columns: str = "", shard: int = 20_000) -> Plan:
    """A plan with documents of several kinds, in shards of more than one record batch each."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return plan_at(
        folder / "original.yaml", ORIGINAL.format(packing=packing, columns=columns, shard=shard, bytes=BYTES)
    )


def using(folder: Path, files: Any, keys: str = "", **of: str) -> Plan:
    """The plan of a recipe whose source is these files."""
    of = {"amount": "exposures: 1", "packing": "length: 64", "columns": "", "more": f"tokenizer: {BYTES}\n", **of}
    text = USE.format(files=json.dumps([str(file) for file in files] if isinstance(files, list) else str(files)),
                      keys=keys or "split: train", **of)  # fmt: skip
    return plan_at(folder / "use.yaml", text)


def source_of(folder: Path, files: Any, keys: str = "", **of: str) -> Source:
    return using(folder, files, keys, **of).sources["it"]


def original_documents(plan: Plan, *marks: str) -> list[Any]:
    """The ids, and marks, of each document of the split `train`, in the order of positions: the oracle."""
    split, made = plan.splits["train"], {}
    located = split.locate(np.arange(split.documents))
    for number, name in enumerate(split.sources):
        source, places = plan.sources[name], np.flatnonzero(located.source == number)
        labels = np.array([split.attributes.index(label) for label in source.labels], np.int32)
        documents = source.documents(located.item[places], located.exposure[places], spans=True, parts=True)
        made |= dict(zip(places.tolist(), rows_of(documents.relabelled(labels), *marks), strict=True))
    return [made[place] for place in range(split.documents)]


def documents_of(source: Source, *marks: str) -> list[Any]:
    """The ids, and marks, of all documents of a source."""
    item = np.arange(len(source), dtype=np.int64)
    return rows_of(source.documents(item, np.zeros_like(item), spans=True, parts=True), *marks)


def rows_of(documents: Documents, *marks: str) -> list[Any]:
    """The ids of each document, and its marks, if some are named, as lists."""
    columns = [documents.tokens, *(getattr(documents, name) for name in marks)]
    values = [(column.values.tolist(), column.offsets.tolist()) for column in columns]
    rows = [[of[ends[i] : ends[i + 1]] for of, ends in values] for i in range(len(documents))]
    return rows if marks else [ids for (ids,) in rows]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path]:
    """The plan, and a folder with its dataset and its exports to all formats of token ids."""
    folder = tmp_path_factory.mktemp("original")
    plan = original(folder)
    assert plan.splits["train"].shards == 2
    built(plan, folder / "data")
    for kind, options in {"nanogpt": [], "llmc": ["tokens=20000"], "megatron": []}.items():
        export(Dataset.at(folder / "data"), export_spec(kind, options), folder / kind)
    return plan, folder


# ── what was put in comes out ───────────────────────────────────────────────────────────────────────────────────────

OF_FORMATS = {"nanogpt": "train.bin", "llmc": "train_*.bin", "megatron": "train.bin"}


@pytest.mark.parametrize("layout", OF_FORMATS)
def test_an_export_gives_the_documents_of_the_plan(data: tuple[Plan, Path], tmp_path: Path, layout: str):
    plan, folder = data
    keys = f"tokenizer_file: {folder}/data/tokenizer/tokenizer.json"
    source = source_of(tmp_path, folder / layout / OF_FORMATS[layout], keys, more=TAGGED)
    expected = original_documents(plan)
    assert documents_of(source) == expected
    lengths = [len(ids) for ids in expected]
    assert is_measured(source)
    assert source.mean_tokens * len(source) == sum(lengths)
    assert source.longest == max(lengths)
    assert source.token_ids().tolist() == sorted({token for ids in expected for token in ids})
    some = np.array([5, 0, len(source) - 1, 5], np.int64)
    assert source.lengths(some, some).tolist() == [lengths[i] for i in some.tolist()]
    assert rows_of(source.documents(some, some, spans=False)) == [expected[i] for i in some.tolist()]


# Datasets whose documents are known: packing and columns.
PACKINGS = [
    ("length: 16", "spans, parts"),  # more rows than a record batch has
    ("length: 16, windows: pure", "documents, spans, parts"),
    pytest.param("length: 16", "segment_ids, loss_mask", marks=pytest.mark.slow),
    pytest.param("length: 4096, method: rows", "spans, parts", marks=pytest.mark.slow),
    pytest.param("length: 4096, method: aligned, last: pad, windows: pure", "documents, spans", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("packing", "columns"), PACKINGS)
def test_a_dataset_of_ours_gives_its_documents_with_their_spans_and_parts(tmp_path: Path, packing: str, columns: str):
    plan = original(tmp_path, packing, columns)
    built(plan, tmp_path / "data")
    source = source_of(tmp_path, tmp_path / "data", more=TAGGED)
    marks = [name for name in ("spans", "parts") if name in columns]
    ordered = sorted if "pure" in packing else list  # pure windows are in an order of their own
    assert ordered(documents_of(source, *marks)) == ordered(original_documents(plan, *marks))
    assert source.labels == (plan.splits["train"].attributes if "spans" in marks else ("",))
    assert source.roles == (("tag", "prompt", "answer") if "parts" in marks else ())
    assert ("the loss_mask of the dataset is not kept" in " ".join(map(str, source.notices))) == ("mask" in columns)


# ── Arrow, Parquet, and what `datasets` saves ───────────────────────────────────────────────────────────────────────

ROWS = [[1, 2, END], [3], [], [END], [4, 5, END, END, END], [6, END, 7, 8, END], [END, 9]]
OF_ROWS = [[1, 2], [3], [], [], [4, 5], [6], [7, 8], [9]]
OF_STREAM = [[1, 2], [3], [4, 5], [], [], [6], [7, 8], [], [9]]


def table_of(rows: list[list[int]], kind: Any) -> pa.Table:
    """In two record batches."""
    column = pa.chunked_array([pa.array(part, kind) for part in (rows[:5], rows[5:])])
    return pa.table({"length": pa.array(map(len, rows)), "input_ids": column})


def as_parquet(path: Path, table: pa.Table) -> Path:
    parquet.write_table(table, path / "it.parquet")
    return path / "it.parquet"


def as_arrow(path: Path, table: pa.Table, new: Any = pa.ipc.new_file, **options: Any) -> Path:
    with new(path / "it.arrow", table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return path / "it.arrow"


def as_stream(path: Path, table: pa.Table) -> Path:
    return as_arrow(path, table, pa.ipc.new_stream)


def as_compressed(path: Path, table: pa.Table) -> Path:
    return as_arrow(path, table, compression="zstd")


def as_saved(path: Path, table: pa.Table) -> Path:
    """As `Dataset.save_to_disk` of a DatasetDict writes it."""
    (path / "saved/train").mkdir(parents=True)
    (path / "saved/dataset_dict.json").write_text('{"splits": ["train"]}')
    as_stream(path / "saved/train", table).rename(path / "saved/train/data-00000-of-00001.arrow")
    (path / "saved/train/state.json").write_text('{"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}')
    return path / "saved"


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (as_parquet, pa.list_(pa.int64())),
        (as_arrow, pa.list_(pa.int32())),
        (as_stream, pa.large_list(pa.uint32())),
        (as_compressed, pa.list_(pa.int64())),
        (as_saved, pa.list_(pa.uint16())),
    ],
)
def test_columns_of_ids_are_rows_of_documents_or_one_stream(tmp_path: Path, write: Callable[..., Path], kind: Any):
    path = write(tmp_path, table_of(ROWS, kind))
    assert documents_of(source_of(tmp_path, path)) == [[*ids, END] for ids in OF_ROWS]
    assert documents_of(source_of(tmp_path, path, "rows: stream")) == [[*ids, END] for ids in OF_STREAM]


def test_a_column_of_fixed_lists_in_several_files_has_a_name(tmp_path: Path):
    files = []
    for number, rows in enumerate(([[1, 2, END, 4], [5, END, 7, 8]], [[9, END, 1, 1]])):
        table = pa.table({"ids": pa.array(rows, pa.list_(pa.int32(), 4))})
        files.append(as_parquet(tmp_path, table).rename(tmp_path / f"{number}.parquet"))
    keys = f"column: ids, rows: stream, end: {END}, begin: 7"
    expected = [[1, 2], [4, 5], [8], [9], [1, 1]]  # a file begins with a document
    assert documents_of(source_of(tmp_path, files, keys)) == [[*ids, END] for ids in expected]
    assert documents_of(source_of(tmp_path, tmp_path / "*.parquet", keys)) == [[*ids, END] for ids in expected]


def test_rows_that_seem_to_be_packed_are_noticed(tmp_path: Path):
    table = table_of([[1, END, 2, 3], [4, 5, END, 6], [7, 8, 9, END]], pa.list_(pa.int32()))
    notice = "If they are, write `rows: stream`."
    for write in (as_arrow, as_parquet):
        path = write(tmp_path, table)
        assert [notice in str(one) for one in source_of(tmp_path, path).notices] == [True]
        assert not source_of(tmp_path, path, "rows: stream").notices


# ── cutting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Noted(Found):
    """Documents as lists of pieces."""

    def __init__(self) -> None:
        super().__init__("it", None)  # type: ignore[arg-type]  # nothing is written
        self.documents: list[list[tuple[int, int]]] = []

    def write(self, begins: Any, lengths: Any) -> None:
        self.documents += [[pair] for pair in zip(begins.tolist(), lengths.tolist(), strict=True)]

    def write_pieces(self, begins: Any, lengths: Any, documents: Any) -> None:
        self.documents.append(list(zip(begins.tolist(), lengths.tolist(), strict=True)))


def by_hand(ids: list[int], *, leading: bool, begin: int) -> list[list[int]]:
    """The documents between the end tokens, 9, of a stream."""
    found: list[list[int]] = [[]]
    for token in ids:
        found.append([]) if token == 9 else found[-1].append(token)
    found = [one[one[:1] == [begin] :] for one in found]
    outside = found[0] if leading else found[-1]
    return found if outside else found[1:] if leading else found[:-1]


@pytest.mark.parametrize("leading", [False, True])
@pytest.mark.parametrize("begin", [-1, 7])
def test_a_stream_is_cut_the_same_wherever_it_is_read_in_pieces(leading: bool, begin: int):
    draw = np.random.default_rng(5)
    for _ in range(300):
        ids = draw.choice([1, 2, 7, 9], draw.integers(0, 12))
        found = Noted()
        cutter = Cutter(Reading(9, begin), found, leading=leading)
        cuts = np.sort(draw.integers(0, len(ids) + 1, draw.integers(0, 4))).tolist()
        far = draw.integers(0, 2) * 100  # what lies between pieces
        places = {}
        for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(ids)], strict=True)):
            cutter.add(ids[first:last], first + number * far)
            places |= {place + number * far: int(ids[place]) for place in range(first, last)}
        cutter.end()
        read = [[places[at + k] for at, n in pieces for k in range(n)] for pieces in found.documents]
        assert read == by_hand(ids.tolist(), leading=leading, begin=begin), (ids, cuts)


def test_rows_are_cut_at_end_tokens_and_padding_is_no_document():
    draw = np.random.default_rng(6)
    for _ in range(300):
        rows = [draw.choice([1, 7, 9], draw.integers(0, 6)).tolist() for _ in range(4)]
        ids, offsets = np.array([*chain(*rows)], np.int32), np.cumsum([0, *map(len, rows)])
        begins, lengths = cut_rows(ids, 100, offsets, Reading(9, 7))
        found = [ids[at - 100 : at - 100 + n].tolist() for at, n in zip(begins, lengths, strict=True)]
        expected = []
        for row in rows:
            parts = "".join(map(str, row)).split("9")
            held = [part for part in parts if part] or [""]
            expected += [[int(digit) for digit in part.removeprefix("7")] for part in held]
        assert found == expected, rows


# ── in a recipe ─────────────────────────────────────────────────────────────────────────────────────────────────────


def ids_of(text: str) -> list[int]:
    """The ids of the bytes of a text."""
    encoder = tokenizers.Tokenizer.from_file(str(BYTES))
    ids: list[int] = encoder.encode(text).ids
    return ids


def as_nanogpt(path: Path, documents: list[list[int]]) -> Path:
    np.array([token for ids in documents for token in (*ids, END)], "<u2").tofile(path)
    return path


def texts_in(path: Path, count: int = 300) -> tuple[Path, list[list[int]]]:
    """A file of nanoGPT with short texts, and their ids."""
    documents = [ids_of(f"Text number {number} says {'so ' * (number % 7)}much.") for number in range(count)]
    return as_nanogpt(path, documents), documents


def test_shares_and_amounts_are_exact_and_a_tag_is_in_front(tmp_path: Path):
    path, documents = texts_in(tmp_path / "it.bin")
    plan = using(tmp_path, path, "tag: <note>, mask: [tag]", amount="exposures: 3", columns="loss_mask, parts")
    total = sum(len(ids) + 2 for ids in documents) * 3
    split = plan.splits["train"]
    assert split.tokens == total
    shard = make_shard(plan, "train", 0)
    assert shard.sources["it"].tokens == total
    tag = plan.tokenizer.backend.token_to_id("<note>")
    assert documents_of(plan.sources["it"], "parts")[17] == [[tag, *documents[17], END], [[0, 1, 1]]]
    assert int(shard.columns["loss_mask"].sum()) == total - 900
    plan = using(tmp_path, path, "tag: {text: 'A note:'}")
    words = plan.tokenizer.encode([" A note:"])[0].tolist()
    assert documents_of(plan.sources["it"], "parts")[17] == [[*words, *documents[17], END], [[0, len(words), 1]]]


def test_a_reduced_tokenizer_has_other_ids_for_the_same_documents(tmp_path: Path):
    path, _ = texts_in(tmp_path / "it.bin")
    plan = using(tmp_path, path, more=f"tokenizer: {{name: {BYTES}, vocabulary: used}}\n")
    assert plan.tokenizer.in_use.count < 50
    assert make_shard(plan, "train", 0).columns["input_ids"].dtype == np.uint16
    assert max(chain(*documents_of(plan.sources["it"]))) < plan.tokenizer.in_use.count
    texts = plan.tokenizer.decode_all([ids[:-1] for ids in documents_of(plan.sources["it"])])
    assert texts[:2] == ["Text number 0 says much.", "Text number 1 says so much."]
    assert {ids[-1] for ids in documents_of(plan.sources["it"])} == {plan.tokenizer.eos}


def test_end_tokens_of_the_file_become_ours_and_ids_wider_than_sixteen_bits_stay(tmp_path: Path):
    ids = np.array([END, 1, 2, END, 3, END], "<u4")
    header = np.zeros(256, "<i4")
    header[:3] = 20240801, 7, ids.size
    (tmp_path / "it.bin").write_bytes(header.tobytes() + ids.tobytes())
    more = f"tokenizer: {{name: {BYTES}, add: [<own>], eos: <own>}}\n"
    source = source_of(tmp_path, tmp_path / "it.bin", "end: <|endoftext|>", more=more)
    own = source.documents(np.array([0]), np.array([0]), spans=False).tokens.values[-1]
    assert documents_of(source) == [[1, 2, own], [3, own], [own]]


def test_a_source_is_small_and_a_worker_finds_all_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, documents = texts_in(tmp_path / "it.bin")
    source = source_of(tmp_path, path)
    sent = pickle.dumps(source)
    assert len(sent) < 3500
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
    assert documents_of(pickle.loads(sent)) == [[*ids, END] for ids in documents]
    (kept,) = (tmp_path / "another machine/pretraining-recipes/files").glob("*.documents")
    damaged = bytearray(kept.read_bytes())
    damaged[8] ^= 1
    kept.write_bytes(damaged)
    assert documents_of(pickle.loads(sent)) == [[*ids, END] for ids in documents]


def test_more_files_than_a_process_may_have_open_are_read(tmp_path: Path):
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        as_nanogpt(tmp_path / f"{number:02}.bin", [[65 + number]])
    source = source_of(tmp_path, tmp_path / "*.bin")
    assert documents_of(source) == [[65 + number, END] for number in range(20)]
    assert len(os.listdir("/proc/self/fd")) < before + 5


@pytest.mark.parametrize("settled", [known.SETTLED, -1])
def test_a_file_that_changes_after_the_plan_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settled: int
):
    monkeypatch.setattr(known, "SETTLED", settled)  # -1: any time tells versions apart
    path, documents = texts_in(tmp_path / "it.bin")
    sent = pickle.dumps(source_of(tmp_path, path))
    os.utime(path, (1, 1))
    assert len(documents_of(pickle.loads(sent))) == len(documents)
    as_nanogpt(path, [*documents[:-1], [5]])
    with pytest.raises(PipelineError, match=r"it\.bin' has changed since the plan was made"):
        documents_of(pickle.loads(sent))
    path.unlink()
    with pytest.raises(PipelineError, match=r"cannot read '.*it\.bin': No such file"):
        documents_of(pickle.loads(sent))


SHARDS = f"tokenizer: {BYTES}\nshard_tokens: 2048\n"


def test_a_killed_build_goes_on_and_content_is_in_the_fingerprint(tmp_path: Path):
    path, documents = texts_in(tmp_path / "it.bin")
    plan = using(tmp_path, path, amount="exposures: 2", more=SHARDS)
    whole, _ = built(plan, tmp_path / "whole")
    built(plan, tmp_path / "data")
    shards = sorted((tmp_path / "data/train").iterdir())
    shards[1].unlink()
    new, kept = built(plan, tmp_path / "data")
    assert (len(new), len(new | kept)) == (1, len(whole))
    assert shards[1].read_bytes() == (tmp_path / "whole/train" / shards[1].name).read_bytes()
    path.rename(tmp_path / "elsewhere.bin")
    assert (
        using(tmp_path, tmp_path / "elsewhere.bin", amount="exposures: 2", more=SHARDS).fingerprint == plan.fingerprint
    )
    as_nanogpt(path, documents[1:])
    assert using(tmp_path, path, amount="exposures: 2", more=SHARDS).fingerprint != plan.fingerprint


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def refusal(folder: Path, files: Any, keys: str = "", **of: str) -> str:
    """The one line that refuses a recipe."""
    with pytest.raises(PipelineError) as error:
        using(folder, files, keys, **of)
    line = str(error.value)
    assert "\n" not in line
    assert re.search(r"use\.yaml:[34]: sources\.it", line)
    return line


def index_of(lengths: list[int], **changed: Any) -> bytes:
    """An .idx of Megatron for documents of uint16 ids."""
    places = np.cumsum([0, *lengths])[:-1] * 2
    it = {"magic": b"MMIDIDX\0\0", "version": 1, "type": 8, "count": len(lengths), "entries": len(lengths) + 1,
          "lengths": lengths, "places": places, "firsts": range(len(lengths) + 1), **changed}  # fmt: skip
    head = it["magic"] + struct.pack("<QBQQ", *(it[name] for name in ("version", "type", "count", "entries")))
    arrays = (np.array(it[name], kind) for name, kind in (("lengths", "<i4"), ("places", "<i8"), ("firsts", "<i8")))
    return head + b"".join(array.tobytes() for array in arrays)


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (b"", "it does not begin with"),
        (index_of([2, 3], magic=b"MMIDIDY\0\0"), "it does not begin with"),
        (index_of([2, 3])[:-1], "it has 81 bytes, too few for 2 sequences and 3 documents"),
        (index_of([2, 3]) + b"\0" * 3, "it has 85 bytes, and 82 are said"),
        (index_of([2, 3], type=6), "of version 1 with ids of type 6"),
        (index_of([2, 3], version=2), "of version 2"),
        (index_of([2, 3], count=2**63), "too few for 9,223,372,036,854,775,808 sequences"),
        (index_of([7, -2]), "sequence 1 has -2 tokens"),
        (index_of([2, 3], places=[0, 6]), "sequence 1 begins at byte 6, and the one before it ends at 4"),
        (index_of([2, 3], places=[-4, 4]), "sequence 0 begins at byte -4"),
        (index_of([2, 4]), "its sequences have 12 bytes, the .bin 10"),
        (index_of([2, 3], firsts=[0, 3, 2]), "its documents do not begin one after the other"),
        (index_of([2, 3], firsts=[1, 1, 2]), "its documents do not begin one after the other"),
    ],
)
def test_an_index_that_lies_is_refused(tmp_path: Path, index: bytes, said: str):
    as_nanogpt(tmp_path / "it.bin", [[1], [2, 3]])
    (tmp_path / "it.idx").write_bytes(index)
    line = refusal(tmp_path, tmp_path / "it.bin")
    assert "it.idx' is no index of its .bin: " in line
    assert said in line
    assert line.endswith("Make both files again, together.")


def llmc_file(*head: int, ids: Any = (END, 1, 2), kind: str = "<u2") -> bytes:
    return np.pad(np.array(head, "<i4"), (0, 256 - len(head))).tobytes() + np.array(ids, kind).tobytes()


@pytest.mark.parametrize(
    ("data", "keys", "said"),
    [
        (b"", "", "holds no tokens. Leave it out."),
        (b"\1\0\2", "", "has 3 bytes, and ids of uint16 have two each"),
        (llmc_file(20240520, 1, 4), "", "has 1,030 bytes, and with the 4 tokens of its header it has 1,032"),
        (llmc_file(20240520, 1, -1), "", "with the -1 tokens of its header"),
        (llmc_file(20240520, 2, 3), "", "is of version 2, and 1 can be read"),
        (llmc_file(20240520, 1, 3)[:900], "", "has no header of llm.c"),
        (llmc_file(20240521, 1, 3), "layout: llmc", "has no header of llm.c: it does not begin with 20240520 or"),
        (llmc_file(20240801, 7, 3, ids=(END, 2**31, 1), kind="<u4"), "", "token 1 is 2147483648, and ids are from 0"),
        (llmc_file(20240801, 7, 3, ids=(END, 1, 60000), kind="<u4"), "", "token 1 of document 0 is 60000, and the"),
        (
            np.array([1, 2, END, 3, 257], "<u2").tobytes(),
            "",
            "token 1 of document 1 is 257, the tokenizer's padding",
        ),
        (b"\1\0", "end: <nothing>", "the tokenizer has no token '<nothing>'. Give its id, or"),
        (np.array([1, END], "<u2").tobytes(), "end: 1", "the tokenizer's end token '<|endoftext|>', which `end` says"),
    ],
)
def test_a_file_that_is_not_as_its_layout_says_is_refused(tmp_path: Path, data: bytes, keys: str, said: str):
    (tmp_path / "it.bin").write_bytes(data)
    assert said in refusal(tmp_path, tmp_path / "it.bin", keys)


@pytest.mark.parametrize(
    ("files", "keys", "said"),
    [
        ("it.bin", "", "no file 'it.bin'"),
        ("*.bin", "", "no file '*.bin'"),
        ("nfs9://host/it.bin", "", "unknown protocol 'nfs9'. It can be s3, gs, az, hf or a path."),
        ("folder", "", "folder' is a folder, and not of a dataset. Name its files: a.bin"),
        ("text.txt", "", "cannot read 'text.txt'. Give files of one kind: .arrow, .parquet, .bin."),
        (["folder/a.bin", "it.parquet"], "", "cannot read 'it.parquet'. Give files of one kind: .bin."),
        ("it.parquet", "column: ids", "it.parquet' has no column 'ids'. Did you mean 'input_ids'?"),
        ("it.parquet", "column: text", "the column 'text' of "),
        ("it.parquet", "", "it.parquet': row 1 has no 'input_ids'. Leave it out."),
        ("saved", "", "state.json': it names no files beside it"),
        ("folder/a.bin", "tokenizer_file: saved/state.json", "cannot load the tokenizer "),
        ("folder/a.bin", "content: 'blake3:0'", "not those that the recipe was made with (blake3:0)"),
        ("folder/a.bin", "mask: [answer]", "no part of these documents is of the role answer"),
        ([], "", "no files. Give at least one path."),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_can(tmp_path: Path, files: Any, keys: str, said: str):
    (tmp_path / "folder").mkdir()
    as_nanogpt(tmp_path / "folder/a.bin", [[65]])
    (tmp_path / "text.txt").write_text("text")
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved/state.json").write_text('{"_data_files": [{"filename": "../../it.arrow"}]}')
    parquet.write_table(pa.table({"input_ids": [[1], None], "text": ["a", "b"]}), tmp_path / "it.parquet")
    assert said in refusal(tmp_path, files, keys)


@pytest.mark.parametrize("data", [b"", b"ARROW1\0\0", b"PAR1", b"\xff\xff\xff\xff\x10\0\0\0" + b"\1" * 40])
@pytest.mark.parametrize("name", ["it.arrow", "it.parquet"])
def test_a_broken_table_is_refused(tmp_path: Path, data: bytes, name: str):
    (tmp_path / name).write_bytes(data)
    assert f"cannot read '{tmp_path}/{name}'" in refusal(tmp_path, name)


def test_ids_of_another_tokenizer_are_refused_with_an_example(tmp_path: Path):
    path, documents = texts_in(tmp_path / "it.bin")
    wrong = [*ids_of("日")[:2], *ids_of("A")]  # no text
    as_nanogpt(path, [*documents[:-3], *([wrong] * 3)])  # one of a hundred may be
    assert len(source_of(tmp_path, path)) == 300
    as_nanogpt(path, [*documents[:-4], *([wrong] * 4)])
    line = refusal(tmp_path, path)
    assert "4 of 300 documents are not what the tokenizer makes of their texts: document 296 of '" in line
    made = ids_of("\ufffdA")
    assert f"it.bin' has {wrong} for '\ufffdA', and the tokenizer {made}. Name the tokenizer that" in line
    as_nanogpt(path, [*documents[:9], wrong])
    assert "1 of 10 documents are not what" in refusal(tmp_path, path)
    assert len(source_of(tmp_path, path, f"tokenizer_file: {BYTES}")) == 10
    long = [ids_of("much too long " * 400)] * 3
    long[1] = [*long[1][:2047], *ids_of("é" * 10)]  # which is looked at up to the middle of a character
    as_nanogpt(path, long)
    assert len(source_of(tmp_path, path)) == 3
    more = "tokenizer: gpt2\n"
    as_nanogpt(path, documents)
    assert "300 of 300 documents are not what" in refusal(tmp_path, path, "end: 256", more=more)


def test_a_dataset_with_another_tokenizer_or_changed_bytes_is_refused(data: tuple[Plan, Path], tmp_path: Path):
    _, folder = data
    place = folder / "data"
    line = refusal(tmp_path, place)
    assert "where '<people>' is 257; in the recipe it is no token. Name that tokenizer in the recipe: " in line
    assert "whose model is not that of the recipe's" in refusal(tmp_path, place, more="tokenizer: gpt2\n")
    assert "has no split 'exam'. It can be: train." in refusal(tmp_path, place, "split: exam")
    assert "a dataset of ours states its own `end`. Leave it out." in refusal(tmp_path, place, "end: 5")
    manifest = (place / "manifest.json").read_text()
    copy = tmp_path / "copy"
    for part in ("train", "tokenizer"):
        (copy / part).mkdir(parents=True)
        for file in (place / part).iterdir():
            (copy / part / file.name).write_bytes(file.read_bytes())
    (copy / "manifest.json").write_text(manifest.replace('"documents": ', '"documents": 1', 1))
    assert "manifest.json': its bytes have changed. Run build" in refusal(tmp_path, copy)
    (copy / "manifest.json").write_text(manifest)
    shard = copy / "train/shard-00001-of-00002.arrow"
    changed = bytearray(shard.read_bytes())
    changed[-200] ^= 1
    shard.write_bytes(changed)
    assert "shard-00001-of-00002.arrow': its bytes have changed since it was built" in refusal(tmp_path, copy)
    shard.unlink()
    assert "cannot read '" in refusal(tmp_path, copy)


def test_a_dataset_whose_documents_are_not_known_is_refused(tmp_path: Path):
    plan = original(tmp_path, "length: 16, windows: pure", "loss_mask")
    built(plan, tmp_path / "data")
    line = refusal(tmp_path, tmp_path / "data", more=TAGGED)
    assert "Build it with `documents` among its columns" in line


def test_shards_without_rows_are_left_out(tmp_path: Path):
    path = as_nanogpt(tmp_path / "it.bin", [*[ids_of("x" * 99)] * 40, ids_of("y")])
    plan = using(tmp_path, path, packing="length: 32, method: rows, longer: drop", more=SHARDS.replace("2048", "1024"))
    built(plan, tmp_path / "few")
    records = Dataset.at(tmp_path / "few").manifest.shards_of("train")
    assert sorted(record.documents for record in records) == [0, 1]
    assert documents_of(source_of(tmp_path, tmp_path / "few")) == [[*ids_of("y"), END]]


def as_hostile(folder: Path, change: Callable[[pa.Table], pa.Table]) -> Path:
    """A dataset whose only shard says something else, with the right hashes."""
    columns = "documents, segment_ids, spans"
    plan = original(folder, "length: 16", columns, shard=1_000_000)
    built(plan, folder / "data")
    shard = folder / "data/train/shard-00000-of-00001.arrow"
    table = change(pa.ipc.open_stream(shard.read_bytes()).read_all())
    with pa.ipc.new_stream(shard, table.schema) as writer:
        writer.write_table(table)
    tree = json.loads((folder / "data/manifest.json").read_text())
    del tree["hash"]
    tree["splits"]["train"]["shards"][0]["file_hash"] = f"blake3:{blake3(shard.read_bytes()).hexdigest()}"
    own = f"blake3:{blake3(json.dumps(tree).encode()).hexdigest()}"
    (folder / "data/manifest.json").write_text(json.dumps({"hash": own, **tree}))
    return folder / "data"


def changed(column: str, make: Callable[[Any], Any]) -> Callable[[pa.Table], pa.Table]:
    """A table whose column is replaced."""
    return lambda table: table.set_column(table.column_names.index(column), column, make(table.column(column)))


def with_entries(column: Any, field: str, values: Callable[[Any], Any]) -> Any:
    """A column of lists of records, one field of which has other values."""
    lists = column.combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    fields = {one.name: lists.values.field(one.name) for one in lists.type.value_type}
    fields[field] = pa.array(values(fields[field].to_numpy().copy()), fields[field].type)
    return pa.ListArray.from_arrays(lists.offsets, pa.StructArray.from_arrays([*fields.values()], [*fields]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop_columns(["documents"]), "is no shard of ours"),
        (lambda table: table.slice(0, len(table) - 1), "are found, where the manifest says"),
        (lambda table: table.slice(0, 0), "it has no rows"),
        (changed("input_ids", lambda ids: ids.cast(pa.list_(pa.uint16()))), "a row has 16 tokens"),
        (changed("input_ids", lambda ids: ids.cast(pa.list_(pa.float32(), 16))), "a row has 16 tokens"),
        (changed("documents", lambda all: pa.array([1] * len(all))), "the column 'documents' is of int64"),
        (changed("spans", lambda all: pa.array([[1]] * len(all))), "the column 'spans' is of list"),
        (changed("documents", lambda all: with_entries(all, "start", lambda of: of - 1)), "reaches beyond its row"),
        (changed("documents", lambda all: with_entries(all, "length", lambda of: of + 9)), "reaches beyond its row"),
        (changed("documents", lambda all: with_entries(all, "length", lambda of: of * 0)), "reaches beyond its row"),
        (changed("documents", lambda all: with_entries(all, "offset", lambda of: of + 1)), "without its beginning"),
        (changed("spans", lambda all: with_entries(all, "start", lambda of: of + 16)), "an entry has the start"),
        (changed("spans", lambda all: with_entries(all, "attribute", lambda of: of + 200)), "an entry has the attr"),
    ],
)
def test_a_shard_that_lies_with_the_right_hashes_is_refused(tmp_path: Path, change: Any, said: str):
    assert said in refusal(tmp_path, as_hostile(tmp_path, change), more=TAGGED)
