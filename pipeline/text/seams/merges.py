"""Where a word may be cut although the pre-tokenizer does not cut it: no merge of the tokenizer's model crosses there.

Chinese and Japanese are written without spaces, so a whole sentence is one word of the pre-tokenizer. Byte-pair
encoding merges the pair of the lowest rank first. If every token is made by merges of lower rank than those that use
it, the state after all merges up to a rank is well defined, and the parts left and right of a place evolve alone until
a merge crosses it. Whether one does depends only on the tokens that end up beside the place: on the last token of the
left part, encoded alone, and on the first of the right part. So a cut is exact if these two, encoded together, stay
two.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

from tokenizers import Tokenizer as Backend

from pipeline.text.tokenizer import Tokenizer


@lru_cache(4)
def merges_of(tokenizer: Tokenizer) -> Merges:
    """The merges of a tokenizer, which all of its sources share."""
    return Merges(tokenizer)


class Merges:
    """The merges of a tokenizer's model."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[tuple[str, str], bool] = {}
        self._sides: dict[tuple[str, bool], frozenset[str]] = {}

    @cached_property
    def of_bytes(self) -> bool:
        """Whether it merges the bytes of words, all of them in the same way."""
        model, steps = self._tokenizer.description["model"], self._tokenizer.description["pre_tokenizer"]
        others = ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
        if model["type"] != "BPE" or any(model.get(key) for key in others):
            return False
        return "ByteLevel" in {step["type"] for step in steps.get("pretokenizers", [steps])}

    @cached_property
    def reached(self) -> bool:
        """Whether words that are looked up before they are merged (`ignore_merges`) have the tokens of their merges."""
        described = self._tokenizer.description
        if not described["model"].get("ignore_merges"):
            return True
        model = {**described["model"], "ignore_merges": False}
        plain = {**described, "model": model, "normalizer": None, "pre_tokenizer": None, "added_tokens": []}
        added = {token.content for token in self._tokenizer.added}
        names = [name for name in model["vocab"] if name not in added]
        encodings = Backend.from_str(json.dumps(plain)).encode_batch(names, add_special_tokens=False)
        return all(e.ids == [model["vocab"][name]] for name, e in zip(names, encodings, strict=True))

    @cached_property
    def ordered(self) -> bool:
        """Whether the argument above holds for this model: of bytes, and each token made before it is used."""
        if not self.of_bytes or self._tokenizer.description["model"].get("ignore_merges"):
            return False
        made: dict[str, int] = {}  # token → the rank of the last merge that makes it
        for (left, right), rank in self.ranks.items():
            made[left + right] = rank
        ends = ((rank, side) for pair, rank in self.ranks.items() for side in pair)
        return all(made.get(side, -1) < rank for rank, side in ends)

    def crossing(self, blank: str) -> str:
        """A token of two parts, of which the second begins with a blank and the first ends otherwise; "" if none is.

        Where there is none, no merge ever crosses the place before a blank that stands behind anything else.
        """
        pairs = ((left, right) for left, right in self.ranks if right.startswith(blank) and not left.endswith(blank))
        return next((left + right for left, right in pairs), "")

    def separate(self, lefts: Iterable[int], rights: Iterable[int]) -> bool:
        """Whether each of some tokens before each of others stays as it is when their bytes are encoded together."""
        ends = [(token, self._states(token, last=True)) for token in map(self._name, lefts)]
        heads = [(token, self._states(token, last=False)) for token in map(self._name, rights)]
        beginnings = frozenset().union(*(states for _, states in heads))
        for left, of_left in ends:
            crossing = {(a, b) for a in of_left for b in self.after.get(a, frozenset()) & beginnings}
            if crossing and not all(
                self._stay(left, right) for right, of_right in heads if any(b in of_right for _, b in crossing)
            ):
                return False
        return True

    def _name(self, token: int) -> str:
        name = self._tokenizer.backend.id_to_token(token)
        assert name is not None, "it was encoded"
        return name

    def _stay(self, left: str, right: str) -> bool:
        if (left, right) not in self._known:
            self._known[left, right] = self._encoded(left + right)[-1] == [left, right]
        return self._known[left, right]

    def _states(self, token: str, *, last: bool) -> frozenset[str]:
        """What the last (or first) symbol of a token is while it is merged."""
        if (token, last) not in self._sides:
            self._sides[token, last] = frozenset(state[-1 if last else 0] for state in self._encoded(token))
        return self._sides[token, last]

    def _encoded(self, letters: str) -> list[list[str]]:
        """The symbols of a word, written as letters for bytes, before and after each merge."""
        symbols = list(letters)
        states = [symbols]
        while len(symbols) > 1:
            pairs = [(self.ranks.get((a, b), -1), i) for i, (a, b) in enumerate(pairwise(symbols))]
            possible = [pair for pair in pairs if pair[0] >= 0]
            if not possible:
                break
            _, i = min(possible)
            symbols = [*symbols[:i], symbols[i] + symbols[i + 1], *symbols[i + 2 :]]
            states.append(symbols)
        return states

    @cached_property
    def ranks(self) -> dict[tuple[str, str], int]:
        """Two tokens that a merge joins → its place in the list."""
        merges: list[Any] = self._tokenizer.description["model"]["merges"]
        pairs = (tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in merges)
        ranks: dict[tuple[str, str], int] = {}
        for rank, (left, right) in enumerate(pairs):
            ranks.setdefault((left, right), rank)
        return ranks

    @cached_property
    def longest(self) -> int:
        """The most letters of a token that a merge joins to another."""
        return max((len(side) for pair in self.ranks for side in pair), default=0)

    @cached_property
    def before(self) -> frozenset[str]:
        """The tokens that a merge joins to another before them."""
        return frozenset(right for _, right in self.ranks)

    @cached_property
    def after(self) -> dict[str, frozenset[str]]:
        """Token → those that a merge joins to it."""
        after: dict[str, set[str]] = {}
        for left, right in self.ranks:
            after.setdefault(left, set()).add(right)
        return {left: frozenset(rights) for left, rights in after.items()}
