"""Where a text may be cut that is merged as a whole, without being cut into words: Llama 2's and Mistral's tokenizers.

SentencePiece writes a blank as "▁", a letter like any other. If no merge joins a part that begins with a blank to one
that ends otherwise (a property of the list of merges), no merge ever crosses the place before a blank that stands
behind a visible character, so a text may be cut there.

Other seams are tried, pair by pair (`neighbours.py`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from pipeline.text.pieces import Texts
from pipeline.text.seams.neighbours import MOST_PAIRS
from pipeline.text.seams.normalized_seams import NormalizedSeams
from pipeline.text.seams.normalizers import begins
from pipeline.text.seams.seams import Seams
from pipeline.text.tokenizer import Tokenizer

_BYTE = re.compile("<0x[0-9A-F]{2}>")


def seams_of(tokenizer: Tokenizer) -> Seams:
    """What decides where texts may be cut for a tokenizer."""
    described = tokenizer.inside.description
    if described["model"]["type"] == "BPE" and _is_whole(described["pre_tokenizer"]):
        return MergeSeams(tokenizer)
    return Seams(tokenizer) if described["normalizer"] is None else NormalizedSeams(tokenizer)


def _is_whole(step: dict[str, Any] | None) -> bool:
    """Whether a pre-tokenizer leaves a text whole, or cuts it at its blanks alone."""
    if step is None or step["type"] == "Metaspace":
        return True
    return bool(step["type"] == "Split" and step["pattern"] == {"String": " "})


class MergeSeams(NormalizedSeams):
    """Decides where texts may be cut for one tokenizer, which merges them whole."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer)
        self._blank = self._normal(" ")

    @property
    def _uncut(self) -> str:
        model = self._tokenizer.description["model"]
        others = ("continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
        if other := next((key for key in others if model.get(key)), ""):
            return f"it has no pre-tokenizer, and {other} in its model"
        step = self._tokenizer.description["pre_tokenizer"]
        if len(self._blank) != 1 or (step and self._blank == " "):  # Gemma's looks for spaces, of which none is left
            return f"its normalizer writes a blank as {self._blank!r}"
        if token := self._merges.crossing(self._blank):
            return f"its token {token!r} has a blank inside, so it may cross any cut"
        bytes_known = model["byte_fallback"] and all(f"<0x{byte:02X}>" in model["vocab"] for byte in range(256))
        if model["fuse_unk"] and not bytes_known:
            return "it joins neighbours without a token (fuse_unk)"
        if any(_BYTE.fullmatch(side) for pair in self._merges.ranks for side in pair):
            return "it merges single bytes"
        return ""

    def _letters(self, text: str) -> str:
        return self._normal(text)

    def _normal(self, text: str) -> str:
        step = self._tokenizer.description["pre_tokenizer"]
        normal = super()._normal(text)
        return normal.replace(" ", step["replacement"]) if step and step["type"] == "Metaspace" else normal

    def _ends_alone(self, tail: str) -> bool:
        """Whether a last word ends in something else than a blank."""
        return self._normal(tail)[-1:] not in ("", self._blank)

    def _begins_alone(self, head: str) -> bool:
        """Whether a first word joins nothing before it, and, if it has a space, begins with a blank."""
        normal = self._normal(head)
        return begins(head) and begins(normal) and (head[0] != " " or normal[0] == self._blank)

    def cut_at_beginning(self, left: Texts, right: Texts) -> bool:
        bare = None if left.codes or right.codes or not self._can_end(left) else self._bare_heads(right)
        if bare is None or len(left) * len(bare) > MOST_PAIRS:
            return False
        pairs = [(row, head) for row in left.rows for head in bare]
        return all(self._neighbours.tried(pairs, self._beginning).values())

    def _cut_each(self, left: Texts, heads: Collection[str]) -> bool:
        return self._neighbours.stay(left, heads)
