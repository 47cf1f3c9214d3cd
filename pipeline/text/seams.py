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
from functools import cached_property
from itertools import product

from pipeline.text.pieces import Texts
from pipeline.text.tokenizer import Tokenizer

MOST_PAIRS = 200_000
KINDS = "aZ한ªʰ5½Ⅷ.,'$_€\u0301😀"  # letters of every case, marks, numbers, punctuation, symbols

# The alternatives of the split patterns of GPT-2, cl100k, o200k, Llama 3, Qwen 2 and DeepSeek that are local as above.
_LOCAL = {
    "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'(?i:[sdmt]|ll|ve|re)",
    r" ?\p{L}+", r" ?\p{N}+", r" ?[^\s\p{L}\p{N}]+", r"\s+(?!\S)", r"\s+", r"\s+$",
    r"[^\r\n\p{L}\p{N}]?\p{L}+", r"[^\r\n\p{L}\p{N}]?+\p{L}+", r"\p{N}", r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"\s*[\r\n]+", r"\s*[\r\n]",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
}  # fmt: skip


class Seams:
    """Decides where texts may be cut for one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[tuple[str, str], bool] = {}
        self._ends: dict[Texts, bool] = {}
        self._heads: dict[Texts, list[str] | None] = {}

    @cached_property
    def unprovable(self) -> str:
        """Why no cut can be proved for this tokenizer; "" if cuts can be."""
        described = self._tokenizer.description
        if described["normalizer"] is not None:
            return f"its normalizer ({described['normalizer']['type']}) changes text before it is cut"
        if described["model"].get("dropout"):
            return "its model drops merges at random"
        steps = described["pre_tokenizer"]
        if steps is None:
            return "it has no pre-tokenizer, so merges may cross any cut"
        steps = steps["pretokenizers"] if steps["type"] == "Sequence" else [steps]
        for step in steps:
            if not _local(step):
                return f"its pre-tokenizer ({json.dumps(step)[:80]}) is not one that is known to cut locally"
        for left, right in product(KINDS, KINDS):
            if 1 not in self._boundaries(f"{left} {right}"):
                return f"its pre-tokenizer does not cut before the space in {f'{left} {right}'!r}"
        for token in self._tokenizer.added:
            if not token.special and (token.lstrip or token.rstrip or token.single_word):
                return f"its added token {token.content!r} depends on what stands beside it"
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
        if bare is None or len(left.tails) * len(bare) > MOST_PAIRS:
            return False
        return all(self._cut_words(tail, head) for tail in left.tails for head in bare)

    def _bare_heads(self, texts: Texts) -> list[str] | None:
        """The first words without a space in front; None if a row begins with other white space, or is blank."""
        if texts not in self._heads:
            bare = [head for head in texts.heads if head[:1] != " "]
            blank = not all(head.strip() for head in texts.heads)
            self._heads[texts] = None if blank or any(head[0].isspace() for head in bare) else bare
        return self._heads[texts]

    def _cut_words(self, left: str, right: str) -> bool:
        """Whether the pre-tokenizer cuts left + right exactly where it cuts left and right, and at the seam."""
        if (left, right) not in self._known:
            apart = self._boundaries(left) | {len(left) + n for n in self._boundaries(right)}
            self._known[left, right] = self._boundaries(left + right) == apart
        return self._known[left, right]

    def _boundaries(self, text: str) -> set[int]:
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


def _local(step: dict[str, object]) -> bool:
    match step:
        case {"type": "ByteLevel"}:
            return not step["add_prefix_space"]
        case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated", "invert": False}:
            return set(_alternatives(pattern)) <= _LOCAL
        case {"type": "Whitespace" | "WhitespaceSplit" | "BertPreTokenizer"}:
            return True
    return False


def _alternatives(pattern: str) -> list[str]:
    """A regular expression, split at the bars outside of parentheses and brackets."""
    parts, depth, start, i = [], 0, 0, 0
    while i < len(pattern):
        character = pattern[i]
        if character == "\\":
            i += 1
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == "|" and depth == 0:
            parts.append(pattern[start:i])
            start = i + 1
        i += 1
    return [*parts, pattern[start:]]
