"""The alphabet of a tokenizer: which characters it has tokens for, and which it leaves out without a word."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any

import numpy as np
import tokenizers
from numpy.typing import NDArray

from pipeline.text.byte_letters import bytes_by_letter, letters_by_byte


class Alphabet:
    """What a tokenizer of the library has tokens for.

    One that leaves characters out is a BPE model that knows neither `unk` nor all bytes. The trainers of the tokenizers
    library make such models, unless they are told an `initial_alphabet`.
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        self._backend = backend

    @cached_property
    def is_complete(self) -> bool:
        """Whether no text loses a character; what has no token is an unknown token then, or an error."""
        model = self._backend.model
        if not isinstance(model, tokenizers.models.BPE) or model.unk_token is not None or model.byte_fallback:
            return True
        return self._of_bytes and all(map(self._has, bytes_by_letter()))

    @cached_property
    def bytes(self) -> NDArray[np.bool_] | None:
        """Which bytes of a text are kept, bool (256,); None where all are, and where bytes alone do not decide it."""
        if self.is_complete or not self._of_bytes or self._backend.normalizer:
            return None
        kept = {byte for letter, byte in bytes_by_letter().items() if self._has(letter)}
        return np.array([byte in kept for byte in range(256)])

    @property
    def needs_texts(self) -> bool:
        """Whether each text must be looked through for characters that are left out."""
        return not self.is_complete and self.bytes is None

    def left_out(self, text: str) -> str:
        """The first character of a text that is left out; "" if none is."""
        if self.is_complete:
            return ""
        model, backend = self._backend.model, self._backend
        before, behind = model.continuing_subword_prefix or "", model.end_of_word_suffix or ""
        added = backend.get_added_tokens_decoder().values()
        for part in re.split("|".join(re.escape(token.content) for token in added) or "(?!)", text):
            normal = str(backend.normalizer.normalize_str(part)) if backend.normalizer else part
            if self._of_bytes:
                letters = letters_by_byte()
                words = [(letters[byte], character) for character in normal for byte in character.encode()]
            else:
                cut = backend.pre_tokenizer.pre_tokenize_str(normal) if backend.pre_tokenizer else [(normal, None)]
                words = [
                    (before * (place > 0) + letter + behind * (place == len(word) - 1), letter)
                    for word, _ in cut
                    for place, letter in enumerate(word)
                ]
            if missing := next((letter for token, letter in words if not self._has(token)), ""):
                return missing
        return ""

    @cached_property
    def _of_bytes(self) -> bool:
        """Whether it writes bytes as letters before it looks for tokens."""
        step = self._backend.pre_tokenizer
        return step is not None and "ByteLevel" in kinds(json.loads(step.__getstate__()))

    def _has(self, token: str) -> bool:
        return self._backend.token_to_id(token) is not None


def kinds(description: Any) -> set[str]:
    """The type of a tokenizer's decoder or pre-tokenizer; for a sequence of them, all their types.

    >>> sorted(kinds({"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"}]}))
    ['ByteFallback', 'Fuse', 'Sequence']
    """
    if not description:
        return set()
    parts = description.get("decoders") or description.get("pretokenizers") or ()
    return {description["type"]}.union(*map(kinds, parts))
