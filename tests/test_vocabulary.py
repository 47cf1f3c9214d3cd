"""Tokenizers reduced to the tokens in use: the same documents under other ids, and a saved tokenizer that agrees."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors

from pipeline import cli
from pipeline.build.verification import verify
from pipeline.core.errors import RecipeError, SpecError, TokenizerError
from pipeline.core.key import Key
from pipeline.core.permutation import Permutation
from pipeline.core.table import Lists
from pipeline.dataset.manifest import Manifest
from pipeline.plan import Plan, compile_plan
from pipeline.plan.cached import plan_digest
from pipeline.recipe import load
from pipeline.shard import make_shard
from pipeline.sources import SOURCES, Source
from pipeline.text.reduced_tokenizer import reduced
from pipeline.text.tokenizer import Tokenizer
from pipeline.text.tokenizer_loading import VocabularySpec, reduced_to
from tests.encoders import EOS, tokenizer
from tests.plans import KINDS, plan_at, plan_of, usual
from tests.properties import FEW

GPT2 = "tokenizer={name: gpt2, vocabulary: null}"
USED = "tokenizer={name: gpt2, vocabulary: used}"
UNKNOWN = ("bioS_text",)  # a corpus
GIVEN = ("bioD_N100K_K1", "bioD_N10K_K20", "bioD_N2K_K50")  # their tokens are given as ids
KNOWN = [name for name in KINDS if name not in (*UNKNOWN, *GIVEN)]
EVERY_KIND = """\
tokenizer: gpt2
worlds:
  people:
    size: 12
    attributes:
      name: {kind: name, pools: {first: [Ann, Bartholomäus, Cid], last: [Moe, O'Nye, Orr, Poe]}}
      city: {kind: choice, values: [Oslo, "Bern, CH", "Washington, D.C."]}
      born: {kind: integer, first: 1990, last: 1996}
      pet: {kind: choice, values: [Zebra, Dodo]}
sources:
  bios:
    kind: biographies
    world: people
    tag: <Ω>
    templates: {city: ["{{ subject }} is from {{ city }}."], born: ["{{ subject }} was born in {{ born }}."]}
    translations: {fr: {templates: {city: ["{{ subject }} vient de {{ city }}."], born: ["{{ name }} : {{ born }}."]},
      share: 0.5}}
    paraphrases: 4
    permutations: 2
    full_name: all
    mistakes: {corrected: 0.2, weak: 0.2, back: {text: Sorry}}
  asked:
    kind: questions
    world: people
    templates: {city: ["Where is {{ name }} from? | From {{ born }} on: | {{ city }}."]}
    hints: {rate: 0.5, direct: <direct>, hinted: <hinted>}
  names: {kind: names, world: people, start: <start>}
  hops:
    kind: hops
    world: people
    attribute: born
    instances: 50
    hops: 2
    people: 2
    templates:
      year: ["{{ name }} was born in {{ born }}."]
      same: ["{{ name }} is as old as {{ other_name }}."]
      question: ["When was {{ name }} born? | {{ born }}."]
  problems: {kind: igsm, problems: 50, op: [2, 4], answer: first, retry: {rate: 0.3}}
  sums: {kind: mano, instances: 50, operations: 3, modulus: 5}
  cycles: {kind: depo, instances: 50, nodes: 5, hops: 2, queries: 2, words: {length: [1, 2], vocabulary: 3}, eos: true}
  copies: {kind: copy, instances: 50, length: 4, vocabulary: 5, bos: {text: Copy}}
  sorted: {kind: brevo, instances: 50, nodes: 5}
  sentences: {kind: grammar, instances: 50, grammar: [a -> b c | c b, b -> x x | y x, c -> y y | x y]}
splits:
  train:
    mixture: {bios: {exposures: 16}, asked: {exposures: 16}, hops: {}, problems: {}, sums: {}, cycles: {}, copies: {},
      sorted: {}, sentences: {}}
    packing: {length: 64}
  probing: {mixture: {names: {}}, packing: {method: rows, length: 32}, columns: [spans, probes]}
"""


def documents(source: Source, count: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and offsets of some documents of a source, at several exposures."""
    item = Permutation(len(source), Key.root(5))(np.arange(min(count, len(source)), dtype=np.int64))
    made = source.documents(item, np.arange(item.size) % 7, spans=False).tokens
    return made.values[: made.offsets[-1]], made.offsets


def saved(plan: Plan) -> tokenizers.Tokenizer:
    """The tokenizer as a trainer loads it."""
    return tokenizers.Tokenizer.from_str(plan.tokenizer.files()["tokenizer.json"])


def old_ids(plan: Plan) -> np.ndarray:
    """The id that each token in use has in the whole tokenizer: int (in use,)."""
    assert plan.tokenizer.in_use is not None
    assert plan.tokenizer.in_use.ids is not None
    return np.array(list(plan.tokenizer.in_use.ids))


def check_documents(whole: Plan, plan: Plan) -> None:
    """All that a reduced tokenizer promises, from documents of each source."""
    old, encoder = old_ids(plan), saved(plan)
    assert (np.diff(old) > 0).all(), "tokens keep their order"
    of_old, of_new = ({i: text for text, i in t.get_vocab().items()} for t in (whole.tokenizer.backend, encoder))
    assert [of_new[number] for number in range(old.size)] == [of_old[number] for number in old.tolist()]
    for name, source in plan.sources.items():
        tokens, offsets = documents(source)
        of_whole, offsets_of_whole = documents(whole.sources[name])
        assert offsets.tolist() == offsets_of_whole.tolist()
        assert old[tokens].tolist() == of_whole.tolist()
        assert (source.mean_tokens, source.longest) == (whole.sources[name].mean_tokens, whole.sources[name].longest)
        rows = [tokens[first:end].tolist() for first, end in pairwise(offsets.tolist())]
        texts = encoder.decode_batch(rows, skip_special_tokens=False)
        assert texts == whole.tokenizer.decode_all([old[row].tolist() for row in rows])
        assert [encoding.ids for encoding in encoder.encode_batch(texts, add_special_tokens=False)] == rows
        ids, ids_of_whole = source.token_ids(), whole.sources[name].token_ids()
        assert ids is not None
        assert ids_of_whole is not None
        assert old[ids].tolist() == ids_of_whole.tolist()
    assert plan.notices == whole.notices
    assert {name: split.blocks for name, split in plan.splits.items()} == {
        name: split.blocks for name, split in whole.splits.items()
    }


@pytest.mark.parametrize("name", usual(KNOWN))
def test_documents_are_those_of_the_whole_tokenizer_and_the_saved_one_encodes_them(name: str) -> None:
    check_documents(plan_of(name, GPT2), plan_of(name, USED))


@pytest.fixture(scope="module")
def every_kind(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Plan]:
    """A plan with a source of every kind whose tokens are known, with the whole tokenizer and with the reduced one."""
    path = tmp_path_factory.mktemp("every") / "recipe.yaml"
    return plan_at(path, EVERY_KIND), plan_at(path, EVERY_KIND.replace("gpt2", "{name: gpt2, vocabulary: used}"))


def test_so_they_are_of_every_kind_of_source(every_kind: tuple[Plan, Plan]) -> None:
    check_documents(*every_kind)
    kinds = {spec.kind for spec in every_kind[0].recipe.sources.values()}
    asked = {"preference", "statements"}  # are questions, with two answers or none
    assert kinds == SOURCES.keys() - asked - {"corpus", "python", "rewritten", "tokens"}


def test_shards_are_those_of_the_whole_tokenizer(every_kind: tuple[Plan, Plan]) -> None:
    whole, plan = (make_shard(plan, "train", 0) for plan in every_kind)
    ids, old = plan.columns["input_ids"], old_ids(every_kind[1])
    assert (old[ids] == whole.columns["input_ids"]).all()
    assert (plan.sources, plan.padding) == (whole.sources, whole.padding)
    of_whole, probes = (make_shard(plan, "probing", 0).columns["probes"] for plan in every_kind)
    assert isinstance(probes, Lists)
    assert isinstance(of_whole, Lists)
    assert old[probes.fields["first_token"]].tolist() == of_whole.fields["first_token"].tolist()
    for name in ("attribute", "position", "value"):
        assert probes.fields[name].tolist() == of_whole.fields[name].tolist()


# ── why: models of every kind ───────────────────────────────────────────────────────────────────────────────────────

LETTERS = "abc"
KINDS_OF_BPE = ("bytes", "taken whole", "prefix", "suffix", "unknown", "byte fallback")


def bpe(kind: str, drawn: list[tuple[int, int]]) -> tokenizers.Tokenizer:
    """A BPE tokenizer of a kind. drawn: its merges, each two indices of tokens so far; a token may have several."""
    options = {
        "taken whole": {"ignore_merges": True},
        "prefix": {"continuing_subword_prefix": "##", "unk_token": "?"},
        "suffix": {"end_of_word_suffix": "</w>", "unk_token": "?"},
        "unknown": {"unk_token": "?", "fuse_unk": True},
        "byte fallback": {"byte_fallback": True},
    }
    of_bytes, cut = kind in ("bytes", "taken whole"), 2 * (kind == "prefix")
    letters = {"prefix": [*LETTERS, *(f"##{x}" for x in LETTERS)], "suffix": [*LETTERS, *(f"{x}</w>" for x in LETTERS)]}
    tokens = letters.get(kind, [*LETTERS])
    merges: dict[tuple[str, str], None] = {}
    for left, right in drawn:
        pair = tokens[left % len(tokens)], tokens[right % len(tokens)]
        if not (cut and not pair[1].startswith("##")) and not pair[0].endswith("</w>"):
            merges[pair] = None
            tokens += [pair[0] + pair[1][cut:]] * (pair[0] + pair[1][cut:] not in tokens)
    always = ["?", *sorted(pre_tokenizers.ByteLevel.alphabet() if of_bytes else [f"<0x{i:02X}>" for i in range(256)])]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys([*reversed(tokens), *always]))}
    backend = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=list(merges), **options.get(kind, {})))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(False) if of_bytes else pre_tokenizers.WhitespaceSplit()
    if of_bytes:
        backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(EOS, special=True, normalized=False)])
    return backend


WORDS = st.lists(st.text(LETTERS, min_size=1, max_size=9), min_size=1, max_size=5).map(" ".join)
MERGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=40)


@settings(FEW, max_examples=60)
@given(st.sampled_from(KINDS_OF_BPE), MERGES, st.lists(WORDS, min_size=1, max_size=6), WORDS)
def test_a_reduced_tokenizer_encodes_every_text_whose_tokens_are_in_use_as_the_whole_one(
    kind: str, merges: list[tuple[int, int]], texts: list[str], other: str
) -> None:
    texts = [*texts, "d a"] if kind in ("unknown", "byte fallback", "bytes") else texts
    whole = Tokenizer(bpe(kind, merges), EOS)
    in_use = {number for ids in whole.encode(texts) for number in ids.tolist()} | {whole.eos}
    backend, ids = reduced(whole, in_use)
    assert [*ids] == sorted(in_use)
    assert [*ids.values()] == [*range(len(ids))]
    for text in texts:
        expected = [ids[number] for number in whole.encode([text])[0].tolist()]
        assert backend.encode(text, add_special_tokens=False).ids == expected
    kept = backend.get_vocab(with_added_tokens=True)
    assert sorted(kept.values()) == [*range(len(kept))]
    if kind in ("bytes", "taken whole"):
        assert backend.decode(backend.encode(other).ids) == other, "no text is left out"
    checked = reduced_to(in_use, whole)
    of_other = whole.encode([other])[0].tolist()
    if {*of_other} <= in_use:
        assert checked.encode([other])[0].tolist() == [ids[number] for number in of_other]
    else:
        with pytest.raises(TokenizerError, match="is not in use"):
            checked.encode([other])


SMALL = """\
tokenizer: {name: gpt2, vocabulary: used}
worlds:
  people:
    size: 12
    attributes:
      name: {kind: name, pools: {first: [Ann, Bartholomäus, Cid, "😀"], last: [Moe, O'Nye, Orr]}}
      city: {kind: choice, values: [Oslo, "Bern, CH", "Washington, D.C."]}
sources:
  bios: {kind: biographies, world: people, mistakes: {corrected: 0.2}, paraphrases: 4, templates: {city: [
    "{{ subject }} is from {{ city }}.", "{{ subject_possessive }} home: {{ city }}!"]}}
  exam: {kind: questions, world: people, templates: {city: ["Where is {{ name }} from? | He likes it. | {{ city }}."]}}
splits:
  train: {mixture: {bios: {exposures: 40}}, packing: {length: 64}}
  exam: {mixture: {exam: {}}, packing: {method: rows, length: 32}}
"""


def test_every_token_in_use_stands_in_a_row_and_no_other(tmp_path: Path) -> None:
    plan = plan_at(tmp_path / "r.yaml", SMALL)
    rows = [make_shard(plan, split, k).columns["input_ids"] for split, k in plan.shards]
    found = np.unique(np.concatenate([ids.reshape(-1) for ids in rows]))
    assert plan.tokenizer.in_use is not None
    assert found.tolist() == [*range(plan.tokenizer.in_use.count)], "hints, which are not asked for, stand in none"
    assert plan.tokenizer.vocabulary > found.size + 200
    assert plan.tokenizer.dtype == np.uint16
    again = pickle.loads(pickle.dumps(plan.tokenizer))
    assert (again.files(), again.content_hash) == (plan.tokenizer.files(), plan.tokenizer.content_hash)
    with pytest.raises(TokenizerError, match=r"the token 'Bob' in the text 'Bob\.' is not in use"):
        again.encode(["Bob."])


def test_all_merges_that_make_a_token_are_kept() -> None:
    tokens = ["a", "b", "c", "d", "bc", "abc", "da", "ab", EOS]
    merges = [("b", "c"), ("ab", "c"), ("a", "bc"), ("d", "a"), ("a", "b")]  # abc comes of the third, not the second
    whole = Tokenizer(tokenizers.Tokenizer(models.BPE({text: i for i, text in enumerate(tokens)}, merges)), EOS)
    assert whole.backend.encode("dabc").tokens == ["d", "abc"]
    in_use = [tokens.index(token) for token in ("d", "abc", "da")]
    assert reduced(whole, in_use)[0].encode("dabc").tokens == ["d", "abc"]


# ── a dataset ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a built dataset with a reduced tokenizer, beside its recipe."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "small.yaml").write_text(SMALL, "utf-8")
    assert cli.run(["build", str(folder / "small.yaml"), "--executor", "inline", "--out", str(folder / "data")]) == 0
    return folder / "data"


def test_a_dataset_says_how_many_tokens_are_in_use(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = compile_plan(load(str(dataset.parent / "small.yaml")))
    assert plan.tokenizer.in_use is not None
    in_use, ids = plan.tokenizer.in_use.count, plan.tokenizer.vocabulary
    manifest = json.loads((dataset / "manifest.json").read_text("utf-8"))
    assert manifest["vocabulary"] == {"in_use": in_use, "ids": ids}
    assert f"has {ids:,} ids; those in use are the first {in_use:,}," in (dataset / "README.md").read_text("utf-8")
    assert saved(plan).get_vocab_size(with_added_tokens=True) == ids
    capsys.readouterr()
    for recipe, of in ((dataset.parent / "small.yaml", " of gpt2's 50,259"), (dataset / "recipe.yaml", "")):
        assert cli.run(["plan", str(recipe)]) == 0
        line = f"vocabulary: {in_use:,} tokens{of} in use, {ids:,} with what their merges need\n"
        assert line in capsys.readouterr().out
    assert cli.run(["verify", str(dataset)]) == 0


def test_the_resolved_recipe_and_the_saved_tokenizer_alone_build_the_same_dataset(
    dataset: Path, tmp_path: Path
) -> None:
    alone, second = tmp_path / "alone", tmp_path / "second/data"
    shutil.copytree(dataset / "tokenizer", alone / "tokenizer")
    shutil.copy(dataset / "recipe.yaml", alone)
    assert cli.run(["build", str(alone / "recipe.yaml"), "--executor", "inline", "--out", str(second)]) == 0
    files = [path.relative_to(dataset) for path in dataset.rglob("*") if path.suffix in (".arrow", ".json")]
    assert {path.parts[0] for path in files} == {".pipeline", "train", "exam", "tokenizer", "manifest.json"}
    for file in files:
        if file.parts[0] != ".pipeline":
            assert (second / file).read_bytes() == (dataset / file).read_bytes()


def test_a_recipe_that_extends_a_saved_one_keeps_its_ids(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = compile_plan(load(str(dataset / "recipe.yaml")))
    cities = "worlds.people.attributes.city.values=[Oslo, 'Bern, CH']"
    fewer = compile_plan(load(str(dataset / "recipe.yaml"), [cities]))
    assert fewer.tokenizer.content_hash == plan.tokenizer.content_hash
    assert [fewer.tokenizer.in_use] == [plan.tokenizer.in_use]
    capsys.readouterr()
    other = "sources.bios.templates.city=['{{ subject }} has come from {{ city }}.']"
    assert cli.run(["plan", str(dataset / "recipe.yaml"), "--set", other]) == 2
    refusal = capsys.readouterr().err
    assert "recipe.yaml:7: tokenizer.vocabulary: the token ' h' in the text '" in refusal
    assert "has come from' is not in use. Name the tokenizer that it was reduced from" in refusal
    assert cli.run(["plan", str(dataset / "recipe.yaml"), "--set", "sources.bios.tag=<new>"]) == 2
    assert "tokenizer.vocabulary: the token '<new>' in the text '<new>' is not in use." in capsys.readouterr().err
    sums = "sources.sums={kind: mano, operations: 1}"
    assert cli.run(["plan", str(dataset / "recipe.yaml"), "--set", sums]) == 2
    assert "the source 'sums' has the token '<mano:len_1>', and in use are the first" in capsys.readouterr().err
    assert cli.run(["plan", str(dataset / "recipe.yaml"), "--set", other, "--set", "tokenizer.vocabulary=null"]) == 0


def test_verify_finds_a_row_with_a_token_that_is_not_in_use(dataset: Path) -> None:
    manifest = Manifest.loads((dataset / "manifest.json").read_text("utf-8"))
    assert manifest.vocabulary is not None
    less = replace(manifest, vocabulary={**manifest.vocabulary, "in_use": manifest.vocabulary["in_use"] - 1})
    more = replace(manifest, vocabulary={"in_use": 9, "ids": 8})
    assert not manifest.contradictions()
    assert more.contradictions() == ["vocabulary has more ids in use than it has"]
    folder = dataset.parent / "less"
    shutil.copytree(dataset, folder)
    (folder / "manifest.json").write_text(less.dumps(), "utf-8")
    count = manifest.vocabulary["in_use"] - 1
    wrong = [line for line in verify(folder) if "token id" in line]
    assert wrong == [f"train/shard-00000-of-00001.arrow: it has the token id {count}, and the tokenizer {count} ids"]


# ── sources whose tokens are not known ahead ────────────────────────────────────────────────────────────────────────

ROWS = ["A first row, about cats.", "  A second one:\tdogs. ", "It's Schrödinger's <|endoftext|>."]
TEXTS = """\
tokenizer: {name: gpt2, vocabulary: VOCABULARY}
sources:
  texts: {kind: corpus, files: rows.txt, tag: <row>}
  problems: {kind: igsm, problems: 9, op: 2, modulus: exact, markers: false}
splits: {train: {mixture: {texts: {}, problems: {exposures: 2}}, packing: {length: 64}}}
"""


def of_texts(folder: Path, vocabulary: str) -> Plan:
    (folder / "rows.txt").write_text("\n".join(ROWS), "utf-8")
    return plan_at(folder / "r.yaml", TEXTS.replace("VOCABULARY", vocabulary))


def solved(plan: Plan, exposure: int) -> list[str]:
    """The texts of all problems at an exposure, without the space before and the end token."""
    item = np.arange(9, dtype=np.int64)
    tokens = plan.sources["problems"].documents(item, np.full(9, exposure), spans=False).tokens
    return [plan.tokenizer.decode(tokens.slice(i, i + 1).values[:-1]).removeprefix(" ") for i in range(9)]


@pytest.mark.slow  # the next test asks it of a document at a time
def test_with_their_texts_given_their_documents_are_those_of_the_whole_tokenizer(tmp_path: Path) -> None:
    whole = of_texts(tmp_path, "null")
    given = [*ROWS, "Walrus", *solved(whole, 0), *solved(whole, 1)]
    (tmp_path / "given.txt").write_text("\n".join(given), "utf-8")
    plan = of_texts(tmp_path, "{used: true, plus: given.txt}")
    assert plan.recipe.tokenizer.vocabulary is not None
    assert plan.recipe.tokenizer.vocabulary.plus == given, "the content is in the recipe, blanks included"
    assert plan_digest(load(str(tmp_path / "r.yaml"))) != plan_digest(load(str(tmp_path / "r.yaml"), [LESS]))
    of_whole, rows = (make_shard(plan, "train", 0).columns["input_ids"] for plan in (whole, plan))
    old, encoder = old_ids(plan), saved(plan)
    assert (old[rows] == of_whole).all()
    ids = plan.sources["texts"].documents(np.arange(2), np.zeros(2, np.int64), spans=False).tokens.values.tolist()
    assert encoder.encode(f"<row>{ROWS[0]}{EOS}<row>{ROWS[1]}{EOS}").ids == ids
    assert encoder.decode_batch([encoder.encode(text).ids for text in given[3:]]) == given[3:]
    as_they_stand_and_behind_a_space = plan.tokenizer.encode(["Walrus", " Walrus"])
    assert [plan.tokenizer.decode(ids) for ids in as_they_stand_and_behind_a_space] == ["Walrus", " Walrus"]
    assert plan.portable_recipe().tokenizer.vocabulary == VocabularySpec(used=old.size), "which needs no texts"


LESS = f"tokenizer.vocabulary.plus={json.dumps(ROWS)}"


def test_a_document_with_another_token_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = of_texts(tmp_path, "null")
    first, both = solved(whole, 0), [*solved(whole, 0), *solved(whole, 1)]

    def refusal(command: str, given: list[str]) -> str:
        of_texts(tmp_path, "null")
        plus = f"tokenizer.vocabulary={json.dumps({'plus': given})}"
        options = ["--executor", "inline", "--out", str(tmp_path / f"{len(given)}")] if command == "build" else []
        code = cli.run([command, str(tmp_path / "r.yaml"), "--set", plus, *options])
        assert code == {"build": 1, "plan": 2}[command]
        return capsys.readouterr().err

    assert "--set tokenizer.vocabulary: the token 'It' in the text \"It's Schr" in refusal("plan", both)
    monkeypatch.setattr("pipeline.sources.corpus.source.SAMPLE", 1)  # other rows are not looked at before they are made
    said = refusal("build", [*ROWS[1:], *both])
    assert said.startswith("RunError: shard 0 of train: source 'texts', item 0, exposure 0: the token 'A' in the text")
    assert said.endswith("is not in use. Add the text to `plus` of tokenizer.vocabulary, or leave it out.\n")
    assert "source 'problems', item " in (said := refusal("build", [*ROWS, *first]))
    assert ", exposure 1: the token ' " in said, "letters are drawn anew at each exposure"


# ── what else a tokenizer.json holds ────────────────────────────────────────────────────────────────────────────────


def test_ids_in_a_post_processor_are_those_of_the_reduced_tokenizer() -> None:
    backend = bpe("bytes", [(0, 1), (3, 2)])
    backend.add_special_tokens([AddedToken("<s>", special=True, normalized=False)])
    pairs = [(token, backend.token_to_id(token)) for token in ("<s>", EOS)]
    for processor in (
        processors.TemplateProcessing(single=f"<s> $A {EOS}", special_tokens=pairs),
        processors.Sequence([processors.ByteLevel(), processors.BertProcessing(pairs[1], pairs[0])]),
    ):
        backend.post_processor = processor
        whole = Tokenizer(backend, EOS)
        smaller, _ = reduced(whole, [*whole.encode(["ab abc"])[0].tolist(), whole.eos])
        expected = [smaller.token_to_id(backend.id_to_token(number)) for number in backend.encode("ab abc").ids]
        assert smaller.encode("ab abc").ids == expected
        assert smaller.decode(expected, skip_special_tokens=False) == f"<s>ab abc{EOS}"


def test_a_post_processor_that_names_no_token_of_the_model_is_refused() -> None:
    backend = bpe("bytes", [])
    backend.post_processor = processors.BertProcessing(("<sep>", 7), (EOS, 8))
    with pytest.raises(SpecError, match="it has no token '<sep>', which its post-processor adds"):
        reduced(Tokenizer(backend, EOS), [0])


def test_what_added_tokens_do_to_a_text_stays() -> None:
    backend = bpe("bytes", [(0, 1), (3, 2)])
    backend.add_tokens([AddedToken("bca", single_word=True), AddedToken("ca")])
    whole = Tokenizer(backend, EOS)
    smaller, ids = reduced(whole, {number for text in ("xbca", " ca") for number in whole.encode([text])[0].tolist()})
    for text in ("xbca", "ca", "xbca ca"):
        assert smaller.encode(text).ids == [ids[number] for number in whole.encode([text])[0].tolist()]


def test_words_that_are_looked_up_whole_can_be_reduced_too() -> None:
    backend = tokenizers.Tokenizer(models.WordLevel({"?": 0, "a": 1, "b": 2, "cc": 3, EOS: 4}, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    smaller, ids = reduced(Tokenizer(backend, EOS), [4, 3])
    assert (smaller.encode("cc b").tokens, ids) == (["cc", "?"], {3: 0, 4: 1})


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (models.WordPiece({"?": 0, EOS: 1}, unk_token="?"), "how a WordPiece model splits a word"),
        (models.Unigram([("?", 0.0), (EOS, 0.0)], 0), "how a Unigram model splits a word"),
        (models.WordLevel({"?": 0, EOS: 0}, unk_token="?"), "two tokens of the tokenizer have one id"),
    ],
)
def test_models_of_which_it_is_not_proved_are_refused(model: models.Model, says: str) -> None:
    with pytest.raises(SpecError, match=says) as caught:
        reduced(Tokenizer(tokenizers.Tokenizer(model), EOS), [0])
    assert caught.value.at == ("vocabulary",)


def test_the_model_is_at_fault_before_its_slow_path_is(tmp_path: Path) -> None:
    tokenizer("unigram").backend.save(str(tmp_path / "unigram.json"))
    with pytest.raises(RecipeError, match=r"r.yaml:1: tokenizer.vocabulary: how a Unigram model splits a word depends"):
        plan_at(tmp_path / "r.yaml", SMALL.replace("gpt2", "unigram.json"))


@pytest.mark.parametrize(
    "kind", usual(["cl100k", "o200k", "words", "mistral", "metaspace", "tekken"], "cl100k", "mistral")
)
def test_other_tokenizers_are_reduced_too(tmp_path: Path, kind: str) -> None:
    tokenizer(kind).backend.save(str(tmp_path / "t.json"))
    whole = plan_at(tmp_path / "r.yaml", SMALL.replace("{name: gpt2, vocabulary: used}", "t.json"))
    check_documents(whole, plan_at(tmp_path / "r.yaml", SMALL.replace("gpt2", "t.json")))


def test_an_added_token_that_a_text_has_as_ordinary_words_is_never_other_ids() -> None:
    backend = bpe("taken whole", [])
    backend.add_special_tokens([AddedToken("ab", special=True, normalized=False)])
    whole = Tokenizer(backend, EOS)
    checked = reduced_to([*whole.plain(["ab"])[0].ids, whole.eos, backend.token_to_id("ab")], whole)
    assert checked.encode(["ab"])[0].tolist() == [checked.backend.token_to_id("ab")]
    with pytest.raises(TokenizerError, match="reduced to the tokens in use, the tokenizer makes other tokens of 'ab'"):
        checked.plain(["ab"])
