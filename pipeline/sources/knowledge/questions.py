"""Questions and statements: a document about one individual (or two) and one topic.

Every template file is a question, and each of its lines a wording, split by bars into its parts:

    On which date was {{ name }} born? Answer: | {{ birth_date }}.                           prompt | answer
    Is {{ name }}'s major luckier than {{ other_name }}'s? | {{ major }}; … | Yes.            prompt | hint | answer
    {{ birth_city }} is the birthplace of {{ name }}.                                        a statement: "B is A"

Variables are the attributes of the individual, and with the prefix `other_` those of a second individual, which is
drawn from the same group anew at each exposure. Items: item = individual · (number of questions) + question.

Letters: d documents, m parts of them in all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial, reduce
from operator import or_
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key_

from pipeline.core.draws import I32, I64, bits, bits_each, scaled_half, threshold
from pipeline.core.errors import SpecError, TemplateError, suggest
from pipeline.core.key import Key
from pipeline.core.notices import Notice
from pipeline.core.spec import Name, Rational, Spec
from pipeline.sources.knowledge.cast import Cast, left_out
from pipeline.sources.knowledge.cast_figures import Figures
from pipeline.sources.knowledge.cast_shown import others_shown, shown_of
from pipeline.sources.knowledge.inverse_questions import ambiguous
from pipeline.sources.knowledge.subject_names import Words
from pipeline.sources.knowledge.subject_names import notices as naming_notices
from pipeline.sources.knowledge.template_files import CompiledLines, TemplatesSpec
from pipeline.sources.knowledge.template_source import TemplateSource, variant_at
from pipeline.sources.knowledge.wording_notices import repeated_lines
from pipeline.sources.knowledge.wrong_answers import WrongAnswers, other_than
from pipeline.sources.lengths import sample_mean
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import Context, mask_of, number_of, prefix
from pipeline.sources.spec import AboutSpec, Mark, MarkSpec, Variants
from pipeline.text.expressions import Program
from pipeline.text.fragments import Fragments
from pipeline.text.outline import Outline
from pipeline.text.render_and_encode import Rendered
from pipeline.text.renderer import Renderer, compile_programs
from pipeline.text.shown_facts import Shown, shown_by
from pipeline.worlds.world import World


class HintsSpec(Spec):
    """Hints before answers: Part 3.2, section 4. A mark at the end of the question announces whether there is one."""

    rate: Rational = Key_(Fraction(1, 2), ge=0, le=1, description="How many of the questions get their hint.")
    hinted: Mark = Key_(MarkSpec.of("<hint>"), description="After a question whose hint follows.")
    direct: Mark = Key_(MarkSpec.of("<direct>"), description="After a question whose answer follows at once.")


class QuestionsSpec(TemplatesSpec, AboutSpec):
    """One document an individual, question and exposure."""

    kind: Literal["questions", "statements"]
    language: Name = Key_("en", description="Of the templates: en, or another that has a file languages/<name>.yaml.")
    questions: list[Name] | None = Key_(None, min_length=1, description="Which template files. Default: all.")
    paraphrases: Variants = Key_(1, description="Fixed wordings per individual and question, or fresh.")
    hints: HintsSpec | None = Key_(None, description="Include the hints of `prompt | hint | answer`. Default: never.")

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        return (*super().marks, *((self.hints.hinted, self.hints.direct) if self.hints else ()))


@dataclass(frozen=True)
class _Line:
    """The programs of one wording; a statement has a prompt only."""

    prompt: int
    hint: int = -1
    answer: int = -1


class Questions(TemplateSource):
    """An item is a question about an individual. Wordings, hints and second individuals depend on the source's key."""

    world: World

    def __init__(self, spec: QuestionsSpec, context: Context) -> None:
        self.world, self.people = context.about(spec)
        self._spec, self._key, self._cast = spec, context.key, Cast(self.world, second=True)
        self.questions = _chosen(spec)
        self._compiled = CompiledLines(self.world)
        lines: list[list[_Line]] = [self._compile_lines(question) for question in self.questions]
        self._counts = np.array([len(of_question) for of_question in lines])
        self._first = np.cumsum(self._counts) - self._counts
        self._lines = [line for of_question in lines for line in of_question]
        programs = [*self._compiled.programs, *self._programs_of_marks(spec)]
        self._marks = (len(programs) - 2, len(programs) - 1) if spec.hints else (-1, -1)
        self.never_first = self._marks
        self._cast.settle(programs)
        about, self.people = self.people, self._cast.having(self.people)
        self.programs, self.slots = programs, self._cast.slots
        self._renderer, notices = compile_programs(programs, context.tokenizer, self.slots, prefix(spec))
        self.labels = tuple(self._cast.labels)
        answered = any(line.answer >= 0 for line in self._lines)
        occurring = ("tag", spec.tag), ("prompt", answered), ("hint", spec.hints), ("answer", answered)
        self.roles = tuple(role for role, occurs in occurring if occurs)
        self.mask = mask_of(spec, self.roles)
        if self._cast.second and len(self.people) < 2:
            raise SpecError(
                "a question about two individuals needs a group of two or more", "Make it larger.", ("only",)
            )
        self.exposures = spec.paraphrases if isinstance(spec.paraphrases, int) else None
        self.mean_tokens, self.longest = self._lengths(self._renderer)
        raw = [self._raw_shown(programs, of_question) for of_question in lines]
        self.shown = tuple(shown_of(self._cast, one) for one in raw)
        self.others_shown = tuple(others_shown(self._cast, one) for one in raw)
        self.unknown = self._unknown(context.tokenizer.unknown, lambda renderer: self._lengths(renderer)[0])
        self.variants: int | None = None  # second individuals and hints are drawn anew at each exposure
        self.notices = (
            *notices,
            *left_out(about, self.people),
            *self._lost(programs, Rendered(tuple(programs), context.tokenizer)),
        )

    def __len__(self) -> int:
        return len(self.people) * len(self.questions)

    def individuals(self, item: I64) -> I64:
        return item // len(self.questions) + self.people.start

    def topics(self, item: I64) -> list[str]:
        return [self.questions[question] for question in (item % len(self.questions)).tolist()]

    def others(self, item: I64, exposure: I64) -> I64:
        """The second individual of each document, int64 (d,): uniform over the group without the first."""
        drawn = bits_each([self._key.child("other")], self._key.child("others"), item, exposure)[:, 0]
        return other_than(self.individuals(item), self.people, drawn)

    def choices(self, item: I64, exposure: I64) -> tuple[I64, NDArray[np.bool_]]:
        """The line (wording) of each document, and whether it includes its hint: (d,) both."""
        question = item % len(self.questions)
        h = bits(self._key.child("wording"), item, variant_at(self._spec.paraphrases, exposure))
        line = self._first[question] + scaled_half(h, self._counts[question])
        if self._spec.hints is None:
            return line, np.zeros(item.size, bool)
        hinted = bits(self._key.child("hint"), item, exposure) < threshold(self._spec.hints.rate)
        return line, hinted & np.array([wording.hint >= 0 for wording in self._lines])[line]

    def outline(self, item: I64, exposure: I64) -> Outline:
        line, hinted = self.choices(item, exposure)
        table, roles = self._tables()
        which = 2 * line + hinted
        programs, present = table[which], table[which] >= 0
        counts = present.sum(axis=1)
        facts = np.repeat(np.arange(item.size, dtype=np.int32), counts)
        rows = self._cast.rows(self.individuals(item), self._second(item, exposure))
        false = np.zeros(facts.size, np.uint8)
        return Outline.ragged(programs[present], facts, counts, rows, roles[which][present], false)

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways in which its answers can be wrong."""
        others = ("individual",) if len(self.people) > 1 else ()
        return ("value", *others) if "answer" in self.roles else ()

    def wrong_outline(self, way: str, item: I64, exposure: I64, key: Key, attempt: int) -> Outline:
        """The outline of documents (d,) with other values in their answers."""
        right, drawn = self.outline(item, exposure), key.child(way, attempt)
        answers = WrongAnswers(self.programs, self._cast.sizes[: self.slots])
        if way == "value":
            return answers.values(right, item, exposure, drawn)
        others = other_than(self.individuals(item), self.people, bits(drawn, item, exposure))
        return answers.of_others(right, self._cast.rows(others, self._second(item, exposure)))

    def _second(self, item: I64, exposure: I64) -> I64 | None:
        """The second individual of each document, int64 (d,); None if no line names one."""
        return self.others(item, exposure) if self._cast.second else None

    def _tables(self) -> tuple[I32, NDArray[np.uint8]]:
        """The parts of each line, without its hint in row 2 · line, with it in the next: programs (-1: none), roles."""
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

    def _compile_lines(self, question: str) -> list[_Line]:
        """The wordings of a question. TemplateError for a line with the wrong number of bars."""
        self._spec.check(question)
        scope = self._cast.variables(self._spec.language)
        wordings = []
        for line in self._spec.lines(question):
            cut = self._compiled.cut(line, scope)
            if len(cut) > 3 or not all(cut) or (len(cut) == 1) != (self._spec.kind == "statements"):
                raise TemplateError(
                    f"{len(cut) - 1} bars in a line of {self._spec.kind}, or nothing beside one",
                    "Write prompt | answer, or prompt | hint | answer; of a statement no bar.",
                    line.place,
                )
            if len(cut) == 3 and self._spec.hints is None:
                del cut[1]
            numbers = self._compiled.add(line, scope, cut)
            hint, answer = numbers[1] if len(cut) == 3 else -1, numbers[-1] if len(cut) > 1 else -1
            wordings.append(_Line(numbers[0], hint, answer))
        return wordings

    def _programs_of_marks(self, spec: QuestionsSpec) -> list[Program]:
        """The programs of the two marks, direct and hinted, if hints are requested. SpecError if no line has a hint."""
        if spec.hints is None:
            return []
        if not any(line.hint >= 0 for line in self._lines):
            raise SpecError(
                "none of these questions has a hint", "Write prompt | hint | answer, or leave `hints` out.", ("hints",)
            )
        return [[spec.hints.direct.piece()], [spec.hints.hinted.piece()]]

    def _lengths(self, renderer: Renderer) -> tuple[Fraction, int | None]:
        """Expected and longest tokens of a document, with this renderer, end token included; None if unknown."""
        if not isinstance(renderer, Fragments) or not Figures(self._cast).independent(renderer):
            return sample_mean(self), None
        if (around := renderer.around) is None:
            return sample_mean(self), None
        means = [*renderer.mean_lengths(Figures(self._cast).probability), Fraction(0)]
        most = [*renderer.longest.tolist(), 0]
        rate = self._spec.hints.rate if self._spec.hints else Fraction(0)
        table, _ = self._tables()
        each = [sum((means[p] for p in row), Fraction(0)) for row in table.tolist()]
        of_lines = [(1 - rate) * each[2 * i] + rate * each[2 * i + 1] for i in range(len(self._lines))]
        of_questions = [
            sum(of_lines[first : first + n], Fraction(0)) / n
            for first, n in zip(self._first.tolist(), self._counts.tolist(), strict=True)
        ]
        longest = max(sum(most[p] for p in row) for row in table.tolist())
        return sum(of_questions, Fraction(0)) / len(of_questions) + around, int(longest) + around

    # ── what gets lost ──────────────────────────────────────────────────────────────────────────────────────────────

    def _raw_shown(self, programs: Sequence[Program], lines: Sequence[_Line]) -> Shown:
        """What documents of one question (all its lines) show of everybody in them."""
        return shown_by((programs[part] for line in lines for part in self._parts(line)), self._cast.sizes)

    def _parts(self, line: _Line) -> list[int]:
        """The programs that can occur in documents of a line."""
        return [part for part in (line.prompt, line.hint if self._spec.hints else -1, line.answer) if part >= 0]

    def _lost(self, programs: Sequence[Program], rendered: Rendered) -> Iterator[Notice]:
        """Notices about facts that the documents' words do not show."""
        words = Words.of(programs, self._cast)
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

        def bits(item: I64) -> I64:
            line, hinted = self.choices(item, np.zeros_like(item))
            of_item: I64 = of_rows[2 * line + hinted]
            return of_item

        yield from naming_notices(
            named, words, "Show {{ name }} in every line.", partial(self._example, rendered, bits)
        )
        yield from self._compiled.notices()
        asking = zip(np.repeat(self.questions, self._counts).tolist(), self._lines, strict=True)
        of = ((question, programs[line.prompt], programs[line.answer]) for question, line in asking if line.answer >= 0)
        yield from ambiguous(self._cast, of)
        if isinstance(paraphrases := self._spec.paraphrases, int):
            yield from repeated_lines(paraphrases, dict(zip(self.questions, self._counts.tolist(), strict=True)))


def _chosen(spec: QuestionsSpec) -> list[str]:
    """The names of the requested questions, in order; all, if none are requested."""
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


register(
    SourceKind(
        "questions",
        QuestionsSpec,
        Questions,
        "questions about individuals, with hints and answers (3.1, 3.2)",
        speed=60e6,
    )
)
register(
    SourceKind("statements", QuestionsSpec, Questions, 'single facts as sentences, such as "B is A" (3.2)', speed=60e6)
)
