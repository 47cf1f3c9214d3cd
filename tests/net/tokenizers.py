"""Small tokenizers of the kinds that matter, as tokenizer.json: made in milliseconds, the same on every machine."""

from __future__ import annotations

import json
from functools import cache

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

EOS = "<|endoftext|>"
LETTERS = [chr(i) for i in range(32, 127)]
TEXTS = (
    "Where does Ada Ek live? Oslo. Where does Bo Fox live? Rome. Ada Ek lives in Oslo. He wears 40. She wears 41.",
    "Bo Fox was born on March 3, 1999. Cy Gil's city is Lima. Is Di Ek older? Yes. No. When? May 1, 2000.",
)
WIDE = 300  # ids of the wide tokenizer are so far apart


def _bytes() -> tokenizers.Tokenizer:
    """Byte-level, as GPT-2: cuts words first."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(vocab_size=300, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False),
    )
    return made


def _uncut() -> tokenizers.Tokenizer:
    """Byte-level without cuts: a token may hold the end of one word, or part, and the beginning of the next."""
    made = _bytes()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made.train_from_iterator(
        TEXTS * 3,
        trainers.BpeTrainer(vocab_size=420, special_tokens=[EOS], initial_alphabet=alphabet, show_progress=False),
    )
    return made


def _words() -> tokenizers.Tokenizer:
    """A word a token; most words are not known."""
    known = sorted({word for text in TEXTS for word in text.replace(".", " .").replace("?", " ?").split()})
    vocabulary = {token: i for i, token in enumerate([EOS, "<unk>", *known])}
    made = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens([EOS])
    return made


def _unigram() -> tokenizers.Tokenizer:
    """SentencePiece's kind: the space is a part of a piece, and pieces run over words."""
    pieces = [EOS, "<unk>", "▁Ada▁Ek", "▁lives▁in▁Oslo.", "?▁", "▁in", "▁19", ".▁He", "▁", *LETTERS[1:]]
    made = tokenizers.Tokenizer(models.Unigram([(piece, -2.0 - i / 50) for i, piece in enumerate(pieces)], unk_id=1))
    made.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    made.decoder = decoders.Metaspace(split=False)
    made.add_special_tokens([EOS])
    return made


def _composing() -> tokenizers.Tokenizer:
    """Byte-level behind a normalizer: what is encoded is not what was written."""
    made = _bytes()
    made.normalizer = normalizers.NFC()
    return made


def _wide() -> tokenizers.Tokenizer:
    """Byte-level with ids above 65,535."""
    tree = json.loads(_bytes().to_str())
    tree["model"]["vocab"] = {token: WIDE * number for token, number in tree["model"]["vocab"].items()}
    for token in tree["added_tokens"]:
        token["id"] *= WIDE
    return tokenizers.Tokenizer.from_str(json.dumps(tree))


KINDS = {"bytes": _bytes, "uncut": _uncut, "words": _words, "unigram": _unigram, "nfc": _composing, "wide": _wide}


@cache
def text_of(kind: str) -> str:
    """The tokenizer.json of a kind."""
    return str(KINDS[kind]().to_str())
