"""A corpus whose rows are counted: exact means and shares, windows of long rows; texts of special tokens refused."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import PipelineError, SpecError
from pipeline.plan import Plan
from pipeline.shard.shard import make_rows, make_shard
from pipeline.sources.corpus import lengths as counting
from pipeline.sources.corpus import source as corpus
from pipeline.sources.corpus.lengths import RowLengths
from pipeline.sources.corpus.source import Corpus
from pipeline.sources.corpus.texts import RowTexts
from pipeline.sources.lengths import is_measured
from tests.plans import plan_at

BYTES = str(Path(__file__).parent / "golden" / "byte_tokenizer.json")  # a token a byte, nearly; quick to load


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copies and lengths of rows lie in a folder of the test's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pretraining-recipes"


def write(folder: Path, texts: Sequence[str]) -> None:
    (folder / "rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), "utf-8")


def recipe(keys: str, mixture: str = "{text: {}}", other: str = "") -> str:
    return (
        f"worlds: {{}}\nsources:\n  text: {{kind: corpus, files: rows.jsonl{keys}}}\n"
        f"{other}splits: {{train: {{mixture: {mixture}, packing: {{length: 64}}}}}}\n"
        f"shard_tokens: 4096\ntokenizer: {BYTES}\n"
    )


def planned(folder: Path, texts: Sequence[str], keys: str = "", **more: str) -> Plan:
    write(folder, texts)
    return plan_at(folder / "recipe.yaml", recipe(keys, **more))


def text_of(plan: Plan) -> Corpus:
    source = plan.sources["text"]
    assert isinstance(source, Corpus)
    return source


def documents(source: Corpus, items: Sequence[int] | None = None) -> list[list[int]]:
    item = np.arange(len(source)) if items is None else np.array(items, np.int64)
    tokens = source.documents(item, np.zeros_like(item), spans=False).tokens
    return [tokens.slice(i, i + 1).values.tolist() for i in range(len(tokens))]


def row_ids(plan: Plan, texts: Sequence[str]) -> list[list[int]]:
    return [plan.tokenizer.backend.encode(text, add_special_tokens=False).ids for text in texts]


LONG = ["x y" * (7 * i % 50) for i in range(300)]


# ── exact means ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("tag", "before"), [("", 0), (", tag: <news>", 1), (", tag: {text: news}", 6)])
def test_balance_exact_counts_every_row(tag: str, before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "SAMPLE", 10)
    plan = planned(tmp_path, LONG, f"{tag}, balance: exact")
    source = text_of(plan)
    lengths = [len(ids) for ids in documents(source)]
    assert lengths == [len(ids) + before + 1 for ids in row_ids(plan, LONG)]
    assert source.mean_tokens == Fraction(sum(lengths), len(LONG))
    assert source.lengths(np.array([5, 0, 5]), np.zeros(3, np.int64)).tolist() == [lengths[5], lengths[0], lengths[5]]
    assert is_measured(source)
    assert not any("mean length" in notice for notice in source.notices)
    by_sample = text_of(planned(tmp_path, LONG, tag))
    assert by_sample.mean_tokens != source.mean_tokens
    assert not is_measured(by_sample)


def test_a_share_counts_with_the_exact_mean_and_whole_rounds_have_the_tokens_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "SAMPLE", 10)
    other = "  other: {kind: copy, length: 5, instances: 50}\n"
    mixture = "{text: {exposures: 2}, other: {share: 0.2}}"
    plan = planned(tmp_path, LONG, ", balance: exact", mixture=mixture, other=other)
    split = plan.splits["train"]
    made = [make_shard(plan, "train", k).sources["text"] for k in range(split.shards)]
    total = sum(counts.tokens for counts in made)
    assert total == 2 * sum(len(ids) + 1 for ids in row_ids(plan, LONG)) == split.expected["text"]
    of_other = split.document_tokens["other"]
    assert split.documents_of("other") == round(Fraction(total, 4) / of_other)


def test_lengths_are_counted_once_kept_and_counted_anew_where_they_were_changed(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean = text_of(planned(tmp_path, LONG, ", balance: exact")).mean_tokens
    with monkeypatch.context() as patch:
        patch.setattr(RowLengths, "_count", lambda _, out: pytest.fail("counted again"))
        assert text_of(planned(tmp_path, LONG, ", balance: exact")).mean_tokens == mean
    (file,) = (cache / "files").glob("*.lengths")
    for change in (lambda data: b"\1" + data[1:], lambda data: data[:-1], lambda data: b"", lambda data: data + b"\0"):
        file.write_bytes(change(file.read_bytes()))
        assert text_of(planned(tmp_path, LONG, ", balance: exact")).mean_tokens == mean
    changed = text_of(planned(tmp_path, [*LONG, "one more"], ", balance: exact"))
    assert changed.mean_tokens * 301 == mean * 300 + len("one more") + 1


# ── windows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("tokens", "overlap"), [(10, 0), (10, 3), (7, 6), (1, 0), (1000, 10)])
def test_long_rows_become_windows(tokens: int, overlap: int, tmp_path: Path) -> None:
    texts = ["", "a", "0123456789", "0123456789a", "abcdefghijklmnopqrstuvwxyz", *LONG[:20]]
    plan = planned(tmp_path, texts, f", tag: <news>, split: {{tokens: {tokens}, overlap: {overlap}}}")
    source = text_of(plan)
    tag = plan.tokenizer.backend.token_to_id("<news>")
    expected = []
    for ids in row_ids(plan, texts):
        first = 0
        while True:
            expected.append([tag, *ids[first : first + tokens], plan.tokenizer.eos])
            if first + tokens >= len(ids):
                break
            first += tokens - overlap
    assert documents(source) == expected
    assert len(source) == len(expected)
    order = np.random.default_rng(0).permutation(len(expected)).tolist() * 2
    assert documents(source, order) == [expected[i] for i in order]
    assert source.mean_tokens == Fraction(sum(map(len, expected)), len(expected))
    item = np.array(order)
    assert source.lengths(item, item).tolist() == [len(expected[i]) for i in order]


SPLIT = ", tag: <news>, split: {tokens: 10, overlap: 3}"


def encoding_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RowTexts, "ids", lambda *_, **__: pytest.fail("encoded again"))


def encoded_anew(folder: Path) -> list[list[int]]:
    """The documents where no ids are kept."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "MOST", 0)
        return documents(text_of(planned(folder, LONG, SPLIT)))


def test_a_row_of_many_windows_is_encoded_once(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = encoded_anew(tmp_path)
    (file,) = (cache / "files").glob("*.ids")
    small = file.stat().st_size
    file.unlink()
    plan = planned(tmp_path, LONG, SPLIT)
    assert file.stat().st_size > small + 2 * sum(map(len, LONG))
    encoding_fails(monkeypatch)
    for source in (text_of(plan), pickle.loads(pickle.dumps(text_of(plan))), text_of(planned(tmp_path, LONG, SPLIT))):
        assert documents(source) == expected
        assert documents(source, []) == []
        assert documents(source, [9, 3, 3]) == [expected[9], expected[3], expected[3]]


def test_windows_are_the_same_where_the_ids_of_their_rows_are_lost_or_damaged(tmp_path: Path, cache: Path) -> None:
    expected = encoded_anew(tmp_path)
    (file,) = (cache / "files").glob("*.ids")
    file.unlink()
    plan = planned(tmp_path, LONG, SPLIT)
    for change in (lambda data: b"\1" + data[1:], lambda data: data[:-1], lambda data: b"", lambda data: data + b"\0"):
        sent = pickle.dumps(text_of(plan))
        file.write_bytes(change(file.read_bytes()))
        assert documents(pickle.loads(sent)) == expected
    sent, source = pickle.dumps(text_of(plan)), pickle.loads(pickle.dumps(text_of(plan)))
    assert len(source) == len(expected)  # it knows the lengths, and loses the ids before it asks for them
    shutil.rmtree(cache)
    assert documents(source) == expected
    assert documents(pickle.loads(sent)) == expected


@pytest.mark.parametrize("most", [0, 20_000])  # bytes; they take 44,100
def test_ids_for_which_there_is_no_room_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    plan = planned(tmp_path, LONG, SPLIT)
    expected = documents(text_of(plan))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    monkeypatch.setattr(counting, "MOST", most)
    source = text_of(planned(tmp_path, LONG, SPLIT))
    assert source._lengths is not None
    none = np.empty(0, np.int64)
    assert source._lengths.pieces(none, none, none) is None
    assert documents(source) == expected


def test_single_rows_are_found_by_the_lengths_and_are_those_of_the_shard(tmp_path: Path) -> None:
    plan = planned(tmp_path, LONG, ", balance: exact, split: {tokens: 30, overlap: 4}")
    shard = make_shard(plan, "train", 0)
    whole = shard.columns["input_ids"]
    rows = np.arange(1, shard.sequences, 7)
    assert np.array_equal(make_rows(plan, "train", 0, rows)["input_ids"], whole[rows])


def test_windows_are_never_cut_from_a_row_of_another_length(tmp_path: Path) -> None:
    source = text_of(planned(tmp_path, ["abcdefgh", "abc"], ", split: {tokens: 4}"))
    assert source._lengths is not None
    source._lengths.__dict__["of_rows"] = np.array([40, 3])
    with pytest.raises(SpecError, match=r"row 0 does not have the 40 tokens that were counted") as refusal:
        documents(source, [0])
    assert Path(refusal.value.remedy.split()[1].rstrip(",")).is_file()


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("split: {tokens: 4, overlap: 4}", "windows of 4 tokens that overlap by 4 never go on"),
        ("split: {tokens: 0}", "tokens"),
        ("split: {tokens: 4}, tag: {text: news}", "cannot stand before each window"),
        ("balance: nearly", "balance"),
        ("specials: drop", "specials"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(keys: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=rf"recipe\.yaml:3: [^\n]*{words}"):
        planned(tmp_path, ["a"], f", {keys}")


def test_the_text_of_a_special_token_is_refused_by_row_where_that_is_asked(tmp_path: Path) -> None:
    texts = ["fine", "fine too", "not <|endoftext|> fine"]
    assert len(text_of(planned(tmp_path, texts))) == 3
    with pytest.raises(PipelineError, match=r"recipe\.yaml:3: [^\n]*row 2 contains that of the special token '<\|end"):
        planned(tmp_path, texts, ", specials: refuse")
    with pytest.raises(PipelineError, match=r"row 1 contains that of the special token '<news>'"):
        planned(tmp_path, ["fine", "a <news> b"], ", specials: refuse, tag: <news>, balance: exact")
