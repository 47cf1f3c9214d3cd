"""Reads the value lists and templates that a recipe names, and Faker. Every value keeps the place it was read from.

A path in a recipe is relative to the file it is written in. A file that does not exist there is looked up in the
library of the package (`recipes/` for values, `templates/` for templates). A path may not lead out of its folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from pipeline.core.errors import SpecError, suggest
from pipeline.core.faker_values import values_of
from pipeline.core.key import Key
from pipeline.core.system.reading import BLANKS, lines, records

COMMENT = re.compile(r"\{#(?:(?!#\}).)*#\}")  # a line of a template file that is no paraphrase
MOST_VALUES = 1_000_000  # of one list or table, which is tokenized at compile time and held by every worker
_CHECKOUT = Path(__file__).resolve().parents[2]
_INSTALLED = Path(__file__).resolve().parents[1] / "library"


def library(kind: str) -> Path:
    """The folder `recipes` or `templates` (`kind`): in the checkout, or the copy inside an installed wheel."""
    installed = _INSTALLED / kind
    return installed if installed.is_dir() else _CHECKOUT / kind


@dataclass(frozen=True)
class Text:
    """A text and its place, `file:line`."""

    text: str
    place: str


@dataclass(frozen=True)
class Files:
    """Reads the files that one part of a recipe names; `path` is the path of that part.

    folder_of: key path → folder of the recipe file it is written in (a recipe may extend one in another folder).
    key: the seed of Faker's values. place_of: key path → `file:line`. allow_code: whether the user has said that code
    which the recipe names may run.
    """

    path: tuple[str, ...]
    folder_of: Callable[[tuple[str | int, ...]], Path]
    key: Key
    place_of: Callable[[tuple[str | int, ...]], str] = str
    allow_code: bool = False

    def child(self, *steps: str) -> Files:
        """The same for the part at `steps` below this one."""
        return Files((*self.path, *steps), self.folder_of, self.key.child(*steps), self.place_of, self.allow_code)

    def place(self, *steps: str | int) -> str:
        """`file:line` of the key at `steps` below this part, for messages."""
        return self.place_of((*self.path, *steps))

    def find(self, path: str, kind: str, field: str) -> Path:
        """The file or folder at `path`, as the key `field` names it; `kind` is the library to fall back to.

        SpecError if it does not exist, or if the path leads out of the folder.
        """
        pure = PurePosixPath(path)
        if pure.is_absolute() or ".." in pure.parts or "\\" in path or "\0" in path:
            raise SpecError(
                f"the path '{path}' leaves the folder of its recipe",
                "Put the file beside the recipe, or below it, and name it from there.",
                (field,),
            )
        roots = (self.folder_of((*self.path, field)), library(kind))
        for root in roots:
            file = root / pure
            if os.path.exists(file):  # which, unlike Path.exists, takes any name
                if not file.resolve().is_relative_to(root.resolve()):
                    raise SpecError(f"'{path}' is a link that leaves its folder", "Copy the file there.", (field,))
                return file
        looked = " and in ".join(_shown(root) or "." for root in dict.fromkeys(roots))
        raise SpecError(f"no file '{path}'", f"Looked in {looked}.", (field,))

    def lines(self, path: str) -> tuple[Text, ...]:
        """The non-blank lines of a text file, blanks and tabs at their ends removed."""
        return _lines(self.find(path, "recipes", "file"))

    def whole_lines(self, path: str, field: str) -> tuple[Text, ...]:
        """The non-blank lines of a text file that the key `field` names, with the blanks and tabs at their ends."""
        file = self.find(path, "recipes", field)
        texts = (Text(line, place) for place, line in lines(file, _shown(file)) if line.strip(BLANKS))
        return _few(texts, file)

    def column(self, path: str, column: str) -> tuple[Text, ...]:
        """The cells, unchanged, of the column with this header, in a .tsv (tab) or .csv (comma) file."""
        file = self.find(path, "recipes", "file")
        table = records(file, "\t" if file.suffix == ".tsv" else ",", _shown(file))
        _, header = next(table, ("", []))
        if column not in header:
            raise SpecError(f"no column '{column}' in {_shown(file)}", suggest(column, header))
        if header.count(column) > 1:
            raise SpecError(f"the column '{column}' stands twice in {_shown(file)}", "Rename one.")
        at = header.index(column)

        def cells() -> Iterator[Text]:
            for place, row in table:
                if len(row) != len(header):
                    raise SpecError(f"{place} has {len(row)} columns, its header {len(header)}")
                yield Text(row[at], place)

        return _few(cells(), file)

    def templates(self, path: str) -> dict[str, tuple[Text, ...]]:
        """Name → lines, one paraphrase each, of every `<name>.j2` in a folder; no line that is but a comment."""
        folder = self.find(path, "templates", "templates")
        files = sorted(folder.glob("*.j2")) if folder.is_dir() else []
        if not files:
            raise SpecError(f"no templates (*.j2) in '{path}'", "One file an attribute, one paraphrase a line.")
        texts = self._all_lines(path, files)
        return {name: tuple(line for line in of if not COMMENT.fullmatch(line.text)) for name, of in texts.items()}

    def comments(self, path: str) -> dict[str, tuple[Text, ...]]:
        """Name → lines that are nothing but a comment, {# so #}, of every `<name>.j2` in a folder with some."""
        texts = self._all_lines(path, sorted(self.find(path, "templates", "templates").glob("*.j2")))
        comments = {name: tuple(line for line in of if COMMENT.fullmatch(line.text)) for name, of in texts.items()}
        return {name: of for name, of in comments.items() if of}

    def _all_lines(self, path: str, files: Iterable[Path]) -> dict[str, tuple[Text, ...]]:
        return {file.stem: _lines(self.find(f"{path}/{file.name}", "templates", "templates")) for file in files}

    def faker(self, provider: str, locale: str, count: int) -> tuple[Text, ...]:
        """`count` distinct values of a Faker provider: the same whenever key and release of Faker are the same."""
        values = values_of(provider, locale, count, self.key.low)
        return tuple(Text(value, f"faker:{provider}") for value in values)


def _lines(path: Path) -> tuple[Text, ...]:
    """The non-blank lines of a file, blanks and tabs at their ends removed."""
    stripped = ((place, line.strip(BLANKS)) for place, line in lines(path, _shown(path)))
    return _few((Text(line, place) for place, line in stripped if line), path)


def _few(texts: Iterable[Text], path: Path) -> tuple[Text, ...]:
    """The texts as a tuple. SpecError as soon as there are more than MOST_VALUES."""
    taken = tuple(islice(texts, MOST_VALUES + 1))
    if len(taken) > MOST_VALUES:
        raise SpecError(f"{_shown(path)} has more than {MOST_VALUES:,} lines", f"It may have {MOST_VALUES:,}.")
    return taken


def _shown(path: Path) -> str:
    """A path for messages: relative to the current folder or the checkout if it lies inside, else as it is."""
    for base in (Path.cwd(), _CHECKOUT):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)
