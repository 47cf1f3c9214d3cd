"""Tokenizers of every kind that matters to seams, small enough to be made on the spot."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from pipeline.core.files import Files
from pipeline.core.key import Key
from pipeline.text.tokenizer import Tokenizer
from pipeline.text.tokenizer_loading import TokenizerSpec, load

CL100K = "|".join(
    [
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
QWEN2 = CL100K.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
EOS = "<|endoftext|>"
UNK = "<unk>"


@cache
def tokenizer(kind: str) -> Tokenizer:
    """gpt2, or one trained on our templates and values: cl100k, o200k, qwen2, nfc, words, letters, unigram."""
    if kind == "gpt2":
        return load(TokenizerSpec(), Files((), lambda _: Path(), Key.root(0)))
    backend = tokenizers.Tokenizer(
        models.Unigram() if kind == "unigram" else models.BPE(unk_token=UNK if kind == "words" else None)
    )
    if kind in ("cl100k", "o200k", "qwen2"):
        pattern = {"cl100k": CL100K, "o200k": O200K, "qwen2": QWEN2}[kind]
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
        backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
        backend.decoder = decoders.ByteLevel()
    elif kind == "nfc":
        backend.normalizer = normalizers.NFC()
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    elif kind == "words":
        backend.pre_tokenizer = pre_tokenizers.Whitespace()
    elif kind == "unigram":
        backend.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
        backend.decoder = decoders.Metaspace(split=False)
    elif kind == "letters":  # a pattern that leaves digits uncut: "1 2" is one word
        split = pre_tokenizers.Split(Regex(r" ?\p{L}+"), "isolated")
        backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
        backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if kind == "unigram":
        trainer: trainers.Trainer = trainers.UnigramTrainer(
            vocab_size=800, special_tokens=[EOS, UNK], unk_token=UNK, show_progress=False
        )
    else:
        trainer = trainers.BpeTrainer(
            vocab_size=2000,
            special_tokens=[EOS, UNK][: 1 + (kind == "words")],
            initial_alphabet=alphabet,
            show_progress=False,
        )
    root = Path(__file__).parents[1]
    texts = [path.read_text() for folder in ("templates", "recipes") for path in sorted((root / folder).rglob("*.*"))]
    lines = [line for text in texts for line in text.splitlines()]
    backend.train_from_iterator(lines[::16] if kind == "unigram" else lines, trainer)  # that model is slow to train
    return Tokenizer(backend, EOS)
