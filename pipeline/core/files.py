"""Reading what a recipe names: value lists, templates, Faker. Every value keeps the place it was read from.

A path in a recipe is relative to the file that says it; what is not found there is looked up in the library that comes
with the package (`recipes/` for values, `templates/` for templates). A path may not leave its folder.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.core.errors import SpecError, suggest
from pipeline.core.key import Key

if TYPE_CHECKING:
    from faker import Faker

_CHECKOUT = Path(__file__).resolve().parents[2]
_INSTALLED = Path(__file__).resolve().parents[1] / "library"


def library(kind: str) -> Path:
    """The folder `recipes` or `templates`: that of the checkout, or the copy inside an installed wheel."""
    installed = _INSTALLED / kind
    return installed if installed.is_dir() else _CHECKOUT / kind


@dataclass(frozen=True)
class Text:
    """A text and where it stands, `file:line`."""

    text: str
    place: str


@dataclass(frozen=True)
class Files:
    """The files that the part of a recipe at `path` may name.

    folder_of: the folder of the recipe file in which a key stands (a recipe may extend one in another folder).
    key: freezes what Faker draws. place_of: the file and line of a key.
    """

    path: tuple[str, ...]
    folder_of: Callable[[tuple[str | int, ...]], Path]
    key: Key
    place_of: Callable[[tuple[str | int, ...]], str] = str

    def child(self, *steps: str) -> Files:
        """The files of a part further down."""
        return Files((*self.path, *steps), self.folder_of, self.key.child(*steps), self.place_of)

    def place(self, *steps: str | int) -> str:
        """Where a key further down stands, for messages."""
        return self.place_of((*self.path, *steps))

    def find(self, path: str, kind: str, field: str) -> Path:
        """The file or folder that the key `field` names; `kind` is the library to fall back to.

        SpecError where there is none, or where the path leaves the folder.
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
            found = root / pure
            if os.path.exists(found):  # which, unlike Path.exists, takes any name
                if not found.resolve().is_relative_to(root.resolve()):
                    raise SpecError(f"'{path}' is a link that leaves its folder", "Copy the file there.", (field,))
                return found
        looked = " and in ".join(_shown(root) or "." for root in dict.fromkeys(roots))
        raise SpecError(f"no file '{path}'", f"Looked in {looked}.", (field,))

    def lines(self, path: str) -> tuple[Text, ...]:
        """The lines of a text file that are not blank, stripped."""
        found = self.find(path, "recipes", "file")
        return tuple(
            Text(line.strip(), f"{_shown(found)}:{number}")
            for number, line in enumerate(_read(found).splitlines(), 1)
            if line.strip()
        )

    def column(self, path: str, column: str) -> tuple[Text, ...]:
        """One column, by its header, of a .tsv (tab) or .csv (comma) file."""
        found = self.find(path, "recipes", "file")
        try:
            rows = list(csv.reader(_read(found).splitlines(), delimiter="\t" if found.suffix == ".tsv" else ","))
        except csv.Error as error:
            raise SpecError(f"cannot read {_shown(found)}: {error}", "It must be a table of short fields.") from None
        header = rows[0] if rows else []
        if column not in header:
            raise SpecError(f"no column '{column}' in {_shown(found)}", suggest(column, header))
        at = header.index(column)
        for number, row in enumerate(rows[1:], 2):
            if len(row) != len(header):
                raise SpecError(f"{_shown(found)}:{number} has {len(row)} columns, its header {len(header)}")
        return tuple(Text(row[at].strip(), f"{_shown(found)}:{number}") for number, row in enumerate(rows[1:], 2))

    def templates(self, path: str) -> dict[str, tuple[Text, ...]]:
        """Every `<name>.j2` of a folder of templates: name → its lines, one paraphrase each."""
        folder = self.find(path, "templates", "templates")
        files = sorted(folder.glob("*.j2")) if folder.is_dir() else []
        if not files:
            raise SpecError(f"no templates (*.j2) in '{path}'", "One file an attribute, one paraphrase a line.")
        return {
            file.stem: tuple(
                Text(line.strip(), f"{_shown(file)}:{number}")
                for number, line in enumerate(_read(file).splitlines(), 1)
                if line.strip()
            )
            for file in files
        }

    def faker(self, provider: str, locale: str, count: int) -> tuple[Text, ...]:
        """`count` distinct values of a Faker provider, the same for the same key and release of Faker."""
        from faker import Faker
        from faker.config import AVAILABLE_LOCALES

        if locale not in AVAILABLE_LOCALES:
            raise SpecError(f"Faker has no locale '{locale}'", suggest(locale, AVAILABLE_LOCALES), ("locale",))
        fake = Faker(locale)
        fake.seed_instance(self.key.low)
        known = {name for group in fake.get_providers() for name in dir(group) if name.islower() and name[0] != "_"}
        if provider not in known:
            raise SpecError(f"Faker has no provider '{provider}'", suggest(provider, known), ("faker",))
        clocks = [group for group in fake.get_providers() if _CLOCKED & set(type(group).__module__.split("."))]
        if provider in _CLOCKED or any(provider in vars(base) for group in clocks for base in type(group).__mro__):
            raise SpecError(
                f"Faker's '{provider}' depends on today's date", "Use an attribute of kind date or integer.", ("faker",)
            )
        values: dict[str, None] = {}
        misses = 0  # in a row: as many as there are values, and a thousand, and there are hardly any more
        while len(values) < count and misses < 1000 + len(values):
            text = " ".join(_called(fake, provider).split())
            misses = 0 if text and text not in values else misses + 1
            if text:
                values[text] = None
        if len(values) < count:
            raise SpecError(
                f"Faker's '{provider}' ({locale}) has only {len(values)} distinct values, not {count}",
                f"Ask for count: {len(values)} or fewer.",
                ("count",),
            )
        return tuple(Text(value, f"faker:{provider}") for value in values)


# Groups of providers, and single ones, that draw dates counted from today: their values would change by the day.
_CLOCKED = {"date_time", "passport", "profile", "ssn", "credit_card_expire", "credit_card_full", "pesel"}


def _called(fake: Faker, provider: str) -> str:
    """One value of a provider as text."""
    try:
        value = getattr(fake, provider)()
    except Exception as error:  # it needs arguments, or a package
        raise SpecError(f"Faker's '{provider}' fails: {error}", "Choose another.", ("faker",)) from None
    if not isinstance(value, str | int):
        raise SpecError(f"Faker's '{provider}' gives {type(value).__name__}, not text", "Choose another.", ("faker",))
    return str(value)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read {_shown(path)}: {error}", "It must be a UTF-8 text file.") from None


def _shown(path: Path) -> str:
    """A path as short as a reader needs it: from the checkout or the current folder where it lies inside."""
    for base in (Path.cwd(), _CHECKOUT):
        if path.is_relative_to(base):
            return str(path.relative_to(base))
    return str(path)
