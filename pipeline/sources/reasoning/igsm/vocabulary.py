"""The names of items: chains of four categories, each with sub-categories, each with its items.

# Town            a category; a file has four, and things of each may contain things of the next
## river          a sub-category; all items in a layer of a problem are from the same
Willowford        an item

In a materialised recipe, the items of a sub-category are one text, separated by commas.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.core.draws import I64
from pipeline.core.errors import SpecError
from pipeline.core.files import Files, Text
from pipeline.core.system.reading import BLANKS

LAYERS = 4
LEAST_ITEMS = 4  # in a sub-category: the most that a layer can need
FORBIDDEN = "'.;:=,?[]<>"

Chain = dict[str, dict[str, str]]
"""Category → sub-category → items, with commas between."""


def items_of(text: str) -> list[str]:
    """The items in the text of a sub-category."""
    return [item.strip(BLANKS) for item in text.split(",")]


def read(folder: str, files: Files) -> dict[str, Chain]:
    """The chains of a folder, one in each file, in the order of file names. SpecError if one cannot be read."""
    place = files.find(folder, "recipes", "vocabulary")
    names = sorted(path.name for path in place.glob("*.txt")) if place.is_dir() else []
    if not names:
        raise SpecError(f"no vocabulary (*.txt) in '{folder}'", "One file a chain of categories.", ("vocabulary",))
    return {name.removesuffix(".txt"): _parsed(files.lines(f"{folder}/{name}")) for name in names}


def _parsed(lines: tuple[Text, ...]) -> Chain:
    chain: dict[str, dict[str, list[str]]] = {}
    for line in lines:
        hashes = len(line.text) - len(line.text.lstrip("#"))
        text = line.text[hashes:].strip(BLANKS)
        if hashes == 1:
            items, subs = None, chain.setdefault(text, {})
        elif hashes == 2 and chain:
            items = subs.setdefault(text, [])
        elif hashes == 0 and chain and items is not None:
            items.append(text)
        else:
            raise SpecError(
                f"{line.place}: '{line.text}' stands in no category", "Write # and ## before.", ("vocabulary",)
            )
    return {name: {sub: ", ".join(items) for sub, items in subs.items()} for name, subs in chain.items()}


def check(chains: dict[str, Chain]) -> None:
    """SpecError if two names could be confused: a name occurs twice, or begins or ends another of its chain."""
    seen: set[str] = set()
    for chain, categories in chains.items():
        if len(categories) != LAYERS:
            raise SpecError(f"'{chain}' has {len(categories)} categories", f"It needs {LAYERS}.", ("vocabulary", chain))
        for category, subs in categories.items():
            if not subs or min(len(items_of(text)) for text in subs.values()) < LEAST_ITEMS:
                raise SpecError(
                    f"'{category}' has no sub-category, or one of less than {LEAST_ITEMS} items",
                    "A layer of a problem is of one sub-category.",
                    ("vocabulary", chain, category),
                )
        names = list(_names(categories))
        _check_names(names, chain, seen)
        seen |= set(names)


def _check_names(names: list[str], chain: str, seen: set[str]) -> None:
    at = ("vocabulary", chain)
    for name in names:
        if name in seen or names.count(name) > 1:
            raise SpecError(f"the name '{name}' stands twice", "Names must be distinct.", at)
        if not name or any(c in FORBIDDEN or c.isdigit() for c in name) or not name.replace(" ", "").isalpha():
            raise SpecError(f"the name '{name}' is not all letters and spaces", "Numbers and marks are read.", at)
    known = set(names)
    for name in names:
        words = name.split(" ")
        parts = {" ".join(words[:i]) for i in range(1, len(words))} | {
            " ".join(words[i:]) for i in range(1, len(words))
        }
        if parts & known:
            part = min(parts & known)
            raise SpecError(f"the name '{name}' begins or ends with another, '{part}'", "Change one of them.", at)


def _names(chain: Chain) -> Iterator[str]:
    for category, subs in chain.items():
        yield category
        for text in subs.values():
            yield from items_of(text)


def table(chains: dict[str, Chain]) -> tuple[list[str], I64]:
    """All names, and an index into them: int64 (chains, 4, 1 + 2 · subs).

    For each category its row among the names, then the first row and the number of rows of each sub-category (0 rows,
    if it has fewer sub-categories than others).
    """
    most = max(len(subs) for chain in chains.values() for subs in chain.values())
    names: list[str] = []
    places = np.zeros((len(chains), LAYERS, 1 + 2 * most), np.int64)
    for c, chain in enumerate(chains.values()):
        for i, (category, subs) in enumerate(chain.items()):
            places[c, i, 0] = len(names)
            names.append(category)
            for s, items in enumerate(map(items_of, subs.values())):
                places[c, i, 1 + 2 * s : 3 + 2 * s] = len(names), len(items)
                names += items
    return names, places
