"""Sentences of a grammar (Part 1; Lano of Part 4.1): complete the beginning of a sentence.

    <bos> x y     with the rules s -> a b, a -> x y | y, b -> y y x, completed by     y y x

A prompt may be empty. An answer ends at the end token, at the next `<bos>`, or at its last token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.core.files import Text
from pipeline.evaluate.checking.puzzles.reading import answer_in, beyond, body
from pipeline.evaluate.checking.puzzles.rules import PuzzleLayout, Reader, puzzle
from pipeline.evaluate.checking.puzzles.verdict import RIGHT, Reason, Verdict
from pipeline.evaluate.checking.verdict import ProblemError
from pipeline.grammars.notation import parse
from pipeline.grammars.parser import Parser

SIZES = ("prefix",)
FORM = "It is <bos> and the first symbols of a sentence."


class Language:
    """The sentences of a grammar. SpecError for invalid rules."""

    def __init__(self, rules: Sequence[str]) -> None:
        grammar = parse(Text(rule, f"rule {i}") for i, rule in enumerate(rules, 1))
        self.parser = Parser(grammar)
        self.numbers = {name: number for number, name in enumerate(grammar.terminals)}

    def numbered(self, names: Sequence[str]) -> list[int]:
        """The parser's numbers of symbols. KeyError for the first symbol that the grammar does not have."""
        return [self.numbers[name] for name in names]

    def begun(self, symbols: list[int]) -> int:
        """The length of the longest prefix of `symbols` that begins some sentence."""
        return int(np.isfinite(self.parser.next_symbols(symbols)[:, 0]).sum()) - 1


@dataclass(frozen=True)
class Sentence:
    """The beginning of a sentence of a language, as numbers of symbols."""

    language: Language
    prefix: list[int]

    @property
    def sizes(self) -> dict[str, int]:
        """prefix: symbols of the prompt."""
        return {"prefix": len(self.prefix)}

    def verify(self, answer: Sequence[str]) -> Verdict:
        """The verdict: right if prefix and answer together are a sentence."""
        try:
            symbols = self.prefix + self.language.numbered(answer_in(answer, ""))
        except KeyError as error:
            return Verdict(Reason.STRANGER, str(error.args[0]))
        if self.language.parser.accepts(symbols):
            return RIGHT
        begun = self.language.begun(symbols)
        if begun == len(symbols):
            return Verdict(Reason.UNFINISHED, f"after {begun} symbols")
        return Verdict(Reason.SENTENCE, f"none begins with its first {begun + 1} symbols")


def read(prompt: Sequence[str], language: Language) -> Sentence:
    """The problem in a prompt. ProblemError where no sentence begins with it."""
    try:
        prefix = language.numbered(body(prompt, ""))
    except KeyError as error:
        raise ProblemError(f"the grammar has no symbol '{error.args[0]}'", FORM) from None
    if (begun := language.begun(prefix)) < len(prefix):
        raise ProblemError(f"no sentence begins with its first {begun + 1} symbols", FORM)
    return Sentence(language, prefix)


def verify(prompt: Sequence[str], answer: Sequence[str], language: Language) -> Verdict:
    """The verdict on an answer. ProblemError for a prompt that no sentence begins with."""
    return read(prompt, language).verify(answer)


def document(tokens: Sequence[str], language: Language) -> list[Verdict]:
    """The verdict on a document, which is a whole sentence. ProblemError where it does not begin with `<bos>`."""
    verdict, rest = Sentence(language, []).verify(body(tokens, "")), beyond(tokens[1:])
    return [Verdict(Reason.EXTRA, " ".join(rest)) if verdict.ok and rest else verdict]


class SentencesLayout(PuzzleLayout):
    """A source of sentences in a manifest."""

    grammar: list[str]


def _reader(grammar: list[str] | None = None) -> Reader:
    if grammar is None:
        raise PipelineError("no rules of a grammar", "Give a dataset whose recipe has them.", "--kind grammar")
    return partial(read, language=Language(grammar))


VERIFIER = puzzle(SIZES, _reader, ("grammar",), SentencesLayout)
