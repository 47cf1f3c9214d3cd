"""Tokens that are no text: their names, their ids, and the tokenizer that holds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
import yaml

from pipeline.core.errors import PipelineError
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load

DEPO = {"kind": "depo", "nodes": 5, "hops": 2, "words": {"length": [1, 2], "vocabulary": 3}}
MANO = {"kind": "mano", "operations": 2, "modulus": 5}
PEOPLE = {
    "size": 20,
    "attributes": {
        "name": {
            "kind": "name",
            "pools": {
                "first": {"values": ["Ada", "Bo", "Cy", "Di", "Ed"]},
                "last": {"values": ["Low", "May", "Nil", "Orr"]},
            },
        }
    },
}


def recipe(folder: Path, tokenizer: Any, **sources: dict[str, Any]) -> Path:
    tree = {
        "tokenizer": tokenizer,
        "sources": sources,
        "splits": {"train": {"mixture": {name: {"exposures": 1} for name in sources}}},
    }
    if any(source["kind"] == "names" for source in sources.values()):
        tree["worlds"] = {"people": PEOPLE}
    (folder / "r.yaml").write_text(f"# symbols\n{yaml.safe_dump(tree)}")
    return folder / "r.yaml"


def plan_of(folder: Path, tokenizer: Any, **sources: dict[str, Any]) -> Plan:
    return compile_plan(load(str(recipe(folder, tokenizer, **sources))))


def few(source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**source, "instances": 100, **more}


def ids_of(plan: Plan, source: str) -> set[int]:
    item = np.arange(20)
    return set(plan.sources[source].documents(item, item * 0, spans=False).tokens.values.tolist())


def test_a_single_alphabet_has_plain_names(tmp_path: Path):
    plan = plan_of(tmp_path, "symbols", train=few(DEPO), exam=few(DEPO, distribution="largest"))
    words = ["1", "2", "3", "1|", "2|", "3|"]
    expected = ["<eos>", "<unk>", "<bos>", "<ans>", "<query_1>", "<query_2>", *words]
    assert plan.tokenizer.decode(np.arange(12)).split(" ") == expected
    assert plan.tokenizer.vocabulary == 13  # and the pad token
    assert plan.tokenizer.eos == 0
    assert plan.tokenizer.dtype == np.uint16


def test_alphabets_share_no_id_but_bos_and_their_names_say_whose_they_are(tmp_path: Path):
    plan = plan_of(tmp_path, "symbols", one=few(DEPO), two=few(MANO), three=few(DEPO, alphabet="other"))
    told = [ids_of(plan, name) for name in ("one", "two", "three")]
    bos = plan.tokenizer.ids_of(["<bos>"])[0]
    assert told[0] & told[1] == told[0] & told[2] == told[1] & told[2] == {bos}
    names = plan.tokenizer.backend.get_vocab()
    assert {"<depo:1|>", "<depo:ans>", "<mano:+>", "<mano:ans>", "<other:query_2>"} <= names.keys()
    assert len(set(names.values())) == len(names)


def test_beside_text_symbols_stand_behind_the_text_tokenizers_ids(tmp_path: Path):
    plan = plan_of(tmp_path, "gpt2", people={"kind": "names", "world": "people"}, puzzles=few(DEPO), more=few(MANO))
    assert max(ids_of(plan, "people")) <= 50256
    assert min(ids_of(plan, "puzzles")) > 50256
    assert min(ids_of(plan, "more")) > 50256
    assert len(ids_of(plan, "puzzles") & ids_of(plan, "more")) == 1
    item = np.array([3])
    told = plan.sources["puzzles"].documents(item, item * 0, spans=False)
    shown = plan.tokenizer.decode(told.tokens.values)
    assert shown.startswith("<bos><depo:")
    assert plan.tokenizer.encode([shown])[0].tolist() == told.tokens.values.tolist()


def test_a_saved_tokenizer_reads_what_it_shows_and_rebuilds_the_dataset(tmp_path: Path):
    from datasets import load_dataset

    from pipeline.build.building import build
    from pipeline.build.executors import Inline

    plan = plan_of(tmp_path, "symbols", it=few(DEPO))
    first = build(plan, tmp_path / "data", Inline())
    saved = tokenizers.Tokenizer.from_file(str(tmp_path / "data/tokenizer/tokenizer.json"))
    data = load_dataset(str(tmp_path / "data"), split="train", cache_dir=str(tmp_path / "cache"))
    ids = data[0]["input_ids"]
    text = saved.decode(ids, skip_special_tokens=False)
    assert text.startswith("<bos> ")
    assert saved.encode(text).ids == ids
    assert saved.encode("<bos> 1 stranger").ids == saved.encode("<bos> 1 <unk>").ids
    again = compile_plan(load(str(tmp_path / "data/recipe.yaml")))
    assert again.fingerprint == plan.fingerprint
    assert [r.content_hash for r in build(again, tmp_path / "again", Inline()).shards] == [
        r.content_hash for r in first.shards
    ]


def test_a_longer_alphabet_has_the_numbers_of_a_shorter_one(tmp_path: Path):
    plan = plan_of(tmp_path, "symbols", train=few(MANO), exam=few({**MANO, "operations": 4}))
    assert plan.tokenizer.ids_of(["<len_1>", "<len_4>"]).tolist() == [12, 15]
    assert ids_of(plan, "train") < ids_of(plan, "exam") | ids_of(plan, "train")
    alone = plan_of(tmp_path, "symbols", train=few(MANO))
    assert alone.tokenizer.ids_of(["<len_1>"]).tolist() == [12]


@pytest.mark.parametrize(
    ("tokenizer", "sources", "message"),
    [
        ("symbols", {"a": few(DEPO), "b": few({**DEPO, "hops": 3})}, r"sources\.b.*: another source has other symbols"),
        ("symbols", {"a": {"kind": "names", "world": "people"}}, "no source has symbols"),
        (
            "symbols",
            {"a": few(DEPO), "b": {"kind": "names", "world": "people"}},
            r"sources\.b.*: the tokenizer symbols has no tokens for texts",
        ),
        ("symbols", {"a": few(DEPO, tag={"text": "hello"})}, "no tokens for texts"),
        ({"name": "symbols", "add": ["<a b>"]}, {"a": few(DEPO)}, r"tokenizer\.add: the token '<a b>' has a blank"),
    ],
)
def test_what_cannot_be_told_apart_or_has_no_tokens_is_refused(
    tmp_path: Path, tokenizer: Any, sources: dict[str, Any], message: str
):
    with pytest.raises(PipelineError, match=message):
        plan_of(tmp_path, tokenizer, **sources)


def test_words_of_one_token_have_no_bars(tmp_path: Path):
    plan = plan_of(tmp_path, "symbols", it=few({"kind": "brevo", "nodes": 3}))
    assert plan.tokenizer.decode(np.arange(8)) == "<eos> <unk> <bos> <ans> <query> 1 2 3"
    assert plan.tokenizer.vocabulary == 9


@pytest.mark.parametrize(("tokenizer", "unknown", "symbol"), [("symbols", "<unk>", "1|"), ("gpt2", None, "<depo:1|>")])
def test_one_alphabet_is_named_beside_text_which_knows_no_unknown_token(
    tmp_path: Path, tokenizer: str, unknown: str | None, symbol: str
):
    made = plan_of(tmp_path, tokenizer, it=few(DEPO)).tokenizer
    assert symbol in made.backend.get_vocab()
    assert json.loads(made.files()["tokenizer_config.json"]).get("unk_token") == unknown
