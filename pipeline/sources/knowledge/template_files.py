"""Templates of a recipe, from files in a folder or from the recipe itself, and their lines as programs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field as Key_
from pydantic import PrivateAttr

from pipeline.core.errors import KeyPath, SpecError, specified_at
from pipeline.core.files import Files, Text
from pipeline.core.notices import Notice
from pipeline.core.spec import Name, Rational, Spec
from pipeline.sources.knowledge.wording_notices import doubled_stops, missing_forms
from pipeline.text.expressions import Allowance, Program
from pipeline.text.fields import LANGUAGE, Grammar, Variable
from pipeline.text.pieces import UNSPACED
from pipeline.text.templates import bare_articles, parts, pieces
from pipeline.worlds.world import World

WRITTEN = re.compile(r"\{# (\d+ lines? written by .+) #\}")
"""The comment above lines that a language model wrote: {# 200 lines written by <model>, <settings>, <date> #}."""


class TemplatesSpec(Spec):
    """A set of templates: files of one folder or several, or the lines themselves."""

    templates: str | list[str] | dict[Name, list[str]] = Key_(
        description="A folder of <sentence>.j2 files, one paraphrase a line; a list of folders, a later one of which "
        "replaces files of earlier ones; or the lines themselves by sentence."
    )
    authors: dict[Name, list[str]] | None = Key_(
        None,
        exclude=True,
        description="Which language models wrote lines of which sentence: the comments of the files say it, and fill "
        "this in.",
    )
    _places: dict[str, tuple[str, ...]] = PrivateAttr(default_factory=dict)

    def materialise(self, files: Files) -> Self:
        """The same with the lines of the files, and the place of each. SpecError if there is no such folder."""
        if not isinstance(self.templates, dict):
            texts: dict[str, tuple[Text, ...]] = {}
            comments: dict[str, tuple[Text, ...]] = {}
            with specified_at("templates"):
                for folder in self._folders:
                    texts |= files.templates(folder)
                    comments |= files.comments(folder)
                authors = authors_of(comments)
        else:
            texts = {
                name: tuple(Text(line, files.place("templates", name, i)) for i, line in enumerate(lines))
                for name, lines in self.templates.items()
            }
            authors = self.authors
        lines = {name: [line.text for line in of] for name, of in texts.items()}
        copy = self.model_copy(update={"templates": lines, "authors": authors})
        copy._places = {name: tuple(line.place for line in of) for name, of in texts.items()}
        return copy

    @property
    def languages(self) -> Mapping[str, tuple[KeyPath, str]]:
        """Language of its sentences → the key that names it, and the folder of its templates, "" if there is none."""
        name = getattr(self, "language", None)
        named = {name: (("language",), self._folder)} if name else {}
        translations: Mapping[str, TemplatesSpec] = getattr(self, "translations", {})
        return named | {name: (("translations", name), spec._folder) for name, spec in translations.items()}

    @property
    def _folder(self) -> str:
        return next(iter(self._folders), "")

    @property
    def _folders(self) -> list[str]:
        given = self.templates
        return [given] if isinstance(given, str) else given if isinstance(given, list) else []

    @property
    def known(self) -> Mapping[str, list[str]]:
        """Sentence (the file's name) → its paraphrases."""
        assert isinstance(self.templates, dict), "materialise comes first"
        return self.templates

    def lines(self, sentence: str) -> list[Text]:
        """The paraphrases of a sentence, with the place of each."""
        return [Text(*line) for line in zip(self.known[sentence], self._places[sentence], strict=True)]

    @property
    def credits(self) -> tuple[str, ...]:
        """A line for each run of a language model that wrote some of the lines: `city: 200 lines written by …`."""
        return tuple(f"{name}: {line}" for name, of in (self.authors or {}).items() for line in of)

    def check(self, sentence: str) -> None:
        """SpecError if a sentence has no paraphrases, or equal ones."""
        lines = self.known[sentence]
        if not lines:
            raise SpecError("no template", "Give at least one line.", ("templates", sentence))
        if not all(line.strip() for line in lines):
            raise SpecError("a template is empty", "Remove it.", ("templates", sentence))
        if len(set(lines)) < len(lines):
            twice = next(line for line in lines if lines.count(line) > 1)
            raise SpecError(f"the template {twice!r} stands twice", "Remove one.", ("templates", sentence))


def authors_of(comments: Mapping[str, Sequence[Text]]) -> dict[str, list[str]] | None:
    """Sentence → what its comments say of language models that wrote lines of it; None if none did."""
    written = {
        name: [match[1] for line in of if (match := WRITTEN.fullmatch(line.text))] for name, of in comments.items()
    }
    return {name: of for name, of in written.items() if of} or None


class TranslationSpec(TemplatesSpec):
    """Templates in another language, and how many of an individual's paraphrases are in it."""

    share: Rational = Key_(gt=0, le=1, description="A fraction of each individual's paraphrases.")


def _begun(program: Program, scope: Mapping[str, Variable]) -> Program:
    """A program with what says that no space stands before it, in languages that write none."""
    grammar = scope.get(LANGUAGE)
    spaced = not isinstance(grammar, Grammar) or grammar.language.spec.spaced
    return program if spaced else [UNSPACED, *program]


class CompiledLines:
    """The programs of a source's template lines, in the order in which they are added.

    places: for each program the `file:line` of its line.
    """

    def __init__(self, world: World) -> None:
        """world: messages about unknown variables name it."""
        self.programs: list[Program] = []
        self.places: list[str] = []
        self._owner = f"world '{world.name}'"
        self._allowance = Allowance()
        self._missing_forms: dict[tuple[str, str], str] = {}

    def cut(self, line: Text, scope: Mapping[str, Variable]) -> list[Program]:
        """The programs of a line, one for each part between its bars. Adds none. TemplateError as `pieces`."""
        cut = parts(pieces(line, scope, self._owner, self._allowance))
        return [_begun(part, scope) if part else part for part in cut]

    def add(self, line: Text, scope: Mapping[str, Variable], programs: Sequence[Program] | None = None) -> range:
        """Add the programs of a line (from `cut`; by default the whole line is one). Returns their numbers."""
        if programs is None:
            programs = [_begun(pieces(line, scope, self._owner, self._allowance), scope)]
        for missing in bare_articles(line, scope):
            self._missing_forms.setdefault(missing, line.place)
        self.programs += programs
        self.places += [line.place] * len(programs)
        return range(len(self.programs) - len(programs), len(self.programs))

    def notices(self) -> list[Notice]:
        """What `plan` reports about the lines: doubled full stops, and forms that values lack."""
        return [*doubled_stops(self.programs, self.places), *missing_forms(self._missing_forms)]
