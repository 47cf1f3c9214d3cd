"""Names alone, for Q-probing (Part 3.1, section 5): a probe reads the facts about a name off the model's layers.

A document is a start token, the full name, and the end token, at which the probe reads.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
from pydantic import Field as Key_

from pipeline.core.draws import I64
from pipeline.sources.knowledge.cast import Cast
from pipeline.sources.knowledge.subjects import name_of
from pipeline.sources.knowledge.template_source import TemplateSource
from pipeline.sources.lengths import sample_mean
from pipeline.sources.registry import SourceKind, register
from pipeline.sources.source import Context, mask_of, prefix
from pipeline.sources.spec import AboutSpec, Mark, MarkSpec
from pipeline.text.fragments import Fragments
from pipeline.text.outline import Outline
from pipeline.text.pieces import special
from pipeline.text.renderer import compile_programs
from pipeline.text.shown_facts import shown_by
from pipeline.worlds.world import World


class NamesSpec(AboutSpec):
    """One document an individual."""

    kind: Literal["names"]
    start: Mark | None = Key_(None, description="What stands before the name; default: the end token.")

    @property
    def marks(self) -> tuple[MarkSpec, ...]:
        return (*super().marks, *((self.start,) if self.start else ()))


class Names(TemplateSource):
    """An item is an individual, the same at every exposure."""

    world: World

    def __init__(self, spec: NamesSpec, context: Context) -> None:
        self.world, self.people = context.about(spec)
        name = self.world.fields[name_of(self.world)]
        start = spec.start.piece() if spec.start else special(context.tokenizer.eos_token)
        programs = [[start], list(name.pieces)]
        self.programs, self.slots = programs, self.world.slots
        self._renderer, notices = compile_programs(programs, context.tokenizer, self.world.slots, prefix(spec))
        self.notices = tuple(notices)
        self.labels = self.world.labels
        self.roles = ("tag",) * (spec.tag is not None)
        self.mask = mask_of(spec, self.roles)
        self.shown = (self.world.drawn(shown_by(programs, Cast(self.world).sizes)),)
        self.variants: int | None = None
        if isinstance(self._renderer, Fragments):
            self.mean_tokens = self._mean(self._renderer) or sample_mean(self)
            self.longest = int(self._renderer.longest.sum()) + len(self._renderer.prefix) + 1
        else:
            self.mean_tokens = sample_mean(self)
        self.unknown = self._unknown(context.tokenizer.unknown, self._mean)

    def _mean(self, renderer: Fragments) -> Fraction | None:
        """Expected tokens of a document, with this renderer, end token included; None if they cannot be computed."""
        around = renderer.around
        return None if around is None else sum(renderer.mean_lengths(self.world.probability), Fraction(around))

    def __len__(self) -> int:
        return len(self.people)

    def individuals(self, item: I64) -> I64:
        return item + self.people.start

    def outline(self, item: I64, exposure: I64) -> Outline:
        rows = self.world.rows(self.individuals(item))
        return Outline.table(np.tile(np.arange(2, dtype=np.int32), (len(rows), 1)), rows)


register(SourceKind("names", NamesSpec, Names, "full names alone, for probing (3.1)", speed=60e6))
