"""The sentences of biographies as programs: all wordings for each language, mode (subjects.py) and sentence.

language   en            fr          mode   NAME       Anya Briar Forger was born in …
sentence   birth_city    birth_city         PRONOUN    She was born in …
wording    0 … 48        0 … 21             NAMELESS   The person was born in …
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from pipeline.core.draws import I32
from pipeline.core.errors import SpecError, specified_at, suggest
from pipeline.core.spec import Name
from pipeline.sources.knowledge.biography_variants import Groups
from pipeline.sources.knowledge.cast import Cast
from pipeline.sources.knowledge.subjects import MODES, scope_of
from pipeline.sources.knowledge.template_files import CompiledLines, TemplatesSpec
from pipeline.text.fields import Field, Variable
from pipeline.worlds.world import World

CLOSING = "name"  # the sentence that ends a biography if no sentence before has named the subject


@dataclass(frozen=True)
class Sentence:
    """A kind of sentence. templates: the name of the file with its paraphrases. number: its number, if repeated."""

    name: str
    templates: str
    number: int | None = None


def sentences_of(
    requested: Sequence[Name | list[Name]] | None, known: Mapping[str, list[str]], world: World
) -> list[list[Sentence]]:
    """The requested sentences of a biography, or all, in groups that stay together."""
    repeated = {name: len(spec.repeated(name)) for name, spec in world.spec.attributes.items() if spec.kind == "codes"}
    ordered = [name for name in world.spec.attributes if name in known and name != world.of_kind("name")]
    chosen = requested or ordered + sorted(known.keys() - set(ordered) - {CLOSING})
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
    """All programs (`lines`), and which of them render a sentence.

    counts[language][sentence]: the number of paraphrases. base (languages, modes, sentences) int32: the number of the
    first of their programs; -1 if the sentence never occurs in that mode.
    """

    def __init__(
        self,
        sets: Mapping[str, TemplatesSpec],
        sentences: Sequence[Sentence],
        cast: Cast,
        occurs: Mapping[int, frozenset[int]],
    ) -> None:
        """occurs: mode → sentences that can occur in it. SpecError or TemplateError if something cannot be compiled."""
        self.lines = CompiledLines(cast.world)
        self.counts: list[list[int]] = []
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
                self._add(number, language, templates, sentences, cast, occurs)

    def _add(
        self,
        number: int,
        language: str,
        templates: TemplatesSpec,
        sentences: Sequence[Sentence],
        cast: Cast,
        occurs: Mapping[int, frozenset[int]],
    ) -> None:
        self.counts.append([len(templates.known[sentence.templates]) for sentence in sentences])
        for mode, occurring in occurs.items():
            scope = scope_of(cast, mode, language) if occurring else {}
            for s in sorted(occurring):
                sentence = sentences[s]
                own = scope | own_words(sentence, scope)
                self.base[number, mode, s] = len(self.lines.programs)
                for line in templates.lines(sentence.templates):
                    self.lines.add(line, own)


@dataclass(frozen=True)
class Layout:
    """How biographies are put together, for computations over all of them.

    counts, base: as in `Wordings`. modes: the mode at each place. sentences: how many are ordered (all but a closing
    one). groups: groups that stay together; None if the order is fixed. shares: of each language.
    """

    counts: Sequence[Sequence[int]]
    base: I32
    modes: Sequence[int]
    sentences: int
    groups: Groups | None
    shares: Sequence[Fraction]

    def without(self, lacking: Collection[int]) -> Layout:
        """That of documents without some sentences: the others are numbered anew, and stand at the first places."""
        kept = [sentence for sentence in range(len(self.counts[0])) if sentence not in lacking]
        ordered = sum(sentence < self.sentences for sentence in kept)
        modes = [*self.modes[:ordered], *self.modes[self.sentences :]]
        groups = None
        if self.groups:
            runs = (range(a, a + n) for a, n in zip(self.groups.first, self.groups.sizes, strict=True))
            sizes = [sum(sentence not in lacking for sentence in run) for run in runs]
            groups = Groups.of([size for size in sizes if size])
        counts = [[of_language[sentence] for sentence in kept] for of_language in self.counts]
        return replace(self, counts=counts, base=self.base[:, :, kept], modes=modes, sentences=ordered, groups=groups)

    def at(self, place: int) -> dict[int, Fraction]:
        """Sentence → the probability that it is at a place."""
        if self.groups is None or place >= self.sentences:
            return {place: Fraction(1)}
        return self.groups.at(place)


def own_words(sentence: Sentence, scope: Mapping[str, Variable]) -> dict[str, Variable]:
    """Extra variables: {{ value }}, the attribute with the sentence's name; {{ number }}, of a repeated attribute."""
    words: dict[str, Variable] = {}
    if sentence.name in scope and "value" not in scope:
        words["value"] = scope[sentence.name]
    if sentence.number is not None and "number" not in scope:
        words["number"] = Field((str(sentence.number),))
    return words
