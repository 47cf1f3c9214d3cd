"""A tokenizer reduced to the tokens in use, and what it needs to make them of text; ids are numbered anew.

    gpt2       … 341 "ation" … 4642 " born" … 6182 " Boston" … 50256 <|endoftext|>   of 50,258
    reduced      100 "ation" … 1023 " born" … 1264 " Boston" …  3815 <|endoftext|>   3816 "0" …   of 5,896
                 in use                                                              needed, and in no row

**Why it encodes every text of the recipe as the whole one does.** Byte-pair encoding splits a word into letters, and
applies the merge that comes first in the list, of those that two neighbours allow, until none is left. The merges that
it applies to a word build the tokens of the word, or parts of them. Let all tokens of the word be in use. The reduced
list has, in the old order, each merge whose result is a token in use, or a part of one that such a merge joins. So the
merge that the whole list applies is in the reduced one; it comes first there too, as all others of it are in the whole
list; and where the whole list allows no merge, the reduced one does not either. By induction, both do the same. Where a
word that is a token is taken without merges (`ignore_merges`), it is one for both, or for neither. What comes before
the merges (normalizer, added tokens, pre-tokenizer) is left as it is, all added tokens included.

Of other models, one that looks whole words up (WordLevel) is reduced by the same rule, without merges. Which pieces
WordPiece and Unigram make of a word depends on tokens that they do not take; they are refused.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import tokenizers

from pipeline.core.errors import SpecError
from pipeline.text.byte_letters import byte_tokens
from pipeline.text.tokenizer import Tokenizer

Merge = tuple[str, str, str]
"""(left, right, the token that they make)."""

_WITHOUT = "Take a byte-level tokenizer, such as gpt2, or leave `vocabulary` out."


def reduced(whole: Tokenizer, in_use: Iterable[int]) -> tuple[tokenizers.Tokenizer, dict[int, int]]:
    """The tokenizer reduced to the tokens in use, given by id; and old id → new id of these.

    Tokens in use come first; then what their merges need; then those with which a text that has other tokens is at
    least not left out: the bytes, all added tokens, the unknown token. Each of the three in the order of the old ids.
    SpecError as `check_model`, or if two tokens have one id, or one that it names has none.
    """
    check_model(whole)
    described = whole.description
    model, processor = described["model"], copy.deepcopy(described.get("post_processor"))
    number = whole.backend.get_vocab(with_added_tokens=True)
    token = {old: text for text, old in number.items()}
    if len(token) < len(number):
        raise SpecError("two tokens of the tokenizer have one id", "Leave `vocabulary` out.", ("vocabulary",))
    first = [token[old] for old in sorted({*in_use})]
    merges = _merges(model)
    needed = sorted(_closure(merges, first), key=number.__getitem__)
    if missing := next((text for text in _processed(processor) if text not in number), None):
        raise SpecError(f"it has no token {missing!r}, which its post-processor adds", "Correct it.", ("name",))
    others = {text for text in (*_always(described), *_processed(processor)) if text in number}
    kept = list(dict.fromkeys([*first, *needed, *sorted(others, key=number.__getitem__)]))
    new = {text: place for place, text in enumerate(kept)}
    merged = [[left, right] for left, right, joined in merges if left in new and right in new and joined in new]
    for part in _numbered(processor):
        _renumber(part, new)
    described = {
        **described,
        "model": {**model, "vocab": new, **({"merges": merged} if "merges" in model else {})},
        "added_tokens": [{**added, "id": new[added["content"]]} for added in described["added_tokens"]],
        "post_processor": processor,
    }
    return tokenizers.Tokenizer.from_str(json.dumps(described)), {number[text]: new[text] for text in first}


def check_model(whole: Tokenizer) -> None:
    """SpecError for a model of which it is not proved that, reduced, it encodes the same texts alike."""
    kind = whole.description["model"]["type"]
    if kind not in ("BPE", "WordLevel"):
        raise SpecError(f"how a {kind} model splits a word depends on tokens not in use", _WITHOUT, ("vocabulary",))


def _closure(merges: Iterable[Merge], in_use: Sequence[str]) -> set[str]:
    """The tokens in use, and all that merges build them from."""
    parts: dict[str, list[str]] = {}
    for left, right, joined in merges:
        parts.setdefault(joined, []).extend((left, right))
    closure, rest = set(in_use), list(in_use)
    while rest:
        new = {*parts.get(rest.pop(), ())} - closure
        closure |= new
        rest += new
    return closure


def _merges(model: Mapping[str, Any]) -> list[Merge]:
    """The merges of a model, in order of priority."""
    begin = len(model.get("continuing_subword_prefix") or "")
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model.get("merges") or ())
    return [(left, right, left + right[begin:]) for left, right in pairs]


def _always(described: Mapping[str, Any]) -> Iterator[str]:
    """The tokens that are kept in any case, if a tokenizer.json has them: those that it names, and those of bytes."""
    yield from (added["content"] for added in described["added_tokens"])
    yield from filter(None, [described["model"].get("unk_token")])
    yield from byte_tokens() if described["model"]["type"] == "BPE" else ()


def _processed(processor: Any) -> Iterator[str]:
    """The tokens that a post-processor adds to a text."""
    for part in _numbered(processor):
        yield from (part[key][0] for key in ("sep", "cls") if key in part)
        yield from (name for special in part.get("special_tokens", {}).values() for name in special["tokens"])


def _numbered(processor: Any) -> Iterator[dict[str, Any]]:
    """The parts of a post-processor that hold ids of tokens."""
    if processor:
        yield processor
        for part in processor.get("processors", ()):
            yield from _numbered(part)


def _renumber(part: dict[str, Any], new: Mapping[str, int]) -> None:
    """Replace the ids in a part of a post-processor. new: token → id."""
    for key in ("sep", "cls"):
        if key in part:
            part[key][1] = new[part[key][0]]
    for special in part.get("special_tokens", {}).values():
        special["ids"] = [new[name] for name in special["tokens"]]
