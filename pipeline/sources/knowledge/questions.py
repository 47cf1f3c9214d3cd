"""Questions and statements: one document about one individual (or two of them) and one thing.

Every template file is a question; every line of it a wording, cut by bars into its parts:

    On which date was {{ name }} born? Answer: | {{ birth_date }}.                           prompt | answer
    Is {{ name }}'s major luckier than {{ other_name }}'s? | {{ major }}; … | Yes.            prompt | hint | answer
    {{ birth_city }} is the birthplace of {{ name }}.                                        a statement: "B is A"

Variables are the attributes of the individual, and with `other_` before them those of a second one, drawn anew for each
exposure from the same group. Items are individuals × questions: item = individual · questions + question.

Letters: d documents, m parts of them in all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from operator import or_
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key_

from pipeline.core.documents import Documents
from pipeline.core.draws import I32, I64, bits, bits_each, scaled, scaled_half, threshold
from pipeline.core.errors import SpecError, TemplateError, suggest
from pipeline.core.notices import Notice, quoted
from pipeline.core.spec import Name, Rational, Spec
from pipeline.sources.knowledge.checks import doubled_stops, repeated_lines, said_bare
from pipeline.sources.knowledge.naming import Words, sizes_of
from pipeline.sources.knowledge.naming import notices as naming_notices
from pipeline.sources.knowledge.wordings import TemplatesSpec
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import (
    SAMPLE,
    AboutSpec,
    Context,
    Mark,
    MarkSpec,
    Source,
    Variants,
    mask_of,
    number_of,
    prefix,
    sample_mean,
)
from pipeline.text.expressions import Allowance, Program
from pipeline.text.fields import Field, Variable
from pipeline.text.fragments import Fragments
from pipeline.text.languages import LANGUAGES
from pipeline.text.outline import Choose, Outline
from pipeline.text.renderer import Renderer, compile_programs
from pipeline.text.shown_facts import Shown, shown_by, slots_read
from pipeline.text.slow_path import Rendered
from pipeline.text.templates import bare_articles, parts, pieces
from pipeline.worlds.world import World

OTHER = "other_"


class HintsSpec(Spec):
    """Hints before answers: Part 3.2, section 4. A mark at the end of the question says whether there is one."""

    rate: Rational = Key_(Fraction(1, 2), ge=0, le=1, description="How many of the questions get their hint.")
    hinted: Mark = Key_(MarkSpec.of("<hint>"), description="After a question whose hint follows.")
    direct: Mark = Key_(MarkSpec.of("<direct>"), description="After a question whose answer follows at once.")


class QuestionsSpec(TemplatesSpec, AboutSpec):
    """One document an individual, question and exposure."""

    kind: Literal["questions", "statements"]
    language: Name = Key_("en", description="Of the values: en, fr, ko.")
    questions: list[Name] | None = Key_(None, min_length=1, description="Which template files. Default: all.")
    paraphrases: Variants = Key_(1, description="Fixed wordings per individual and question, or fresh.")
    hints: HintsSpec | None = Key_(None, description="Tell the hints of `prompt | hint | answer`. Default: never.")

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        return (*super().marks, *((self.hints.hinted, self.hints.direct) if self.hints else ()))


@dataclass(frozen=True)
class _Line:
    """The programs of one wording: of a statement the prompt alone."""

    prompt: int
    hint: int = -1
    answer: int = -1


class Questions(Source):
    """The source. Wordings, hints and second individuals come from its key, truth from the world."""

    world: World

    def __init__(self, spec: QuestionsSpec, context: Context) -> None:
        self.world, self.people = context.about(spec)
        self._spec, self._key = spec, context.key
        self.questions = _chosen(spec)
        self._pairs = False
        programs: list[Program] = []
        self._places: list[str] = []
        self._allowance = Allowance()
        self._bare: dict[tuple[str, str], str] = {}
        lines: list[list[_Line]] = [self._compile_lines(question, programs) for question in self.questions]
        self._counts = np.array([len(of_question) for of_question in lines])
        self._first = np.cumsum(self._counts) - self._counts
        self._lines = [line for of_question in lines for line in of_question]
        self._marks = self._compile_marks(spec, programs)
        slots = self.world.slots * 2 - 1 if self._pairs else self.world.slots
        self._renderer, notices = compile_programs(programs, context.tokenizer, slots, prefix(spec))
        self.labels = self.world.labels
        asked = any(line.answer >= 0 for line in self._lines)
        told = ("tag", spec.tag), ("prompt", asked), ("hint", spec.hints), ("answer", asked)
        self.roles = tuple(role for role, there in told if there)
        self.mask = mask_of(spec, self.roles)
        if self._pairs and len(self.people) < 2:
            raise SpecError(
                "a question about two individuals needs a group of two or more", "Make it larger.", ("only",)
            )
        turns = spec.paraphrases
        self.exposures = turns if isinstance(turns, int) else None
        self.longest: int | None = None
        self.mean_tokens, self.longest = self._lengths(self._renderer)
        self.shown = tuple(self._shown(programs, of_question) for of_question in lines)
        self.unknown = self._expected(context.tokenizer.unknown)
        self.variants: int | None = None  # second individuals and hints are drawn anew at each exposure
        self.notices = (*notices, *self._lost(programs, lines, Rendered(tuple(programs), context.tokenizer)))

    def __len__(self) -> int:
        return len(self.people) * len(self.questions)

    def individuals(self, item: I64) -> I64:
        return item // len(self.questions) + self.people.start

    def topics(self, item: I64) -> list[str]:
        return [self.questions[question] for question in (item % len(self.questions)).tolist()]

    def others(self, item: I64, exposure: I64) -> I64:
        """The second individual of each document: any of the group but the first."""
        count = len(self.people)
        drawn = bits_each([self._key.child("other")], self._key.child("others"), item, exposure)[:, 0]
        first = item // len(self.questions)
        return (first + 1 + scaled(drawn, count - 1)) % count + self.people.start

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The questions `item` (d,) at `exposure` (d,)."""
        choose = self._choose(item, exposure)
        return self._renderer.documents(item.size, self.longest, choose, spans=spans, parts=parts)

    def lengths(self, item: I64, exposure: I64) -> I64 | None:
        """Tokens of the same documents."""
        return self._renderer.lengths(item.size, self._choose(item, exposure))

    def _choose(self, item: I64, exposure: I64) -> Choose:
        return lambda chunk: self._outline(item[chunk], exposure[chunk])

    def choices(self, item: I64, exposure: I64) -> tuple[I64, NDArray[np.bool_]]:
        """The line that words each question, and whether its hint is told: (d,) both."""
        question = item % len(self.questions)
        turn = exposure % self._spec.paraphrases if isinstance(self._spec.paraphrases, int) else exposure
        h = bits(self._key.child("wording"), item, turn)
        line = self._first[question] + scaled_half(h, self._counts[question])
        if self._spec.hints is None:
            return line, np.zeros(item.size, bool)
        hinted = bits(self._key.child("hint"), item, exposure) < threshold(self._spec.hints.rate)
        return line, hinted & np.array([one.hint >= 0 for one in self._lines])[line]

    def _outline(self, item: I64, exposure: I64) -> Outline:
        line, hinted = self.choices(item, exposure)
        table, roles = self._tables()
        which = 2 * line + hinted
        programs, present = table[which], table[which] >= 0
        counts = present.sum(axis=1)
        facts = np.repeat(np.arange(item.size, dtype=np.int32), counts)
        rows = self.world.rows(self.individuals(item))
        if self._pairs:
            rows = np.concatenate([rows, self.world.rows(self.others(item, exposure))[:, 1:]], axis=1)
        false = np.zeros(facts.size, np.uint8)
        return Outline.ragged(programs[present], facts, counts, rows, roles[which][present], false)

    def _tables(self) -> tuple[I32, NDArray[np.uint8]]:
        """The parts of each line, without (row 2 · line) and with its hint (the next): programs, -1 for none; roles."""
        table = np.full((2 * len(self._lines), 4), -1, np.int32)
        roles = np.zeros(table.shape, np.uint8)
        for i, line in enumerate(self._lines):
            if line.answer < 0:
                table[2 * i : 2 * i + 2, 0] = line.prompt
                continue
            roles[2 * i : 2 * i + 2] = [number_of(role) for role in ("prompt", "prompt", "hint", "answer")]
            direct, marked = self._marks if line.hint >= 0 else (-1, -1)
            table[2 * i] = line.prompt, direct, -1, line.answer
            table[2 * i + 1] = line.prompt, marked, line.hint, line.answer
        return table, roles

    def _compile_lines(self, question: str, programs: list[Program]) -> list[_Line]:
        self._spec.check(question)
        scope = variables(self.world, self._spec.language)
        found = []
        for text in self._spec.lines(question):
            cut = parts(pieces(text, scope, f"world '{self.world.name}'", self._allowance))
            if len(cut) > 3 or not all(cut) or (len(cut) == 1) != (self._spec.kind == "statements"):
                raise TemplateError(
                    f"{len(cut) - 1} bars in a line of {self._spec.kind}, or nothing beside one",
                    "Write prompt | answer, or prompt | hint | answer; of a statement no bar.",
                    text.place,
                )  # fmt: skip
            self._pairs |= any(
                max(slots_read(part), default=0) >= self.world.slots for program in cut for part in program
            )
            self._bare |= {asked: text.place for asked in bare_articles(text, scope) if asked not in self._bare}
            numbers = range(len(programs), len(programs) + len(cut))
            programs += cut
            self._places += [text.place] * len(cut)
            found.append(_Line(numbers[0], numbers[1] if len(cut) == 3 else -1, numbers[-1] if len(cut) > 1 else -1))
        return found

    def _compile_marks(self, spec: QuestionsSpec, programs: list[Program]) -> tuple[int, int]:
        """The programs of the marks without and with a hint; -1 where nothing marks it."""
        if spec.hints is None:
            return -1, -1
        if not any(line.hint >= 0 for line in self._lines):
            raise SpecError(
                "none of these questions has a hint", "Write prompt | hint | answer, or leave `hints` out.", ("hints",)
            )
        programs += [[spec.hints.direct.piece()], [spec.hints.hinted.piece()]]
        return len(programs) - 2, len(programs) - 1

    def _lengths(self, renderer: Renderer) -> tuple[Fraction, int | None]:
        """Expected and longest tokens of a document that `renderer` tells, its end token included."""
        if not isinstance(renderer, Fragments):
            return sample_mean(self), None
        means = [*renderer.mean_lengths(self._probability), Fraction(0)]
        most = [*renderer.longest.tolist(), 0]
        rate = self._spec.hints.rate if self._spec.hints else Fraction(0)
        table, _ = self._tables()
        each = [sum((means[p] for p in row), Fraction(0)) for row in table.tolist()]
        of_lines = [(1 - rate) * each[2 * i] + rate * each[2 * i + 1] for i in range(len(self._lines))]
        of_questions = [
            sum(of_lines[first : first + n], Fraction(0)) / n
            for first, n in zip(self._first.tolist(), self._counts.tolist(), strict=True)
        ]
        always = len(renderer.prefix) + 1
        longest = max(sum(most[p] for p in row) for row in table.tolist())
        return sum(of_questions, Fraction(0)) / len(of_questions) + always, int(longest) + always

    def _probability(self, slot: int) -> tuple[Fraction, ...]:
        """How likely each row of a slot is, that of the second individual included."""
        return self.world.probability(slot if slot < self.world.slots else slot - self.world.slots + 1)

    # ── what gets lost ──────────────────────────────────────────────────────────────────────────────────────────────

    def _expected(self, token: int | None) -> Fraction | None:
        """How often a token stands in a document; None where a sample must tell."""
        if token is None:
            return Fraction(0)
        return self._lengths(self._renderer.only(token))[0] - 1 if isinstance(self._renderer, Fragments) else None

    def _shown(self, programs: Sequence[Program], lines: Sequence[_Line]) -> Shown:
        """What documents of a question show of the first individual or the second."""
        parts_ = [programs[part] for line in lines for part in self._parts(line)]
        shown, last = shown_by(parts_, sizes_of(self.world)), self.world.slots - 1
        others = {slot - last: classes for slot, classes in shown.slots.items() if slot > last}
        own = {slot: classes for slot, classes in shown.slots.items() if slot <= last}
        bare = frozenset(slot if slot <= last else slot - last for slot in shown.bare)
        return Shown(own, shown.labels, bare).joined(Shown(others))

    def _parts(self, line: _Line) -> list[int]:
        """The programs that a document of a line can have."""
        return [part for part in (line.prompt, line.hint if self._spec.hints else -1, line.answer) if part >= 0]

    def _lost(
        self, programs: Sequence[Program], lines: Sequence[Sequence[_Line]], rendered: Rendered
    ) -> Iterator[Notice]:
        """What gets lost between the facts and the words of a document."""
        words = Words.of(programs, self.world)
        table, _ = self._tables()
        of_rows = np.array([reduce(or_, (words.bits[part] for part in row if part >= 0), 0) for row in table.tolist()])
        rate = self._spec.hints.rate if self._spec.hints else Fraction(0)
        named: dict[int, Fraction] = {}
        for number, line in enumerate(self._lines):
            hinted = rate if line.hint >= 0 else Fraction(0)
            question = int(np.searchsorted(self._first, number, side="right")) - 1
            likely = Fraction(1, len(self.questions) * int(self._counts[question]))
            for row, chance in ((2 * number, 1 - hinted), (2 * number + 1, hinted)):
                named[int(of_rows[row])] = named.get(int(of_rows[row]), Fraction(0)) + likely * chance

        def example(which: Callable[[I64], Any]) -> str:
            item = np.arange(min(len(self), SAMPLE), dtype=np.int64)
            line, hinted = self.choices(item, np.zeros_like(item))
            found = item[which(of_rows[2 * line + hinted])][:1]
            if not found.size:
                return f"none of the first {item.size:,} items at exposure 0"
            text = rendered.text(self._outline(found, np.zeros_like(found)))
            return f"item {found[0]}, exposure 0: {quoted(text)}"

        yield from naming_notices(named, words, "Show {{ name }} in every line.", example)
        yield from doubled_stops(programs, self._places)
        yield from said_bare(self._bare)
        if isinstance(turns := self._spec.paraphrases, int):
            yield from repeated_lines(turns, dict(zip(self.questions, self._counts.tolist(), strict=True)))


def _chosen(spec: QuestionsSpec) -> list[str]:
    """The questions to ask, in their order."""
    for i, name in enumerate(spec.questions or ()):
        if name not in spec.known:
            at = ("questions", i)
            remedy = suggest(name, spec.known)
            raise SpecError(f"no templates for the question '{name}'", remedy, at, [at, ("templates",)])
    chosen = spec.questions or sorted(spec.known)
    if not chosen:
        raise SpecError("there are no templates", "Give at least one question.", ("templates",))
    if len(set(chosen)) < len(chosen):
        raise SpecError("a question stands twice", "Remove one.", ("questions",))
    return chosen


def variables(world: World, language: str) -> dict[str, Variable]:
    """The attributes of an individual, and those of another with `other_` before their names."""
    if language not in LANGUAGES:
        raise SpecError(f"no language '{language}'", suggest(language, LANGUAGES), ("language",))
    fields = world.fields_in(language)
    others = {OTHER + name: _shifted(field, world.slots - 1) for name, field in fields.items()}
    return {**others, **fields}


def _shifted(field: Field, by: int) -> Field:
    """The same field over slots that are numbered higher."""

    shown = tuple(piece if isinstance(piece, str) else piece.at(piece.slot + by) for piece in field.format)
    parts_ = {name: column.at(column.slot + by) for name, column in field.parts.items()}
    return Field(shown, parts_, field.label, field.after)


register(
    SourceKind("questions", QuestionsSpec, Questions, "questions about individuals, with hints and answers (3.1, 3.2)")
)
register(SourceKind("statements", QuestionsSpec, Questions, 'single facts as sentences, such as "B is A" (3.2)'))
