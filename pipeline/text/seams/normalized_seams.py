"""Where a text may be cut that is normalized before it is cut into words: BERT's lower case, CLIP's, Claude's NFKC.

A seam is exact if both sides are normalized as by themselves, and the words of the whole are the words of both. The
first is so if the right side begins with a character that joins nothing before it; the second is tried with the whole
way from text to words. A cut before a space is tried once for each side: the last word of the left side before a plain
word, and the first word of the right one behind one. Every side must have a word, so that no seam is seen from the
next but one.
"""

from __future__ import annotations

from pipeline.text.pieces import Texts
from pipeline.text.seams.normalizers import begins
from pipeline.text.seams.seams import Seams
from pipeline.text.tokenizer import Tokenizer

_WORD = "a"


class NormalizedSeams(Seams):
    """Decides where texts may be cut for one tokenizer, which normalizes them first."""

    by_words = False

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer)
        self._normalizer = self._tokenizer.backend.normalizer

    def unmerged(self, left: Texts, right: Texts) -> bool:
        """Never: words that go on are not tried."""
        return False

    def _normal(self, text: str) -> str:
        return str(self._normalizer.normalize_str(text)) if self._normalizer else text

    def _words(self, text: str) -> list[str]:
        return [word for word, _ in self._tokenizer.backend.pre_tokenizer.pre_tokenize_str(self._normal(text))]

    def _cut_words(self, left: str, right: str) -> bool:
        if (left, right) not in self._known:
            self._known[left, right] = self._words(left + right) == self._words(left) + self._words(right)
        return self._known[left, right]

    def _can_end(self, texts: Texts) -> bool:
        if texts not in self._ends:
            self._ends[texts] = super()._can_end(texts) and all(map(self._ends_alone, texts.tails))
        return self._ends[texts]

    def _bare_heads(self, texts: Texts) -> list[str] | None:
        if texts not in self._heads:
            bare = super()._bare_heads(texts)
            self._heads[texts] = bare if all(map(self._begins_alone, texts.heads)) else None
        return self._heads[texts]

    def _ends_alone(self, tail: str) -> bool:
        """Whether a last word is one, and stays as it is before a space and a word."""
        return bool(self._words(tail)) and self._cut_words(tail, f" {_WORD}")

    def _begins_alone(self, head: str) -> bool:
        """Whether a first word is one, joins nothing before it, and, with a space, stays as it is behind a word."""
        if not (begins(head) and begins(self._normal(head)) and self._words(head)):
            return False
        return head[0] != " " or self._cut_words(_WORD, head)
