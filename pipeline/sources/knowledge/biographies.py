"""Biographies: each attribute of an individual told in one sentence, in one of many wordings.

The variants of Part 3.1 (section A.1) are three choices. How often the wording changes (`paraphrases`), how often the
order of the sentences does (`permutations`), and where the full name stands (`full_name`):

    single            paraphrases 1            single+permute5        permutations 5
    multi5            paraphrases 5            multi5+permute         paraphrases 5, permutations 5
    +fullname         full_name: all           bioS(N) of Part 3.3    paraphrases fresh, permutations fresh
    couple            sentences: [[a, b], …]   reverse1, 2, 6         full_name: {after: 1}, 2, 6 (Part 3.2, section 5)

Letters: d documents, s sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import factorial, lcm, prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Key_

from pipeline.core.documents import Documents
from pipeline.core.draws import I32, I64, below_each, orders
from pipeline.core.errors import SpecError, specified_at, suggest
from pipeline.core.files import Files
from pipeline.core.key import Key
from pipeline.core.notices import Notice, quoted
from pipeline.core.spec import Name, Spec
from pipeline.sources.knowledge.checks import doubled_stops, repeated_orders, repeated_wordings, said_bare
from pipeline.sources.knowledge.choices import Choices, Groups, Languages
from pipeline.sources.knowledge.lengths import Lengths
from pipeline.sources.knowledge.mistakes import Mistakes, MistakesSpec, Right
from pipeline.sources.knowledge.naming import Naming, Words, sizes_of
from pipeline.sources.knowledge.naming import notices as naming_notices
from pipeline.sources.knowledge.wordings import (  # fmt: skip
    CLOSING,
    NAME,
    NAMELESS,
    PRONOUN,
    Sentence,
    TemplatesSpec,
    TranslationSpec,
    Wordings,
    sentences_of,
)
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import (
    SAMPLE,
    AboutSpec,
    Context,
    MarkSpec,
    Source,
    Variants,
    mask_of,
    prefix,
    sample_mean,
)
from pipeline.text.expressions import Program
from pipeline.text.fragments import Fragments
from pipeline.text.outline import Choose, Outline
from pipeline.text.renderer import Renderer, compile_programs
from pipeline.text.shown_facts import Shown, shown_by
from pipeline.text.slow_path import Rendered
from pipeline.worlds.falsehood import Falsehood
from pipeline.worlds.world import World

NAMED = "Show {{ subject }} or {{ name }} in every wording of the sentence that is to name it, or set full_name: all."


class AfterSpec(Spec):
    """The full name comes late: Part 3.2, section 5."""

    after: int = Key_(ge=0, description="Sentences before the one with the full name; all: one more says the name.")


class BiographiesSpec(TemplatesSpec, AboutSpec):
    """One document an individual and exposure; one sentence an attribute."""

    kind: Literal["biographies"]
    language: Name = Key_("en", description="Of the templates: en, fr, ko.")
    translations: dict[Name, TranslationSpec] = Key_(
        {}, description="Language → {templates, share}: a share of each individual's paraphrases is in it."
    )
    sentences: list[Name | list[Name]] | None = Key_(
        None, min_length=1, description="Which sentences, in which order; a list in it stays together. Default: all."
    )
    paraphrases: Variants = Key_(1, description="Fixed wordings per individual, or fresh: a new one at each exposure.")
    permutations: Variants | Literal["fixed"] = Key_(
        "fixed", description="Fixed orders of the sentences per individual, fresh, or fixed: the order of `sentences`."
    )
    full_name: Literal["first", "all"] | AfterSpec = Key_(
        "first", description="In the first sentence, then a pronoun; in all; or {after: n}, in a later one."
    )
    mistakes: MistakesSpec | None = Key_(None, description="Sentences that go wrong, and are taken back or not.")

    def materialise(self, files: Files) -> BiographiesSpec:
        made = super().materialise(files)
        translations = {}
        for language, spec in self.translations.items():
            with specified_at("translations", language):
                translations[language] = spec.materialise(files.child("translations", language))
        copy = made.model_copy(update={"translations": translations})
        copy._places = made._places
        return copy

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        taken_back = self.mistakes and self.mistakes.rate
        return (*super().marks, *((self.mistakes.back,) if self.mistakes and taken_back else ()))

    @property
    def sets(self) -> Mapping[str, TemplatesSpec]:
        """Language → templates, the main one first."""
        return {self.language: self, **self.translations}

    @property
    def named_after(self) -> int:
        """Sentences before the one with the full name."""
        return self.full_name.after if isinstance(self.full_name, AfterSpec) else 0


class Biographies(Source):
    """The source. Wordings come from the source's key, truth from the world alone. sentences: told, in fixed order."""

    world: World

    def __init__(self, spec: BiographiesSpec, context: Context) -> None:
        self.world, self.people = context.about(spec)
        self._spec = spec
        if spec.language in spec.translations:
            raise SpecError(
                f"'{spec.language}' is the main language", "Translate into another.", ("translations", spec.language)
            )
        groups = sentences_of(spec.sentences, spec.known, self.world)
        self.sentences = [sentence.name for group in groups for sentence in group]
        self._groups = Groups.of([len(group) for group in groups])
        self._modes = _modes(spec, len(self.sentences))
        self._closing = len(self._modes) > len(self.sentences)
        told = [sentence for group in groups for sentence in group]
        told += [Sentence(CLOSING, CLOSING)] * self._closing
        wordings = Wordings(spec.sets, told, self.world, self._occurring(len(told)))
        self._counts, self._base = wordings.counts, wordings.base
        self._languages = Languages([one.share for one in spec.translations.values()], context.key.child("language"))
        self._wording_key, self._order_key = context.key.child("wording"), context.key.child("order")
        self._sentence_keys = [self._wording_key.child(sentence.name) for sentence in told]
        self._mistakes = self._compile_mistakes(spec, context.key.child("mistakes"), len(wordings.programs))
        back = [[spec.mistakes.back.piece()]] if spec.mistakes else []
        programs = [*wordings.programs, *back]
        self._renderer, notices = compile_programs(programs, context.tokenizer, self.world.slots, prefix(spec))
        self.labels = (*self.world.labels, "(wrong)") if self._mistakes else self.world.labels
        roles = ("tag",) * (spec.tag is not None) + (spec.mistakes.roles if spec.mistakes else ())
        self.roles, self.mask = roles, mask_of(spec, roles)
        turns = (spec.paraphrases, 1 if spec.permutations == "fixed" else spec.permutations)
        self.exposures = None if "fresh" in turns else lcm(*(turn for turn in turns if isinstance(turn, int)))
        self.longest: int | None = None
        self.mean_tokens, self.longest = self._lengths(self._renderer)
        self.shown = (self._shown(wordings.programs),)
        self.unknown = self._expected(context.tokenizer.unknown)
        self.variants = None if self.exposures else self._variants()
        self.notices = (*notices, *self._lost(wordings, Rendered(tuple(programs), context.tokenizer)))

    def __len__(self) -> int:
        return len(self.people)

    def individuals(self, item: I64) -> I64:
        return item + self.people.start

    def documents(self, item: I64, exposure: I64, *, spans: bool, parts: bool = False) -> Documents:
        """Biographies of `item` (d,) at `exposure` (d,): tokens, and on request the spans of names and values."""
        choose, wrong = self._choose(item, exposure), len(self.world.labels)
        return self._renderer.documents(item.size, self.longest, choose, spans=spans, parts=parts, wrong=wrong)

    def lengths(self, item: I64, exposure: I64) -> I64 | None:
        """Tokens of the same documents."""
        return self._renderer.lengths(item.size, self._choose(item, exposure))

    def _choose(self, item: I64, exposure: I64) -> Choose:
        return lambda chunk: self._outline(self.individuals(item[chunk]), exposure[chunk])

    def choices(self, item: I64, exposure: I64) -> Choices:
        """How the individuals `item` (d,) are told at `exposure` (d,)."""
        turn = _turn(self._spec.paraphrases, exposure)
        keys, counts = self._sentence_keys, self._counts
        wordings = below_each(keys, counts[0], self._wording_key, item, turn)
        language = self._languages(item, turn)
        for other in range(1, len(counts)):
            mine = np.flatnonzero(language == other)
            wordings[mine] = below_each(keys, counts[other], self._wording_key, item[mine], turn[mine])
        if self._spec.permutations == "fixed":
            return Choices(language, wordings, None)
        turn = _turn(self._spec.permutations, exposure)
        order = self._groups.spread(orders(self._order_key, len(self._groups.sizes), item, turn))
        return Choices(language, wordings, order)

    def _outline(self, item: I64, exposure: I64) -> Outline:
        choices = self.choices(item, exposure)
        rows = self.world.rows(item)
        programs, order = self._programs(choices)
        if self._mistakes is None:
            return Outline.table(programs, rows)

        def early(document: I64, place: I64, later: I64) -> I32:
            sentence = order[document, later]
            first = self._base[choices.language[document], self._modes[place], sentence]
            return (first + choices.wordings[document, sentence]).astype(np.int32)

        return self._mistakes.outline(Right(programs, order, rows, early), item, exposure)

    def _programs(self, choices: Choices) -> tuple[I32, I32]:
        """Which program tells the sentence at each place, and which sentence that is: int32 (d, s), in order."""
        order = choices.order
        fixed = np.arange(len(self._modes), dtype=np.int32)
        if self._closing and order is not None:
            order = np.column_stack([order, np.full(len(order), fixed[-1], np.int32)])
        told = choices.wordings.copy() if order is None else np.take_along_axis(choices.wordings, order, axis=1)
        place = fixed if order is None else order
        if len(self._counts) == 1:
            told += self._base[0, self._modes, place]
        else:
            told += self._base[choices.language[:, None], self._modes, place]
        return told, np.broadcast_to(place, told.shape)

    def _occurring(self, told: int) -> dict[int, frozenset[int]]:
        """Mode → the sentences that are ever told in it."""
        spec, count = self._spec, len(self.sentences)
        occurs: dict[int, set[int]] = {NAME: set(), PRONOUN: set(), NAMELESS: set()}
        early = bool(spec.mistakes and spec.mistakes.weak)
        for place, mode in enumerate(self._modes.tolist()):
            if place >= count:
                occurs[mode].add(place)
            elif spec.permutations == "fixed":
                occurs[mode] |= set(range(place, count)) if early else {place}
            else:
                occurs[mode] |= set(range(count))
        return {mode: frozenset(sentences) for mode, sentences in occurs.items()}

    def _compile_mistakes(self, spec: BiographiesSpec, key: Key, back: int) -> Mistakes | None:
        if spec.mistakes is None:
            return None
        wrong = spec.mistakes.sentences if spec.mistakes.sentences is not None else self.sentences
        falsehoods = {}
        for name in wrong:
            with specified_at("mistakes"):
                if name not in self.sentences:
                    raise SpecError(f"no sentence '{name}' to go wrong", suggest(name, self.sentences), ("sentences",))
                if name not in self.world.fields:
                    raise SpecError(
                        f"the sentence '{name}' is not named after an attribute, so it has no value to get wrong",
                        "Name it after the attribute that it tells, or leave it out of `mistakes.sentences`.",
                    )
                falsehoods[self.sentences.index(name)] = falsehood = Falsehood(self.world, name)
                for language in spec.sets:
                    falsehood.check(self.world.fields_in(language)[name], language)
        return Mistakes(spec.mistakes, key, falsehoods, back, len(self._modes), len(self.sentences))

    def _lengths(self, renderer: Renderer) -> tuple[Fraction, int | None]:
        """Expected and longest tokens of a document that `renderer` tells, its end token included."""
        mistakes = self._spec.mistakes or MistakesSpec()
        groups = None if self._spec.permutations == "fixed" else self._groups
        if not isinstance(renderer, Fragments) or self._sampled:
            return sample_mean(self), None
        lengths = Lengths(
            renderer, self.world, self._counts, self._base, self._modes.tolist(), len(self.sentences), groups,
            self._languages.shares, mistakes, self._mistakes.falsehoods if self._mistakes else {},
        )  # fmt: skip
        return lengths.mean(), lengths.longest()

    @property
    def _sampled(self) -> bool:
        """Whether nothing can be computed of all documents: what comes later is not known by its place."""
        weak = self._spec.mistakes and self._spec.mistakes.weak
        return bool(weak and self._spec.permutations != "fixed" and max(self._groups.sizes) > 1)

    # ── what gets lost ──────────────────────────────────────────────────────────────────────────────────────────────

    def _expected(self, token: int | None) -> Fraction | None:
        """How often a token stands in a document; None where a sample must tell."""
        if token is None or not isinstance(self._renderer, Fragments):
            return None if token is not None else Fraction(0)
        if not (self._renderer.tokens[: self._renderer.start[-1]] == token).any():
            return Fraction(0)
        return None if self._sampled else self._lengths(self._renderer.only(token))[0] - 1

    def _shown(self, programs: Sequence[Program]) -> Shown:
        """What the documents show, in the languages that occur; of what is always told wrongly nothing."""
        shown, sizes = Shown(), sizes_of(self.world)
        always_wrong = self._spec.mistakes is not None and self._spec.mistakes.silent == 1
        for language, share in enumerate(self._languages.shares):
            for sentence, count in enumerate(self._counts[language]) if share else ():
                firsts = [first for first in self._base[language, :, sentence].tolist() if first >= 0]
                told = shown_by((p for first in firsts for p in programs[first : first + count]), sizes)
                if always_wrong and self._mistakes and sentence in self._mistakes.falsehoods:
                    wrong = self._mistakes.falsehoods[sentence]
                    told = told.without(wrong.slots, wrong.label)
                shown = shown.joined(told)
        return shown

    def _variants(self) -> int:
        """How many different documents an item can have, at any number of exposures."""
        spec = self._spec
        worded = sum(prod(counts) for counts, share in zip(self._counts, self._languages.shares, strict=True) if share)
        worded = worded if spec.paraphrases == "fresh" else min(worded, spec.paraphrases)
        ordered = 1 if spec.permutations == "fixed" else factorial(len(self._groups.sizes))
        return worded * (ordered if not isinstance(spec.permutations, int) else min(ordered, spec.permutations))

    def _lost(self, wordings: Wordings, rendered: Rendered) -> Iterator[Notice]:
        """What gets lost between the facts and the words of a document."""
        spec = self._spec
        words = Words.of(wordings.programs, self.world)
        groups = None if spec.permutations == "fixed" else self._groups
        naming = Naming(
            words, self._counts, self._base, self._modes.tolist(), len(self.sentences), groups, self._languages.shares
        )

        def example(which: Callable[[I64], Any]) -> str:
            item = np.arange(min(len(self), SAMPLE), dtype=np.int64)
            programs, _ = self._programs(self.choices(self.individuals(item), np.zeros_like(item)))
            bits = np.bitwise_or.reduce(np.array(words.bits, np.int64)[programs], axis=1)
            found = item[which(bits)][:1]
            if not found.size:
                return f"none of the first {item.size:,} items at exposure 0"
            text = rendered.text(self._outline(self.individuals(found), np.zeros_like(found)))
            return f"item {found[0]}, exposure 0: {quoted(text)}"

        yield from naming_notices(naming.documents(), words, NAMED, example)
        yield from doubled_stops(wordings.programs, wordings.places)
        yield from said_bare(wordings.bare)
        if isinstance(spec.paraphrases, int):
            yield from repeated_wordings(spec.paraphrases, self._counts, self._languages.shares, self._first_item)
        if isinstance(spec.permutations, int):
            yield from repeated_orders(spec.permutations, len(self._groups.sizes), self._first_item)

    def _first_item(self, exposures: int) -> Choices:
        """How the first item is told at so many exposures."""
        return self.choices(np.full(exposures, self.people.start, np.int64), np.arange(exposures, dtype=np.int64))


def _turn(turns: Variants | Literal["fixed"], exposure: I64) -> I64:
    return exposure if not isinstance(turns, int) else exposure % turns


def _modes(spec: BiographiesSpec, sentences: int) -> NDArray[np.int64]:
    """How the sentence at each place calls its subject; one place more where a closing sentence says the name."""
    if spec.full_name == "all":
        return np.full(sentences, NAME)
    after = spec.named_after
    if after > sentences:
        raise SpecError(
            f"the full name stands after {after} sentences, but there are {sentences}",
            f"Give at most {sentences}.",
            ("full_name", "after"),
        )
    if after == sentences:
        return np.array([NAMELESS, *[PRONOUN] * (sentences - 1), NAMELESS])
    modes = np.full(sentences, PRONOUN)
    modes[0] = NAMELESS if after else NAME
    modes[after] = NAME
    return modes


register(
    SourceKind(
        "biographies", BiographiesSpec, Biographies, "all that is true of an individual, in sentences (3.1, 3.3)"
    )
)
