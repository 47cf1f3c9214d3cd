"""Where a text may be cut that is merged as a whole, without being cut into words: Llama 2's and Mistral's tokenizers.

SentencePiece writes a blank as "▁", a letter like any other. If no merge joins a part that begins with a blank to one
that ends otherwise (a property of the list of merges), no merge ever crosses the place before a blank that stands
behind a visible character, so a text may be cut there.

Other seams are tried: the two sides encoded together must give the tokens that they give apart. That is enough for a
row of pieces p₁ p₂ p₃ …, each of which is tried with the next. For suppose that some merge crosses a seam, and take the
first one that does. Until then the letters of the two pieces around it were merged as in these two alone, because the
merge to apply is the first in the list of those possible anywhere, so also of those possible in the two. Then it is
applied in these two alone as well, and they do not give the tokens that they give apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Sequence
from itertools import product
from typing import Any

from pipeline.text.normalized_seams import NormalizedSeams
from pipeline.text.normalizers import begins
from pipeline.text.pieces import Texts
from pipeline.text.seams import MOST_PAIRS, Seams
from pipeline.text.tokenizer import Tokenizer

Pair = tuple[str, str]
_BYTE = re.compile("<0x[0-9A-F]{2}>")


def seams_of(tokenizer: Tokenizer) -> Seams:
    """What decides where texts may be cut for a tokenizer."""
    described = tokenizer.inside.description
    if described["model"]["type"] == "BPE" and _is_whole(described["pre_tokenizer"]):
        return MergeSeams(tokenizer)
    return Seams(tokenizer) if described["normalizer"] is None else NormalizedSeams(tokenizer)


def _is_whole(step: dict[str, Any] | None) -> bool:
    """Whether a pre-tokenizer leaves a text whole, or cuts it before its blanks alone."""
    return step is None or step["type"] == "Metaspace"


class MergeSeams(NormalizedSeams):
    """Decides where texts may be cut for one tokenizer, which merges them whole."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer)
        self._beginning = tokenizer
        self._endings: dict[Texts, dict[str, list[str]]] = {}
        self._blank = self._normal(" ")

    @property
    def _uncut(self) -> str:
        model = self._tokenizer.description["model"]
        others = ("continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
        if other := next((key for key in others if model.get(key)), ""):
            return f"it has no pre-tokenizer, and {other} in its model"
        if len(self._blank) != 1:
            return f"its normalizer writes a blank as {self._blank!r}"
        if token := self._merges.crossing(self._blank):
            return f"its token {token!r} has a blank inside, so it may cross any cut"
        bytes_known = model["byte_fallback"] and all(f"<0x{byte:02X}>" in model["vocab"] for byte in range(256))
        if model["fuse_unk"] and not bytes_known:
            return "it joins neighbours without a token (fuse_unk)"
        if any(_BYTE.fullmatch(side) for pair in self._merges.ranks for side in pair):
            return "it merges single bytes"
        return ""

    def _normal(self, text: str) -> str:
        step = self._tokenizer.description["pre_tokenizer"]
        normal = super()._normal(text)
        return normal.replace(" ", step["replacement"]) if step else normal

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
        return all(self._tried(pairs, self._beginning).values())

    def _cut_each(self, left: Texts, heads: Collection[str]) -> bool:
        """As in the class above; only those are tried in which a merge might join the last letters and the first."""
        if left not in self._endings:
            self._endings[left] = self._parts(left.tails, self._merges.after, last=True)
        ending, beginning = self._endings[left], self._parts(heads, self._merges.before, last=False)
        pairs: set[Pair] = set()
        for end, tails in ending.items():
            for head in self._merges.after[end] & beginning.keys():
                if len(pairs) + len(tails) * len(beginning[head]) > MOST_PAIRS:
                    return False
                pairs.update(product(tails, beginning[head]))
        self._known |= self._tried([pair for pair in pairs if pair not in self._known], self._tokenizer)
        return all(self._known[pair] for pair in pairs)

    def _tried(self, pairs: Sequence[Pair], first: Tokenizer) -> dict[Pair, bool]:
        """Whether two texts have the same tokens together and apart, for each pair. first: encodes the first one."""
        encoders = {0: first, 1: self._tokenizer}
        apart = [_ids(encoders[side], {pair[side] for pair in pairs}) for side in encoders]
        whole = _ids(first, {left + right for left, right in pairs})
        return {(left, right): whole[left + right] == apart[0][left] + apart[1][right] for left, right in pairs}

    def _parts(self, texts: Collection[str], tokens: Container[str], *, last: bool) -> dict[str, list[str]]:
        """Those of the tokens that normalized texts end in, or begin with → the texts that do."""
        parts: dict[str, list[str]] = {}
        for text in texts:
            letters = self._normal(text)
            for n in range(1, min(len(letters), self._merges.longest) + 1):
                part = letters[-n:] if last else letters[:n]
                if part in tokens:
                    parts.setdefault(part, []).append(text)
        return parts


def _ids(tokenizer: Tokenizer, texts: Collection[str]) -> dict[str, list[int]]:
    """The tokens of each text."""
    ordered = sorted(texts)
    encodings = tokenizer.backend.encode_batch(ordered, add_special_tokens=False)
    return {text: encoding.ids for text, encoding in zip(ordered, encodings, strict=True)}
