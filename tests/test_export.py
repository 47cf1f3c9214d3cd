"""Exports: the bytes of every format, the tokens of every kind of split, and what happens when something is amiss."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from pipeline import cli
from pipeline.build.verification import verify
from pipeline.columns import stored
from pipeline.core.errors import ExportError, PipelineError, StorageError
from pipeline.core.table import Column, Strings
from pipeline.dataset import Dataset
from pipeline.formats import FORMATS, llmc
from pipeline.formats.format import ExportSpec, Files, Format, FormatKind, Part, Rows, Split
from pipeline.formats.parquet import Parquet
from pipeline.plan import compile_plan
from pipeline.publish.export import export
from pipeline.publish.export.records import sealed
from pipeline.recipe import load
from pipeline.recipe.loading import export_spec
from pipeline.recipe.writing import dump
from pipeline.storage import arrow
from tests.by_hand import END, by_hand
from tests.conftest import SMALL, built, compiled, contents, run, written
from tests.plans import usual
from tests.readers import builder

ALONE = {"columns": ["input_ids"]}
OPEN, CUT = [[1, 2, END, 3], [END, 4, 5, 6], [7, 8, END, END]], [[1, END, END, END]]  # two shards


def exported(dataset: Dataset, kind: str, *options: str, **more: Any) -> dict[str, bytes]:
    """The files of an export, but for export.json and the readme."""
    out = Path(dataset.folder.url) / f"../{kind}{len(options)}"
    export(dataset, export_spec(kind, options, more), out)
    found = contents(out)
    assert found.pop("export.json")
    return {name: data for name, data in found.items() if name != "README.md"}


@pytest.fixture
def joined(tmp_path: Path) -> Dataset:
    return by_hand(tmp_path / "data", [OPEN, CUT], [(3, 11), (1, 2)])


@pytest.fixture
def joined32(tmp_path: Path) -> Dataset:
    shards = [[[70_000, 2, END, 3], [END, 4, 5, 6], [7, 8, END, END]], CUT]
    return by_hand(tmp_path / "data", shards, [(3, 11), (1, 2)], np.int32)


@pytest.fixture
def pure(tmp_path: Path) -> Dataset:
    """Of one source [1 2 9] [3 4 5 9], of the other [6 7 8 9] [1 9]; the windows have changed places.

    Its pieces: the document that ends where a window does; the rest of a document; a document cut in two.
    """
    windows = [[5, END, END, END], [6, 7, 8, END], [1, 2, END, 3], [4, END, END, END]]
    windows[0], windows[3] = [1, END, END, END], [4, 5, END, END]
    return by_hand(tmp_path / "data", [windows], [(4, 13)], windows="pure")


@pytest.fixture
def rows(tmp_path: Path) -> Dataset:
    more: dict[str, Column] = {
        "length": np.array([3, 2], np.int32),
        "individual": np.array([7, 8], np.int64),
        **{name: Strings.of(["é", ""]) for name in ("question", "prompt", "hint", "answer")},
    }
    return by_hand(tmp_path / "data", [[[1, 2, END, END], [3, END, END, END]]], [(2, 5)], method="rows", more=[more],
                   asked=["answers"])  # fmt: skip


LINE = [1, 2, END, 3, END, 4, 5, 6, 7, 8, END, 1, END]
TURNED = [END, 1, 2, END, 3, END, 4, 5, 6, 7, 8, END, 1]  # the same, the end token before each document


# ── bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nanogpt_is_nothing_but_ids(joined: Dataset):
    assert exported(joined, "nanogpt", **ALONE) == {"train.bin": struct.pack("<13H", *LINE)}


def test_a_file_takes_whole_shards_up_to_so_many_tokens(joined: Dataset):
    one, other = struct.pack("<11H", *LINE[:11]), struct.pack("<2H", *LINE[11:])
    assert exported(joined, "nanogpt", "tokens=12") == {"train_000000.bin": one, "train_000001.bin": other}
    assert exported(joined, "megatron", "tokens=13").keys() == {"train_000000.bin", "train_000000.idx"}


def test_llmc_begins_documents_with_the_end_token(joined: Dataset):
    header = struct.pack("<3i", 20240520, 1, 13) + bytes(253 * 4)
    assert exported(joined, "llmc") == {"train_000000.bin": header + struct.pack("<13H", *TURNED)}


def test_every_file_of_llmc_begins_with_the_end_token(joined: Dataset):
    files = exported(joined, "llmc", "tokens=11")
    header = struct.pack("<3i", 20240520, 1, 2) + bytes(253 * 4)
    assert files.keys() == {"train_000000.bin", "train_000001.bin"}
    assert files["train_000001.bin"] == header + struct.pack("<2H", END, 1)


def test_llmc_of_a_bigger_vocabulary_is_the_form_of_llama(joined32: Dataset):
    header = struct.pack("<3i", 20240801, 7, 13) + bytes(253 * 4)
    ids = [END, 70_000, *TURNED[2:]]
    assert exported(joined32, "llmc") == {"train_000000.bin": header + struct.pack("<13I", *ids)}


@pytest.mark.parametrize(("dataset", "code", "size"), [("joined", 8, 2), ("joined32", 4, 4)])
def test_megatron_has_an_index_of_documents(dataset: str, code: int, size: int, request: pytest.FixtureRequest):
    made = request.getfixturevalue(dataset)
    first = 1 if size == 2 else 70_000
    index = b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, code, 4, 5)
    index += struct.pack("<4i", 3, 2, 6, 2) + struct.pack("<4q", 0, 3 * size, 5 * size, 11 * size)
    index += struct.pack("<5q", 0, 1, 2, 3, 4)
    ids = struct.pack(f"<13{'H' if size == 2 else 'i'}", first, *LINE[1:])
    assert exported(made, "megatron") == {"train.bin": ids, "train.idx": index}


def test_the_index_of_megatron_is_the_same_when_made_in_pieces(joined: Dataset, monkeypatch: pytest.MonkeyPatch):
    whole = exported(joined, "megatron")
    monkeypatch.setattr("pipeline.formats.megatron.AT_ONCE", 2)
    assert exported(joined, "megatron", "tokens=null") == whole


MDS_KEYS = {"compression": None, "format": "mds", "hashes": [], "size_limit": 2**26, "version": 2}


def test_mds_has_offsets_a_description_and_samples(joined: Dataset):
    files = exported(joined, "mds")
    keys = {"column_encodings": ["ndarray:uint16:4"], "column_names": ["input_ids"], "column_sizes": [8], **MDS_KEYS}
    described = json.dumps(keys, sort_keys=True).encode()
    at = 4 + 4 * 4 + len(described)
    samples = struct.pack("<12H", *chain(*OPEN))
    expected = struct.pack("<5I", 3, at, at + 8, at + 16, at + 24) + described + samples
    assert files["train/shard.00000.000.mds"] == expected
    index = json.loads(files["train/index.json"])
    assert index["version"] == 2
    assert [shard.pop("samples") for shard in index["shards"]] == [3, 1]
    names = ["shard.00000.000.mds", "shard.00001.000.mds"]
    raw = [{"basename": name, "bytes": len(files[f"train/{name}"]), "hashes": {}} for name in names]
    assert [shard.pop("raw_data") for shard in index["shards"]] == raw
    assert [shard.pop("zip_data") for shard in index["shards"]] == [None, None]
    assert index["shards"] == [keys, keys]


def test_mds_says_the_size_of_a_text(rows: Dataset):
    (file,) = (data for name, data in exported(rows, "mds", columns=["input_ids", "answer"]).items() if "shard" in name)
    first = struct.pack("<I", 2) + "é".encode() + struct.pack("<4H", 1, 2, END, END)  # by name: answer, input_ids
    second = struct.pack("<I", 0) + struct.pack("<4H", 3, END, END, END)
    assert file.endswith(first + second)
    count, *offsets = struct.unpack("<4I", file[:16])
    assert (count, np.diff(offsets).tolist(), offsets[-1]) == (2, [len(first), len(second)], len(file))


def test_mds_begins_a_file_when_one_is_full(joined: Dataset):
    names = [name for name in exported(joined, "mds", "bytes=1024") if "shard" in name]
    assert names == ["train/shard.00000.000.mds", "train/shard.00001.000.mds"]
    big = by_hand(Path(joined.folder.url).parent / "big", [[[1, END]] * 400], [(400, 800)])
    files = exported(big, "mds", "bytes=1024", "splits=[train]")
    sizes = [len(data) for name, data in files.items() if "shard" in name]
    assert len(sizes) > 2
    assert all(900 < size <= 1024 for size in sizes[:-1])
    assert sum(shard["samples"] for shard in json.loads(files["train/index.json"])["shards"]) == 400


@pytest.mark.parametrize(("options", "form", "letter"), [([], "16", "i"), (["dtype=uint16"], "20", "H")])
def test_litdata_has_offsets_and_ids(joined: Dataset, options: list[str], form: str, letter: str):
    files = exported(joined, "litdata", *options)
    size = 4 * struct.calcsize(letter)
    chunk = struct.pack("<5I", 3, 20, 20 + size, 20 + 2 * size, 20 + 3 * size)
    assert files["train/chunk-0-0.bin"] == chunk + struct.pack(f"<12{letter}", *chain(*OPEN))
    index = json.loads(files["train/index.json"])
    assert index["chunks"][0] == {
        "chunk_bytes": len(chunk) + 3 * size,
        "chunk_size": 3,
        "dim": 12,
        "filename": "chunk-0-0.bin",
    }
    assert index["config"]["data_format"] == [f"no_header_tensor:{form}"]
    assert index["config"]["item_loader"] == "TokensLoader"


def test_litdata_counts_blocks_that_divide_a_sequence(joined: Dataset):
    chunk = exported(joined, "litdata", "block=2")["train/chunk-0-0.bin"]
    assert struct.unpack("<8I", chunk[:32]) == (6, 32, 40, 48, 56, 64, 72, 80)


def test_litdata_begins_a_file_when_one_is_full(tmp_path: Path):
    big = by_hand(tmp_path / "data", [[[1, END]] * 2000], [(2000, 4000)])
    files = exported(big, "litdata", "bytes=3000")  # 375 sequences of 8 bytes; they are read 1,024 at a time
    parts = [files[f"train/chunk-0-{i}.bin"] for i in range(6)]
    assert [struct.unpack("<I", part[:4])[0] for part in parts] == [375] * 5 + [125]
    ids = b"".join(part[8 + 4 * (375 if i < 5 else 125) :] for i, part in enumerate(parts))
    assert np.frombuffer(ids, np.int32).tolist() == [1, END] * 2000


def test_jsonl_is_a_line_a_document_without_its_end(joined: Dataset):
    first = b'{"text": "a b"}\n{"text": "c"}\n{"text": "d e f g h"}\n'
    expected = {"data/train-00000-of-00002.jsonl": first, "data/train-00001-of-00002.jsonl": b'{"text": "a"}\n'}
    assert exported(joined, "jsonl") == expected


def test_jsonl_has_the_columns_of_rows_beside_the_text(rows: Dataset):
    (data,) = exported(rows, "jsonl").values()
    told = dict.fromkeys(("question", "prompt", "hint", "answer"), "é")
    first, second = map(json.loads, data.decode().splitlines())
    assert first == {"text": "a b", "individual": 7, **told}
    assert second == {"text": "c", "individual": 8, **dict.fromkeys(told, "")}
    assert "é" in data.decode()
    (data,) = exported(rows, "jsonl", "columns=[input_ids, answer]").values()
    assert json.loads(data.splitlines()[0]) == {"text": "a b", "answer": "é"}


def test_parquet_has_the_columns_as_they_are(rows: Dataset):
    (data,) = exported(rows, "parquet", "compression=none").values()
    assert data[:4] == data[-4:] == b"PAR1"
    table = parquet.read_table(pa.BufferReader(data))
    (shard,) = (Path(rows.folder.url) / "train").iterdir()
    assert table.equals(pa.ipc.open_stream(shard.read_bytes()).read_all())
    assert table.schema.field("input_ids").type == pa.list_(pa.field("item", pa.uint16()), 4)
    assert parquet.ParquetFile(pa.BufferReader(data)).metadata.row_group(0).column(0).compression == "UNCOMPRESSED"


# ── pure windows, rows, and documents that begin with the end token ─────────────────────────────────────────────────


def test_pure_windows_are_pieces_in_their_order(pure: Dataset):
    line = [1, END, 6, 7, 8, END, 1, 2, END, 3, 4, 5, END]
    assert exported(pure, "nanogpt")["train.bin"] == struct.pack("<13H", *line)
    index = exported(pure, "megatron")["train.idx"]
    assert struct.unpack("<5i", index[34 : 34 + 20]) == (2, 4, 3, 1, 3)
    (file,) = exported(pure, "llmc").values()
    turned = [END, 1, END, 6, 7, 8, END, 1, 2, END, 3, END, 4, 5]
    assert struct.unpack("<3i", file[:12]) == (20240520, 1, len(turned))
    assert file[1024:] == struct.pack("<14H", *turned)
    lines = exported(pure, "jsonl")["data/train-00000-of-00001.jsonl"].splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["a", "f g h", "a b", "c", "d e"]


def test_an_end_token_that_a_cut_leaves_alone_is_no_document_where_it_comes_first(tmp_path: Path):
    dataset = by_hand(tmp_path / "data", [[[END, 4, 5, END], [1, 2, 3, 6]]], [(2, 8)], windows="pure")
    assert exported(dataset, "nanogpt")["train.bin"] == struct.pack("<8H", END, 4, 5, END, 1, 2, 3, 6)
    (file,) = exported(dataset, "llmc").values()
    assert file[1024:] == struct.pack("<8H", END, 4, 5, END, 1, 2, 3, 6)
    (lines,) = exported(dataset, "jsonl").values()
    assert lines == b'{"text": "d e"}\n{"text": "a b c f"}\n'


def test_documents_go_on_where_rows_are_read_in_batches(tmp_path: Path):
    line = [1, 2, END] * 1500
    dataset = by_hand(tmp_path / "data", [np.array(line).reshape(-1, 2).tolist()], [(1500, 4500)])
    files = exported(dataset, "megatron")
    assert files["train.bin"] == struct.pack("<4500H", *line)
    assert files["train.idx"][34 : 34 + 6000] == struct.pack("<1500i", *[3] * 1500)


def test_rows_are_read_by_their_length(rows: Dataset):
    line = struct.pack("<5H", 1, 2, END, 3, END)
    assert exported(rows, "nanogpt", **ALONE)["train.bin"] == line
    assert exported(rows, "megatron", **ALONE)["train.bin"] == line


def test_llmc_counts_the_end_tokens_that_it_puts_before_documents_without_one(tmp_path: Path):
    rows, length = [[1, 2, 3, END], [4, END, END, END]], np.array([3, 1], np.int32)
    open_ended = {name: {"eos": False} for name in "ab"}
    dataset = by_hand(tmp_path / "data", [rows], [(2, 4)], method="rows", more=[{"length": length}], sources=open_ended)
    (file,) = exported(dataset, "llmc", **ALONE).values()
    assert struct.unpack("<3i", file[:12]) == (20240520, 1, 6)
    assert file[1024:] == struct.pack("<6H", END, 1, 2, 3, END, 4)


def test_documents_may_begin_with_the_end_token(tmp_path: Path):
    """As those of names do. The window in the middle begins with such a document, and one before it ends."""
    shard = [[END, 1, END, END], [2, 3, END, 4], [5, END, END, END]]
    dataset = by_hand(tmp_path / "data", [shard], [(3, 10)])
    index = exported(dataset, "megatron")["train.idx"]
    assert struct.unpack("<3i", index[34 : 34 + 12]) == (3, 4, 3)
    (file,) = exported(dataset, "llmc").values()
    assert file[1024:] == struct.pack("<10H", END, END, 1, END, END, 2, 3, END, 4, 5)


@pytest.mark.parametrize("windows", [[[END, 1, END, END], [2, 3, END, END]], [[1, 2, 3, END], [END, 4, END, END]]])
@pytest.mark.parametrize("kind", ["nanogpt", "llmc", "megatron", "jsonl"])
def test_what_begins_with_the_end_token_is_not_guessed_at_in_pure_windows(tmp_path: Path, windows: Any, kind: str):
    """Padding, or a document of the next window? A document's end, or its beginning?"""
    dataset = by_hand(tmp_path / "data", [windows], [(2, 7)], windows="pure")
    with pytest.raises(ExportError, match="some begin with the end token"):
        export(dataset, export_spec(kind), tmp_path / "out")
    assert set(contents(tmp_path / "out")) == set()


def test_shards_that_are_not_as_counted_are_refused(tmp_path: Path):
    dataset = by_hand(tmp_path / "data", [OPEN], [(4, 11)])
    with pytest.raises(ExportError, match=r"3 documents of 11 tokens are found where 4 of 11 were counted"):
        export(dataset, export_spec("megatron"), tmp_path / "out")


# ── built datasets ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The recipe of tests/readers. Not to be changed."""
    return builder.dataset(tmp_path_factory.mktemp("export") / "small")


@pytest.fixture
def copy(small: Dataset, tmp_path: Path) -> Dataset:
    """The same, to be changed."""
    shutil.copytree(small.folder.url, tmp_path / "copy")
    return Dataset.at(tmp_path / "copy")


def table(dataset: Dataset, split: str) -> pa.Table:
    return pa.Table.from_batches(list(dataset.batches(split)))


def documents(dataset: Dataset, split: str) -> list[list[int]]:
    """As the columns of the shards say: of pure windows the pieces."""
    found: list[list[int]] = []
    for row in table(dataset, split).to_pylist():
        for piece in row.get("documents") or [{"start": 0, "length": row.get("length"), "offset": 0}]:
            tokens = row["input_ids"][piece["start"] : piece["start"] + piece["length"]]
            if piece["offset"] and split != "pure":
                found[-1] += tokens
            else:
                found.append(tokens)
    return found


def test_the_columns_of_shards_are_known_before_they_are_built(small: Dataset):
    for name, its in small.manifest.splits.items():
        assert stored(its["packing"] == "rows", its["columns"]) == tuple(table(small, name).column_names)


@pytest.mark.parametrize("split", ["train", "pure", "exam"])
def test_formats_of_tokens_hold_those_of_the_documents(small: Dataset, split: str, tmp_path: Path):
    expected = documents(small, split)
    end = small.tokenizer().token_to_id(small.end_of_text())
    for kind in ("nanogpt", "llmc", "megatron"):
        export(small, export_spec(kind, [f"splits=[{split}]"], ALONE), tmp_path / kind)
    line = list(chain.from_iterable(expected))
    for kind in ("nanogpt", "megatron"):
        assert np.fromfile(tmp_path / kind / f"{split}.bin", "<u2").tolist() == line
    lengths = np.fromfile(tmp_path / f"megatron/{split}.idx", "<i4", len(expected), offset=34)
    assert lengths.tolist() == list(map(len, expected))
    bodies = [piece[:-1] if piece[-1] == end else piece for piece in expected]
    turned = chain.from_iterable([end, *body] for body in bodies if body)
    assert np.fromfile(tmp_path / f"llmc/{split}_000000.bin", "<u2", offset=1024).tolist() == list(turned)


@pytest.mark.parametrize("split", ["train", "exam"])
def test_jsonl_is_the_text_of_the_documents(small: Dataset, split: str, tmp_path: Path):
    chosen = ["input_ids"] if split == "train" else ["input_ids", "prompt", "answer", "individual"]
    export(small, export_spec("jsonl", [f"splits=[{split}]"], {"columns": chosen}), tmp_path / "out")
    lines = [json.loads(line) for path in sorted((tmp_path / "out/data").iterdir()) for line in path.open()]
    tokenizer = small.tokenizer()
    texts = tokenizer.decode_batch([one[:-1] for one in documents(small, split)], skip_special_tokens=False)
    assert [line["text"] for line in lines] == texts
    if split == "exam":
        for name in chosen[1:]:
            assert [line[name] for line in lines] == table(small, split)[name].to_pylist()
        assert all(line["text"].endswith(line["answer"]) for line in lines)


def test_datasets_loads_parquet(small: Dataset, tmp_path: Path):
    from datasets import load_dataset

    export(small, export_spec("parquet"), tmp_path / "out")
    for split, config in (("train", []), ("exam", ["exam"])):
        rows = load_dataset(str(tmp_path / "out"), *config, split=split, cache_dir=str(tmp_path / "cache"))
        assert rows.data.table.cast(table(small, split).schema).equals(table(small, split))
    files = str(tmp_path / "out/data/pure-*.parquet")
    rows = load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["input_ids"][:] == table(small, "pure")["input_ids"].to_pylist()


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "parket"], "no format 'parket'. Did you mean 'parquet'?"),
        (["--to", "nanogpt"], "no place for loss_mask, documents. In a recipe: columns: [input_ids]. Or: --columns i"),
        (["--to", "jsonl", "--split", "exam"], "no place for loss_mask, probes. In a recipe: columns: [input_ids, len"),
        (["--to", "litdata", "--split", "exam", "--columns", "input_ids,length"], "no place for length"),
        (["--to", "mds", "--columns", "input_ids,answr"], "no column 'answr'. Did you mean 'answer'?"),
        (["--to", "mds", "--columns", "answer"], "split 'train': none of these columns"),
        (["--to", "mds", "--split", "exan"], "no split 'exan'. Did you mean 'exam'?"),
        (["--to", "mds", "--set", "bytes=12"], "--set bytes: must be greater than or equal to 1024, not 12"),
        (["--to", "mds", "--set", "tokens=12"], "--set tokens: unknown key"),
        (["--to", "mds", "--set", "bytes"], "an override is written key.path=value"),
        (["--to", "litdata", "--columns", "input_ids", "--set", "block=49"], "Build with packing.length 49."),
        (["--to", "mds", "--out", "s4://bucket/x"], "unknown protocol 's4'"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_line_and_leaves_nothing(
    small: Dataset, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
):
    before = contents(Path(small.folder.url))
    assert cli.run(["export", small.folder.url, *arguments]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert contents(Path(small.folder.url)).keys() == before.keys()


@pytest.mark.parametrize(("kind", "options"), [("nanogpt", []), ("litdata", ["dtype=uint16"])])
def test_a_vocabulary_over_16_bits_is_refused_where_there_are_only_16(joined32: Dataset, kind: str, options: list[str]):
    with pytest.raises(ExportError, match="the token ids are int32"):
        exported(joined32, kind, *options)


def test_a_token_that_is_a_replacement_character_is_text(tmp_path: Path):
    """What the tokens of bytes are that are none: tests/test_formats.py."""
    dataset = by_hand(tmp_path / "data", [[[1, 20, 2, END]]], [(1, 4)])
    assert exported(dataset, "jsonl").popitem()[1].decode() == '{"text": "a \N{REPLACEMENT CHARACTER} b"}\n'


def test_more_tokens_than_a_header_counts_are_refused(joined: Dataset, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(llmc, "MOST", 12)
    with pytest.raises(ExportError, match="13 tokens in one file, and its header counts to 12"):
        exported(joined, "llmc")
    assert len(exported(joined, "llmc", "tokens=12")) == 2


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_shard_is_refused(copy: Dataset, damage: str, tmp_path: Path):
    path = Path(copy.folder.url) / copy.manifest.shards_of("pure")[1].file
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.unlink() if damage == "gone" else path.write_bytes(data if damage == "flipped" else data[:-100])
    with pytest.raises(StorageError, match=r"pure/shard-00001.*missing, or its bytes have changed.*Run build"):
        export(copy, export_spec("parquet"), tmp_path / "out")
    there = contents(tmp_path / "out")
    assert "export.json" not in there
    assert not any("pure-00001" in name for name in there)


def test_an_export_that_cannot_be_mended_is_no_longer_called_whole(copy: Dataset, tmp_path: Path):
    export(copy, export_spec("parquet"), tmp_path / "out")
    (tmp_path / "out/data/train-00000-of-00004.parquet").unlink()
    (Path(copy.folder.url) / copy.manifest.shards_of("train")[0].file).unlink()
    with pytest.raises(StorageError, match="missing, or its bytes have changed"):
        export(copy, export_spec("parquet"), tmp_path / "out")
    assert not (tmp_path / "out/export.json").exists()


def test_a_half_built_folder_is_refused(copy: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (Path(copy.folder.url) / "manifest.json").unlink()
    assert cli.run(["export", copy.folder.url, "--to", "parquet", "--out", str(tmp_path / "out")]) == 2
    assert "there is no manifest.json, so the dataset is not complete" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_else_is_refused(joined: Dataset, tmp_path: Path):
    for place in (joined.folder.url, f"{joined.folder.url}/train"):
        with pytest.raises(StorageError, match="not empty and no export of ours"):
            export(joined, export_spec("parquet"), place)
    export(joined, export_spec("parquet"), tmp_path / "out")
    other = by_hand(tmp_path / "other", [OPEN], [(3, 11)])
    (tmp_path / "other/manifest.json").write_text(replace(other.manifest, fingerprint="e" * 64).dumps())
    for dataset, spec in ((joined, export_spec("mds")), (joined, export_spec("parquet", ["compression=none"]))):
        with pytest.raises(StorageError, match="another export"):
            export(dataset, spec, tmp_path / "out")
    with pytest.raises(StorageError, match="another dataset"):
        export(Dataset.at(tmp_path / "other"), export_spec("parquet"), tmp_path / "out")


# ── again, and after an interruption ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_is_a_function_of_the_dataset(joined: Dataset, tmp_path: Path, kind: str):
    for name in ("one", "other"):
        export(joined, export_spec(kind), tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_what_is_there_and_whole_is_left_alone(joined: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["export", joined.folder.url, "--to", "megatron", "--out", str(tmp_path / "out"), "--columns"]
    assert cli.run([*arguments, "input_ids"]) == 0
    assert "megatron, 2 files, 0.0 MB" in capsys.readouterr().out
    before = written(tmp_path / "out")
    assert export(joined, export_spec("megatron"), tmp_path / "out").kept  # the same columns, said in another way
    assert cli.run([*arguments, "input_ids"]) == 0
    assert "there already, and whole" in capsys.readouterr().out
    assert written(tmp_path / "out") == before


@pytest.mark.parametrize("name", ["train/shard.00001.000.mds", "train/index.json", "export.json"])
def test_what_is_damaged_is_mended(joined: Dataset, tmp_path: Path, name: str):
    export(joined, export_spec("mds"), tmp_path / "out")
    whole, before = contents(tmp_path / "out"), written(tmp_path / "out")
    (tmp_path / "out" / name).write_bytes(b"?")
    assert not export(joined, export_spec("mds"), tmp_path / "out").kept
    assert contents(tmp_path / "out") == whole
    first = "train/shard.00000.000.mds"
    assert written(tmp_path / "out")[first] == before[first]


def test_an_interrupted_export_keeps_its_parts_and_goes_on(
    joined: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    export(joined, export_spec("parquet"), tmp_path / "whole")
    write = Parquet.write

    def stop(self: Parquet, part: Any, rows: Any, files: Any) -> None:
        class Stopping:
            def of(self, shard: Any) -> Iterator[Any]:
                yield from rows.of(shard)
                if part.number == 1:
                    raise KeyboardInterrupt

        write(self, part, Stopping(), files)  # type: ignore[arg-type]

    monkeypatch.setattr(Parquet, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        export(joined, export_spec("parquet"), tmp_path / "out")
    first = "data/train-00000-of-00002.parquet"
    assert set(contents(tmp_path / "out")) == {first}
    assert list((tmp_path / "out/.pipeline").glob("partial/*")) == []
    before = written(tmp_path / "out")[first]
    monkeypatch.setattr(Parquet, "write", write)
    told: list[int] = []
    export(joined, export_spec("parquet"), tmp_path / "out", done=told.append)
    assert told == [11, 2]
    assert written(tmp_path / "out")[first] == before
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_bucket_gets_and_gives_what_a_disk_does(joined: Dataset, tmp_path: Path):
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem.store.clear()
    store = MemoryFileSystem()
    store.put(joined.folder.url, "/bucket/data", recursive=True)
    there = Dataset.at("memory://bucket/data")
    for kind in ("megatron", "mds"):
        export(joined, export_spec(kind), tmp_path / kind)
        export(there, export_spec(kind), f"memory://bucket/{kind}")
        names = (path.removeprefix(f"/bucket/{kind}/") for path in store.find(f"/bucket/{kind}"))
        found = {name: store.cat(f"/bucket/{kind}/{name}") for name in names if ".pipeline" not in name}
        assert found == contents(tmp_path / kind)
        assert export(there, export_spec(kind), f"memory://bucket/{kind}").kept
    MemoryFileSystem.store.clear()


# ── exports of a recipe ─────────────────────────────────────────────────────────────────────────────────────────────

EXPORT_LIST = "exports=[parquet, {kind: megatron, columns: [input_ids]}]"


@pytest.fixture(scope="module")
def with_exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset with exports. Not to be changed."""
    out = tmp_path_factory.mktemp("exports") / "data"
    built(compiled(SMALL, (EXPORT_LIST,)), out)
    return out


def test_exports_of_a_recipe_change_nothing_else(with_exports: Path, tmp_path: Path):
    plain = compiled()
    out = tmp_path / "data"
    built(plain, out)
    before, files = contents(out), written(out)
    assert "exports" not in before["recipe.yaml"].decode()
    plan = compiled(SMALL, (EXPORT_LIST,))
    assert plan.fingerprint == plain.fingerprint
    assert built(plan, out)[0] == set()
    after = contents(out)
    assert after == contents(with_exports)
    assert {name for name in after if after[name] != before.get(name)} - {"recipe.yaml"} == {
        name for name in after if name.startswith("exports/")
    }
    assert {name for name in files if written(out)[name] != files[name]} == {"recipe.yaml"}
    assert {"exports/parquet/export.json", "exports/megatron/train.idx"} <= after.keys()


def test_the_resolved_recipe_keeps_its_exports(with_exports: Path):
    loaded = load(str(with_exports / "recipe.yaml"))
    assert [spec.kind for spec in loaded.recipe.exports] == ["parquet", "megatron"]
    assert loaded.recipe == load(str(with_exports / "recipe.yaml"), [EXPORT_LIST]).recipe
    assert "exports" not in dump(load("tiny").recipe, "")


def test_verify_reads_exports(with_exports: Path, tmp_path: Path):
    out = tmp_path / "data"
    shutil.copytree(with_exports, out)
    assert verify(out) == []
    assert verify(out / "exports/megatron") == []
    size = (out / "exports/megatron/train.idx").stat().st_size
    (out / "exports/megatron/train.idx").write_bytes(b"?")
    (out / "exports/megatron/train.bin").unlink()
    (out / "exports/parquet/export.json").unlink()
    (out / "exports/megatron/more.bin").write_bytes(b"?")
    assert verify(out) == [
        "exports/megatron/train.bin: missing",
        f"exports/megatron/train.idx: 1 bytes instead of {size}",
        "exports/megatron/more.bin: not in export.json",
        "exports/parquet/export.json: missing; the export is not complete",
    ]
    assert run("verify", out) == 1
    built(compiled(SMALL, (EXPORT_LIST,)), out)
    assert verify(out) == ["exports/megatron/more.bin: not in export.json"]


def test_verify_finds_an_export_of_another_dataset(with_exports: Path, tmp_path: Path):
    out = tmp_path / "data"
    shutil.copytree(with_exports, out)
    record = out / "exports/megatron/export.json"
    tree = json.loads(record.read_text())
    other = {**tree, "dataset": "0" * 64}
    del other["hash"]
    record.write_text(sealed(other, other["dataset"]))
    assert verify(out) == ["exports/megatron/export.json: an export of another dataset"]


MORE_CHANGES: list[tuple[str, Any]] = [("columns", {}), ("dataset", "0" * 64)]


@pytest.mark.parametrize(
    "change",
    [("sink", {"kind": "mds"}), ("files", []), *(pytest.param(one, marks=pytest.mark.slow) for one in MORE_CHANGES)],
)
def test_a_changed_record_of_an_export_is_found_and_mended(with_exports: Path, tmp_path: Path, change: tuple[str, Any]):
    out = tmp_path / "data"
    shutil.copytree(with_exports, out)
    record = out / "exports/megatron/export.json"
    whole = record.read_text()
    record.write_text(json.dumps({**json.loads(whole), change[0]: change[1]}, indent=1) + "\n")
    assert "exports/megatron/export.json: its bytes have changed" in verify(out)
    built(compiled(SMALL, (EXPORT_LIST,)), out)
    assert verify(out) == []
    assert record.read_text() == whole


def test_a_changed_record_of_a_part_is_a_missing_one(joined: Dataset, tmp_path: Path):
    exported_to = tmp_path / "out"
    export(joined, export_spec("megatron"), exported_to)
    whole = {path.name: path.read_bytes() for path in exported_to.glob("*.[bij]*")}
    (part,) = (exported_to / ".pipeline/parts").iterdir()
    part.write_text(part.read_text().replace('"documents": ', '"documents": 1'))
    (exported_to / "export.json").unlink()
    export(joined, export_spec("megatron"), exported_to)
    assert {path.name: path.read_bytes() for path in exported_to.glob("*.[bij]*")} == whole


def test_an_export_whose_mark_is_lost_is_known_by_its_record(joined: Dataset, tmp_path: Path):
    export(joined, export_spec("megatron"), tmp_path / "out")
    (tmp_path / "out/.pipeline/export").unlink()
    assert export(joined, export_spec("megatron"), tmp_path / "out").kept
    with pytest.raises(StorageError, match="another export"):
        export(joined, export_spec("nanogpt"), tmp_path / "out")


@pytest.mark.parametrize(
    ("exports", "problem"),
    [
        ("[parket]", "exports.0.kind: 'parket' is not possible here. Did you mean 'parquet'?"),
        ("[mds, {splits: [train]}]", "exports.1: 'kind' is missing. It can be: jsonl, litdata, llmc, mds, megatron"),
        ("[{kind: mds, splits: [tran]}]", "exports.0.splits.0: no split 'tran'. Did you mean 'train'?"),
        ("[{kind: mds, columns: [spam]}]", "exports.0.columns.0: no column 'spam'. Did you mean 'spans'?"),
        ("[mds, megatron]", "exports.1.columns: split 'train': no place for loss_mask, segment_ids, documents, spans."),
        ("[mds, mds]", "exports.1.kind: two exports of the kind mds"),
        ("[{kind: litdata, columns: [input_ids], block: 257}]", "exports.0.block: split 'train': blocks of 257"),
        ("[{kind: mds, tokens: 5}]", "exports.0.tokens: unknown key"),
    ],
)
def test_an_export_that_cannot_be_is_refused_when_the_recipe_is_read(exports: str, problem: str):
    with pytest.raises(PipelineError) as refusal:
        load("tiny", [f"exports={exports}"])
    assert f"--set {problem}" in str(refusal.value)


def test_a_build_is_refused_whose_export_would_be(tmp_path: Path, small: Dataset):
    """Before any shard is made: of a vocabulary that the tokenizer tells, and of a folder with another export."""
    override = builder.wide_tokenizer(small, tmp_path / "wide.json")
    wide = compile_plan(load(SMALL, [override, "exports=[{kind: nanogpt, columns: [input_ids]}]"]))
    with pytest.raises(PipelineError, match="exports: nanogpt: the token ids are int32"):
        built(wide, tmp_path / "wide")
    assert not (tmp_path / "wide").exists()
    other = tmp_path / "data/exports/mds"
    other.mkdir(parents=True)
    (other / "mine.txt").write_text("mine")
    (tmp_path / "data/.pipeline").mkdir()
    plan = compile_plan(load(SMALL, ["exports=[mds]"]))
    (tmp_path / "data/.pipeline/fingerprint").write_text(plan.fingerprint)
    with pytest.raises(StorageError, match="not empty and no export of ours"):
        built(plan, tmp_path / "data")
    assert not (tmp_path / "data/train").exists()


def test_help_has_a_line_for_every_format(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        cli.run(["export", "--help"])
    _, _, below = capsys.readouterr().out.partition("\nformats:\n")
    assert [line.split(maxsplit=1) for line in below.splitlines()] == [[k, FORMATS[k].summary] for k in FORMATS]


class CountsSpec(ExportSpec):
    kind: Literal["counts"] = "counts"
    unit: str = "tokens"


class Counts(Format):
    def __init__(self, spec: CountsSpec) -> None:
        self._unit = spec.unit

    def place(self, split: Split, column: str) -> bool:
        return column == "input_ids"

    def write(self, part: Part, rows: Rows, files: Files) -> None:
        with files.create(f"{part.split.name}-{part.number}.txt") as file:
            file.write(f"{part.tokens} {self._unit}".encode())
            file.facts = {"documents": 0, "tokens": part.tokens}


def test_a_format_is_one_declaration(
    joined: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Options, refusals, records and help of one that the package does not know follow from its KIND."""
    monkeypatch.setitem(FORMATS, "counts", FormatKind(CountsSpec, Counts, "how many there are"))
    assert exported(joined, "counts", "unit=words", columns=["input_ids"]) == {
        "train-0.txt": b"11 words",
        "train-1.txt": b"2 words",
    }
    assert verify(Path(joined.folder.url) / "../counts1") == []
    with pytest.raises(PipelineError, match=r"unknown key\. Did you mean 'unit'\?"):
        export_spec("counts", ["units=words"])
    with pytest.raises(SystemExit):
        cli.run(["export", "--help"])
    assert "  counts     how many there are\n" in capsys.readouterr().out


def test_adding_a_format_is_in_the_schema():
    from pipeline.recipe.json_schema import schema

    kinds = {name: its for name, its in schema()["$defs"].items() if "kind" in its["properties"]}
    for kind, made in FORMATS.items():
        its = kinds[made.spec.__name__]["properties"]
        assert kind in json.dumps(its["kind"])
        assert "extends" not in its


@pytest.mark.parametrize("kind", usual(["parquet", "jsonl"], "jsonl"))
def test_datasets_tells_exports_of_two_datasets_apart(kind: str, tmp_path: Path):
    """Its cache knows a folder by its last name and its card, and exports are called alike."""
    from datasets import load_dataset

    seen = []
    for seed in (0, 1):
        out = tmp_path / str(seed)
        built(compiled(SMALL, (f"seed={seed}",)), out / "data")
        place = out / kind
        export(Dataset.at(out / "data"), export_spec(kind, [], {"columns": ["input_ids"]}), str(place))
        seen.append(load_dataset(str(place), split="train", cache_dir=str(tmp_path / "cache"))[0])
    assert seen[0] != seen[1]


def test_all_columns_of_every_kind_of_split_are_exported(tmp_path: Path):
    """What a shard holds and what an export takes it to hold are told in two places: here they are held together."""
    splits = ["exam.columns=[answers, steps]", "train.mixture.problems.tokens=20000"]
    off = [f"exam_{name}=null" for name in ("15", "20", "21", "22", "23", "reask")]
    plan = compile_plan(
        load("igsm_med_pq", ["sources.exam.problems=50", *(f"splits.{one}" for one in (*splits, *off))])
    )
    built(plan, tmp_path / "data")
    export(Dataset.at(tmp_path / "data"), export_spec("parquet", [], {"splits": ["exam"]}), str(tmp_path / "out"))
    (file,) = (tmp_path / "out/data").iterdir()
    shard = arrow.columns_of(next((tmp_path / "data/exam").iterdir()))
    assert parquet.read_schema(file).names == list(shard)


def test_windows_of_puzzles_are_exported_as_windows_and_refused_as_lines_of_documents(tmp_path: Path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        "tokenizer: symbols\nsources: {it: {kind: mano, operations: 4, instances: 500}}\nsplits:\n"
        "  train: {mixture: {it: {}}, packing: {method: aligned, length: 64}}\n"
        "  exam: {mixture: {it: {exposures: 0.1}}, packing: {method: rows, length: 16}, columns: [answers]}\n"
    )
    assert cli.run(["build", str(recipe), "--out", str(tmp_path / "data"), "--executor", "inline"]) == 0
    for kind in ("parquet", "mds", "litdata"):
        columns = ["--columns", "input_ids"]
        assert cli.run(["export", str(tmp_path / "data"), "--to", kind, "--out", str(tmp_path / kind), *columns]) == 0
    for kind in ("nanogpt", "llmc", "megatron", "jsonl"):
        assert cli.run(["export", str(tmp_path / "data"), "--to", kind, "--out", str(tmp_path / kind)]) == 2
    exam = ["--out", str(tmp_path / "exam"), "--set", "splits=[exam]"]
    assert cli.run(["export", str(tmp_path / "data"), "--to", "jsonl", *exam]) == 0
    lines = [json.loads(line) for line in next((tmp_path / "exam").rglob("*.jsonl")).read_text().splitlines()]
    assert len(lines) == 50
    assert all(line["prompt"].startswith("<bos> <len_") and line["answer"].startswith("<ans>") for line in lines)
