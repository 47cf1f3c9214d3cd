"""Seams of tokenizers that normalize text, or merge it whole: what is proved holds, and what does not is not proved.

The oracle is the tokenizer itself, on whole documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.text.fragments import Fragments
from pipeline.text.outline import Outline
from pipeline.text.pieces import UNSPACED, Piece, Texts, literal, special
from pipeline.text.render_and_encode import Rendered
from pipeline.text.renderer import compile_programs
from pipeline.text.seams.merge_seams import seams_of
from pipeline.text.seams.normalizers import begins
from pipeline.text.tokenizer import Tokenizer
from tests.encoders import EOS, tokenizer

WHOLE = ("llama", "mistral", "metaspace", "gemma")
KINDS = (*WHOLE, "tekken", "nfc", "nfkc", "bert", "clip")
BACK = "[BACK]"


@cache
def marked(kind: str) -> Tokenizer:
    """A tokenizer with a special token of a recipe."""
    backend = tokenizers.Tokenizer.from_str(tokenizer(kind).backend.to_str())
    backend.add_special_tokens([tokenizers.AddedToken(BACK, special=True, normalized=False)])
    return Tokenizer(backend, EOS)


# ── documents of several programs ───────────────────────────────────────────────────────────────────────────────────

NAMES = Texts(("Anya", "D.C.", "Élodie", "Łukasz", "ﬁ", "O'Neil", "12", "他出", "x"))
PROGRAMS = (
    [Piece(NAMES, 1, 1), literal(" was born in"), Piece(Texts((" Oslo", " 20", " Ōsaka")), 2, 2), literal(".")],
    [literal("In "), Piece(NAMES, 1, 1), literal("'s case (“"), Piece(NAMES, 1, 1), literal("”), yes!")],
    [special(BACK)],
    [UNSPACED, Piece(NAMES, 1, 1), literal("-"), Piece(Texts(("1", "22", "b")), 2, 2), literal(" x.")],
    [UNSPACED, literal("他出生于"), Piece(Texts(("1986", "奥斯陆", "Bergen")), 2, 2), literal("。")],
)


GROUPS = {
    "spaced": (PROGRAMS[:3], KINDS),
    "all": (PROGRAMS, ("nfc", "nfkc", "bert", "clip")),
    "unspaced": (PROGRAMS[4:], (*WHOLE, "nfc", "nfkc", "bert", "clip")),
    "behind a mark": ([PROGRAMS[2], PROGRAMS[4]], (*WHOLE, "nfc", "nfkc", "bert", "clip")),
}


@pytest.mark.parametrize("prefix", [None, special(BACK), literal("Said:")], ids=["none", "special", "text"])
@pytest.mark.parametrize(("group", "kind"), [(group, kind) for group, (_, kinds) in GROUPS.items() for kind in kinds])
def test_documents_spans_and_parts_are_those_of_the_whole_text(group: str, kind: str, prefix: Piece | None) -> None:
    programs, encoder = GROUPS[group][0], marked(kind)
    if group != "spaced" and kind in WHOLE and prefix is not None and not prefix.special:
        prefix = literal("Said。")  # a word of the vocabulary may go on with a letter behind a colon
    fast, notices = compile_programs(programs, encoder, 3, prefix)
    assert isinstance(fast, Fragments), notices
    slow = Rendered(tuple(map(tuple, programs)), encoder, prefix)
    order = np.array(np.meshgrid(*[range(len(programs))] * 3), np.int32).reshape(3, -1).T.copy()
    order = np.tile(order, (-(-27 // len(order)), 1))
    rows = np.column_stack([np.zeros(len(order)), np.arange(len(order)) % 9, np.arange(len(order)) % 3])
    outline = Outline.table(order, rows.astype(np.int32), np.array([0, 1, 2], np.uint8))
    most = int(fast.longest.max()) * 3 + len(fast.prefix) + 1
    got = fast.documents(len(order), most, outline.slice, spans=True, parts=True)
    expected = slow.documents(len(order), None, outline.slice, spans=True, parts=True)
    for name in ("tokens", "spans", "parts"):
        ours, theirs = getattr(got, name), getattr(expected, name)
        assert ours.offsets.tolist() == theirs.offsets.tolist(), name
        assert ours.values.tolist() == theirs.values.tolist(), name
    assert fast.lengths(len(order), outline.slice).tolist() == expected.tokens.lengths.tolist()


@pytest.mark.parametrize("kind", [*WHOLE, "bert"])
def test_expected_lengths_are_those_of_all_documents(kind: str) -> None:
    fast, _ = compile_programs(PROGRAMS[:2], marked(kind), 3)
    assert isinstance(fast, Fragments)
    rows = np.array([[0, name, place] for name in range(len(NAMES)) for place in range(3)], np.int32)
    outline = Outline.table(np.tile(np.array([0, 1], np.int32), (len(rows), 1)), rows)
    lengths = fast.lengths(len(rows), outline.slice)
    likely = {0: [Fraction(1)], 1: [Fraction(1, len(NAMES))] * len(NAMES), 2: [Fraction(1, 3)] * 3}
    if fast.around is None:  # a vocabulary may have another token for a name behind two blanks
        assert kind == "llama"
    else:
        assert fast.around + sum(fast.mean_lengths(likely.__getitem__)) == Fraction(int(lengths.sum()), len(rows))


# ── any texts ───────────────────────────────────────────────────────────────────────────────────────────────────────

CHARACTERS = [
    "a",
    "Z",
    "é",
    "한",
    "他",
    " ",
    " ",
    "9",
    ".",
    "'",
    "s",
    "▁",
    "\n",
    "ﬁ",
    "´",
    "e\u0301",
    "\u0301",
    "\u1161",
]
TEXTS = st.lists(st.sampled_from([*CHARACTERS, " born", " in", "Boston", "\u200b", "😀"]), min_size=1, max_size=4)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(texts=st.lists(TEXTS.map("".join), min_size=2, max_size=5), kind=st.sampled_from(KINDS))
def test_texts_of_which_each_may_be_cut_from_the_next_have_the_tokens_of_the_whole(texts: list[str], kind: str) -> None:
    encoder, seams = tokenizer(kind), seams_of(tokenizer(kind))
    pieces = [Texts((text,)) for text in texts]
    if not all(seams.cut(left, right) for left, right in pairwise(pieces)):
        return
    whole, *apart = (encoding.ids for encoding in encoder.inside.encodings(["".join(texts), *texts]))
    assert whole == [token for ids in apart for token in ids]
    if len(texts[0]) == 1 and seams.cut_at_beginning(*pieces[:2]):
        whole, first = (encoding.ids for encoding in encoder.encodings(["".join(texts), texts[0]]))
        assert whole == [*first, *(token for ids in apart[1:] for token in ids)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_space_before_a_word_is_a_seam_behind_any_word(kind: str) -> None:
    seams = seams_of(tokenizer(kind))
    assert seams.cut(Texts(("Anya", "他", "1986", "(“", "D.C.")), Texts((" was", " 12", " “é", " 他", " .")))


@pytest.mark.parametrize(
    ("left", "right", "kinds"),
    [
        ("e", "\u0301", ("nfc", "nfkc", "bert", "clip")),  # é
        ("e", "\uff9e", ("nfkc",)),  # of half width
        ("ᄒ", "\u1161", ("nfc", "nfkc")),  # 하
        ("Bost", "on", (*WHOLE, "bert", "clip", "nfc")),
        ("a", "\u200bb", ("bert",)),  # nothing is left of the first
        ("a", "\u200b", ("bert",)),
        ("▁", " a", WHOLE),  # two blanks, which are a token
        ("a ", "b", KINDS),
        ("a", "\nb", KINDS),
    ],
)
def test_no_seam_is_seen_where_both_sides_join(left: str, right: str, kinds: tuple[str, ...]) -> None:
    assert not [kind for kind in kinds if seams_of(tokenizer(kind)).cut(Texts((left,)), Texts((right,)))]


def test_a_character_that_composes_with_the_one_before_begins_no_piece() -> None:
    joining = ["\u0301", "\u1161", "\u11a8", "\u3099", "\uff9e", "\u09be", "\U00011127"]
    assert not [text for text in joining if begins(text)]
    assert all(map(begins, ["a", " a", "é", "한", "ᄀ", "他", "😀", "´"]))
    assert not begins("")


# ── what is not proved, and why ─────────────────────────────────────────────────────────────────────────────────────


def changed(kind: str, change: Callable[[dict[str, Any]], None]) -> Tokenizer:
    described = json.loads(tokenizer(kind).backend.to_str())
    change(described)
    return Tokenizer(tokenizers.Tokenizer.from_str(json.dumps(described)), EOS)


def joined_over_a_blank(described: dict[str, Any]) -> None:
    described["model"]["vocab"]["n▁t"] = len(described["model"]["vocab"])
    described["model"]["merges"].append(["n", "▁t"])


def without_a_byte(described: dict[str, Any]) -> None:
    model = described["model"]
    model["vocab"]["other"] = model["vocab"].pop("<0x41>")


def stripped(described: dict[str, Any]) -> None:
    described["normalizer"] = {"type": "Strip", "strip_left": True, "strip_right": True}


def prepended(described: dict[str, Any]) -> None:
    described["normalizer"] = {"type": "Prepend", "prepend": "'"}


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        *((kind, joined_over_a_blank, "'n▁t' has a blank inside") for kind in WHOLE),
        ("llama", without_a_byte, "fuse_unk"),
        ("mistral", lambda d: d["model"].update(ignore_merges=True), "ignore_merges"),
        ("bert", stripped, "normalizer .Strip."),
        ("nfc", prepended, "something of its own before a text"),
        ("nfc", lambda d: d["added_tokens"][0].update(normalized=True), "found in normalized text"),
        ("unigram", lambda d: None, "pre-tokenizer"),
    ],
)
def test_a_tokenizer_without_a_proof_is_refused_with_the_reason(
    kind: str, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    assert re.search(reason, seams_of(changed(kind, change)).unprovable)
