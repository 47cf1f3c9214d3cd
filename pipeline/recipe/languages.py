"""The languages of a recipe's sentences: declared in the recipe, or read from the file of each.

    sources.planets.templates: planets/de      planets/languages/de.yaml, languages/de.yaml, both beside the recipe, or
    sources.planets.language: de               the file of the library, templates/languages/de.yaml

What they say is written into the recipe, like everything that it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.core.errors import KeyPath, SpecError, alike
from pipeline.core.files import Files, library
from pipeline.recipe.places import Loaded, Origin
from pipeline.recipe.reading import Kind, read_file
from pipeline.recipe.validating import validated
from pipeline.text.language_spec import LanguageSpec

if TYPE_CHECKING:
    from pipeline.sources import SourceSpec

FOLDER = "languages"
KIND = Kind("language file", "pronouns, date, agreement")


def with_languages(loaded: Loaded) -> Loaded:
    """The recipe with every language that its sentences are in, for which it declares none itself.

    RecipeError, with file and line, for a language without a file, an invalid file, and two files of one language.
    """
    languages, read = dict(loaded.recipe.languages), dict[str, Path]()
    for name, source in loaded.recipe.sources.items():
        for language, (at, folder) in _named(source):
            if language in loaded.recipe.languages:
                continue
            with loaded.refusing("sources", name):
                file = _file(language, folder, loaded.files("sources", name, *map(str, at[:-1])), at)
                if read.setdefault(language, file) != file:
                    raise SpecError(
                        f"the language '{language}' has two files, {_shown(read[language])} and {_shown(file)}",
                        "Remove one, or give one of the languages another name.",
                        at,
                    )
            if language not in languages:
                languages[language] = _described(file)
    return replace(loaded, recipe=loaded.recipe.model_copy(update={"languages": languages}))


def known_languages() -> list[str]:
    """The languages of the library."""
    return sorted(path.stem for path in (library("templates") / FOLDER).glob("*.yaml"))


def _named(source: SourceSpec) -> Iterator[tuple[str, tuple[KeyPath, str]]]:
    """(language, (the key that names it, the folder of its templates)) for each language of a source."""
    yield from getattr(source, "languages", {}).items()


def _file(language: str, folder: str, files: Files, at: KeyPath) -> Path:
    """The file of a language: the one nearest to its templates. SpecError if there is none."""
    parents = [parent / FOLDER for parent in PurePosixPath(folder).parents if folder]
    for place in dict.fromkeys([*parents, PurePosixPath(FOLDER)]):
        try:
            return files.find(f"{place}/{language}.yaml", "templates", str(at[-1]))
        except SpecError as error:
            if not error.problem.startswith("no file"):
                raise SpecError(error.problem, error.remedy, at) from None
    known = known_languages()
    meant = alike(language, known)
    library_has = f"Did you mean '{meant[0]}'?" if meant else f"There are {', '.join(known)}."
    raise SpecError(
        f"no language '{language}'",
        f"{library_has} Another one is described in {FOLDER}/{language}.yaml, beside the recipe or its templates.",
        at,
    )


def _described(file: Path) -> LanguageSpec:
    """What a language file says. RecipeError, with file and line, for an invalid one."""
    tree = read_file(file, kind=KIND)
    return validated(LanguageSpec, tree.plain(nulls=False), Origin(tree))


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
