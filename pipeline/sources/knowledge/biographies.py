"""Biographies: a sentence for each attribute of an individual, in one of many wordings.

Letters: d documents, s sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from math import factorial, lcm, prod

import numpy as np

from pipeline.core.draws import I32, I64, below_each, orders
from pipeline.core.errors import SpecError, specified_at, suggest
from pipeline.core.key import Key
from pipeline.core.notices import Notice
from pipeline.sources.knowledge.biography_gaps import Gaps
from pipeline.sources.knowledge.biography_lengths import Lengths
from pipeline.sources.knowledge.biography_sentences import CLOSING, Layout, Sentence, Wordings, sentences_of
from pipeline.sources.knowledge.biography_spec import BiographiesSpec
from pipeline.sources.knowledge.biography_variants import Choices, Groups, Languages
from pipeline.sources.knowledge.cast import Cast
from pipeline.sources.knowledge.cast_figures import Figures
from pipeline.sources.knowledge.cast_shown import others_shown, shown_of
from pipeline.sources.knowledge.false_others import FalseOthers
from pipeline.sources.knowledge.mistakes import Mistakes, MistakesSpec, Right
from pipeline.sources.knowledge.subject_names import Naming, Words
from pipeline.sources.knowledge.subject_names import notices as naming_notices
from pipeline.sources.knowledge.subjects import modes_of, sentences_by_mode
from pipeline.sources.knowledge.template_files import CompiledLines
from pipeline.sources.knowledge.template_source import TemplateSource, variant_at
from pipeline.sources.knowledge.wording_notices import repeated_orders, repeated_wordings
from pipeline.sources.lengths import sample_mean
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import Context, mask_of, prefix
from pipeline.text.expressions import Program
from pipeline.text.fragments import Fragments
from pipeline.text.outline import Outline
from pipeline.text.render_and_encode import Rendered
from pipeline.text.renderer import Renderer, compile_programs
from pipeline.text.shown_facts import Shown, shown_by
from pipeline.worlds.falsehood import Falsehood
from pipeline.worlds.world import World

NAMED = "Show {{ subject }} or {{ name }} in every wording of the sentence that is to name it, or set full_name: all."


class Biographies(TemplateSource):
    """An item is an individual. Wordings depend on the source's key, facts on the world only.

    sentences: their names, in the order of the recipe.
    """

    world: World

    def __init__(self, spec: BiographiesSpec, context: Context) -> None:
        self.world, self.people = context.about(spec)
        self._spec, self._cast = spec, Cast(self.world)
        if spec.language in spec.translations:
            raise SpecError(
                f"'{spec.language}' is the main language", "Translate into another.", ("translations", spec.language)
            )
        groups = sentences_of(spec.sentences, spec.known, self.world)
        sentences = [sentence for group in groups for sentence in group]
        self.sentences = [sentence.name for sentence in sentences]
        self._groups = Groups.of([len(group) for group in groups])
        self._modes = modes_of(len(sentences), spec.named_after)
        self._closing = len(self._modes) > len(sentences)
        sentences += [Sentence(CLOSING, CLOSING)] * self._closing
        wordings = Wordings(spec.sets, sentences, self._cast, self._occurring())
        self._counts, self._base = wordings.counts, wordings.base
        shares = [translation.share for translation in spec.translations.values()]
        self._languages = Languages(shares, context.key.child("language"))
        self._wording_key, self._order_key = context.key.child("wording"), context.key.child("order")
        self._sentence_keys = [self._wording_key.child(sentence.name) for sentence in sentences]
        self._layout = Layout(
            self._counts, self._base, self._modes.tolist(), len(self.sentences),
            None if spec.permutations == "fixed" else self._groups, self._languages.shares,
        )  # fmt: skip
        lines = wordings.lines
        self._cast.settle(lines.programs)
        self._gaps = self._with_gaps(lines.programs)
        self._mistakes = self._compile_mistakes(spec, context.key.child("mistakes"), len(lines.programs))
        back = [[spec.mistakes.back.piece()]] if spec.mistakes and spec.mistakes.rate else []
        programs = [*lines.programs, *back]
        self.programs, self.slots = programs, self._cast.slots
        self._renderer, notices = compile_programs(programs, context.tokenizer, self.slots, prefix(spec))
        self.wrong_label = len(self._cast.labels)
        self.labels = (*self._cast.labels, *("(wrong)",) * bool(self._mistakes))
        self.roles = ("tag",) * (spec.tag is not None) + (spec.mistakes.roles if spec.mistakes else ())
        self.mask = mask_of(spec, self.roles)
        variants = (spec.paraphrases, 1 if spec.permutations == "fixed" else spec.permutations)
        self.exposures = None if "fresh" in variants else lcm(*(count for count in variants if isinstance(count, int)))
        self.mean_tokens, self.longest = self._lengths(self._renderer)
        shown = self._raw_shown(lines.programs)
        self.shown, self.others_shown = (shown_of(self._cast, shown),), (others_shown(self._cast, shown),)
        self.unknown = self._unknown(context.tokenizer.unknown, self._mean)
        self.variants = None if self.exposures else self._variants()
        self.notices = (*notices, *self._lost(lines, Rendered(tuple(programs), context.tokenizer)))

    def __len__(self) -> int:
        return len(self.people)

    def individuals(self, item: I64) -> I64:
        return item + self.people.start

    def choices(self, individual: I64, exposure: I64) -> Choices:
        """The variant of each individual (d,) at its exposure (d,)."""
        paraphrase = variant_at(self._spec.paraphrases, exposure)
        keys, counts = self._sentence_keys, self._counts
        wordings = below_each(keys, counts[0], self._wording_key, individual, paraphrase)
        language = self._languages(individual, paraphrase)
        for number in range(1, len(counts)):
            rows = np.flatnonzero(language == number)
            wordings[rows] = below_each(keys, counts[number], self._wording_key, individual[rows], paraphrase[rows])
        if self._spec.permutations == "fixed":
            return self._gaps.left_out(Choices(language, wordings, None), individual)
        permutation = variant_at(self._spec.permutations, exposure)
        order = self._groups.spread(orders(self._order_key, len(self._groups.sizes), individual, permutation))
        return self._gaps.left_out(Choices(language, wordings, order), individual)

    def outline(self, item: I64, exposure: I64) -> Outline:
        individual = self.individuals(item)
        choices = self.choices(individual, exposure)
        rows = self._cast.rows(individual)
        programs, order = self._programs(choices)
        if choices.told is not None:
            place = np.arange(programs.shape[1])
            told = (place < choices.told[:, None]) | (place >= len(self.sentences))
            facts = np.nonzero(told)[0].astype(np.int32)
            nothing = np.zeros(facts.size, np.uint8)
            return Outline.ragged(programs[told], facts, told.sum(axis=1), rows, nothing, nothing)
        if self._mistakes is None:
            return Outline.table(programs, rows)

        def early(document: I64, place: I64, later: I64) -> I32:
            sentence = order[document, later]
            first = self._base[choices.language[document], self._modes[place], sentence]
            return (first + choices.wordings[document, sentence]).astype(np.int32)

        return self._mistakes.outline(Right(programs, order, rows, early), individual, exposure)

    def _programs(self, choices: Choices) -> tuple[I32, I32]:
        """The program at each place of each document, and the sentence that it renders: int32 (d, s) both."""
        order = choices.order
        fixed = np.arange(len(self._modes), dtype=np.int32)
        if self._closing and order is not None:
            order = np.column_stack([order, np.full(len(order), fixed[-1], np.int32)])
        programs = choices.wordings.copy() if order is None else np.take_along_axis(choices.wordings, order, axis=1)
        sentence = fixed if order is None else order
        if len(self._counts) == 1:
            programs += self._base[0, self._modes, sentence]
        else:
            programs += self._base[choices.language[:, None], self._modes, sentence]
        return programs, np.broadcast_to(sentence, programs.shape)

    def _occurring(self) -> dict[int, frozenset[int]]:
        """Mode → sentences that can occur in it."""
        early = bool(self._spec.mistakes and self._spec.mistakes.weak)
        fixed = self._spec.permutations == "fixed" and not self._cast.trees
        return sentences_by_mode(self._modes, len(self.sentences), fixed=fixed, early=early)

    def _with_gaps(self, programs: Sequence[Program]) -> Gaps:
        """The sentences that some individuals lack. SpecError where they cannot be left out."""
        wordings: dict[int, list[Program]] = {}
        for sentence in range(len(self.sentences)):
            runs = zip(self._base[:, :, sentence].tolist(), self._counts, strict=True)
            firsts = [(first, counts[sentence]) for of_modes, counts in runs for first in of_modes if first >= 0]
            wordings[sentence] = [one for first, count in firsts for one in programs[first : first + count]]
        gaps, named = Gaps(self._cast, self.people, wordings), self._spec.named_after or 0
        left = len(self.sentences) - len(gaps)
        needed = "mistakes need" if self._spec.mistakes else f"full_name: {{after: {named}}} needs"
        needed = needed if left else "no other sentence is there: each document needs"
        if gaps and (self._spec.mistakes or not left or (named >= left and not self._closing)):
            raise SpecError(
                f"some individuals lack somebody of whom a sentence tells, and {needed} all sentences",
                "Let it be `only` about a group of those who have all, and another source, without the sentence, about "
                "the others.",
                ("only",),
            )
        return gaps

    def _compile_mistakes(self, spec: BiographiesSpec, key: Key, back: int) -> Mistakes | None:
        if spec.mistakes is None:
            return None
        wrong = spec.mistakes.sentences if spec.mistakes.sentences is not None else self.sentences
        falsehoods: dict[int, Falsehood | FalseOthers] = {}
        for name in wrong:
            with specified_at("mistakes"):
                if name not in self.sentences:
                    raise SpecError(f"no sentence '{name}' to go wrong", suggest(name, self.sentences), ("sentences",))
                if name in self.world.relations:
                    falsehoods[self.sentences.index(name)] = FalseOthers(self._cast, name)
                    continue
                if name not in self.world.fields:
                    raise SpecError(
                        f"the sentence '{name}' is not named after an attribute, so it has no value to get wrong",
                        "Name it after the attribute that it is about, or leave it out of `mistakes.sentences`.",
                    )
                falsehoods[self.sentences.index(name)] = falsehood = Falsehood(self.world, name)
                for language in spec.sets:
                    falsehood.check(self.world.fields_in(language)[name], language)
        return Mistakes(spec.mistakes, key, falsehoods, back, len(self._modes), len(self.sentences))

    def _lengths(self, renderer: Renderer) -> tuple[Fraction, int | None]:
        """Expected and longest tokens of a document, with this renderer, end token included; None if unknown."""
        if not isinstance(renderer, Fragments) or self._sampled or not Figures(self._cast).independent(renderer):
            return sample_mean(self, spread=bool(self._gaps)), None
        if (around := renderer.around) is None:
            return sample_mean(self), None
        wrong, mistakes = self._mistakes.falsehoods if self._mistakes else {}, self._spec.mistakes or MistakesSpec()
        mean, longest = Fraction(0), list[int | None]()
        for lacking, share in (self._gaps.patterns or {frozenset[int](): Fraction(1)}).items():
            layout = self._layout.without(lacking) if lacking else self._layout
            lengths = Lengths(renderer, around, Figures(self._cast), layout, mistakes, wrong)
            mean += share * lengths.mean()
            longest.append(lengths.longest())
        bounds = [bound for bound in longest if bound is not None]
        return mean, max(bounds) if len(bounds) == len(longest) else None

    def _mean(self, renderer: Fragments) -> Fraction | None:
        """Expected tokens of a document; None if they cannot be computed."""
        return None if self._sampled or not Figures(self._cast).independent(renderer) else self._lengths(renderer)[0]

    @property
    def _sampled(self) -> bool:
        """Whether lengths must be sampled: with shuffled groups, which sentences come later depends on the order.

        So they must where it is not seen how many individuals lack sentences.
        """
        if self._gaps and self._gaps.patterns is None:
            return True
        weak = self._spec.mistakes and self._spec.mistakes.weak
        return bool(weak and self._spec.permutations != "fixed" and max(self._groups.sizes) > 1)

    # ── what gets lost ──────────────────────────────────────────────────────────────────────────────────────────────

    def _raw_shown(self, programs: Sequence[Program]) -> Shown:
        """What the documents show of all in them, over all languages that occur, without what is always wrong."""
        shown, sizes = Shown(), self._cast.sizes
        always_wrong = self._spec.mistakes is not None and self._spec.mistakes.silent == 1
        for language, share in enumerate(self._languages.shares):
            for sentence, count in enumerate(self._counts[language]) if share else ():
                firsts = [first for first in self._base[language, :, sentence].tolist() if first >= 0]
                by_sentence = shown_by((p for first in firsts for p in programs[first : first + count]), sizes)
                if always_wrong and self._mistakes and sentence in self._mistakes.falsehoods:
                    wrong = self._mistakes.falsehoods[sentence]
                    by_sentence = by_sentence.without(wrong.slots, wrong.label)
                shown = shown.joined(by_sentence)
        return shown

    def _variants(self) -> int:
        """The number of different documents that an item can have."""
        spec = self._spec
        worded = sum(prod(counts) for counts, share in zip(self._counts, self._languages.shares, strict=True) if share)
        worded = worded if spec.paraphrases == "fresh" else min(worded, spec.paraphrases)
        ordered = 1 if spec.permutations == "fixed" else factorial(len(self._groups.sizes))
        return worded * (ordered if not isinstance(spec.permutations, int) else min(ordered, spec.permutations))

    def _lost(self, lines: CompiledLines, rendered: Rendered) -> Iterator[Notice]:
        """Notices about facts that the documents' words do not show."""
        spec, words = self._spec, Words.of(lines.programs, self._cast)

        def bits(item: I64) -> I64:
            programs, _ = self._programs(self.choices(self.individuals(item), np.zeros_like(item)))
            of_item: I64 = np.bitwise_or.reduce(np.array(words.bits, np.int64)[programs], axis=1)
            return of_item

        example = partial(self._example, rendered, bits)
        yield from naming_notices(Naming(words, self._layout).documents(), words, NAMED, example)
        yield from lines.notices()
        yield from self._gaps.notices(self.sentences)
        if isinstance(spec.paraphrases, int):
            yield from repeated_wordings(spec.paraphrases, self._counts, self._languages.shares, self._first_item)
        if isinstance(spec.permutations, int):
            yield from repeated_orders(spec.permutations, len(self._groups.sizes), self._first_item)

    def _first_item(self, exposures: int) -> Choices:
        """The variants of the first item at exposures 0 … exposures - 1."""
        return self.choices(np.full(exposures, self.people.start, np.int64), np.arange(exposures, dtype=np.int64))


register(
    SourceKind(
        "biographies",
        BiographiesSpec,
        Biographies,
        "all that is true of an individual, in sentences (3.1, 3.3)",
        speed=140e6,
    )
)
