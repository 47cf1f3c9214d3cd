"""The recipe keys of a source of problems."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field as Key_
from pydantic import model_validator

from pipeline.core.draws import I64, U64, threshold
from pipeline.core.errors import SpecError
from pipeline.core.files import Files
from pipeline.core.spec import Rational, Size, Spec, refused
from pipeline.sources.reasoning.igsm import distributions, vocabulary
from pipeline.sources.reasoning.igsm.layout import (
    ABSTRACT,
    ANSWERS,
    BINS,
    MISTAKES,
    NO_MISTAKES,
    SHORT,
    ProblemOptions,
    RenderOptions,
)
from pipeline.sources.reasoning.igsm.phrases import LETTERS
from pipeline.sources.spec import DocumentsSpec, Mark, MarkSpec

FAMILIES = {"med": (15, 20), "hard": (21, 28)}  # most operations in training, most instance parameters
MOST_OP = 48  # so that there are enough letters
MOST_EDGES = ABSTRACT
LEAST_EDGES = 12
TRAIN = 17  # the bins of templates below are trained on
SMALLEST = 23  # exact numbers: those written in a problem are smaller

Op = Annotated[int, Key_(ge=1, le=MOST_OP)]


class RetrySpec(Spec):
    """Mistakes that are taken back (Part 2.2): before a step a coin is thrown until it falls well."""

    mistake: Literal["real", "weak", "miss"] = Key_(
        "real", description="What is begun wrongly: what cannot be computed yet; a later step; anything not done yet."
    )
    rate: Rational = Key_(ge=0, lt=1, description="Of the coin: n mistakes or more at a rate of rate^n.")
    share: Rational = Key_(Fraction(1), ge=0, le=1, description="How many of the documents have mistakes at all.")
    present: bool = Key_(True, description="weak: the step that comes next may be begun and taken back as well.")
    back: Mark = Key_(MarkSpec.of("[BACK]"), description="What takes back: a special token, or {text: BACK}.")


class MarkersSpec(Spec):
    """What stands before the parts of a document: a special token, {text: …}, or false for nothing."""

    start: Mark | Literal[False] = Key_(MarkSpec.of("<problem>"), description="Before the problem.")
    solution: Mark | Literal[False] = Key_(MarkSpec.of("<solution>"), description="Before the solution.")
    answer: Mark | Literal[False] = Key_(MarkSpec.of("<answer>"), description="Before the answer.")

    @property
    def by_phrase(self) -> dict[str, MarkSpec]:
        """Phrase name → mark, for all marks that are not false."""
        named = {"start": self.start, "solution": self.solution, "answered": self.answer}
        return {name: mark for name, mark in named.items() if mark}


class IgsmSpec(DocumentsSpec):
    """Grade-school mathematics after Part 2.1: one problem an item, another order of its sentences an exposure."""

    kind: Literal["igsm"]
    problems: Size = Key_(description="How many.")
    family: Literal["med", "hard"] = Key_("med", description="med: 15 operations, 20 parameters at most; hard: 21, 28.")
    max_edge: int | None = Key_(
        None, ge=LEAST_EDGES, le=MOST_EDGES, description="Most instance parameters; default: the family's."
    )
    op: Op | list[Op] | Literal["light"] = Key_(
        "light",
        description="Operations of a solution: a number, [least, most], or the light distribution of the family.",
    )
    format: Literal["pq", "qp"] = Key_("pq", description="The problem before its question, or after it.")
    reask: bool = Key_(False, description="Ask another question of the finished problem; its operations vary then.")
    background: bool = Key_(False, description="Begin with what may hold what, and which items there are.")
    modulus: int | Literal["exact"] = Key_(23, description="A prime that all numbers are reduced by, or exact.")
    largest: int = Key_(1_000_000, ge=1000, le=10**9, description="exact: problems with larger numbers are left out.")
    childless: bool = Key_(False, description="Keep totals over items that hold nothing, as the published generator.")
    split: Literal["train", "test", "all"] = Key_(
        "train", description="Problems whose template is in bins 0–16 of 23, in the others, or in any."
    )
    short: bool = Key_(
        False, description="test: with problems of one and two operations, whose templates are trained on."
    )
    retry: RetrySpec | None = Key_(None, description="Mistakes that are taken back. Default: none.")
    markers: MarkersSpec | Literal[False] = Key_(MarkersSpec(), description="Between the parts; false: nothing.")
    answer: Literal["last", "first", "none"] = Key_(
        "last", description="Where the answer stands: after the solution, before it."
    )
    vocabulary: str | dict[str, dict[str, dict[str, str]]] = Key_(
        "values/igsm", description="A folder of names, or chain: category: sub-category: items, with commas between."
    )

    @model_validator(mode="after")
    def _numbers(self) -> Self:
        if isinstance(self.modulus, int) and not _is_prime(self.modulus):
            problem = f"the modulus must be a prime from 2 to 9973, or exact, not {self.modulus}"
            raise refused(problem, "Part 2.1 has 23.", ("modulus",))
        if isinstance(self.op, list) and (len(self.op) != 2 or self.op[0] > self.op[1]):
            raise refused("a range of operations is written [least, most]", "Example: [2, 15].", ("op",))
        return self

    def materialise(self, files: Files) -> Self:
        """The same with the names of its vocabulary. SpecError if two names could be confused."""
        chains = vocabulary.read(self.vocabulary, files) if isinstance(self.vocabulary, str) else self.vocabulary
        vocabulary.check(chains)
        return self.model_copy(update={"vocabulary": chains})

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        back = (self.retry.back,) if self.retry else ()
        return (*super().marks, *self.between.values(), *back)

    @property
    def between(self) -> dict[str, MarkSpec]:
        """Phrase name → mark, for the markers that documents contain."""
        marks = self.markers.by_phrase if self.markers else {}
        return {name: mark for name, mark in marks.items() if name != "answered" or self.answer != "none"}

    @property
    def edges(self) -> int:
        """The most instance parameters of a problem."""
        return self.max_edge or FAMILIES[self.family][1]

    def distribution(self) -> dict[int, Fraction]:
        """Number of operations → weight. SpecError if none is left."""
        low, high = FAMILIES[self.family][0], FAMILIES[self.family][0]
        if self.op != "light":
            low, high = (self.op[0], self.op[1]) if isinstance(self.op, list) else (self.op, self.op)
        least = 1 if self.split != "test" or self.short else SHORT + 1
        if self.op == "light":
            return distributions.light(high, least)
        if high < least:
            raise SpecError(
                f"problems of up to {SHORT} operations have so few templates that all are trained on",
                "Ask for more operations, or say `short: true`.",
                ("op",),
                [("op",), ("short",), ("split",)],
            )
        return {k: Fraction(1) for k in range(max(low, least), high + 1)}

    def problem_options(self, keys: U64, vocabulary: I64) -> ProblemOptions:
        """The options of kernels that draw problems. keys: uint64 (streams, 2). vocabulary: by `vocabulary.table`."""
        first, last = {"train": (0, TRAIN), "test": (TRAIN, BINS), "all": (0, BINS)}[self.split]
        modulus, largest = (SMALLEST, self.largest) if self.modulus == "exact" else (self.modulus, 0)
        weights = self.distribution()
        return ProblemOptions(
            self.edges, self.childless, self.reask, first, last, modulus, largest, LETTERS,
            distributions.thresholds(weights), distributions.widths(max(weights), self.edges), distributions.pull(),
            keys, vocabulary,
        )  # fmt: skip

    def render_options(self, keys: U64, programs: I64) -> RenderOptions:
        """The options of kernels that render documents. programs: the number of each phrase's program, -1 for none."""
        kind, next_too, rate, share = NO_MISTAKES, True, np.uint64(0), np.uint64(0)
        if self.retry:
            kind, next_too = MISTAKES.index(self.retry.mistake), self.retry.present
            rate, share = threshold(self.retry.rate), threshold(self.retry.share)
        modulus = 0 if self.modulus == "exact" else self.modulus
        answer = ANSWERS.index(self.answer)
        return RenderOptions(
            self.format == "qp", answer, self.background, kind, next_too, rate, share, modulus, keys, programs
        )


def _is_prime(number: int) -> bool:
    return 2 <= number <= 9973 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))
