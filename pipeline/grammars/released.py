"""Grammars as the published generator of Part 1 stores them: JSON with depth, sizes, idx, all.

    depth 2, idx [[10], [8, 9], [1, 2, 3]]          ids of symbols, by levels
    all[1][0]["children"] [[0, 2], [1, 1, 0]]       8 -> 1 3 | 2 2 1

An implicit grammar (`multi_vocab`) shows a word of a bag for each terminal: here it has one more level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import SpecError
from pipeline.grammars.grammar import Grammar, Rule

_UNPUBLISHED = ("content_depth", "double_data_layer")
_NO = (None, False, "", "false")

Rules = list[dict[Rule, int]]
"""For each symbol of a level: its rules, and their weights."""


def released(document: Mapping[str, Any]) -> Grammar:
    """The grammar in the parsed JSON. SpecError if it is no grammar.

    Symbols are named by their ids. A rule that occurs twice gets twice the weight; symbols that no sentence needs are
    left out. The other keys, which state how the grammar was drawn, are ignored.
    """
    for key in _UNPUBLISHED:
        if document.get(key) not in _NO:
            raise SpecError(f"a grammar with '{key}'", "The published generator does not say what it means.")
    try:
        names, rules = _levels(document)
        if document.get("multi_vocab") not in _NO:
            words, bags = _bags(document, len(names[-1]))
            names, rules = [*names, words], [*rules, bags]
        return _needed(names, rules)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError) as error:
        problem = f"not a grammar of the published generator ({type(error).__name__}: {error})"
        raise SpecError(problem, "It has depth, sizes, idx, and in all the children of each symbol.") from None


def _levels(document: Mapping[str, Any]) -> tuple[list[list[str]], list[Rules]]:
    depth, sizes, idx, nodes = int(document["depth"]), document["sizes"], document["idx"], document["all"]
    names = [[str(int(idx[i][j])) for j in range(int(sizes[i]))] for i in range(depth + 1)]
    children = [[nodes[i][j]["children"] for j in range(len(names[i]))] for i in range(depth)]
    return names, [[dict(Counter(tuple(map(int, rule)) for rule in rules)) for rules in level] for level in children]


def _bags(document: Mapping[str, Any], terminals: int) -> tuple[list[str], Rules]:
    """All words, and for each terminal a rule for each word in its bag."""
    kind = str(document["multi_vocab"])
    if "disjoint" not in kind and "overlap" not in kind:
        raise SpecError(f"the multi_vocab '{kind}' is unknown", "It has `disjoint` or `overlap` in it, perhaps `NU1`.")
    bags = [[int(word) for word in document["content_map"][j]] for j in range(terminals)]
    place = {word: at for at, word in enumerate(sorted({word for bag in bags for word in bag}))}
    rules: Rules = []
    for bag in bags:
        weights: Counter[Rule] = Counter()
        for nth, word in enumerate(bag, 1):
            weights[(place[word],)] += nth if "NU1" in kind else 1
        rules.append(dict(weights))
    return [str(word) for word in place], rules


def _needed(names: list[list[str]], rules: list[Rules]) -> Grammar:
    """The grammar without the symbols that no sentence needs."""
    kept = [list(range(len(names[0])))]
    for level in rules:
        kept.append(sorted({child for symbol in kept[-1] for rule in level[symbol] for child in rule}))
    place = [{symbol: at for at, symbol in enumerate(level)} for level in kept]
    left = [[rules[i][symbol] for symbol in level] for i, level in enumerate(kept[:-1])]
    return Grammar(
        tuple(tuple(names[i][symbol] for symbol in level) for i, level in enumerate(kept)),
        tuple(
            tuple(tuple(tuple(below[c] for c in rule) for rule in rules_of_symbol) for rules_of_symbol in level)
            for level, below in zip(left, place[1:], strict=True)
        ),
        tuple(tuple(tuple(weights.values()) for weights in level) for level in left),
    )
