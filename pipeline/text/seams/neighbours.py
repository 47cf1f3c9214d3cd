"""Which texts keep their tokens beside each other, though both are of one word: they are encoded together and apart.

That is enough for a row of pieces p₁ p₂ p₃ … of one word, each of which is tried with the next. For suppose that some
merge crosses a seam, and take the first one that does. Until then the letters of the two pieces around it were merged
as in these two alone, because the merge to apply is the first in the list of those possible anywhere, so also of those
possible in the two. Then it is applied in these two alone as well, and they do not keep their tokens.

Only those are tried in which a merge could join the last letters of one and the first of the other at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Sequence
from itertools import product

from pipeline.text.pieces import Texts
from pipeline.text.seams.merges import Merges
from pipeline.text.tokenizer import Tokenizer

MOST_PAIRS = 200_000
Pair = tuple[str, str]


class Neighbours:
    """Pairs of texts for one tokenizer. letters: a text as the letters of its tokens."""

    def __init__(self, tokenizer: Tokenizer, merges: Merges, letters: Callable[[str], str]) -> None:
        self._tokenizer, self._merges, self._letters = tokenizer, merges, letters
        self._known: dict[Pair, bool] = {}
        self._endings: dict[Texts, dict[str, list[str]]] = {}

    def stay(self, left: Texts, heads: Collection[str]) -> bool:
        """Whether the last words of `left` keep their tokens before each of some first ones; no if too many pairs."""
        if left not in self._endings:
            self._endings[left] = self._parts(left.tails, self._merges.after, last=True)
        beginning = self._parts(heads, self._merges.before, last=False)
        pairs: set[Pair] = set()
        for end, tails in self._endings[left].items():
            for head in self._merges.after[end] & beginning.keys():
                if len(pairs) + len(tails) * len(beginning[head]) > MOST_PAIRS:
                    return False
                pairs.update(product(tails, beginning[head]))
        self._known |= self.tried([pair for pair in pairs if pair not in self._known], self._tokenizer)
        return all(self._known[pair] for pair in pairs)

    def tried(self, pairs: Sequence[Pair], first: Tokenizer) -> dict[Pair, bool]:
        """Whether two texts have the same tokens together and apart, for each pair. first: encodes the first one."""
        lefts = _ids(first, {left for left, _ in pairs})
        rights = _ids(self._tokenizer, {right for _, right in pairs})
        whole = _ids(first, {left + right for left, right in pairs})
        return {(left, right): whole[left + right] == lefts[left] + rights[right] for left, right in pairs}

    def _parts(self, texts: Collection[str], tokens: Container[str], *, last: bool) -> dict[str, list[str]]:
        """Those of the tokens that texts end in, or begin with → the texts that do."""
        parts: dict[str, list[str]] = {}
        for text in texts:
            letters = self._letters(text)
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
