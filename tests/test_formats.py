"""Every format against every kind of column that it accepts, read back byte by byte; splits and shards of no rows."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import pipeline
from pipeline import cli
from pipeline.build.verification import verify
from pipeline.core.errors import ExportError, RunError, StorageError
from pipeline.core.table import Lists, Strings, content_hash
from pipeline.dataset import Dataset
from pipeline.formats import FORMATS
from pipeline.formats.jsonl import is_beside
from pipeline.plan import compile_plan
from pipeline.publish.export import export
from pipeline.recipe import load
from pipeline.recipe.loading import export_spec
from pipeline.shard.shard import make_shard
from pipeline.storage import arrow
from tests.by_hand import END, LEVELS, by_hand, of_every_column
from tests.conftest import built, contents
from tests.plans import usual
from tests.readers import plain

# ── all columns ─────────────────────────────────────────────────────────────────────────────────────────────────────

SHARDS = ([3], [1], [0, 2, 0, 5, 0], [1500])  # rows of each; 1,024 of them are a record batch


@pytest.fixture(params=[(LEVELS[i % 3], counts) for i, counts in enumerate(SHARDS)], ids=str)
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    """A dataset with every column that there is."""
    levels, counts = request.param
    return of_every_column(tmp_path / "data", counts, levels)


def rows_of(dataset: Dataset) -> list[dict[str, Any]]:
    return list(chain.from_iterable(batch.to_pylist() for batch in dataset.batches("train")))


def test_parquet_holds_every_column(whole: Dataset, tmp_path: Path):
    export(whole, export_spec("parquet"), tmp_path / "out")
    tables = [parquet.read_table(path) for path in sorted((tmp_path / "out/data").iterdir())]
    assert pa.concat_tables(tables).to_pylist() == rows_of(whole)
    assert all(table.num_rows for table in tables)


def test_mds_holds_every_column(whole: Dataset, tmp_path: Path):
    export(whole, export_spec("mds", ["bytes=4096"]), tmp_path / "out")
    assert plain.mds(tmp_path / "out/train") == rows_of(whole)


def test_jsonl_holds_every_column_that_says_something_of_a_row(whole: Dataset, tmp_path: Path):
    names = [name for name in rows_of(whole)[0] if is_beside(name)]
    assert {"individual", "answer", "op", "parameters"} <= {*names}
    export(whole, export_spec("jsonl", [], {"columns": ["input_ids", *names]}), tmp_path / "out")
    expected = [{"text": chr(96 + row["input_ids"][0]), **{n: row[n] for n in names}} for row in rows_of(whole)]
    assert plain.jsonl(tmp_path / "out", "train") == expected


@pytest.mark.parametrize("kind", [np.uint16, np.int32])
def test_formats_of_tokens_hold_the_tokens_beside_all_columns(kind: Any, tmp_path: Path):
    dataset = of_every_column(tmp_path / "data", [0, 3, 0, 1], 2, kind)
    words = [row["input_ids"][0] for row in rows_of(dataset)]
    for name in ("nanogpt", "llmc", "megatron", "litdata") if kind == np.uint16 else ("llmc", "megatron", "litdata"):
        export(dataset, export_spec(name, [], {"columns": ["input_ids"]}), tmp_path / name)
    documents = [[word, END] for word in words]
    if kind == np.uint16:
        assert plain.nanogpt(tmp_path / "nanogpt/train.bin") == list(chain(*documents))
    assert plain.llmc(tmp_path / "llmc/train_000000.bin") == list(chain.from_iterable([END, word] for word in words))
    assert plain.megatron(tmp_path / "megatron/train") == documents
    assert plain.litdata(tmp_path / "litdata/train") == list(chain(*(row["input_ids"] for row in rows_of(dataset))))


def test_the_columns_of_a_slice_of_rows_are_those_of_the_slice(tmp_path: Path):
    dataset = of_every_column(tmp_path / "data", [7], 2)
    (batch,) = dataset.batches("train")
    for first, last in ((2, 5), (0, 0), (6, 7)):
        found = arrow.record_batch(arrow.columns_from([batch.slice(first, last - first)]))
        assert found.to_pylist() == batch.to_pylist()[first:last]


# ── datasets of recipes ─────────────────────────────────────────────────────────────────────────────────────────────


def test_trees_of_a_recipe_are_read_back(tmp_path: Path):
    """`ancestors` has three dimensions, and comes before `boundaries` and `input_ids` in a sample."""
    overrides = ["sources.probes.instances=64", *(f"splits.{name}=null" for name in ("train", "exam_0", "exam_50"))]
    out = tmp_path / "data"
    built(compile_plan(load("cfg3b_like", overrides)), out)
    dataset = Dataset.at(out)
    export(dataset, export_spec("mds"), tmp_path / "mds")
    expected = list(chain.from_iterable(batch.to_pylist() for batch in dataset.batches("probes")))
    assert (len(expected), len(expected[0]["ancestors"][0])) == (64, 6)
    assert plain.mds(tmp_path / "mds/probes") == expected


RECIPE = """
tokenizer: {tokenizer}
worlds: {{w: {{size: 12, attributes: {{
  name: {{kind: name, pools: {{first: [Ada, Bo, Cy, Di], last: [Ek, Fox, Gil]}}}},
  city: {{kind: choice, values: [Oslo, Rome, Ouagadougou]}}}}}}}}
sources:
  people: {{kind: biographies, world: w, templates: {{city: ["{{{{ name }}}} lives in {{{{ city }}}}."]}}}}
  names: {{kind: names, world: w}}
  rows: {{kind: corpus, files: rows.jsonl}}
  more: {{kind: corpus, files: more.jsonl}}
splits: {{train: {{mixture: {{{mixture}}}, packing: {{{packing}}}, columns: [{columns}]}}}}
shard_tokens: 1024
seed: {seed}
"""
LONG = "word " * 300
BYTES = Path(__file__).parent / "golden/byte_tokenizer.json"


def recipe_in(folder: Path, mixture: str, packing: str, columns: str, seed: int, **texts: list[str]) -> Path:
    """The recipe above, written to a folder with its corpora."""
    for name in ("rows", "more"):
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts.get(name, ["a"]))
        (folder / f"{name}.jsonl").write_text(lines)
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(tokenizer=BYTES, mixture=mixture, packing=packing, columns=columns, seed=seed))
    return recipe


def made(folder: Path, mixture: str, packing: str, columns: str = "", seed: int = 0, **texts: list[str]) -> Dataset:
    """A dataset of the recipe above, verified and read; texts: of the corpora `rows` and `more`."""
    recipe, out = recipe_in(folder, mixture, packing, columns, seed, **texts), folder / "data"
    assert cli.run(["build", str(recipe), "--out", str(out), "--executor", "inline"]) == 0
    assert verify(out) == []
    streamed = [row["input_ids"].tolist() for row in pipeline.stream(recipe, "train")]
    assert [row["input_ids"].tolist() for row in pipeline.read(out, "train")] == streamed
    return Dataset.at(out)


def texts_of(dataset: Dataset, out: Path, **options: Any) -> list[str]:
    """Of an export to jsonl."""
    export(dataset, export_spec("jsonl", [f"{k}={v}" for k, v in options.items()], {"columns": ["input_ids"]}), out)
    return [line["text"] for line in plain.jsonl(out, "train")]


# ── shards and splits without rows ──────────────────────────────────────────────────────────────────────────────────

DROP = "length: 1024, longer: drop"
EXPORTED = ("parquet", "mds", "litdata", "jsonl", "nanogpt", "llmc", "megatron")


@pytest.mark.parametrize("columns", ["", pytest.param("loss_mask, segment_ids, documents", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("packing", "sources"),
    [
        (f"method: rows, {DROP}", "rows: {exposures: 1}"),
        *(
            pytest.param(*packed, marks=pytest.mark.slow)
            for packed in [
                (f"method: concat, {DROP}", "rows: {exposures: 1}"),
                (f"method: aligned, last: pad, {DROP}", "rows: {exposures: 1}"),
                (f"method: concat, windows: pure, {DROP}", "rows: {exposures: 1}, more: {exposures: 1}"),
            ]
        ),
        (f"method: aligned, last: pad, windows: pure, {DROP}", "rows: {exposures: 1}, more: {exposures: 1}"),
    ],
)
def test_shards_whose_documents_are_all_dropped_are_files_of_no_rows(
    packing: str, sources: str, columns: str, tmp_path: Path
):
    few = [*(f"{word} " * 150 for word in ("some", "other", "more")), *[LONG] * 6, "b c"]
    texts = {"rows": few, "more": [LONG, LONG, "d"]}
    seed = first_seed(tmp_path, {True, False}, sources, packing, columns, **texts)
    dataset = made(tmp_path, sources, packing, columns, seed, **texts)
    assert {bool(record.sequences) for record in dataset.manifest.shards_of("train")} == {True, False}
    few += ["d"] * ("more" in sources)
    for kind in EXPORTED:
        options = {} if kind in ("parquet", "mds") else {"columns": ["input_ids"]}
        export(dataset, export_spec(kind, [], options), tmp_path / kind)
    rows = rows_of(dataset)
    assert parquet.read_table(tmp_path / "parquet/data").num_rows == len(rows)
    assert plain.mds(tmp_path / "mds/train") == rows
    assert plain.litdata(tmp_path / "litdata/train") == list(chain(*(row["input_ids"] for row in rows)))
    tokenizer = dataset.tokenizer()
    told = [tokenizer.encode(text).ids for text in few if text != LONG]
    documents = plain.megatron(tmp_path / "megatron/train")
    end = tokenizer.token_to_id("<|endoftext|>")
    assert sorted(documents) == sorted([*ids, end] for ids in told)
    assert plain.nanogpt(tmp_path / "nanogpt/train.bin") == list(chain(*documents))
    assert plain.llmc(tmp_path / "llmc/train_000000.bin") == list(chain(*([end, *one[:-1]] for one in documents)))
    assert sorted(line["text"] for line in plain.jsonl(tmp_path / "jsonl", "train")) == sorted({*few} - {LONG})
    assert verify(tmp_path / "mds") == verify(tmp_path / "parquet") == []


NOTHING = "people: {exposures: 0.05}", "length: 25, longer: drop"  # one document, of more tokens


def test_a_split_without_rows_is_parquet_of_its_columns_and_refused_elsewhere(tmp_path: Path):
    columns = "loss_mask, segment_ids, documents, spans, probes"
    recipe = (NOTHING[0], f"method: rows, {NOTHING[1]}", columns)
    dataset = made(tmp_path, *recipe, first_seed(tmp_path, {False}, *recipe))
    assert dataset.manifest.splits["train"]["sequences"] == 0
    assert rows_of(dataset) == []
    export(dataset, export_spec("parquet"), tmp_path / "parquet")
    (table,) = (parquet.ParquetFile(path) for path in (tmp_path / "parquet/data").iterdir())
    assert (table.metadata.num_rows, table.metadata.num_row_groups) == (0, 0), "datasets reads no empty row group"
    assert table.schema_arrow.names == ["input_ids", "length", *columns.split(", ")[:4], "individual", "probes"]
    assert table.schema_arrow.field("input_ids").type.list_size == 25
    for kind in {*EXPORTED} - {"parquet"}:
        with pytest.raises(ExportError, match=r"split 'train' has no rows.*Leave it out with --split"):
            export(dataset, export_spec(kind, [], {"columns": ["input_ids"]}), tmp_path / kind)
        assert not (tmp_path / kind).exists()
    written = str(tmp_path / "recipe.yaml")
    assert cli.run(["report", dataset.folder.url, "--recipe", written, "--out", str(tmp_path / "page.html")]) == 0


def first_seed(folder: Path, wanted: set[bool], *recipe: str, **texts: list[str]) -> int:
    """The first seed with which shards have rows, have none, or both."""
    for seed in range(20):
        plan = compile_plan(load(str(recipe_in(folder, *recipe, seed=seed, **texts))))
        shards = (make_shard(plan, "train", k).columns["input_ids"] for k in range(plan.splits["train"].shards))
        if {len(ids) > 0 for ids in shards} == wanted:
            return seed
    raise AssertionError("no such seed")


@pytest.mark.slow
def test_every_column_of_evaluation_is_there_where_all_documents_are_dropped(tmp_path: Path):
    """answers, probes, steps and tree."""
    igsm = ("igsm_med_pq", ["splits.exam.columns=[answers, steps]"])
    for name, overrides in (igsm, ("cfg3b_like", []), ("tests/readers/recipe.yaml", [])):
        plan = compile_plan(load(name, overrides))
        for split in {"exam", "probes", "pure"} & plan.splits.keys():
            its = plan.splits[split]
            packing = its.packing.model_copy(update={"length": 2, "longer": "drop"})
            dropped = replace(plan, splits={split: replace(its, packing=packing)})
            columns, full = make_shard(dropped, split, 0).columns, make_shard(plan, split, 0).columns
            assert list(columns) == list(full)
            for column, other in zip(columns.values(), full.values(), strict=True):
                if isinstance(column, np.ndarray):
                    assert (len(column), column.dtype, column.ndim) == (0, other.dtype, other.ndim)  # type: ignore[union-attr]
                else:
                    assert column.offsets.tolist() == [0]
            with open(tmp_path / "x.arrow", "wb") as raw:
                arrow.write(columns, arrow.HashingFile(raw))
            assert content_hash(arrow.columns_of(tmp_path / "x.arrow")) == content_hash(columns)


# ── empty texts, and end tokens where none is expected ──────────────────────────────────────────────────────────────

ODD = ["", "a b c", "   ", "<|endoftext|>", "<|endoftext|> x", "U \ufffd here", "", "", "\ufffd", "x " * 30, "last"]


@pytest.mark.parametrize(
    ("mixture", "packing", "columns"),
    [
        ("rows: {exposures: 1}", "length: 16", ""),
        ("rows: {exposures: 1}", "length: 16", "documents"),
        ("rows: {exposures: 1}", "method: rows, length: 64", ""),
        ("rows: {exposures: 1}", "method: aligned, last: pad, length: 64", "documents"),
        ("rows: {exposures: 1}, names: {exposures: 1}", "length: 16", "documents"),
        ("rows: {exposures: 1}, people: {exposures: 1}", "length: 16", ""),
    ],
)
def test_empty_texts_are_documents_in_every_format(mixture: str, packing: str, columns: str, tmp_path: Path):
    dataset = made(tmp_path, mixture, packing, columns, rows=ODD)
    told = texts_of(dataset, tmp_path / "jsonl")
    assert len(told) == dataset.manifest.splits["train"]["documents"]
    ours = [text for text in told if " Ek" not in text and " Fox" not in text and " Gil" not in text]
    assert sorted(ours) == sorted(ODD)
    for kind in ("megatron", "nanogpt", "llmc"):
        export(dataset, export_spec(kind, [], {"columns": ["input_ids"]}), tmp_path / kind)
    documents, end = plain.megatron(tmp_path / "megatron/train"), dataset.tokenizer().token_to_id("<|endoftext|>")
    assert dataset.tokenizer().decode_batch([one[:-1] for one in documents], skip_special_tokens=False) == told
    assert plain.nanogpt(tmp_path / "nanogpt/train.bin") == list(chain(*documents))
    assert plain.llmc(tmp_path / "llmc/train_000000.bin") == list(chain(*([end, *one[:-1]] for one in documents)))


@pytest.mark.parametrize(
    ("rows", "packing"),
    [
        (ODD, "length: 16"),  # empty documents, and others that begin with the end token
        (["a", "b"], "length: 16"),  # of which there might be as many
        (ODD, "length: 64, windows: pure"),  # an empty document, or padding
        (["a b c", "", "d"], "length: 4, windows: pure"),
    ],
)
@pytest.mark.parametrize("kind", usual(["nanogpt", "llmc", "megatron", "jsonl"], "llmc", "jsonl"))
def test_what_cannot_be_told_apart_is_refused_and_can_be_marked(
    rows: list[str], packing: str, kind: str, tmp_path: Path
):
    mixture = "rows: {exposures: 1}, names: {exposures: 1}"
    dataset = made(tmp_path, mixture, packing, rows=rows)
    with pytest.raises(ExportError, match="Build it with `documents` among its columns"):
        export(dataset, export_spec(kind), tmp_path / kind)
    assert not (tmp_path / kind).exists()
    (tmp_path / "marked").mkdir()
    marked = made(tmp_path / "marked", mixture, packing, "documents", rows=rows)
    export(marked, export_spec(kind, [], {"columns": ["input_ids"]}), tmp_path / kind)
    assert verify(tmp_path / kind) == []


def test_one_document_more_and_one_less_do_not_even_out(tmp_path: Path):
    """[1 END] [END] [2 END 3 END]: an empty document beside one that holds an end token, three as counted."""
    shard = [[1, END, END, 2], [END, 3, END, END]]
    corpus = {"a": {"kind": "corpus"}}
    dataset = by_hand(tmp_path / "data", [shard], [(3, 7)], sources=corpus)
    with pytest.raises(ExportError, match="some documents hold more end tokens than one, and others may be empty"):
        export(dataset, export_spec("megatron"), tmp_path / "out")
    fields = {"start": [0, 2, 3, 0], "length": [2, 1, 1, 3], "offset": [0, 0, 0, 1]}
    marked = Lists(np.array([0, 3, 4]), {name: np.array(values, np.int32) for name, values in fields.items()})
    dataset = by_hand(
        tmp_path / "marked", [shard], [(3, 7)], more=[{"documents": marked}], asked=["documents"], sources=corpus
    )
    export(dataset, export_spec("megatron", [], {"columns": ["input_ids"]}), tmp_path / "out")
    assert plain.megatron(tmp_path / "out/train") == [[1, END], [END], [2, END, 3, END]]


def test_in_pure_windows_a_mark_tells_an_empty_document_from_the_rest_of_one(tmp_path: Path):
    """[1 2 3 4 | END] is cut before its end; [END] [5 END] [END] are documents."""
    shard = [[1, 2, 3, 4], [END, END, 5, END], [END, END, END, END]]
    fields = {"start": [0, 0, 1, 2, 0], "length": [4, 1, 1, 2, 1], "offset": [0, 4, 0, 0, 0]}
    marked = Lists(np.array([0, 1, 4, 5]), {name: np.array(values, np.int32) for name, values in fields.items()})
    dataset = by_hand(
        tmp_path / "data", [shard], [(4, 9)], windows="pure", more=[{"documents": marked}], asked=["documents"]
    )
    assert texts_of(dataset, tmp_path / "jsonl") == ["a b c d", "", "e", ""]
    for kind in ("megatron", "llmc"):
        export(dataset, export_spec(kind, [], {"columns": ["input_ids"]}), tmp_path / kind)
    assert plain.megatron(tmp_path / "megatron/train") == [[1, 2, 3, 4], [END], [END], [5, END], [END]]
    assert plain.llmc(tmp_path / "llmc/train_000000.bin") == [END, 1, 2, 3, 4, END, END, 5, END]


# ── U+FFFD ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_replacement_character_of_a_text_is_text(tmp_path: Path):
    rows = ["a \ufffd b", "\ufffd\ufffd", "é\ufffd😀"]
    dataset = made(tmp_path, "rows: {exposures: 1}", "length: 16", rows=rows)
    assert sorted(texts_of(dataset, tmp_path / "out")) == sorted(rows)


def test_characters_that_a_window_cuts_are_no_text_also_beside_a_replacement_character(tmp_path: Path):
    """Emojis of several tokens, of which windows of a few tokens cut some."""
    rows = ["\ufffd 🜁🜂🜃🜄"] * 3
    dataset = made(tmp_path, "rows: {exposures: 1}, more: {exposures: 1}", "length: 5, windows: pure", rows=rows)
    with pytest.raises(ExportError, match=r"no whole characters.*or set broken=replace"):
        texts_of(dataset, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    told = "".join(texts_of(dataset, tmp_path / "out", broken="replace"))
    assert told.count("\ufffd") > len(rows)


# ── numbers that do not fit ─────────────────────────────────────────────────────────────────────────────────────────


def test_offsets_of_arrow_columns_do_not_wrap():
    most = np.array([0, 2**31], np.int64)
    for column in (Lists(most, {"x": np.zeros(0, np.uint8)}), Strings(most, np.zeros(0, np.uint8))):
        with pytest.raises(RunError, match=r"offset in the column 'spans' 2147483648 does not fit int32"):
            arrow.record_batch({"spans": column})


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        ("nanogpt", [70_000, END], "token id 70000, and the tokenizer 21 ids"),
        ("litdata", [70_000, END], "token id 70000, and the tokenizer 21 ids"),
    ],
)
def test_ids_that_a_format_cannot_hold_are_refused_whatever_the_tokenizer_says(
    kind: str, values: list[int], said: str, tmp_path: Path
):
    """Shards of 32 bits beside a tokenizer of 16."""
    dataset = by_hand(tmp_path / "data", [[values]], [(1, 2)], np.int32)
    tree = json.loads((tmp_path / "data/tokenizer/tokenizer.json").read_text())
    del tree["model"]["vocab"]["z"]
    (tmp_path / "data/tokenizer/tokenizer.json").write_text(json.dumps(tree))
    with pytest.raises(StorageError, match=said):
        export(dataset, export_spec(kind, ["dtype=uint16"] if kind == "litdata" else []), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_of_litdata_is_no_bigger_than_its_offsets_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Blocks of one token have an offset of four bytes each, beside the token's."""
    monkeypatch.setattr("pipeline.formats.litdata.MOST", 100)
    dataset = by_hand(tmp_path / "data", [[[1, END]] * 20], [(20, 40)])
    export(dataset, export_spec("litdata", ["block=1"]), tmp_path / "out")
    assert plain.litdata(tmp_path / "out/train") == [1, END] * 20
    sizes = [path.stat().st_size for path in (tmp_path / "out/train").glob("*.bin")]
    assert len(sizes) > 1
    assert max(sizes) <= 100


# ── refusals in the middle ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_export_leaves_the_dataset_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Its first shard can be exported, its second one cannot; then another export of the same format can be made."""
    dataset = by_hand(tmp_path / "data", [[[1, END]], [[1, END]]], [(1, 2), (2, 3)])
    before = set((tmp_path / "data").rglob("*"))
    arguments = ["export", dataset.folder.url, "--to"]
    for kind in ("jsonl", "megatron", "nanogpt", "llmc"):
        assert cli.run([*arguments, kind, "--set", "tokens=1"] if kind != "jsonl" else [*arguments, kind]) == 2
        said = capsys.readouterr().err
        assert "shard 1" in said
        assert said.count("\n") == 1
        assert set((tmp_path / "data").rglob("*")) == before
    assert cli.run([*arguments, "mds"]) == 0


def test_a_refused_export_leaves_alone_what_somebody_else_put_there(tmp_path: Path):
    dataset = by_hand(tmp_path / "data", [[[1, END]], [[1, END]]], [(1, 2), (2, 3)])
    out, write = tmp_path / "out", FORMATS["jsonl"].format.write

    def also(self: Any, part: Any, rows: Any, files: Any) -> None:
        write(self, part, rows, files)
        (out / "data/mine.txt").write_text("mine")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(ExportError):
        patch.setattr(FORMATS["jsonl"].format, "write", also)
        export(dataset, export_spec("jsonl"), out)
    assert contents(out) == {"data/mine.txt": b"mine"}
    assert not (out / ".pipeline").exists()


def test_other_options_do_after_a_refusal_and_after_a_kill_that_left_no_part(tmp_path: Path):
    rows = ["🜁🜂🜃🜄"] * 3
    dataset = made(tmp_path, "rows: {exposures: 1}, people: {exposures: 1}", "length: 5, windows: pure", rows=rows)
    place = tmp_path / "data/exports/jsonl"
    with pytest.raises(ExportError, match="no whole characters"):
        export(dataset, export_spec("jsonl"), place)
    assert not (tmp_path / "data/exports").exists()
    (place / ".pipeline").mkdir(parents=True)
    (place / ".pipeline/export").write_text("the mark of another one, which was killed")
    export(dataset, export_spec("jsonl", ["broken=replace"]), place)
    assert verify(tmp_path / "data") == []


def test_an_export_of_a_damaged_shard_goes_on_when_that_is_mended(tmp_path: Path):
    dataset = by_hand(tmp_path / "data", [[[1, END]], [[2, END]]], [(1, 2), (1, 2)])
    for number, left in ((0, False), (1, True)):
        path = tmp_path / "data" / dataset.manifest.shards_of("train")[number].file
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        with pytest.raises(StorageError, match="Run build"):
            export(dataset, export_spec("jsonl"), tmp_path / "out")
        assert (tmp_path / "out").exists() is left
        path.write_bytes(whole)
    export(dataset, export_spec("jsonl"), tmp_path / "out")
    assert [line["text"] for line in plain.jsonl(tmp_path / "out", "train")] == ["a", "b"]


@pytest.mark.parametrize("stopped", [0, 1])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_what_is_finished_when_an_export_stops_is_kept_and_gone_on_with(
    error: BaseException, stopped: int, tmp_path: Path
):
    dataset = by_hand(tmp_path / "data", [[[1, END]], [[2, END]]], [(1, 2), (1, 2)])
    out, write = tmp_path / "out", FORMATS["jsonl"].format.write

    def stop(self: Any, part: Any, rows: Any, files: Any) -> None:
        if part.number == stopped:
            with files.create("data/half.jsonl") as file:
                file.write(b"half")
                raise error
        write(self, part, rows, files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FORMATS["jsonl"].format, "write", stop)
        kind = StorageError if isinstance(error, OSError) else KeyboardInterrupt
        with pytest.raises(kind, match="no space left" if kind is StorageError else None):
            export(dataset, export_spec("jsonl"), out)
    assert out.exists() is bool(stopped)
    assert set(contents(out)) == {"data/train-00000-of-00002.jsonl"} if stopped else not contents(out)
    export(dataset, export_spec("jsonl"), out)
    assert verify(out) == []
    assert [line["text"] for line in plain.jsonl(out, "train")] == ["a", "b"]


def test_a_refused_export_to_a_bucket_leaves_nothing_there(tmp_path: Path):
    from fsspec.implementations.memory import MemoryFileSystem

    MemoryFileSystem.store.clear()
    dataset = by_hand(tmp_path / "data", [[[1, END]], [[1, END]]], [(1, 2), (2, 3)])
    with pytest.raises(ExportError, match="shard 1"):
        export(dataset, export_spec("jsonl"), "memory://bucket/out")
    assert MemoryFileSystem.store == {}
