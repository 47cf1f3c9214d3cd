"""The dataset card: what it says, that no text of a recipe breaks it, and what `push` writes into it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

import pipeline
from pipeline.build.verification import verify
from pipeline.dataset.card import LONGEST, card, sample_documents
from pipeline.dataset.card_marks import licence_of
from pipeline.dataset.card_on_hub import on_hub
from pipeline.dataset.manifest import Manifest
from pipeline.dataset.markdown import fenced
from pipeline.plan.plan import Plan
from pipeline.storage import LocalFolder
from tests.conftest import built
from tests.plans import plan_at, plan_of


@pytest.fixture(scope="module")
def text(undisturbed: Path) -> str:
    return (undisturbed / "README.md").read_text()


def header_of(text: str) -> dict[str, object]:
    found = re.match(r"---\n(.*?\n)---\n", text, re.DOTALL)
    assert found
    return yaml.safe_load(found[1])


def outside(text: str) -> str:
    """A card's Markdown without what is fenced. A fence ends with its own length only."""
    return re.sub(r"(?ms)^(`{3,})\w*\n.*?^\1\n", "", text)


def test_the_card_follows_from_plan_and_manifest(undisturbed: Path, plan: Plan, text: str) -> None:
    manifest = Manifest.of(LocalFolder(undisturbed))
    assert card(plan, manifest, "data") == card(plan, manifest, "data") == text


def test_the_header_names_the_files_of_each_split(text: str) -> None:
    header = header_of(text)
    assert header["configs"] == [
        {"config_name": "default", "default": True, "data_files": [{"split": "train", "path": "train/*.arrow"}]}
    ]
    assert header["size_categories"] == ["n<1K"]
    assert "license" not in header  # its maker's to choose
    assert "The licence is its maker's to choose" in text


def test_the_card_says_what_is_in_it(undisturbed: Path, plan: Plan, text: str) -> None:
    split = json.loads((undisturbed / "manifest.json").read_text())["splits"]["train"]
    assert f"| train | bios | {split['documents']:,} | {split['tokens']:,} | | | |" in text
    assert "| people | 20 | 360 |" in text  # bits: 20 × (log2(25/20) + 1 + 11.71 + 1.5 + 3.46)
    assert plan.fingerprint[:16] in text
    for what in ("`recipe.yaml`", "@misc{data,", "arXiv:2309.14316", "arXiv:2309.14402", "arXiv:2404.05405"):
        assert what in text


def test_each_source_has_a_document_and_it_is_a_whole_one() -> None:
    plan = plan_of("junk_domains", "sources.biographies.sentences=[major]")
    samples = list(sample_documents(plan))
    assert sorted(source for _, source, _ in samples) == sorted({s for p in plan.splits.values() for s in p.sources})
    for split, source, text in samples:
        assert source in plan.splits[split].sources
        assert text.endswith("<|endoftext|>")
        assert text.count("<|endoftext|>") == 1


def test_the_sample_stands_in_the_data(undisturbed: Path, plan: Plan, text: str) -> None:
    import pyarrow as pa

    ((_, _, sample),) = sample_documents(plan)
    told = ""
    for shard in sorted((undisturbed / "train").iterdir()):
        with pa.OSFile(str(shard)) as file, pa.ipc.open_stream(file) as stream:
            told += plan.tokenizer.decode(stream.read_all()["input_ids"].combine_chunks().flatten().to_numpy())
    assert sample in told
    assert f"\n```text\n{sample}\n```\n" in text


def test_texts_of_the_user_break_nothing(tmp_path: Path) -> None:
    """A corpus that looks like the end of a fence, tags, a header, control characters, and is long."""
    nasty = "```\n---\nlicense: mit\n---\n````text\n# not a title\n"
    nasty += "<script>alert(1)</script> [BACK] \x1b[31m red \u202f!\r\n"
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"text": nasty + "long " * 300}) + "\n")
    plan = plan_at(
        tmp_path / "nasty.yaml",
        "# A *title* with [BACK], `code`, <b>tags</b> | and {braces} & 5 % of #1_\n"
        f"sources: {{words: {{kind: corpus, files: ['{tmp_path}/corpus.jsonl']}}}}\n"
        "splits: {train: {mixture: {words: {}}, packing: {method: concat, length: 64}}}\n",
    )
    out = tmp_path / "a ``` <b>`name"
    built(plan, out)
    text = (out / "README.md").read_text()
    assert text.startswith("---\ntask_categories")
    assert "license" not in header_of(text)
    rest = outside(text)
    assert not re.search(r"<script|not a title|\[BACK\]|<b>|^ *```", rest, re.MULTILINE)
    assert r"\[BACK\]" in rest
    assert "\x1b" not in text
    assert "\u202f" in text
    (shown,) = re.findall(r"(?ms)^`{5}text\n(.*?)\n`{5}$", text)
    assert shown.startswith("```\n---\nlicense: mit\n---\n````text\n")
    assert len(shown) == LONGEST + 2
    assert r"title = {{A *title* with [BACK], `code`, <b>tags</b> | and \{braces\} \& 5 \% of \#1\_}}" in text
    assert on_hub(text, "user/name", "").count('load_dataset("user/name", split="train")') == 1


def test_a_fence_is_longer_than_any_in_the_text() -> None:
    assert fenced("plain") == ["```text", "plain", "```"]
    assert fenced("``````")[0] == "```````text"


def test_on_the_hub_the_card_names_the_repository(text: str) -> None:
    sent = on_hub(text, "user/name", "")
    assert 'load_dataset("user/name", split="train")' in sent
    assert 'hf_hub_download("user/name", "tokenizer/tokenizer.json", repo_type="dataset")' in sent
    assert "\\url{https://huggingface.co/datasets/user/name}" in sent
    assert header_of(sent) == header_of(text)
    block = re.search(r"```python\n(.*?)```", sent, re.DOTALL)
    assert block
    compile(block[1], "card", "exec")


def test_a_licence_is_written_once_and_found_again(text: str) -> None:
    first = on_hub(text, "user/name", "license: other\nlicense_name: mine\n")
    assert header_of(first)["license_name"] == "mine"
    assert "its maker's to choose" not in first
    assert licence_of(first) == "license: other\nlicense_name: mine\n"
    second = on_hub(first, "user/name", "license: mit\n")
    assert header_of(second) == {**header_of(text), "license": "mit"}
    assert licence_of(on_hub(text, "user/name", "license:\n- mit\n- other\n")) == "license:\n- mit\n- other\n"
    assert licence_of(text) == licence_of("no header") == ""
    assert on_hub("no header", "user/name", "license: mit\n") == "---\nlicense: mit\n---\nno header"


def test_a_split_may_be_named_by_any_word_that_datasets_can_take(tmp_path: Path) -> None:
    """YAML would read some as truths or nothing; others are names of files and folders elsewhere."""
    from datasets import load_dataset

    names = [
        "no",
        "null",
        "True",
        "on",
        "Yes",
        "y",
        "N",
        "off",
        "_",
        "__x",
        "README",
        "manifest",
        "inf",
        "test",
        "data",
    ]
    length = {name: 32 << (i % 2) for i, name in enumerate(names)}
    splits = "".join(
        f"  '{name}': {{mixture: {{it: {{exposures: {i + 1}}}}}, packing: {{length: {length[name]}}}}}\n"
        for i, name in enumerate(names)
    )
    text = f"tokenizer: symbols\nsources: {{it: {{kind: copy, length: 5, instances: 20}}}}\nsplits:\n{splits}"
    plan = plan_at(tmp_path / "r.yaml", text)
    out = tmp_path / "data"
    built(plan, out)
    assert verify(out) == []
    manifest = Manifest.of(LocalFolder(out))
    header = header_of((out / "README.md").read_text())
    assert isinstance(header["configs"], list)
    config_of = {file["split"]: one["config_name"] for one in header["configs"] for file in one["data_files"]}
    assert list(manifest.splits) == names
    assert sorted(config_of) == sorted(names)
    for name in names:
        assert config_of[name] == ("default" if length[name] == 32 else name)
        data = load_dataset(str(out), config_of[name], split=name, cache_dir=str(tmp_path / "cache"))
        assert data["input_ids"][:] == [row["input_ids"].tolist() for row in pipeline.read(out, name)]


def test_what_sequences_lose_is_said(tmp_path: Path) -> None:
    text = (
        "tokenizer: symbols\nsources: {it: {kind: copy, length: 20, instances: 300}}\n"
        "splits: {train: {mixture: {it: {}}, packing: {method: aligned, length: 32, longer: drop}}}\n"
    )
    built(plan_at(tmp_path / "r.yaml", text), tmp_path / "data")
    counts = Manifest.of(LocalFolder(tmp_path / "data")).splits["train"]["sources"]["it"]
    assert min(counts["dropped"], counts["cut"]) > 0
    text = (tmp_path / "data" / "README.md").read_text()
    assert f"leaves out {counts['dropped']:,} documents of `it`" in text
    assert f"leaves out {counts['cut']:,} tokens of `it`" in text
