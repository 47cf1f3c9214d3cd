"""Pre-tokenizers that cut locally: whether a word goes on depends on its own characters and those right behind it.

A regular expression is scanned from left to right, so a cut depends on nothing before the word that it ends. Known here
are the alternatives in which, beside, a match goes on as long as the next character is of some kind (for contractions,
the next two letters). Each alternative of a pattern is looked up by itself.
"""

from __future__ import annotations

from typing import Any

# Of GPT-2, CLIP, cl100k, o200k, Llama 3, Qwen 2, DeepSeek and Tekken, which has those of o200k without contractions.
_LETTERS = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
)
_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_LOCAL = {
    "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", _CONTRACTIONS, "'(?i:[sdmt]|ll|ve|re)",
    r" ?\p{L}+", r" ?\p{N}+", r" ?[^\s\p{L}\p{N}]+", r"\s+(?!\S)", r"\s+", r"\s+$",
    r"[\p{L}]+", r"[\p{N}]", r"[^\s\p{L}\p{N}]+",
    r"[^\r\n\p{L}\p{N}]?\p{L}+", r"[^\r\n\p{L}\p{N}]?+\p{L}+", r"\p{N}", r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"\s*[\r\n]+", r"\s*[\r\n]", r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
    *_LETTERS, *(f"{letters}{_CONTRACTIONS}?" for letters in _LETTERS),
}  # fmt: skip


def cuts_locally(step: dict[str, Any]) -> bool:
    """Whether a pre-tokenizer, as tokenizer.json describes it, is known to cut locally."""
    match step:
        case {"type": "ByteLevel"}:
            return not step["add_prefix_space"]
        case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": behavior, "invert": invert}:
            # What no alternative matches is a word of its own, or, in CLIP, is left out.
            usual = (behavior, invert) in (("Isolated", False), ("Removed", True))
            return usual and set(_alternatives(pattern)) <= _LOCAL
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
