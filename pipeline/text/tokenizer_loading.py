"""Makes the tokenizer of a recipe: GPT-2's, any tokenizer.json, a name on the Hugging Face Hub, or symbols only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

import tokenizers
from pydantic import (
    BeforeValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic import Field as Key_

from pipeline.core.errors import SpecError, specified_at
from pipeline.core.files import Files
from pipeline.core.spec import Spec, refused
from pipeline.text import gpt2
from pipeline.text.reduced_tokenizer import reduced
from pipeline.text.tokenizer import SYMBOLS, UNKNOWN, Tokenizer
from pipeline.text.tokenizer_json import MOST_IDS, from_file, from_hub, read_file
from pipeline.text.tokens_in_use import TokensInUse

_PAD = "<|pad|>"
_USUAL_PAD = (_PAD, "<pad>", "[PAD]", "<|finetune_right_pad_id|>")
_USUAL_EOS = ("<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "<|eot_id|>", "[SEP]")
_END = "<eos>"


class VocabularySpec(Spec):
    """The tokenizer is reduced to the tokens in use, which get the ids from 0 on; `used` alone stands for {used: true}.

    In use is what the recipe's documents can hold, in any split and at any exposure, special tokens included. What
    merges build these from comes behind, in no row. Documents stay, token for token. WordPiece and Unigram models are
    refused, and so are `codes` that are given as ids.
    """

    used: (
        Annotated[bool, WithJsonSchema({"type": "boolean", "const": True})] | Annotated[int, Key_(ge=1, le=MOST_IDS)]
    ) = Key_(
        True, description="true; or, of a tokenizer that is reduced already, how many of its ids are: build writes it."
    )
    plus: str | list[str] | None = Key_(
        None,
        description="More texts whose tokens are in use, a list or a file with one a line: for sources whose tokens are"
        " not known ahead. A document with any other token is refused when it is made.",
    )

    @field_validator("used")
    @classmethod
    def _never_false(cls, value: bool | int) -> bool | int:
        if value is False:
            raise refused("what is not in use cannot be chosen alone", "Leave `vocabulary` out: all tokens stay.")
        return value

    @model_validator(mode="after")
    def _reduced_once(self) -> Self:
        if self.plus is not None and self.used is not True:
            problem = "a tokenizer that is reduced already gets no more texts"
            raise refused(problem, "Name the whole one, with `used: true`.", among=[("plus",), ("used",)])
        return self

    def materialise(self, files: Files) -> Self:
        """The same with the texts of the file. SpecError if it cannot be read."""
        if not isinstance(self.plus, str):
            return self
        return self.model_copy(update={"plus": [line.text for line in files.whole_lines(self.plus, "plus")]})


def _vocabulary(value: Any) -> Any:
    if value == "used":
        return {}
    if value is not None and not isinstance(value, dict | VocabularySpec):
        raise refused("a vocabulary is that of the tokens in use", "Write used, or {used: true, plus: [a text]}.")
    return value


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
    vocabulary: Annotated[
        VocabularySpec | None,
        BeforeValidator(_vocabulary, json_schema_input_type=Literal["used"] | VocabularySpec),
    ] = Key_(None, description="used: reduced to the tokens that the recipe can produce. Default: all of them.")

    def materialise(self, files: Files) -> Self:
        """The same with the texts that it names. SpecError if they cannot be read."""
        if self.vocabulary is None:
            return self
        with specified_at("vocabulary"):
            vocabulary = self.vocabulary.materialise(files.child("vocabulary"))
        return self.model_copy(update={"vocabulary": vocabulary})


def load(spec: TokenizerSpec, files: Files, marks: Sequence[str] = (), symbols: Sequence[str] = ()) -> Tokenizer:
    """The tokenizer of a recipe, with the special tokens (`marks`) and symbols that the recipe and its sources add.

    Whole, where it is to be reduced to the tokens in use (`reduced_to` does that). SpecError if it cannot be loaded, or
    has no end token.
    """
    tokenizer = _whole(spec, files, marks, symbols)
    if spec.vocabulary is None:
        return tokenizer
    if not tokenizer.texts:
        raise SpecError(f"{SYMBOLS} has no tokens but those in use", "Leave it out.", ("vocabulary",))
    if spec.vocabulary.used is True:
        return tokenizer
    if spec.vocabulary.used > tokenizer.vocabulary:
        raise SpecError(
            f"{spec.vocabulary.used:,} ids are in use, and the tokenizer has {tokenizer.vocabulary:,}",
            "Name the reduced tokenizer, as recipe.yaml of the dataset does, or write `vocabulary: used`.",
            ("vocabulary", "used"),
            [("vocabulary", "used"), ("name",)],
        )
    return tokenizer.with_in_use(TokensInUse(spec.vocabulary.used))


def reduced_to(
    in_use: Iterable[int], whole: Tokenizer, marks: Sequence[str] = (), symbols: Sequence[str] = ()
) -> Tokenizer:
    """A tokenizer from `load`, reduced to the tokens in use, given by their ids. SpecError for an unsuitable model."""
    backend, ids = reduced(whole, in_use)
    pad = _pad(backend, whole.eos_token, frozenset([*marks, *symbols]))
    return Tokenizer(backend, whole.eos_token, pad_token=pad, in_use=TokensInUse(len(ids), whole, ids))


def _whole(spec: TokenizerSpec, files: Files, marks: Sequence[str], symbols: Sequence[str]) -> Tokenizer:
    added = tuple(dict.fromkeys([*spec.add, *marks]))
    if spec.name == SYMBOLS:
        return _of_symbols(added, symbols, spec.eos or _END, frozenset(marks))
    used = frozenset([*marks, *symbols])
    added = tuple(dict.fromkeys([*added, *symbols]))
    if spec.name == "gpt2":
        return _of_gpt2(added, spec.eos, used)
    return _with(from_file(spec.name, files) or from_hub(spec.name), spec.name, added, spec.eos, used)


def content_of(spec: TokenizerSpec, files: Files) -> str | None:
    """What a recipe's tokenizer is made from, beside its spec: a digest; None for one on the Hub, which may change.

    SpecError if its file cannot be read.
    """
    if spec.name in ("gpt2", SYMBOLS):
        return gpt2.VOCABULARY
    read = read_file(spec.name, files)
    return hashlib.sha256(read[0]).hexdigest() if read else None


@lru_cache(8)
def _of_gpt2(added: tuple[str, ...], eos: str | None, used: frozenset[str]) -> Tokenizer:
    """GPT-2's tokenizer, made once a process, as that takes as long as all the rest of a small plan."""
    return _with(gpt2.backend(), "gpt2", added, eos, used)


def _of_symbols(marks: Sequence[str], symbols: Sequence[str], eos: str, used: frozenset[str]) -> Tokenizer:
    """A tokenizer with one token for each symbol; text has blanks in between. The end token is 0, symbols are last."""
    special = list(dict.fromkeys([eos, UNKNOWN, *marks]))
    if not symbols:
        raise SpecError("no source has symbols", "Name another tokenizer, such as gpt2.", ("name",))
    for token in [*special, *symbols]:
        if not token or any(character.isspace() for character in token):
            raise SpecError(f"the token '{token}' has a blank in it", "They stand between tokens.", ("add",))
    words = {token: number for number, token in enumerate(dict.fromkeys([*special, *symbols]))}
    backend = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocab=words, unk_token=UNKNOWN))
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
    """Add special tokens; new ones get ids after all others."""
    backend.add_special_tokens([tokenizers.AddedToken(text, special=True, normalized=False) for text in texts])


def _pad(backend: tokenizers.Tokenizer, eos: str, used: frozenset[str]) -> str | None:
    """A special token to pad with that is not in `used`: one with a usual name, or a new one after all other ids.

    None if the new id is taken, or would not fit 16 bits though all others do. A new one gets a usual name, so loading
    the saved tokenizer gives the same one.
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
    """SpecError for a model that splits texts at random."""
    for option in ("dropout", "alpha", "nbest_size"):
        if value := getattr(backend.model, option, None):
            raise SpecError(
                f"the tokenizer '{name}' splits texts by chance ({option}: {value})",
                f"Take {option} out of the model in its tokenizer.json: the same text must give the same ids.",
                ("name",),
            )
