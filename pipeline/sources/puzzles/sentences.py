"""Sentences of a context-free grammar (Part 1; Lano of Part 4.1).

    <bos> 3 1 1 2 … 2              a document is a sentence
    <bos> 3 1 | 1 2 … 2            cut: the first symbols are the prompt, the others one of its completions

An item is a sentence, the same at every exposure; its perturbation, if any, changes with the exposure.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key_
from pydantic import field_validator

from pipeline.core.documents import Documents, Ragged, offsets_of
from pipeline.core.draws import I32, I64
from pipeline.core.errors import SpecError
from pipeline.core.files import Files, Text
from pipeline.core.narrow_integers import narrowed
from pipeline.core.spec import Rational, Spec, refused
from pipeline.core.system.reading import read
from pipeline.grammars.grammar import Grammar
from pipeline.grammars.notation import parse, written
from pipeline.grammars.released import released
from pipeline.grammars.sampler import Noise, Sampler
from pipeline.grammars.shapes import ShapeSpec, draw_grammar
from pipeline.sources.lengths import SAMPLE, sample_mean
from pipeline.sources.puzzles.puzzle import Frame, SymbolsSpec, keys_of
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import Context, Source, mask_of, number_of


class PerturbedSpec(Spec):
    """Sentences that are not of the grammar: Part 1 has a tenth of them in training, which makes models more robust."""

    share: Rational = Key_(Fraction(1, 10), ge=0, le=1, description="How many of the sentences.")
    rate: Rational = Key_(Fraction(15, 100), ge=0, le=1, description="How many of their symbols are replaced.")
    level: int = Key_(0, ge=0, description="Which symbols: 0 terminals, 1 those above them, …; what is below follows.")
    by: Literal["random", "shift"] = Key_("random", description="Any other symbol of the level, or the next one of it.")


class GrammarSpec(SymbolsSpec):
    """Sentences of a grammar."""

    kind: Literal["grammar"]
    grammar: str | list[str] | ShapeSpec = Key_(
        description="A file of rules (.cfg) or of the released form (.json), the rules themselves, or a shape to draw."
    )
    perturbed: PerturbedSpec | None = Key_(None, description="Default: no sentence is.")
    cut: int | None = Key_(None, ge=0, description="Symbols of each sentence that are its prompt.")

    @field_validator("grammar", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if not isinstance(value, str | list | dict | ShapeSpec):
            problem = "a grammar is a file, a list of rules, or a shape"
            raise refused(problem, "Write a path, [rules], or {sizes: …, rules: …, length: …}.")
        return value

    def materialise(self, files: Files) -> Self:
        """The same with the grammar's rules written out, and the name of its alphabet."""
        name = PurePosixPath(self.grammar).stem if isinstance(self.grammar, str) else ""
        alphabet = self.alphabet or (name if name.isidentifier() and name.isascii() else self.kind)
        rules = written(_read(self.grammar, files)).removesuffix("\n").split("\n")
        return self.model_copy(update={"grammar": rules, "alphabet": alphabet})

    @property
    def rules(self) -> Grammar:
        """The grammar of a materialised spec."""
        assert isinstance(self.grammar, list), "the spec is materialised"
        return parse(Text(line, f"line {number}") for number, line in enumerate(self.grammar, 1))

    def names(self) -> tuple[str, ...]:
        return self.rules.terminals


def _read(named: str | list[str] | ShapeSpec, files: Files) -> Grammar:
    try:
        if isinstance(named, list):
            return parse(Text(line, f"line {number}") for number, line in enumerate(named, 1))
        if isinstance(named, ShapeSpec):
            return draw_grammar(named)
        if named.endswith(".json"):
            return released(_json(files, named))
        return parse(files.lines(named))
    except SpecError as error:
        raise SpecError(error.problem, error.remedy, ("grammar",)) from None


def _json(files: Files, named: str) -> dict[str, object]:
    path = files.find(named, "recipes", "grammar")
    try:
        tree = json.loads(read(path, named))
    except (ValueError, RecursionError) as error:
        raise SpecError(f"cannot read {named}: {error}", "It must be a JSON file of the released form.") from None
    if not isinstance(tree, dict):
        raise SpecError(f"{named} holds no mapping", "It must be a JSON file of the released form.")
    return tree


class Sentences(Source):
    """An item is a sentence."""

    def __init__(self, spec: GrammarSpec, context: Context) -> None:
        self.grammar, self._spec = spec.rules, spec
        self.exposures = spec.instances and 1
        self._frame = Frame(spec, context.tokenizer)
        self._ids = context.tokenizer.ids_of(context.symbols.tokens(spec.symbols[0]))
        if spec.cut is not None and spec.cut >= self.grammar.shortest:
            raise SpecError(
                f"a prompt of {spec.cut} symbols is all of a sentence that has {self.grammar.shortest}",
                f"Cut at {self.grammar.shortest - 1}, or before.",
                ("cut",),
                [("cut",), ("grammar",)],
            )
        self.sampler = _sampler(spec, self.grammar, context)
        cut, silent = spec.cut is not None, spec.perturbed is not None and spec.cut is None
        present = {"tag": spec.tag, "prompt": cut, "answer": cut, "silent": silent}
        self.roles = tuple(role for role, is_present in present.items() if is_present)
        self.mask = mask_of(spec, self.roles)
        around = self._frame.lead + self._frame.trail
        self.longest: int | None = self.sampler.longest + around
        self.mean_tokens = self.grammar.mean_length + around
        if spec.perturbed and spec.perturbed.level:  # this may change the lengths of sentences
            self.mean_tokens = sample_mean(self, 5 * SAMPLE)

    def __len__(self) -> int:
        return self._spec.count

    def token_ids(self) -> I64:
        return self._frame.token_ids(self._ids)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of all symbols, by their numbers in trees."""
        return self.grammar.symbols

    @property
    def depth(self) -> int:
        """The number of symbols above each terminal, including the root."""
        return len(self.grammar.levels) - 1

    def topics(self, item: I64) -> list[str]:
        """The length of the prompt, if sentences are cut."""
        return ["" if self._spec.cut is None else f"cut {self._spec.cut}"] * item.size

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """The sentences `item` (d,), with the perturbation of `exposure` (d,). There are no spans."""
        frame = self._frame.lead, self._frame.trail
        roles = None
        if parts and "silent" in self.roles:
            terminals, offsets, replaced = self.sampler.flagged(item, exposure, *frame)
            roles = self._silent(offsets, replaced)
        else:
            terminals, offsets = self.sampler.sentences(item, exposure, *frame)
            roles = self._cut(offsets) if parts else None
        none = Ragged(np.empty((0, 3), np.int32), np.zeros(item.size + 1, np.int64))
        return Documents(self._frame.around(self._ids.take(terminals), offsets), none if spans else None, roles)

    def trees(self, item: I64, exposure: I64) -> tuple[Ragged, NDArray[np.uint8]]:
        """For each token the symbols above it, from the root down, and how many constituents end with it.

        int16 (T, levels - 1), indices into `symbols`, -1 for BOS and other tokens outside of a sentence; uint8 (T,).
        """
        _, offsets, above, ends = self.sampler.trees(item, exposure, self._frame.lead, self._frame.trail)
        ancestors = narrowed(above, np.int16, "number of a symbol")
        return Ragged(ancestors, offsets), narrowed(ends, np.uint8, "constituents that end at a token")

    def _cut(self, offsets: I64) -> Ragged:
        """The parts of documents: a tag and, if sentences are cut, the prompt and its completion."""
        lengths, d = np.diff(offsets), len(offsets) - 1
        if self._spec.cut is None:
            return self._frame.parts(lengths, np.empty((0, 2), np.int32), np.zeros(d + 1, np.int64))
        begins = np.full(d, self._frame.lead + self._spec.cut)
        answers = np.column_stack([begins, lengths - self._frame.trail - begins]).astype(np.int32)
        return self._frame.parts(lengths, answers, np.arange(d + 1))

    def _silent(self, offsets: I64, replaced: NDArray[np.uint8]) -> Ragged:
        """The parts of documents: a tag, and each run of replaced symbols."""
        inside = replaced.astype(bool)
        begins = inside & ~np.r_[False, inside[:-1]]
        begins[offsets[:-1]] = inside[offsets[:-1]]
        ends = inside & ~np.r_[inside[1:], False]
        ends[offsets[1:] - 1] = inside[offsets[1:] - 1]
        first, last = np.flatnonzero(begins), np.flatnonzero(ends)
        document = np.searchsorted(offsets, first, side="right") - 1
        silent = _rows(first - offsets[document], last - first + 1, number_of("silent"))
        tags = min(len(self._frame.tag), 1)
        d = len(offsets) - 1
        tagged = _rows(np.zeros(d * tags), np.full(d * tags, len(self._frame.tag)), number_of("tag"))
        document = np.concatenate([np.arange(d * tags), document])
        order = np.argsort(document, kind="stable")
        return Ragged(np.concatenate([tagged, silent])[order], offsets_of(np.bincount(document, minlength=d)))


def _rows(start: NDArray[np.generic], length: NDArray[np.generic], role: int) -> I32:
    return np.column_stack([start, length, np.full(len(start), role)]).astype(np.int32)


def _sampler(spec: GrammarSpec, grammar: Grammar, context: Context) -> Sampler:
    keys = keys_of(context.key, ("sentence", "noise"))
    if spec.perturbed is None:
        return Sampler(grammar, keys)
    noise = Noise(spec.perturbed.share, spec.perturbed.rate, spec.perturbed.level, spec.perturbed.by)
    try:
        return Sampler(grammar, keys, noise)
    except SpecError as error:
        raise SpecError(error.problem, error.remedy, ("perturbed", "level")) from None


register(
    SourceKind(
        "grammar",
        GrammarSpec,
        Sentences,
        "sentences of a context-free grammar, whole or to be completed, with their trees (1, 4.1)",
        kernels=("pipeline.grammars.kernels.parser", "pipeline.grammars.kernels.sampler"),
        verifier="pipeline.evaluate.checking.puzzles.sentences:VERIFIER",
        speed=120e6,
    )
)
