"""Biographies: each attribute of an individual told in one sentence, in one of many wordings.

The variants of Part 3.1 (section A.1) are three choices. How often the wording changes (`paraphrases`), how often the
order of the sentences does (`permutations`), and where the full name stands (`full_name`):

    single            paraphrases 1            single+permute5        permutations 5
    multi5            paraphrases 5            multi5+permute         paraphrases 5, permutations 5
    +fullname         full_name: all           bioS(N) of Part 3.3    paraphrases fresh, permutations fresh

Letters: d documents, s sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import lcm
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field as Key_
from pydantic import PrivateAttr

from pipeline.core.documents import Documents
from pipeline.core.draws import I32, I64, below_each, orders
from pipeline.core.errors import SpecError, suggest
from pipeline.core.files import Files, Text
from pipeline.core.spec import Name, Spec
from pipeline.sources.source import Context
from pipeline.text.fields import Column, Field
from pipeline.text.fragments import Fragments
from pipeline.text.rendered import Program, compile_programs
from pipeline.text.templates import Agreement, Variable, pieces
from pipeline.worlds.attributes import PRONOUNS
from pipeline.worlds.world import World

Turns = Annotated[int, Key_(ge=1, le=2**31 - 1)] | Literal["fresh"]
NAME, PRONOUN = 0, 1  # how a sentence calls its subject
SAMPLE = 2000  # documents whose mean length is taken where it cannot be computed


class BiographiesSpec(Spec):
    """One document an individual and exposure; one sentence an attribute."""

    kind: Literal["biographies"]
    world: Name
    templates: str | dict[Name, list[str]] = Key_(
        description="A folder of <sentence>.j2 files, one paraphrase a line, or the lines themselves by sentence."
    )
    sentences: list[Name] | None = Key_(
        None, min_length=1, description="Which sentences, in which order. Default: all."
    )
    paraphrases: Turns = Key_(1, description="Fixed wordings per individual, or fresh: a new one at each exposure.")
    permutations: Turns | Literal["fixed"] = Key_(
        "fixed", description="Fixed orders of the sentences per individual, fresh, or fixed: the order of `sentences`."
    )
    full_name: Literal["first", "all"] = Key_("first", description="In the first sentence, then a pronoun; or in all.")
    _places: dict[str, tuple[str, ...]] = PrivateAttr(default_factory=dict)

    def materialise(self, files: Files) -> Self:
        if not isinstance(self.templates, str):
            copy = self.model_copy()
            copy._places = {
                name: tuple(files.place("templates", name, i) for i in range(len(lines)))
                for name, lines in self.templates.items()
            }
            return copy
        try:
            found = files.templates(self.templates)
        except SpecError as error:
            raise SpecError(error.problem, error.remedy, ("templates",)) from None
        lines = {name: [line.text for line in texts] for name, texts in found.items()}
        copy = self.model_copy(update={"templates": lines})
        copy._places = {name: tuple(line.place for line in texts) for name, texts in found.items()}
        return copy

    def lines(self, sentence: str) -> list[Text]:
        """The paraphrases of a sentence, with the place of each."""
        assert not isinstance(self.templates, str), "materialise comes first"
        return [Text(*line) for line in zip(self.templates[sentence], self._places[sentence], strict=True)]


class Biographies:
    """The source. Wordings come from the source's key, truth from the world alone. sentences: told, in fixed order."""

    def __init__(self, spec: BiographiesSpec, context: Context) -> None:
        if spec.world not in context.worlds:
            raise SpecError(f"no world '{spec.world}'", suggest(spec.world, context.worlds), ("world",))
        self.world = context.worlds[spec.world]
        self.labels = self.world.labels
        self._spec = spec
        self.sentences = _sentences(spec, self.world)
        self._wording_key = context.key.child("wording")
        self._sentence_keys = [self._wording_key.child(sentence) for sentence in self.sentences]
        self._order_key = context.key.child("order")
        programs, self._counts, self._base = _wordings(spec, self.world, self.sentences)
        self._teller, notices = compile_programs(programs, context.tokenizer)
        self.notices = tuple(notices)
        turns = (spec.paraphrases, 1 if spec.permutations == "fixed" else spec.permutations)
        self.exposures = None if "fresh" in turns else lcm(*(turn for turn in turns if isinstance(turn, int)))
        self.longest: int | None = None
        self.mean_tokens, self.longest = self._lengths()

    def __len__(self) -> int:
        return self.world.size

    def documents(self, item: I64, exposure: I64, *, spans: bool) -> Documents:
        """Biographies of `item` (d,) at `exposure` (d,): tokens, and on request the spans of names and values."""

        def choose(chunk: slice) -> tuple[I32, I32]:
            return self._programs(item[chunk], exposure[chunk]), self.world.rows(item[chunk])

        return self._teller.documents(item.size, self.longest or 0, choose, spans=spans)

    def choices(self, item: I64, exposure: I64) -> tuple[I32, I32 | None]:
        """The paraphrase of each sentence, and the order in which they are told; (d, s) both.

        Column j of the first is of sentence j. The second is None where the order is fixed; else column j says which
        sentence is told at place j.
        """
        turn = _turn(self._spec.paraphrases, exposure)
        chosen = below_each(self._sentence_keys, self._counts, self._wording_key, item, turn)
        if self._spec.permutations == "fixed":
            return chosen, None
        return chosen, orders(self._order_key, len(self.sentences), item, _turn(self._spec.permutations, exposure))

    def _programs(self, item: I64, exposure: I64) -> I32:
        """Which program tells each sentence: int32 (d, s), in the order of telling."""
        chosen, order = self.choices(item, exposure)
        modes = np.full(len(self.sentences), NAME if self._spec.full_name == "all" else PRONOUN)
        modes[0] = NAME
        if order is None:
            chosen += self._base[modes, np.arange(len(modes))]
            return chosen
        told = np.take_along_axis(chosen, order, axis=1)
        told += self._base[modes, order]
        return told

    def _lengths(self) -> tuple[Fraction, int | None]:
        """Expected and longest tokens of a document, its end token included."""
        if not isinstance(self._teller, Fragments):
            item = np.arange(min(SAMPLE, len(self)), dtype=np.int64)
            sample = self.documents(item, np.zeros_like(item), spans=False)
            return Fraction(len(sample.tokens.values), len(sample)), None
        means = self._teller.mean_lengths(self.world.probability)
        longest = self._teller.longest().tolist()
        mean = [[Fraction(0)] * len(self._counts) for _ in (NAME, PRONOUN)]
        most = [[0] * len(self._counts) for _ in (NAME, PRONOUN)]
        for mode, s, programs in self._compiled():
            mean[mode][s] = sum(means[programs], Fraction(0)) / self._counts[s]
            most[mode][s] = max(longest[programs])
        return self._over_orders(mean) + 1, self._over_orders(most, worst=True) + 1

    def _compiled(self) -> Iterator[tuple[int, int, slice]]:
        """The programs of each sentence in each mode that is told."""
        for mode in (NAME, PRONOUN):
            for s, count in enumerate(self._counts):
                if (base := int(self._base[mode, s])) >= 0:
                    yield mode, s, slice(base, base + count)

    def _over_orders(self, length: list[list[Any]], *, worst: bool = False) -> Any:
        """A sum over the sentences, one of them with the full name: the mean over all orders, or the largest."""
        named, others = length
        if self._spec.full_name == "all":
            return sum(named)
        if self._spec.permutations == "fixed":
            return named[0] + sum(others[1:])
        sums = [named[s] + sum(others[:s]) + sum(others[s + 1 :]) for s in range(len(named))]
        return max(sums) if worst else sum(sums) / len(sums)


def _turn(turns: Turns | Literal["fixed"], exposure: I64) -> I64:
    return exposure if not isinstance(turns, int) else exposure % turns


def _sentences(spec: BiographiesSpec, world: World) -> list[str]:
    """The sentences to tell, in their order: those asked for, or all, in the order of the world's attributes."""
    known = spec.templates
    assert not isinstance(known, str), "materialise comes first"
    for name in spec.sentences or ():
        if name not in known:
            raise SpecError(f"no templates for the sentence '{name}'", suggest(name, known), ("sentences",))
    if spec.sentences and len(set(spec.sentences)) < len(spec.sentences):
        raise SpecError("a sentence stands twice", "Remove one.", ("sentences",))
    ordered = [name for name in world.fields if name in known]
    chosen = spec.sentences or ordered + sorted(known.keys() - set(ordered))
    if not chosen:
        raise SpecError("there are no templates", "Give at least one sentence.", ("templates",))
    for name in chosen:
        if not known[name]:
            raise SpecError("no template", "Give at least one line.", ("templates", name))
        if not all(line.strip() for line in known[name]):
            raise SpecError("a template is empty", "Remove it.", ("templates", name))
        if len(set(known[name])) < len(known[name]):
            twice = next(line for line in known[name] if known[name].count(line) > 1)
            raise SpecError(f"the template {twice!r} stands twice", "Remove one.", ("templates", name))
    return chosen


def _wordings(spec: BiographiesSpec, world: World, sentences: list[str]) -> tuple[list[Program], list[int], I32]:
    """All programs, each sentence once for each way to call the subject that occurs; how many paraphrases each has;
    and (2, s) the first program of sentence s in a mode, -1 where it is never told so."""
    counts = [len(spec.lines(sentence)) for sentence in sentences]
    base = np.full((2, len(sentences)), -1, np.int32)
    programs: list[Program] = []
    for mode in (NAME, PRONOUN):
        told = [s for s in range(len(sentences)) if _occurs(spec, mode, s, len(sentences))]
        scope = _scope(world, mode) if told else {}
        for s in told:
            base[mode, s] = len(programs)
            programs += [_program(spec, sentences[s], i, scope, world) for i in range(counts[s])]
    return programs, counts, base


def _occurs(spec: BiographiesSpec, mode: int, s: int, sentences: int) -> bool:
    """Whether sentence s is ever told with the full name (or the pronoun)."""
    if spec.full_name == "all" or sentences == 1:
        return mode == NAME
    return spec.permutations != "fixed" or (mode == NAME) == (s == 0)


def _program(spec: BiographiesSpec, sentence: str, number: int, scope: Mapping[str, Variable], world: World) -> Program:
    return pieces(spec.lines(sentence)[number], scope, f"world '{world.name}'")


def _scope(world: World, mode: int) -> dict[str, Variable]:
    """The variables of a sentence: the world's attributes, and words for its subject.

    {{ subject }} Anya Briar Forger · She     {{ subject_possessive }} Anya Briar Forger's · Her
    {{ object }} her     {{ possessive }} her     {{ verb("was", "were") }} agrees with the subject
    """
    name, pronoun = world.of_kind("name"), world.of_kind("pronoun")
    if name is None:
        raise SpecError(f"the world '{world.name}' has no attribute of kind name", "Biographies need one.", ("world",))
    if mode == PRONOUN and pronoun is None:
        raise SpecError(
            f"the world '{world.name}' has no pronoun for the sentences after the first",
            "Declare an attribute of kind pronoun, or set full_name: all.",
            ("full_name",),
        )
    scope: dict[str, Variable] = dict(world.fields)
    for word in ("subject", "subject_possessive", "object", "possessive", "verb"):
        if word in scope:
            raise SpecError(f"the world '{world.name}' calls an attribute '{word}'", "Rename it.", ("world",))
    if pronoun is not None:
        scope |= _pronoun_words(world.fields[pronoun])
    if mode == NAME:
        field = world.fields[name]
        scope["subject"] = field
        scope["subject_possessive"] = Field(field.format, field.parts, field.label, after="'s")
        scope["verb"] = Agreement()
    return scope


def _pronoun_words(field: Field) -> dict[str, Variable]:
    column = field.format[0]
    assert isinstance(column, Column)

    def form(number: int, *, capital: bool) -> Field:
        words = (str(PRONOUNS[value][number]) for value in column.values)
        return Field((Column(column.slot, tuple(w.capitalize() if capital else w for w in words)),), label=field.label)

    return {
        "subject": form(0, capital=True),
        "subject_possessive": form(2, capital=True),
        "object": form(1, capital=False),
        "possessive": form(2, capital=False),
        "verb": Agreement(column.slot, tuple(bool(PRONOUNS[value][3]) for value in column.values)),
    }
