"""A tokenizer: texts to ids and back, and its properties. `tokenizer_loading.py` makes the tokenizer of a recipe."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from pipeline.core.errors import SpecError, TokenizerError
from pipeline.text.alphabet import Alphabet, kinds
from pipeline.text.byte_letters import bytes_of
from pipeline.text.seams.normalizers import Prefixing, inside, prefixing
from pipeline.text.tokens_in_use import TokensInUse

SYMBOLS = "symbols"  # the name of the tokenizer whose only tokens are the symbols of the sources
UNKNOWN = "<unk>"  # its token for anything else
MOST_SHOWN = 60  # characters of a text in a refusal
_ENCODING_ALL = "Give its model a token for what it does not know, or take another tokenizer."
_BYTE_TOKEN = re.compile("<0x([0-9A-Fa-f]{2})>")


class TokenizerFault(Exception):
    """An error of the tokenizers library; its text is the library's message."""


@contextmanager
def refusing_faults() -> Iterator[None]:
    """Turns every error of the tokenizers library inside into a TokenizerFault.

    The library raises Exception itself, or, for errors it did not expect, PanicException, which is no Exception.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__module__ == "pyo3_runtime":
            raise TokenizerFault(" ".join(str(error).split())) from None
        raise


class Tokenizer:
    """Texts to token ids, without adding special tokens; `eos` is the id that ends a document.

    dtype: uint16 if every id fits, else int32. texts: False if it has tokens for symbols only. pad_token: a special
    token that no row contains, for trainers that pad; None if no id is left for one. in_use: of a tokenizer that is
    reduced to the tokens in use, which these are; then no text with other tokens is encoded.
    """

    def __init__(
        self,
        backend: tokenizers.Tokenizer,
        eos: str,
        texts: bool = True,
        pad_token: str | None = None,
        in_use: TokensInUse | None = None,
    ) -> None:
        self.backend, self.eos_token, self.texts, self.pad_token, self.in_use = backend, eos, texts, pad_token, in_use
        backend.no_padding()
        backend.no_truncation()

    def with_in_use(self, in_use: TokensInUse) -> Tokenizer:
        """The same tokenizer, of whose tokens these are in use."""
        return Tokenizer(self.backend, self.eos_token, self.texts, self.pad_token, in_use)

    @cached_property
    def backend(self) -> tokenizers.Tokenizer:
        """The tokenizer of the library; after unpickling it is made when it is first used."""
        return tokenizers.Tokenizer.from_str(self._text)

    @cached_property
    def eos(self) -> int:
        """The id that ends a document."""
        number = self.backend.token_to_id(self.eos_token)
        assert number is not None, "load() checks it"
        return number

    @cached_property
    def unknown(self) -> int | None:
        """The id for text without a token; None if every text has tokens, or if it has symbols only."""
        model = self.backend.model
        if not self.texts:
            return None
        if not hasattr(model, "unk_token"):  # a Unigram model has the number, but no attribute for it
            number = self.description["model"].get("unk_id")
            return number if isinstance(number, int) else None
        return None if model.unk_token is None else self.backend.token_to_id(model.unk_token)

    @cached_property
    def vocabulary(self) -> int:
        """The size of the vocabulary: the largest id + 1."""
        return int(max(self.backend.get_vocab(with_added_tokens=True).values())) + 1

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint16 if self.vocabulary <= 2**16 else np.int32)

    @cached_property
    def added(self) -> tuple[tokenizers.AddedToken, ...]:
        """The added tokens, special or not, which are found in a text before the rest is tokenized."""
        return tuple(self.backend.get_added_tokens_decoder().values())

    @cached_property
    def special(self) -> tuple[str, ...]:
        """The texts of special tokens, which the text of a document may not contain."""
        return tuple(token.content for token in self.added if token.special)

    @cached_property
    def description(self) -> dict[str, Any]:
        """The tokenizer.json, as a dict."""
        loaded: dict[str, Any] = json.loads(self._text)
        return loaded

    @cached_property
    def prefixing(self) -> Prefixing:
        """Where it writes a blank of its own before a text."""
        return prefixing(self.description)

    @cached_property
    def inside(self) -> Tokenizer:
        """The tokenizer of text that stands behind other text, in its ids: itself, where it writes no such blank."""
        if not self.prefixing:
            return self
        backend = tokenizers.Tokenizer.from_str(json.dumps(inside(self.description)))
        in_use = self.in_use and self.in_use.inside
        return Tokenizer(backend, self.eos_token, self.texts, self.pad_token, in_use)

    @cached_property
    def _text(self) -> str:
        """The tokenizer.json."""
        return str(self.backend.to_str())

    def encodings(self, texts: Sequence[str]) -> list[Any]:
        """`tokenizers.Encoding` of each text (ids, character offsets).

        SpecError if it has symbols only, TokenizerError if it has no tokens for one of the texts, or for a part of it,
        or if one of these tokens is not in use.
        """
        if not self.texts:
            raise SpecError(
                f"the tokenizer {SYMBOLS} has no tokens for texts",
                "Name another, such as gpt2: it gets the symbols too.",
            )
        try:
            with refusing_faults():
                encodings = list(self.backend.encode_batch(list(texts), add_special_tokens=False))
            for text in () if self.alphabet.is_complete else texts:
                if character := self.alphabet.left_out(text):
                    raise TokenizerError(f"the tokenizer leaves {character!r} out of {_shown(text)}", _ENCODING_ALL)
            if self.in_use:
                self.in_use.check(texts, encodings, plain=self.backend.encode_special_tokens)
            return encodings
        except TokenizerFault:
            for text in texts:  # which of them it was
                try:
                    with refusing_faults():
                        self.backend.encode(text, add_special_tokens=False)
                except TokenizerFault as fault:
                    raise TokenizerError(
                        f"the tokenizer cannot encode {_shown(text)}: {fault}", _ENCODING_ALL
                    ) from None
            raise

    @cached_property
    def alphabet(self) -> Alphabet:
        """Which characters it has tokens for."""
        return Alphabet(self.backend)

    def plain(self, texts: Sequence[str]) -> list[Any]:
        """As `encodings`, for texts of anybody: the text of a special token is tokenized like any other text.

        SpecError if the tokenizer still finds its end token or pad token in a text (some models have these among their
        ordinary tokens), because the document would seem to end there.
        """
        self.backend.encode_special_tokens = True
        try:
            encodings = self.encodings(texts)
        finally:
            self.backend.encode_special_tokens = False
        for text, encoding in zip(texts, encodings, strict=True):
            if not self.reserved.isdisjoint(encoding.ids):
                begin, end = next(o for i, o in zip(encoding.ids, encoding.offsets, strict=True) if i in self.reserved)
                raise SpecError(
                    f"the tokenizer reads {text[begin:end]!r} in the text {text[max(begin - 30, 0) : end + 30]!r} as "
                    "the special token",
                    "Leave that text out, or take a tokenizer whose model does not have the token.",
                )
        return encodings

    @cached_property
    def reserved(self) -> frozenset[int]:
        """The ids of the end token and the pad token, which the text of nobody may have."""
        pad = self.backend.token_to_id(self.pad_token) if self.pad_token else None
        return frozenset({self.eos} if pad is None else {self.eos, pad})

    def encode(self, texts: Sequence[str]) -> list[NDArray[Any]]:
        """The ids of each text, as arrays of `dtype`."""
        return [np.array(encoding.ids, self.dtype) for encoding in self.encodings(texts)]

    def ids_of(self, tokens: Sequence[str]) -> NDArray[Any]:
        """The ids (n,) of n tokens, all of which it must have."""
        return np.array([self.backend.token_to_id(token) for token in tokens], self.dtype)

    def decode(self, ids: NDArray[Any]) -> str:
        """The text of some ids, including special tokens."""
        return str(self.backend.decode(ids.tolist(), skip_special_tokens=False))

    def decode_all(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """The text of each sequence of ids, as `decode` gives it."""
        return list(self.backend.decode_batch([list(row) for row in ids], skip_special_tokens=False))

    def is_text(self, ids: Sequence[int]) -> bool:
        """Whether ids are whole characters. (`decode` shows U+FFFD for other bytes, but for U+FFFD itself too.)"""
        tokens = [token for token in map(self.backend.id_to_token, ids) if token is not None]
        decoders = kinds(self.description["decoder"])
        if "ByteFallback" in decoders:  # tokens such as <0xE2> are one byte each; all others are text
            runs = groupby((_BYTE_TOKEN.fullmatch(token) for token in tokens), key=bool)
            parts = [bytes(int(byte[1], 16) for byte in run if byte) for is_byte, run in runs if is_byte]
        else:  # bytes are written as certain characters; a token with any other character is text
            parts = [b"".join(map(bytes_of, tokens))] if "ByteLevel" in decoders else []
        return all(map(_is_utf8, parts))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the tokenizer and its end token, wherever it was loaded from."""
        return hash_of_tokenizer(self._text, self.eos_token)

    def files(self) -> dict[str, str]:
        """File name → text of the files that `AutoTokenizer` and `tokenizers` need to load it."""
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": self.eos_token,
            **({"pad_token": self.pad_token} if self.pad_token else {}),
            **({} if self.texts else {"unk_token": UNKNOWN}),
            "clean_up_tokenization_spaces": False,
            "model_max_length": 10**9,
        }
        return {
            "tokenizer.json": self._text,
            "tokenizer_config.json": json.dumps(config, indent=2) + "\n",
        }

    def __getstate__(self) -> dict[str, Any]:
        names = ("_text", "eos_token", "texts", "pad_token", "in_use", "eos", "vocabulary", "content_hash")
        return {name: getattr(self, name) for name in names}


def hash_of_tokenizer(text: str, eos: str) -> str:
    """SHA-256 of a tokenizer.json and the end token."""
    return hashlib.sha256(f"{text}\0{eos}".encode()).hexdigest()


def _shown(text: str) -> str:
    """A text for a refusal, in quotes."""
    return repr(text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
