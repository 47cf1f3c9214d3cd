"""Sentences of a grammar (Part 1; Lano of Part 4.1): the beginning of one is to be completed.

    <bos> x y     with the rules s -> a b, a -> x y | y, b -> y y x, completed by     y y x

A prompt may be empty. What is said ends with the end token, the next `<bos>`, or by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.core.files import Text
from pipeline.evaluate.checking.puzzles.reading import beyond, body, said
from pipeline.evaluate.checking.puzzles.verdict import RIGHT, Reason, Verdict
from pipeline.evaluate.checking.verdict import ProblemError
from pipeline.grammars.notation import parse
from pipeline.grammars.parser import Parser

SIZES = ("prefix",)
FORM = "It is <bos> and the first symbols of a sentence."


class Language:
    """What a grammar has sentences of. SpecError for rules that are none."""

    def __init__(self, rules: Sequence[str]) -> None:
        grammar = parse(Text(rule, f"rule {i}") for i, rule in enumerate(rules, 1))
        self.parser = Parser(grammar)
        self.numbers = {name: number for number, name in enumerate(grammar.terminals)}

    def numbered(self, names: Sequence[str]) -> list[int]:
        """Symbols as the parser takes them; KeyError for the first that the grammar does not have."""
        return [self.numbers[name] for name in names]

    def begun(self, symbols: list[int]) -> int:
        """How many of the first symbols some sentence begins with."""
        return int(np.isfinite(self.parser.next_symbols(symbols)[:, 0]).sum()) - 1


@dataclass(frozen=True)
class Sentence:
    """The beginning of a sentence."""

    language: Language
    prefix: list[int]

    @property
    def sizes(self) -> dict[str, int]:
        """prefix: symbols of the prompt."""
        return {"prefix": len(self.prefix)}

    def verify(self, said_tokens: Sequence[str]) -> Verdict:
        """Whether the beginning and what is said are a sentence."""
        try:
            symbols = self.prefix + self.language.numbered(said(said_tokens, ""))
        except KeyError as error:
            return Verdict(Reason.STRANGER, str(error.args[0]))
        if self.language.parser.accepts(symbols):
            return RIGHT
        begun = self.language.begun(symbols)
        if begun == len(symbols):
            return Verdict(Reason.UNFINISHED, f"after {begun} symbols")
        return Verdict(Reason.SENTENCE, f"none begins with its first {begun + 1} symbols")


def read(prompt: Sequence[str], language: Language) -> Sentence:
    """The problem in a prompt. ProblemError where no sentence begins so."""
    try:
        prefix = language.numbered(body(prompt, ""))
    except KeyError as error:
        raise ProblemError(f"the grammar has no symbol '{error.args[0]}'", FORM) from None
    if (begun := language.begun(prefix)) < len(prefix):
        raise ProblemError(f"no sentence begins with its first {begun + 1} symbols", FORM)
    return Sentence(language, prefix)


def verify(prompt_tokens: Sequence[str], said_tokens: Sequence[str], language: Language) -> Verdict:
    """The verdict on what is said. ProblemError for a prompt that no sentence begins with."""
    return read(prompt_tokens, language).verify(said_tokens)


def document(tokens: Sequence[str], language: Language) -> list[Verdict]:
    """The verdict on a document, which is a whole sentence. ProblemError where it does not begin with `<bos>`."""
    verdict, behind = Sentence(language, []).verify(body(tokens, "")), beyond(tokens[1:])
    return [Verdict(Reason.EXTRA, " ".join(behind)) if verdict.ok and behind else verdict]
