"""Texts to ids by either engine: always those of `tokenizers`; how that is proved, and what is refused."""

from __future__ import annotations

import json
import pickle
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers

from pipeline.core.documents import Ragged, offsets_of
from pipeline.core.errors import SpecError, TokenizerError
from pipeline.core.system.work_warnings import collected
from pipeline.text.encoding import engines, fast_encoder, proof
from pipeline.text.encoding.engines import Exact, Fast
from pipeline.text.encoding.fast_encoder import FastEncoder
from pipeline.text.encoding.proof import proved
from pipeline.text.tokenizer import Tokenizer
from pipeline.text.tokenizer_loading import reduced_to
from tests import encoders

WORDS = [
    "a",
    "river",
    "Ünï",
    "東京",
    "1234",
    "don't",
    "x=1;",
    "😀",
    "مرحبا",
    "\n",
    "\t",
    "<|endoftext|>",
    "</s>",
    "e\u0301",
    "▁",
]


@cache
def texts() -> list[str]:
    """Two thousand random texts of words and single characters of all kinds, with random blanks; some are empty."""
    rng = np.random.default_rng(3)
    characters = [*range(1, 0x250), *range(0x370, 0x500), *range(0x3040, 0x30FF), *range(0x1F600, 0x1F64F)]
    pieces = [*WORDS * 20, *map(chr, characters)]
    counts = rng.integers(0, 30, 2000)
    return ["".join(pieces[i] + " " * (i % 3) for i in rng.integers(0, len(pieces), count)) for count in counts]


@cache
def made(kind: str) -> Tokenizer:
    """A tokenizer of tests/encoders.py; or sentencepiece, with byte fallback, or wordpiece."""
    if kind == "sentencepiece":
        pieces = [
            "<unk>",
            "</s>",
            *(f"<0x{byte:02X}>" for byte in range(256)),
            "▁",
            *"ariverdon'tx=1;234",
            "▁a",
            "ri",
            "▁ri",
        ]
        vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
        merges = [("▁", "a"), ("r", "i"), ("▁", "ri")]
        model: Any = models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
        backend = tokenizers.Tokenizer(model)
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
        backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
        backend.add_special_tokens(["</s>"])
        return Tokenizer(backend, "</s>")
    if kind == "wordpiece":
        words = {word: number for number, word in enumerate(["[UNK]", "[SEP]", "a", "river", "##r", "r", "##iver"])}
        backend = tokenizers.Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.add_special_tokens(["[SEP]"])
        return Tokenizer(backend, "[SEP]")
    return encoders.tokenizer(kind)


def one_by_one(tokenizer: Tokenizer, some: list[str], *, plain: bool = True) -> list[list[int]]:
    """The ids of each text, as `tokenizers` encodes it alone."""
    tokenizer.backend.encode_special_tokens = plain
    ids = [tokenizer.backend.encode(text, add_special_tokens=False).ids for text in some]
    tokenizer.backend.encode_special_tokens = False
    return ids


def rows(ids: Ragged) -> list[list[int]]:
    return [ids.values[a:b].tolist() for a, b in zip(ids.offsets[:-1], ids.offsets[1:], strict=True)]


def arrow(some: list[str]) -> Any:
    """As Arrow, in the middle of a longer array."""
    return pa.array(["before", *some, "behind"], pa.large_string()).slice(1, len(some))


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


class Liar:
    """gigatoken, but for the documents that have a certain word."""

    name = "gigatoken"

    def __init__(self, tokenizer: Tokenizer, word: str = "river", *, plain: bool = True) -> None:
        self._engine, self._word, self.calls = Fast(tokenizer, plain=plain), word, 0

    def ids(self, some: Any, *, parallel: bool = False) -> Ragged:
        self.calls += 1
        right = rows(self._engine.ids(some))
        wrong = [
            [0, *ids] if self._word in text else ids for ids, text in zip(right, engines.listed(some), strict=True)
        ]
        flat = np.array([number for ids in wrong for number in ids], np.uint16)
        return Ragged(flat, offsets_of(np.array(list(map(len, wrong)), np.int64)))


# ── the same ids ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["gpt2", "o200k", "nfc", "sentencepiece", "wordpiece", "letters"])
def test_ids_are_those_of_tokenizers_text_by_text(kind: str) -> None:
    tokenizer = made(kind)
    encoder = FastEncoder.of(tokenizer)
    assert (encoder.verdict.release is None) == (kind in ("wordpiece", "letters"))
    expected = one_by_one(tokenizer, texts())
    for given in (texts(), arrow(texts())):
        ids = encoder.ids(given)
        assert rows(ids) == expected
        assert ids.values.dtype == tokenizer.dtype
        assert ids.offsets.dtype == np.int64
    for few in ([], [""], ["", "a", ""]):
        assert rows(encoder.ids(few)) == rows(encoder.ids(arrow(few))) == one_by_one(tokenizer, few)
    assert rows(encoder.ids(texts(), parallel=True)) == expected


@pytest.mark.parametrize("kind", ["o200k", "sentencepiece"])
def test_the_text_of_a_special_token_is_text_or_the_token_as_asked(kind: str) -> None:
    tokenizer = made(kind)
    some = [text for text in texts() if tokenizer.eos_token in text]
    assert len(some) > 50
    by_mode = {}
    for plain in (True, False):
        encoder = FastEncoder.of(tokenizer, plain=plain)
        assert encoder.verdict.release
        by_mode[plain] = rows(encoder.ids(some))
        assert by_mode[plain] == one_by_one(tokenizer, some, plain=plain)
    assert all(tokenizer.eos not in ids for ids in by_mode[True])
    assert all(tokenizer.eos in ids for ids in by_mode[False])


@pytest.mark.parametrize("kind", ["gpt2", "cl100k", "qwen2", "nfc"])
def test_characters_that_are_new_in_unicode_are_left_to_tokenizers(kind: str) -> None:
    """What gigatoken 0.10 takes for letters, and tokenizers 0.23 does not."""
    some = [f"{text}{new}'s 1{new}" for text in texts()[:40] for new in ("\U00032a8e", "\U0003335f", "\u0378", "")]
    encoder = FastEncoder.of(made(kind))
    assert encoder._fast is not None
    expected = one_by_one(made(kind), some)
    assert rows(encoder.ids(some)) == rows(encoder.ids(arrow(some))) == expected
    ascii_mostly = ["plain"] * 500 + some[:9]  # few of them are looked at
    assert rows(encoder.ids(arrow(ascii_mostly))) == one_by_one(made(kind), ascii_mostly)


def test_an_encoder_is_sent_without_its_engine_and_another_release_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoder = FastEncoder.of(made("o200k"))
    expected = rows(encoder.ids(texts()[:50]))
    sent = pickle.loads(pickle.dumps(encoder))
    assert rows(sent.ids(texts()[:50])) == expected
    assert isinstance(sent._fast, Fast)
    monkeypatch.setattr(proof, "release", lambda: "99")
    other = pickle.loads(pickle.dumps(encoder))
    assert other._fast is None
    assert rows(other.ids(texts()[:50])) == expected


def test_what_gigatoken_remembers_is_forgotten_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, memory = Fast(made("o200k"), plain=True), iter(range(0, 10**6, 60))
    monkeypatch.setattr(engines, "own_memory", lambda: next(memory))
    monkeypatch.setattr(engines, "LOOK", 1)
    monkeypatch.setattr(engines, "MOST_GROWTH", 100)
    engine._load()
    first, loaded = engine._encoder, set[int]()
    for _ in range(10):
        assert rows(engine.ids(texts()[:5])) == one_by_one(made("o200k"), texts()[:5])
        loaded.add(id(engine._encoder))
    assert engine._encoder is not first
    assert len(loaded) > 2


# ── proofs ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_at_the_first_difference_tokenizers_goes_on_for_good_and_names_the_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokenizer = made("o200k")
    encoder, liar = FastEncoder.of(tokenizer), Liar(tokenizer)
    encoder.__dict__["_fast"] = liar
    monkeypatch.setattr(fast_encoder, "COMPARED", 7)
    numbers = np.arange(len(texts()))
    both = fast_encoder.bits(fast_encoder._CHOICE, numbers) % np.uint64(7) == 0
    named = next(i for i in numbers.tolist() if both[i] and "river" in texts()[i])
    with collected() as lines:
        assert rows(encoder.ids(arrow(texts()), numbers)) == one_by_one(tokenizer, texts())
        assert rows(encoder.ids(texts(), numbers)) == one_by_one(tokenizer, texts())
    assert liar.calls == 1
    (line,) = lines
    assert f"document {named} " in line
    assert "river" in line


def test_one_document_in_a_thousand_is_compared_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, seen = FastEncoder.of(made("o200k")), list[str]()
    exact = Exact(made("o200k"), plain=True)
    encoder.__dict__["_exact"] = type("Noted", (), {"ids": lambda _, some: (seen.extend(some), exact.ids(some))[1]})()
    numbered = [f"number {i}" for i in range(20_000)]
    encoder.ids(numbered, np.arange(20_000))
    assert 5 < len(seen) < 40
    together, seen[:] = sorted(seen), []
    for first in range(0, 20_000, 3000):
        encoder.ids(numbered[first : first + 3000], np.arange(first, min(first + 3000, 20_000)))
    assert sorted(seen) == together


def test_an_engine_that_fails_is_left_with_a_warning() -> None:
    class Broken:
        name = "gigatoken"

        def ids(self, some: Any, *, parallel: bool = False) -> Ragged:
            raise engines.TokenizerFault("out of order")

    encoder = FastEncoder.of(made("o200k"))
    encoder.__dict__["_fast"] = Broken()
    with collected() as lines:
        assert rows(encoder.ids(texts()[:20])) == one_by_one(made("o200k"), texts()[:20])
    assert "out of order" in lines[0]


def test_a_text_that_neither_can_encode_is_refused_and_gigatoken_stays() -> None:
    encoder = FastEncoder.of(made("o200k"))
    with collected() as lines, pytest.raises(TokenizerError, match="cannot encode"):
        encoder.ids(["fine", "half a character: \ud800"])
    assert lines == []
    assert encoder.verdict.stands


def test_a_warning_that_nobody_collects_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    encoder = FastEncoder.of(made("o200k"))
    encoder.__dict__["_fast"] = Liar(made("o200k"))
    chosen = np.flatnonzero(fast_encoder.bits(fast_encoder._CHOICE, np.arange(10_000)) % np.uint64(1000) == 0)[:1]
    encoder.ids(["a river"], chosen)
    assert capsys.readouterr().err.startswith(f"warning: gigatoken encodes document {chosen[0]} otherwise")


@pytest.mark.parametrize(
    ("word", "sample"), [("Ελληνικά Кир", ()), ("rainbow", ([["no"] * 3, ["a rainbow"]],)), ("camelCase", ())]
)
def test_a_difference_in_the_proof_keeps_gigatoken_out_and_is_shown(
    word: str, sample: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "Fast", lambda tokenizer, plain: Liar(tokenizer, word, plain=plain))
    verdict = proved(made("o200k"), plain=True, sample=lambda: sample[0] if sample else ())
    assert verdict.release is None
    assert word in verdict.notice
    assert str(verdict.notice).startswith("tokenizers encodes it")


def test_the_proof_is_kept_for_the_tokenizer_and_the_mode_and_a_sample_for_its_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = list[tuple[str, bool, int]]()

    def compared(tokenizer: Tokenizer, plain: bool, batches: Any) -> str:
        asked.append((tokenizer.content_hash, plain, sum(map(len, batches))))
        return ""

    monkeypatch.setattr(proof, "_compared", compared)
    few = [["one", "two"], ["three"]]
    for _ in range(2):
        monkeypatch.setattr(proof, "_AGREED", set())  # as in another process
        for kind in ("cl100k", "o200k"):
            for plain in (True, False):
                assert proved(made(kind), plain=plain).release
                for about in (["one"], ["other"]):
                    assert proved(made(kind), plain=plain, about=about, sample=lambda: few).release
    assert len([count for *_, count in asked if count == 3]) == 8
    assert len([count for *_, count in asked if count > 1000]) == 4
    assert len(asked) == 12


def test_a_proof_is_made_again_where_it_was_of_others_or_damaged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = list[str]()
    monkeypatch.setattr(proof, "_compared", lambda tokenizer, plain, batches: asked.append(tokenizer.eos_token) or "")

    def prove(times: int) -> None:
        del asked[:]
        for _ in range(2):
            monkeypatch.setattr(proof, "_AGREED", set())
            assert proved(made("o200k"), plain=True).release
        assert len(asked) == times

    prove(1)
    prove(0)
    for name, other in (("release", lambda: "99"), ("_sources", lambda: "other")):
        with monkeypatch.context() as changed:
            changed.setattr(proof, name, other)
            prove(1)
    for kept in (tmp_path / "cache" / "pretraining-recipes" / "files").glob("*.proof"):
        kept.write_bytes(b"agreed")
    prove(1)


def test_what_a_sample_refutes_is_refuted_for_that_corpus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "Fast", lambda tokenizer, plain: Liar(tokenizer, "rainbow", plain=plain))
    for _ in range(2):
        one = proved(made("o200k"), plain=True, about=["one"], sample=lambda: [["a rainbow"]])
        assert one.release is None
        assert "'a rainbow'" in one.reason
        assert proved(made("o200k"), plain=True, about=["other"], sample=lambda: [["a river"]]).stands


def test_what_a_build_refutes_is_refuted_for_the_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    of_one, of_other = (FastEncoder.of(made("o200k"), about=[name], sample=lambda: [["a"]]) for name in ("one", "two"))
    of_one.__dict__["_fast"] = Liar(made("o200k"))
    chosen = np.flatnonzero(fast_encoder.bits(fast_encoder._CHOICE, np.arange(10_000)) % np.uint64(1000) == 0)[:1]
    with collected():
        of_one.ids(["a river"], chosen)
    assert not of_other.verdict.stands
    monkeypatch.setattr(proof, "_REFUTED", {})  # as in another process
    assert not of_other.verdict.stands
    later = proved(made("o200k"), plain=True)
    assert later.release is None
    assert f"that was wrong in a build: gigatoken encodes document {chosen[0]} otherwise" in later.reason
    assert proved(made("o200k"), plain=False).stands


def test_without_gigatoken_everything_works_and_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gigatoken", None)
    monkeypatch.setattr(proof, "release", lambda: None)
    encoder = FastEncoder.of(made("o200k"))
    assert rows(encoder.ids(arrow(texts()[:100]))) == one_by_one(made("o200k"), texts()[:100])
    assert encoder._fast is None
    assert engines.INSTALL in encoder.notices[0]


# ── what is refused ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_text_in_which_the_model_finds_the_end_token_is_refused() -> None:
    described = json.loads(made("o200k")._text)
    described["model"]["vocab"] |= {"end": 2000}
    described["model"]["merges"] = [["e", "n"], ["en", "d"], *described["model"]["merges"]]
    described["model"]["vocab"] |= {"en": 2001}
    described["added_tokens"] = [{**described["added_tokens"][0], "content": "end", "id": 2000}]
    tokenizer = Tokenizer(tokenizers.Tokenizer.from_str(json.dumps(described)), "end")
    encoder = FastEncoder.of(tokenizer)
    assert rows(encoder.ids(["a river"])) == one_by_one(tokenizer, ["a river"])
    with pytest.raises(SpecError, match=r"reads 'end' in the text 'end'"):
        encoder.ids(["a", "end", "b"])


@pytest.mark.parametrize("bytes_", [True, False])
def test_a_text_of_which_the_model_leaves_something_out_is_refused(bytes_: bool) -> None:
    backend = tokenizers.Tokenizer(models.BPE({"a": 0, "b": 1, "<eos>": 2, "Ġ": 3}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False) if bytes_ else None
    backend.add_special_tokens(["<eos>"])
    encoder = FastEncoder.of(Tokenizer(backend, "<eos>"))
    assert rows(encoder.ids(arrow(["ab", "", "ba"]))) == [[0, 1], [], [1, 0]]
    for given in (["a", "aqb"], arrow(["a", "aqb"])):
        with pytest.raises(TokenizerError, match=r"leaves 'q' out of 'aqb'"):
            encoder.ids(given)


def test_a_token_that_is_not_in_use_is_refused() -> None:
    whole = made("gpt2")
    kept = sorted({number for ids in one_by_one(whole, ["a river", " river a"]) for number in ids} | {whole.eos})
    reduced = reduced_to(kept, whole)
    encoder = FastEncoder.of(reduced)
    assert rows(encoder.ids(["a river", " river a"])) == one_by_one(reduced, ["a river", " river a"])
    with pytest.raises(TokenizerError, match=r"the token ' lake' in the text 'a lake' is not in use"):
        encoder.ids(["a river", "a lake"])
