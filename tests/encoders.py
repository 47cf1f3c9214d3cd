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
TEKKEN = O200K.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "").replace("{1,3}", "")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
PATTERNS = {"cl100k": CL100K, "o200k": O200K, "qwen2": QWEN2, "tekken": TEKKEN, "llama3": CL100K}
TIKTOKEN = ("tekken", "llama3")
SENTENCEPIECE = ("llama", "mistral", "metaspace", "gemma")
EOS = "<|endoftext|>"
UNK = "<unk>"


@cache
def tokenizer(kind: str) -> Tokenizer:
    """gpt2, or one trained on our templates and values.

    Byte-level: cl100k, o200k, qwen2; as converted from tiktoken, llama3 and tekken; behind a normalizer, nfc and nfkc.
    Merged whole, as SentencePiece does: llama (`Prepend`), mistral (Metaspace at the beginning of a text), metaspace
    (before each stretch, cut at blanks), gemma (nowhere). Others: bert, clip, words, letters, unigram.
    """
    if kind == "gpt2":
        return load(TokenizerSpec(), Files((), lambda _: Path(), Key.root(0)))
    backend = tokenizers.Tokenizer(
        models.Unigram() if kind == "unigram" else models.BPE(unk_token=UNK if kind == "words" else None)
    )
    if kind in SENTENCEPIECE:
        return Tokenizer(_sentencepiece(kind), EOS)
    if kind == "bert":
        return Tokenizer(_bert(), EOS)
    if kind in PATTERNS:
        split = pre_tokenizers.Split(Regex(PATTERNS[kind]), "isolated")
        backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
        backend.decoder = decoders.ByteLevel()
    elif kind == "clip":
        backend.model = models.BPE(unk_token=EOS, end_of_word_suffix="</w>", continuing_subword_prefix="")
        steps = [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        backend.normalizer = normalizers.Sequence(steps)
        split = pre_tokenizers.Split(Regex(CLIP), "removed", invert=True)
        backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    elif kind in ("nfc", "nfkc"):
        backend.normalizer = normalizers.NFC() if kind == "nfc" else normalizers.NFKC()
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
            **({"end_of_word_suffix": "</w>"} if kind == "clip" else {}),
        )
    backend.train_from_iterator(_lines()[:: 16 if kind == "unigram" else 1], trainer)  # that model is slow to train
    if kind in TIKTOKEN:  # whole words are looked up first, and every way to make a token of two is a merge
        numbers = backend.get_vocab(with_added_tokens=False)
        backend.model = models.BPE(numbers, _merges(numbers, {EOS}), ignore_merges=True)
    return Tokenizer(backend, EOS)


def _merges(numbers: dict[str, int], special: set[str]) -> list[tuple[str, str]]:
    """Every pair of tokens that together are a token, in the order of what they make."""
    made = sorted((token for token in numbers if token not in special and len(token) > 1), key=numbers.__getitem__)
    pairs = [(token[:n], token[n:]) for token in made for n in range(1, len(token))]
    return [(left, right) for left, right in pairs if left in numbers and right in numbers]


def _bert() -> tokenizers.Tokenizer:
    backend = tokenizers.Tokenizer(models.WordPiece(unk_token=UNK))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=2000, special_tokens=[EOS, UNK], show_progress=False)
    backend.train_from_iterator(_lines(), trainer)
    return backend


def _sentencepiece(kind: str) -> tokenizers.Tokenizer:
    """As converted from SentencePiece: with a token for each byte, and every way to make a token of two as a merge."""
    trained = tokenizers.Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    special = [EOS, UNK, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=2000, special_tokens=special, show_progress=False)
    trained.train_from_iterator(_lines(), trainer)
    numbers = {**trained.get_vocab(), "▁▁": trained.get_vocab_size()}
    model = models.BPE(numbers, _merges(numbers, set(special)), unk_token=UNK, fuse_unk=True, byte_fallback=True)
    backend = tokenizers.Tokenizer(model)
    if kind == "llama":
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    elif kind == "gemma":
        backend.normalizer = normalizers.Replace(" ", "▁")
        backend.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    elif kind == "mistral":
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    backend.decoder = decoders.Sequence(steps)
    backend.add_special_tokens([EOS, UNK])
    return backend


@cache
def _lines() -> list[str]:
    root = Path(__file__).parents[1]
    texts = [path.read_text() for folder in ("templates", "recipes") for path in sorted((root / folder).rglob("*.*"))]
    return [line for text in texts for line in text.splitlines()]
