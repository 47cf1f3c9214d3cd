"""Which token ids are whole characters: told from the bytes that they stand for, and not from how they are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.files import Files
from pipeline.core.key import Key
from pipeline.text.tokenizer import Tokenizer
from pipeline.text.tokenizer_loading import TokenizerSpec, load

CHARACTERS = st.text(st.sampled_from("ab é\N{REPLACEMENT CHARACTER}€😀🜁 <"), max_size=12)
SETTINGS = settings(derandomize=True, deadline=None, max_examples=60)


def gpt2() -> Tokenizer:
    return load(TokenizerSpec(), Files((), lambda _: Path(), Key.root(0)), marks=["[→]", "[é]"])


def with_byte_tokens() -> Tokenizer:
    """As Llama's: a character without a token is a token for each of its bytes."""
    words = ["<unk>", "<end>", "▁", "a", "b", "é", *(f"<0x{byte:02X}>" for byte in range(256))]
    model = tokenizers.models.BPE({w: i for i, w in enumerate(words)}, [], byte_fallback=True, unk_token="<unk>")
    backend = tokenizers.Tokenizer(model)
    backend.normalizer = tokenizers.normalizers.Replace(" ", "▁")
    steps = tokenizers.decoders
    backend.decoder = steps.Sequence([steps.Replace("▁", " "), steps.ByteFallback(), steps.Fuse()])
    backend.add_special_tokens(["<end>"])
    return Tokenizer(backend, "<end>")


@pytest.mark.parametrize("make", [gpt2, with_byte_tokens])
@given(text=CHARACTERS)
@SETTINGS
def test_a_text_is_text_and_its_beginning_is_where_no_character_is_cut(make, text: str):
    tokenizer = make()
    (encoding,) = tokenizer.encodings([text])
    assert tokenizer.decode(np.array(encoding.ids, np.int64)) == text
    for count in range(len(encoding.ids) + 1):
        inside = 0 < count < len(encoding.ids) and encoding.offsets[count][0] < encoding.offsets[count - 1][1]
        assert tokenizer.is_text(encoding.ids[:count]) is not inside
        assert tokenizer.is_text([tokenizer.eos, *encoding.ids[:count], tokenizer.eos]) is not inside
        if inside:
            assert "\N{REPLACEMENT CHARACTER}" in tokenizer.decode(np.array(encoding.ids[:count], np.int64))


@pytest.mark.parametrize("make", [gpt2, with_byte_tokens])
def test_a_broken_character_beside_a_replacement_character_is_no_text(make):
    tokenizer = make()
    (encoding,) = tokenizer.encodings(["\N{REPLACEMENT CHARACTER}🜁"])
    assert tokenizer.is_text(encoding.ids)
    assert not tokenizer.is_text(encoding.ids[:-1])
    assert not tokenizer.is_text(encoding.ids[-1:])


def test_an_added_token_is_what_is_shown_of_it():
    """The decoder takes é for the byte 0xE9, and an arrow for none."""
    tokenizer = gpt2()
    for mark, shown, whole in (("[→]", "[→]", True), ("[é]", "[\N{REPLACEMENT CHARACTER}]", False)):
        ids = tokenizer.ids_of([mark])
        assert (tokenizer.decode(ids), tokenizer.is_text(ids.tolist())) == (shown, whole)


def test_a_tokenizer_of_words_has_no_broken_characters():
    model = tokenizers.models.WordLevel({"<end>": 0, "\N{REPLACEMENT CHARACTER}": 1}, unk_token="<end>")
    assert Tokenizer(tokenizers.Tokenizer(model), "<end>").is_text([1, 1])
