"""The words of problems: chains of categories, each with its items, as lists in text files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.core.errors import PipelineError
from pipeline.core.files import library
from pipeline.core.system.reading import BLANKS, control_in, lines
from pipeline.evaluate.checking.verdict import ProblemError

LISTS = "values/igsm"
FORBIDDEN = ".;=?"  # characters that end a step or a sentence


@dataclass(frozen=True, eq=False)
class Chain:
    """A categorization such as District > Supermarket > Product: categories and items, each with its layer from 0.

    A name is an item or a category of one layer, never both.
    """

    name: str
    categories: Mapping[str, int]
    items: Mapping[str, int]

    def split(self, name: str) -> tuple[str, str] | None:
        """(X, Y) of `X's Y`, X an item, Y an item of the next layer or a later category; None for other names.

        A name may contain `'s ` itself, so every one is tried. ProblemError where two of them fit.
        """
        pair = None
        at = name.find("'s ")
        while at >= 0:
            left, right = name[:at], name[at + 3 :]
            layer = self.items.get(left)
            if layer is not None and (self.items.get(right) == layer + 1 or self.categories.get(right, -1) > layer):
                if pair:
                    raise ProblemError(f"'{name}' can be split in two ways", "Rename an item of the vocabulary.")
                pair = left, right
            at = name.find("'s ", at + 1)
        return pair


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The chains that problems are about."""

    chains: tuple[Chain, ...]

    @classmethod
    @cache
    def standard(cls) -> Vocabulary:
        """The lists of the library, read once."""
        return cls.at(library("recipes") / LISTS)

    @classmethod
    def at(cls, folder: Path) -> Vocabulary:
        """The vocabulary in a folder, a .txt file for each chain: `# Category`, `## sub-category`, then an item a line.

        PipelineError, with file and line, for anything else.
        """
        files = sorted(folder.glob("*.txt"))
        if not files:
            raise PipelineError("no lists of items (*.txt)", "Give the folder of a vocabulary.", str(folder))
        return cls(tuple(_chain(file.stem, str(file), lines(file)) for file in files))

    @classmethod
    def of(cls, chains: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Vocabulary:
        """The vocabulary in a manifest: chain → category → sub-category → items, with commas between."""
        return cls(tuple(_chain(name, name, _listed(name, categories)) for name, categories in chains.items()))


def _listed(chain: str, categories: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """The categories of a chain as lines of a file, each after its place."""
    for category, subs in categories.items():
        for line in (f"# {category}", *(item for items in subs.values() for item in items.split(","))):
            yield f"{chain}: {category}", line


def _chain(chain: str, source: str, lines: Iterable[tuple[str, str]]) -> Chain:
    categories: dict[str, int] = {}
    items: dict[str, int] = {}
    for place, line in lines:
        text = line.strip(BLANKS)
        if not text or text.startswith("## "):
            continue
        name = text.removeprefix("# ")
        if name != text:
            _put(categories, name, len(categories), categories, place)
        elif not categories:
            raise PipelineError(f"the item '{name}' has no category", "Begin with a line `# Category`.", place)
        else:
            # Two sub-categories of a category may share an item: it is in the same layer.
            _put(items, name, len(categories) - 1, {} if items.get(name) == len(categories) - 1 else items, place)
    if both := categories.keys() & items.keys():
        raise PipelineError(f"'{min(both)}' is a category and an item", "Rename one of them.", source)
    if len(categories) < 2:
        raise PipelineError("fewer than two categories", "A problem needs two layers.", source)
    return Chain(chain, categories, items)


def _put(names: dict[str, int], name: str, layer: int, taken: Mapping[str, int], place: str) -> None:
    if name in taken:
        raise PipelineError(f"'{name}' stands twice", "Remove one.", place)
    if control := control_in(name):
        raise PipelineError(f"a name holds a control character (U+{ord(control):04X})", "Remove it.", place)
    if any(character in FORBIDDEN for character in name):
        raise PipelineError(f"'{name}' holds one of {FORBIDDEN}", "Sentences could not be told apart.", place)
    names[name] = layer
