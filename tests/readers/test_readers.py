"""Every export, opened by the reader it is made for, holds the tokens of the shards."""

from __future__ import annotations

import json
import re
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from tests.readers.conftest import ROOT, Built

SPLITS = ("train", "pure", "exam")


def exported(built: Built, kind: str) -> Path:
    return built.folder / "exports" / kind


def test_the_dataset_has_what_is_hard(small: Built) -> None:
    """Pieces of cut documents, windows that are padded, documents longer than a window; or the rest proves little."""
    pieces = small.documents("pure")
    assert sum(piece[-1] != small.end for piece in pieces) > 50
    assert (small.ids("pure")[:, -2:] == small.end).all(1).sum() > 3
    assert max(map(len, small.documents("train"))) > small.ids("train").shape[1]
    assert all(piece[-1] == small.end for piece in small.documents("train"))


# ── transformers ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["small", "puzzles"])
def test_auto_tokenizer_shows_and_reads_the_tokens_of_the_shards(made: Path, name: str) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(made / name / "tokenizer"))
    row = Built(made / name, tokenizer.eos_token_id).table("train")["input_ids"][0].as_py()
    text = tokenizer.decode(row)
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == row
    assert tokenizer.pad_token == "<|pad|>"
    assert tokenizer.pad_token_id == len(tokenizer) - 1, "as many embeddings as there are tokens are enough"
    assert tokenizer.pad_token_id not in {token for row in Built(made / name, 0).ids("train").tolist() for token in row}
    assert ("<bos> " if name == "puzzles" else "<story> ") in text


def collated(built: Built, rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Ids and labels as the usual collator of transformers makes them, of rows as long as the longest."""
    from transformers import AutoTokenizer, DataCollatorForLanguageModeling

    tokenizer = AutoTokenizer.from_pretrained(str(built.folder / "tokenizer"))
    batch = DataCollatorForLanguageModeling(tokenizer, mlm=False)([{"input_ids": row} for row in rows])
    return batch["input_ids"].numpy(), batch["labels"].numpy()


def test_the_usual_collator_leaves_the_loss_on_every_end_of_a_document(built: Built) -> None:
    ids, labels = collated(built, built.ids("train").tolist())
    assert labels.tolist() == ids.tolist() == built.ids("train").tolist()
    assert (labels == built.end).sum() >= len(built.documents("train"))


def test_the_usual_collator_takes_the_loss_off_what_it_pads_and_nothing_else(built: Built) -> None:
    documents = built.documents("exam")
    assert len({*map(len, documents)}) > 1
    ids, labels = collated(built, documents)
    for document, row, of_row in zip(documents, ids.tolist(), labels.tolist(), strict=True):
        padding = len(row) - len(document)
        assert row[: len(document)] == document
        assert of_row == document + [-100] * padding
        assert document[-1] == built.end


@pytest.mark.parametrize("split", ["train", "exam"])
def test_labels_made_as_the_documentation_says_have_loss_where_the_mask_has(
    built: Built, split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loss on every end of a document, none on padding."""
    text = (ROOT / "docs" / "how-to" / "labels-and-masks.md").read_text()
    make, use = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    files = f'"arrow", data_files={{"train": {str(built.folder / split / "*.arrow")!r}}}, cache_dir={str(tmp_path)!r}'
    names: dict = {}
    exec(make + use.replace('"data/my_dataset"', files).replace("range(4)", "range(len(rows))"), names)
    ids, labels = names["batch"]["input_ids"].numpy(), names["batch"]["labels"].numpy()
    mask = np.array(built.table(split)["loss_mask"].to_pylist(), bool)
    assert ids.tolist() == built.ids(split).tolist()
    assert (labels == np.where(mask, ids, -100)).all()
    assert (labels == built.end).sum() == len(built.documents(split))
    assert not mask.all(), "there is padding"


def test_the_folder_of_a_dataset_is_loaded_as_the_documentation_says(small: Built, tmp_path: Path) -> None:
    from datasets import load_dataset

    rows = load_dataset(str(small.folder), split="train", cache_dir=str(tmp_path))
    assert rows["loss_mask"][:] == small.table("train")["loss_mask"].to_pylist()


# ── Hugging Face datasets ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("split", SPLITS)
def test_datasets_reads_parquet_as_it_reads_the_shards(built: Built, split: str, tmp_path: Path) -> None:
    from datasets import load_dataset

    files = {split: str(exported(built, "parquet") / f"data/{split}-*.parquet")}
    rows = load_dataset("parquet", data_files=files, split=split, cache_dir=str(tmp_path))
    shards = load_dataset(
        "arrow", data_files={split: str(built.folder / f"{split}/*.arrow")}, split=split, cache_dir=str(tmp_path)
    )
    assert rows.features == shards.features
    assert rows[:] == shards[:]


def test_datasets_finds_the_splits_by_itself(small: Built, tmp_path: Path) -> None:
    """Those with the columns of train by their name, the others as a config of their name."""
    from datasets import load_dataset

    def rows(kind: str, split: str, *config: str) -> dict:
        return load_dataset(str(exported(small, kind)), *config, split=split, cache_dir=str(tmp_path))

    for split in ("train", "pure"):
        found = rows("jsonl", split)
        assert found.column_names == ["text"]
        assert found.num_rows == sum(piece != [small.end] for piece in small.documents(split))
    assert rows("jsonl", "exam", "exam").column_names == ["text", "individual", "prompt", "answer"]
    assert rows("parquet", "train")["input_ids"][:] == small.ids("train").tolist()
    assert rows("parquet", "exam", "exam")["answer"][:] == small.table("exam")["answer"].to_pylist()
    assert "spans" not in rows("parquet", "pure", "pure").column_names


# ── nanoGPT and llm.c: their readers are these few lines ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("split", SPLITS)
def test_nanogpt_takes_windows_out_of_a_memory_map(small: Built, split: str) -> None:
    data = np.memmap(exported(small, "nanogpt") / f"{split}.bin", dtype=np.uint16, mode="r")
    expected = list(chain.from_iterable(small.documents(split)))
    assert data.tolist() == expected
    for i in np.random.default_rng(0).integers(len(data) - 64, size=8):
        x, y = data[i : i + 64].astype(np.int64), data[i + 1 : i + 65].astype(np.int64)
        assert (x[1:] == y[:-1]).all()
        assert x.tolist() == expected[i : i + 64]


@pytest.mark.parametrize("split", SPLITS)
def test_llmc_reads_a_header_and_then_all_the_rest(built: Built, split: str) -> None:
    (file,) = exported(built, "llmc").glob(f"{split}_*.bin")
    header = np.frombuffer(file.read_bytes()[:1024], np.int32)
    small = built.end < 2**16
    assert header[:2].tolist() == ([20240520, 1] if small else [20240801, 7])
    assert not header[3:].any()
    tokens = np.frombuffer(file.read_bytes()[1024:], np.uint16 if small else np.uint32)
    assert len(tokens) == header[2]
    starts = np.flatnonzero(tokens == built.end)  # as modded-nanogpt finds documents
    assert starts[0] == 0
    found = [tokens[a + 1 : b].tolist() for a, b in zip(starts, [*starts[1:], len(tokens)], strict=True)]
    bodies = [piece[:-1] if piece[-1] == built.end else piece for piece in built.documents(split)]
    assert found == [body for body in bodies if body]


# ── Megatron ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("split", SPLITS)
def test_megatron_core_finds_every_document(built: Built, split: str) -> None:
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    data = IndexedDataset(str(exported(built, "megatron") / split))
    expected = built.documents(split)
    assert data[0].dtype == built.dtype
    assert [data[i].tolist() for i in range(len(data))] == expected
    assert data.document_indices.tolist() == list(range(len(expected) + 1))
    assert data.sequence_lengths.tolist() == list(map(len, expected))
    assert data.get(3, offset=2, length=4).tolist() == expected[3][2:6]


def test_megatron_core_reads_a_split_in_several_files(made: Path, small: Built) -> None:
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    prefixes = sorted(str(path.with_suffix("")) for path in (made / "pieces").glob("*.idx"))
    assert len(prefixes) == len(list((small.folder / "train").glob("*.arrow"))) > 2
    found = [data[i].tolist() for data in map(IndexedDataset, prefixes) for i in range(len(data))]
    assert found == small.documents("train")


# ── MosaicML streaming ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("split", SPLITS)
def test_streaming_reads_every_column_of_a_local_dataset(built: Built, split: str) -> None:
    from streaming import LocalDataset

    data = LocalDataset(str(exported(built, "mds")), split=split)
    rows = built.table(split).to_pylist()
    assert len(data) == len(rows)
    for i, row in enumerate(rows):
        sample = data[i]
        assert sample["input_ids"].dtype == built.dtype
        assert {name: getattr(cell, "tolist", lambda cell=cell: cell)() for name, cell in sample.items()} == row


def test_streaming_deals_out_every_sequence_once(built: Built) -> None:
    from streaming import StreamingDataset

    data = StreamingDataset(local=str(exported(built, "mds")), split="train", shuffle=True, batch_size=1)
    found = sorted(sample["input_ids"].tolist() for sample in data)
    assert found == sorted(built.ids("train").tolist())


# ── litdata ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("parts", [1, 2])
def test_litdata_reads_blocks_that_divide_a_sequence(built: Built, split: str, parts: int) -> None:
    from litdata import StreamingDataset, TokensLoader

    expected = built.ids(split)
    block = expected.shape[1] // parts
    data = StreamingDataset(str(exported(built, "litdata") / split), item_loader=TokensLoader(block_size=block))
    found = np.stack([data[i].numpy() for i in range(len(data))])
    assert found.dtype == np.int32
    assert found.tolist() == expected.reshape(-1, block).tolist()


def test_litdata_reads_16_bits(made: Path, small: Built) -> None:
    from litdata import StreamingDataset, TokensLoader

    data = StreamingDataset(str(made / "small16" / "train"), item_loader=TokensLoader(block_size=48))
    assert [data[i].tolist() for i in range(len(data))] == small.ids("train").tolist()
    assert str(data[0].dtype) == "torch.uint16"


# ── every column, shards without rows, and empty texts ──────────────────────────────────────────────────────────────

EVERY = ("columns-1", "columns-2", "columns-6", "tree")
SPLIT = {"tree": "probes"}
TEXTS = ["", "", " ", "<|endoftext|>", "a b", "end", "\N{REPLACEMENT CHARACTER} here"]


@pytest.mark.parametrize("name", EVERY)
def test_streaming_reads_every_kind_of_column(made: Path, name: str) -> None:
    from streaming import LocalDataset, StreamingDataset

    split = SPLIT.get(name, "train")
    rows = Built(made / name, 9).table(split).to_pylist()
    assert len(rows) in (4, 64)
    local = LocalDataset(str(made / name / "exports/mds"), split=split)
    remote = StreamingDataset(local=str(made / name / "exports/mds"), split=split, batch_size=1)
    for data in (local, remote):
        assert len(data) == len(rows)
        for i, row in enumerate(rows):
            found = {key: getattr(cell, "tolist", lambda cell=cell: cell)() for key, cell in data[i].items()}
            assert found == row


@pytest.mark.parametrize("name", EVERY)
def test_datasets_reads_every_kind_of_column(made: Path, name: str, tmp_path: Path) -> None:
    from datasets import Dataset, load_dataset

    split = SPLIT.get(name, "train")
    rows = Built(made / name, 9).table(split).to_pylist()
    cache = {"cache_dir": str(tmp_path)}
    files = {split: str(made / name / f"{split}/*.arrow")}
    assert load_dataset("arrow", data_files=files, split=split, **cache).to_list() == rows
    assert load_dataset(str(made / name / "exports/parquet"), split=split, **cache).to_list() == rows
    one = [Dataset.from_file(str(file)).to_list() for file in sorted((made / name / split).glob("*.arrow"))]
    assert list(chain(*one)) == rows
    if split == "train":
        assert [len(part) for part in one] == [0, 3, 0, 1, 0]
        lines = load_dataset(str(made / name / "exports/jsonl"), split=split, **cache).to_list()
        chosen = ("individual", "answer", "op", "parameters")
        texts = [chr(96 + row["input_ids"][0]) for row in rows]
        assert lines == [{"text": t, **{key: row[key] for key in chosen}} for t, row in zip(texts, rows, strict=True)]


@pytest.mark.parametrize("name", [*EVERY[:3], "texts"])
def test_readers_of_tokens_read_past_empty_documents_and_shards(made: Path, name: str) -> None:
    from litdata import StreamingDataset, TokensLoader
    from megatron.core.datasets.indexed_dataset import IndexedDataset

    exports, end = made / name / "exports", 50256 if name == "texts" else 9
    ids = Built(made / name, end).ids("train")
    data = IndexedDataset(str(exports / "megatron/train"))
    documents = [data[i].tolist() for i in range(len(data))]
    assert all(one.count(end) == 1 and one[-1] == end for one in documents)
    if name == "texts":
        assert sorted(map(len, documents))[:2] == [1, 1]
        assert list(chain(*documents)) == ids.reshape(-1)[: sum(map(len, documents))].tolist()
    else:
        assert documents == ids[:, :2].tolist()
    assert np.memmap(exports / "nanogpt/train.bin", np.uint16, "r").tolist() == list(chain(*documents))
    tokens = np.fromfile(exports / "llmc/train_000000.bin", np.uint16, offset=1024).tolist()
    assert tokens == list(chain.from_iterable([end, *one[:-1]] for one in documents))
    blocks = StreamingDataset(str(exports / "litdata/train"), item_loader=TokensLoader(block_size=ids.shape[1]))
    assert [blocks[i].tolist() for i in range(len(blocks))] == ids.tolist()


def test_datasets_reads_texts_that_are_empty_and_those_with_replacement_characters(made: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    lines = load_dataset(str(made / "texts/exports/jsonl"), split="train", cache_dir=str(tmp_path))
    assert sorted(lines["text"]) == TEXTS


# ── all of them ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_export_has_files_that_its_record_does_not_name(built: Built) -> None:
    for record in (built.folder / "exports").glob("*/export.json"):
        named = {file["file"]: file["bytes"] for file in json.loads(record.read_text())["files"]}
        there = (path for path in record.parent.rglob("*") if path.is_file() and ".pipeline" not in path.parts)
        sizes = {str(path.relative_to(record.parent)): path.stat().st_size for path in there if path != record}
        assert sizes == named


def test_the_examples_of_the_documentation_run(small: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "how-to" / "export-to-trainers.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 5
    monkeypatch.chdir(small.folder)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    for example in examples:
        names: dict = {}
        exec(example, names)
        assert len(names.get("data", names.get("rows"))) > 0
