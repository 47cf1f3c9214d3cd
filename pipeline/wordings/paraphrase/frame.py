"""What a template line of a sentence must be: its variables, what it has to show, and the lines that are there already.

{{ subject }} {{ verb("was", "were") }} born in {{ birth_city }}.          a biography: all of the line is asked for
In which city was {{ name }} born? Answer: | {{ birth_city }}.             a question: only what stands before
                                   ─────── the end                         its end, which all its lines share
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np

from pipeline.core.draws import I32
from pipeline.core.errors import PlanError, SpecError, suggest
from pipeline.core.files import Text
from pipeline.plan.compiling import compiled_tokenizer, compiled_worlds
from pipeline.recipe import Loaded
from pipeline.sources.knowledge.biography_sentences import own_words, sentences_of
from pipeline.sources.knowledge.biography_spec import BiographiesSpec
from pipeline.sources.knowledge.cast import Cast
from pipeline.sources.knowledge.questions import QuestionsSpec
from pipeline.sources.knowledge.subjects import NAME, NAMELESS, PRONOUN, name_of, scope_of
from pipeline.sources.knowledge.template_files import TemplatesSpec
from pipeline.text.expressions import Program
from pipeline.text.fields import Field, Variable
from pipeline.text.paths import Other
from pipeline.text.shown_facts import Shown, shown_by
from pipeline.text.templates import BAR, pieces
from pipeline.text.tokenizer import Tokenizer
from pipeline.worlds.world import World

SUBJECT = ("subject", "subject_possessive")
ASKING = re.compile(r"\s*\S*[::]\s*$")  # a last word such as `Answer:`, which belongs to the end
Key = tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """What a line of a sentence must be.

    kind: biographies, questions or statements. scopes: the variables in each mode in which the sentence can stand, by
    its number; 0 for questions and statements. end: what stands behind the part that is asked for, "" for none. must:
    what a line has to show. lines: those that are there, whole. others: all lines of the language, for its words.
    folder: where the templates are; None where they stand in the recipe itself. library: whether that is the package's.
    """

    kind: str
    sentence: str
    language: str
    cast: Cast
    tokenizer: Tokenizer
    scopes: Mapping[int, Mapping[str, Variable]]
    end: str
    must: Shown
    lines: tuple[Text, ...]
    others: tuple[Text, ...]
    folder: Path | None

    @property
    def world(self) -> World:
        """The world that its lines are about."""
        return self.cast.world

    @classmethod
    def of(cls, loaded: Loaded, source: str, sentence: str, language: str | None) -> Frame:
        """The frame of a sentence, or a question, of a source. PlanError where there is nothing to go by."""
        spec, templates, at = _templates(loaded, source, language)
        with loaded.refusing("sources", source, kind=PlanError):
            worlds = compiled_worlds(loaded)
            if spec.world not in worlds:
                raise SpecError(f"no world '{spec.world}'", suggest(spec.world, worlds), ("world",))
            world = worlds[spec.world]
            of = language or spec.language
            cast = Cast(world, second=not isinstance(spec, BiographiesSpec))
            scopes = _scopes(spec, templates, cast, of, sentence)
        if sentence in world.spec.attributes and world.spec.attributes[sentence].kind == "codes":
            raise PlanError(
                f"'{sentence}' are codes, which one line states several times", "Write it yourself.", source
            )
        lines = tuple(templates.lines(sentence)) if sentence in templates.known else ()
        end = _end(lines) if spec.kind == "questions" else ""
        owner = f"world '{world.name}'"
        asked = [_asked(line, end, scopes[0], owner) for line in lines]
        shown = [shown_by([program], cast.sizes) for program in asked]
        if not shown and (spec.kind != "biographies" or sentence not in world.fields):
            raise PlanError(
                f"no line of '{sentence}' to go by", "Write one yourself: it says what the others must show.", source
            )
        must = reduce(_common, shown) if shown else world.shown_in_full(sentence)
        everything = [line for name in templates.known for line in templates.lines(name)]
        return cls(
            kind=spec.kind,
            sentence=sentence,
            language=of,
            cast=cast,
            tokenizer=compiled_tokenizer(loaded),
            scopes=scopes,
            end=end,
            must=must if spec.kind != "biographies" else _without_subject(must, world),
            lines=lines,
            others=tuple(everything),
            folder=_folder(loaded, at, sentence),
        )

    def program(self, asked: Text, mode: int) -> Program:
        """What a line shows in a mode, without its end. TemplateError where it cannot be compiled."""
        return pieces(asked, self.scopes[mode], f"world '{self.world.name}'")

    def field(self, written: str) -> Field | None:
        """What a placeholder such as `city`, `university.the` or `mother.city` shows; None if that is no field."""
        name, *steps = written.split(".")
        variable = self.scopes[0].get(name)
        while isinstance(variable, Other):
            step = steps.pop(0) if steps and steps[0] in variable.attributes else variable.name
            variable = variable.attribute(step) if step else None
        for part in steps:
            article = isinstance(variable, Field) and part in variable.articles
            variable = (variable.part(part) or (variable if article else None)) if isinstance(variable, Field) else None
        return variable if isinstance(variable, Field) else None

    def rows(self, fields: Sequence[Program], people: Sequence[int]) -> I32:
        """Rows of facts for what programs show, about individuals who have all that they show, one for each number."""
        self.cast.settle(fields)
        having = self.cast.having(range(self.world.size))
        individuals = np.array([having[person % len(having)] for person in people], np.int64)
        return self.cast.rows(individuals, np.roll(individuals, 1))

    def asked(self, line: str) -> str:
        """The part of a line that is asked for: all but its end."""
        return line.removesuffix(self.end) if self.end else line

    def free_slots(self) -> frozenset[int]:
        """Slots that a line may show or not: of the subject, in biographies."""
        return frozenset(_subject_slots(self.world)) if self.kind == "biographies" else frozenset()


def _templates(
    loaded: Loaded, source: str, language: str | None
) -> tuple[BiographiesSpec | QuestionsSpec, TemplatesSpec, Key]:
    """(spec of the source, its templates in the language, where these stand in the recipe)."""
    sources = loaded.recipe.sources
    if source not in sources:
        raise PlanError(f"no source '{source}'", suggest(source, sources))
    spec = sources[source]
    if not isinstance(spec, BiographiesSpec | QuestionsSpec):
        usable = [name for name, of in sources.items() if isinstance(of, BiographiesSpec | QuestionsSpec)]
        remedy = suggest(source, usable) if usable else "Biographies, questions and statements have."
        raise PlanError(f"'{source}' has no sentences to paraphrase", remedy)
    if language in (None, spec.language):
        return spec, spec, ("sources", source, "templates")
    translations = spec.translations if isinstance(spec, BiographiesSpec) else {}
    if language not in translations:
        raise PlanError(
            f"'{source}' is not in the language '{language}'", suggest(language, [spec.language, *translations])
        )
    return spec, translations[language], ("sources", source, "translations", language, "templates")


def _scopes(
    spec: BiographiesSpec | QuestionsSpec, templates: TemplatesSpec, cast: Cast, language: str, sentence: str
) -> dict[int, Mapping[str, Variable]]:
    if not isinstance(spec, BiographiesSpec):
        return {NAME: cast.variables(language)}
    world = cast.world
    name_of(world, "Biographies need one.")
    modes = (NAME, PRONOUN, NAMELESS) if world.of_kind("pronoun") else (NAME,)
    known = templates.known if sentence in templates.known else {**templates.known, sentence: []}
    own = next(one for group in sentences_of([sentence], known, world) for one in group)
    scopes = {mode: scope_of(cast, mode, language) for mode in modes}
    return {mode: scope | own_words(own, scope) for mode, scope in scopes.items()}


def _end(lines: Sequence[Text]) -> str:
    """What stands behind the questions themselves: `Answer:` and the answer. The most frequent one, if they differ."""
    ends: Counter[str] = Counter()
    for line in lines:
        question = _question(line.text)
        asking = ASKING.search(question)
        begin = asking.start() if asking and asking.start() else len(question)
        ends[line.text[begin:]] += 1
    return ends.most_common(1)[0][0] if ends else ""


def _asked(line: Text, end: str, scope: Mapping[str, Variable], owner: str) -> Program:
    text = line.text.removesuffix(end) if end and line.text.endswith(end) else _question(line.text)
    return pieces(Text(text, line.place), scope, owner)


def _question(line: str) -> str:
    """What stands before the first bar between words; filters have bars too, inside braces."""
    bars = (match.start() for match in re.finditer(re.escape(BAR), line))
    outside = (bar for bar in bars if line.count("{{", 0, bar) == line.count("}}", 0, bar))
    return line[: next(outside, len(line))]


def _common(left: Shown, right: Shown) -> Shown:
    """What both show; of a slot the classes of the left one."""
    return Shown({slot: classes for slot, classes in left.slots.items() if slot in right.slots})


def _subject_slots(world: World) -> list[int]:
    kinds = (world.of_kind("name"), world.of_kind("pronoun"))
    return [slot for kind in kinds if kind for slot in world.slots_of(kind)]


def _without_subject(shown: Shown, world: World) -> Shown:
    return shown.without(_subject_slots(world), 0)


def _folder(loaded: Loaded, at: Key, sentence: str) -> Path | None:
    """The folder of a sentence's file, or the last, if it has none yet."""
    node = loaded.origin.tree.find(at)
    given = node.plain() if node is not None else None
    names = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    folders = [loaded.files(*at[:-1]).find(name, "templates", "templates") for name in names]
    having = [folder for folder in folders if (folder / f"{sentence}.j2").is_file()]
    return next(reversed(having or folders), None)
