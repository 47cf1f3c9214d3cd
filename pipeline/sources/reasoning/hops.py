"""Questions whose answer takes several hops through a text: multi-hop of Part 4.1, appendix B.

    chain 0   Ada Lee Moss came into the world in 1964.   Bo Fox Hale and Ada Lee Moss share a year of birth.     asked
    chain 1   The year of birth of Cy May Dunn is 1981.   Eve Roe Lund has the same year of birth as Cy May Dunn.
              group 0: year.j2                            group 1, if there are two hops: same.j2

A document is about a grid of people: `hops` groups × `people` chains. It has a sentence for each of them, in any order
and mixed with background sentences, and then the question about the last person of chain 0. People are placed in the
grid uniformly, so the links between groups, and the person asked about, are uniform too. Background sentences are drawn
one by one without replacement, so lines of a file need no connection, and documents rarely share them.

An item is a grid with its values. Another exposure has another order and other background, and, depending on
`paraphrases`, other wordings. Only people and possible values come from the world. A chain needs people with equal
values, so values are drawn here, from the distribution of the attribute, and are true in their document only. If a
model also learns the facts of a world, take the people of hops from another world.

Letters: d documents, h groups, p chains, n background sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, chain, pairwise
from typing import Literal, NamedTuple, Self

import numpy as np
from pydantic import Field as Key_

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I32, I64, Weighted, below_each, bits_each, orders, scaled
from pipeline.core.errors import SpecError, TemplateError, specified_at, suggest
from pipeline.core.files import Files
from pipeline.core.key import Key
from pipeline.core.notices import Notice
from pipeline.core.spec import Name, Size
from pipeline.sources.knowledge.cast import OTHER, Cast
from pipeline.sources.knowledge.cast_figures import Figures
from pipeline.sources.knowledge.subjects import name_of
from pipeline.sources.knowledge.template_files import CompiledLines, TemplatesSpec
from pipeline.sources.knowledge.template_source import TemplateSource, variant_at
from pipeline.sources.lengths import sample_mean
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import Context, mask_of, number_of, prefix
from pipeline.sources.spec import AboutSpec, Variants
from pipeline.text.expressions import Program
from pipeline.text.fragments import Fragments
from pipeline.text.outline import Outline
from pipeline.text.paths import Other
from pipeline.text.pieces import literal
from pipeline.text.renderer import compile_programs
from pipeline.text.shown_facts import slots_read
from pipeline.worlds.values import Pool


class HopsSpec(TemplatesSpec, AboutSpec):
    """One document an instance and exposure. Templates: year, question (prompt | answer), of two hops or more same."""

    kind: Literal["hops"]
    language: Name = Key_("en", description="Of the templates: en, or another that has a file languages/<name>.yaml.")
    instances: Size = Key_(description="How many.")
    hops: int = Key_(1, ge=1, le=16, description="Sentences that an answer follows from.")
    people: int = Key_(5, ge=1, le=32, description="Chains of so many sentences, one of which leads to the answer.")
    attribute: Name = Key_(
        description="What is stated and asked, such as birth_year: values have its distribution in the world."
    )
    paraphrases: Variants = Key_(1, description="Fixed wordings per instance and sentence, or fresh.")
    background: Pool | None = Key_(None, description="Sentences about anything else: a path or a list.")
    sentences: int = Key_(0, ge=0, le=1000, description="How many of the background a document has, each once.")

    def materialise(self, files: Files) -> Self:
        materialised = super().materialise(files)
        if self.background is None:
            return materialised
        with specified_at("background"):
            background = self.background.materialise(files.child("background"))
        return materialised.model_copy(update={"background": background})

    @property
    def lines_of_background(self) -> Sequence[str]:
        """The lines from which background sentences are drawn."""
        return (self.background.values or ()) if self.background and self.sentences else ()


class Hops(TemplateSource):
    """An item is a grid with its values. Each kind of choice has its own stream below the source's key."""

    def __init__(self, spec: HopsSpec, context: Context) -> None:
        self._world, people = context.about(spec)
        self._spec, self._key, self._people = spec, context.key, people
        self._count = spec.hops * spec.people
        self._check()
        self._slots = sorted(self._world.fields[spec.attribute].slots)
        self._distributions = [Weighted.from_weights(self._world.probability(slot)) for slot in self._slots]
        background: list[Program] = [[literal(text)] for text in spec.lines_of_background]
        self._cast = Cast(self._world, second=True)
        lines = _Lines(spec, self._cast)
        kinds = [*lines.programs(), background]
        self._runs = [range(*ends) for ends in pairwise(accumulate((len(kind) for kind in kinds), initial=0))]
        programs = list(chain.from_iterable(kinds))
        self.programs, self.slots = programs, self._cast.slots
        self._renderer, notices = compile_programs(programs, context.tokenizer, self.slots, prefix(spec))
        self.notices = (*notices, *lines.notices())
        self.labels = self._world.labels
        self.roles = (*("tag",) * (spec.tag is not None), "prompt", "answer")
        self.mask = mask_of(spec, self.roles)
        self.exposures = spec.paraphrases if isinstance(spec.paraphrases, int) else None
        self.mean_tokens, self.longest = self._lengths()

    def __len__(self) -> int:
        return self._spec.instances

    def individuals(self, item: I64) -> I64:
        """The person that each question is about, int64 (d,)."""
        return self.grid(item)[:, -1, 0]

    def topics(self, item: I64) -> list[str]:
        return [f"{self._spec.hops} hop" + "s" * (self._spec.hops > 1)] * item.size

    def grid(self, item: I64) -> I64:
        """The people of each document, all distinct: int64 (d, h, p). The question is about [:, -1, 0]."""
        drawn = _distinct(self._key.child("people"), self._count, len(self._people), item)
        order = orders(self._key.child("places"), self._count, item, np.zeros_like(item))
        people = np.take_along_axis(drawn, order, axis=1) + self._people.start
        return people.reshape(-1, self._spec.hops, self._spec.people)

    def values(self, item: I64) -> list[I32]:
        """For each slot of the attribute, the row that each chain holds: int32 (d, p)."""
        p = self._spec.people
        counters = np.repeat(item, p), np.tile(np.arange(p, dtype=np.int64), item.size)
        keys = (self._key.child("value", i) for i in range(len(self._distributions)))
        return [draw(key, *counters).reshape(-1, p) for draw, key in zip(self._distributions, keys, strict=True)]

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The instances `item` (d,) at `exposure` (d,). All sentences and the question are one part, the prompt."""
        documents = super().documents(item, exposure, spans=spans, parts=parts)
        if documents.parts is None:
            return documents
        prompts = self._count + self._spec.sentences + 1
        return Documents(documents.tokens, documents.spans, _joined(documents.parts, len(self.roles) - 2, prompts))

    def outline(self, item: I64, exposure: I64) -> Outline:
        """Documents of h · p + n sentences in random order, the question and the answer."""
        sentences, question = self._programs(item, exposure)
        order = orders(self._key.child("order"), sentences.shape[1], item, exposure)
        programs = np.hstack([np.take_along_axis(sentences, order, axis=1), question])
        about = np.where(order < self._count, order, 0)  # background shows no facts, so any row will do
        about_question = np.full(question.shape, self._count - self._spec.people)
        facts = np.hstack([about, about_question]) + self._count * np.arange(item.size)[:, None]
        roles = np.full(programs.shape, number_of("prompt"), np.uint8)
        roles[:, -1] = number_of("answer")
        first = np.arange(item.size + 1, dtype=np.int64) * programs.shape[1]
        flat = programs.astype(np.int32).reshape(-1), facts.astype(np.int32).reshape(-1)
        return Outline(*flat, first, self._rows(item), roles.reshape(-1))

    def _programs(self, item: I64, exposure: I64) -> tuple[I64, I64]:
        """Programs of the grid and of background (d, h · p + n), before they are ordered; of the question (d, 2)."""
        year, same, prompt, answer, background = self._runs
        runs = [year] * self._spec.people + [same] * (self._count - self._spec.people) + [prompt]
        key, paraphrase = self._key.child("wording"), variant_at(self._spec.paraphrases, exposure)
        words = below_each([key.child(i) for i in range(len(runs))], list(map(len, runs)), key, item, paraphrase)
        words = words + np.array([run.start for run in runs])
        others = _distinct(self._key.child("background"), self._spec.sentences, len(background), item, exposure)
        sentences = np.hstack([words[:, :-1], others + background.start])
        return sentences, words[:, -1:] + np.array([0, answer.start - prompt.start])

    def _rows(self, item: I64) -> I32:
        """Facts about each person of the grid and the previous one in the chain: int32 (d · h · p, 2 · slots - 1)."""
        grid = self.grid(item)
        rows = self._world.rows(grid.reshape(-1)).reshape(*grid.shape, self._world.slots)
        for slot, values in zip(self._slots, self.values(item), strict=True):
            rows[..., slot] = values[:, None, :]
        before = np.concatenate([rows[:, :1], rows[:, :-1]], axis=1)  # group 0 has no previous person, and shows none
        both = np.concatenate([rows, before[..., 1:]], axis=-1)
        return both.reshape(grid.size, self._cast.slots)

    def _check(self) -> None:
        """SpecError if the world or the background lacks something that is needed."""
        spec, world = self._spec, self._world
        name, lines = name_of(world), len(spec.lines_of_background)
        if spec.attribute not in world.fields:
            remedy = suggest(spec.attribute, world.fields)
            raise SpecError(f"the world '{world.name}' has no attribute '{spec.attribute}'", remedy, ("attribute",))
        if world.fields[spec.attribute].slots & world.fields[name].slots:
            raise SpecError(f"'{spec.attribute}' goes with the name", "Give one that people can share.", ("attribute",))
        if self._count > len(self._people):
            raise SpecError(
                f"{self._count} people are needed, and there are {len(self._people)}",
                "Lower `people` or `hops`, or make the world or the group larger.",
                ("people",),
                [("people",), ("hops",), ("only",)],
            )
        if spec.sentences > lines:
            raise SpecError(
                f"{spec.sentences} different background sentences are needed, and there are {lines}",
                "Lower `sentences`, or give `background` more of them.",
                ("sentences",),
                [("sentences",), ("background",)],
            )

    def _lengths(self) -> tuple[Fraction, int | None]:
        """Expected and longest tokens of a document, end token included; None if unknown."""
        around = self._renderer.around if isinstance(self._renderer, Fragments) else None
        if not isinstance(self._renderer, Fragments) or around is None:
            return sample_mean(self), None
        means, longest = (
            self._renderer.mean_lengths(Figures(self._cast).probability),
            self._renderer.longest.tolist(),
        )
        mean, total = Fraction(around), around
        background, p = self._runs[-1], self._spec.people
        for run, times in zip(self._runs, (p, self._count - p, 1, 1, self._spec.sentences), strict=True):
            mean += times * sum(means[run.start : run.stop], Fraction(0)) / max(len(run), 1)
            most = sorted(longest[run.start : run.stop], reverse=True)
            total += sum(most[:times]) if run is background else times * sum(most[:1])
        return mean, total


class _Lines:
    """The lines of the templates as programs. A line must show what its hop needs, and nothing that saves a hop."""

    def __init__(self, spec: HopsSpec, cast: Cast) -> None:
        self._spec = spec
        variables = cast.variables(spec.language)
        self._scope = {name: of for name, of in variables.items() if not isinstance(of, Other)}
        self._compiled = CompiledLines(cast.world)
        self._name = name_of(cast.world)

    def notices(self) -> list[Notice]:
        """What `plan` reports about the lines. Call `programs` first."""
        return self._compiled.notices()

    def programs(self) -> list[list[Program]]:
        """The programs of `year`, of `same`, of the prompts and of the answers of `question`, a list each.

        TemplateError or SpecError for invalid or missing lines.
        """
        name, value = self._name, self._spec.attribute
        other_name, other_value = OTHER + name, OTHER + value
        years = self._cut("year", _Rule([name, value], [other_name, other_value]))
        sames = self._cut("same", _Rule([name, other_name], [value, other_value])) if self._spec.hops > 1 else []
        prompt, answer = _Rule([name], [value, other_name, other_value]), _Rule([value], [other_name, other_value])
        questions = self._cut("question", prompt, answer)
        return [[cut[0] for cut in of_kind] for of_kind in (years, sames, questions)] + [[cut[1] for cut in questions]]

    def _cut(self, kind: str, *rules: _Rule) -> list[list[Program]]:
        """The lines of a template, split at their bars. rules: one for each part."""
        if kind not in self._spec.known:
            raise SpecError(f"no templates for '{kind}'", suggest(kind, self._spec.known), ("templates",), lacking=True)
        self._spec.check(kind)
        programs: list[list[Program]] = []
        for line in self._spec.lines(kind):
            cut = self._compiled.cut(line, self._scope)
            if len(cut) != len(rules) or not all(cut):
                raise TemplateError(
                    f"{len(cut) - 1} bars in a line of {kind}, or nothing beside one",
                    "Write prompt | answer in question, and no bar in the others.",
                    line.place,
                )
            for program, rule in zip(cut, rules, strict=True):
                self._check(program, rule, line.place)
            self._compiled.add(line, self._scope, cut)
            programs.append(cut)
        return programs

    def _check(self, program: Program, rule: _Rule, place: str) -> None:
        """TemplateError for a part of a line that breaks its rule."""
        read = frozenset().union(*map(slots_read, program))
        for variable in rule.needed:
            if not self._scope[variable].slots <= read:
                raise TemplateError(
                    f"{{{{ {variable} }}}} is missing, or a part of it", "No answer follows without it.", place
                )
        for variable in rule.refused:
            if self._scope[variable].slots & read:
                raise TemplateError(f"{{{{ {variable} }}}} has no place here", "It spares the reader a hop.", place)


class _Rule(NamedTuple):
    """The variables that a part of a line must show, and those that it must not show."""

    needed: list[str]
    refused: list[str]


def _distinct(key: Key, count: int, of: int, *counters: I64) -> I64:
    """`count` different numbers in [0, of) for each row of the counters (d,): int64 (d, count).

    Every set of numbers is equally likely, but not every order (Floyd's algorithm: a number that is drawn again is
    replaced by the largest that could be drawn).
    """
    most = np.arange(of - count + 1, of + 1)
    drawn = scaled(bits_each([key.child(place) for place in range(count)], key, *counters), most)
    for place in range(1, count):
        again = (drawn[:, :place] == drawn[:, place : place + 1]).any(axis=1)
        drawn[again, place] = most[place] - 1
    return drawn


def _joined(parts: Ragged, tags: int, prompts: int) -> Ragged:
    """The parts of documents, each with `tags` tags, `prompts` adjacent prompts and an answer; prompts joined."""
    rows = parts.values.reshape(-1, tags + prompts + 1, 3)
    first, last = rows[:, tags], rows[:, -2]
    prompt = np.column_stack([first[:, 0], last[:, 0] + last[:, 1] - first[:, 0], first[:, 2]])
    joined = np.concatenate([rows[:, :tags], prompt[:, None], rows[:, -1:]], axis=1)
    return Ragged(joined.astype(np.int32).reshape(-1, 3), offsets_of(np.full(len(parts), tags + 2)))


register(
    SourceKind("hops", HopsSpec, Hops, "questions whose answer takes several hops through a text (4.1)", speed=25e6)
)
