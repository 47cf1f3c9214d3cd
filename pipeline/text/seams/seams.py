"""Where a text may be cut so that the tokens of the parts are the tokens of the whole.

A pre-tokenizer cuts text into words, and tokens never cross these cuts. So a seam between two pieces is exact if the
pre-tokenizer cuts there. Its pattern is scanned from left to right, and the patterns known here are local: whether a
match continues depends on its own characters and the next one (for contractions the next two letters). So only the last
word of the left piece and the first word of the right one matter, and the pre-tokenizer is run on every such pair that
occurs. One case, by far the most frequent, needs no run: the known patterns cut before a space between two visible
characters (tried once for each pair of kinds of characters). Hence the rule that **the space travels with the piece
that follows it**.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cached_property
from itertools import product
from typing import NamedTuple

from pipeline.text.byte_letters import byte_letters
from pipeline.text.pieces import Texts
from pipeline.text.seams.merges import merges_of
from pipeline.text.seams.neighbours import MOST_PAIRS, Neighbours
from pipeline.text.seams.normalizers import changes_letters, unprovable_step
from pipeline.text.seams.patterns import cuts_locally
from pipeline.text.seams.word_ends import certain, end_of, head_of
from pipeline.text.tokenizer import Tokenizer

FEW_PAIRS = 2_000  # that are tried at once
KINDS = "aZ한ªʰ5½Ⅷ.,'$_€\u0301😀"  # letters of every case, marks, numbers, punctuation, symbols


class Seams:
    """Decides where texts may be cut for one tokenizer, which cuts them into words as they are."""

    by_words = True  # whether only the words of its pre-tokenizer decide

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._beginning, self._tokenizer = tokenizer, tokenizer.inside
        self._known: dict[tuple[str, str], bool] = {}
        self._ends: dict[Texts, bool] = {}
        self._heads: dict[Texts, list[str] | None] = {}
        self._merges = merges_of(self._tokenizer)
        self._neighbours = Neighbours(self._tokenizer, self._merges, self._letters)
        self._sides: dict[tuple[Texts, bool], _Side | None] = {}

    @cached_property
    def unprovable(self) -> str:
        """Why no cut can be proved for this tokenizer; "" if cuts can be."""
        described = self._tokenizer.description
        if step := unprovable_step(described):
            return f"its normalizer ({step}) changes text before it is cut"
        if described["model"].get("dropout"):
            return "its model drops merges at random"
        for token in self._tokenizer.added:
            if not token.special and (token.lstrip or token.rstrip or token.single_word):
                return f"its added token {token.content!r} depends on what stands beside it"
            if token.normalized and changes_letters(described):
                return f"its added token {token.content!r} is found in normalized text"
        return self._uncut

    @property
    def _uncut(self) -> str:
        """Why its words are not known to be cut; "" if they are."""
        steps = self._tokenizer.description["pre_tokenizer"]
        if steps is None:
            return "it has no pre-tokenizer, so merges may cross any cut"
        steps = steps["pretokenizers"] if steps["type"] == "Sequence" else [steps]
        for step in steps:
            if not cuts_locally(step):
                return f"its pre-tokenizer ({json.dumps(step)[:80]}) is not one that is known to cut locally"
        if self._beginning.prefixing:
            return "it writes something of its own before a text that it then cuts into words"
        for left, right in product(KINDS, KINDS):
            if 1 not in self.boundaries(f"{left} {right}"):
                return f"its pre-tokenizer does not cut before the space in {f'{left} {right}'!r}"
        return ""

    def cut(self, left: Texts, right: Texts) -> bool:
        """Whether any row of `left` before any row of `right`, in any text, may be cut between the two.

        Their last and first words decide. If a row of `right` begins with a space before a visible character, the cut
        is certain; all other pairs are tried. With too many pairs the answer is no.
        """
        if left.codes or right.codes:  # given ids never merge with anything
            return True
        if not self._can_end(left):
            return False
        bare = self._bare_heads(right)
        return bare is not None and (not bare or self._cut_each(left, bare))

    def cut_at_beginning(self, left: Texts, right: Texts) -> bool:
        """As `cut`, where `left` stands at a beginning, before which the tokenizer writes a blank of its own."""
        return self.cut(left, right)

    def unmerged(self, left: Texts, right: Texts) -> bool:
        """Whether any row of `left` before any row of `right` may be cut between the two, although the pre-tokenizer
        does not cut there for all of them: they become one word, and no merge crosses the seam (`merges.py`).

        Only for patterns in which a letter goes on with a letter, but perhaps not where its case changes.
        """
        if left.codes or right.codes or not self._merges.of_bytes or not self._can_end(left):
            return False
        ends, heads = self._side(left, last=True), self._side(right, last=False)
        if ends is None or heads is None or len(ends.contexts) * len(heads.contexts) > MOST_PAIRS:
            return False
        pairs = product(ends.contexts, heads.contexts)
        if not all(self._joined_words(end, head) for end, head in pairs):
            return False
        if self._merges.ordered and not self._case_matters:
            return self._merges.separate(ends.tokens, heads.tokens)
        bare = self._bare_heads(right)
        return bare is not None and self._neighbours.stay(left, bare) and self._merges.reached

    def may_follow(self, beginnings: Texts, ends: Texts) -> bool:
        """Whether texts with any of these beginnings may follow texts with any of these ends, encoded apart."""
        bare = self._bare_heads(beginnings)
        few = bare is not None and len(ends.tails) * len(bare) <= FEW_PAIRS
        ways = (self.cut, self.unmerged) if few else (self.unmerged, self.cut)  # both are exact; the quicker one first
        return any(way(ends, beginnings) for way in ways)

    def _joined_words(self, left: str, right: str) -> bool:
        """Whether the pre-tokenizer cuts left + right where it cuts left and right, with or without the seam."""
        seam = len(left)
        apart = self.boundaries(left) | {seam + n for n in self.boundaries(right)}
        return self.boundaries(left + right) | {seam} == apart

    def _side(self, texts: Texts, *, last: bool) -> _Side | None:
        """The contexts and tokens at an end of a table's rows; None if a row has no visible character there."""
        if (texts, last) not in self._sides:
            self._sides[texts, last] = self._side_of(texts, last=last)
        return self._sides[texts, last]

    def _side_of(self, texts: Texts, *, last: bool) -> _Side | None:
        ends = texts.tails if last else [head for head in texts.heads if not certain(head)]
        cased = self._case_matters
        found = [end_of(text, cased=cased) if last else head_of(text, cased=cased) for text in ends]
        if None in found:
            return None
        sides = {side for side in found if side is not None}
        ids = (encoding.ids for encoding in self._tokenizer.encodings(sorted({word for _, word in sides})))
        return _Side(frozenset(context for context, _ in sides), frozenset(row[-1 if last else 0] for row in ids))

    @cached_property
    def _case_matters(self) -> bool:
        """Whether a word of letters may end where their case changes, as in o200k."""
        return r"\\p{Lu}" in json.dumps(self._tokenizer.description["pre_tokenizer"])

    def _bare_heads(self, texts: Texts) -> list[str] | None:
        """The first words without a space in front; None if a row begins with other white space, or is blank."""
        if texts not in self._heads:
            bare = [head for head in texts.heads if head[:1] != " "]
            blank = not all(head.strip() for head in texts.heads)
            self._heads[texts] = None if blank or any(head[0].isspace() for head in bare) else bare
        return self._heads[texts]

    def _cut_each(self, left: Texts, heads: Collection[str]) -> bool:
        """Whether there is a cut between each row and each of some first words; no if there are too many pairs."""
        if len(left.tails) * len(heads) > MOST_PAIRS:
            return False
        return all(self._cut_words(tail, head) for tail in left.tails for head in heads)

    def _cut_words(self, left: str, right: str) -> bool:
        """Whether the pre-tokenizer cuts left + right exactly where it cuts left and right, and at the seam."""
        if (left, right) not in self._known:
            apart = self.boundaries(left) | {len(left) + n for n in self.boundaries(right)}
            self._known[left, right] = self.boundaries(left + right) == apart
        return self._known[left, right]

    def _letters(self, text: str) -> str:
        """A text as the letters of its tokens."""
        return byte_letters(text)

    def boundaries(self, text: str) -> set[int]:
        """Where the pre-tokenizer cuts a text, its ends included: numbers of characters."""
        spans = [span for _, span in self._tokenizer.backend.pre_tokenizer.pre_tokenize_str(text)]
        return {end for span in spans for end in span} | {0, len(text)}

    def _can_end(self, texts: Texts) -> bool:
        """Whether every row ends in a visible character, and none with the beginning of an added token, which the next
        piece might complete."""
        if texts not in self._ends:
            added = [token.content for token in self._tokenizer.added]
            beginnings = tuple(token[:n] for token in added for n in range(1, len(token)))
            self._ends[texts] = all(tail.strip() and not tail[-1].isspace() for tail in texts.tails) and not any(
                tail.endswith(beginnings) for tail in texts.tails
            )
        return self._ends[texts]


class _Side(NamedTuple):
    """One end of the rows of a table: the characters that decide whether a word ends there, and the tokens."""

    contexts: frozenset[str]
    tokens: frozenset[int]
