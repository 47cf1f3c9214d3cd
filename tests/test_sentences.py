"""Sentences of grammars as documents: their frame, their parts, their trees in windows, and how they are asked for."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.core.documents import ROLES
from pipeline.core.errors import PipelineError
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.recipe.writing import dump
from pipeline.shard.shard import make_shard
from pipeline.sources.puzzles.sentences import Sentences

RULES = ["s -> a b | b a b", "a -> 1 2 | 2", "b -> 2 2 1 | 1 3"]
SHAPE = {"sizes": [1, 3, 3, 3], "rules": [2, 3], "length": [2, 3], "seed": 5}


def sentences_of(rules: list[str]) -> set[tuple[str, ...]]:
    """All that a small grammar has."""
    known = {
        name: [tuple(rule.split()) for rule in said.split("|")] for name, said in (line.split(" -> ") for line in rules)
    }

    def told(symbol: str) -> set[tuple[str, ...]]:
        if symbol not in known:
            return {(symbol,)}
        return {sum(parts, ()) for rule in known[symbol] for parts in product(*map(told, rule))}

    return told(rules[0].split(" -> ")[0])


def plan_of(folder: Path, source: dict[str, Any], **split: Any) -> Plan:
    tree = {
        "tokenizer": "symbols",
        "sources": {"it": {"kind": "grammar", "grammar": RULES, **source}},
        "splits": {"train": {"mixture": {"it": {"tokens": 6000}}, **split}},
    }
    (folder / "r.yaml").write_text(f"# a grammar\n{yaml.safe_dump(tree)}")
    return compile_plan(load(str(folder / "r.yaml")))


def it(plan: Plan) -> Sentences:
    source = plan.sources["it"]
    assert isinstance(source, Sentences)
    return source


def told(plan: Plan, count: int = 500, exposure: int = 0) -> list[tuple[str, ...]]:
    item = np.arange(count)
    tokens = it(plan).documents(item, np.full(count, exposure), spans=False).tokens
    return [
        tuple(plan.tokenizer.decode(tokens.values[first:last]).split())
        for first, last in zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)
    ]


def test_documents_are_bos_and_a_sentence_and_all_sentences_occur(tmp_path: Path):
    plan = plan_of(tmp_path, {})
    assert {document[0] for document in told(plan)} == {"<bos>"}
    assert {document[1:] for document in told(plan)} == sentences_of(RULES)


def test_the_frame_is_as_it_is_asked_for(tmp_path: Path):
    plan = plan_of(tmp_path, {"bos": False, "eos": True, "tag": "<here>"})
    for document in told(plan, 50):
        assert document[0] == "<here>"
        assert document[-1] == "<eos>"
        assert document[1:-1] in sentences_of(RULES)


@pytest.mark.parametrize("source", [{}, {"eos": True, "tag": "<t>"}, {"perturbed": {"level": 1, "rate": 0.5}}])
def test_lengths_are_as_expected(tmp_path: Path, source: dict[str, Any]):
    plan = plan_of(tmp_path, source)
    lengths = np.array([len(document) for document in told(plan, 8000)])
    assert abs(lengths.mean() - float(it(plan).mean_tokens)) < 5 * lengths.std() / 8000**0.5
    assert lengths.max() <= (it(plan).longest or 0)


def test_a_cut_makes_prompts_and_answers(tmp_path: Path):
    plan = plan_of(tmp_path, {"cut": 2, "tag": "<t>"}, packing={"method": "rows", "length": 16}, columns=["answers"])
    made = make_shard(plan, "train", 0)
    told_ = {name: made.columns[name] for name in ("prompt", "answer", "question")}
    assert bytes(told_["question"].bytes).count(b"cut 2") == made.sequences  # type: ignore[union-attr]
    rows = [
        [bytes(c.bytes[c.offsets[i] : c.offsets[i + 1]]).decode() for c in (told_["prompt"], told_["answer"])]  # type: ignore[union-attr]
        for i in range(50)
    ]
    for prompt, answer in rows:
        assert prompt.split()[:2] == ["<t>", "<bos>"]
        assert len(prompt.split()) == 4
        assert (*prompt.split()[2:], *answer.split()) in sentences_of(RULES)


def test_a_cut_of_nothing_leaves_bos_as_the_prompt(tmp_path: Path):
    plan = plan_of(tmp_path, {"cut": 0})
    parts = it(plan).documents(np.arange(9), np.zeros(9, np.int64), spans=False, parts=True).parts
    assert parts is not None
    assert parts.values[::2].tolist() == [[0, 1, ROLES.index("prompt")]] * 9


def test_perturbed_symbols_are_marked_and_the_others_are_those_of_the_sentence(tmp_path: Path):
    calm = told(plan_of(tmp_path, {}), 2000)
    plan = plan_of(tmp_path, {"perturbed": {"share": 0.5, "rate": 0.3}, "tag": "<t>"})
    item = np.arange(2000)
    made = it(plan).documents(item, item * 0, spans=False, parts=True)
    assert made.parts is not None
    touched = 0
    for i, (document, before) in enumerate(zip(told(plan, 2000), calm, strict=True)):
        rows = made.parts.values[made.parts.offsets[i] : made.parts.offsets[i + 1]].tolist()
        assert rows[0] == [0, 1, ROLES.index("tag")]
        marked = {
            t for start, length, role in rows[1:] for t in range(start, start + length) if role == ROLES.index("silent")
        }
        assert {t for t in range(1, len(document)) if document[t] != before[t - 1]} == marked
        touched += bool(marked)
    assert 0.35 < touched / 2000 < 0.5, "half of them, but for those whose symbols were all left alone"
    assert told(plan, 2000, 1) != told(plan, 2000), "another exposure, other mistakes"


@pytest.mark.parametrize(
    "packing", [{"length": 16}, {"method": "aligned", "length": 16}, {"method": "rows", "length": 16}]
)
def test_trees_stand_beside_their_tokens_in_windows_too(tmp_path: Path, packing: dict[str, Any]):
    plan = plan_of(tmp_path, {}, packing=packing, columns=["tree", "documents"])
    columns = make_shard(plan, "train", 0).columns
    ancestors, ends = np.asarray(columns["ancestors"]), np.asarray(columns["boundaries"])
    documents, ids = columns["documents"], np.asarray(columns["input_ids"])
    assert ancestors.shape == (*ids.shape, 2)
    assert (ancestors.dtype, ends.dtype) == (np.int16, np.uint8)
    rules = {name: {tuple(rule.split()) for rule in said.split("|")} for name, said in (r.split(" -> ") for r in RULES)}
    symbols = it(plan).grammar.symbols
    row = np.repeat(np.arange(len(ids)), np.diff(documents.offsets))  # type: ignore[union-attr]
    whole = 0
    pieces = [documents.fields[name] for name in ("start", "length", "offset")]  # type: ignore[union-attr]
    for r, start, length, offset in zip(row, *pieces, strict=True):
        inside = slice(start + (offset == 0), start + length)
        tokens = plan.tokenizer.decode(ids[r, inside]).split()
        above, closed = ancestors[r, inside], ends[r, inside]
        if offset or not len(tokens) or closed[-1] < 2:
            continue  # a sentence that a window cuts
        whole += 1
        assert ancestors[r, start].tolist() == [-1, -1]
        assert (above[:, 0] == 0).all()
        groups: list[tuple[str, list[str]]] = []
        for token, node, last in zip(tokens, above[:, 1], [2, *closed[:-1]], strict=True):
            if last:
                groups.append((symbols[node], []))
            assert groups[-1][0] == symbols[node]
            groups[-1][1].append(token)
        assert all(tuple(said) in rules[node] for node, said in groups)
        assert tuple(node for node, _ in groups) in rules["s"]
        assert (closed == 2).sum() == 1
    assert whole > 100
    pads = np.ones(ids.shape, bool)
    for r, start, length, _ in zip(row, *pieces, strict=True):
        pads[r, start : start + length] = False
    assert (ancestors[pads] == -1).all()
    assert not ends[pads].any()


def test_trees_open_in_datasets(tmp_path: Path):
    from datasets import load_dataset

    from pipeline.build.building import build
    from pipeline.build.executors import Inline
    from pipeline.build.verification import verify

    plan = plan_of(tmp_path, {}, packing={"length": 16}, columns=["tree"])
    build(plan, tmp_path / "data", Inline())
    assert verify(tmp_path / "data") == []
    data = load_dataset(str(tmp_path / "data"), split="train", cache_dir=str(tmp_path / "cache")).with_format("numpy")
    assert data[0]["ancestors"].shape == (16, 2)
    symbols = json.loads((tmp_path / "data" / "manifest.json").read_text())["splits"]["train"]["symbols"]
    assert symbols == ["s", "a", "b", "1", "2", "3"]
    assert data[:3]["boundaries"].shape == (3, 16)
    assert np.array_equal(data[:]["ancestors"], make_shard(plan, "train", 0).columns["ancestors"])


def test_a_grammar_is_named_drawn_or_written_and_the_resolved_recipe_stands_alone(tmp_path: Path):
    (tmp_path / "g.cfg").write_text("# mine\n" + "\n".join(RULES))
    released = {
        "depth": 2,
        "sizes": [1, 2, 3],
        "idx": [[8], [6, 7], [1, 2, 3]],
        "all": [
            [{"id": 8, "name": "H", "children": [[0, 1], [1, 0, 1]]}],
            [
                {"id": 6, "name": "F", "children": [[0, 1], [1]]},
                {"id": 7, "name": "G", "children": [[1, 1, 0], [0, 2]]},
            ],
            [{"id": i, "name": str(i), "children": None} for i in (1, 2, 3)],
        ],
    }
    (tmp_path / "g.json").write_text(json.dumps(released))
    named = [told(plan_of(tmp_path, {"grammar": name}), 100) for name in ("g.cfg", "g.json", RULES)]
    assert named[0] == named[1] == named[2]
    plan = plan_of(tmp_path, {"grammar": SHAPE})
    (tmp_path / "resolved.yaml").write_text(dump(plan.portable_recipe(), "resolved"))
    again = compile_plan(load(str(tmp_path / "resolved.yaml")))
    assert again.fingerprint == plan.fingerprint
    assert told(again) == told(plan)
    assert told(plan_of(tmp_path, {"grammar": {**SHAPE, "seed": 6}})) != told(plan)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"grammar": "none.cfg"}, r"sources\.it\.grammar: no file 'none\.cfg'"),
        ({"grammar": "bad.json"}, r"sources\.it\.grammar: cannot read bad\.json"),
        ({"grammar": "deep.json"}, r"sources\.it\.grammar: cannot read deep\.json"),
        ({"grammar": "bad.cfg"}, r"bad\.cfg:2: .* is no rule"),
        ({"grammar": ["s -> s 1"]}, r"sources\.it\.grammar: .*line 1: .s. is recursive"),
        ({"grammar": {**SHAPE, "sizes": [2, 3]}}, "the first level is the root"),
        ({"grammar": 3}, r"sources\.it\.grammar: a grammar is a file, a list of rules, or a shape"),
        ({"cut": 4}, r"sources\.it\.cut: a prompt of 4 symbols is all of a sentence that has 3\. Cut at 2"),
        ({"perturbed": {"level": 2}}, r"sources\.it\.perturbed\.level: no symbols of level 2"),
        ({"perturbed": {"rate": 2}}, r"sources\.it\.perturbed\.rate"),
    ],
)
def test_grammars_that_are_none_are_refused_with_their_place(tmp_path: Path, source: dict[str, Any], message: str):
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "bad.cfg").write_text("s -> 1 2\n1 2 3\n")
    with pytest.raises(PipelineError, match=message):
        plan_of(tmp_path, source)


def test_trees_of_what_has_none_are_refused(tmp_path: Path):
    (tmp_path / "r.yaml").write_text(
        "tokenizer: symbols\nsources: {it: {kind: copy, length: 3}}\n"
        "splits: {train: {mixture: {it: {tokens: 100}}, columns: [tree]}}\n"
    )
    with pytest.raises(PipelineError, match=r"splits\.train\.columns\.0: trees are those of one source of a grammar"):
        compile_plan(load(str(tmp_path / "r.yaml")))


@pytest.mark.parametrize("packing", [{"length": 5}, {"method": "aligned", "length": 9}])
def test_trees_of_what_a_window_cuts_are_those_of_the_whole_sentence(tmp_path: Path, packing: dict[str, Any]):
    plan = plan_of(tmp_path, {}, packing=packing, columns=["tree", "documents"])
    columns = make_shard(plan, "train", 0).columns
    fields, offsets = columns["documents"].fields, columns["documents"].offsets  # type: ignore[union-attr]
    above, ends = it(plan).trees(fields["item"], fields["exposure"].astype(np.int64))
    row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    cut = 0
    pieces = zip(row.tolist(), *(fields[name].tolist() for name in ("start", "length", "offset")), strict=True)
    for i, (r, start, length, offset) in enumerate(pieces):
        here = slice(above.offsets[i] + offset, above.offsets[i] + offset + length)
        assert np.array_equal(np.asarray(columns["ancestors"])[r, start : start + length], above.values[here])
        assert np.array_equal(np.asarray(columns["boundaries"])[r, start : start + length], ends[here])
        cut += here.stop < above.offsets[i + 1]
    assert cut > 100


def test_symbols_of_large_grammars_have_their_numbers_in_trees(tmp_path: Path):
    inner = [f"n{i}" for i in range(140)]
    plan = plan_of(tmp_path, {"grammar": [f"s -> {' | '.join(inner)}", *(f"{name} -> 1 2" for name in inner)]})
    above, _ = it(plan).trees(np.arange(3000), np.zeros(3000, np.int64))
    assert set(above.values[:, 1].tolist()) == {-1, *range(1, 141)}


def test_a_sentence_perturbed_all_over_is_one_silent_part(tmp_path: Path):
    plan = plan_of(tmp_path, {"perturbed": {"share": 1, "rate": 1}, "bos": False})
    made = it(plan).documents(np.arange(200), np.zeros(200, np.int64), spans=False, parts=True)
    assert made.parts is not None
    assert made.parts.values.tolist() == [[0, n, ROLES.index("silent")] for n in made.tokens.lengths.tolist()]


def test_symbols_above_that_are_replaced_change_the_expected_length(tmp_path: Path):
    rules = ["s -> a a [9] | b b", "a -> 1", "b -> 2 2 2 2 2 2"]
    plan = plan_of(tmp_path, {"grammar": rules, "perturbed": {"share": 1, "rate": 0.5, "level": 1}})
    lengths = np.array([len(document) for document in told(plan, 4000)])
    assert abs(lengths.mean() - float(it(plan).mean_tokens)) < 6 * lengths.std() / 4000**0.5


def test_a_prompt_leaves_one_symbol_at_least_and_the_end_token_is_no_answer(tmp_path: Path):
    plan = plan_of(tmp_path, {"cut": 2, "eos": True})
    made = it(plan).documents(np.arange(50), np.zeros(50, np.int64), spans=False, parts=True)
    assert made.parts is not None
    answers = made.parts.values[1::2]
    assert answers.tolist() == [[3, n - 4, ROLES.index("answer")] for n in made.tokens.lengths.tolist()]
    with pytest.raises(PipelineError, match="a prompt of 3 symbols is all of a sentence that has 3"):
        plan_of(tmp_path, {"cut": 3})


def test_what_is_replaced_in_prompts_and_answers_is_not_marked(tmp_path: Path):
    with pytest.raises(PipelineError, match="no part of these documents is of the role silent"):
        plan_of(tmp_path, {"cut": 2, "perturbed": {}, "mask": ["silent"]}, columns=["loss_mask"])


def test_a_file_names_its_alphabet_and_must_hold_a_grammar(tmp_path: Path):
    (tmp_path / "mine.cfg").write_text("\n".join(RULES))
    (tmp_path / "list.json").write_text("[1]")
    tree = {
        "tokenizer": "symbols",
        "sources": {"it": {"kind": "grammar", "grammar": "mine.cfg"}, "copies": {"kind": "copy", "length": 2}},
        "splits": {"train": {"mixture": {"it": {"tokens": 100}}}},
    }
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(tree))
    plan = compile_plan(load(str(tmp_path / "r.yaml")))
    assert {token for document in told(plan, 50) for token in document} == {"<bos>", "<mine:1>", "<mine:2>", "<mine:3>"}
    with pytest.raises(PipelineError, match=r"sources\.it\.grammar: list\.json holds no mapping"):
        plan_of(tmp_path, {"grammar": "list.json"})


def test_trees_of_several_sources_are_refused(tmp_path: Path):
    (tmp_path / "r.yaml").write_text(
        'tokenizer: symbols\nsources: {a: {kind: grammar, grammar: ["s -> 1 2"]}, b: {extends: a}}\n'
        "splits: {train: {mixture: {a: {tokens: 100}, b: {tokens: 100}}, columns: [tree]}}\n"
    )
    with pytest.raises(PipelineError, match=r"splits\.train\.columns\.0: trees are those of one source"):
        compile_plan(load(str(tmp_path / "r.yaml")))
