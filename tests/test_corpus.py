"""A corpus: rows of files as they are, whole, in order, through a memory map; beside biographies; refusals."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tokenizers
from pyarrow import parquet

from pipeline import cli
from pipeline.build.building import build_shard
from pipeline.build.executors import Ray
from pipeline.core.documents import ROLES, Documents
from pipeline.core.errors import RecipeError, RunError, SpecError
from pipeline.core.files import library
from pipeline.core.key import Key
from pipeline.core.system import caches
from pipeline.core.table import Lists, content_hash
from pipeline.dataset.manifest import Manifest
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from pipeline.sources.corpus import source as corpus
from pipeline.sources.corpus import texts
from pipeline.sources.corpus.reading import copies, sealed
from pipeline.sources.corpus.source import Corpus
from pipeline.storage import LocalFolder
from pipeline.text.encoding.engines import TOGETHER
from tests.conftest import built, contents
from tests.plans import plan_at, plan_of

BYTES = str(Path(__file__).parent / "golden" / "byte_tokenizer.json")  # quick to load
EOS = "<|endoftext|>"
TEXTS = [
    "A river begins where water gathers.",
    " a space before, and after ",
    "ünïcode, 한국어, 日本語, 😀, \u2028 and \u00a0",
    "\ttabs\tand  many   spaces",
    EOS,
    f"before{EOS}after {EOS}",
    "<Wikipedia.org> [BACK]",
    "x" * 3000,
    "'s starts with a contraction",
    "the same row twice",
    "the same row twice",
]
ONLY_QUOTED = ["", "\n", "two\nlines\r\nand a third", "\ufeffa mark"]  # what a line of a text file cannot hold


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies of rows lie in a folder of the test's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pretraining-recipes" / "files"


def rows_of(path: Path, texts: Sequence[Any], column: str = "text") -> Path:
    """A file with a row for each text, in the format that its name says."""
    if path.suffix == ".parquet":
        parquet.write_table(pa.table({"number": list(range(len(texts))), column: pa.array(texts)}), path)
    elif path.suffix == ".txt":
        path.write_text("".join(f"{text}\n" for text in texts), "utf-8")
    else:
        rows = ({"number": i, column: text, "more": {"a": [i]}} for i, text in enumerate(texts))
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def recipe(keys: str = "files: rows.jsonl", columns: str = "", tokenizer: str = BYTES) -> str:
    """A corpus and nothing else; its source is in the third line."""
    return (
        f"worlds: {{}}\nsources:\n  text: {{kind: corpus, {keys}}}\n"
        f"splits: {{train: {{mixture: {{text: {{}}}}, packing: {{length: 64}}, columns: [{columns}]}}}}\n"
        f"shard_tokens: 1024\ntokenizer: {tokenizer}\n"
    )


def plan_with(folder: Path, keys: str = "files: rows.jsonl", columns: str = "", tokenizer: str = BYTES) -> Plan:
    return plan_at(folder / "recipe.yaml", recipe(keys, columns, tokenizer))


def told(plan: Plan, item: Sequence[int] | None = None, *, spans: bool = False, parts: bool = False) -> Documents:
    source = plan.sources["text"]
    items = np.arange(len(source)) if item is None else np.array(item, np.int64)
    return source.documents(items, np.zeros_like(items), spans=spans, parts=parts)


def ids_of(documents: Documents) -> list[list[int]]:
    tokens = documents.tokens
    return [tokens.values[first:last].tolist() for first, last in pairwise(tokens.offsets.tolist())]


def plain_ids(plan: Plan, texts: Sequence[str]) -> list[list[int]]:
    """Every text whole, by a tokenizer that has the same model and knows of no special token."""
    ours = plan.tokenizer.backend
    plain = tokenizers.Tokenizer(ours.model)
    plain.pre_tokenizer = ours.pre_tokenizer
    return [plain.encode(text).ids for text in texts]


def digest(plan: Plan) -> str:
    """Of all that a plan builds."""
    hashes = [content_hash(make_shard(plan, *shard).columns) for shard in plan.shards]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


# ── rows to tokens ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("rows.jsonl", TEXTS + ONLY_QUOTED),
        ("rows.json", TEXTS + ONLY_QUOTED),
        ("rows.parquet", TEXTS + ONLY_QUOTED),
        ("rows.txt", TEXTS),
    ],
)
def test_a_document_is_its_row_encoded_whole_and_the_end_token(tmp_path: Path, name: str, texts: list[str]) -> None:
    rows_of(tmp_path / name, texts)
    plan = plan_with(tmp_path, f"files: {name}", tokenizer="gpt2")
    assert ids_of(told(plan)) == [[*ids, plan.tokenizer.eos] for ids in plain_ids(plan, texts)]
    assert told(plan).tokens.values.dtype == plan.tokenizer.dtype


def test_the_text_of_the_end_token_in_a_row_ends_nothing(tmp_path: Path) -> None:
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    plan = plan_with(tmp_path, tokenizer="gpt2")
    for ids, text in zip(ids_of(told(plan)), TEXTS, strict=True):
        assert [i for i, token in enumerate(ids) if token == plan.tokenizer.eos] == [len(ids) - 1]
        assert plan.tokenizer.decode(np.array(ids)) == text + EOS


def test_another_column_is_read_where_it_is_named(tmp_path: Path) -> None:
    for name in ("rows.jsonl", "rows.parquet"):
        rows_of(tmp_path / name, TEXTS, column="body")
        plan = plan_with(tmp_path, f"files: {name}, column: body")
        assert ids_of(told(plan)) == [[*ids, plan.tokenizer.eos] for ids in plain_ids(plan, TEXTS)]


def test_two_columns_of_a_file_are_two_corpora(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "one", "title": "two"}\n')
    plans = [plan_with(tmp_path, f"files: rows.jsonl, column: {column}") for column in ("text", "title")]
    assert [plan.tokenizer.decode(told(plan).tokens.values[:-1]) for plan in plans] == ["one", "two"]
    assert plans[0].fingerprint != plans[1].fingerprint


def test_texts_are_never_taken_for_dates_or_numbers(tmp_path: Path) -> None:
    texts = ["2020-01-01", "2021-02-03 04:05:06", "17", "1.50", "true", "null"]
    for name in ("rows.jsonl", "rows.txt", "rows.parquet"):
        plan = plan_with(tmp_path, f"files: {rows_of(tmp_path / name, texts)}")
        assert [plan.tokenizer.decode(np.array(ids[:-1])) for ids in ids_of(told(plan))] == texts


def test_blank_lines_and_a_byte_order_mark_are_no_rows(tmp_path: Path) -> None:
    lines = tmp_path / "rows.txt"
    lines.write_bytes(b"\xef\xbb\xbfone\r\n\r\n  \n\ntwo\n\xef\xbb\xbfthree")
    plan = plan_with(tmp_path, "files: rows.txt")
    assert ids_of(told(plan)) == [[*ids, plan.tokenizer.eos] for ids in plain_ids(plan, ["one", "two", "\ufeffthree"])]
    (tmp_path / "rows.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "one"}\r\n\n \n{"text": "two"}')
    plan = plan_with(tmp_path)
    assert ids_of(told(plan)) == [[*ids, plan.tokenizer.eos] for ids in plain_ids(plan, ["one", "two"])]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".txt"])
def test_item_i_is_row_i_over_several_files_in_the_order_named(tmp_path: Path, suffix: str) -> None:
    """None of the files ends where a record batch does, and one has no rows."""
    counts = {"b": 1234, "a": 1, "empty": 0, "c[1]": 1500, "d *": 7}
    expected: list[str] = []
    for name, count in counts.items():
        texts = [f"{name} {i}" for i in range(count)]
        rows_of(tmp_path / f"{name}{suffix}", pa.array(texts, pa.string()) if suffix == ".parquet" else texts)
        expected += texts
    plan = plan_with(tmp_path, f"files: {json.dumps([name + suffix for name in counts])}")
    assert len(plan.sources["text"]) == len(expected) == 2742
    decoded = plan.tokenizer.decode_all(ids_of(told(plan)))
    assert decoded == [text + EOS for text in expected]


def test_the_order_of_the_request_and_its_batches_change_nothing(tmp_path: Path) -> None:
    texts = [f"{i} {TEXTS[i % len(TEXTS)][:50]}" for i in range(2500)]
    rows_of(tmp_path / "rows.jsonl", texts)
    plan = plan_with(tmp_path, "files: rows.jsonl, tag: {text: A site}")
    whole = told(plan, parts=True)
    rng = np.random.default_rng(0)
    items = rng.integers(0, len(texts), 3000)  # more than are encoded together; some repeat
    asked = told(plan, items.tolist(), parts=True)
    expected = ids_of(whole)
    assert ids_of(asked) == [expected[i] for i in items.tolist()]
    assert asked.parts is not None
    assert whole.parts is not None
    assert asked.parts.values.tolist() == whole.parts.take(items).values.tolist()
    for size in (0, 1, 7, TOGETHER, TOGETHER + 1):
        assert ids_of(told(plan, items[:size].tolist())) == [expected[i] for i in items[:size].tolist()]


def test_every_exposure_tells_the_same(tmp_path: Path) -> None:
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    source = plan_with(tmp_path).sources["text"]
    item = np.arange(len(TEXTS))
    first, tenth = (source.documents(item, np.full_like(item, n), spans=False).tokens for n in (0, 10))
    assert first.values.tolist() == tenth.values.tolist()


def test_the_mean_length_is_exact_for_few_rows(tmp_path: Path) -> None:
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    plan = plan_with(tmp_path)
    assert plan.sources["text"].mean_tokens * len(TEXTS) == len(told(plan).tokens.values)
    assert [str(notice) for notice in plan.sources["text"].notices if "mean length" in notice] == []


def test_the_mean_length_of_many_rows_is_that_of_some_from_all_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "SAMPLE", 200)
    rows_of(tmp_path / "rows.jsonl", ["word " * (i // 10) for i in range(1000)])
    plan = plan_with(tmp_path)
    source = plan.sources["text"]
    true = len(told(plan).tokens.values) / len(source)
    assert 0 < abs(float(source.mean_tokens) / true - 1) < 0.1
    assert "200 of its rows" in source.notices[1]
    assert source.mean_tokens == plan_with(tmp_path).sources["text"].mean_tokens


def test_the_mean_length_of_a_sample_is_kept_for_all_that_it_depends_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "SAMPLE", 20)
    texts = ["word " * (i // 10) for i in range(300)]
    rows_of(tmp_path / "rows.jsonl", texts)
    keys = ["", ", tag: <a>", ", tag: {text: a b c}", ", order: blocks", ", where: {number: {min: 100}}"]
    means = [plan_with(tmp_path, f"files: rows.jsonl{more}").sources["text"].mean_tokens for more in keys]
    assert len(set(means)) == 4  # the order changes nothing
    assert means[0] == means[3]
    monkeypatch.setattr(Corpus, "documents", lambda *_, **__: pytest.fail("encoded again"))
    again = [plan_with(tmp_path, f"files: rows.jsonl{more}").sources["text"].mean_tokens for more in keys]
    assert again == means
    monkeypatch.undo()
    rows_of(tmp_path / "rows.jsonl", [*texts, "more " * 9999])
    assert plan_with(tmp_path).sources["text"].mean_tokens != means[0]


@pytest.mark.parametrize(("rows", "each"), [(900, 900), (5000, 1000), (1000, 1000)])
def test_of_blocks_the_proof_looks_at_some_rows_of_some_each_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, each: int
) -> None:
    for name, value in {"SAMPLED": 1000, "BLOCKS": 10, "CHUNK": 90}.items():
        monkeypatch.setattr(texts, name, value)
    monkeypatch.setattr("pipeline.sources.corpus.reading.lines.BLOCK", 2000)
    rows_of(tmp_path / "rows.jsonl", [f"{i}" for i in range(rows)])
    seen = dict[str, np.ndarray[Any, Any]]()
    for order in ("blocks", "global"):
        source = plan_with(tmp_path, f"files: rows.jsonl, order: {order}").sources["text"]
        assert isinstance(source, Corpus)
        seen[order] = np.concatenate(list(texts._sampled(source._rows, Key.root(1))))
        assert len(set(seen[order].tolist())) == len(seen[order]) >= each
    assert (np.diff(seen["blocks"]) > 0).all()
    assert rows != 5000 or set(seen["blocks"].tolist()) != set(seen["global"].tolist())


# ── spans, parts, tags ──────────────────────────────────────────────────────────────────────────────────────────────


def test_documents_have_no_spans_and_without_a_tag_no_parts(tmp_path: Path) -> None:
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    plan = plan_with(tmp_path)
    documents = told(plan, spans=True, parts=True)
    for marked in (documents.spans, documents.parts):
        assert marked is not None
        assert marked.values.shape == (0, 3)
        assert marked.offsets.tolist() == [0] * (len(TEXTS) + 1)
    assert told(plan).spans is None
    assert told(plan).parts is None


@pytest.mark.parametrize(
    ("tag", "before"),
    [
        ("<Wikipedia.org>", None),
        ("{token: <Wikipedia.org>}", None),
        ("{text: wikipedia.org}", " wikipedia.org "),
        ("{text: 'One of several words:'}", " One of several words: "),
    ],
)
def test_a_tag_stands_before_every_row_and_is_flagged(tmp_path: Path, tag: str, before: str | None) -> None:
    texts = TEXTS + ONLY_QUOTED
    rows_of(tmp_path / "rows.jsonl", texts)
    plan = plan_with(tmp_path, f"files: rows.jsonl, tag: {tag}", "parts", tokenizer="gpt2")
    end = plan.tokenizer.eos
    token = plan.tokenizer.backend.token_to_id("<Wikipedia.org>")
    documents = told(plan, parts=True)
    if before is None:
        assert ids_of(documents) == [[token, *ids, end] for ids in plain_ids(plan, texts)]
        length = 1
    else:
        assert token is None
        assert ids_of(documents) == [[*ids, end] for ids in plain_ids(plan, [before + text for text in texts])]
        (tagged,) = plain_ids(plan, [before.rstrip()])
        length = len(tagged)
        assert plan.tokenizer.decode(np.array(ids_of(documents)[0][:length])) == before.rstrip()
    assert documents.parts is not None
    assert documents.parts.values.tolist() == [[0, length, ROLES.index("tag")]] * len(texts)
    assert documents.parts.offsets.tolist() == list(range(len(texts) + 1))


def test_a_masked_tag_has_no_loss_and_everything_else_has(tmp_path: Path) -> None:
    rows_of(tmp_path / "rows.jsonl", TEXTS[:4])
    plan = plan_with(tmp_path, "files: rows.jsonl, tag: <Wikipedia.org>, mask: [tag]", "loss_mask")
    token = plan.tokenizer.backend.token_to_id("<Wikipedia.org>")
    columns = make_shard(plan, "train", 0).columns
    ids, mask = columns["input_ids"].reshape(-1), columns["loss_mask"].reshape(-1)  # type: ignore[union-attr]
    used = sum(len(document) for document in ids_of(told(plan)))
    assert (ids[:used] == token).sum() == 4
    assert mask[:used].tolist() == (ids[:used] != token).tolist()
    assert not mask[used:].any()


# ── files, processes, memory ────────────────────────────────────────────────────────────────────────────────────────


def in_another_process(program: str, *arguments: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1]), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


DIGEST_OF_RECIPE = """
import sys
from tests.test_corpus import digest
from pipeline.plan import compile_plan
from pipeline.recipe import load
print(digest(compile_plan(load(sys.argv[1]))))
"""
TOKENS_OF_PICKLE = """
import json, os, pickle, sys
from pathlib import Path
import numpy as np
items = np.array([2, 0, 3])
copies = lambda: len(list(Path(os.environ["XDG_CACHE_HOME"]).rglob("*.rows")))
seen = []
for _ in range(2):
    source = pickle.load(open(sys.argv[1], "rb"))
    seen.append((copies(), source.documents(items, items, spans=False).tokens.values.tolist()))
print(json.dumps(seen))
"""


@pytest.mark.slow
def test_another_process_with_another_hash_seed_and_no_copy_of_the_rows_makes_the_same_bytes(tmp_path: Path) -> None:
    rows_of(tmp_path / "rows.jsonl", TEXTS * 2)
    plan = plan_with(tmp_path)
    assert len(plan.shards) > 2
    arguments = (DIGEST_OF_RECIPE, str(tmp_path / "recipe.yaml"))
    changed = {"PYTHONHASHSEED": "7", "XDG_CACHE_HOME": str(tmp_path / "other cache")}
    assert in_another_process(*arguments, cwd=tmp_path, **changed).strip() == digest(plan)
    assert list((tmp_path / "other cache").rglob("*.rows"))


def test_a_source_is_sent_as_a_path_and_opens_in_a_process_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the recipe, and with it the file, was named from the current folder; without a copy, and with one."""
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    (tmp_path / "recipe.yaml").write_text(recipe())
    monkeypatch.chdir(tmp_path)
    source = compile_plan(load("recipe.yaml")).sources["text"]
    assert isinstance(source, Corpus)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "pickle").write_bytes(pickle.dumps(source))
    items = np.array([2, 0, 3])
    expected = source.documents(items, items, spans=False).tokens.values.tolist()
    shutil.rmtree(tmp_path / "cache")  # as on another machine of a cluster
    seen = in_another_process(TOKENS_OF_PICKLE, str(tmp_path / "pickle"), cwd=tmp_path / "elsewhere")
    assert json.loads(seen) == [[0, expected], [1, expected]]


def test_rows_are_mapped_and_not_loaded_or_sent(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three megabytes of rows, of which a few are read: neither the memory of Arrow nor the pickle grows with them."""
    monkeypatch.setattr(corpus, "SAMPLE", 9)
    rows_of(tmp_path / "rows.jsonl", [f"{i} " + "word " * 200 for i in range(3000)])
    (tmp_path / "few").mkdir()
    rows_of(tmp_path / "few" / "rows.jsonl", ["one"])
    before = pa.total_allocated_bytes()
    source = plan_with(tmp_path).sources["text"]
    assert isinstance(source, Corpus)
    assert source._rows.texts(np.array([2_999, 5]))[1].startswith("5 word word")
    assert pa.total_allocated_bytes() - before < 100_000
    copies = [path for path in cache.glob("*.rows") if path.stat().st_size > 3_000_000]
    assert len(copies) == 1
    assert str(copies[0]) in Path("/proc/self/maps").read_text()
    few = plan_with(tmp_path / "few").sources["text"]
    assert isinstance(few, Corpus)
    assert len(pickle.dumps(source._rows)) < len(pickle.dumps(few._rows)) + 10 < 1000


def test_a_copy_is_made_by_one_process_at_a_time_and_takes_its_name_when_it_is_whole(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., None] = copies.write
    seen = []

    def write(path: Path, key: str, write_texts: Callable[[copies.Writer], object]) -> None:
        real(path.with_suffix(".other"), key, write_texts)
        assert not list(cache.glob("*.rows"))
        (lock,) = cache.glob("*.lock")
        with open(lock) as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.with_suffix(".other").rename(path)
        seen.append(path)

    monkeypatch.setattr(copies, "write", write)
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    plan_with(tmp_path)
    monkeypatch.setattr(fcntl, "flock", None)  # where there is a copy, nobody waits for anybody
    plan_with(tmp_path)
    assert len(seen) == 1
    assert len(list(cache.glob("*.rows"))) == 1
    assert not list(cache.glob("*.partial"))


def test_what_another_process_has_copied_meanwhile_is_not_copied_again(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    expected = ids_of(told(plan_with(tmp_path)))
    (copy,) = cache.glob("*.rows")
    aside = copy.rename(tmp_path / "aside")
    real = fcntl.flock

    def flock(file: Any, how: int) -> None:
        real(file, how)
        shutil.copy(aside, copy)  # while we waited for the lock

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(copies, "write", None)
    assert ids_of(told(plan_with(tmp_path))) == expected


def test_other_rows_in_a_file_of_the_same_age_and_size_are_seen(tmp_path: Path) -> None:
    file = rows_of(tmp_path / "rows.jsonl", ["one"])
    first, age = plan_with(tmp_path), file.stat()
    rows_of(file, ["two"])
    os.utime(file, ns=(age.st_atime_ns, age.st_mtime_ns))
    assert file.stat().st_size == age.st_size
    second = plan_with(tmp_path)
    assert [plan.tokenizer.decode(told(plan).tokens.values[:-1]) for plan in (first, second)] == ["one", "two"]


# ── fingerprints, saved recipes ─────────────────────────────────────────────────────────────────────────────────────


def test_the_fingerprint_follows_what_the_files_hold_and_not_where_they_lie(tmp_path: Path) -> None:
    def fingerprint(keys: str) -> str:
        return plan_with(tmp_path, keys).fingerprint

    rows_of(tmp_path / "rows.jsonl", TEXTS)
    mine = fingerprint("files: rows.jsonl")
    (tmp_path / "below").mkdir()
    shutil.copy(tmp_path / "rows.jsonl", tmp_path / "below" / "other.json")
    assert fingerprint("files: [rows.jsonl]") == mine
    assert fingerprint("files: below/other.json") == mine
    assert fingerprint(f"files: {tmp_path / 'below' / 'other.json'}") == mine
    rows_of(tmp_path / "rows.jsonl", [*TEXTS, ""])
    assert fingerprint("files: rows.jsonl") != mine
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    assert fingerprint("files: rows.jsonl") == mine


def test_the_same_bytes_in_other_files_are_other_rows(tmp_path: Path) -> None:
    """Cut elsewhere, in another order, or read as another format: no two of these have one fingerprint."""
    for name, content in {"a.txt": "foo", "b.txt": "bar\n", "ab.txt": "foobar\n", "none.txt": ""}.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "o.jsonl").write_text('{"text": "a"}\n')
    shutil.copy(tmp_path / "o.jsonl", tmp_path / "o.txt")
    named = ("[a.txt, b.txt]", "[b.txt, a.txt]", "ab.txt", "[none.txt, ab.txt]", "o.jsonl", "o.txt")
    plans = [plan_with(tmp_path, f"files: {files}") for files in named]
    assert len({plan.fingerprint for plan in plans}) == len(named)
    assert [len(plan.sources["text"]) for plan in plans] == [2, 2, 1, 1, 1, 1]


def test_a_saved_recipe_is_the_same_recipe_until_its_file_changes(tmp_path: Path) -> None:
    file = rows_of(tmp_path / "rows.jsonl", TEXTS)
    plan, out = plan_with(tmp_path, f"files: {file}"), tmp_path / "data"
    built(plan, out)
    saved = str(out / "recipe.yaml")
    again = compile_plan(load(saved))
    assert again.fingerprint == plan.fingerprint
    assert again.recipe.sources == plan.recipe.sources
    rows_of(file, [*TEXTS[:-1], "another"])
    with pytest.raises(RecipeError, match="the files are not those that the recipe was made with") as caught:
        load(saved)
    assert re.fullmatch(r".*/data/recipe\.yaml:\d+: sources\.text\.content", caught.value.place)
    line = int(caught.value.place.split(":")[1])
    assert "content: blake3:" in Path(saved).read_text().splitlines()[line - 1]
    assert cli.run(["plan", saved]) == 2


def test_a_saved_recipe_finds_a_relative_file_beside_it_or_where_set_says(tmp_path: Path) -> None:
    file = rows_of(tmp_path / "rows.jsonl", TEXTS)
    plan, out = plan_with(tmp_path), tmp_path / "data"
    built(plan, out)
    saved = str(out / "recipe.yaml")
    with pytest.raises(RecipeError, match=r"no file 'rows\.jsonl'"):
        load(saved)
    assert compile_plan(load(saved, [f"sources.text.files={file}"])).fingerprint == plan.fingerprint
    shutil.copy(file, out)
    assert compile_plan(load(saved)).fingerprint == plan.fingerprint


def test_no_path_of_the_users_is_in_the_manifest(tmp_path: Path) -> None:
    file = rows_of(tmp_path / "rows.jsonl", TEXTS)
    built(plan_with(tmp_path, f"files: {file}"), tmp_path / "data")
    manifest = (tmp_path / "data" / "manifest.json").read_text()
    assert str(tmp_path) not in manifest
    assert "blake3:" in json.loads(manifest)["recipe"]["sources"]["text"]["content"]


# ── files that change during a build ────────────────────────────────────────────────────────────────────────────────


def test_a_worker_reads_the_rows_of_the_plan_though_the_file_has_changed(tmp_path: Path) -> None:
    file = rows_of(tmp_path / "rows.jsonl", TEXTS)
    plan = plan_with(tmp_path)
    sent = pickle.dumps(plan)
    rows_of(file, TEXTS[::-1])
    assert digest(pickle.loads(sent)) == digest(plan)
    file.unlink()
    assert digest(pickle.loads(sent)) == digest(plan)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda file: rows_of(file, TEXTS[::-1]), r"'.*/rows\.jsonl' has changed since the plan was made"),
        (lambda file: file.unlink(), r"cannot read '.*/rows\.jsonl': No such file"),
    ],
)
def test_a_worker_without_a_copy_does_not_take_another_file_for_it(
    tmp_path: Path, cache: Path, change: Callable[[Path], object], told: str
) -> None:
    file = rows_of(tmp_path / "rows.jsonl", TEXTS)
    sent = pickle.dumps(plan_with(tmp_path))
    shutil.rmtree(cache)
    change(file)
    with pytest.raises(RunError, match=f"shard 0 of train: {told}") as caught:
        build_shard((pickle.loads(sent), LocalFolder(tmp_path / "data")), ("train", 0))
    assert caught.value.exit_code == 1
    assert not list(cache.glob("*.rows"))
    assert not (tmp_path / "data").exists()


# ── beside biographies ──────────────────────────────────────────────────────────────────────────────────────────────


def beside_biographies() -> Plan:
    """The recipe that ships, with fewer people and sentences, and smaller shards."""
    columns = "splits.train.columns=[documents, spans, loss_mask]"
    some = "sources.biographies.sentences=[birth_date, major]"
    return plan_of("bioS_text", "worlds.people.size=600", some, "shard_tokens=32768", columns)


def sample() -> list[str]:
    """The rows that ship."""
    lines = (library("recipes") / "values/text/sample.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def test_the_sample_is_sixty_different_paragraphs() -> None:
    assert len(set(sample())) == len(sample()) == 60
    assert all(60 <= len(text.split()) <= 150 for text in sample())


def test_half_of_the_tokens_are_text_in_the_plan_and_in_what_is_built(tmp_path: Path) -> None:
    plan = beside_biographies()
    split = plan.splits["train"]
    asked = {name: float(tokens / split.tokens) for name, tokens in split.expected.items()}
    assert asked["text"] == pytest.approx(0.5, abs=0.001)
    assert split.documents_of("biographies") == 600
    built(plan, tmp_path / "data")
    manifest = Manifest.loads((tmp_path / "data" / "manifest.json").read_text())
    counted = manifest.splits["train"]["sources"]
    share = counted["text"]["tokens"] / (counted["text"]["tokens"] + counted["biographies"]["tokens"])
    assert share == pytest.approx(0.5, abs=0.01)
    assert counted["text"]["documents"] == split.documents_of("text")


def test_every_row_is_told_as_often_as_any_other_or_once_more() -> None:
    plan = beside_biographies()
    split = plan.splits["train"]
    located = split.locate(np.arange(split.documents))
    mine = located.source == split.sources.index("text")
    told_times = np.bincount(located.item[mine], minlength=60)
    assert len(told_times) == 60
    assert set(told_times.tolist()) <= {mine.sum() // 60, mine.sum() // 60 + 1}


def test_no_sequence_mixes_sources_and_the_sequences_of_both_are_shuffled() -> None:
    plan = beside_biographies()
    assert len(plan.shards) > 1
    for shard in plan.shards:
        documents = make_shard(plan, *shard).columns["documents"]
        assert isinstance(documents, Lists)
        mixed = [
            set(documents.fields["source"][first:last].tolist()) for first, last in pairwise(documents.offsets.tolist())
        ]
        assert all(len(sources) == 1 for sources in mixed)
        kinds = [source for (source,) in mixed]
        assert set(kinds) == {0, 1}
        assert sum(a != b for a, b in pairwise(kinds)) > 3


def test_the_documents_column_leads_back_to_the_rows() -> None:
    plan = beside_biographies()
    texts = sample()
    columns = make_shard(plan, "train", 0).columns
    documents, ids = columns["documents"], columns["input_ids"]
    assert isinstance(documents, Lists)
    assert isinstance(ids, np.ndarray)
    seen = 0
    for sequence, (first, last) in enumerate(pairwise(documents.offsets.tolist())):
        for piece in range(first, last):
            field = {name: int(values[piece]) for name, values in documents.fields.items()}
            if plan.splits["train"].sources[field["source"]] == "text":
                shown = plan.tokenizer.decode(ids[sequence, field["start"] : field["start"] + field["length"]])
                assert shown in texts[field["item"]] + EOS
                seen += 1
    assert seen > 50


FIVE = """\
tokenizer: {tokenizer}
worlds: {{people: {{size: 60, attributes: {{
  name: {{kind: name, pools: {{first: [Ad, Bo, Cy, Di, Eva, Flo, Gus, Al], last: [Ek, Fo, Gil, Ha, Ito, Ja, Ko, Le]}}}},
  city: {{kind: choice, values: [Oslo, Rome, Ouagadougou]}}}}}}}}
sources:
  web: {{kind: corpus, files: web.jsonl}}
  books: {{kind: corpus, files: books.txt.gz, order: blocks, balance: exact}}
  stated: {{kind: biographies, world: people, templates: {{city: ["{{{{ name }}}} lives in {{{{ city }}}}."]}}}}
  asked: {{kind: questions, world: people, templates: {{city: ["Where is {{{{ name }}}}? | In {{{{ city }}}}."]}}}}
  named: {{kind: names, world: people}}
splits: {{train: {{
  mixture:
    {{web: {{exposures: 2}}, books: {{share: 0.25}}, stated: {{exposures: 4}}, asked: {{exposures: 3}}, named: {{}}}},
  packing: {{length: 64}}}}}}
shard_tokens: 2048
"""


def test_two_corpora_and_three_sources_of_facts_have_exactly_the_documents_of_the_plan(tmp_path: Path) -> None:
    web, books = (
        [f"{name} {i}: {'so ' * (i % 9)}it is" for i in range(count)] for name, count in (("web", 70), ("book", 50))
    )
    rows_of(tmp_path / "web.jsonl", web)
    (tmp_path / "books.txt.gz").write_bytes(gzip.compress("\n".join(books).encode()))
    plan = plan_at(tmp_path / "recipe.yaml", FIVE.format(tokenizer=BYTES))
    split, end = plan.splits["train"], plan.tokenizer.eos_token
    shards = [make_shard(plan, *shard) for shard in plan.shards]
    whole = [plan.tokenizer.decode(np.asarray(shard.columns["input_ids"]).reshape(-1)) for shard in shards]
    documents = Counter(text.strip() for shard in whole for text in shard.split(end) if text)
    assert {row: documents.pop(row) for row in web} == dict.fromkeys(web, 2)
    of_books = [documents.pop(row) for row in books]
    assert max(of_books) - min(of_books) <= 1  # each as often as any other, or once more
    kinds = Counter({"stated": 0, "asked": 0, "named": 0})
    for text, count in documents.items():
        kinds["asked" if text.startswith("Where is") else "stated" if " lives in " in text else "named"] += count
    assert kinds == {"stated": 240, "asked": 180, "named": 60}
    counts = {"web": 140, "books": sum(of_books), **kinds}
    assert counts == {name: split.documents_of(name) for name in split.sources}
    assert counts == {name: sum(shard.sources[name].documents for shard in shards) for name in split.sources}
    tokens = sum(shard.sources[name].tokens for shard in shards for name in split.sources)
    of_share = sum(shard.sources["books"].tokens for shard in shards)
    assert abs(of_share - tokens / 4) < max(map(len, books))  # to a document


BESIDE = f"""\
extends: {Path(__file__).parent / "golden/small.yaml"}
sources:
  bios: {{paraphrases: fresh}}
  text: {{kind: corpus, files: rows.jsonl}}
splits:
  train: null
  it: {{mixture: {{MIXTURE}}, packing: {{length: 512, windows: pure}}, columns: [documents, spans]}}
shard_tokens: 65536
"""


@pytest.mark.parametrize("first", ["text", "bios"])
def test_beside_biographies_rows_have_no_spans_and_those_of_people_keep_their_names(tmp_path: Path, first: str) -> None:
    amounts = {"text": "{share: 0.5}", "bios": "{exposures: 20}"}
    mixture = ", ".join(f"{name}: {amounts[name]}" for name in sorted(amounts, reverse=first == "text"))
    rows_of(tmp_path / "rows.jsonl", sample())
    plan = plan_at(tmp_path / "r.yaml", BESIDE.replace("MIXTURE", mixture))
    split = plan.splits["it"]
    assert split.sources[0] == first
    made = make_shard(plan, "it", 0).columns
    documents, spans, ids = made["documents"], made["spans"], made["input_ids"]
    assert isinstance(documents, Lists)
    assert isinstance(spans, Lists)
    assert isinstance(ids, np.ndarray)
    pronouns = set()
    for sequence, (begin, end) in enumerate(pairwise(spans.offsets.tolist())):
        about = split.sources[documents.fields["source"][documents.offsets[sequence]]]
        assert (end > begin) == (about == "bios")
        for span in range(begin, end):
            if split.attributes[spans.fields["attribute"][span]] == "pronoun":
                start, length = (int(spans.fields[name][span]) for name in ("start", "length"))
                if start > 0 and start + length < 512:  # it may go on in the next sequence
                    pronouns.add(plan.tokenizer.decode(ids[sequence, start : start + length]).strip().lower())
    assert {"he", "she"} <= pronouns <= {"he", "she", "him", "her", "his", "hers", "himself", "herself"}


@pytest.mark.slow
def test_ray_builds_the_dataset_of_an_inline_build(tmp_path: Path, cache: Path) -> None:
    """Two workers, who have to copy the rows for themselves."""
    rows_of(tmp_path / "rows.parquet", [f"{i}: {text}" for i, text in enumerate(TEXTS * 2)])
    plan = plan_with(tmp_path, "files: rows.parquet, tag: <Wikipedia.org>, mask: [tag]", "documents, parts, loss_mask")
    assert len(plan.shards) > 6
    inline, other = tmp_path / "inline" / "data", tmp_path / "ray" / "data"
    built(plan, inline)
    shutil.rmtree(cache)
    new, _ = built(plan, other, Ray(workers=2))
    assert len(new) == len(plan.shards)
    assert len(list(cache.glob("*.rows"))) == 1
    assert (inline / "manifest.json").read_bytes() == (other / "manifest.json").read_bytes()
    assert contents(inline) == contents(other)


# ── the command line ────────────────────────────────────────────────────────────────────────────────────────────────

ALONE = """
import os, socket
def refuse(*arguments, **options):
    raise AssertionError("the network is asked")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = socket.socket.connect_ex = refuse
import sys
from pipeline import cli
code = cli.run(["plan", "bioS_text", "--set", "worlds.people.size=600"])
assert not {"datasets", "huggingface_hub", "requests"} & set(sys.modules)
sys.exit(code)
"""


@pytest.mark.slow
def test_plan_says_no_more_than_the_plan_asks_no_network_and_leaves_nothing_but_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "XDG_CACHE_HOME", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    before = {path for path in library("recipes").rglob("*") if "__pycache__" not in path.parts}
    shown = in_another_process(ALONE, cwd=tmp_path / "here", HOME=str(tmp_path / "home"))
    assert re.search(r"^  text .* 50\.0%$", shown, re.MULTILINE)
    assert "\r" not in shown
    assert {path for path in library("recipes").rglob("*") if "__pycache__" not in path.parts} == before
    assert not list((tmp_path / "here").iterdir())
    left = {path for path in (tmp_path / "home").rglob("*") if path.is_file()}
    cache = tmp_path / "home" / ".cache" / "pretraining-recipes"
    of_files = {path.suffix for path in left if path.parent == cache / "files"} - {".hash"}
    assert of_files == {".index", ".lock", ".rows", ".proof", ".sample", ".mean", ".unassigned"}
    assert {path.parent for path in left} == {cache / "files", cache / "plans"}


def test_preview_and_where_show_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe())
    assert cli.run(["preview", str(path), "--item", "0"]) == 0
    assert f"{TEXTS[0]}{EOS}" in capsys.readouterr().out
    assert cli.run(["where", str(path), "--source", "text", "--item", "0"]) == 0
    assert "".join(re.findall(r"tokens \d+ to \d+: (.*)", capsys.readouterr().out)) == f"{TEXTS[0]}{EOS}"


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────────────────

LINES = '{"text": "one"}\n{"text": "two"}\n'


def table(**columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue().to_pybytes())


# name: the keys of the source, the key that is wrong, the problem and remedy, the files
REFUSALS: dict[str, tuple[str, str, str, dict[str, str | bytes]]] = {
    "no such column": (
        "files: a.jsonl, column: txt", "column", "a.jsonl:1 has no column 'txt'. Did you mean 'text'?",
        {"a.jsonl": LINES},
    ),
    "a column that one row lacks": (
        "files: a.jsonl", "column", "a.jsonl:4 has no column 'text'. Did you mean 'texts'?",
        {"a.jsonl": LINES + '\n{"texts": "three"}\n'},
    ),
    "no such column of Parquet": (
        "files: a.parquet, column: txt", "column", "a.parquet has no column 'txt'. Did you mean 'text'?",
        {"a.parquet": table(text=["one"])},
    ),
    "a number for a text": (
        "files: a.jsonl", "column", "a.jsonl:3 has no text in 'text'", {"a.jsonl": LINES + '{"text": 5}'},
    ),
    "a list for a text": (
        "files: a.jsonl", "column", "a.jsonl:1 has no text in 'text'", {"a.jsonl": '{"text": ["one"]}'},
    ),
    "a column of numbers": (
        "files: a.parquet", "column", "the column 'text' of PATH/a.parquet is of int64", {"a.parquet": table(text=[1])},
    ),
    "a column of bytes": (
        "files: a.parquet", "column", "the column 'text' of PATH/a.parquet is of binary",
        {"a.parquet": table(text=[b"a"])},
    ),
    "null": ("files: a.jsonl", "column", "a.jsonl:3 has no text in 'text'", {"a.jsonl": LINES + '{"text": null}'}),
    "null in Parquet": (
        "files: a.parquet", "column", "row 2 of PATH/a.parquet has no text in 'text'",
        {"a.parquet": table(text=["one", "two", None])},
    ),
    "half a character": (
        "files: a.jsonl", "column", "a.jsonl:1 has half a character in 'text'", {"a.jsonl": r'{"text": "\ud800"}'},
    ),
    "no lines": ("files: a.jsonl", "files", "the files hold no rows", {"a.jsonl": ""}),
    "blank lines": ("files: a.txt", "files", "the files hold no rows", {"a.txt": "\n \n\n"}),
    "no rows of Parquet": (
        "files: [a.parquet, a.parquet]", "files", "the files hold no rows",
        {"a.parquet": table(text=pa.array([], pa.string()))},
    ),
    "broken JSON": (
        "files: [a.jsonl, b.jsonl]", "files", "b.jsonl:2 is not a JSON object. Write one object a line, or leave",
        {"a.jsonl": LINES, "b.jsonl": '{"text": "one"}\n{"text": \n'},
    ),
    "one JSON list, cut": (
        "files: a.json", "files", "a.json is neither JSON lines nor a JSON array", {"a.json": '[{"text": "one"}'},
    ),
    "a JSON list of texts": (
        "files: a.json", "files", "row 1 of PATH/a.json is not a JSON object", {"a.json": '[{"text": "a"}, "one"]'},
    ),
    "deep JSON": (
        "files: a.jsonl", "files", "a.jsonl:1 is not a JSON object", {"a.jsonl": '{"text": ' + "[" * 200_000},
    ),
    "another encoding": (
        "files: a.txt", "files", "a.txt:2: byte 2 of the line (0xe9) is not UTF-8", {"a.txt": b"one\nr\xe9sum\xe9\n"},
    ),
    "no Parquet": ("files: a.parquet", "files", "cannot read PATH/a.parquet: ", {"a.parquet": LINES}),
    "cut Parquet": ("files: a.parquet", "files", "cannot read PATH/a.parquet: ", {"a.parquet": table(text=["a"])[:-9]}),
    "Parquet of no bytes": ("files: a.parquet", "files", "cannot read PATH/a.parquet: ", {"a.parquet": b""}),
    "no file": ("files: a.jsonl", "files", "no file 'a.jsonl'. Looked in PATH and in ", {}),
    "no absolute file": ("files: /no/such/a.jsonl", "files", "no file '/no/such/a.jsonl'", {}),
    "a name that no file can have": ("files: '/" + "a" * 300 + ".txt'", "files", "File name too long", {}),
    "one missing of two": ("files: [a.txt, b.txt]", "files", "no file 'b.txt'", {"a.txt": "one"}),
    "a folder without files": (
        "files: below", "files", "'PATH/below' is a folder and holds no file that can be read.", {"below/a.md": "one"},
    ),
    "a folder of several kinds": (
        "files: below", "files", "cannot read 'b.txt'. Give files of one kind: .jsonl",
        {"below/a.jsonl": LINES, "below/b.txt": "one"},
    ),
    "a pattern that nothing fits": (
        "files: '*.jsonl.gz'", "files", "no file fits '*.jsonl.gz'. Look at the pattern", {"a.jsonl": LINES},
    ),
    "no files": ("files: []", "files", "no files. Give at least one path.", {}),
    "mixed formats": (
        "files: [a.jsonl, b.txt]", "files", "cannot read 'b.txt'. Give files of one kind: .jsonl",
        {"a.jsonl": LINES, "b.txt": "one"},
    ),
    "another format": ("files: a.doc", "files", "cannot read 'a.doc'. Give files of one kind", {"a.doc": "text\none"}),
    "Parquet in an envelope": (
        "files: a.parquet.gz", "files", "cannot read 'a.parquet.gz'. Give files of one kind", {"a.parquet.gz": b""},
    ),
    "a path that leaves the folder": ("files: ../x.jsonl", "files", "the path '../x.jsonl' leaves the folder", {}),
    "an unknown protocol": ("files: 'nfs9://host/a.jsonl'", "files", "unknown protocol 'nfs9'. It can be s3, gs", {}),
    "a chain of addresses": (
        "files: 'zip://a.jsonl::s3://bucket/a.zip'", "files", "is a chain of addresses. Give one address.", {},
    ),
    "other content": (
        "files: a.jsonl, content: 'blake3:00'", "content",
        "the files are not those that the recipe was made with (blake3:00)", {"a.jsonl": LINES},
    ),
    "a mask of nothing": (
        "files: a.jsonl, mask: [tag]", "mask.0", "no part of these documents is of the role tag", {"a.jsonl": LINES},
    ),
    "a number for a path": ("files: 5", "files", "", {}),
    "unknown key": ("files: a.jsonl, colum: text", "colum", "unknown key. Did you mean 'column'?", {"a.jsonl": LINES}),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_read_is_refused_with_its_place(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    keys, key, problem, files = REFUSALS[case]
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe(keys))
    for command in (["plan", str(path)], ["build", str(path), "--out", str(tmp_path / "data")]):
        assert cli.run(command) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"RecipeError: {path}:3: sources.text.{key}: ")
        assert problem.replace("PATH", str(tmp_path)) in error
        assert error.count("\n") == 1
    assert not (tmp_path / "data").exists()
    assert not list(cache.glob("*.partial"))
    left = list(cache.glob("*.rows"))
    assert len(left) == (problem == "the files hold no rows" or case == "broken JSON")  # whose first file is right


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "rows.jsonl").symlink_to(rows_of(tmp_path / "rows.jsonl", TEXTS))
    with pytest.raises(RecipeError, match="is a link that leaves its folder"):
        plan_with(tmp_path / "here")


def test_a_cache_that_cannot_be_written_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(RecipeError, match=r"cannot keep the rows in .*XDG_CACHE_HOME can name another place"):
        plan_with(tmp_path)


@pytest.mark.parametrize("home", ["none", "file"])
def test_without_a_home_that_can_be_written_the_copy_goes_with_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    if home == "none":
        monkeypatch.delenv("HOME")
        monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # KeyError: no such user
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    caches.temporary_cache.cache_clear()
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    assert len(told(plan_with(tmp_path))) == len(TEXTS)
    (folder,) = tmp_path.glob("pretraining-recipes-*")
    assert os.environ["XDG_CACHE_HOME"] == str(folder)  # for the processes that this one starts
    assert folder.stat().st_mode & 0o777 == 0o700
    assert capsys.readouterr().err.count(f"go to {folder}, ") == 1
    caches.lend_home()
    assert os.environ["HOME"] == str(folder if home == "none" else tmp_path / "file")
    caches._remove(folder, os.getpid())
    assert not folder.exists()
    assert not (tmp_path / "~").exists()
    caches.temporary_cache.cache_clear()


def test_a_full_disk_is_refused_and_leaves_no_half_copy(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish(writer: copies.Writer) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copies.Writer, "finish", finish)
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    with pytest.raises(RecipeError, match="No space left on device"):
        plan_with(tmp_path)
    assert {path.suffix for path in cache.iterdir()} == {".index", ".lock"}


def exchanged(copy: Path) -> None:
    """Another good Arrow file, of other rows."""
    table = pa.table({"text": pa.array(["other"] * len(TEXTS), pa.large_string())})
    with pa.ipc.new_file(copy, table.schema) as writer:
        writer.write_table(table)


def of_other_rows(copy: Path) -> None:
    """The sealed copy of another corpus."""
    other = copy.parent.parent / "of another"
    other.mkdir(exist_ok=True)
    told(corpus_in(other, copy.suffix, ["other"] * len(TEXTS)))
    (theirs,) = set(copy.parent.glob(f"*{copy.suffix}")) - {copy}
    theirs.rename(copy)


def one_letter(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[100] ^= 1
    copy.write_bytes(content)


WRONG: dict[str, Callable[[Path], object]] = {
    "one letter": one_letter,
    "cut": lambda copy: copy.write_bytes(copy.read_bytes()[:100]),
    "cut by a byte": lambda copy: copy.write_bytes(copy.read_bytes()[:-1]),
    "longer": lambda copy: copy.write_bytes(copy.read_bytes() + b"\0"),
    "without a seal": lambda copy: copy.write_bytes(copy.read_bytes()[: -sealed.SEAL]),
    "empty": lambda copy: copy.write_bytes(b""),
    "another Arrow file": exchanged,
    "another corpus": of_other_rows,
    "no file of ours": lambda copy: copy.write_bytes(b"x" * 5000),
    "gone": Path.unlink,
}


def corpus_in(folder: Path, kind: str, texts: Sequence[str] = TEXTS) -> Plan:
    """A plan that reads rows from a copy of this kind, a suffix."""
    rows_of(folder / "rows.jsonl", texts)
    if kind == ".rows":
        return plan_with(folder)
    (folder / "rows.jsonl.gz").write_bytes(gzip.compress((folder / "rows.jsonl").read_bytes(), mtime=0))
    return plan_with(folder, "files: rows.jsonl.gz, order: blocks")


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("kind", [".rows", ".packed"])
def test_a_copy_that_was_changed_is_made_again(tmp_path: Path, cache: Path, kind: str, wrong: str) -> None:
    here = tmp_path / "here"
    here.mkdir()
    plan = corpus_in(here, kind)
    expected, sent = ids_of(told(plan)), pickle.dumps(plan)
    (copy,) = cache.glob(f"*{kind}")
    written = copy.read_bytes()
    for opened in (lambda: corpus_in(here, kind), lambda: pickle.loads(sent)):  # here, and in a worker
        WRONG[wrong](copy)
        assert ids_of(told(opened())) == expected
        assert copy.read_bytes() == written


def test_a_folder_in_place_of_a_copy_is_named(tmp_path: Path, cache: Path) -> None:
    rows_of(tmp_path / "rows.jsonl", TEXTS)
    plan_with(tmp_path)
    (copy,) = cache.glob("*.rows")
    copy.unlink()
    copy.mkdir()
    with pytest.raises(SpecError, match=f"{copy.name}: .*Remove it"):
        told(plan_with(tmp_path))


def test_rows_of_text_keep_all_but_their_line_end(tmp_path: Path, cache: Path) -> None:
    """A byte order mark belongs to the file where it is its first character, and to the text elsewhere."""
    kept = ["\u2028a\x85b\x0cc", " padded\t", "lone\rreturn", "two\r", "\ufeffmark", "\u3000", "last\r"]
    lines = [kept[0], kept[1], "", kept[2], " \t ", kept[3] + "\r", kept[4] + "\r", kept[5]]
    content = "\ufeff" + "".join(line + "\n" for line in lines) + kept[6]
    (tmp_path / "rows.txt").write_bytes(content.encode())
    source = plan_with(tmp_path, "files: rows.txt").sources["text"]
    assert isinstance(source, Corpus)
    assert source._rows.texts(np.arange(len(source))) == kept


def test_what_is_left_out_is_in_the_plan_and_the_manifest_and_a_saved_recipe_leaves_out_the_same(
    tmp_path: Path,
) -> None:
    lines = [
        '{"text": "one", "n": 1}',
        "{",
        '{"text": "two", "n": 2}',
        '{"text": null, "n": 2}',
        '{"text": "", "n": 9}',
    ]
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text("".join(line + "\n" for line in lines))
    keys = f"files: '{tmp_path}/*.jsonl', broken: skip, where: {{n: {{min: 1.5}}}}, template: 'n {{{{ text }}}}'"
    for order in ("global", "blocks"):
        plan = plan_with(tmp_path, f"{keys}, order: {order}")
        assert [plan.tokenizer.decode(np.array(ids[:-1])) for ids in ids_of(told(plan))] == ["n two", "n "] * 2
        notices = [str(notice) for notice in plan.sources["text"].notices]
        assert notices == [
            "it has 2 files of 0.0 MB with 4 rows",
            "rows left out because they are broken: not JSON 2, not rendered 2",
            "rows left out by `where`: 2",
            "gigatoken encodes it, whose ids were compared with those of tokenizers",
        ]
        built(plan, tmp_path / order)
        manifest = Manifest.loads((tmp_path / order / "manifest.json").read_text())
        assert manifest.corpora == {
            "text": {
                "files": 2, "rows": 4, "filtered": 2, "identity": "content",
                "skipped": {"not JSON": 2, "not rendered": 2},
            }
        }  # fmt: skip
        assert compile_plan(load(str(tmp_path / order / "recipe.yaml"))).fingerprint == plan.fingerprint
        blocks = plan.sources["text"].blocks  # type: ignore[attr-defined]
        assert blocks is None if order == "global" else blocks.tolist() == [0, 2, 4]
