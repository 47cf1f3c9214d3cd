"""The sentences that tell an individual: templates by language, for each way to call the subject, as programs.

language   en            fr          how the subject is called   NAME       Anya Briar Forger was born in …
sentence   birth_city    birth_city                              PRONOUN    She was born in …
wording    0 … 48        0 … 21                                  NAMELESS   The person was born in …
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import Field as Key_
from pydantic import PrivateAttr

from pipeline.core.draws import I32
from pipeline.core.errors import SpecError, specified_at, suggest
from pipeline.core.files import Files, Text
from pipeline.core.spec import Name, Rational, Spec
from pipeline.text.expressions import Allowance, Program
from pipeline.text.fields import Agreement, Column, Field, Variable
from pipeline.text.languages import LANGUAGES, Language
from pipeline.text.templates import bare_articles, pieces
from pipeline.worlds.world import World

NAME, PRONOUN, NAMELESS = MODES = (0, 1, 2)  # how a sentence calls its subject
CLOSING = "name"  # the sentence that ends a biography in which nobody has been named


class TemplatesSpec(Spec):
    """A set of templates: files of a folder, or the lines themselves."""

    templates: str | dict[Name, list[str]] = Key_(
        description="A folder of <sentence>.j2 files, one paraphrase a line, or the lines themselves by sentence."
    )
    _places: dict[str, tuple[str, ...]] = PrivateAttr(default_factory=dict)

    def materialise(self, files: Files) -> Self:
        if not isinstance(self.templates, str):
            copy = self.model_copy()
            copy._places = {
                name: tuple(files.place("templates", name, i) for i in range(len(lines)))
                for name, lines in self.templates.items()
            }
            return copy
        with specified_at("templates"):
            found = files.templates(self.templates)
        lines = {name: [line.text for line in texts] for name, texts in found.items()}
        copy = self.model_copy(update={"templates": lines})
        copy._places = {name: tuple(line.place for line in texts) for name, texts in found.items()}
        return copy

    @property
    def known(self) -> Mapping[str, list[str]]:
        """Sentence → its paraphrases."""
        assert not isinstance(self.templates, str), "materialise comes first"
        return self.templates

    def lines(self, sentence: str) -> list[Text]:
        """The paraphrases of a sentence, with the place of each."""
        return [Text(*line) for line in zip(self.known[sentence], self._places[sentence], strict=True)]

    def check(self, sentence: str) -> None:
        """SpecError where the paraphrases of a sentence are none, or not distinct lines."""
        lines = self.known[sentence]
        if not lines:
            raise SpecError("no template", "Give at least one line.", ("templates", sentence))
        if not all(line.strip() for line in lines):
            raise SpecError("a template is empty", "Remove it.", ("templates", sentence))
        if len(set(lines)) < len(lines):
            twice = next(line for line in lines if lines.count(line) > 1)
            raise SpecError(f"the template {twice!r} stands twice", "Remove one.", ("templates", sentence))


class TranslationSpec(TemplatesSpec):
    """Templates in another language, and how many of an individual's paraphrases are in it."""

    share: Rational = Key_(gt=0, le=1, description="A fraction of each individual's paraphrases.")


@dataclass(frozen=True)
class Sentence:
    """What a sentence is about. templates: under which name its paraphrases stand. number: of a repeated attribute."""

    name: str
    templates: str
    number: int | None = None


def sentences_of(
    told: Sequence[Name | list[Name]] | None, known: Mapping[str, list[str]], world: World
) -> list[list[Sentence]]:
    """The sentences to tell, in groups that stay together: those asked for, or all, in the order of the attributes."""
    repeated = {name: len(spec.repeated(name)) for name, spec in world.spec.attributes.items() if spec.kind == "codes"}
    ordered = [name for name in world.spec.attributes if name in known and name != world.of_kind("name")]
    chosen = told or ordered + sorted(known.keys() - set(ordered) - {CLOSING})
    if not chosen:
        raise SpecError("there are no templates", "Give at least one sentence.", ("templates",))
    groups = [[entry] if isinstance(entry, str) else entry for entry in chosen]
    flat = [name for group in groups for name in group]
    for name in flat:
        if name not in known:
            at = ("sentences",)
            raise SpecError(f"no templates for the sentence '{name}'", suggest(name, known), at, [at, ("templates",)])
    if len(set(flat)) < len(flat):
        raise SpecError("a sentence stands twice", "Remove one.", ("sentences",))
    expanded: list[list[Sentence]] = []
    for group in groups:
        if len(group) == 1 and group[0] in repeated:
            name = group[0]
            expanded += [[Sentence(f"{name}_{k}", name, k)] for k in range(1, repeated[name] + 1)]
        else:
            expanded.append([Sentence(name, name) for name in group])
    return expanded


class Wordings:
    """All programs, and where those of a language, a mode and a sentence begin.

    places: the line of each program, `file:line`. bare: (variable, article) → the first line that asks for an
    article of which the values have no form. counts[language][sentence]: paraphrases. base (languages, modes,
    sentences) int32: the first program; -1 where the sentence is never told so.
    """

    def __init__(
        self,
        sets: Mapping[str, TemplatesSpec],
        sentences: Sequence[Sentence],
        world: World,
        occurs: Mapping[int, frozenset[int]],
    ) -> None:
        """occurs: mode → the sentences that are ever told in it. SpecError, TemplateError for what cannot be told."""
        self.programs: list[Program] = []
        self.places: list[str] = []
        self.bare: dict[tuple[str, str], str] = {}
        self.counts: list[list[int]] = []
        self._allowance = Allowance()
        self.base: I32 = np.full((len(sets), len(MODES), len(sentences)), -1, np.int32)
        for number, (language, templates) in enumerate(sets.items()):
            path = ("translations", language) if number else ()
            with specified_at(*path):
                for sentence in sentences:
                    if sentence.templates not in templates.known:
                        raise SpecError(
                            f"no templates for the sentence '{sentence.templates}' in the language '{language}'",
                            suggest(sentence.templates, templates.known),
                            ("templates",),
                            lacking=True,
                        )
                    templates.check(sentence.templates)
                self._add(number, language, templates, sentences, world, occurs)

    def _add(
        self,
        number: int,
        language: str,
        templates: TemplatesSpec,
        sentences: Sequence[Sentence],
        world: World,
        occurs: Mapping[int, frozenset[int]],
    ) -> None:
        self.counts.append([len(templates.known[sentence.templates]) for sentence in sentences])
        for mode, told in occurs.items():
            scope = scope_of(world, mode, language) if told else {}
            for s in sorted(told):
                sentence = sentences[s]
                own = scope | _own_words(sentence, scope)
                self.base[number, mode, s] = len(self.programs)
                lines = templates.lines(sentence.templates)
                owner = f"world '{world.name}'"
                self.programs += [pieces(line, own, owner, self._allowance) for line in lines]
                self.places += [line.place for line in lines]
                for line in lines:
                    self.bare.update(
                        {asked: line.place for asked in bare_articles(line, own) if asked not in self.bare}
                    )


def _own_words(sentence: Sentence, scope: Mapping[str, Variable]) -> dict[str, Variable]:
    """{{ value }}: the attribute that the sentence is named after. {{ number }}: which of several alike."""
    words: dict[str, Variable] = {}
    if sentence.name in scope and "value" not in scope:
        words["value"] = scope[sentence.name]
    if sentence.number is not None and "number" not in scope:
        words["number"] = Field((str(sentence.number),))
    return words


def scope_of(world: World, mode: int, language: str) -> dict[str, Variable]:
    """The variables of a sentence: the world's attributes, and words for its subject (text/languages.py).

    {{ subject }} Anya Briar Forger · She     {{ subject_possessive }} Anya Briar Forger's · Her
    {{ object }} her     {{ possessive }} her     {{ verb("was", "were") }} agrees with the subject
    """
    if language not in LANGUAGES:
        raise SpecError(f"no language '{language}'", suggest(language, LANGUAGES))
    words = LANGUAGES[language]
    name, pronoun = world.of_kind("name"), world.of_kind("pronoun")
    if name is None:
        raise SpecError(f"the world '{world.name}' has no attribute of kind name", "Biographies need one.", ("world",))
    if mode != NAME and pronoun is None:
        raise SpecError(
            f"the world '{world.name}' has no pronoun for the sentences after the first",
            "Declare an attribute of kind pronoun, or set full_name: all.",
            ("full_name",),
        )
    scope: dict[str, Variable] = dict(world.fields_in(language))
    for word in ("subject", "subject_possessive", "object", "possessive", "verb", "particle"):
        if word in scope:
            raise SpecError(f"the world '{world.name}' calls an attribute '{word}'", "Rename it.", ("world",))
    if pronoun is not None:
        scope |= _pronoun_words(world.fields[pronoun], words)
    if mode == NAME:
        scope |= _name_words(world.fields[name], words)
    if mode == NAMELESS:
        scope |= {word: Field((text,)) for word, text in words.nameless.items()}
        if words.agreement:
            scope[words.agreement] = Agreement(second=(words.second(words.nameless["subject"], pronoun=False),))
    return scope


def _name_words(field: Field, words: Language) -> dict[str, Variable]:
    scope: dict[str, Variable] = {
        word: Field(field.format, field.parts, field.label, after=after) for word, after in words.after_name.items()
    }
    last = field.format[-1]
    assert isinstance(last, Column)
    if words.agreement:
        second = tuple(words.second(str(value), pronoun=False) for value in last.values)
        scope[words.agreement] = Agreement(last.slot, second) if any(second) else Agreement()
    return scope


def _pronoun_words(field: Field, words: Language) -> dict[str, Variable]:
    column = field.format[0]
    assert isinstance(column, Column)
    values = [str(value) for value in column.values]
    scope: dict[str, Variable] = {
        word: Field((Column(column.slot, tuple(words.pronouns[value][word] for value in values)),), label=field.label)
        for word in words.pronouns[values[0]]
    }
    if words.agreement:
        scope[words.agreement] = Agreement(column.slot, tuple(words.second(value, pronoun=True) for value in values))
    return scope
